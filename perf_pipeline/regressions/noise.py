"""How noisy a series is: per sample, from its calls, and over long runs (autocorrelation)."""

import itertools

import numpy as np

from perf_pipeline.regressions.segment import block_sums, boundaries, optimal_partition
from perf_pipeline.regressions.series import Batch, Bools, Floats, Ints, near_median, row_median

#: Standard deviation of a normal distribution over its median absolute deviation.
MAD = 1.4826

#: Smallest noise (transformed units) believed: half a per cent. Rounded or constant values
#: would otherwise make every last digit a change.
NOISE_FLOOR = 0.005

#: Smallest long-run noise, in units of what the samples' own noise promises.
_SCALE_FLOOR = 0.6
#: Fewest samples either side of the change taken out before the noise is estimated.
_EDGE = 5
#: Samples up to which autocorrelation cannot be told from chance.
FEW = 64
#: See `noise_scales`.
_SUSPECT, _LASTS = 2.5, 12
#: Samples per block when lasting levels are searched for: their ends need not be exact.
_COARSE = 4
#: Penalties tried for a lasting level, in units of the noise of differences of neighbours; the
#: first is so high that what it finds is taken in any case.
_JUMPS = (50.0, 20.0, 8.0)
#: Times ln n: what a change of level must gain in likelihood, its place and size included.
_LEVEL_COST = 4.0
#: Largest autocorrelation believed: above, noise cannot be told from changes of level.
_MAX_RHO = 0.8
#: The correlation of neighbouring residuals around two fitted levels is too small by about
#: (a + b rho) / n: set by simulation of first-order autoregressions of 24 to 200 samples.
_RHO_BIAS = (2.5, 7.0)
#: Times 1 / sqrt n: how far the estimate from differences may be off.
_RHO_MARGIN = 1.5
#: Fewest differences of neighbouring blocks worth a standard deviation.
_MIN_PAIRS = 12
#: Variance of the clipped residuals understates the noise of a sample by this factor: the
#: running median follows it a little.
_MEDIAN_FOLLOWS = 1.2
#: Least noise in units of the mean absolute residual; 1.25 for a normal distribution.
_MEAN_SHARE = 0.75
#: A sample with this many times a neighbour's variance gives way to it in the running median.
_FAR_NOISIER = 4.0
#: Root mean square of a standard normal variable winsorised at 2.5.
_WINSORISED = 0.989

#: Comparators that leave the median of seven in the middle (the published optimal network).
_MEDIAN7 = (
    (0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4),
    (1, 3), (3, 4),
)  # fmt: skip


def running_median(y: Floats, count: Ints) -> Floats:
    """Median of seven consecutive samples, centred; shape (s, n) -> (s, n).

    The first and last three samples take the nearest full window's: a spike of up to three
    samples at the newest edge therefore does not move the median.
    """
    s, n = y.shape
    lanes = [y[:, k : n - 6 + k].copy() for k in range(7)]
    for a, b in _MEDIAN7:
        low = np.minimum(lanes[a], lanes[b])
        np.maximum(lanes[a], lanes[b], out=lanes[b])
        lanes[a] = low
    out = np.empty_like(y)
    out[:, 3 : n - 3] = lanes[3]
    edge = np.maximum(count - 4, 3)
    at_edge = out[np.arange(s), edge]
    out = np.where(np.arange(n) > edge[:, None], at_edge[:, None], out)
    out[:, :3] = out[:, 3:4]
    return out


