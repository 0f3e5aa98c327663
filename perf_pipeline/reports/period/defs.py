"""Assets of the weekly and monthly reports, their jobs and schedules, and what repairs them."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports import files
from perf_pipeline.reports.period import MONTHLY, WEEKLY

#: Kind -> cron of its schedule: the week or month that has just ended, after its last day's report.
CRONS: Final = {WEEKLY: "0 6 * * 1", MONTHLY: "0 6 1 * *"}

_ROW: Final = {
    WEEKLY: "one week's report, Monday to Sunday: regressions found and resolved, what cost most "
    "and what changed most, service levels, capacity, coverage",
    MONTHLY: "one month's report: regressions found and resolved, what cost most and what changed "
    "most, service levels, capacity, coverage",
}


def partitions(targets: Sequence[Target], kind: str) -> dg.TimeWindowPartitionsDefinition:
    """Return the weeks or months since the first day of any target, to the current one.

    The same for all targets, so that one run serves them all.
    """
    start = min(target.history_start for target in targets)
    if kind == MONTHLY:
        return dg.MonthlyPartitionsDefinition(
            start_date=start.replace(day=1).isoformat(), timezone="UTC", end_offset=1
        )
    monday = start - timedelta(days=start.weekday())
    return dg.WeeklyPartitionsDefinition(
        start_date=monday.isoformat(), timezone="UTC", day_offset=1, end_offset=1
    )


def _whatever_days_there_are() -> dg.TimeWindowPartitionMapping:
    """Map a period to its days: the first and the current one have days without a partition.

    Without that parameter, which Dagster 1.13 calls beta, a backfill from the UI refuses both.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


def period_asset(
    target: Target, kind: str, partitions_def: dg.TimeWindowPartitionsDefinition
) -> dg.AssetsDefinition:
    """Return `<target>/report/weekly` or `<target>/report/monthly`."""
    mapping = _whatever_days_there_are()
    upstream = (
        ("report", "findings"),
        ("rollup", "statements_hourly"),
        ("rollup", "relations_daily"),
    )

    @dg.asset(
        key=vocabulary.key(target, "report", kind),
        **vocabulary.head(
            target, "report", _ROW[kind], "Self-contained HTML, and Markdown.", also=["markdown"]
        ),
        deps=[
            dg.AssetDep(vocabulary.key(target, family, name), partition_mapping=mapping)
            for family, name in upstream
        ],
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.reports.period.build import build

        folder = settings.current().home_dir / "reports"
        asked = vocabulary.days(context)
        with vocabulary.explained(), vocabulary.open_store() as store:
            reports = build(store, target.name, kind, asked.first, asked.last)
        for each in reports:
            path = files.write(folder, target.name, each.day, each.html, kind)
            context.add_asset_metadata(
                {
                    "report": dg.MetadataValue.md(each.markdown),
                    "html": dg.MetadataValue.path(path),
                    "found": each.found,
                    "resolved": each.resolved,
                    "open": each.open,
                    "content_hash": each.content_hash,
                },
                partition_key=each.day.isoformat(),
            )
        return dg.MaterializeResult(metadata={"run": f"{asked}: {len(reports):,} reports"})

    return report


def period_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the weekly and monthly reports of all targets, with a job and a schedule each.

    One run makes the reports of all targets: a run costs more than the reports of a small target.
    """
    if not targets:
        return dg.Definitions()
    shared = {kind: partitions(targets, kind) for kind in CRONS}
    made = {kind: _of_kind(targets, kind, shared[kind]) for kind in CRONS}
    jobs = [job for each in made.values() for job in each.jobs or ()]
    sensor = dg.Definitions(sensors=[repair_sensor(targets, shared, jobs)])
    return dg.Definitions.merge(*made.values(), sensor)


def repair_sensor(
    targets: Sequence[Target],
    shared: Mapping[str, dg.TimeWindowPartitionsDefinition],
    jobs: Sequence[Any],
) -> dg.SensorDefinition:
    """Return `period_reports_stale`: one look at the store per tick, one run per kind."""
    names = [target.name for target in targets]

    @dg.sensor(
        name="period_reports_stale",
        jobs=jobs,
        minimum_interval_seconds=1800,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the reports of weeks and months that are over and of which a day has "
        "changed since they were made: Sunday's findings that came late, days that were repaired.",
    )
    def period_reports_stale(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from perf_pipeline.reports.period.stale import next_range, stale

        now = datetime.now(UTC)
        try:
            with vocabulary.open_store() as store:
                found = {kind: stale(store, names, kind, now.date()) for kind in CRONS}
        except PerfPipelineError as error:
            yield dg.SkipReason(str(error))
            return
        asked = 0
        for kind, days in found.items():
            span = next_range(list(days), shared[kind].get_partition_keys(now))
            if span and vocabulary.active_run(context.instance, _job_name(kind)) is None:
                asked += 1
                # no run_key: it would be remembered for ever, and a week comes round again
                first, last = span
                ends = {vocabulary.RANGE_START_TAG: first, vocabulary.RANGE_END_TAG: last}
                yield dg.RunRequest(job_name=_job_name(kind), tags=ends)
        if not asked:
            yield dg.SkipReason("every report rests on its days as they are, or is being made")

    return period_reports_stale


def _job_name(kind: str) -> str:
    return f"{kind}_reports"


def _of_kind(
    targets: Sequence[Target], kind: str, shared: dg.TimeWindowPartitionsDefinition
) -> dg.Definitions:
    assets = [period_asset(target, kind, shared) for target in targets]
    name = _job_name(kind)
    job = singleton_job(
        name,
        dg.AssetSelection.assets(*assets),
        f"Make the {kind} reports of all targets.",
        max_runtime_s=3600,
    )

    @utc_schedule_of(
        job,
        CRONS[kind],
        f"Make the {kind} reports of what has just ended, at 06:00 UTC.",
    )
    def ended(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        active = vocabulary.active_run(context.instance, name)
        if active is not None:
            return dg.SkipReason(f"run {active} of {name} is still active")
        # the last one is not over yet
        keys = shared.get_partition_keys(context.scheduled_execution_time)
        if len(keys) < 2:
            return dg.SkipReason("nothing has ended yet")
        return dg.RunRequest(partition_key=keys[-2])

    return dg.Definitions(assets=assets, jobs=[job], schedules=[ended])
