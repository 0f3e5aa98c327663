"""Read what statements did, and add it up over spans of time."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions.decompose import Work
from perf_pipeline.store import Store, frames
from perf_pipeline.store.samples import KEY, Plan, alike, read_intervals

_MS, _INT = pl.Float64(), pl.Int64()

#: The sums of an interval that `decompose.Work` holds, under its names.
SUMS: Schema = {
    "calls": _INT,
    "exec_ms": _MS,
    "io_ms": _MS,
    "jit_ms": _MS,
    "plan_ms": _MS,
    "rows": _INT,
    "blocks_read": _INT,
    "blocks": _INT,
    "temp_blocks": _INT,
    "read_ms": _MS,
    "write_ms": _MS,
    "blocks_dirtied": _INT,
    "blocks_written": _INT,
    "local_blocks": _INT,
    "wal_bytes": _INT,
    "wal_records": _INT,
    "plans": _INT,
}
SCHEMA: Schema = {
    "userid": _INT,
    "dbid": _INT,
    "queryid": _INT,
    "toplevel": pl.Boolean(),
    "ts": pl.Datetime("us"),
    **SUMS,
}
#: The same sums from columns of ledger.statements.
_FROM_LEDGER: Mapping[str, pl.Expr] = {
    "exec_ms": pl.col("total_exec_time"),
    "io_ms": pl.col("blk_read_time") + pl.col("blk_write_time"),
    "jit_ms": pl.col("jit_time"),
    "plan_ms": pl.col("total_plan_time"),
    "blocks_read": pl.col("shared_blks_read"),
    "blocks": pl.col("shared_blks_hit") + pl.col("shared_blks_read"),
    "temp_blocks": pl.col("temp_blks_read") + pl.col("temp_blks_written"),
    "read_ms": pl.col("blk_read_time"),
    "write_ms": pl.col("blk_write_time"),
    "blocks_dirtied": pl.col("shared_blks_dirtied"),
    "blocks_written": pl.col("shared_blks_written"),
    "local_blocks": pl.col("local_blks_hit") + pl.col("local_blks_read"),
}

_EPOCH, _DAY, _MOMENT = datetime(1970, 1, 1), timedelta(days=1), timedelta(microseconds=1)

#: Statements up to which the index of stretches of pages saves work: it is asked for each, and with
#: so many one of them lies in nearly every stretch.
_FEW = 10

Key = tuple[int, int, int, bool]
#: A statement, and the samples with start <= ts < end.
Span = tuple[Key, datetime, datetime]
#: What says what a statement did in a span of which sweeps cover so many seconds.
Works = Callable[[Key, datetime, datetime, float], Work]


def read(store: Store, target_id: int, plan: Plan, spans: Sequence[Span]) -> Works:
    """Return what tells what statements did in some spans, from exact intervals.

    Parameters
    ----------
    store : Store
    target_id : int
    plan : Plan
        Source and grain. By the hour less is known: what no rollup keeps is None.
    spans : Sequence of Span
        Those that may be asked for; naive UTC.

    """
    read_rows = _hours if plan.grain == "hour" else _intervals
    rows = read_rows(store, target_id, plan, spans).sort(*KEY, "ts")
    parts = {
        (u, d, q, bool(t)): frame for (u, d, q, t), frame in rows.group_by(KEY, maintain_order=True)
    }
    return lambda key, start, end, seconds: total(parts.get(key), start, end, seconds)


def _whole(spans: Sequence[Span]) -> tuple[datetime, datetime, list[int]]:
    """Return what all spans lie in, and the queryids."""
    first, last = min(start for _, start, _ in spans), max(end for _, _, end in spans)
    return first, last, sorted({key[2] for key, _, _ in spans})


def _intervals(store: Store, target_id: int, plan: Plan, spans: Sequence[Span]) -> pl.DataFrame:
    start, end, queryids = _whole(spans)
    needed = {name for made in _FROM_LEDGER.values() for name in made.meta.root_names()}
    wanted = (*KEY, "calls", "rows", "wal_bytes", "wal_records", "plans", *sorted(needed))
    only = {"queryid": queryids}
    found = read_intervals(store, target_id, start, end, plan.source, wanted, only)
    return found.with_columns(**_FROM_LEDGER).select(*SCHEMA)


def _hours(store: Store, target_id: int, plan: Plan, spans: Sequence[Span]) -> pl.DataFrame:
    start, end, queryids = _whole(spans)
    params: dict[str, object] = {
        "target_id": target_id,
        "sources": list(alike(plan.source)),
        "start": start,
        "end": end,
        "queryids": queryids,
        "few": queryids if len(queryids) <= _FEW else None,
        # most hours of a year belong to no span of their statement
        "days": sorted({key[2] ^ day for key, *span in spans for day in _days(*span)}),
    }
    return frames.read(store, "findings_parts_hour", SCHEMA, params)


def _days(start: datetime, end: datetime) -> range:
    """Return the numbers of the days of a span, since 1970."""
    first, last = ((at - _EPOCH) // _DAY for at in (start, end - _MOMENT))
    return range(first, last + 1)


def total(rows: pl.DataFrame | None, start: datetime, end: datetime, seconds: float) -> Work:
    """Return what a statement did in samples with start <= ts < end; pure.

    Parameters
    ----------
    rows : polars.DataFrame or None
        Of one statement, columns of `SCHEMA`, by `ts`.
    start, end : datetime
    seconds : float
        What sweeps cover of that span.

    """
    if rows is None:
        rows = pl.DataFrame(schema=dict(SCHEMA))
    ends = np.array([start, end], dtype="datetime64[us]")
    first, last = np.searchsorted(rows["ts"].to_numpy(), ends).tolist()
    inside = rows[first:last]
    sums: dict[str, Any] = {name: _sum(inside[name]) for name in SUMS}
    return Work(seconds=seconds, **sums)


def _sum(values: pl.Series) -> float | int | None:
    """Add up; unknown where one value is. fsum is exact: no order of the rows can show in it."""
    if values.null_count():
        return None
    return math.fsum(values.to_list()) if values.dtype == _MS else int(values.sum())
