"""`fleet/collection`: one step that sweeps every target, its job and its schedule.

The functions that do the work are imported when a step runs: definitions load in every run's
process, most of which need none of them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import fleet, spending
from perf_pipeline.snapshots.defs import family_metadata
from perf_pipeline.store import Store

if TYPE_CHECKING:
    from perf_pipeline.snapshots.record import SweepRecord

COLLECTION_KEY: Final = dg.AssetKey(["fleet", "collection"])
COLLECT_JOB: Final = "collect"


def collection_asset(targets: Sequence[Target]) -> dg.AssetsDefinition:
    """Return `fleet/collection`: one step that sweeps every target.

    One asset for the fleet, not one per target: 50 targets take 0.7 s and 12 rows of Dagster's
    events instead of 5 s and 257.
    """

    @dg.asset(
        key=COLLECTION_KEY,
        group_name=vocabulary.FLEET_GROUP,
        kinds={"postgres", "polars"},
        tags={"family": "stats"},
        description="One row is one sweep of one target. All targets are swept at once; one that "
        "is down, silent or refuses us fails alone, and the table says why. One whose sweeps have "
        "used up their budget waits.",
    )
    def collection(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.snapshots import availability, replicas_seen
        from perf_pipeline.snapshots.record import collect

        if not targets:
            raise dg.Failure(
                "no target is declared: add a defs.yaml with a PostgresTarget", allow_retries=False
            )
        knobs = settings.current()
        # a store that cannot be used is one error, not one per target
        with vocabulary.explained(), vocabulary.open_store() as store:
            waiting = spending.waiting(store, targets)
            resting = {each.target.name for each in waiting}
            outcomes = fleet.sweep_all(
                [target for target in targets if target.name not in resting],
                lambda target: collect(target, store),
                threads=knobs.collection_threads,
                budget_s=budget_s(knobs),
            )
            announce(context.instance, store, outcomes, datetime.now(UTC))
            failed = [outcome for outcome in outcomes if not outcome.ok]
            availability.note(
                store,
                [outcome.target for outcome in failed],
                datetime.now(UTC),
                threads=knobs.collection_threads,
                budget_s=knobs.connect_timeout_s + 5.0,
            )
            replicas_seen.note(store, targets, datetime.now(UTC))
        for outcome in failed:
            context.log.warning("target %s: %s", outcome.target.name, outcome.reason)
        metadata = collection_metadata(outcomes, waiting, datetime.now(UTC))
        if failed and len(failed) == len(outcomes):
            raise dg.Failure(
                f"none of {len(outcomes)} targets could be swept; {failed[0].target.name}: "
                f"{failed[0].reason}",
                metadata=metadata,
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata=metadata)

    return collection


def budget_s(knobs: settings.Settings) -> float:
    """Return the seconds one target's sweep may take: to connect, and for two slow statements."""
    return knobs.connect_timeout_s + 2 * knobs.statement_timeout_ms / 1000 + 5


def collection_metadata(
    outcomes: Sequence[fleet.Outcome["SweepRecord"]],
    waiting: Sequence[spending.Waiting],
    now: datetime,
) -> vocabulary.Metadata:
    """Return a collection's figures; tables of slowest sweeps, failures, and who waits till when.

    Parameters
    ----------
    outcomes : sequence of fleet.Outcome
    waiting : sequence of spending.Waiting
    now : datetime
        Aware.

    """
    swept = [outcome.record for outcome in outcomes if outcome.record is not None]
    failures = [
        {"target": outcome.target.name, "seconds": round(outcome.seconds, 2), "why": outcome.reason}
        for outcome in outcomes
        if not outcome.ok
    ]
    slowest = [
        {
            "target": record.target,
            "quality": record.quality,
            "rows": sum(record.rows.values()),
            "duration_ms": round(record.duration_ms, 1),
            "connect_ms": round(record.connect_ms, 1),
            "database_ms": round(record.database_ms, 1),
        }
        for record in sorted(swept, key=lambda record: record.duration_ms, reverse=True)
    ]
    resting = [
        {
            "target": each.target.name,
            "why": f"its sweeps have used up their {each.share * 100:g} % of database time",
            "next": f"{now + timedelta(seconds=each.seconds):%H:%M:%S} UTC",
        }
        for each in waiting
    ]
    return {
        "targets": len(outcomes) + len(waiting),
        "swept": len(swept),
        "failed": len(failures),
        "waiting": len(resting),
        "dagster/row_count": sum(sum(record.rows.values()) for record in swept),
        **vocabulary.numbers(
            {
                "slowest_ms": max((record.duration_ms for record in swept), default=None),
                "database_ms": sum(record.database_ms for record in swept) if swept else None,
            }
        ),
        **({"sweeps": vocabulary.table(slowest)} if slowest else {}),
        **({"failures": vocabulary.table(failures)} if failures else {}),
        **({"over_budget": vocabulary.table(resting)} if resting else {}),
    }


def announce(
    instance: dg.DagsterInstance,
    store: Store,
    outcomes: Sequence[fleet.Outcome["SweepRecord"]],
    now: datetime,
) -> None:
    """Show on the targets' own assets that they were reached, or why not; see `to_announce`."""
    announced: dict[str, fleet.Announced] = {}
    for outcome in outcomes:
        key = vocabulary.key(outcome.target, "stats", "statements")
        announced[outcome.target.name] = fleet.Announced(
            _newest(instance.fetch_materializations(key, limit=1)),
            _newest(instance.fetch_observations(key, limit=1)),
        )
    for outcome in fleet.to_announce(outcomes, announced, now):
        for family in vocabulary.STATS:
            key = vocabulary.key(outcome.target, "stats", family)
            if outcome.record is None:
                instance.report_runless_asset_event(
                    dg.AssetObservation(key, metadata={"unreachable": outcome.reason})
                )
                continue
            metadata = family_metadata(store, outcome.record, family)
            instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata))


def _newest(found: dg.EventRecordsResult) -> datetime | None:
    return datetime.fromtimestamp(found.records[0].timestamp, UTC) if found.records else None


def collect_job() -> vocabulary.AssetJob:
    """Return the job of `collect_every_5_minutes`."""
    return singleton_job(
        COLLECT_JOB,
        dg.AssetSelection.assets(COLLECTION_KEY),
        "Sweep every target once.",
        max_runtime_s=600,
    )


def collect_schedule(job: vocabulary.AssetJob) -> dg.ScheduleDefinition:
    """Return the schedule of the collection; a tick while a run of it is active is skipped."""

    @utc_schedule_of(
        job,
        "*/5 * * * *",
        "Sweep every target every five minutes.",
        name="collect_every_5_minutes",
    )
    def collect_every_5_minutes(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        active = vocabulary.active_run(context.instance, COLLECT_JOB)
        if active is not None:
            return dg.SkipReason(f"run {active} of {COLLECT_JOB} is still active")
        return dg.RunRequest()

    return collect_every_5_minutes
