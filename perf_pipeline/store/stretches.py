"""Levels of many series over any stretch of six-hour blocks, and where two of them differ; pure."""

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
        self._short, self._long, self._errors = short, long, errors
        self._ends = np.arange(BLOCKS, self._size + 1, BLOCKS)

    def split(self, least: float, bound: float, since: int, fresh: int) -> Bools:
        """Say as of each day whether a split of the newest `since` blocks separates two levels.

        By at least `least` plus `bound` standard errors, and by as many errors as evidence asks;
        the new level compared must end within the newest `fresh` blocks.
        """
        ends = self._ends
        series, size = self._sum.shape[0], self._size
        found = np.zeros((series, len(ends)), dtype=bool)
        for new in _NEW:
            if new >= size:
                continue
            flagged = self._differs(new, least, bound)
            if new == 1:
                # a few hours that ended are an incident, not a level: only the newest count
                for day in range(fresh // BLOCKS):
                    found[:, day:] |= flagged[:, ends[: len(ends) - day] - 2]
                continue
            # splits that lie late enough, and whose new stretch is over
            marks = np.zeros((series, size + 1), np.int32)
            np.cumsum(flagged, axis=1, out=marks[:, 2 : size - new + 2])
            marks[:, size - new + 2 :] = marks[:, [size - new + 1]]
            newest = np.maximum(ends - new + 1, 0)
            oldest = np.maximum(ends - since, ends - fresh - new + 1)
            found |= marks[:, newest] > marks[:, np.clip(oldest, 0, newest)]
        return found

    def _differs(self, new: int, least: float, bound: float) -> Bools:
        """Whether the `new` blocks from each block on, the first left out, are another level."""
        cw, cn, cy = self._weight, self._count, self._sum
        split = slice(1, self._size - new + 1)
        inverse = 1 / np.maximum(cw[:, 1 + new :] - cw[:, split], 1e-6)
        mean = (cy[:, 1 + new :] - cy[:, split]) * inverse
        enough = cn[:, 1 + new :] - cn[:, split] >= _SAMPLES
        unit = (self._short if new < BLOCKS else self._long)[:, new:]
        needed = self._errors[:, new:]
        flagged = np.zeros(mean.shape, dtype=bool)
        for old in (*_OLD, _OLD_LONG) if new >= _NEW_LONG else _OLD:
            start = np.maximum(np.arange(1, self._size - new + 1) - old, 0)
            other = 1 / np.maximum(cw[:, split] - cw[:, start], 1e-6)
            shift = np.abs(mean - (cy[:, split] - cy[:, start]) * other)
            error = np.sqrt(unit * (inverse + other))
            limit = np.maximum(least + bound * error, needed * error)
            flagged |= (shift >= limit) & enough & (cn[:, split] - cn[:, start] >= _SAMPLES)
        return flagged

    def crept(self, least: float) -> Bools:
        """Say as of each day whether its newest week is above a week some weeks before."""
        ends = self._ends
        length = 7 * BLOCKS
        found = np.zeros((self._sum.shape[0], len(ends)), dtype=bool)
        new = self._level(np.maximum(ends - length, 0), ends)
        for weeks in range(1, WEEKS):
            stop = np.maximum(ends - weeks * length, 0)
            old = self._level(np.maximum(stop - length, 0), stop)
            with np.errstate(invalid="ignore"):
                found |= new - old >= least
        return found

    def _level(self, start: Ints, end: Ints) -> npt.NDArray[np.float64]:
        weight = self._weight[:, end] - self._weight[:, start]
        total = self._sum[:, end] - self._sum[:, start]
        return np.where(weight > 0, total / np.maximum(weight, 1e-6), np.nan)


def _running(values: Small) -> npt.NDArray[np.float64]:
    made = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=made[:, 1:], dtype=np.float64)
    return made
