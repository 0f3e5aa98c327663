"""Run a detector as of the end of many days at once; pure.

A result as of day D depends on the samples up to the end of D and on D, not on which other days
are asked for: series are independent of each other within one call of the detector. The detector
is handed in: the store serves those who judge and those who build baselines, and knows neither.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.store.aside import both
from perf_pipeline.store.hours import CALLS, HOURS, MEANS, Bytes, Codes, Hours
from perf_pipeline.store.samples import DETECT_METRIC, midnight

Detector = Callable[[pl.DataFrame], pl.DataFrame]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Start of each series in the arrays that follow, microseconds since the epoch, values, calls.
ArrayDetector = Callable[[Ints, Ints, Floats, Floats], pl.DataFrame]

#: Samples handed to the detector in one call: about 300 MB with its work space.
BATCH_SAMPLES = 2_000_000
#: Windows handed to it in one call when they are hours.
BATCH_WINDOWS = 600
#: Such calls from which on a second process is worth its start.
WORTH_ASIDE = 8
_HOUR_US = 3_600_000_000


def windows(
    samples: pl.DataFrame, days: Sequence[date], window_days: int, recent_days: int | None = None
) -> pl.DataFrame:
    """Return the samples each day can see.

    Parameters
    ----------
    samples : polars.DataFrame
        Columns `series`, `ts`, `value`, `calls` (more are dropped).
    days : Sequence of date
    window_days : int
        Days up to the end of each day, that day included.
    recent_days : int, optional
        Leave out series without a sample in so many days up to the end of the day: no change
        can begin there.

    Returns
    -------
    polars.DataFrame
        `as_of` date, `series` u32, `ts`, `value`, `calls`.

    """
    wanted = samples.select("series", "ts", "value", "calls")
    parts = []
    for day in days:
        end = midnight(day + timedelta(days=1))
        seen = wanted.filter(pl.col("ts") < end, pl.col("ts") >= end - timedelta(days=window_days))
        if recent_days is not None:
            fresh = pl.col("ts").max().over("series") >= end - timedelta(days=recent_days)
            seen = seen.filter(fresh)
        parts.append(seen.select(pl.lit(day).alias("as_of"), pl.all()))
    return pl.concat(parts) if parts else wanted.clear().select(as_of=pl.lit(None, pl.Date))


def changes(
    detect: Detector,
    samples: pl.DataFrame,
    days: Sequence[date],
    window_days: int,
    recent_days: int | None = None,
) -> pl.DataFrame:
    """Return the changes of level that the detector sees as of each day.

    Parameters
    ----------
    detect : Detector
        `perf_pipeline.regressions.detect`.
    samples, days, window_days, recent_days
        As in `windows`.

    Returns
    -------
    polars.DataFrame
        `as_of` date and `series` u32, then the columns of `detect` without `series_id`; sorted by
        as_of, series and change_ts.

    """
    typical = max(1, samples.height // max(1, samples["ts"].dt.date().n_unique())) * window_days
    step = max(1, BATCH_SAMPLES // typical)
    found = [
        _detect(detect, windows(samples, days[at : at + step], window_days, recent_days))
        for at in range(0, len(days), step)
    ]
    return pl.concat(found).sort("as_of", "series", "change_ts")


def _detect(detect: Detector, seen: pl.DataFrame) -> pl.DataFrame:
    series = seen.select(
        series_id=pl.format("{}/{}", pl.col("as_of").cast(pl.String), pl.col("series")),
        ts="ts",
        value="value",
        calls="calls",
        metric=pl.lit(DETECT_METRIC),
    )
    parts = pl.col("series_id").str.split("/")
    return (
        detect(series)
        .with_columns(
            as_of=parts.list.get(0).str.to_date("%Y-%m-%d"),
            series=parts.list.get(1).cast(pl.UInt32),
        )
        .select("as_of", "series", pl.exclude("as_of", "series", "series_id"))
    )


def changes_of_hours(
    detect: ArrayDetector, hours: Hours, series: Ints, days: Ints, window_days: int
) -> pl.DataFrame:
    """Return the changes of level that the detector sees in some series as of some days.

    Parameters
    ----------
    detect : ArrayDetector
        `perf_pipeline.regressions.detector.detect_arrays`.
    hours : Hours
    series, days : ndarray of int64
        Pairs, numbers in `hours`. A window begins with the first day of `hours` at the earliest.
    window_days : int
        Days up to the end of each day.

    Returns
    -------
    polars.DataFrame
        As `changes` returns it.

    """
    spans = [slice(k, k + BATCH_WINDOWS) for k in range(0, max(1, len(series)), BATCH_WINDOWS)]
    asked = (_Windows.of(detect, hours, series[span], days[span], window_days) for span in spans)
    if len(spans) >= WORTH_ASIDE:
        parts = both(_detect_hours, asked)
    else:
        with ThreadPoolExecutor(2) as pool:
            parts = list(pool.map(_detect_hours, asked))
    return pl.concat(parts).sort("as_of", "series", "change_ts")


@dataclass(frozen=True)
class _Windows:
    """Hours of some series up to some days each, shape (windows, days, 24), and who looks at them.

    `at` has the numbers of the days since 1970, shape (windows, days).
    """

    detect: ArrayDetector
    series: Ints
    at: Ints
    mean: Codes
    calls: Bytes

    @classmethod
    def of(
        cls, detect: ArrayDetector, hours: Hours, series: Ints, days: Ints, window_days: int
    ) -> "_Windows":
        at = days[:, None] + np.arange(1 - window_days, 1)
        known = (series[:, None], np.maximum(at, 0))
        mean = hours.mean[known] * (at >= 0)[:, :, None]
        first = (hours.first - date(1970, 1, 1)).days
        return cls(detect, series, first + at, mean, hours.calls[known])


def _detect_hours(windows: _Windows) -> pl.DataFrame:
    there = windows.mean > 0
    counts = there.sum(axis=(1, 2))
    offset = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    ts = (windows.at[:, :, None] * HOURS + np.arange(HOURS)) * _HOUR_US
    calls = CALLS[windows.calls[there]].astype(np.float64)
    found = windows.detect(offset, ts[there], MEANS[windows.mean[there]], calls)
    pairs = pl.DataFrame(
        {
            "series_id": np.arange(len(windows.series)),
            "as_of": pl.Series(windows.at[:, -1], dtype=pl.Int32).cast(pl.Date),
            "series": pl.Series(windows.series, dtype=pl.UInt32),
        }
    )
    joined = found.join(pairs, on="series_id", how="left", maintain_order="left")
    return joined.select("as_of", "series", pl.exclude("as_of", "series", "series_id"))
