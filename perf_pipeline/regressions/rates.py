"""Rates and shares with their 95 % intervals; pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A share or a rate with its 95 % interval."""

    value: float
    low: float
    high: float


def share_interval(hits: int, trials: int) -> Rate:
    """Return a share with its 95 % interval (Wilson 1927); NaN without a trial."""
    if trials == 0:
        return Rate(math.nan, 0.0, 1.0)
    z2 = 1.959964**2
    share = hits / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * share * (1 - share) / trials + z2 * z2 / (4 * trials**2))
    half /= 1 + z2 / trials
    return Rate(share, max(middle - half, 0.0), min(middle + half, 1.0))


def rate_interval(counts: Sequence[int], days: float) -> Rate:
    """Return alarms per 1,000 series-days with their 95 % interval; NaN without a day.

    Exact for Poisson counts (Garwood 1936), over alarms and days divided by how many times more
    the counts of the series scatter than Poisson counts do: the replicates of one noisy series
    are no independent witnesses.

    Parameters
    ----------
    counts : Sequence of int
        Alarms of each series.
    days : float
        Series-days of all of them.

    """
    if days <= 0 or not counts:
        return Rate(math.nan, 0.0, math.inf)
    total, mean = sum(counts), sum(counts) / len(counts)
    scatter = 1.0
    if total and len(counts) > 1:
        scatter = max(1.0, sum((c - mean) ** 2 for c in counts) / (len(counts) - 1) / mean)
    events, exposure = total / scatter, days / scatter
    low = _root(lambda m: poisson_tail(events, m) - 0.025, events) if total else 0.0
    high = _root(lambda m: 1 - poisson_tail(events + 1, m) - 0.025, events, rising=False)
    return Rate(1000 * total / days, 1000 * low / exposure, 1000 * high / exposure)


def poisson_tail(events: float, mean: float) -> float:
    """Return P(X >= events) of a Poisson variable: the regularised gamma function P(events, mean).

    Fractions of events are allowed. By its series below mean = events + 1, else by the continued
    fraction of its complement (Abramowitz and Stegun 6.5.29 and 6.5.31).
    """
    if mean <= 0:
        return 0.0
    if events <= 0:
        return 1.0
    front = math.exp(events * math.log(mean) - mean - math.lgamma(events + 1))
    if mean < events + 1:
        term = total = 1.0
        k = events
        while term > 1e-16 * total:
            k += 1
            term *= mean / k
            total += term
        return min(front * total, 1.0)
    # Lentz's method
    b = mean + 1 - events
    c, d = 1e300, 1 / b
    fraction = d
    for i in range(1, 10_000):
        a = -i * (i - events)
        b += 2
        d = 1 / (a * d + b)
        c = b + a / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return max(0.0, 1.0 - front * events * fraction)


def _root(f: Callable[[float], float], start: float, *, rising: bool = True) -> float:
    """Return where a monotonic function of a mean crosses zero."""
    low, high = 0.0, 2 * start + 10
    for _ in range(200):
        middle = (low + high) / 2
        if (f(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2
