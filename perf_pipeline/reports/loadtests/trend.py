"""Whether a load test drifts over its runs: a robust slope with an interval; pure.

The slope is the median of all slopes between two runs (Theil 1950), its interval the one of Sen
(1968) from the variance of Kendall's S, widened where neighbouring runs are alike (the factor of
Bayley and Hammersley 1946 for a first-order autocorrelation): runs of one bad afternoon are fewer
than they seem. Of latencies and throughput it is of logarithms, so that a change is relative.
A step is told as a drift, too; since which run, `bench/baseline_comparison` says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

#: Fewer runs have no trend, only differences. (With eight, Sen's interval at 95 % still leaves
#: out six slopes at each end.)
MINIMUM: Final = 8
#: The newest runs that are looked at: their slopes are counted in pairs.
MOST: Final = 400
_Z95: Final = 1.96
#: An autocorrelation above this leaves so few independent runs that nothing can be said.
_ALIKE: Final = 0.9
#: Changes below 2 %, or 2 points, are timer resolution and code layout, not the database (the
#: judge's floors): they are no trend, and what wanders by less is no reason to doubt one.
FLOOR: Final = 0.02
POINTS_FLOOR: Final = 2.0
#: The logarithm of what a float holds.
_LARGEST: Final = 700.0

#: Metric -> whether more of it is worse, and whether its change is in points, not relative.
METRICS: Final = {
    "p95_ms": (True, False),
    "p99_ms": (True, False),
    "throughput_tps": (False, False),
    "error_percent": (True, True),
    "cpu_percent": (True, True),
}


@dataclass(frozen=True)
class Trend:
    """How a metric of one test moves over its runs.

    Attributes
    ----------
    metric : str
    runs : int
        That measured it.
    days : float
        From the first to the last of them.
    verdict : str
        `worse`, `better`, `no trend shown`, `not enough runs`, `all at once` (no time lies
        between them).
    change, low, high : float or None
        Over the days there are, by the slope and the ends of its 95 % interval: relative (0.1 is
        10 % more), or points for shares. None: not enough runs, or an end without a bound.

    """

    metric: str
    runs: int
    days: float
    verdict: str
    change: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def is_told(self) -> bool:
        """Whether a drift is shown."""
        return self.verdict in {"worse", "better"}

    @property
    def points(self) -> bool:
        """Whether its change is in points rather than relative."""
        return METRICS[self.metric][1]


def trend(metric: str, values: Sequence[tuple[datetime, float | None]]) -> Trend:
    """Return the trend of one metric of one test.

    Parameters
    ----------
    metric : str
        A key of `METRICS`.
    values : sequence of (datetime, float or None)
        Runs in any order; None, and of what cannot be zero 0, was not measured.

    """
    more_is_worse, points = METRICS[metric]
    known = sorted(
        (ts, value)
        for ts, value in values
        if value is not None and math.isfinite(value) and (value > 0 or (points and value == 0))
    )[-MOST:]
    if len(known) < 2:
        return Trend(metric, len(known), 0.0, "not enough runs")
    days = np.array([(ts - known[0][0]).total_seconds() / 86_400 for ts, _ in known])
    length = float(days[-1])
    if len(known) < MINIMUM:
        return Trend(metric, len(known), length, "not enough runs")
    if length <= 0:
        return Trend(metric, len(known), length, "all at once")
    level = np.array([value for _, value in known])
    y = level if points else np.log(level)
    floor = POINTS_FLOOR if points else FLOOR
    slope, low, high = _slopes(days, y, floor)
    ends = [each * length for each in (slope, low, high)]
    change, least, most = ends if points else [_relative(each) for each in ends]
    verdict = "no trend shown"
    if (least > 0 or most < 0) and abs(slope * length) >= floor:
        verdict = "worse" if (least > 0) is more_is_worse else "better"
    told = (each if math.isfinite(each) else None for each in (change, least, most))
    return Trend(metric, len(known), length, verdict, *told)


def _relative(logarithm: float) -> float:
    return math.expm1(logarithm) if logarithm < _LARGEST else math.inf


def _slopes(x: np.ndarray, y: np.ndarray, floor: float) -> tuple[float, float, float]:
    """Return the median slope and the ends of its interval."""
    n = len(x)
    first, second = np.triu_indices(n, 1)
    apart = x[second] - x[first]
    usable = apart > 0
    slopes = np.sort((y[second] - y[first])[usable] / apart[usable])
    slope = float(np.median(slopes))
    residuals = y - slope * x
    residuals = residuals - np.median(residuals)
    widened = _inflation(residuals) if np.abs(residuals).max() > floor else 1.0
    variance = n * (n - 1) * (2 * n + 5) / 18 * widened
    width = _Z95 * math.sqrt(variance)
    # ranks of the ends, outwards: an interval a little too wide is honest
    low = math.floor((len(slopes) - width) / 2)
    high = math.ceil((len(slopes) + width) / 2)
    return (
        slope,
        float(slopes[low]) if low >= 0 else -math.inf,
        float(slopes[high]) if high < len(slopes) else math.inf,
    )


def _inflation(residuals: np.ndarray) -> float:
    """Return by how much alike neighbours widen a variance; 1 where they are not."""
    residuals = residuals / np.abs(residuals).max()
    whole = float(np.dot(residuals, residuals))
    alike = float(np.dot(residuals[1:], residuals[:-1])) / whole
    # residuals of a fitted line are less alike than what they stand for (Kendall 1954)
    alike = min(_ALIKE, alike + (1 + 4 * max(alike, 0.0)) / len(residuals))
    return max(1.0, (1 + alike) / (1 - alike))
