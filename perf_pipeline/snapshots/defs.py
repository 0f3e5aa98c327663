"""Assets of the snapshots: a target's statistics, their hourly rollup, and its service levels.

The functions that do the work are imported when a step runs: definitions load in every run's
process, most of which need none of them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import fleet, service_levels
from perf_pipeline.store import Store, targets

if TYPE_CHECKING:
    from perf_pipeline.snapshots.record import SweepRecord

COLLECTION_KEY: Final = dg.AssetKey(["fleet", "collection"])
COLLECT_JOB: Final = "collect"

_ROWS: Final = {
    "statements": "one statement (user, database, query id) that ran between two sweeps: "
    "its calls, times, blocks and WAL in that interval",
    "tables": "one table between two sweeps: scans, rows written, vacuums, "
    "and its dead rows and size at the end; and, every 15 minutes, one table, index or TOAST: "
    "blocks read and found in memory",
    "indexes": "one index between two sweeps: scans, entries read, and its size at the end",
    "functions": "one function or procedure between two sweeps: its calls, its time, and its time "
    "without what it called; as far as the server's `track_functions` goes",
    "database": "the whole database between two sweeps: transactions, blocks, rows, deadlocks, "
    "temporary files, time in sessions",
    "activity": "sessions at the instant of a sweep, counted by state and by what they waited for; "
    "beside it clients by application and address, waits for locks with who was in the way, and "
    "long commands with how far they had got",
    "server": "the whole server between two sweeps: WAL, checkpoints, archiving, and reads and "
    "writes by kind of process; beside it, at the instant of a sweep, what it has a fixed number "
    "of (connections, workers, transaction ids), with how much of it was taken; and, where the "
    "server runs on our own machine, the work of its processors, disk and network. Kept once, "
    "with one of the server's targets",
    "replication": "a peer that the server sent WAL to or received it from, with how far behind it "
    "was at the instant of a sweep; beside it the replication slots with what they kept",
    "settings": "one server setting that changed between two sweeps",
    "schema_objects": "one table, index, column, view or function created, dropped or altered "
    "between two sweeps",
    "bloat": "one table or btree index of at least 1 MB, about once a day: its bytes and how many "
    "of them a rewrite would save, as pgstattuple measures or, where it is not there, estimated",
}

#: Why there are fewer events than sweeps.
_EVENTS: Final = (
    "Rows come every five minutes from `fleet/collection`, which shows itself here once an hour: "
    "figures and table are of the hour before the sweep. *Materialize* sweeps at once."
)


def rows_of(record: "SweepRecord", stats: str) -> int:
    """Return the rows a sweep wrote of what `<target>/stats/<stats>` shows."""
    from perf_pipeline.snapshots.registry import tables_of

    return sum(record.rows.get(table, 0) for table in tables_of(stats))


def stats_assets(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/stats/*`: one step, one sweep, whatever part of it is selected."""

    @dg.multi_asset(
        name=f"{target.name}__stats",
        specs=[
            dg.AssetSpec(
                vocabulary.key(target, "stats", family),
                group_name=target.name,
                kinds={"postgres"},
                owners=list(target.owners),
                tags=vocabulary.tags(target, "stats"),
                description=vocabulary.described(target, row, _EVENTS),
            )
            for family, row in _ROWS.items()
        ],
        can_subset=True,
        pool=vocabulary.pool(target),
        description=f"One sweep of {target.name}: all families in one read-only transaction.",
    )
    def stats(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.snapshots.record import collect

        with vocabulary.explained(), vocabulary.open_store() as store:
            record = collect(target, store)
            shown = {
                key: family_metadata(store, record, key.path[-1])
                for key in sorted(context.selected_asset_keys)
            }
        for key, metadata in shown.items():
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return stats


def sweep_metadata(record: "SweepRecord") -> vocabulary.Metadata:
    """Return what a sweep says about itself as event metadata; numbers are plotted."""
    return {
        "swept_at": dg.MetadataValue.timestamp(record.ts),
        "quality": record.quality,
        **vocabulary.numbers(
            {
                "connect_ms": record.connect_ms,
                "database_ms": record.database_ms,
                "duration_ms": record.duration_ms,
            }
        ),
        **({"notes": "\n".join(record.notes)} if record.notes else {}),
    }


def family_metadata(store: Store, record: "SweepRecord", family: str) -> vocabulary.Metadata:
    """Return what an event shows of one family: the hour's highlights, the sweep, its rows."""
    from perf_pipeline.snapshots import highlights

    found = highlights.read(store, record.target, family, record.ts)
    return {
        **{title: vocabulary.table(rows) for title, rows in found.tables.items() if rows},
        **vocabulary.numbers(found.figures),
        **sweep_metadata(record),
        "dagster/row_count": rows_of(record, family),
    }


def rollup_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/rollup/statements_hourly`, daily."""

    @dg.asset(
        key=vocabulary.key(target, "rollup", "statements_hourly"),
        group_name=target.name,
        kinds={"postgres", "polars"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, "rollup"),
        description=vocabulary.described(
            target,
            "one statement's work in one hour of the day",
            "Its work of the whole day is summed, too.",
        ),
        deps=[vocabulary.key(target, "stats", "statements")],
        partitions_def=vocabulary.daily(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def statements_hourly(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.snapshots.rollup import roll_up

        with vocabulary.stage(context, target, "rollup") as (store, days):
            rolled = roll_up(store, target.name, days.first, days.last)
            totals = vocabulary.day_totals(store, "rollup", target, days)
        vocabulary.add_day_metadata(context, totals, ("statements", "calls", "execution_ms"))
        return dg.MaterializeResult(metadata={"run": f"{days}: {rolled.intervals:,} intervals"})

    return statements_hourly


def relations_rollup_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/rollup/relations_daily`, daily."""

    @dg.asset(
        key=vocabulary.key(target, "rollup", "relations_daily"),
        group_name=target.name,
        kinds={"postgres", "polars"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, "rollup"),
        description=vocabulary.described(
            target,
            "one table's or index's work in the day, with its size as last seen",
            "The database's hours are summed with them. Kept long: what trends are made of.",
        ),
        deps=[
            vocabulary.key(target, "stats", family) for family in ("tables", "indexes", "database")
        ],
        partitions_def=vocabulary.daily(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def relations_daily(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.snapshots.rollup_relations import roll_up

        asked = vocabulary.days(context)
        with vocabulary.explained(), vocabulary.open_store() as store:
            rolled = roll_up(store, target.name, asked.first, asked.last)
            totals = vocabulary.day_totals(store, "relations", target, asked)
        vocabulary.add_day_metadata(context, totals, ("tables", "indexes"))
        return dg.MaterializeResult(
            metadata={"run": f"{asked}: {rolled.tables + rolled.indexes:,} tables and indexes"}
        )

    return relations_daily


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
        "is down, silent or refuses us fails alone, and the table says why.",
    )
    def collection(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.snapshots.record import collect

        if not targets:
            raise dg.Failure(
                "no target is declared: add a defs.yaml with a PostgresTarget", allow_retries=False
            )
        knobs = settings.current()
        # a store that cannot be used is one error, not one per target
        with vocabulary.explained(), vocabulary.open_store() as store:
            outcomes = fleet.sweep_all(
                targets,
                lambda target: collect(target, store),
                threads=knobs.collection_threads,
                budget_s=budget_s(knobs),
            )
            announce(context.instance, store, outcomes, datetime.now(UTC))
        failed = [outcome for outcome in outcomes if not outcome.ok]
        for outcome in failed:
            context.log.warning("target %s: %s", outcome.target.name, outcome.reason)
        metadata = collection_metadata(outcomes)
        if len(failed) == len(outcomes):
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


def collection_metadata(outcomes: Sequence[fleet.Outcome["SweepRecord"]]) -> vocabulary.Metadata:
    """Return the figures of one collection, and a table of its failures or its slowest sweeps."""
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
        }
        for record in sorted(swept, key=lambda record: record.duration_ms, reverse=True)
    ]
    return {
        "targets": len(outcomes),
        "swept": len(swept),
        "failed": len(failures),
        "dagster/row_count": sum(sum(record.rows.values()) for record in swept),
        **vocabulary.numbers(
            {
                "slowest_ms": max((record.duration_ms for record in swept), default=None),
                "database_ms": sum(record.database_ms for record in swept) if swept else None,
            }
        ),
        **({"sweeps": vocabulary.table(slowest)} if slowest else {}),
        **({"failures": vocabulary.table(failures)} if failures else {}),
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


def sla_check_keys(target: Target) -> list[dg.AssetCheckKey]:
    """Return the keys of `sla_checks`, in the order of the service levels."""
    return [
        dg.AssetCheckKey(vocabulary.key(target, "stats", level.family), level.name)
        for level in service_levels.CHECKED
    ]


def sla_checks(target: Target) -> dg.AssetChecksDefinition:
    """Return the checks of the service levels over the newest hour of sweeps, one step.

    They are part of `report_<target>`, not of the collection: an evaluation is as dear as a sweep.
    """
    keys = sla_check_keys(target)

    @dg.multi_asset_check(
        name=f"{target.name}__service_levels",
        specs=[
            dg.AssetCheckSpec(name=key.name, asset=key.asset_key, description=level.description)
            for key, level in zip(keys, service_levels.CHECKED, strict=True)
        ],
        can_subset=True,
    )
    def service_level_checks(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from perf_pipeline.snapshots import coverage
        from perf_pipeline.snapshots.sla import measure

        with vocabulary.explained(), vocabulary.open_store() as store:
            rows = store.rows("newest_sweep", {"target_id": targets.find(store, target.name)})
            newest = rows[0]["ts"] if rows else None
            figures, found = None, []
            if newest is not None:
                figures = measure(store, target.name, newest - timedelta(hours=1), newest)
                found = coverage.read(store, target.name, newest)
        verdicts = service_levels.judge(figures, newest, datetime.now(UTC))
        verdicts.append(coverage.judge(found, newest, datetime.now(UTC)))
        for key, verdict in zip(keys, verdicts, strict=True):
            if key in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=verdict.passed,
                    severity=dg.AssetCheckSeverity.ERROR
                    if verdict.error
                    else dg.AssetCheckSeverity.WARN,
                    description=verdict.message,
                    metadata={
                        "outcome": verdict.outcome,
                        **vocabulary.numbers(
                            {
                                f"limit{verdict.level.suffix}": verdict.level.limit,
                                f"value{verdict.level.suffix}": verdict.value,
                            }
                        ),
                    },
                )

    return service_level_checks


def collect_job() -> vocabulary.AssetJob:
    """Return the job of `collect_every_5_minutes`."""
    return dg.define_asset_job(
        COLLECT_JOB,
        selection=dg.AssetSelection.assets(COLLECTION_KEY),
        description="Sweep every target once.",
        tags={vocabulary.SINGLETON_TAG: COLLECT_JOB, vocabulary.MAX_RUNTIME_TAG: "600"},
    )


def collect_schedule(job: vocabulary.AssetJob) -> dg.ScheduleDefinition:
    """Return the schedule of the collection; a tick while a run of it is active is skipped."""

    @dg.schedule(
        name="collect_every_5_minutes",
        job=job,
        cron_schedule="*/5 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Sweep every target every five minutes.",
    )
    def collect_every_5_minutes(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        active = vocabulary.active_run(context.instance, COLLECT_JOB)
        if active is not None:
            return dg.SkipReason(f"run {active} of {COLLECT_JOB} is still active")
        return dg.RunRequest()

    return collect_every_5_minutes
