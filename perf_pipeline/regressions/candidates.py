"""Changes as of a day with what judging and explaining them needs; pure."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.store.hours import CALLS, HOURS, MEANS, Hours
from perf_pipeline.store.samples import KEY, midnight

#: Calls and time per day are counted from the onset on, over at least this much of the newest data.
LEAST_SPAN = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400_000_000

Ints = npt.NDArray[np.int64]


class Totals:
    """Calls, execution time and covered time between two instants; sums of whole numbers.

    Parameters
    ----------
    samples : polars.DataFrame
        As `samples.read_samples` returns them.

    """

    def __init__(self, samples: pl.DataFrame) -> None:
        spans = samples.select("ts", "start", "end").unique(subset="ts").sort("ts")
        self._span_ts = _us(spans["ts"])
        covered = (spans["end"] - spans["start"]).dt.total_microseconds().to_numpy()
        self._covered = _running(covered.astype(np.int64))
        top = samples.filter(pl.col("toplevel")).sort("ts")
        self._top_ts = _us(top["ts"])
        self._top_us = _running(np.rint(top["total_ms"].to_numpy() * 1000).astype(np.int64))
        self._series_ts: dict[int, Ints] = {}
        self._series_calls: dict[int, Ints] = {}
        for (series,), rows in samples.group_by("series", maintain_order=True):
            self._series_ts[int(str(series))] = _us(rows["ts"])
            self._series_calls[int(str(series))] = _running(rows["calls"].to_numpy())

    def days(self, start: datetime, end: datetime) -> float:
        """Return the covered time of samples with start <= ts < end, in days."""
        return _between(self._span_ts, self._covered, start, end) / _DAY_US

    def calls(self, series: int, start: datetime, end: datetime) -> int:
        """Return the calls of a statement."""
        return _between(self._series_ts[series], self._series_calls[series], start, end)

    def database_ms(self, start: datetime, end: datetime) -> float:
        """Return the execution time of all top-level statements, in ms."""
        return _between(self._top_ts, self._top_us, start, end) / 1000

    def newest(self, end: datetime) -> datetime | None:
        """Return the ts of the newest sample before an instant."""
        at = int(np.searchsorted(self._span_ts, _number(end)))
        return _instant(int(self._span_ts[at - 1])) if at else None


class HourTotals:
    """What `Totals` tells, from packed hours.

    Calls are kept in steps of 9 %, so that a day's hours are scaled to what the day's sums say.

    Parameters
    ----------
    hours : Hours
        Of all statements.

    """

    def __init__(self, hours: Hours) -> None:
        self._first = hours.first
        size = hours.days * HOURS
        there = np.zeros(size, bool)
        top = np.zeros(size, np.int64)
        toplevel = hours.keys["toplevel"].to_numpy()
        for start in range(0, hours.keys.height, _SERIES_AT_ONCE):
            part = slice(start, start + _SERIES_AT_ONCE)
            codes = hours.mean[part]
            there |= (codes > 0).reshape(len(codes), -1).any(axis=0)
            ms = np.where(codes > 0, MEANS[codes] * CALLS[hours.calls[part]], 0.0)
            scaled = ms * _scale(hours.day_ms[part], ms.sum(axis=2))[:, :, None] * 1000
            whole = np.rint(scaled[toplevel[part]]).astype(np.int64)
            top += whole.sum(axis=0).reshape(size)
        self._there = _running(there.astype(np.int64))
        self._top_us = _running(top)
        self._hours = hours
        self._series_calls: dict[int, Ints] = {}

    def keep(self, series: Iterable[int]) -> None:
        """Forget all series but these: what is asked for later."""
        hours = self._hours
        for one in series:
            codes, calls = hours.mean[one], CALLS[hours.calls[one]]
            known = np.where(codes > 0, calls, 0).astype(np.float64)
            scale = _scale(hours.day_calls[one], known.sum(axis=1))
            self._series_calls[one] = _running(
                np.rint(known * scale[:, None]).astype(np.int64).ravel()
            )
        self._hours = hours.of(np.zeros(0, np.int64))

    def _span(self, running: Ints, start: datetime, end: datetime) -> int:
        """Sum over hours that begin at `start` or later, and before `end`."""
        zero = midnight(self._first)
        hour = timedelta(hours=1)
        first, last = (
            min(max(-((zero - moment) // hour), 0), len(running) - 1) for moment in (start, end)
        )
        return int(running[max(last, first)] - running[first])

    def days(self, start: datetime, end: datetime) -> float:
        """Return the covered time of samples with start <= ts < end, in days."""
        return self._span(self._there, start, end) / HOURS

    def calls(self, series: int, start: datetime, end: datetime) -> int:
        """Return the calls of a statement that was kept."""
        return self._span(self._series_calls[series], start, end)

    def database_ms(self, start: datetime, end: datetime) -> float:
        """Return the execution time of all top-level statements, in ms."""
        return self._span(self._top_us, start, end) / 1000

    def newest(self, end: datetime) -> datetime | None:
        """Return the ts of the newest sample before an instant."""
        before = self._span(self._there, midnight(self._first), end)
        if not before:
            return None
        at = int(np.searchsorted(self._there, before)) - 1
        return midnight(self._first) + timedelta(hours=at)


#: Series whose hours are unpacked at once.
_SERIES_AT_ONCE = 200


def _scale(
    wanted: npt.NDArray[np.number[Any]], found: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    made: npt.NDArray[np.float64] = np.divide(
        wanted, found, out=np.ones_like(found), where=found > 0
    )
    return made


_EPOCH = datetime(1970, 1, 1)


def _number(ts: datetime) -> int:
    return (ts - _EPOCH) // _MICROSECOND


def _instant(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)


def _us(column: pl.Series) -> Ints:
    return column.dt.epoch("us").to_numpy().astype(np.int64)


def _running(values: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])


def _between(ts: Ints, running: Ints, start: datetime, end: datetime) -> int:
    first, last = np.searchsorted(ts, [_number(start), _number(end)])
    return int(running[max(last, first)] - running[first])


def placed(changes: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Add to changes the statement they belong to and the interval in which each began.

    Parameters
    ----------
    changes : polars.DataFrame
        As `asof.changes` returns them, with `since` of `creep.with_creep`.
    samples : polars.DataFrame
        The samples they were found in.

    Returns
    -------
    polars.DataFrame
        The changes with `KEY`, `onset_start`, `onset_end` (end of the sample before, end of the
        first sample of the new level), `earliest`, `latest` (one sample wider; never past the end
        of the as-of day) and `segment_start` (first sample of the level before).

    """
    by = "series"
    around = samples.sort(by, "ts").select(
        by,
        *KEY,
        change_ts="ts",
        onset_start=pl.coalesce(pl.col("end").shift(1).over(by), pl.col("start")),
        onset_end="end",
        earliest=pl.coalesce(
            pl.col("end").shift(2).over(by), pl.col("start").shift(1).over(by), pl.col("start")
        ),
        latest=pl.coalesce(pl.col("end").shift(-1).over(by), pl.col("end")),
    )
    end = pl.col("as_of").cast(pl.Datetime("us")) + timedelta(days=1)
    newest = pl.max_horizontal("onset_end", pl.min_horizontal("latest", end))
    numbered = samples.sort(by, "ts").select(
        by, row=pl.col("ts").cum_count().over(by).cast(pl.Int64), ts="ts"
    )
    joined = changes.join(around, on=[by, "change_ts"], how="inner").with_columns(latest=newest)
    rows = numbered.rename({"ts": "since"})
    return (
        joined.join(rows, on=[by, "since"])
        .with_columns(row=(pl.col("row") - pl.col("n_before")).clip(1))
        .join(numbered.rename({"ts": "segment_start"}), on=[by, "row"])
        .drop("row")
        .sort("as_of", by, "change_ts")
    )


