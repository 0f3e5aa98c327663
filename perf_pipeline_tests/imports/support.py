"""A toy server whose pg_stat_statements is exported, with known truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2026, 3, 2, 0, 55, tzinfo=UTC)
DBID, USERID = 16_384, 10


@dataclass(frozen=True)
class Work:
    """What each statement did in each interval: arrays of (intervals, statements)."""

    calls: np.ndarray
    total_ms: np.ndarray

    @property
    def statements(self) -> int:
        return self.calls.shape[1]


def hours(count: int, start: datetime = START, step: timedelta = timedelta(hours=1)):
    return [start + i * step for i in range(count)]


def work(
    intervals: int,
    statements: int = 6,
    *,
    seed: int = 3,
    slower: tuple[int, int, float] | None = None,
) -> Work:
    """Return work; `slower` (statement, interval, factor) makes one slower from then on."""
    rng = np.random.default_rng(seed)
    calls = rng.poisson(60, (intervals, statements)) + 20
    means = 2.0 * (1 + np.arange(statements)) * np.exp(0.08 * rng.normal(size=calls.shape))
    if slower is not None:
        statement, at, factor = slower
        means[at:, statement] *= factor
    return Work(calls.astype(np.int64), calls * means)


def export(
    instants: Sequence[datetime],
    did: Work,
    *,
    columns: Callable[[str], bool] = lambda name: True,
    text: Callable[[int], str] = lambda i: f"SELECT * FROM t{i} WHERE id = $1",
) -> pl.DataFrame:
    """Return cumulative snapshots, one row per instant and statement, as a SELECT * gives them.

    The first instant shows what was before; interval i of the work ends at instant i + 1.
    """
    calls = 1_000 + np.vstack([np.zeros_like(did.calls[:1]), np.cumsum(did.calls, axis=0)])
    total = 5_000.0 + np.vstack([np.zeros_like(did.total_ms[:1]), np.cumsum(did.total_ms, axis=0)])
    rows = []
    for i, ts in enumerate(instants):
        for j in range(did.statements):
            n, ms = int(calls[i, j]), float(total[i, j])
            rows.append(
                {
                    "ts": ts,
                    "userid": USERID,
                    "dbid": DBID,
                    "toplevel": True,
                    "queryid": 1_000_003 * (j + 1) * (-1) ** j,
                    "query": text(j),
                    "plans": 0,
                    "total_plan_time": 0.0,
                    "calls": n,
                    "total_exec_time": ms,
                    "stddev_exec_time": 0.25,
                    "min_exec_time": 0.125,
                    "max_exec_time": 900.0,
                    "rows": 3 * n,
                    "shared_blks_hit": 40 * n,
                    "shared_blks_read": n,
                    "shared_blks_dirtied": 0,
                    "shared_blks_written": 0,
                    "local_blks_hit": 0,
                    "local_blks_read": 0,
                    "local_blks_dirtied": 0,
                    "local_blks_written": 0,
                    "temp_blks_read": 0,
                    "temp_blks_written": 0,
                    "blk_read_time": ms / 10,
                    "blk_write_time": 0.0,
                    "wal_records": 0,
                    "wal_fpi": 0,
                    "wal_bytes": 0,
                    "jit_functions": 0,
                    "jit_generation_time": 0.0,
                    "jit_inlining_time": 0.0,
                    "jit_optimization_time": 0.0,
                    "jit_emission_time": 0.0,
                }
            )
    frame = pl.DataFrame(rows)
    return frame.select(name for name in frame.columns if columns(name))
