"""A page of each month with its availability and what is left of its error budget (M-05)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports import files
from perf_pipeline.reports.availability import AVAILABILITY

JOB: Final = "availability_reports"
CHECK: Final = "error_budget_is_left"


def partitions(targets: Sequence[Target]) -> dg.MonthlyPartitionsDefinition:
    """Return the months since the first day of any of the targets, to the current one."""
    start = min(target.history_start for target in targets).replace(day=1)
    return dg.MonthlyPartitionsDefinition(
        start_date=start.isoformat(), timezone="UTC", end_offset=1
    )


def availability_asset(
    target: Target, partitions_def: dg.TimeWindowPartitionsDefinition
) -> dg.AssetsDefinition:
    """Return `<target>/report/availability`, with its check."""
    key = vocabulary.key(target, "report", AVAILABILITY)
    promised = target.promises.availability_percent or 0.0

    @dg.asset(
        key=key,
        **vocabulary.head(
            target,
            "report",
            "one month: how long it could be reached, each outage, what is left of the time that "
            f"{promised:g} % leaves to be away",
            "From sweeps and probes. Self-contained HTML, and Markdown.",
            also=["markdown"],
        ),
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                description=f"In the newest month of the run it was away for less than {promised:g}"
                " % leaves; WARN beyond that, ERROR beyond twice as much.",
            )
        ],
    )
    def availability(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.reports.availability import build, render

        folder = settings.current().home_dir / "reports"
        asked = vocabulary.days(context)
        now = datetime.now(UTC)
        with vocabulary.explained(), vocabulary.open_store() as store:
            months = build.months(store, target.name, promised, asked.first, asked.last, now)
        for month in months:
            report = render.render(month)
            path = files.write(folder, target.name, month.first, report.html, AVAILABILITY)
            context.add_asset_metadata(
                {
                    "report": dg.MetadataValue.md(report.markdown),
                    "html": dg.MetadataValue.path(path),
                    "content_hash": report.content_hash,
                    **vocabulary.numbers(
                        {
                            "there_percent": month.share,
                            "away_minutes": month.whole.away / timedelta(minutes=1),
                            "budget_minutes": month.budget / timedelta(minutes=1),
                            "budget_left_minutes": month.left / timedelta(minutes=1),
                            "outages": month.whole.outages,
                            "restarts": month.whole.restarts,
                            "observed_percent": 100.0 * month.observed,
                        }
                    ),
                },
                partition_key=month.first.isoformat(),
            )
        if not months:
            raise dg.Failure(
                f"the looks of {asked} have left the store; the pages stay as they were made",
                allow_retries=False,
            )
        newest = months[-1]
        known = newest.share is not None
        result = dg.AssetCheckResult(
            check_name=CHECK,
            passed=known and newest.spent <= 1.0,
            severity=vocabulary.severity(newest.spent > 2.0),
            description=render.headline(newest),
            metadata=vocabulary.numbers({"spent": newest.spent if known else None}),
        )
        yield dg.MaterializeResult(
            metadata={"run": f"{asked}: {len(months):,} months"}, check_results=[result]
        )

    return availability


def availability_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the pages of all targets that promise availability, with their job and schedule."""
    promised = [each for each in targets if each.promises.availability_percent is not None]
    if not promised:
        return dg.Definitions()
    shared = partitions(promised)
    assets = [availability_asset(target, shared) for target in promised]
    job = singleton_job(
        JOB,
        dg.AssetSelection.assets(*assets),
        "Make the pages of a month's availability.",
        max_runtime_s=1800,
    )

    @utc_schedule_of(
        job, "20 0 * * *", "Make the page of the month that yesterday was in, at 00:20 UTC."
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        active = vocabulary.active_run(context.instance, JOB)
        if active is not None:
            return dg.SkipReason(f"run {active} of {JOB} is still active")
        yesterday = context.scheduled_execution_time - timedelta(days=1)
        key = yesterday.date().replace(day=1).isoformat()
        if key not in shared.get_partition_keys(context.scheduled_execution_time):
            return dg.SkipReason("the month of yesterday lies before any target's history")
        return dg.RunRequest(partition_key=key)

    return dg.Definitions(assets=assets, jobs=[job], schedules=[daily])
