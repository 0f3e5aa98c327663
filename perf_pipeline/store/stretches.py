"""Levels of many series over any stretch of six-hour blocks, and where two of them differ; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Small = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

#: Blocks of a day; six hours: the newest level may be five hours old.
BLOCKS = 4
#: Weeks that season and noise are read from, and that a slow rise is looked for in.
WEEKS = 5
#: Lengths of the new and of the old level, in blocks.
_NEW = (1, 2, 3, 4, 6, 8, 12, 16, 22, 30, 40, 56)
_OLD = (8, 28)
#: ... of an old level that a slow drift has left, and from which length of the new one on.
_OLD_LONG, _NEW_LONG = 84, 16
#: Least samples of the new and of the old level: the detector's least segments.
_SAMPLES = 5
_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True)
class Asked:
    """What the difference of two levels must be: `least`, plus `bound` standard errors."""

    least: float
    bound: float


@dataclass(frozen=True)
class _Level:
    """Level and inverse weight of a stretch per split; infinite where it has too few samples."""

    mean: Small
    inverse: Small


class Stretches:
    """Levels of series over any stretch of blocks, by running sums.

    Parameters
    ----------
    level, weight, count : ndarray, shape (series, blocks)
        Without season.
    short, long : ndarray, shape (series, blocks)
        Variance of a mean of unit weight, by which a stretch that ends here is judged.
    errors : ndarray, shape (series, blocks)
        Least difference in standard errors, likewise.

    """

    def __init__(
        self, level: Small, weight: Small, count: Small, short: Small, long: Small, errors: Small
    ) -> None:
        self._size = level.shape[1]
        self._weight, self._count = _running(weight), _running(count)
        self._sum = _running(level * weight)
        self._unit = {True: short.astype(np.float32), False: long.astype(np.float32)}
        square = errors.astype(np.float32) ** 2
        self._needed = {of_short: unit * square for of_short, unit in self._unit.items()}
        self._ends = np.arange(BLOCKS, self._size + 1, BLOCKS)

    def split(self, asked: Sequence[Asked], since: int, fresh: int) -> list[Bools]:
        """Say as of each day whether a split of the newest `since` blocks separates two levels.

        By as much as is asked, each for itself, and by as many standard errors as evidence asks;
        the new level compared must end within the newest `fresh` blocks.

        Returns
        -------
        list of ndarray of bool, shape (series, days)
            One for each of `asked`.

        """
        series, days = self._sum.shape[0], len(self._ends)
        # of each day on which a split begins or ceases to count, how many do
        turns = np.zeros((len(asked), series * (days + 1)), np.int64)
        least = min(one.least for one in asked)
        olds = {old: self._old(old) for old in (*_OLD, _OLD_LONG)}
        for new in _NEW:
            if new >= self._size:
                continue
            stretch = self._level(np.arange(1, self._size - new + 1), new)
            for old in (*_OLD, _OLD_LONG) if new >= _NEW_LONG else _OLD:
                row, split, shift, error = self._differs(new, stretch, olds[old], least)
                # the days that see it whole, late enough, and freshly enough
                first = -((split + new) // -BLOCKS) - 1
                last = (split + np.minimum(since, new - 1 + fresh)) // BLOCKS - 1
                last = np.minimum(last, days - 1)
                seen = first <= last
                for one, into in zip(asked, turns, strict=True):
                    which = seen & (shift >= one.least + one.bound * error)
                    at = row[which] * (days + 1)
                    into += np.bincount(at + first[which], minlength=len(into))
                    into -= np.bincount(at + last[which] + 1, minlength=len(into))
        counted = np.cumsum(turns.reshape(-1, series, days + 1), axis=2)[:, :, :-1]
        return list(counted > 0)

    def _level(self, start: Ints, length: int) -> _Level:
        """Return the levels of the `length` blocks from each of `start`, ascending by one."""
        low, high = slice(start[0], start[-1] + 1), slice(start[0] + length, start[-1] + length + 1)
        return _level(
            self._weight[:, high] - self._weight[:, low],
            self._sum[:, high] - self._sum[:, low],
            self._count[:, high] - self._count[:, low],
        )

    def _old(self, length: int) -> _Level:
        """Return the levels of the `length` blocks before each block, the first left out."""
        stop = slice(1, self._size)
        start = np.maximum(np.arange(1, self._size) - length, 0)
        return _level(
            self._weight[:, stop] - self._weight[:, start],
            self._sum[:, stop] - self._sum[:, start],
            self._count[:, stop] - self._count[:, start],
        )

    def _differs(
        self, new: int, stretch: _Level, old: _Level, least: float
    ) -> tuple[Ints, Ints, Small, Small]:
        """Return series and block at which `new` blocks begin another level; shift and error.

        By `least`, and by as many standard errors as evidence asks.
        """
        count = stretch.mean.shape[1]
        shift = stretch.mean - old.mean[:, :count]
        inverse = stretch.inverse + old.inverse[:, :count]
        # infinite, or not a number, where there are too few samples: never reached
        with np.errstate(invalid="ignore"):
            needed = self._needed[new < BLOCKS][:, new:] * inverse
            np.maximum(needed, np.float32(least * least), out=needed)
            flagged = shift * shift >= needed
        if new == 1:
            # a few hours that ended are an incident, not a level: only the newest count
            flagged[:, np.arange(1, count + 1) % BLOCKS != BLOCKS - 1] = False
        row, at = np.divmod(np.flatnonzero(flagged), count)
        unit = self._unit[new < BLOCKS][row, at + new]
        return row, at + 1, np.abs(shift[row, at]), np.sqrt(unit * inverse[row, at])

    def crept(self, least: float) -> Bools:
        """Say as of each day whether its newest week is above a week some weeks before."""
        ends = self._ends
        length = 7 * BLOCKS
        found = np.zeros((self._sum.shape[0], len(ends)), dtype=bool)
        new = self._week(np.maximum(ends - length, 0), ends)
        for weeks in range(1, WEEKS):
            stop = np.maximum(ends - weeks * length, 0)
            old = self._week(np.maximum(stop - length, 0), stop)
            with np.errstate(invalid="ignore"):
                found |= new - old >= least
        return found

    def _week(self, start: Ints, end: Ints) -> npt.NDArray[np.float64]:
        weight = self._weight[:, end] - self._weight[:, start]
        total = self._sum[:, end] - self._sum[:, start]
        return np.where(weight > 0, total / np.maximum(weight, _LEAST_WEIGHT), np.nan)


def _level(weight: Small, total: Small, count: Small) -> _Level:
    inverse = 1 / np.maximum(weight, _LEAST_WEIGHT)
    made = _Level((total * inverse).astype(np.float32), inverse.astype(np.float32))
    made.inverse[count < _SAMPLES] = np.inf
    return made


def _running(values: Small) -> npt.NDArray[np.float64]:
    made = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=made[:, 1:], dtype=np.float64)
    return made
