"""The families of statistics: what identifies a row, what counts up, what is a level."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from perf_pipeline.postgres.copy import Schema

_KEY_NUMBER = pl.Int64()
_COUNT = pl.Int64()
_MILLISECONDS = pl.Float64()


@dataclass(frozen=True, eq=False)
class Family:
    """One family of cumulative statistics.

    Attributes
    ----------
    name : str
        Also the name of its ledger table, of its SQL file and of its state.
    keys : Mapping
        Columns that identify a row, with their types.
    counters : Mapping
        Columns that only grow while the server keeps them.
    gauges : Mapping
        Levels at the instant of the sweep: copied into the interval, never subtracted.
    squares : tuple of str or None
        (squares, sum, count): a derived counter, the sum of squares of what `sum` adds up over
        `count` events. It is known only to about 1e-15 of its own size, so its decrease proves no
        reset, and its delta is kept at or above sum²/count, the least that is possible.
    names : tuple of str
        Text columns that name the row, taken from the current sweep.
    extremes : tuple of str
        (shortest, longest): columns of the least and the greatest time that `squares`' sum adds up,
        where the server's version needs them as evidence (see `continuity`); not in the ledger.
    capped : bool
        The server keeps only so many rows and throws out the least used for a new one.
    reset_proves_zero : bool
        `stats_reset` of this family moves only when every counter of it starts again.
    own_reset : bool
        Each row says in `stats_since` since when it counts; a reset of the database's or the
        statements' statistics is not one of this family's.
    internal : tuple of str
        Columns of the state that the ledger has no column for.

    """

    name: str
    keys: Mapping[str, pl.DataType]
    counters: Mapping[str, pl.DataType]
    gauges: Mapping[str, pl.DataType]
    names: tuple[str, ...] = ()
    squares: tuple[str, str, str] | None = None
    extremes: tuple[str, ...] = ()
    capped: bool = False
    reset_proves_zero: bool = False
    own_reset: bool = False
    internal: tuple[str, ...] = ()

    @property
    def totals(self) -> tuple[str, ...]:
        """Columns that are subtracted: the counters, and the derived one."""
        return (*self.counters, *((self.squares[0],) if self.squares else ()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of an interval row, without target and instant, in the ledger's order."""
        keys = tuple(name for name in self.keys if name not in self.internal)
        return (*keys, *self.names, "quality", *self.totals, *self.gauges)


def _counts(*names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names, _COUNT)


def _times(*names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names, _MILLISECONDS)


STATEMENTS = Family(
    name="statements",
    keys={
        "userid": _KEY_NUMBER,
        "dbid": _KEY_NUMBER,
        "queryid": _KEY_NUMBER,
        "toplevel": pl.Boolean(),
    },
    counters={
        **_counts("calls"),
        **_times("total_exec_time"),
        **_counts("plans"),
        **_times("total_plan_time"),
        **_counts(
            "rows",
            "shared_blks_hit",
            "shared_blks_read",
            "shared_blks_dirtied",
            "shared_blks_written",
            "local_blks_hit",
            "local_blks_read",
            "local_blks_dirtied",
            "local_blks_written",
            "temp_blks_read",
            "temp_blks_written",
        ),
        **_times("blk_read_time", "blk_write_time"),
        **_counts("wal_records", "wal_fpi", "wal_bytes", "jit_functions"),
        **_times("jit_time"),
    },
    gauges={},
    squares=("exec_time_squares", "total_exec_time", "calls"),
    extremes=("min_exec_time", "max_exec_time"),
    capped=True,
    reset_proves_zero=True,
)

TABLES = Family(
    name="tables",
    keys={"relid": _KEY_NUMBER},
    names=("schema_name", "table_name"),
    counters=_counts(
        "seq_scan",
        "seq_tup_read",
        "idx_tup_fetch",
        "n_tup_ins",
        "n_tup_upd",
        "n_tup_del",
        "n_tup_hot_upd",
        "vacuum_count",
        "autovacuum_count",
        "analyze_count",
        "autoanalyze_count",
    ),
    gauges={
        **_counts("n_live_tup", "n_dead_tup", "n_mod_since_analyze", "relpages"),
        "last_vacuum": pl.Datetime("us"),
        "last_analyze": pl.Datetime("us"),
        **_counts("toast_pages"),
    },
)

