"""What an application tells of its events, day by day: an asset, its job and its schedule."""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.invalidation.event_model import EventQueue
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target

Declared = tuple[Target, EventQueue | None]


def performance_key(target: Target) -> dg.AssetKey:
    """Return the key of what is known of a target's events."""
    return vocabulary.key(target, "events", "performance")


def performance_asset(target: Target, queue: EventQueue) -> dg.AssetsDefinition:
    """Return `<target>/events/performance`, by UTC day; any range of days is one statement."""

    @vocabulary.daily_asset(
        target,
        "events",
        "performance",
        "one day of the application's events: how many, how long they took, how many failed, as "
        f"`{queue.metrics}` tells of its window",
        "What a day has no figure for is left out, never zero.",
        deps=[],
        made_with="sql",
    )
    def performance(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.invalidation import events as queues
        from perf_pipeline.postgres import connect as pg

        asked = vocabulary.days(context)
        days = [asked.first + timedelta(days=n) for n in range((asked.last - asked.first).days + 1)]
        with (
            vocabulary.explained(),
            pg.session(target.maintenance_url(), read_only=True, autocommit=True) as connection,
        ):
            told = queues.metrics(connection, queue, days)
        for day, figures in told.items():
            context.add_asset_metadata(vocabulary.numbers(figures), partition_key=str(day))
        return dg.MaterializeResult(metadata={"run": f"{asked}: {len(told)} days"})

    return performance


def fleet_definitions(declared: Sequence[Declared]) -> dg.Definitions:
    """Return per target the job `event_performance_<target>`, and its schedule."""
    made = [_daily(target) for target, queue in declared if queue is not None and queue.metrics]
    return dg.Definitions(jobs=[job for job, _ in made], schedules=[each for _, each in made])


def _daily(target: Target) -> tuple[vocabulary.AssetJob, dg.ScheduleDefinition]:
    # a job of several targets would need one first day for all of them
    name = f"event_performance_{target.name}"
    job = singleton_job(
        name,
        dg.AssetSelection.assets(performance_key(target)),
        f"Ask {target.name} what it tells of a day's events.",
        max_runtime_s=1800,
        target=target,
    )

    @utc_schedule_of(
        job,
        "35 0 * * *",
        "What events took and how many failed on the day that ended; 00:35 UTC.",
    )
    def ended_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        ended: date = context.scheduled_execution_time.date() - timedelta(days=1)
        if ended < target.history_start:
            return dg.SkipReason(f"{ended} lies before the history of {target.name}")
        return dg.RunRequest(partition_key=ended.isoformat())

    return job, ended_day
