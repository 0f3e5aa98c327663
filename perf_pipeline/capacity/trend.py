"""The slope of a daily series with an interval that holds, and when it reaches a limit; pure.

The slope is Theil and Sen's: the median of the slopes between all pairs of days, which no single
bulk load or clean-up moves. Its interval must hold in two worlds that look alike in a month of
days: a straight line with noise around it, and a level that drifts because each day's growth
differs. Sen's own interval, widened by how much neighbouring days' residuals resemble each other,
serves the first; what weeks' growths vary by serves the second. The wider one is told.
"""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from perf_pipeline.capacity.model import Left, Trend

Floats = npt.NDArray[np.float64]

#: Fewer days than these, or a shorter span, say nothing of a month.
LEAST_DAYS: Final = 7
#: Days that are looked back at, and the recent ones that are compared with them.
LONG_DAYS: Final = 90
RECENT_DAYS: Final = 28
#: Two-sided level of the intervals.
LEVEL: Final = 0.90
#: Standard normal at (1 + LEVEL) / 2.
_Z: Final = 1.6448536269514722
#: Student's t at (1 + LEVEL) / 2 by degrees of freedom, 1 to 12; from there on 1.645 (1 + 1/df).
_T: Final = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782)
#: A farther day than this is no forecast any more.
FARTHEST_DAYS: Final = 3650.0

Kind = Literal["level", "sawtooth"]


def trend(day: Floats, value: Floats, kind: Kind = "level") -> Trend | None:
    """Return the trend of a daily series; None: not enough data.

    Parameters
    ----------
    day : ndarray of float64
        Whole days, ascending, distinct; gaps are allowed.
    value : ndarray of float64
        One finite value per day.
    kind : str
        `level`: may rise and fall. `sawtooth`: rises until something brings it down (the age of
        transaction ids): only its rises count, its level is its last value.

    Notes
    -----
    Of 90 days, where there are as many; where the last 28 alone have another slope (their intervals
    do not meet), those.

    """
    kept = day > day[-1] - LONG_DAYS if len(day) else np.zeros(0, dtype=bool)
    day, value = day[kept], value[kept]
    if kind == "sawtooth":
        return _rises(day, value)
    whole = _line(day, value)
    if whole is None:
        return None
    recent = day > day[-1] - RECENT_DAYS
    if recent.all():
        return whole
    now = _line(day[recent], value[recent])
    if now is None or (now.low <= whole.high and whole.low <= now.high):
        return whole
    note = f"it changed: {whole.slope:+,.4g} a day over {whole.span} days"
    return Trend(now.slope, now.low, now.high, now.level, now.days, now.span, note)


def _line(day: Floats, value: Floats) -> Trend | None:
    count = len(day)
    if count < LEAST_DAYS or day[-1] - day[0] < LEAST_DAYS - 1:
        return None
    first, second = np.triu_indices(count, 1)
    slopes = np.sort((value[second] - value[first]) / (day[second] - day[first]))
    slope = float(np.median(slopes))
    residual = value - slope * day
    centre = float(np.median(residual))
    inflation = _alike(residual - centre)
    # Sen's interval: Kendall's score has this variance when nothing moves (ties only narrow it)
    half = _Z * np.sqrt(inflation * count * (count - 1) * (2 * count + 5) / 18.0)
    at = (len(slopes) - half) / 2.0
    low = float(slopes[max(0, int(np.floor(at)))])
    high = float(slopes[min(len(slopes) - 1, int(np.ceil(len(slopes) - 1 - at)))])
    drift = _drift(day, value)
    if drift is not None:
        low, high = min(low, drift[0]), max(high, drift[1])
    last = float(np.median(residual[-min(5, count) :])) + slope * float(day[-1])
    return Trend(slope, low, high, last, count, int(day[-1] - day[0]) + 1)


def _alike(residual: Floats) -> float:
    """Return by how much a variance is larger because neighbours resemble each other."""
    total = float(np.sum(residual**2))
    if total <= 0.0:
        return 1.0
    alike = float(np.sum(residual[1:] * residual[:-1])) / total
    # a fitted line takes some of the likeness away: of n values about 2.4 / n
    alike = min(max(alike + 2.4 / len(residual), 0.0), 0.9)
    return (1.0 + alike) / (1.0 - alike)


def _drift(day: Floats, value: Floats) -> tuple[float, float] | None:
    """Return the interval of the mean growth, taken from what the pieces' growths vary by."""
    pieces = min(8, (len(day) - 1) // 3)
    if pieces < 2:
        return None
    ends = np.linspace(0, len(day) - 1, pieces + 1).round().astype(int)
    length = np.diff(day[ends])
    growth = np.diff(value[ends]) / length
    mean = float(np.average(growth, weights=length))
    variance = float(np.sum(length * (growth - mean) ** 2)) / (pieces - 1)
    t = _T[pieces - 2] if pieces - 2 < len(_T) else 1.645 * (1 + 1 / (pieces - 1))
    half = float(t * np.sqrt(variance / float(np.sum(length))))
    return mean - half, mean + half


def _rises(day: Floats, value: Floats) -> Trend | None:
    """Return the rate of a series that is brought down now and then, from its rises alone."""
    if len(day) < LEAST_DAYS or day[-1] - day[0] < LEAST_DAYS - 1:
        return None
    rise = np.diff(value) / np.diff(day)
    rise = np.sort(rise[rise >= 0.0])
    count = len(rise)
    if count < LEAST_DAYS - 2:
        return None
    # the order statistics between which the median lies
    half = _Z * np.sqrt(count) / 2.0
    low = float(rise[max(0, int(np.floor(count / 2.0 - half)))])
    high = float(rise[min(count - 1, int(np.ceil(count / 2.0 + half)))])
    slope = float(np.median(rise))
    span = int(day[-1] - day[0]) + 1
    return Trend(slope, low, high, float(value[-1]), len(day), span)


def left(found: Trend, capacity: float) -> Left:
    """Return in how many days a series reaches its capacity.

    0 where it has. None where its slope, or that end of its interval, does not rise, or rises so
    slowly that ten years are not enough.
    """
    room = capacity - found.level

    def days(slope: float) -> float | None:
        if room <= 0.0:
            return 0.0
        if slope <= 0.0 or room > slope * FARTHEST_DAYS:
            return None
        return room / slope

    return Left(days(found.slope), days(found.high), days(found.low))
