"""Days of tables and indexes, hours of the database: what trends of use and growth are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from perf_pipeline.snapshots import rollup
from perf_pipeline.store import frames, ledger, targets
from perf_pipeline.store.engine import Store

_TABLE_SUMS: Final = (
    "seq_scan",
    "seq_tup_read",
    "idx_scan",
    "idx_tup_fetch",
    "n_tup_ins",
    "n_tup_upd",
    "n_tup_del",
    "n_tup_hot_upd",
    "vacuums",
    "analyzes",
)
_TABLE_LAST: Final = ("schema_name", "table_name", "n_live_tup", "n_dead_tup", "relpages")
_INDEX_SUMS: Final = ("idx_scan", "idx_tup_read", "idx_tup_fetch")
_INDEX_LAST: Final = ("relid", "schema_name", "table_name", "index_name", "relpages")
_DATABASE_SUMS: Final = (
    "xact_commit",
    "xact_rollback",
    "blks_read",
    "blks_hit",
    "tup_returned",
    "tup_fetched",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
    "conflicts",
    "temp_files",
    "temp_bytes",
    "deadlocks",
    "blk_read_time",
    "blk_write_time",
    "session_time",
    "active_time",
    "idle_in_transaction_time",
    "sessions",
)
_MAINTENANCE: Final = ("vacuum_count", "autovacuum_count", "analyze_count", "autoanalyze_count")


@dataclass(frozen=True)
class Rolled:
    """Rows written of each kind."""

    tables: int
    indexes: int
    database: int


def _grouped(
    rows: pl.DataFrame, group: Sequence[str], summed: Sequence[str], *others: pl.Expr
) -> pl.DataFrame:
    """Sum by a group in the order of time; the same rows give the same bytes."""
    ordered = rows.sort("ts", *(name for name in group if name in rows.columns))
    return (
        ordered.group_by("source", *group, maintain_order=True)
        .agg(pl.len().cast(pl.Int32).alias("intervals"), *rollup.sums(ordered, summed), *others)
        .sort(*group, "source")
    )


def tables(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum intervals of tables by day. Pure.

    Parameters
    ----------
    rows : polars.DataFrame
        Of ledger.tables with `source`; one source per day.

    Returns
    -------
    polars.DataFrame
        `day`, `source`, `relid`, `intervals`, the sums of what was done (`vacuums` and `analyzes`
        with those of autovacuum), and names, rows and pages as last seen that day. A table that
        did not change has no row: its size is that of an earlier day.

    """
    counted = rows.with_columns(
        day=pl.col("ts").dt.date(),
        vacuums=(pl.col("vacuum_count") + pl.col("autovacuum_count")).cast(pl.Int32),
        analyzes=(pl.col("analyze_count") + pl.col("autoanalyze_count")).cast(pl.Int32),
    )
    return _grouped(counted, ("day", "relid"), _TABLE_SUMS, pl.col(_TABLE_LAST).last())


def indexes(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum intervals of indexes by day. Pure.

    Parameters
    ----------
    rows : polars.DataFrame
        Of ledger.indexes with `source`; one source per day.

    Returns
    -------
    polars.DataFrame
        `day`, `source`, `indexrelid`, `intervals`, the sums of scans and entries, and names and
        pages as last seen that day.

    """
    dated = rows.with_columns(day=pl.col("ts").dt.date())
    return _grouped(dated, ("day", "indexrelid"), _INDEX_SUMS, pl.col(_INDEX_LAST).last())


def database(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum intervals of the database by the hour. Pure.

    Parameters
    ----------
    rows : polars.DataFrame
        Of ledger.database with `source`; one source per day.

    Returns
    -------
    polars.DataFrame
        `hour`, `source`, `intervals`, the sums, the most `numbackends` seen, and
        `database_bytes` at the end.

    """
    dated = rows.with_columns(hour=pl.col("ts").dt.truncate("1h"))
    seen = (pl.col("numbackends").max(), pl.col("database_bytes").last())
    return _grouped(dated, ("hour",), _DATABASE_SUMS, *seen)


def roll_up(store: Store, target_name: str, first: date, last: date) -> Rolled:
    """Replace the rollups of tables, indexes and database of a span of days.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included; each is taken from its best source alone.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    span = rollup.instants(first, last)
    target_id = targets.find(store, target_name)
    if target_id is None:
        return Rolled(0, 0, 0)

    def read(table: str, *columns: str) -> pl.DataFrame:
        return rollup.best(ledger.intervals(store, table, target_id, *span, columns=columns))

    def keep(table: str, column: str, frame: pl.DataFrame) -> int:
        rows = frame.with_columns(target_id=pl.lit(target_id))
        return frames.replace_days(store, ("ledger", table), column, target_id, first, last, rows)

    counted = [name for name in _TABLE_SUMS if name not in {"vacuums", "analyzes"}]
    of_tables = read("tables", "relid", *counted, *_MAINTENANCE, *_TABLE_LAST)
    of_indexes = read("indexes", "indexrelid", *_INDEX_SUMS, *_INDEX_LAST)
    of_database = read("database", *_DATABASE_SUMS, "numbackends", "database_bytes")
    return Rolled(
        keep("tables_daily", "day", tables(of_tables)),
        keep("indexes_daily", "day", indexes(of_indexes)),
        keep("database_hourly", "hour", database(of_database)),
    )
