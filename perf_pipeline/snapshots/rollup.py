"""Hours of statements, summed from their intervals."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.store import frames, ledger, targets
from perf_pipeline.store.engine import Store
from perf_pipeline.store.samples import SOURCES

_KEYS = ("userid", "dbid", "queryid", "toplevel")
_COUNTS = (
    "calls",
    "plans",
    "rows",
    "shared_blks_hit",
    "shared_blks_read",
    "shared_blks_dirtied",
    "shared_blks_written",
    "temp_blks_read",
    "temp_blks_written",
    "wal_bytes",
)
_TIMES = (
    "total_exec_time",
    "exec_time_squares",
    "total_plan_time",
    "blk_read_time",
    "blk_write_time",
    "jit_time",
)
#: What is read of each interval.
INTERVALS = {
    "ts": pl.Datetime("us"),
    "source": pl.String(),
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "queryid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "quality": pl.String(),
    "calls": pl.Int64(),
    "total_exec_time": pl.Float64(),
    "exec_time_squares": pl.Float64(),
    "plans": pl.Int64(),
    "total_plan_time": pl.Float64(),
    "rows": pl.Int64(),
    "shared_blks_hit": pl.Int64(),
    "shared_blks_read": pl.Int64(),
    "shared_blks_dirtied": pl.Int64(),
    "shared_blks_written": pl.Int64(),
    "temp_blks_read": pl.Int64(),
    "temp_blks_written": pl.Int64(),
    "blk_read_time": pl.Float64(),
    "blk_write_time": pl.Float64(),
    "wal_bytes": pl.Int64(),
    "jit_time": pl.Float64(),
}


@dataclass(frozen=True)
class Rolled:
    """What one rollup wrote: hourly rows, and the statement intervals they sum up."""

    rows: int
    intervals: int


def hourly(intervals: pl.DataFrame) -> pl.DataFrame:
    """Sum statement intervals by the hour in which they end. Pure.

    Parameters
    ----------
    intervals : polars.DataFrame
        Columns of `INTERVALS`, in any order of rows; one source per day.

    Returns
    -------
    polars.DataFrame
        `hour`, `source`, the key, `intervals` (how many), `exact_intervals` (of quality `exact`;
        of imported history also `lower_bound`, see `store.samples`), all counters, `exact_calls`
        and `exact_exec_time` (of the exact ones; ms). A counter that is unknown in one interval is
        unknown in the hour. Sorted by hour and key. Floats are added in the order of time, so that
        the same rows give the same bytes.

    """
    imported = (pl.col("source") == "imported") & (pl.col("quality") == "lower_bound")
    exact = (pl.col("quality") == "exact") | imported
    return (
        intervals.sort("ts", *_KEYS)
        .group_by(
            pl.col("ts").dt.truncate("1h").alias("hour"), "source", *_KEYS, maintain_order=True
        )
        .agg(
            pl.len().cast(pl.Int32).alias("intervals"),
            exact.sum().cast(pl.Int32).alias("exact_intervals"),
            *(_sum(name, intervals) for name in (*_COUNTS, *_TIMES)),
            pl.col("calls").filter(exact).sum().alias("exact_calls"),
            pl.col("total_exec_time").filter(exact).sum().alias("exact_exec_time"),
        )
        .sort("hour", *_KEYS)
    )


def _sum(name: str, intervals: pl.DataFrame) -> pl.Expr:
    total = pl.col(name).sum()
    if not intervals[name].null_count():
        return total
    return pl.when(pl.col(name).null_count() == 0).then(total).alias(name)


def best(intervals: pl.DataFrame) -> pl.DataFrame:
    """Return each day's rows of its best source alone: collected, else imported, else generated.

    Parameters
    ----------
    intervals : polars.DataFrame
        With `ts` and `source`. Pure.

    """
    rank = pl.col("source").replace_strict({s: n for n, s in enumerate(SOURCES)})
    return intervals.filter(rank == rank.min().over(pl.col("ts").dt.date()))


def roll_up(store: Store, target_name: str, first: date, last: date) -> Rolled:
    """Replace the hourly rollup of a span of days.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included. Each day is taken from its best source alone: collected before
        imported before generated.

    Returns
    -------
    Rolled
        Nothing for a target that was never swept.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    if last < first:
        raise InputError(f"last day {last} lies before first day {first}", "swap them")
    target_id = targets.find(store, target_name)
    if target_id is None:
        return Rolled(0, 0)
    start = datetime.combine(first, time(), UTC)
    finish = datetime.combine(last + timedelta(days=1), time(), UTC)
    intervals = best(
        ledger.intervals(
            store,
            "statements",
            target_id,
            start,
            finish,
            columns=[name for name in INTERVALS if name != "source"],
        )
    )
    table = hourly(intervals).with_columns(pl.lit(target_id).alias("target_id"))
    rows = frames.replace_days(
        store, ("ledger", "statements_hourly"), "hour", target_id, first, last, table
    )
    return Rolled(rows, intervals.height)