INDEXES = Family(
    name="indexes",
    keys={"indexrelid": _KEY_NUMBER, "relid": _KEY_NUMBER},
    names=("schema_name", "table_name", "index_name"),
    counters=_counts("idx_scan", "idx_tup_read", "idx_tup_fetch"),
    gauges={**_counts("relpages"), "is_unique": pl.Boolean()},
)

DATABASE = Family(
    name="database",
    keys={"datid": _KEY_NUMBER},
    counters={
        **_counts(
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
        ),
        **_times(
            "blk_read_time",
            "blk_write_time",
            "session_time",
            "active_time",
            "idle_in_transaction_time",
        ),
        **_counts("sessions", "sessions_abandoned", "sessions_fatal", "sessions_killed"),
    },
    gauges=_counts("numbackends", "database_bytes"),
    internal=("datid",),
)

#: Families whose intervals are differences of counters and which every sweep reads.
FAMILIES = (STATEMENTS, TABLES, INDEXES, DATABASE)

_TEXT = pl.String()
_TIME = pl.Datetime("us")

#: Columns of the SQL files that are no source of their own, as each returns them.
READ: dict[str, Schema] = {
    "server": {
        "server_version_num": _COUNT,
        "ts": _TIME,
        "postmaster_start": _TIME,
        "address": _TEXT,
        "port": _COUNT,
        "in_recovery": pl.Boolean(),
        "database_oid": _COUNT,
        "database_stats_reset": _TIME,
        "role_name": _TEXT,
        "sees_all": pl.Boolean(),
        "sees_settings": pl.Boolean(),
        "sees_control": pl.Boolean(),
        "statements_loaded": pl.Boolean(),
        "statements_version": _TEXT,
        "extensions": _TEXT,
    },
    "quiet": {},
    "took": {"ms": _MILLISECONDS},
    "own_cost": {
        "work_mem": _TEXT,
        "told": pl.Boolean(),
        "log_temp_files": _TEXT,
        "messages": _TEXT,
        "counted": pl.Boolean(),
        "role_oid": _KEY_NUMBER,
        "block_size": _COUNT,
        "connections": _COUNT,
    },
    "signs": {"signs": _TEXT},
    "control": {"system_identifier": _KEY_NUMBER, "timeline_id": _COUNT},
    "cumulative": {"stats_reset": _TIME},
    "statements_info": {"dealloc": _COUNT, "stats_reset": _TIME},
    "database_size": {"database_bytes": _COUNT},
    "schema_version": {"fingerprint": _TEXT},
    "schema_objects": {
        "index_oid": _KEY_NUMBER,
        "index_version": _TEXT,
        "kind": _TEXT,
        "object_name": _TEXT,
        "relation_name": _TEXT,
        "definition": _TEXT,
    },
    "schema_indexes": {"index_oid": _KEY_NUMBER, "definition": _TEXT},
    "bloat_table": {
        "total_bytes": _COUNT,
        "dead_bytes": _COUNT,
        "free_bytes": _COUNT,
        "tuples": _COUNT,
    },
    "bloat_index": {
        "total_bytes": _COUNT,
        "leaf_pages": _COUNT,
        "unused_pages": _COUNT,
        "leaf_density": pl.Float64(),
    },
    "texts": {
        "userid": _KEY_NUMBER,
        "dbid": _KEY_NUMBER,
        "queryid": _KEY_NUMBER,
        "within_limit": pl.Boolean(),
        "query": _TEXT,
        "ending": _TEXT,
    },
}


def statements_from_wire(raw: pl.DataFrame) -> pl.DataFrame:
    """Turn the rows of `statements.sql` into what `deltas.interval` and the state hold.

    `stddev_exec_time` is replaced by `exec_time_squares`, the sum of squares of all execution times
    so far (ms²), a counter: calls x stddev² + total²/calls (the server's stddev is that of the
    population).
    Rows without a queryid, which belong to statements this role may not see, are left out; so are
    the extremes where the server tells since when an entry counts.

    Parameters
    ----------
    raw : polars.DataFrame
        Columns of `statements.sql`.

    """
    unneeded = [name for name in STATEMENTS.extremes if raw[name].null_count() == raw.height]
    calls = pl.col("calls")
    squares = calls * pl.col("stddev_exec_time") ** 2 + pl.col("total_exec_time") ** 2 / calls
    return (
        raw.filter(pl.col("queryid").is_not_null())
        .with_columns(pl.when(calls > 0).then(squares).otherwise(0.0).alias("exec_time_squares"))
        .drop("stddev_exec_time", *unneeded)
    )
