"""Find changes of level in many performance series at once."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from perf_pipeline.regressions.evidence import interval_factor, search_p_value
from perf_pipeline.regressions.noise import (
    MAD,
    NOISE_FLOOR,
    long_run_scale,
    row_median,
    running_median,
    sample_variance,
)
from perf_pipeline.regressions.season import remove_season
from perf_pipeline.regressions.segment import block_size, boundaries, optimal_partition
from perf_pipeline.regressions.series import Batch, Floats, batches, transform, validate

SCHEMA = {
    "series_id": pl.String,
    "change_ts": pl.Datetime("us"),
    "direction": pl.String,
    "relative_change": pl.Float64,
    "p_value": pl.Float64,
    "relative_change_low": pl.Float64,
    "relative_change_high": pl.Float64,
    "old_level": pl.Float64,
    "new_level": pl.Float64,
    "n_before": pl.Int64,
    "n_after": pl.Int64,
}


@dataclass(frozen=True)
class Tuning:
    min_samples: int = 12
    min_segment: int = 6
    min_newest: int = 5
    penalty: float = 5.0
    alpha: float = 1e-4
    floor: float = 0.05
    clip: float = 1.5
    consistent: float = 0.7
    consistent_n: int = 12
    unseen_factor: float = 3.0
    max_segment_blocks: int = 320
    df: float = 0.5


DEFAULT = Tuning()
_HOUR_US = 3_600_000_000


def detect(series: pl.DataFrame, tuning: Tuning = DEFAULT) -> pl.DataFrame:
    rows: list[tuple] = []
    for batch in batches(transform(validate(series)), tuning.min_samples):
        rows += _detect_batch(batch, tuning)
    out = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return out.sort("series_id", "change_ts")


def _detect_batch(batch: Batch, tuning: Tuning) -> list[tuple]:
    s, n = batch.y.shape
    valid = np.arange(n) < batch.count[:, None]
    y = remove_season(batch, valid)
    centre = running_median(y, batch.count)
    residual = np.where(valid, y - centre, 0.0)
    inner = valid & (np.arange(n) >= 3) & (np.arange(n) < (batch.count - 3)[:, None])
    variance = sample_variance(residual, batch.calls, inner) * 1.2
    limit = tuning.clip * np.sqrt(variance)
    clipped = centre + np.clip(residual, -limit, limit)
    w = np.where(valid, 1.0 / variance, 0.0)
    scale = long_run_scale(clipped, w, batch.count, valid)
    size = block_size(n)
    # Blocks are aligned with the newest sample, so that a fresh change is not cut.
    shift = (-batch.count) % size
    blocks = (batch.count + shift) // size
    t = -(-n // size) + 1
    at = (np.arange(n) + shift[:, None]) // size
    index = (np.arange(s)[:, None] * t + at).ravel()
    sw = np.bincount(index, weights=w.ravel(), minlength=s * t).reshape(s, t)
    swy = np.bincount(index, weights=(w * clipped).ravel(), minlength=s * t).reshape(s, t)
    sw = np.maximum(sw, 1e-9)
    penalty = tuning.penalty * scale**2 * np.log(batch.count)
    back = optimal_partition(
        np.ascontiguousarray(sw.T),
        np.ascontiguousarray(swy.T),
        penalty,
        blocks,
        -(-tuning.min_segment // size),
        tuning.max_segment_blocks,
    )
    out: list[tuple] = []
    for i, cuts in enumerate(boundaries(back, blocks)):
        if cuts:
            at_samples = [c * size - int(shift[i]) for c in cuts]
            out += _judge(batch, i, at_samples, clipped[i], w[i], float(scale[i]), tuning)
    return out


def _judge(batch, i, cuts, y, w, scale, tuning) -> list[tuple]:
    n = int(batch.count[i])
    cw = np.concatenate([[0.0], np.cumsum(w[:n])])
    cy = np.concatenate([[0.0], np.cumsum((w * y)[:n])])
    edges = _refine([0, *cuts, n], cw, cy, tuning, 3)
    df = max(tuning.df * n - 2, 3.0)
    floor = math.log1p(tuning.floor)

    def weakness(a, b, c):
        wl, wr = cw[b] - cw[a], cw[c] - cw[b]
        old, new = (cy[b] - cy[a]) / wl, (cy[c] - cy[b]) / wr
        d = new - old
        t = abs(d) / (scale * math.sqrt(1 / wl + 1 / wr))
        p = search_p_value(t, df, n)
        if abs(d) < floor:
            return 4.0 - abs(d)
        if p > tuning.alpha:
            return 2.0 + p
        if not _consistent(y, a, b, c, old, new, tuning):
            return 1.5
        if abs(d) < math.log(tuning.unseen_factor) and _unseen(batch.ts[i], b, c, n):
            return 1.2
        return p

    while len(edges) > 2:
        weak = [weakness(*k) for k in zip(edges, edges[1:], edges[2:], strict=False)]
        k = int(np.argmax(weak))
        if weak[k] <= 1:
            break
        del edges[k + 1]
        edges = _refine(edges, cw, cy, tuning, 6)
    out = []
    z = interval_factor()
    for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
        wl, wr = cw[b] - cw[a], cw[c] - cw[b]
        old, new = (cy[b] - cy[a]) / wl, (cy[c] - cy[b]) / wr
        se = scale * math.sqrt(1 / wl + 1 / wr)
        d = new - old
        p = search_p_value(d / se, df, n)
        centre = float(batch.centre[i])
        if batch.is_sqrt[i]:
            lo, hi = max(new - z * se, 0.0), new + z * se
            ratio = [(v / old) ** 2 - 1 if old > 0 else math.inf for v in (new, lo, hi)]
            levels = (old**2 * centre, new**2 * centre)
        else:
            ratio = [math.expm1(v) for v in (d, d - z * se, d + z * se)]
            levels = (math.exp(old) * centre, math.exp(new) * centre)
        out.append(
            (
                batch.ids[i],
                int(batch.ts[i, b]),
                "up" if d > 0 else "down",
                ratio[0],
                p,
                ratio[1],
                ratio[2],
                *levels,
                b - a,
                c - b,
            )
        )
    return out


def _consistent(y, a, b, c, old, new, tuning) -> bool:
    middle = (old + new) / 2
    up = new > old
    for lo, hi, above in ((a, b, not up), (b, c, up)):
        k = hi - lo
        if k <= tuning.consistent_n:
            share = (
                float((y[lo:hi] > middle).mean()) if above else float((y[lo:hi] < middle).mean())
            )
            if share < tuning.consistent:
                return False
    return True


def _unseen(ts, b, c, n) -> bool:
    """Whether most of the new level lies at hours or on weekends not seen before it."""
    if ts[n - 1] - ts[0] <= 3 * _HOUR_US:
        return False
    slot = _slots(ts[:n])
    seen = np.zeros(48, dtype=bool)
    before = slot[:b]
    seen[before] = True
    base = before // 24 * 24
    seen[base + (before + 1) % 24] = True
    seen[base + (before - 1) % 24] = True
    return bool(seen[slot[b:c]].mean() < 0.5)


def _slots(ts):
    hour = ts // _HOUR_US
    return hour % 24 + 24 * ((hour // 24 + 3) % 7 >= 5)


def _refine(edges, cw, cy, tuning, reach):
    edges = list(edges)
    last = len(edges) - 2
    for k in range(1, len(edges) - 1):
        a, b, c = edges[k - 1], edges[k], edges[k + 1]
        after = tuning.min_newest if k == last else tuning.min_segment
        lo, hi = max(a + tuning.min_segment, b - reach), min(c - after, b + reach)
        if lo >= hi:
            continue
        at = np.arange(lo, hi + 1)
        gain = (cy[at] - cy[a]) ** 2 / (cw[at] - cw[a]) + (cy[c] - cy[at]) ** 2 / (cw[c] - cw[at])
        edges[k] = int(at[gain.argmax()])
    return edges
