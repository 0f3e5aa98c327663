"""What a report reads of single sweeps and intervals, wherever their days lie."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from perf_pipeline.reports import units
from perf_pipeline.reports.model import Told
from perf_pipeline.store import Store, ledger, samples

Rows = list[dict[str, Any]]

#: Changes of a day's schema that a report lists, and characters of a definition.
MOST_CHANGES: Final = 200
MOST_CHARACTERS: Final = 2_000

_SWEEP: Final = (
    "ts",
    "previous_ts",
    "source",
    "quality",
    "connect_ms",
    "database_ms",
    "duration_ms",
    "temp_bytes",
    "rows_read",
    "rows_written",
    "notes",
    "server_version_num",
    "timeline",
    "postmaster_start",
    "statements_stats_reset",
    "database_stats_reset",
    "statements_dealloc",
)
_BEFORE: Final = {
    "server_version_num": "previous_version_num",
    "timeline": "previous_timeline",
    "statements_dealloc": "previous_dealloc",
}
_DATABASE: Final = (
    "ts",
    "xact_commit",
    "xact_rollback",
    "blks_hit",
    "blks_read",
    "deadlocks",
    "temp_bytes",
    "active_time",
    "database_bytes",
)


def sweeps(store: Store, target_id: int, start: datetime, end: datetime) -> Rows:
    """Return sweeps with their cost, what the one before told, and the database's work; by time.

    The rows of `report_sweeps.sql`, which a reader of the report can run by hand while the days
    are in the store.

    Parameters
    ----------
    store : Store
    target_id : int
    start, end : datetime
        From the first on, before the second.

    """
    found = ledger.read(store, "sweeps", target_id, start, end, columns=_SWEEP)
    known = ("ts", *_BEFORE)
    earlier = found.filter(~pl.col("previous_ts").is_in(found["ts"].implode()))["previous_ts"]
    before = found.select(known)
    if earlier.drop_nulls().len():  # of the days before, as a rule one sweep
        instants = earlier.drop_nulls().unique().to_list()
        first: datetime = min(instants)
        seen = {"ts": instants}
        older = ledger.read(store, "sweeps", target_id, first, start, columns=known, only=seen)
        before = pl.concat([before, older])
    database = ledger.read(store, "database", target_id, start, end, columns=_DATABASE)
    return (
        found.rename({"temp_bytes": "sweep_temp_bytes"})
        .join(before.rename({"ts": "previous_ts", **_BEFORE}), on="previous_ts", how="left")
        .join(database, on="ts", how="left")
        .sort("ts")
        .to_dicts()
    )


def schema_changes(store: Store, target_id: int, start: datetime, end: datetime) -> Rows:
    """Return each day's first changes of the schema, and as `total` how many there were."""
    columns = (
        "ts",
        "kind",
        "object_name",
        "relation_name",
        "change",
        "definition_before",
        "definition_after",
    )
    day = pl.col("ts").dt.date()
    return (
        ledger.read(
            store, "schema_changes", target_id, start, end, columns=(*columns, "previous_ts")
        )
        .sort(columns, nulls_last=True)
        .with_columns(
            pl.col("definition_before", "definition_after").str.head(MOST_CHARACTERS),
            total=pl.len().over(day),
        )
        .filter(pl.int_range(pl.len()).over(day) < MOST_CHANGES)
        .to_dicts()
    )


def told(store: Store, target_id: int, start: datetime, end: datetime) -> tuple[Told, ...]:
    """Return what was told of a span, by time; at most the first 200."""
    rows = store.rows("report_events", {"target_id": target_id, "start": start, "end": end})
    return tuple(
        Told(
            row["kind"],
            row["object"],
            units.naive(row["began_at"]),
            None if row["ended_at"] is None else units.naive(row["ended_at"]),
            row["detail"],
            row["source"],
        )
        for row in rows
    )


def settings_changes(store: Store, target_id: int, start: datetime, end: datetime) -> Rows:
    """Return changes of settings, by time."""
    columns = ("ts", "name", "value_before", "value_after")
    more = ("previous_ts", "unit", "pending_restart")
    return (
        ledger.read(store, "settings_changes", target_id, start, end, columns=(*columns, *more))
        .sort(columns, nulls_last=True)
        .to_dicts()
    )


def series(store: Store, wanted: Mapping[str, Any]) -> pl.DataFrame:
    """Return the mean execution time of one statement in each exact interval.

    The rows of `report_series_sweep.sql`.

    Parameters
    ----------
    store : Store
    wanted : Mapping
        `target_id`, `start`, `end`, `source` and the statement's `queryid`, `userid`, `dbid`,
        `toplevel`.

    Returns
    -------
    polars.DataFrame
        `ts`, `value` (ms per call), `calls`; by time.

    """
    key = ("queryid", "userid", "dbid", "toplevel")
    return (
        samples.read_intervals(
            store,
            wanted["target_id"],
            wanted["start"],
            wanted["end"],
            wanted["source"],
            ("calls", "total_exec_time"),
            {name: [wanted[name]] for name in key},
        )
        .filter(pl.col("calls") > 0)
        .select("ts", value=pl.col("total_exec_time") / pl.col("calls"), calls="calls")
        .sort("ts")
    )
