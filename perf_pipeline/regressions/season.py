"""Daily and weekly season: robust profiles, removed only where they explain enough."""

import numpy as np

from perf_pipeline.regressions.noise import MAD, NOISE_FLOOR, running_median
from perf_pipeline.regressions.series import Batch, Bools, Floats, Ints, near_median, row_median

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US

#: Variance of a median of n normal values over that of their mean, (pi / 2) / n.
_MEDIAN_COST = 1.57
#: A profile is applied if its variance is this many times what noise alone would give it ...
_SIGNIFICANCE = 3.0
#: ... and at least this share of the noise variance around it.
_WORTH = 0.03
_MIN_DAYS = 3
_MIN_WEEKENDS = 1


def _cube(batch: Batch, valid: Bools, y: Floats) -> tuple[Floats, Bools, Ints, Ints, Ints]:
    """Means per (series, day, hour); days are ranks, so that gaps cost nothing."""
    s, n = y.shape
    day = batch.ts // _DAY_US
    hour = batch.ts // _HOUR_US % 24
    rank = np.zeros((s, n), dtype=np.int64)
    np.cumsum(day[:, 1:] != day[:, :-1], axis=1, out=rank[:, 1:])
    days = int(rank.max()) + 1
    cell = (np.arange(s)[:, None] * days + rank) * 24 + hour
    size = s * days * 24
    weight = valid.astype(np.float64).ravel()
    k = np.bincount(cell.ravel(), weights=weight, minlength=size)
    total = np.bincount(cell.ravel(), weights=weight * y.ravel(), minlength=size)
    filled = k > 0
    mean: Floats = np.divide(total, k, out=np.zeros(size), where=filled)
    number = np.zeros((s, days), dtype=np.int64)
    number[np.repeat(np.arange(s), n), rank.ravel()] = day.ravel()
    shape = (s, days, 24)
    return mean.reshape(shape), filled.reshape(shape), rank, hour, number


def _shrink(profile: Floats, noise: Floats, per_slot: Floats) -> Floats:
    """Factor 0..1 for a profile: 0 unless significant, less for one that is partly noise."""
    variance = (profile**2).mean(axis=1)
    expected = _MEDIAN_COST * noise**2 / np.maximum(per_slot, 1.0)
    good = (variance > _SIGNIFICANCE * expected) & (variance > _WORTH * noise**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = 1.0 - expected / variance
    return np.where(good, factor, 0.0)


def remove_season(batch: Batch) -> Floats:
    """Subtract the hour-of-day and the weekend profile where they explain enough.

    The hour-of-day profile is the median over days of the hour's distance from its day's
    median, over days with most of their hours, from `_MIN_DAYS` such days on. The weekend
    profile is the median distance of Saturdays and Sundays from the running median of the
    week's days, from the first full weekend on. Both are shrunk by the noise in them and
    dropped if they are no larger than noise.

    Returns
    -------
    ndarray, shape (s, n)
        `batch.y` without season.

    """
    y, valid = batch.y, batch.valid
    s = len(y)
    long_enough = batch.ts[:, -1] - batch.ts[:, 0] >= _MIN_DAYS * _DAY_US
    if not long_enough.any():
        return y
    mean, filled, rank, hour, number = _cube(batch, valid, y)
    days = mean.shape[1]
    per_day: Ints = filled.sum(axis=2)
    daily = row_median(mean.reshape(-1, 24), filled.reshape(-1, 24)).reshape(s, days)
    usual = row_median(per_day.astype(np.float64), per_day > 0)
    whole = (per_day >= np.maximum(0.75 * usual, 2)[:, None]) & ((usual >= 2) & long_enough)[
        :, None
    ]
    if whole.any():
        use = filled & whole[:, :, None]
        distance = (mean - daily[:, :, None]).transpose(0, 2, 1)
        use_t = np.ascontiguousarray(use.transpose(0, 2, 1))
        distance = np.ascontiguousarray(distance)
        hourly = row_median(distance.reshape(-1, days), use_t.reshape(-1, days)).reshape(s, 24)
        k = use_t.sum(axis=2)
        hourly = np.where(k >= _MIN_DAYS, hourly, 0.0)
        left = np.abs(distance - hourly[:, :, None])
        noise = np.maximum(
            MAD * near_median(left.reshape(s, -1), use_t.reshape(s, -1)), NOISE_FLOOR / 2
        )
        slots = (k > 0).sum(axis=1)
        per_slot = k.sum(axis=1) / np.maximum(slots, 1)
        scaled = hourly * np.sqrt(24 / np.maximum(slots, 1))[:, None]
        factor = np.where(whole.sum(axis=1) >= _MIN_DAYS, _shrink(scaled, noise, per_slot), 0.0)
        hourly *= factor[:, None]
        y = y - hourly[np.arange(s)[:, None], hour]
        mean = mean - hourly[:, None, :]
        daily = row_median(mean.reshape(-1, 24), filled.reshape(-1, 24)).reshape(s, days)
    without: Floats = y - _weekend(daily, number, per_day, rank)
    return without


def _weekend(daily: Floats, number: Ints, per_day: Ints, rank: Ints) -> Floats:
    s, days = daily.shape
    if days < 10:
        return np.zeros(rank.shape)
    width = max(days, 7)
    real = per_day > 0
    count = real.sum(axis=1)
    padded = np.zeros((s, width))
    padded[:, :days] = daily
    level = running_median(padded, count)[:, :days]
    # Day 0 of the epoch was a Thursday.
    weekend = ((number + 3) % 7 >= 5) & real
    work = ~weekend & real
    distance = daily - level
    gap = row_median(distance, weekend) - row_median(distance, work)
    at = row_median(distance, work)
    left = distance - np.where(weekend, (gap + at)[:, None], at[:, None])
    noise = np.maximum(MAD * near_median(np.abs(left), real), NOISE_FLOOR / 2)
    k = weekend.sum(axis=1)
    enough = (k >= 2 * _MIN_WEEKENDS) & (work.sum(axis=1) >= 5) & (count >= 10)
    factor = np.where(enough, _shrink(gap[:, None], noise, k.astype(np.float64)), 0.0)
    profile: Floats = np.where(weekend, (gap * factor)[:, None], 0.0)
    return profile[np.arange(s)[:, None], rank]
