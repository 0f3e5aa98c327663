"""Sides made by hand."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.reports.comparison.model import (
    DATABASE,
    INDEXES,
    STATEMENTS,
    TABLES,
    USUAL,
    Side,
    Span,
)

FRIDAY = datetime(2026, 11, 20)


def statement(queryid: int, calls: int, mean: float, **changes: Any) -> dict[str, Any]:
    exec_ns = round(calls * mean * 1e6)
    base = {
        "userid": 10,
        "dbid": 5,
        "queryid": queryid,
        "toplevel": True,
        "calls": calls,
        "exec_ns": exec_ns,
        "plan_ns": 0,
        "rows": calls,
        "blocks_hit": 6 * calls,
        "blocks_read": 0,
        "temp_blocks": 0,
        "io_ns": 0,
        "wal_bytes": None,
        "jit_ns": 0,
        "exact_calls": calls,
    }
    return base | changes


def table(relid: int, name: str, read: int, relpages: int = 10) -> dict[str, Any]:
    zeros = dict.fromkeys(("idx_scan", "idx_tup_fetch", "n_tup_ins", "n_tup_upd", "n_tup_del"), 0)
    return {"relid": relid, "name": name, "seq_scan": 1, "seq_tup_read": read, **zeros} | {
        "relpages": relpages
    }


def index(relid: int, name: str, scans: int) -> dict[str, Any]:
    return {
        "indexrelid": relid,
        "name": name,
        "idx_scan": scans,
        "idx_tup_read": 2 * scans,
        "relpages": 4,
    }


def side(
    statements: list[dict[str, Any]],
    *,
    start: datetime = FRIDAY,
    days: float = 1.0,
    seconds: float | None = None,
    tables: list[dict[str, Any]] | None = None,
    indexes: list[dict[str, Any]] | None = None,
    source: str = "collected",
    whole_days: bool = True,
) -> Side:
    end = start + timedelta(days=days)
    return Side(
        Span(start, end, whole_days),
        days * 86_400 if seconds is None else seconds,
        288,
        source,
        pl.DataFrame(statements, schema=STATEMENTS),
        pl.DataFrame(tables or [], schema=TABLES),
        pl.DataFrame(indexes or [], schema=INDEXES),
        {**dict.fromkeys(DATABASE, 864.0), "blks_hit": 99.0, "blks_read": 1.0}
        | {"deadlocks": None, "database_bytes": 4096.0},
    )


def usual(**spreads: float) -> pl.DataFrame:
    """Return what was usual: `q1=0.05` is statement 1."""
    rows = [
        {"userid": 10, "dbid": 5, "queryid": int(name[1:]), "toplevel": True, "spread": spread}
        for name, spread in spreads.items()
    ]
    return pl.DataFrame(rows, schema=USUAL)
