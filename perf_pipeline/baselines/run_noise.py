"""What load tests vary by from run to run, and whether a difference is more than that; pure."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from perf_pipeline.baselines.run_model import METRICS, Baseline, Run

#: Earlier good runs a prediction interval rests on, and the least of them.
HISTORY: Final = 10
MINIMUM_HISTORY: Final = 5
#: Two-sided 99 % quantiles of Student's t by degrees of freedom: one good run in 200 is worse.
_T: Final = {4: 4.604, 5: 4.032, 6: 3.707, 7: 3.499, 8: 3.355, 9: 3.250}
#: Makes the median absolute deviation of n normal values unbiased (Croux and Rousseeuw 1992).
_SMALL_SAMPLE: Final = {
    4: 1.363,
    5: 1.206,
    6: 1.200,
    7: 1.140,
    8: 1.129,
    9: 1.107,
    10: 1.087,
}
_MAD_TO_SIGMA: Final = 1.4826
#: The variance of a median of n normal values is 1.571 / n times theirs (pi / 2).
_MEDIAN: Final = math.pi / 2
#: What runs are taken to vary by until five are known (standard deviation, of the logarithm or in
#: points). Ours, on the cautious side: on a shared machine p95 and throughput of short runs vary by
#: 5 to 10 %, p99 by 10 to 25 %.
ASSUMED: Final[Mapping[str, float]] = {
    "p95_ms": 0.10,
    "p99_ms": 0.20,
    "throughput_tps": 0.10,
    "cpu_percent": 5.0,
    "memory_percent": 5.0,
}
_Z99: Final = 2.576
#: 2 %, or 2 points: below it differences are timer resolution and code layout, not the database.
SPREAD_FLOOR: Final = 0.02
POINTS_FLOOR: Final = 2.0
#: Largest probability of so many more failures by chance alone.
ERROR_P: Final = 0.01
#: A limit met exactly is met, whatever the last digits of a division.
DECIMALS: Final = 9


def outside(
    metric: str, current: float, normal: float, base: Baseline, earlier: Sequence[Run]
) -> bool:
    """Whether a value is worse than the 99 % prediction interval for one more run.

    Parameters
    ----------
    metric : str
        Of `METRICS`.
    current, normal : float
        Of the run and of the baseline.
    base : Baseline
    earlier : sequence of Run
        Good ones, oldest first, ten at most.

    """
    more_is_worse, points, _ = METRICS[metric]
    known = [value for each in earlier if (value := each.value(metric)) is not None]
    scaled = known if points else [math.log(value / normal) for value in known]
    now = current if points else math.log(current / normal)
    few = len(scaled) < MINIMUM_HISTORY
    quantile = _Z99 if few else _T[len(scaled) - 1]
    if few:
        centre, runs, spread = (normal if points else 0.0), base.runs, ASSUMED[metric]
    elif base.baseline_type == "ROLLING":
        centre, runs = median(scaled), len(scaled)
        spread = _deviation([value - centre for value in scaled])
    else:
        # a drift is no noise: what runs vary by is how they differ from one to the next, less
        # what all steps have in common; and the interval stands at the anchor, not at the runs
        centre, runs = (normal if points else 0.0), base.runs
        steps = [b - a for a, b in pairwise(scaled)]
        middle = median(steps)
        spread = _deviation([step - middle for step in steps]) / math.sqrt(2)
    spread = max(spread, POINTS_FLOOR if points else SPREAD_FLOOR)
    of_centre = 1.0 if runs == 1 else _MEDIAN / runs
    width = quantile * spread * math.sqrt(1 + of_centre)
    return round((now - centre) * (1 if more_is_worse else -1) - width, DECIMALS) > 0


def _deviation(residuals: Sequence[float]) -> float:
    """Return a robust standard deviation of residuals around their median."""
    return _MAD_TO_SIGMA * _SMALL_SAMPLE[len(residuals)] * median(map(abs, residuals))


def more_failures(run: Run, base: Run) -> float:
    """Return the probability of at least so many failures if the rate had not risen.

    One-sided test of two proportions on counts: Fisher's exact one, which holds for few failures,
    too. 1.0 when the rate did not rise, or nothing was counted.

    Parameters
    ----------
    run, base : Run
        Their `transactions` and `failed` are used.

    """
    counts = (run.failed, run.transactions, base.failed, base.transactions)
    if any(count is None for count in counts):
        return 1.0
    bad, good, bad_before, good_before = (int(count or 0) for count in counts)
    n, before = bad + good, bad_before + good_before
    if not n or not before or bad * before <= bad_before * n:
        return 1.0
    all_bad, total = bad + bad_before, 0.0
    largest = min(n, all_bad)
    for k in range(bad, largest + 1):
        term = math.exp(_choose(n, k) + _choose(before, all_bad - k) - _choose(n + before, all_bad))
        total += term
        if term <= total * 1e-16:  # they fall from here on: k is above what is expected
            break
    return min(1.0, total)


def _choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