def sample_variance(residual: Floats, calls: Floats, valid: Bools) -> Floats:
    """Variance of each sample, modelled as a + b / calls with a, b >= 0; shape (s, n).

    A mean over few calls is noisier than one over many; both parts are fitted by two rounds of
    weighted least squares on squared residuals clipped at three robust standard deviations.
    """
    residual = np.where(valid, residual, 0.0)
    scale = np.maximum(MAD * near_median(np.abs(residual), valid), NOISE_FLOOR)
    v = valid.astype(np.float64)
    e = np.minimum((residual / scale[:, None]) ** 2, 9.0) * v
    x = row_median(calls, valid)[:, None] / calls
    # Far fewer calls than usual say little about the slope and would dominate it.
    x = np.minimum(x, 100.0)
    w = v.copy()
    a = np.zeros(len(scale))
    b = np.zeros(len(scale))
    square, product = x * x, x * e
    for _ in range(3):
        s0 = w.sum(1)
        sx, sxx, se, sxe = (np.einsum("ij,ij->i", w, of) for of in (x, square, e, product))
        det = s0 * sxx - sx * sx
        safe = det > 1e-9 * np.maximum(s0 * sxx, 1e-300)
        with np.errstate(divide="ignore", invalid="ignore"):
            b = np.where(safe, (s0 * sxe - sx * se) / det, 0.0)
            a = np.where(safe, (se - b * sx) / s0, se / np.maximum(s0, 1e-300))
            only_b = np.where(sxx > 0, sxe / sxx, 0.0)
            only_a = se / np.maximum(s0, 1e-300)
        b, a = (
            np.where(a < 0, only_b, np.maximum(b, 0.0)),
            np.where(a < 0, 0.0, np.where(b < 0, only_a, a)),
        )
        w = v / np.maximum(a[:, None] + b[:, None] * x, 1e-3) ** 2
    fitted = a[:, None] + b[:, None] * x
    # The clipped mean square is only a shape; the level comes from the robust scale below.
    fitted /= np.maximum(near_median(fitted, valid), 1e-12)[:, None]
    fitted = np.clip(fitted, 0.01, 100.0)
    standard = np.abs(residual) / np.sqrt(fitted)
    # Where most residuals are the same (counts, mostly zero), the median says nothing.
    mean = (standard * v).sum(1) / np.maximum(v.sum(1), 1.0)
    level = np.maximum(MAD * near_median(standard, valid), _MEAN_SHARE * mean)
    level = np.maximum(level, NOISE_FLOOR)
    variance: Floats = _MEDIAN_FOLLOWS * fitted * level[:, None] ** 2
    return variance


def local_level(raw: Floats, batch: Batch) -> tuple[Floats, Floats]:
    """Take the running median of each sample's surroundings, and the variance of each sample.

    A running median counts every sample alike. Where a sample is far noisier than a neighbour
    (few calls), the neighbours' weighted mean takes its place, or it would drag the level of
    the precise ones along.

    Returns
    -------
    tuple of ndarray, shape (s, n) each

    """
    centre = running_median(raw, batch.count)
    variance = sample_variance(raw - centre, batch.calls, batch.valid)
    around = np.full((2, *raw.shape), np.inf)
    around[0, :, 1:] = np.where(batch.valid[:, :-1], variance[:, :-1], np.inf)
    around[1, :, :-1] = np.where(batch.valid[:, 1:], variance[:, 1:], np.inf)
    noisy = batch.valid & (variance > _FAR_NOISIER * around.min(axis=0))
    if not noisy.any():
        return centre, variance
    own, left, right = 1.0 / variance, 1.0 / around[0], 1.0 / around[1]
    total = own * raw
    total[:, 1:] += left[:, 1:] * raw[:, :-1]
    total[:, :-1] += right[:, :-1] * raw[:, 1:]
    smooth = np.where(noisy, total / (own + left + right), raw)
    centre = running_median(smooth, batch.count)
    return centre, sample_variance(raw - centre, batch.calls, batch.valid)


