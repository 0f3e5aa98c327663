"""Decide which boundaries of one series are changes: evidence, size, and what else could be it."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from perf_pipeline.regressions.evidence import search_p_value
from perf_pipeline.regressions.noise import FEW
from perf_pipeline.regressions.series import Bools, Floats, Ints

HOUR_US = 3_600_000_000

#: Up to this span (a load test, a demo) hours of the day and weekends play no part.
SHORT_SPAN_US = 3 * HOUR_US

#: How many times the spread within two levels they must be apart to be believed in a series too
#: short (`noise.FEW` samples) to tell autocorrelation from chance.
_APART = 5.0

#: A return to within this share of the shift ends a visit.
_RETURNED = 0.35


@dataclass(frozen=True)
class Limits:
    """What a change must show. The defaults were set on generated and public series.

    Attributes
    ----------
    min_samples : int
        Fewer say nothing.
    min_segment, min_newest : int
        Samples of a level; of the newest one, which may be about to end.
    penalty : float
        Of a segment, times noise variance times ln n. Lower than the usual 5 on purpose: the
        segmentation proposes, the evidence decides.
    alpha : float
        Largest p-value.
    smallest : float
        Smallest relative change up, 0.05 = 5 % (its inverse down).
    clip : float
        Standard deviations from the running median beyond which a sample is clipped.
    consistent, consistent_newest : float
        Share of a short level's samples (up to `short`) on its side of the middle between both
        levels; of the newest level, which nothing later confirms.
    excursion : float
        The newest level must have lasted this many times longer than the longest earlier stay
        on its side of the middle: three slow nights in a row, seen before, are not news. Asked
        of changes smaller than the ratio `unseen`.
    block, block_n : float, int
        A level of up to `block_n` samples must differ by `block` times what 99 % of the means
        of as many neighbouring samples stray from their own level.
    unseen : float
        Ratio a change must reach if most of its new level lies at hours of the day, or on
        weekends, of which nothing older is known: it may be the daily or weekly season.
    first_week : float
        Ratio a change must reach while less than a week of history is known.
    weekday_days : int
        Days of history up to which a change must also hold without the weekends.
    visit_n : int
        A level of fewer samples that returns to the old one is an incident, not a change.

    """

    min_samples: int = 12
    min_segment: int = 6
    min_newest: int = 5
    penalty: float = 3.0
    alpha: float = 1e-4
    smallest: float = 0.05
    clip: float = 2.0
    consistent: float = 0.7
    consistent_newest: float = 0.82
    short: int = 12
    excursion: float = 1.2
    block: float = 1.4
    block_n: int = 24
    unseen: float = 3.0
    first_week: float = 1.5
    weekday_days: int = 21
    visit_n: int = 8


@dataclass(frozen=True)
class Change:
    """A change between the samples `a..b` (old level) and `settled..c` (new level).

    `settled` is `b`, but for a slow drift, which starts at `b`.
    """

    a: int
    b: int
    settled: int
    c: int
    old: float
    new: float
    error: float
    p_value: float

    @property
    def shift(self) -> float:
        """New minus old level, in transformed units."""
        return self.new - self.old


def degrees_of_freedom(samples: int) -> float:
    """Degrees of freedom of a noise estimate: a winsorised one keeps about nine tenths of them."""
    return max(0.9 * samples - 2, 3.0)


class Track:
    """One series with prefix sums: levels and their errors of any stretch in constant time.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
    raw, y : ndarray of float64, shape (n,)
        Transformed values without season; the same with outliers clipped.
    w : ndarray of float64, shape (n,)
        Inverse variance of each sample.
    noise : tuple of float
        Long-run noise and that of single samples, in units of what `w` promises (see
        `noise.noise_scales`).

    """

    def __init__(
        self, ts: Ints, raw: Floats, y: Floats, w: Floats, noise: tuple[float, float]
    ) -> None:
        self.ts, self.raw, self.y, self.w = ts, raw, y, w
        self.scale, self.single = noise
        self.n = len(y)
        self.span = int(ts[-1] - ts[0])
        self.df = degrees_of_freedom(self.n)
        self.cw, self.cy, self.cyy = (np.concatenate(([0.0], np.cumsum(v))) for v in self._sums())
        self._slots: Ints | None = None

    def _sums(self) -> tuple[Floats, Floats, Floats]:
        wy = self.w * self.y
        return self.w, wy, wy * self.y

    def level(self, a: int, b: int) -> tuple[float, float]:
        """Mean of samples `a..b` and its variance.

        The noise is the series' own or, if larger, the stretch's: noise often grows with the
        level, and two plans that alternate are noise as well.
        """
        weight = float(self.cw[b] - self.cw[a])
        mean = float(self.cy[b] - self.cy[a]) / weight
        spread = max(float(self.cyy[b] - self.cyy[a]) - weight * mean * mean, 0.0)
        own = spread / max(b - a - 1, 1)
        return mean, max(self.scale * self.scale, own * self.scale) / weight

    def mean_square(self, a: int, b: int) -> float:
        """Weighted mean of the squares of samples `a..b`."""
        return float(self.cyy[b] - self.cyy[a]) / float(self.cw[b] - self.cw[a])

    def change(self, a: int, b: int, c: int) -> Change:
        """Compare the levels either side of `b`."""
        old, old_variance = self.level(a, b)
        new, new_variance = self.level(b, c)
        error = math.sqrt(old_variance + new_variance)
        if self.n <= FEW and self._apart(a, b, c, old, new):
            error *= min(self.single / self.scale, 1.0)
        return Change(a, b, b, c, old, new, error, self.p_value((new - old) / error))

    def _apart(self, a: int, b: int, c: int, old: float, new: float) -> bool:
        """Whether two levels are so far apart that wandering noise cannot be the reason.

        Nearly double or half, no sample on the wrong side of the middle, and `_APART` times
        the spread within the levels. Only asked of series too short to tell autocorrelation
        from chance.
        """
        if abs(new - old) < math.log(1.8):
            return False
        low, high = self.raw[a:b], self.raw[b:c]
        above = (low > (old + new) / 2).any() if new > old else (low < (old + new) / 2).any()
        below = (high < (old + new) / 2).any() if new > old else (high > (old + new) / 2).any()
        spread = math.sqrt((float(low.var()) * len(low) + float(high.var()) * len(high)) / (c - a))
        return not (above or below) and abs(new - old) >= _APART * spread

    def p_value(self, t: float) -> float:
        """P-value of a statistic that was searched for over this series."""
        return search_p_value(t, self.df, self.n)

    @property
    def slots(self) -> Ints:
        """Hour of the day of each sample, plus 24 on weekends."""
        if self._slots is None:
            hour = self.ts // HOUR_US
            # Day 0 of the epoch was a Thursday.
            self._slots = hour % 24 + 24 * ((hour // 24 + 3) % 7 >= 5)
        return self._slots


def changes(track: Track, cuts: list[int], limits: Limits, reach: int) -> list[Change]:
    """Prune proposed boundaries bottom-up until each of the rest stands.

    Parameters
    ----------
    track : Track
    cuts : list of int
        Proposed first samples of new levels, ascending.
    limits : Limits
    reach : int
        Samples by which a proposed boundary may be off.

    Returns
    -------
    list of Change
        In the order of time; the steps of a slow drift are one change at its start.

    """
    edges = _refine(track, [0, *cuts, track.n], limits, reach)
    while len(edges) > 2:
        found = [track.change(*k) for k in zip(edges, edges[1:], edges[2:], strict=False)]
        weak = [_weakness(track, edges, change, limits) for change in found]
        worst = max(range(len(weak)), key=weak.__getitem__)
        if weak[worst] > 1.0:
            del edges[worst + 1]
        else:
            visit = _visit(found, limits)
            if visit is None:
                return _join_drifts(track, found)
            del edges[visit : visit + 2]
        edges = _refine(track, edges, limits, max(reach, limits.min_segment))
    return []


def _weakness(track: Track, edges: list[int], change: Change, limits: Limits) -> float:
    """How urgently a boundary has to go; at most 1 (its p-value) for one that may stay."""
    size = abs(change.shift)
    smallest = math.log1p(limits.smallest)
    if size < smallest:
        return 10.0 - size
    if change.p_value > limits.alpha:
        return 5.0 + change.p_value
    if not _consistent(track.raw, change, limits):
        return 4.0
    length = min(change.b - change.a, change.c - change.b)
    if length <= limits.block_n and size < limits.block * _block_noise(track, edges, length):
        return 3.0
    if track.span > SHORT_SPAN_US and size < math.log(limits.unseen):
        if _unseen(track, change):
            return 2.5
        if size < math.log(limits.first_week) and track.span < 7 * 24 * HOUR_US:
            return 2.4
        if track.span < limits.weekday_days * 24 * HOUR_US and not _on_weekdays(
            track, change, limits
        ):
            return 2.3
    return change.p_value


def _consistent(raw: Floats, change: Change, limits: Limits) -> bool:
    """Whether short levels are held by most of their samples, and the newest is news."""
    a, b, c = change.a, change.b, change.c
    beyond: Bools = (raw[:c] > (change.old + change.new) / 2) == (change.shift > 0)
    newest = c == len(raw)
    if c - b <= limits.short:
        share = limits.consistent_newest if newest else limits.consistent
        if float(beyond[b:].mean()) < share:
            return False
        # A stay on the usual side is no excursion: a recovery is news at once. Nor is a large one:
        # an index lost for the second time is news as much as for the first.
        small = abs(change.shift) < math.log(limits.unseen)
        if newest and small and float(beyond[:b].mean()) < 0.5:
            stops = np.concatenate(([-1], np.flatnonzero(~beyond[:b]), [b]))
            longest = int(np.diff(stops).max()) - 1
            if longest >= 2 and c - b < limits.excursion * longest:
                return False
    return b - a > limits.short or float((~beyond[a:b]).mean()) >= limits.consistent


def _block_noise(track: Track, edges: list[int], length: int) -> float:
    """99 % quantile of how far means of `length` neighbouring samples stray from their level."""
    fitted = np.concatenate(
        [np.full(b - a, track.level(a, b)[0]) for a, b in itertools.pairwise(edges)]
    )
    total = np.concatenate(([0.0], np.cumsum(track.y - fitted)))
    means = np.abs(total[length:] - total[:-length]) / length
    return float(np.quantile(means, 0.99))


def _unseen(track: Track, change: Change) -> bool:
    """Whether most of the new level lies at hours, or on weekends, not seen before it."""
    before = np.unique(track.slots[: change.b])
    seen = np.zeros(48, dtype=bool)
    for step in (-1, 0, 1):
        seen[before // 24 * 24 + (before + step) % 24] = True
    return float(seen[track.slots[change.b : change.c]].mean()) < 0.5


def _on_weekdays(track: Track, change: Change, limits: Limits) -> bool:
    """Whether the change is there, too, when Saturdays and Sundays are left out."""
    a, b, c = change.a, change.b, change.c
    work = track.slots[a:c] < 24
    if work.all():
        return True
    if min(work[: b - a].sum(), work[b - a :].sum()) < limits.min_newest:
        return False
    w = track.w[a:c] * work
    wy = w * track.y[a:c]
    left, right = float(w[: b - a].sum()), float(w[b - a :].sum())
    shift = float(wy[b - a :].sum()) / right - float(wy[: b - a].sum()) / left
    if (shift > 0) != (change.shift > 0) or abs(shift) < math.log1p(limits.smallest):
        return False
    error = track.scale * math.sqrt(1 / left + 1 / right)
    return track.p_value(shift / error) <= limits.alpha


def _visit(found: list[Change], limits: Limits) -> int | None:
    """Edge number of the first short level that returns to the one before it."""
    for k, (there, back) in enumerate(itertools.pairwise(found)):
        returned = abs(back.new - there.old) < _RETURNED * abs(there.shift)
        if there.c - there.b < limits.visit_n and returned:
            return k + 1
    return None


def _refine(track: Track, edges: list[int], limits: Limits, reach: int) -> list[int]:
    """Move each boundary to the best place within `reach` samples, its neighbours held."""
    edges = list(edges)
    for k in range(1, len(edges) - 1):
        a, b, c = edges[k - 1 : k + 2]
        after = limits.min_newest if c == track.n else limits.min_segment
        low, high = max(a + limits.min_segment, b - reach), min(c - after, b + reach)
        if low >= high:
            continue
        at = np.arange(low, high + 1)
        cw, cy = track.cw, track.cy
        gain = (cy[at] - cy[a]) ** 2 / (cw[at] - cw[a])
        gain += (cy[c] - cy[at]) ** 2 / (cw[c] - cw[at])
        edges[k] = int(at[gain.argmax()])
    return edges


def _join_drifts(track: Track, found: list[Change]) -> list[Change]:
    """Report a run of steps in one direction that a ramp fits better as one change."""
    out: list[Change] = []
    k = 0
    while k < len(found):
        end = k
        while end + 1 < len(found) and (found[end + 1].shift > 0) == (found[k].shift > 0):
            end += 1
        while end > k and not _is_ramp(track, found[k : end + 1]):
            end -= 1
        out.append(found[k] if end == k else _joined(track, found[k], found[end]))
        k = end + 1
    return out


def _joined(track: Track, first: Change, last: Change) -> Change:
    old, old_variance = track.level(first.a, first.b)
    new, new_variance = track.level(last.b, last.c)
    error = math.sqrt(old_variance + new_variance)
    p_value = track.p_value((new - old) / error)
    return Change(first.a, first.b, last.b, last.c, old, new, error, p_value)


def _is_ramp(track: Track, run: list[Change]) -> bool:
    """Whether a straight ramp between the outer levels beats the steps, with fewer parameters."""
    a, c = run[0].a, run[-1].c
    gap = (run[-1].b - run[0].b) / (len(run) - 1)
    at, w, y = np.arange(a, c), track.w[a:c], track.y[a:c]
    bounds = [a, *(change.b for change in run), c]
    steps = np.concatenate(
        [np.full(q - p, track.level(p, q)[0]) for p, q in itertools.pairwise(bounds)]
    )
    target = float((w * (y - steps) ** 2).sum())
    old, new = run[0].old, run[-1].new
    for before in (0.0, 0.3, 0.6, 0.9):
        for after in (0.0, 0.3, 0.6, 0.9):
            ends = (max(run[0].b - before * gap, a), min(run[-1].b + after * gap, c))
            ramp = np.interp(at, ends, (old, new))
            if float((w * (y - ramp) ** 2).sum()) < target:
                return True
    return False
