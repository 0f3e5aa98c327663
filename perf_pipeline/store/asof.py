"""Run a detector as of the end of many days at once; pure.

A result as of day D depends on the samples up to the end of D and on D, not on which other days
are asked for: series are independent of each other within one call of the detector. The detector
is handed in: the store serves those who judge and those who build baselines, and knows neither.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import polars as pl

from perf_pipeline.store.samples import DETECT_METRIC, midnight

Detector = Callable[[pl.DataFrame], pl.DataFrame]

#: Samples handed to the detector in one call: about 300 MB with its work space.
BATCH_SAMPLES = 2_000_000


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