def _spread(d: Floats, pairs: Bools) -> Floats:
    """Estimate each row's standard deviation from cells winsorised at 2.5 robust ones."""
    mean = (np.abs(d) * pairs).sum(axis=1) / np.maximum(pairs.sum(axis=1), 1)
    limit = 2.5 * np.maximum(MAD * near_median(np.abs(d), pairs), _MEAN_SHARE * mean)
    squares = np.minimum(d * d, (limit * limit)[:, None]) * pairs
    square = squares.sum(axis=1) / np.maximum(pairs.sum(axis=1), 1)
    spread: Floats = np.sqrt(square) / _WINSORISED
    return spread


def _two_levels(y: Floats, w: Floats, count: Ints) -> Floats:
    """Weighted means before and after the best single change of level, per sample.

    In a short series one change would otherwise count as noise and hide itself.
    """
    cw = np.cumsum(w, axis=1)
    cy = np.cumsum(w * y, axis=1)
    tw, ty = cw[:, -1:], cy[:, -1:]
    at = np.arange(y.shape[1])
    inside = (at >= _EDGE - 1) & (at < (count - _EDGE)[:, None])
    rest = np.maximum(tw - cw, 1e-12)
    gain = np.where(inside, cy * cy / np.maximum(cw, 1e-12) + (ty - cy) ** 2 / rest, -np.inf)
    split = gain.argmax(axis=1)
    rows = np.arange(len(split))
    before = (cy[rows, split] / cw[rows, split])[:, None]
    after = ((ty[:, 0] - cy[rows, split]) / rest[rows, split])[:, None]
    levels: Floats = np.where(at <= split[:, None], before, after)
    return levels


def _autocorrelation(y: Floats, w: Floats, count: Ints, valid: Bools, lag: list[Floats]) -> Floats:
    """Estimate the correlation of neighbouring samples, 0 to `_MAX_RHO`; shape (s,).

    The correlation of the residuals, corrected for the two levels that were taken out of few
    samples, is the precise estimate; changes of level that are still there make it too large. The
    differences of samples one and two apart hardly see those, but scatter twice as much: they
    bound it.
    """
    z = np.where(valid, y * np.sqrt(w), 0.0)
    n = np.maximum(count, 8).astype(np.float64)
    square = (z * z).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = np.where(square > 0, (z[:, 1:] * z[:, :-1]).sum(axis=1) / square, 0.0)
        ratio = np.where(lag[0] > 0, lag[1] / lag[0] - 1.0, 0.0)
    direct = (direct * n / (n - 1) + _RHO_BIAS[0] / n) / np.maximum(1 - _RHO_BIAS[1] / n, 0.5)
    margin = _RHO_MARGIN / np.sqrt(n)
    return np.clip(np.clip(direct, ratio - margin, ratio + margin), 0.0, _MAX_RHO)


def long_run_scale(
    y: Floats, w: Floats, count: Ints, valid: Bools
) -> tuple[Floats, Floats, Floats]:
    """Factor by which means over long runs are noisier than independent samples; shape (s,).

    Robust spread of the differences of neighbouring block means, in units of what the weights
    promise, for blocks of 1, 2, 4, 8 and 16 samples where there are at least `_MIN_PAIRS`
    differences, and the long-run value of a first-order autoregression read from the
    differences one and two samples apart. The largest counts: autocorrelated noise must not be
    mistaken for changes of level. Differences, because they hardly see the changes themselves.
    Also returns the factor of single samples, which autocorrelation has no part in, and the
    smaller of it and that of differences of neighbours, which slow swings have no part in.
    """
    y = y - _two_levels(y, w, count)
    s, n = y.shape
    wv = w * valid
    inverse = 1.0 / np.maximum(w, 1e-12)
    single: Floats = np.maximum(_spread(np.where(valid, y * np.sqrt(w), 0.0), valid), _SCALE_FLOOR)
    lag = []
    for h in (1, 2):
        pairs = valid[:, h:]
        d = (y[:, h:] - y[:, :-h]) / np.sqrt(inverse[:, h:] + inverse[:, :-h])
        lag.append(_spread(np.where(pairs, d, 0.0), pairs) ** 2)
    rho = _autocorrelation(y, w, count, valid, lag)
    out: Floats = np.maximum(single, np.sqrt(lag[0] * (1 + rho)) / (1 - rho))
    for size in (2, 4, 8, 16):
        blocks = n // size
        if blocks < _MIN_PAIRS + 1:
            break
        sw = wv[:, : blocks * size].reshape(s, blocks, size).sum(2)
        sy = (wv * y)[:, : blocks * size].reshape(s, blocks, size).sum(2)
        full = (np.arange(blocks) + 1) * size <= count[:, None]
        sw = np.where(full, sw, 1.0)
        mean = np.where(full, sy / sw, 0.0)
        d = (mean[:, 1:] - mean[:, :-1]) / np.sqrt(1 / sw[:, 1:] + 1 / sw[:, :-1])
        pairs = full[:, 1:]
        enough = pairs.sum(axis=1) >= _MIN_PAIRS
        out = np.maximum(out, np.where(enough, _spread(d, pairs), 0.0))
    short = np.minimum(single, np.maximum(np.sqrt(lag[0]), _SCALE_FLOOR))
    return out, single, short