def costed(changes: pl.DataFrame, totals: Totals | HourTotals) -> pl.DataFrame:
    """Add `calls_per_day` and `database_ms_per_day` at the new level.

    Both are counted from the onset to the newest sample, or over the newest day when the onset
    is fresher: a few hours of a working day are no day. Null when nothing is covered.
    """
    calls: list[float | None] = []
    database: list[float | None] = []
    for row in changes.iter_rows(named=True):
        end = midnight(row["as_of"] + timedelta(days=1))
        newest = totals.newest(end)
        start = min(row["change_ts"], (newest or end) - LEAST_SPAN + _MICROSECOND)
        days = totals.days(start, end)
        calls.append(totals.calls(row["series"], start, end) / days if days else None)
        database.append(totals.database_ms(start, end) / days if days else None)
    return changes.with_columns(
        calls_per_day=pl.Series(calls, dtype=pl.Float64),
        database_ms_per_day=pl.Series(database, dtype=pl.Float64),
    )


def counted(
    samples: pl.DataFrame, days: Sequence[date], window_days: int, recent_days: int
) -> pl.DataFrame:
    """Count the samples of each series that ran lately, as of each day.

    Parameters
    ----------
    samples : polars.DataFrame
    days : Sequence of date
    window_days, recent_days : int
        As the detector was run: series without a recent sample are not counted at all.

    Returns
    -------
    polars.DataFrame
        `as_of` date, `series`, `dbid`, `n`.

    """
    rows = []
    for day in days:
        end = midnight(day + timedelta(days=1))
        rows.append(
            samples.filter(pl.col("ts") < end, pl.col("ts") >= end - timedelta(days=window_days))
            .group_by("series", "dbid")
            .agg(n=pl.len(), newest=pl.col("ts").max())
            .filter(pl.col("newest") >= end - timedelta(days=recent_days))
            .select(pl.lit(day).alias("as_of"), "series", "dbid", "n")
        )
    return pl.concat(rows).sort("as_of", "series")


def counted_hours(hours: Hours, days: Ints, window_days: int, recent_days: int) -> Ints:
    """Count the samples of each series as of each day; 0 for one that did not run lately.

    Parameters
    ----------
    hours : Hours
    days : ndarray of int64
        Numbers in `hours`.
    window_days, recent_days : int
        As of `counted`.

    Returns
    -------
    ndarray of int64, shape (series, days)

    """
    of_day = np.count_nonzero(hours.mean, axis=2)
    running = np.zeros((len(of_day), hours.days + 1), np.int64)
    np.cumsum(of_day, axis=1, out=running[:, 1:])

    def newest(count: int) -> Ints:
        found: Ints = running[:, days + 1] - running[:, np.maximum(days + 1 - count, 0)]
        return found

    return np.where(newest(recent_days) > 0, newest(window_days), 0)
