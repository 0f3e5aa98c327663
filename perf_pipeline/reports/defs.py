"""Assets of the reports, the job that brings a day up to date, and the sensor that asks for it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports import due, files
from perf_pipeline.store import progress


def report_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/report/regressions`, daily."""

    @dg.asset(
        key=vocabulary.key(target, "report", "regressions"),
        group_name=target.name,
        kinds={"postgres", "markdown"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, "report"),
        description=vocabulary.described(
            target,
            "one day's report: what changed, how sure that is, and what the day's work was; "
            "self-contained HTML, and Markdown",
        ),
        deps=[vocabulary.key(target, "report", "findings")],
        partitions_def=vocabulary.daily(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
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
        "days at once, the current day every hour.",
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
        ranges = due.due_ranges(states, now.date())
        if not ranges:
            yield dg.SkipReason("every day with sweeps has its report")
            return
        failures = {
            each.target: failed
            for each in ranges
            if (failed := _newest_failure(context.instance, names[each.target])) is not None
        }
        ready, waiting = due.held_back(ranges, failures, now)
        skipped = [f"{each.target}: the last run failed a short while ago" for each in waiting]
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


def _newest_failure(instance: dg.DagsterInstance, job_name: str) -> datetime | None:
    """When the newest run of a job failed; None when it did not, or there is none."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    if not records or records[0].dagster_run.status is not dg.DagsterRunStatus.FAILURE:
        return None
    ended = records[0].end_time
    return datetime.fromtimestamp(ended, UTC) if ended is not None else None
