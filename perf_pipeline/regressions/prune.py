"""Decide which boundaries of one series are changes: evidence, size, and what else could be it."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from perf_pipeline.regressions.series import Bools, Floats
from perf_pipeline.regressions.track import HOUR_US, Change, Track

#: Up to this span (a load test, a demo) hours of the day and weekends play no part.
SHORT_SPAN_US = 3 * HOUR_US

#: Boundaries from which on the cost of looking at each again matters more than the last digit.
_MANY = 64

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
        Largest p-value. Strict, because every night searches the series again.
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
    alpha: float = 3e-5
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
    reach = max(reach, limits.min_segment)
    while len(edges) > 2:
        strays = _Strays(track, edges)
        found = [track.change(*at) for at in zip(edges, edges[1:], edges[2:], strict=False)]
        weak = [_weakness(track, strays, change, limits) for change in found]
        gone = _weakest(weak) or _visits(found, limits)
        if not gone:
            return _join_drifts(track, found)
        edges = _refine(track, [e for k, e in enumerate(edges) if k not in gone], limits, reach)
    return []


def _weakest(weak: list[float]) -> set[int]:
    """Return the numbers of the edges to take away: the weakest, of many each that is so around it.

    One by one they would cost the square of their number.
    """
    if len(weak) < _MANY:
        worst = max(range(len(weak)), key=weak.__getitem__)
        return {worst + 1} if weak[worst] > 1.0 else set()
    around = [0.0, *weak, 0.0]
    return {
        k + 1
        for k, value in enumerate(weak)
        if value > 1.0 and value > around[k] and value >= around[k + 2]
    }


def _weakness(track: Track, strays: "_Strays", change: Change, limits: Limits) -> float:
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
    if length <= limits.block_n and size < limits.block * strays.of(length):
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
    newest = c == len(raw)

    def beyond(start: int, stop: int) -> Bools:
        there: Bools = (raw[start:stop] > (change.old + change.new) / 2) == (change.shift > 0)
        return there

    if c - b <= limits.short:
        share = limits.consistent_newest if newest else limits.consistent
        if float(beyond(b, c).mean()) < share:
            return False
        # A stay on the usual side is no excursion: a recovery is news at once. Nor is a large one:
        # an index lost for the second time is news as much as for the first.
        small = abs(change.shift) < math.log(limits.unseen)
        if newest and small and float((before := beyond(0, b)).mean()) < 0.5:
            stops = np.concatenate(([-1], np.flatnonzero(~before), [b]))
            longest = int(np.diff(stops).max()) - 1
            if longest >= 2 and c - b < limits.excursion * longest:
                return False
    return b - a > limits.short or float((~beyond(a, b)).mean()) >= limits.consistent


class _Strays:
    """How far means of neighbouring samples stray from their level, for given levels."""

    def __init__(self, track: Track, edges: list[int]) -> None:
        fitted = np.concatenate(
            [np.full(b - a, track.level(a, b)[0]) for a, b in itertools.pairwise(edges)]
        )
        self._total = np.concatenate(([0.0], np.cumsum(track.y - fitted)))
        self._known: dict[int, float] = {}

    def of(self, length: int) -> float:
        """99 % quantile over means of `length` neighbouring samples."""
        if length not in self._known:
            means = np.abs(self._total[length:] - self._total[:-length]) / length
            self._known[length] = float(np.quantile(means, 0.99))
        return self._known[length]


def _unseen(track: Track, change: Change) -> bool:
    """Whether most of the new level lies at hours, or on weekends, not seen before it."""
    before = np.flatnonzero(track.first_seen < change.b)
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


def _visits(found: list[Change], limits: Limits) -> set[int]:
    """Return the edges of the first short level that returns to the one before it, or of many."""
    gone: set[int] = set()
    for k, (there, back) in enumerate(itertools.pairwise(found)):
        returned = abs(back.new - there.old) < _RETURNED * abs(there.shift)
        if there.c - there.b < limits.visit_n and returned and k + 1 not in gone:
            gone |= {k + 1, k + 2}
            if len(found) < _MANY:
                break
    return gone


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
        while end + 1 < min(len(found), k + _MANY) and (found[end + 1].shift > 0) == (
            found[k].shift > 0
        ):
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