def noise_scales(y: Floats, w: Floats, batch: Batch) -> tuple[Floats, Floats]:
    """Long-run noise and that of single samples, in units of what the weights promise.

    Where the long-run noise is suspiciously large, it may be levels that lasted: a statement that
    moves between two levels for days at a time has changed each time, and five changes must not
    hide one another. There the noise is taken again around levels of at least `_LASTS` samples, if
    these levels explain the series better than noise that wanders does (`_around_levels`).

    Returns
    -------
    tuple of ndarray, shape (s,) each

    """
    scale, single, short = long_run_scale(y, w, batch.count, batch.valid)
    wild = np.flatnonzero((scale > _SUSPECT * short) & (batch.count > FEW))
    if len(wild):
        around = _around_levels(y[wild], w[wild], batch.count[wild], short[wild])
        again, one, _ = long_run_scale(around, w[wild], batch.count[wild], batch.valid[wild])
        scale[wild] = np.minimum(scale[wild], again)
        single[wild] = np.minimum(single[wild], one)
    return scale, single


def _around_levels(y: Floats, w: Floats, count: Ints, short: Floats) -> Floats:
    """Subtract from each series the lasting levels that explain it better than autocorrelation.

    Of several segmentations the one with the least Bayesian information criterion is taken; none
    at all is one of them.
    """
    y = y.copy()
    blocks = block_sums(w, y, count, _COARSE)
    best = np.zeros(len(y))
    chosen: list[Floats] = [row.copy() for row in y]
    for jump in _JUMPS:
        back = optimal_partition(blocks, jump * short**2 * np.log(count), -(-_LASTS // blocks.size))
        for i, cuts in enumerate(boundaries(back, blocks)):
            n = int(count[i])
            if not cuts:
                continue
            residual = y[i].copy()
            for a, b in itertools.pairwise([0, *cuts, n]):
                residual[a:b] -= np.average(residual[a:b], weights=w[i, a:b])
            plain = _innovation(y[i, :n] - np.average(y[i, :n], weights=w[i, :n]), w[i, :n])
            left = _innovation(residual[:n], w[i, :n])
            gain = n * np.log(plain / left) - _LEVEL_COST * len(cuts) * np.log(n)
            if jump == _JUMPS[0] or gain > best[i]:
                best[i] = max(gain, 0.0)
                chosen[i] = residual
    return np.stack(chosen)


def _innovation(residual: Floats, w: Floats) -> float:
    """Variance of what is new in each sample, given the one before it; in units of the weights'."""
    z = residual * np.sqrt(w)
    square = float(z @ z)
    rho = float(z[1:] @ z[:-1]) / square if square > 0 else 0.0
    new = z[1:] - max(rho, 0.0) * z[:-1]
    return max(float(new @ new) / len(new), 1e-12)
