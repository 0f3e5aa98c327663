"""Find changes of level in many performance series at once."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from perf_pipeline.regressions.evidence import interval_factor
from perf_pipeline.regressions.noise import FEW, local_level, noise_scales
from perf_pipeline.regressions.prune import Limits, changes
from perf_pipeline.regressions.season import remove_season
from perf_pipeline.regressions.segment import block_sums, boundaries, optimal_partition
from perf_pipeline.regressions.series import (
    Batch,
    Floats,
    Ints,
    Samples,
    batches,
    clean,
    validate,
)
from perf_pipeline.regressions.track import Change, Track

SCHEMA: dict[str, pl.DataType] = {
    "series_id": pl.String(),
    "change_ts": pl.Datetime("us"),
    "direction": pl.String(),
    "relative_change": pl.Float64(),
    "p_value": pl.Float64(),
    "relative_change_low": pl.Float64(),
    "relative_change_high": pl.Float64(),
    "old_level": pl.Float64(),
    "new_level": pl.Float64(),
    "n_before": pl.Int64(),
    "n_after": pl.Int64(),
}

DEFAULT = Limits()

Row = tuple[str, int, str, float, float, float, float, float, float, int, int]


def detect(series: pl.DataFrame, limits: Limits = DEFAULT) -> pl.DataFrame:
    """Find the changes of level of each series.

    Per series: logarithm (square root where there are zeros); robust hour-of-day and weekend
    profile, removed if it explains enough; outliers clipped at a running median; exact
    segmentation with a penalty in units of the long-run noise; then every proposed change must
    show a p-value of at most `limits.alpha` (corrected for the search), a size of at least
    `limits.smallest`, samples that mostly agree, and must not be a spike, a weekend, a first
    morning or a return after a short visit. A slow drift is one change at its start.

    Parameters
    ----------
    series : DataFrame
        `series_id` str; `ts` datetime, naive UTC, in any order, irregular, with gaps;
        `value` f64; `calls` i64, calls behind the value (optional; null = unknown); `metric`
        str, one of `latency_ms`, `p95_ms`, `throughput`, `error_rate`, `generic` (optional).
        Null, NaN, infinite and negative values are missing; samples with the same timestamp
        count as one, their mean weighted by calls.
    limits : Limits
        What a change must show.

    Returns
    -------
    DataFrame
        One row per change, sorted by `series_id` and `change_ts`: `series_id` str;
        `change_ts` datetime, first sample of the new level; `direction` `up` or `down` (of the
        value); `relative_change` f64, new level / old level - 1 (infinite from a level of 0);
        `p_value` f64, probability of as much evidence anywhere in a series without a change;
        `relative_change_low`, `relative_change_high` f64, 90 % interval; `old_level`,
        `new_level` f64, typical value (geometric mean; mean where there are zeros)
        in the unit of `value`; `n_before`,
        `n_after` i64, samples of either level. Series are judged each for itself; for the
        false discovery rate over all of a run see `false_discovery`.

    Raises
    ------
    InputError
        A column is missing, has another dtype, or a metric is unknown.

    """
    return detect_clean(clean(validate(series)), limits)


def detect_clean(samples: Samples, limits: Limits = DEFAULT) -> pl.DataFrame:
    """Do as `detect` does with samples that are clean already: see `series.clean`."""
    rows: list[Row] = []
    for batch in batches(samples, limits.min_samples):
        rows += _detect_batch(batch, limits)
    found = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return found.sort("series_id", "change_ts")


def detect_arrays(offset: Ints, ts: Ints, value: Floats, calls: Floats) -> pl.DataFrame:
    """Do as `detect` does with latencies that lie in arrays.

    Parameters
    ----------
    offset : ndarray of int64, shape (series + 1,)
        Where each series starts in the arrays that follow.
    ts : ndarray of int64
        Microseconds since the epoch, ascending within a series.
    value, calls : ndarray of float64
        Finite, above 0.

    Returns
    -------
    DataFrame
        As of `detect`, but `series_id` i64: the number of the series.

    """
    ids = [f"{number:09}" for number in range(len(offset) - 1)]
    found = detect_clean(Samples(ids, offset, ts, value, calls))
    return found.with_columns(pl.col("series_id").cast(pl.Int64))


@dataclass(frozen=True)
class Prepared:
    """A batch ready to be judged; `raw`, `y`, `w` have shape (s, n), the noise (s,).

    Attributes
    ----------
    raw, y : ndarray of float64
        Transformed values without season; the same with outliers clipped.
    w : ndarray of float64
        Inverse variance of each sample, 0 where there is none.
    scale, single : ndarray of float64
        See `noise.noise_scales`.

    """

    raw: Floats
    y: Floats
    w: Floats
    scale: Floats
    single: Floats


def prepare(batch: Batch, limits: Limits) -> Prepared:
    """Remove season and outliers, and measure the noise of each series."""
    raw = remove_season(batch)
    centre, variance = local_level(raw, batch)
    # Counts come in small numbers: most of what a median calls outliers are just ones and twos.
    clip = np.where(batch.is_sqrt, 2 * limits.clip, limits.clip)[:, None] * np.sqrt(variance)
    y = np.where(batch.valid, centre + np.clip(raw - centre, -clip, clip), centre)
    w = np.where(batch.valid, 1.0 / variance, 0.0)
    scale, single = noise_scales(y, w, batch)
    return Prepared(raw, y, w, scale, single)


def _detect_batch(batch: Batch, limits: Limits) -> list[Row]:
    ready = prepare(batch, limits)
    blocks = block_sums(ready.w, ready.y, batch.count)
    # Autocorrelation cannot be read from a few samples: propose more there, and judge.
    cost = np.where(batch.count <= FEW, ready.single, ready.scale)
    penalty = limits.penalty * cost**2 * np.log(batch.count)
    back = optimal_partition(blocks, penalty, -(-limits.min_segment // blocks.size))
    reach = max(3, blocks.size)
    rows: list[Row] = []
    for i, cuts in enumerate(boundaries(back, blocks)):
        if cuts:
            n = int(batch.count[i])
            noise = (float(ready.scale[i]), float(ready.single[i]))
            track = Track(batch.ts[i, :n], ready.raw[i, :n], ready.y[i, :n], ready.w[i, :n], noise)
            rows += [_row(batch, i, track, k) for k in changes(track, cuts, limits, reach)]
    return rows


def _row(batch: Batch, i: int, track: Track, change: Change) -> Row:
    """Back from transformed units to the value's."""
    centre = float(batch.centre[i])
    margin = interval_factor() * change.error
    if batch.is_sqrt[i]:
        # The mean of few counts, not the square of their mean root, which is smaller.
        old = track.mean_square(change.a, change.b)
        new = track.mean_square(change.settled, change.c)
        root = math.sqrt(new)
        ends = (new, max(root - margin, 0.0) ** 2, (root + margin) ** 2)
        ratios = [v / old - 1 if old > 0 else math.inf for v in ends]
    else:
        old, new = math.exp(change.old), math.exp(change.new)
        ratios = [math.expm1(change.shift + k) for k in (0.0, -margin, margin)]
    return (
        batch.ids[i],
        int(batch.ts[i, change.b]),
        "up" if change.shift > 0 else "down",
        ratios[0],
        change.p_value,
        ratios[1],
        ratios[2],
        old * centre,
        new * centre,
        change.b - change.a,
        change.c - change.settled,
    )
