"""Families of counters beside statements, tables, indexes and the database, with their sources."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.snapshots.families import Family
from perf_pipeline.snapshots.sources import Source

_TEXT = pl.String()
_NUMBER = pl.Int64()
_TIME = pl.Datetime("us")


def _numbers(*names: str) -> dict[str, pl.DataType]:
    """Return columns of counts, and of milliseconds where the name ends in `time`."""
    return {name: pl.Float64() if name.endswith("time") else _NUMBER for name in names}


def _schema(family: Family) -> Schema:
    """Return the columns of a family's SQL: its own, and, where told, since when it counts."""
    names: Mapping[str, pl.DataType] = dict.fromkeys(family.names, _TEXT)
    since = {"stats_since": _TIME} if family.own_reset else {}
    return {**family.keys, **names, **family.counters, **family.gauges, **since}


def _source(family: Family, stats: str) -> Source:
    return Source(family.name, _schema(family), kind="counters", stats=stats, family=family)


TABLE_IO: Final = Family(
    name="table_io",
    keys={"part_relid": _NUMBER, "relid": _NUMBER},
    names=("schema_name", "table_name", "part", "index_name"),
    counters=_numbers("blocks_read", "blocks_hit"),
    gauges={},
)

FUNCTIONS: Final = Family(
    name="functions",
    keys={"funcid": _NUMBER},
    names=("schema_name", "function_name", "arguments"),
    counters=_numbers("calls", "total_time", "self_time"),
    gauges={},
)

IO: Final = Family(
    name="io",
    keys={"backend_type": _TEXT, "object": _TEXT, "context": _TEXT},
    counters=_numbers(
        "reads",
        "read_bytes",
        "read_time",
        "writes",
        "write_bytes",
        "write_time",
        "writebacks",
        "writeback_time",
        "extends",
        "extend_bytes",
        "extend_time",
        "hits",
        "evictions",
        "reuses",
        "fsyncs",
        "fsync_time",
    ),
    gauges={},
    own_reset=True,
)

WAL: Final = Family(
    name="wal",
    keys={"part": _TEXT},
    counters=_numbers(
        "wal_records",
        "wal_fpi",
        "wal_bytes",
        "wal_buffers_full",
        "wal_write",
        "wal_sync",
        "wal_write_time",
        "wal_sync_time",
    ),
    gauges={},
    internal=("part",),
    own_reset=True,
)

CHECKPOINTER: Final = Family(
    name="checkpointer",
    keys={"process": _TEXT},
    counters=_numbers(
        "checkpoints_timed",
        "checkpoints_requested",
        "checkpoints_done",
        "restartpoints_timed",
        "restartpoints_requested",
        "restartpoints_done",
        "checkpoint_write_time",
        "checkpoint_sync_time",
        "buffers_checkpoint",
        "slru_checkpoint",
        "buffers_clean",
        "maxwritten_clean",
        "buffers_alloc",
        "buffers_backend",
        "buffers_backend_fsync",
    ),
    gauges={},
    own_reset=True,
)

ARCHIVER: Final = Family(
    name="archiver",
    keys={"part": _TEXT},
    counters=_numbers("archived_count", "failed_count"),
    gauges={
        "last_archived_wal": _TEXT,
        "last_archived_time": _TIME,
        "last_failed_wal": _TEXT,
        "last_failed_time": _TIME,
    },
    internal=("part",),
    own_reset=True,
)

#: In the order they are read.
SOURCES: Final = (
    _source(TABLE_IO, "tables"),
    _source(FUNCTIONS, "functions"),
    _source(IO, "server"),
    _source(WAL, "server"),
    _source(CHECKPOINTER, "server"),
    _source(ARCHIVER, "server"),
)
