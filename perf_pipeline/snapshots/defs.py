"""Assets of the snapshots: a target's statistics and their rollups.

The functions that do the work are imported when a step runs: definitions load in every run's
process, most of which need none of them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

if TYPE_CHECKING:
    from perf_pipeline.snapshots.record import SweepRecord

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
                **vocabulary.head(target, "stats", row, _EVENTS),
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

    @vocabulary.daily_asset(
        target,
        "rollup",
        "statements_hourly",
        "one statement's work in one hour of the day",
        "Its work of the whole day is summed, too.",
        deps=[vocabulary.key(target, "stats", "statements")],
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

    @vocabulary.daily_asset(
        target,
        "rollup",
        "relations_daily",
        "one table's or index's work in the day, with its size as last seen",
        "The database's hours are summed with them. Kept long: what trends are made of.",
        deps=[
            vocabulary.key(target, "stats", family) for family in ("tables", "indexes", "database")
        ],
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
