"""Read what statements did, and add it up over spans of time."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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

#: Columns of `findings_parts_hour.sql`: by the hour less is known.
_HOURS: Schema = {
    "n": _INT,
    **{
        name: SUMS[name]
        for name in (
            *("calls", "exec_ms", "io_ms", "jit_ms", "plan_ms", "rows"),
            *("blocks_read", "blocks", "temp_blocks", "wal_bytes"),
        )
    },
}

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
    made = _of_hours if plan.grain == "hour" else _of_sweeps
    return made(store, target_id, plan, spans)


def _of_sweeps(store: Store, target_id: int, plan: Plan, spans: Sequence[Span]) -> Works:
    needed = {name for made in _FROM_LEDGER.values() for name in made.meta.root_names()}
    wanted = (*KEY, "calls", "rows", "wal_bytes", "wal_records", "plans", *sorted(needed))
    only = {"queryid": sorted({key[2] for key, _, _ in spans})}
    start, end = min(start for _, start, _ in spans), max(end for _, _, end in spans)
    found = read_intervals(store, target_id, start, end, plan.source, wanted, only)
    rows = found.with_columns(**_FROM_LEDGER).select(*SCHEMA).sort(*KEY, "ts")
    parts = {
        (u, d, q, bool(t)): frame for (u, d, q, t), frame in rows.group_by(KEY, maintain_order=True)
    }
    return lambda key, start, end, seconds: total(parts.get(key), start, end, seconds)


def _of_hours(store: Store, target_id: int, plan: Plan, spans: Sequence[Span]) -> Works:
    wanted = sorted(set(spans))
    params: dict[str, object] = {
        "target_id": target_id,
        "sources": list(alike(plan.source)),
        "userids": [key[0] for key, _, _ in wanted],
        "dbids": [key[1] for key, _, _ in wanted],
        "queryids": [key[2] for key, _, _ in wanted],
        "toplevels": [key[3] for key, _, _ in wanted],
        "starts": [start.replace(tzinfo=UTC) for _, start, _ in wanted],
        "ends": [end.replace(tzinfo=UTC) for _, _, end in wanted],
    }
    rows = frames.read(store, "findings_parts_hour", _HOURS, params).iter_rows(named=True)
    nothing: dict[str, Any] = {name: None if name not in _HOURS else 0 for name in SUMS}
    sums = dict.fromkeys(wanted, nothing)
    for row in rows:
        sums[wanted[row["n"] - 1]] = {name: row.get(name) for name in SUMS}
    return lambda key, start, end, seconds: Work(seconds=seconds, **sums[key, start, end])


def total(rows: pl.DataFrame | None, start: datetime, end: datetime, seconds: float) -> Work:
    """Return what a statement did in samples with start <= ts < end; pure.

    Parameters
    ----------
    rows : polars.DataFrame or None
        Of one statement, columns of `SCHEMA`.
    start, end : datetime
    seconds : float
        What sweeps cover of that span.

    """
    if rows is None:
        rows = pl.DataFrame(schema=dict(SCHEMA))
    inside = rows.filter(pl.col("ts") >= start, pl.col("ts") < end)
    sums: dict[str, Any] = {name: _sum(inside[name]) for name in SUMS}
    return Work(seconds=seconds, **sums)


def _sum(values: pl.Series) -> float | int | None:
    """Add up; unknown where one value is. fsum is exact: no order of the rows can show in it."""
    if values.null_count():
        return None
    return math.fsum(values) if values.dtype == _MS else int(values.sum())
