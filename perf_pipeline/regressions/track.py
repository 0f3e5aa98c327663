"""One series with prefix sums, and a change between two of its levels."""

import math
from dataclasses import dataclass

import numpy as np

from perf_pipeline.regressions.evidence import search_p_value
from perf_pipeline.regressions.noise import FEW
from perf_pipeline.regressions.series import Floats, Ints

HOUR_US = 3_600_000_000

#: How many times the spread within two levels they must be apart to be believed in a series too
#: short (`noise.FEW` samples) to tell autocorrelation from chance.
_APART = 5.0


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


def degrees_of_freedom(samples: float) -> float:
    """Degrees of freedom of a noise estimate: a winsorised one keeps about nine tenths of them."""
    return max(0.9 * samples - 2, 3.0)


def effective_samples(samples: int, scale: float, single: float) -> float:
    """Tell what samples are worth for the noise estimate: few leave autocorrelation uncertain."""
    return samples * min(single / scale, 1.0) if samples <= FEW else samples


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
        self.df = degrees_of_freedom(effective_samples(self.n, self.scale, self.single))
        self.cw, self.cy, self.cyy = (np.concatenate(([0.0], np.cumsum(v))) for v in self._sums())
        self._slots: Ints | None = None
        self._first_seen: Ints | None = None

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
        df = self.df
        if self.n <= FEW and self._apart(a, b, c, old, new):
            error *= min(self.single / self.scale, 1.0)
            df = degrees_of_freedom(self.n)
        p_value = search_p_value((new - old) / error, df, self.n)
        return Change(a, b, b, c, old, new, error, p_value)

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

    @property
    def first_seen(self) -> Ints:
        """First sample in each slot, `n` for a slot without one; shape (48,)."""
        if self._first_seen is None:
            self._first_seen = np.full(48, self.n, dtype=np.int64)
            slots, first = np.unique(self.slots, return_index=True)
            self._first_seen[slots] = first
        return self._first_seen
