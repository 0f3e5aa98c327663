"""Hours and days of statements, summed from their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.store import frames, hours, ledger, progress, targets
from perf_pipeline.store.engine import Store
from perf_pipeline.store.samples import SOURCES

_KEYS: Final = ("userid", "dbid", "queryid", "toplevel")
_SIDE_BY_SIDE: Final = ("queryid", "userid", "dbid", "toplevel")
_COUNTERS: Final = {
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
#: What is read of each interval.
INTERVALS: Final = {
    "ts": pl.Datetime("us"),
    "source": pl.String(),
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "queryid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "quality": pl.String(),
    **_COUNTERS,
}
#: Counters of an hour: those that detection, explanation and reports ask for. The day has all.
_HOURLY: Final = (
    "calls",
    "total_exec_time",
    "exec_time_squares",
    "total_plan_time",
    "rows",
    "shared_blks_hit",
    "shared_blks_read",
    "temp_blks",
    "io_time",
    "wal_bytes",
    "jit_time",
)


@dataclass(frozen=True)
class Rolled:
    """What one rollup wrote: hourly and daily rows, and the intervals they sum up."""

    rows: int
    intervals: int
    days: int = 0


def hourly(intervals: pl.DataFrame) -> pl.DataFrame:
    """Sum statement intervals by the hour in which they end, exact ones apart. Pure.

    Parameters
    ----------
    intervals : polars.DataFrame
        Columns of `INTERVALS`, in any order of rows; one source per day.

    Returns
    -------
    polars.DataFrame
        `hour`, `source`, the key, `exact` (whether of intervals of quality `exact`; of imported
        history also `lower_bound`, see `store.samples`), `intervals` (how many), and counters:
        `temp_blks` is temporary blocks read and written, `io_time` ms of reading and writing
        blocks. A counter that is unknown in one interval is unknown in the row. Sorted by hour
        and key. Floats are added in the order of time, so that the same rows give the same bytes.

    """
    summed = intervals.with_columns(
        hour=pl.col("ts").dt.truncate("1h"),
        exact=_exact(),
        temp_blks=pl.col("temp_blks_read") + pl.col("temp_blks_written"),
        io_time=pl.col("blk_read_time") + pl.col("blk_write_time"),
    ).sort("ts", *_KEYS)
    group = ("hour", "source", *_KEYS, "exact")
    return (
        summed.group_by(group, maintain_order=True)
        .agg(pl.len().cast(pl.Int16).alias("intervals"), *sums(summed, _HOURLY))
        .sort("hour", *_KEYS, "exact")
    )


def daily(intervals: pl.DataFrame) -> pl.DataFrame:
    """Sum statement intervals by the day in which they end. Pure.

    Parameters
    ----------
    intervals : polars.DataFrame
        As for `hourly`.

    Returns
    -------
    polars.DataFrame
        `day`, `source`, the key, `intervals`, `exact_intervals`, every counter, `exact_calls` and
        `exact_exec_time` (of exact intervals; ms), `hours` and `hourly` (of exact intervals, see
        `store.hours`). Sorted by day and key.

    """
    summed = intervals.with_columns(day=pl.col("ts").dt.date()).sort("ts", *_KEYS)
    group = ("day", "source", *_KEYS)
    exact = (
        summed.filter(_exact(), pl.col("calls") > 0)
        .group_by(*group, hour=pl.col("ts").dt.hour(), maintain_order=True)
        .agg(pl.col("calls").sum(), pl.col("total_exec_time").sum())
    )
    return (
        summed.group_by(group, maintain_order=True)
        .agg(
            pl.len().cast(pl.Int16).alias("intervals"),
            _exact().sum().cast(pl.Int16).alias("exact_intervals"),
            *sums(summed, tuple(_COUNTERS)),
            pl.col("calls").filter(_exact()).sum().alias("exact_calls"),
            pl.col("total_exec_time").filter(_exact()).sum().alias("exact_exec_time"),
        )
        .join(hours.pack(exact, group), on=group, how="left")
        .with_columns(pl.col("hours").fill_null(0), pl.col("hourly").fill_null(b""))
        .sort("day", *_KEYS)
    )


def _exact() -> pl.Expr:
    imported = (pl.col("source") == "imported") & (pl.col("quality") == "lower_bound")
    return (pl.col("quality") == "exact") | imported


def sums(frame: pl.DataFrame, names: Sequence[str]) -> list[pl.Expr]:
    """Return sums of columns within groups: unknown where one part is unknown."""
    return [_sum(name, frame) for name in names]


def _sum(name: str, frame: pl.DataFrame) -> pl.Expr:
    total = pl.col(name).sum()
    if not frame[name].null_count():
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


def instants(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the instants at which a span of days begins and ends.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    if last < first:
        raise InputError(f"last day {last} lies before first day {first}", "swap them")
    return (
        datetime.combine(first, time(), UTC),
        datetime.combine(last + timedelta(days=1), time(), UTC),
    )


def roll_up(store: Store, target_name: str, first: date, last: date) -> Rolled:
    """Replace the hourly and daily rollups of the statements of a span of days.

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
    span = instants(first, last)
    target_id = targets.find(store, target_name)
    if target_id is None:
        return Rolled(0, 0)
    columns = [name for name in INTERVALS if name != "source"]
    intervals = best(ledger.intervals(store, "statements", target_id, *span, columns=columns))

    def keep(table: str, column: str, frame: pl.DataFrame) -> int:
        rows = frame.with_columns(target_id=pl.lit(target_id))
        return frames.replace_days(store, ("ledger", table), column, target_id, first, last, rows)

    # a statement's hours of a day side by side: its index knows stretches of pages, not rows
    of_hours = hourly(intervals).sort(pl.col("hour").dt.date(), *_SIDE_BY_SIDE, "hour", "exact")
    rows = keep("statements_hourly", "hour", of_hours)
    days = keep("statements_daily", "day", daily(intervals))
    progress.note_versions(store, target_id, first, last)
    return Rolled(rows, intervals.height, days)
