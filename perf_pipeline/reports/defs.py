"""Assets of the reports, the job that brings a day up to date, and the sensor that asks for it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports import due, files
from perf_pipeline.store import progress


def report_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/report/regressions`, daily."""

    @vocabulary.daily_asset(
        target,
        "report",
        "regressions",
        "one day's report: what changed, how sure that is, and what the day's work was; "
        "self-contained HTML, and Markdown",
        deps=[
            vocabulary.key(target, "report", "findings"),
            vocabulary.key(target, "stats", "database"),  # for the service levels
        ],
        made_with="markdown",
    )
    def regressions(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.reports.build import build

        folder = settings.current().home_dir / "reports"
        with vocabulary.stage(context, target, "report") as (store, days):
            reports = build(store, target.name, days.first, days.last)
        for report in reports:
            path = files.write(folder, target.name, report.day, report.html)
            context.add_asset_metadata(
                {
                    "report": dg.MetadataValue.md(report.markdown),
                    "html": dg.MetadataValue.path(path),
                    "findings": report.findings,
                    "incidents": report.incidents,
                    "content_hash": report.content_hash,
                },
                partition_key=report.day.isoformat(),
            )
        return dg.MaterializeResult(metadata={"run": f"{days}: {len(reports):,} reports"})

    return regressions


def report_job_name(target: Target) -> str:
    """Return the name of the job that brings a target's days up to date."""
    return f"report_{target.name}"


def reports_sensor(
    targets: Sequence[Target], jobs: Sequence[vocabulary.AssetJob]
) -> dg.SensorDefinition:
    """Return `daily_reports_due`: one look at the store per tick, one run per target and range."""

    @dg.sensor(
        name="daily_reports_due",
        jobs=list(jobs),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the reports of days with sweeps that are not in them yet: closed "
        "days at once, the current day every hour. A range that failed is tried in halves; a day "
        "that failed alone waits half an hour, and the other days go on without it.",
    )
    def daily_reports_due(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = datetime.now(UTC)
        starts = {target.name: target.history_start for target in targets}
        names = {target.name: report_job_name(target) for target in targets}
        try:
            with vocabulary.open_store() as store:
                states = progress.uncovered(store, starts, now.date(), due.LOOKBACK_DAYS)
        except PerfPipelineError as error:
            yield dg.SkipReason(str(error))
            return
        failures = {
            name: _failures(context.instance, names[name], now - due.RETRY_AFTER)
            for name in {state.target for state in states}
        }
        ready, waiting = due.plan(states, now.date(), failures, now)
        if not ready and not waiting:
            yield dg.SkipReason("every day with sweeps has its report")
            return
        skipped = [
            f"{each.target}: {each.day} failed a short while ago, again at {each.until:%H:%M} UTC"
            for each in waiting
        ]
        requested = 0
        for each in ready:
            name = names[each.target]
            active = vocabulary.active_run(context.instance, name)
            if active is not None:
                skipped.append(f"{each.target}: run {active} is still active")
                continue
            requested += 1
            # no run_key: it would be remembered for ever, and a day comes round again
            yield dg.RunRequest(
                job_name=name,
                tags={
                    vocabulary.RANGE_START_TAG: each.first.isoformat(),
                    vocabulary.RANGE_END_TAG: each.last.isoformat(),
                },
            )
        if not requested:
            yield dg.SkipReason("; ".join(skipped))

    return daily_reports_due


def _failures(instance: dg.DagsterInstance, job_name: str, since: datetime) -> list[due.Failure]:
    """Return the runs of a job that failed since a moment, with their days."""
    records = instance.get_run_records(
        dg.RunsFilter(
            job_name=job_name, statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since
        ),
        limit=due.LOOKBACK_DAYS,
    )
    failures = []
    for record in records:
        tags = record.dagster_run.tags
        first = tags.get(vocabulary.RANGE_START_TAG) or tags.get(vocabulary.PARTITION_TAG)
        last = tags.get(vocabulary.RANGE_END_TAG) or first
        if record.end_time is not None and first and last and first <= last:
            ended = datetime.fromtimestamp(record.end_time, UTC)
            failures.append(due.Failure(date.fromisoformat(first), date.fromisoformat(last), ended))
    return failures
