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
#: Statements with at least this share of a day's time are looked at as neighbours: less is no fifth
#: of any three hours, but of a day with very quiet ones.
BUSY_SHARE = 0.005
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000

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
    """What `Totals` tells, from packed hours; and what the busier statements did.

    Calls are kept in steps of 9 %, so that a day's hours are scaled to what the day's sums say.

    Parameters
    ----------
    hours : Hours
        Of all statements.
    busy_share : float
        Statements with at least this share of a day's time are its busier ones.

    """

    def __init__(self, hours: Hours, busy_share: float = BUSY_SHARE) -> None:
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
        self._numbers = np.arange(hours.keys.height)
        self._series_calls: dict[int, Ints] = {}
        self._find_busy(toplevel, busy_share)

    def _find_busy(self, toplevel: npt.NDArray[np.bool_], share: float) -> None:
        ids, place = np.unique(self._hours.keys["queryid"].to_numpy(), return_inverse=True)
        of_day = np.zeros((len(ids), self._hours.days))
        np.add.at(of_day, place[toplevel], self._hours.day_ms[toplevel])
        busy = (of_day >= share * of_day.sum(axis=0)) & (of_day > 0)
        self._busy = {int(ids[one]): busy[one] for one in np.flatnonzero(busy.any(axis=1))}
        self._is_busy = toplevel & busy.any(axis=1)[place]

    def keep(self, series: Iterable[int]) -> None:
        """Forget all series but these and the busier ones: what is asked for later."""
        wanted = self._is_busy.copy()
        wanted[list(series)] = True
        kept = np.flatnonzero(wanted)
        self._hours, self._numbers = self._hours.of(kept), self._numbers[kept]
        self._is_busy = self._is_busy[kept]

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
        if series not in self._series_calls:
            at = int(np.searchsorted(self._numbers, series))
            self._series_calls[series] = _running(self._calls(np.array([at])).ravel())
        return self._span(self._series_calls[series], start, end)

    def _calls(self, at: Ints) -> Ints:
        """Return the calls of some of the kept series by hour, shape (series, days, 24)."""
        hours = self._hours
        known = np.where(hours.mean[at] > 0, CALLS[hours.calls[at]], 0).astype(np.float64)
        scale = _scale(hours.day_calls[at], known.sum(axis=2))
        return np.rint(known * scale[:, :, None]).astype(np.int64)

    def load(self, wanted: Sequence[datetime]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what the busier statements did in some hours.

        Parameters
        ----------
        wanted : Sequence of datetime
            Beginnings of hours; naive UTC.

        Returns
        -------
        tuple of polars.DataFrame
            `queryid` i64, `ts` (end of the hour), `calls` i64, `total_ms` f64; and the days of
            those hours with the `queryid` that were busy on each: `day` date, `queryid` i64.

        """
        zero = midnight(self._first)
        at = np.array([(hour - zero) // timedelta(hours=1) for hour in wanted], np.int64)
        at = np.unique(at[(at >= 0) & (at < self._hours.days * HOURS)])
        days = np.unique(at // HOURS)
        busy = [
            (self._first + timedelta(days=int(day)), queryid)
            for queryid, on in sorted(self._busy.items())
            for day in days[on[days]]
        ]
        series = np.flatnonzero(self._is_busy)
        calls = self._calls(series).reshape(len(series), -1)[:, at]
        mean = MEANS[self._hours.mean[series].reshape(len(series), -1)[:, at]]
        row, hour = np.nonzero(calls)
        rows = pl.DataFrame(
            {
                "queryid": self._hours.keys["queryid"].to_numpy()[series[row]],
                "ts": pl.Series(_number(zero) + (at[hour] + 1) * _HOUR_US).cast(pl.Datetime("us")),
                "calls": calls[row, hour],
                "total_ms": (calls * mean)[row, hour],
            }
        )
        grouped = rows.group_by("queryid", "ts").agg(
            # sums of doubles depend on their order
            pl.col("calls").sum(),
            pl.col("total_ms").sort().sum(),
        )
        schema = {"day": pl.Date(), "queryid": pl.Int64()}
        return grouped.sort("ts", "queryid"), pl.DataFrame(busy, schema=schema, orient="row")

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
