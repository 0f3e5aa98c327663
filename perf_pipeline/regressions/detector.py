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
    penalty: float = 3.0
    alpha: float = 1e-4
    floor: float = 0.05
    clip: float = 2.0
    consistent: float = 0.7
    consistent_n: int = 12
    consistent_newest: float = 0.82
    excursion: float = 1.2
    local: float = 1.0
    cold_factor: float = 1.5
    block: float = 1.4
    block_raw: bool = False
    block_n: int = 24
    visit_n: int = 8
    weekday_days: int = 21
    unseen_factor: float = 3.0
    max_segment_blocks: int = 320
    df: float = 0.9


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
    variance = sample_variance(residual, batch.calls, valid) * 1.2
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
    sw = np.where(sw > 0, sw, 1.0)
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
            out += _judge(batch, i, at_samples, clipped[i], y[i], w[i], float(scale[i]), tuning)
    return out


def _judge(batch, i, cuts, y, raw, w, scale, tuning) -> list[tuple]:
    n = int(batch.count[i])
    raw, w, y = raw[:n], w[:n], y[:n]
    cw = np.concatenate([[0.0], np.cumsum(w)])
    cy = np.concatenate([[0.0], np.cumsum(w * y)])
    cyy = np.concatenate([[0.0], np.cumsum(w * y * y)])
    edges = _refine([0, *cuts, n], cw, cy, tuning, 3)
    df = max(tuning.df * n - 2, 3.0)
    floor = math.log1p(tuning.floor)
    span = batch.ts[i, n - 1] - batch.ts[i, 0]

    def side(a, b):
        wt = cw[b] - cw[a]
        m = (cy[b] - cy[a]) / wt
        rms2 = max((cyy[b] - cyy[a]) - wt * m * m, 0.0) / max(b - a - 1, 1)
        return m, max(scale * scale, tuning.local * rms2 * scale) / wt

    def test(a, b, c):
        old, vl = side(a, b)
        new, vr = side(b, c)
        se = math.sqrt(vl + vr)
        return old, new, se, search_p_value((new - old) / se, df, n)

    def weakness(a, b, c):
        old, new, se, p = test(a, b, c)
        d = abs(new - old)
        if d < floor:
            return 4.0 - d
        if p > tuning.alpha:
            return 2.0 + p
        if not _consistent(raw, a, b, c, old, new, tuning):
            return 1.5
        if d < math.log(tuning.unseen_factor) and _unseen(batch.ts[i], b, c, n):
            return 1.2
        if d < math.log(tuning.cold_factor) and 3 * _HOUR_US < span < 168 * _HOUR_US:
            return 1.1
        if tuning.block:
            length = min(b - a, c - b)
            if length <= tuning.block_n and d < tuning.block * _block_noise(
                raw if tuning.block_raw else y, edges, cw, cy, length
            ):
                return 1.4
        if tuning.weekday_days and 3 * _HOUR_US < span < tuning.weekday_days * 24 * _HOUR_US:
            work = _slots(batch.ts[i, a:c]) < 24
            if not work.all():
                k = b - a
                if min(work[:k].sum(), work[k:].sum()) < 5:
                    return p if d >= math.log(tuning.unseen_factor) else 1.05
                m = w[a:c] * work
                wl, wr = m[:k].sum(), m[k:].sum()
                dd = (m[k:] * y[b:c]).sum() / wr - (m[:k] * y[a:b]).sum() / wl
                pp = search_p_value(dd / (scale * math.sqrt(1 / wl + 1 / wr)), df, n)
                if abs(dd) < floor or pp > tuning.alpha or (dd > 0) != (new > old):
                    return 1.06
        return p

    while len(edges) > 2:
        weak = [weakness(*k) for k in zip(edges, edges[1:], edges[2:], strict=False)]
        k = int(np.argmax(weak))
        if weak[k] <= 1:
            break
        del edges[k + 1]
        edges = _refine(edges, cw, cy, tuning, 6)
    k = 1
    while k < len(edges) - 2:
        a, b, c, e = edges[k - 1 : k + 3]
        l0, l1, l2 = (side(*q)[0] for q in ((a, b), (b, c), (c, e)))
        if c - b < tuning.visit_n and abs(l2 - l0) < 0.35 * abs(l1 - l0):
            del edges[k : k + 2]
            k = 1
        else:
            k += 1
    out = []
    z = interval_factor()
    for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
        old, new, se, p = test(a, b, c)
        d = new - old
        centre = float(batch.centre[i])
        if batch.is_sqrt[i]:
            lo, hi = max(new - z * se, 0.0), new + z * se
            ratio = [(v / old) ** 2 - 1 if old > 0 else math.inf for v in (new, lo, hi)]
            levels = (old**2 * centre, new**2 * centre)
        else:
            ratio = [math.expm1(v) for v in (d, d - z * se, d + z * se)]
            levels = (math.exp(old) * centre, math.exp(new) * centre)
        out.append((
            batch.ids[i], int(batch.ts[i, b]), "up" if d > 0 else "down", ratio[0], p, ratio[1],
            ratio[2], *levels, b - a, c - b,
        ))
    return out


def _consistent(y, a, b, c, old, new, tuning) -> bool:
    middle = (old + new) / 2
    beyond = (y[:c] > middle) == (new > old)
    n_new, n_old = c - b, b - a
    if n_new <= tuning.consistent_n:
        share = tuning.consistent_newest if c == len(y) else tuning.consistent
        if beyond[b:].mean() < share:
            return False
        if tuning.excursion and c == len(y):
            # the longest earlier stay beyond the middle
            at = np.flatnonzero(~beyond[:b])
            runs = np.diff(np.concatenate([[-1], at, [b]])) - 1
            r = int(runs.max())
            if r >= 2 and n_new < tuning.excursion * r:
                return False
    return n_old > tuning.consistent_n or (~beyond[a:b]).mean() >= tuning.consistent


def _block_noise(y, edges, cw, cy, length) -> float:
    fitted = np.concatenate(
        [np.full(b - a, (cy[b] - cy[a]) / (cw[b] - cw[a])) for a, b in zip(edges, edges[1:])]
    )
    c = np.concatenate([[0.0], np.cumsum(y - fitted)])
    means = np.abs(c[length:] - c[:-length]) / length
    return float(np.quantile(means, 0.99))


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
