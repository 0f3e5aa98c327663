"""Find the days and series in which a change of level is possible at all; pure.

The detector is exact and takes half a millisecond a series: looking at 5,000 series as of each of
365 days would take a quarter of an hour. This screen looks at all of them in seconds, on means of
six hours, and keeps those in which two neighbouring stretches differ by a good part of what the
detector and the judge ask for. It depends on the day and on the series' own last `REACH_DAYS` days,
on nothing else: what is kept as of a day is the same for a day alone and for a year in one run.

It errs on the side of keeping: `benchmarks/regressions.py` prints what it loses.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perf_pipeline.store.hours import CALLS, HOURS, LOG_MEANS, Hours
from perf_pipeline.store.stretches import BLOCKS, WEEKS, Asked, Bools, Ints, Small, Stretches

#: Season and noise are read from five weeks: those before the week a day lies in, or, while a
#: series has fewer than `_KNOWN_DAYS` days there, those up to the end of the day itself.
_WINDOW = 7 * WEEKS
_KNOWN_DAYS = 14
#: Days before the earliest change asked for that decide what is kept: those of the longest old
#: level before it, and those its own season is read from.
REACH_DAYS = 21 + 7 + _WINDOW
#: Standard errors of the lower bound of a 90 % interval, which must reach the floor of a finding.
_BOUND = 1.645
#: A step of a creeping rise, which is no finding by itself: what the detector reports at all.
_STEP = math.log(1.05)
#: Share of what a finding needs that is enough to be looked at: of its size, and of its evidence,
#: a p-value of 1e-4 after a search over n samples, which makes max(4, n / 10) ln n comparisons.
SHARE = 0.9
_P_VALUE = 1e-4
#: Differences of neighbours from which on they say how large the noise is.
_PAIRS = 12
_PAIRS_OF_DAYS = 5
_MAD = 1.4826
#: Samples of a block from which on its largest and smallest are left out; of fewer, a block may lie
#: so many standard errors beyond its neighbours.
_TRIMMED = 3
_SPIKE = 3.5
#: A call alone says little: weight of a mean over n calls is n / (n + 10).
_WEIGHTS = (CALLS / (CALLS + 10)).astype(np.float32)
_LOGS = LOG_MEANS.astype(np.float32)
#: Cells of (series, block) worked on at once: what a core's cache holds.
_CELLS = 100_000


@dataclass(frozen=True)
class Blocks:
    """Six-hour means of series, shape (series, days, 4) each; `weight` and `count` 0 where none."""

    mean: Small
    weight: Small
    count: Small


@dataclass(frozen=True)
class Reference:
    """Season and noise by which series are judged on some days.

    Attributes
    ----------
    shape : ndarray, shape (..., 4)
        Distance of each block of the day from the day.
    weekend : ndarray, shape (...)
        Distance of Saturdays and Sundays from the days around them.
    short, long : ndarray, shape (...)
        Variance of a mean of unit weight, over less than a day, and over days; 0: unknown.

    """

    shape: Small
    weekend: Small
    short: Small
    long: Small


def blocks(hours: Hours, series: slice) -> Blocks:
    """Return the six-hour means of some series.

    The largest and the smallest of at least three hours are left out: a single slow hour is none
    of a level.
    """
    codes = hours.mean[series]
    size = HOURS // BLOCKS
    shape = (codes.shape[0], codes.shape[1] * BLOCKS, size)
    x, w = _LOGS[codes].reshape(shape), _WEIGHTS[hours.calls[series]].reshape(shape)
    there = (codes > 0).reshape(shape)
    count = np.zeros(shape[:2], np.float32)
    total, weight = np.zeros_like(count), np.zeros_like(count)
    high, low = np.full_like(count, -np.inf), np.full_like(count, np.inf)
    for k in range(size):
        is_there = there[:, :, k]
        value = np.where(is_there, x[:, :, k], 0)
        count += is_there
        total += value
        weight += w[:, :, k] * is_there
        np.maximum(high, np.where(is_there, value, -np.inf), out=high)
        np.minimum(low, np.where(is_there, value, np.inf), out=low)
    trimmed = count >= _TRIMMED
    with np.errstate(invalid="ignore"):
        total = np.where(trimmed, total - high - low, total)
    mean: Small = total / np.maximum(np.where(trimmed, count - 2, count), np.float32(1))
    daily = (codes.shape[0], codes.shape[1], BLOCKS)
    return Blocks(mean.reshape(daily), weight.reshape(daily), count.reshape(daily))


def possible(
    hours: Hours, since_days: int, floor: float, *, fresh_days: int = 0, share: float = SHARE
) -> Bools:
    """Say as of which days a series may have a change that began lately.

    Parameters
    ----------
    hours : Hours
        Days without samples before the first it has: the first `REACH_DAYS` + `since_days` days
        are told rightly only if nothing was before them.
    since_days : int
        Days up to the end of each day in which the change may begin.
    floor : float
        Logarithm of the least ratio of two levels that is a finding.
    fresh_days : int
        Days up to the end of each day in which it must have begun to show; default: `since_days`.
        What was seen for days and has not become clearer is no news.
    share : float
        Of what a finding needs.

    Returns
    -------
    ndarray of bool, shape (series, days)

    """
    count, days = hours.mean.shape[:2]
    made = np.zeros((count, days), dtype=bool)
    if not count or not days:
        return made
    step = max(1, _CELLS // (BLOCKS * days))
    spans = [slice(a, min(a + step, count)) for a in range(0, count, step)]

    def one(span: slice) -> None:
        within = (since_days, fresh_days or since_days)
        made[span] = _possible(blocks(hours, span), hours.first.weekday(), within, floor, share)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, spans))
    return made


def _possible(
    of: Blocks, weekday: int, within_days: tuple[int, int], floor: float, share: float
) -> Bools:
    days = of.mean.shape[1]
    used = references(of, weekday)
    free = (weekday + np.arange(days)) % 7 >= 5
    level = of.mean - used.shape
    level -= (used.weekend * free)[:, :, None]
    flat = (len(level), days * BLOCKS)
    stretches = Stretches(
        _without_spikes(
            level.reshape(flat),
            of.weight.reshape(flat),
            of.count.reshape(flat),
            np.repeat(used.short, BLOCKS, axis=1),
        ),
        of.weight.reshape(flat),
        of.count.reshape(flat),
        np.repeat(used.short, BLOCKS, axis=1),
        np.repeat(used.long, BLOCKS, axis=1),
        np.repeat(share * _limits(of.count), BLOCKS, axis=1),
    )
    since, fresh = (BLOCKS * days for days in within_days)
    creeping = Asked(share * min(_STEP, floor), 0.0)
    step, large = stretches.split((creeping, Asked(share * floor, share * _BOUND)), since, fresh)
    return large | (step & stretches.crept(share * floor))


def _without_spikes(level: Small, weight: Small, count: Small, unit: Small) -> Small:
    """Bring blocks of one or two samples near the two before them: one may be a slow hour.

    Only those before: what is seen as of a day must not depend on the days after it.
    """
    size = level.shape[1]
    number = np.where(weight > 0, np.arange(size), -1)
    newest = np.maximum.accumulate(number, axis=1)
    row = np.arange(len(level))[:, None]
    before = np.full_like(newest, -1)
    before[:, 1:] = newest[:, :-1]
    second = np.where(before > 0, newest[row, np.maximum(before - 1, 0)], -1)
    few = (weight > 0) & (count < _TRIMMED) & (second >= 0)
    series, block = np.nonzero(few)
    one = level[series, before[series, block]]
    two = level[series, second[series, block]]
    near = _SPIKE * np.sqrt(unit[series, block] / weight[series, block])
    made = level.copy()
    made[series, block] = np.clip(
        level[series, block], np.minimum(one, two) - near, np.maximum(one, two) + near
    )
    return made


def _limits(count: Small) -> Small:
    """Least difference in standard errors as of each day, from the samples of its window."""
    running = np.zeros((count.shape[0], count.shape[1] + _WINDOW), np.int64)
    np.cumsum(count.sum(axis=2), axis=1, out=running[:, _WINDOW:], dtype=np.int64)
    least: Small = _ERRORS[running[:, _WINDOW:] - running[:, :-_WINDOW]]
    return least


def _errors() -> Small:
    """Least difference in standard errors by the number of samples of the window."""
    normal = NormalDist()
    n = np.maximum(np.arange(_WINDOW * HOURS + 1), 3)
    comparisons = np.maximum(4.0, n / 10) * np.log(n)
    return np.array([normal.inv_cdf(1 - _P_VALUE / made / 2) for made in comparisons], np.float32)


_ERRORS = _errors()


def references(of: Blocks, weekday: int) -> Reference:
    """Return the season and noise each day is judged by, shape (series, days, ...).

    Parameters
    ----------
    of : Blocks
    weekday : int
        Of the first day; Monday 0.

    """
    count, days = of.mean.shape[:2]
    # the last day of the window of each day: the Sunday before its week
    sunday = np.arange(days) - (weekday + np.arange(days)) % 7 - 1
    there = (of.count > 0).any(axis=2)
    running = np.zeros((count, days + 1), np.int64)
    np.cumsum(there, axis=1, out=running[:, 1:])
    known = running[:, np.maximum(sunday + 1, 0)] - running[:, np.maximum(sunday + 1 - _WINDOW, 0)]
    young = (known < _KNOWN_DAYS) & (running[:, 1:] > running[:, :-1])
    anchors = np.unique(sunday[sunday >= 0])
    series = np.repeat(np.arange(count), len(anchors))
    weekly = _reference(of, series, np.tile(anchors, count), weekday)
    where = np.searchsorted(anchors, sunday)
    own_series, own_day = np.nonzero(young)
    own = _reference(of, own_series, own_day, weekday)

    def spread(of_week: Small, of_day: Small) -> Small:
        made = np.zeros((count, days, *of_week.shape[1:]), np.float32)
        if len(anchors):
            by_week = of_week.reshape(count, len(anchors), *of_week.shape[1:])
            late = sunday >= 0
            made[:, late] = by_week[:, where[late]]
        made[own_series, own_day] = of_day
        return made

    return Reference(
        spread(weekly.shape, own.shape),
        spread(weekly.weekend, own.weekend),
        spread(weekly.short, own.short),
        spread(weekly.long, own.long),
    )


def _reference(of: Blocks, series: Ints, last: Ints, weekday: int) -> Reference:
    """Season and noise of some series over the windows that end with some days (pairs)."""

    def windows(values: Small) -> Small:
        padded = np.pad(values, ((0, 0), (_WINDOW - 1, 0), (0, 0)))
        seen = sliding_window_view(padded, _WINDOW, axis=1)[series, last]
        return np.ascontiguousarray(seen.swapaxes(1, 2))

    weight, mean = windows(of.weight), windows(of.mean)
    there = weight > 0
    shape = _shape(mean, there)
    mean -= shape[:, None]
    by_day = weight.sum(axis=2)
    level = np.einsum("ijk,ijk->ij", mean, weight) / np.maximum(by_day, np.float32(1e-6))
    weekend = _weekend(level, by_day, (weekday + last) % 7)
    free = (weekday + last[:, None] - _WINDOW + 1 + np.arange(_WINDOW)) % 7 >= 5
    offset = weekend[:, None] * free
    mean -= offset[:, :, None]
    level -= offset
    flat = (len(series), _WINDOW * BLOCKS)
    short = _noise(mean.reshape(flat), weight.reshape(flat), _PAIRS)
    long = _noise(level, by_day, _PAIRS_OF_DAYS)
    return Reference(shape, weekend, np.where(short > 0, short, long), np.maximum(short, long))


def _median(values: Small, there: Bools) -> Small:
    """Median along the last axis of the values that are there; 0 where there is none."""
    ordered = np.where(there, values, np.float32(np.inf))
    ordered.sort(axis=-1)
    n = np.count_nonzero(there, axis=-1)
    low = np.take_along_axis(ordered, (np.maximum(n - 1, 0) // 2)[..., None], axis=-1)[..., 0]
    most = values.shape[-1] - 1
    high = np.take_along_axis(ordered, np.minimum(n // 2, most)[..., None], axis=-1)[..., 0]
    some = n > 0
    middle: Small = (np.where(some, low, 0) + np.where(some, high, 0)) / np.float32(2)
    return middle


def _shape(mean: Small, there: Bools) -> Small:
    """Distance of each block of the day from the day, from three days on; shape (pairs, 4)."""
    lying = np.ascontiguousarray(there.swapaxes(1, 2))
    of_slot = _median(np.ascontiguousarray(mean.swapaxes(1, 2)), lying)
    enough = np.count_nonzero(lying, axis=2) >= 3
    slots = np.count_nonzero(enough, axis=1)
    middle = np.where(enough, of_slot, 0).sum(axis=1) / np.maximum(slots, 1)
    return np.where(enough, of_slot - middle[:, None], 0).astype(np.float32)


def _noise(mean: Small, weight: Small, least: int) -> Small:
    """Variance of a mean of unit weight, from differences of neighbours; 0 where unknown."""
    both = weight[:, 1:] * weight[:, :-1]
    share = both / np.maximum(weight[:, 1:] + weight[:, :-1], np.float32(1e-6))
    distance = np.abs(np.diff(mean, axis=1)) * np.sqrt(share)
    there = both > 0
    spread = np.float32(_MAD) * _median(distance, there)
    known = np.count_nonzero(there, axis=1) >= least
    return np.where(known, spread * spread, 0).astype(np.float32)


def _weekend(level: Small, by_day: Small, weekday: Ints) -> Small:
    """How far Saturdays and Sundays lie from the days around them; shape (pairs,).

    The median over the weekends of the window, each against the two days before and after it: a
    change of level in between moves one of them. 0 with fewer than two weekends, and where it is
    no larger than its own error.
    """
    there = by_day > 0
    offset = np.zeros(len(level), np.float32)
    unit = _noise(level, by_day, _PAIRS_OF_DAYS)
    for of_last in np.unique(weekday).tolist():
        which = np.flatnonzero(weekday == of_last)
        of, known = level[which], there[which]
        starts = [k for k in range(2, _WINDOW - 3) if (of_last - (_WINDOW - 1 - k)) % 7 == 5]
        found = np.stack(
            [
                (of[:, k] + of[:, k + 1]) / 2
                - (of[:, k - 2] + of[:, k - 1] + of[:, k + 2] + of[:, k + 3]) / 4
                for k in starts
            ],
            axis=1,
        )
        whole = np.stack([known[:, k - 2 : k + 4].all(axis=1) for k in starts], axis=1)
        enough = np.count_nonzero(whole, axis=1) >= 2
        offset[which] = np.where(enough, _median(found, whole), 0)
    usual = unit / np.maximum(by_day.max(axis=1), np.float32(1e-6))
    return np.where(offset**2 > np.float32(0.5) * usual, offset, 0).astype(np.float32)
