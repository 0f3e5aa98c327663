"""What can be said of each series: why nothing was, and how small a change would be seen."""

import math
from functools import lru_cache

import numpy as np
import polars as pl

from perf_pipeline.regressions.detector import DEFAULT, Prepared, prepare
from perf_pipeline.regressions.evidence import interval_factor, search_p_value
from perf_pipeline.regressions.policy import DEFAULT as DEFAULT_POLICY
from perf_pipeline.regressions.prune import SHORT_SPAN_US, Limits
from perf_pipeline.regressions.series import Batch, Floats, batches, clean, validate
from perf_pipeline.regressions.track import degrees_of_freedom, effective_samples

JUDGED = "judged"
CONSTANT = "constant"
NO_VALUE = "no usable value"
ALL_ZERO = "all zero"
TOO_FEW = "too few samples"

SCHEMA: dict[str, pl.DataType] = {
    "series_id": pl.String(),
    "outcome": pl.String(),
    "rows": pl.Int64(),
    "samples": pl.Int64(),
    "noise": pl.Float64(),
    "smallest_change": pl.Float64(),
    "smallest_change_day": pl.Float64(),
}

_DAY_US = 86_400_000_000

Row = tuple[str, int, float, float, float, bool]


def smallest_change(error: float, t: float, floor: float = DEFAULT_POLICY.low - 1) -> float:
    """Return the smallest rise that becomes a finding, as new / old - 1.

    It must be `t` standard errors away from nothing, and the lower bound of its 90 % interval must
    clear the floor. With n samples of noise sigma on each side the error is sigma sqrt(2 / n), so
    that for t = 5 a rise x needs n = 2 (5 sigma / ln(1 + x))^2 of them.

    Parameters
    ----------
    error : float
        Standard error of the difference of both levels, in logarithms.
    t : float
        Standard errors that evidence needs; see `needed_t`.
    floor : float
        Least size, 0.1 = 10 %.

    """
    return math.expm1(max(t * error, math.log1p(floor) + interval_factor() * error))


def samples_needed(noise: float, change: float, t: float = 5.0) -> int:
    """Return how many samples on each side show a rise of `change` in noise `noise` (in logs).

    Raises
    ------
    ValueError
        `change` is not above 0.

    """
    if not change > 0:
        raise ValueError(f"a change of {change} is no rise")
    return math.ceil(2 * (t * noise / math.log1p(change)) ** 2)


@lru_cache(maxsize=4096)
def needed_t(samples: int, alpha: float, effective: int | None = None) -> float:
    """Return the standard errors at which a change in so many samples has a p-value of `alpha`.

    `effective` is what they are worth for the noise estimate (default: all of them).
    """
    df = degrees_of_freedom(samples if effective is None else effective)
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        enough = search_p_value(middle, df, samples) <= alpha
        low, high = (low, middle) if enough else (middle, high)
    return high


def judgeable(series: pl.DataFrame, limits: Limits = DEFAULT) -> pl.DataFrame:
    """Tell of each series whether changes can be seen in it, and how small ones.

    Parameters
    ----------
    series : DataFrame
        As for `detect`.
    limits : Limits

    Returns
    -------
    DataFrame
        One row per `series_id`, sorted: `outcome` str, `judged`, `constant` (judged, and nothing
        ever moved), `too few samples`, `no usable value` (all null, NaN, infinite or negative) or
        `all zero`; `rows` i64 as given and `samples` i64 that could be used (samples of one
        instant count once); `noise` f64, long-run standard deviation of a usual sample in
        logarithms, 0.1 is about 10 %; `smallest_change` f64, the smallest rise (new / old - 1)
        that would be a finding with half of the samples on each side, and `smallest_change_day`
        f64 with the newest day's samples after it. The last three are null unless judged. While
        less than a week is known, small changes wait for a week (`Limits.first_week`).

    Raises
    ------
    InputError
        As `detect`.

    """
    checked = validate(series)
    given = (
        checked.filter(pl.col("series_id").is_not_null())
        .group_by("series_id")
        .agg(rows=pl.len().cast(pl.Int64))
    )
    samples = clean(checked)
    counts = pl.DataFrame(
        {
            "series_id": pl.Series(samples.ids, dtype=pl.String),
            "samples": np.diff(samples.offset),
            "any": pl.Series(
                [bool(part.any()) for part in np.split(samples.value, samples.offset[1:-1])]
                if samples.ids
                else [],
                dtype=pl.Boolean,
            ),
        }
    )
    measured: list[Row] = []
    for batch in batches(samples, limits.min_samples):
        measured += _measure(batch, prepare(batch, limits), limits)
    figures = pl.DataFrame(
        measured,
        schema={
            "series_id": pl.String(),
            "n": pl.Int64(),
            "noise": pl.Float64(),
            "smallest_change": pl.Float64(),
            "smallest_change_day": pl.Float64(),
            "flat": pl.Boolean(),
        },
        orient="row",
    )
    # only rows without a usable value can be a series without a sample
    return (
        given.join(counts, on="series_id", how="left")
        .join(figures, on="series_id", how="left")
        .with_columns(pl.col("samples").fill_null(0))
        .with_columns(
            outcome=pl.when(pl.col("samples") == 0)
            .then(pl.lit(NO_VALUE))
            .when(~pl.col("any"))
            .then(pl.lit(ALL_ZERO))
            .when(pl.col("n").is_null())
            .then(pl.lit(TOO_FEW))
            .when("flat")
            .then(pl.lit(CONSTANT))
            .otherwise(pl.lit(JUDGED))
        )
        .select(*SCHEMA)
        .sort("series_id")
    )


def _measure(batch: Batch, ready: Prepared, limits: Limits) -> list[Row]:
    rows: list[Row] = []
    newest = batch.ts > batch.ts[:, -1:] - _DAY_US
    at = np.arange(batch.ts.shape[1])
    for i, n in enumerate(batch.count.tolist()):
        w, scale, single = ready.w[i, :n], float(ready.scale[i]), float(ready.single[i])
        t = needed_t(n, limits.alpha, round(effective_samples(n, scale, single)))
        level = 1.0
        if batch.is_sqrt[i]:
            level = float(np.average(ready.y[i, :n], weights=w))
        after = int(np.clip((newest[i] & (at < n)).sum(), limits.min_newest, max(n // 2, 1)))
        span = int(batch.ts[i, n - 1] - batch.ts[i, 0])
        young = SHORT_SPAN_US < span < 7 * _DAY_US
        least = max(limits.first_week - 1 if young else 0.0, limits.smallest)
        sizes = []
        for split in (n // 2, n - after):
            error = scale * _error(w, split)
            size = smallest_change(error, t)
            if batch.is_sqrt[i]:
                # the same, from the root of the old level to the root of the new one
                size = (1 + t * error / level) ** 2 - 1
            sizes.append(max(size, least))
        flat = bool(np.ptp(batch.y[i, :n]) == 0)
        noise = scale / math.sqrt(float(np.median(w)))
        rows.append((batch.ids[i], n, noise, sizes[0], sizes[1], flat))
    return rows


def _error(w: Floats, split: int) -> float:
    """Give the standard error of the difference of both sides, for a scale of one."""
    return math.sqrt(1 / float(w[:split].sum()) + 1 / float(w[split:].sum()))
