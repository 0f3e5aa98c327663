"""All sources of a sweep, in the order they are read."""

from typing import Final

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.snapshots import changes, counters, sampled
from perf_pipeline.snapshots.families import (
    DATABASE,
    INDEXES,
    STATEMENTS,
    TABLES,
    Family,
    statements_from_wire,
)
from perf_pipeline.snapshots.sources import Source

_TEXT = pl.String()
_COUNT = pl.Int64()
_MILLISECONDS = pl.Float64()


def _schema(family: Family) -> Schema:
    return {
        **family.keys,
        **dict.fromkeys(family.names, _TEXT),
        **family.counters,
        **family.gauges,
    }


_STATEMENTS = Source(
    "statements",
    {
        **STATEMENTS.keys,
        "calls": _COUNT,
        "total_exec_time": _MILLISECONDS,
        "stddev_exec_time": _MILLISECONDS,
        **{
            name: kind
            for name, kind in STATEMENTS.counters.items()
            if name not in {"calls", "total_exec_time"}
        },
        "stats_since": pl.Datetime("us"),
        **dict.fromkeys(STATEMENTS.extremes, _MILLISECONDS),
    },
    kind="counters",
    stats="statements",
    family=STATEMENTS,
    arrange=statements_from_wire,
    binary=True,
)
_TABLES = Source("tables", _schema(TABLES), kind="counters", stats="tables", family=TABLES)
_INDEXES = Source("indexes", _schema(INDEXES), kind="counters", stats="indexes", family=INDEXES)
_DATABASE = Source(
    "database",
    # its size is read apart: the server looks at every file for it
    {name: kind for name, kind in _schema(DATABASE).items() if name != "database_bytes"},
    kind="counters",
    stats="database",
    family=DATABASE,
)
_ACTIVITY = Source(
    "activity",
    {
        "backend_type": _TEXT,
        "state": _TEXT,
        "wait_event_type": _TEXT,
        "wait_event": _TEXT,
        "queryid": _COUNT,
        "sessions": _COUNT,
        "oldest_xact_seconds": pl.Float64(),
        "oldest_query_seconds": pl.Float64(),
    },
    kind="sample",
    stats="activity",
)
_SETTINGS = Source(
    "settings",
    {"name": _TEXT, "value": _TEXT, "unit": _TEXT, "pending_restart": pl.Boolean()},
    kind="changes",
    stats="settings",
    table="settings_changes",
    arrange=changes.without_secrets,
)

#: The statements come first: what tells of their resets is read right after them.
SOURCES: Final = (
    _STATEMENTS,
    _TABLES,
    _INDEXES,
    _DATABASE,
    _ACTIVITY,
    _SETTINGS,
    *counters.SOURCES,
    *sampled.SOURCES,
)


def tables_of(stats: str) -> list[str]:
    """Return the ledger tables whose rows the asset `<target>/stats/<stats>` shows."""
    if stats == "schema_objects":
        return ["schema_changes"]
    return [source.ledger_table for source in SOURCES if source.stats == stats]
