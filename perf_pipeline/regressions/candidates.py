"""Changes as of a day with what judging and explaining them needs; pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

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


def costed(changes: pl.DataFrame, totals: Totals) -> pl.DataFrame:
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
