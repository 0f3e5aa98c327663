"""Which thresholds a load test could have, by what its own runs vary by; pure, never applied.

A threshold says which change matters. Below what runs vary by it promises what nobody can see, far
above it lets real changes pass. Each good run is judged again with the runs before it, under the
thresholds of now and under the suggested ones: so often each of them would have been a false alarm.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any, Final

from perf_pipeline.baselines.judge_run import HISTORY, METRICS, Baseline, Run, judge
from perf_pipeline.baselines.run_noise import MINIMUM_HISTORY, outside
from perf_pipeline.store.load_tests import Thresholds

#: Runs that can be judged again before anything is suggested.
LEAST_RUNS: Final = 8
#: Thresholds are round numbers.
_STEP: Final = 5.0
_STEP_POINTS: Final = 1.0
#: Above it a threshold is none: the runs are to be made steadier first.
MOST_PERCENT: Final = 100.0
MOST_POINTS: Final = 30.0
_LEVEL: Final = 0.95
#: What each threshold is of; p99 shares p95's and is not what it is chosen by. Errors vary by
#: counts: their test is exact, and no spread says what matters.
_OF: Final = {
    "response_time_percent": "p95_ms",
    "throughput_percent": "throughput_tps",
    "resource_points": "cpu_percent",
}


@dataclass(frozen=True)
class Suggestion:
    """One threshold.

    Attributes
    ----------
    threshold, metric : str
    now, suggested : float
        In percent, or in points of resources.
    smallest : float
        The smallest change that a single run of now would have been suspected for, whatever the
        threshold: beyond what runs vary by.
    runs : int
        Good runs that were judged again.
    false_now, false_suggested : int
        Of them suspected under either.
    most_false : float
        Share of runs that may be false alarms under the suggestion (95 %, one-sided).
    note : str

    """

    threshold: str
    metric: str
    now: float
    suggested: float
    smallest: float
    runs: int
    false_now: int
    false_suggested: int
    most_false: float
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return it for printing."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def suggest(good: Sequence[Run], thresholds: Thresholds) -> list[Suggestion]:
    """Return a suggestion for each threshold that runs can say something of.

    Parameters
    ----------
    good : sequence of Run
        Completed, measured, found no worse than normal (what a re-run acquitted is among them),
        oldest first.
    thresholds : Thresholds
        In force now.

    Returns
    -------
    list of Suggestion
        Empty with fewer than `LEAST_RUNS` runs after the first five.

    """
    judged = range(MINIMUM_HISTORY, len(good))
    if len(judged) < LEAST_RUNS:
        return []
    base = _baseline(good[-HISTORY:], thresholds)
    found = []
    for name, metric in _OF.items():
        values = [run.value(metric) for run in good]
        if any(value is None for value in values):
            continue
        points = METRICS[metric][1]
        smallest = _smallest(metric, base, good[-HISTORY:], points)
        step, most = (_STEP_POINTS, MOST_POINTS) if points else (_STEP, MOST_PERCENT)
        suggested = min(most, max(step, math.ceil(smallest / step - 1e-9) * step))
        now = float(getattr(thresholds, name))
        other = replace(thresholds, **{name: suggested})
        before = sum(_suspected(good, at, metric, thresholds) for at in judged)
        after = sum(_suspected(good, at, metric, other) for at in judged)
        found.append(
            Suggestion(
                name, metric, now, suggested, smallest, len(judged), before, after,
                upper(after, len(judged)), _said(now, suggested, smallest, most),
            )
        )  # fmt: skip
    return found


def _said(now: float, suggested: float, smallest: float, most: float) -> str:
    if smallest >= most:
        return "runs vary by more than any threshold: make them longer, or the machine quieter"
    if suggested > now:
        return f"a change of {now:g} cannot be told from what runs vary by"
    if suggested < now:
        return f"a change of {suggested:g} could be seen, and {now:g} lets it pass"
    return "as it should be"


def _baseline(earlier: Sequence[Run], thresholds: Thresholds) -> Baseline:
    middle: dict[str, Any] = {}
    for metric in ("p95_ms", "p99_ms", "throughput_tps", "cpu_percent", "memory_percent"):
        values = [value for run in earlier if (value := run.value(metric)) is not None]
        middle[metric] = median(values) if values else None
    level = Run(
        transactions=sum(run.transactions or 0 for run in earlier),
        failed=sum(run.failed or 0 for run in earlier),
        **middle,
    )
    return Baseline("ROLLING", level, thresholds, runs=len(earlier))


def _suspected(good: Sequence[Run], at: int, metric: str, thresholds: Thresholds) -> bool:
    earlier = good[max(0, at - HISTORY) : at]
    return metric in judge(good[at], [_baseline(earlier, thresholds)], earlier).suspects


def _smallest(metric: str, base: Baseline, earlier: Sequence[Run], points: bool) -> float:
    """Return the smallest change for the worse that lies outside what runs vary by."""
    normal = base.level.value(metric)
    if normal is None:
        return math.inf
    more_is_worse = METRICS[metric][0]
    # throughput cannot fall by more than everything
    low, high = 0.0, (MOST_POINTS if points else MOST_PERCENT) * (1.0 if more_is_worse else 0.999)

    def seen(change: float) -> bool:
        sign = 1.0 if more_is_worse else -1.0
        now = normal + sign * change if points else normal * (1.0 + sign * change / 100.0)
        return outside(metric, now, normal, base, earlier)

    if not seen(high):
        return high
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def upper(found: int, of: int) -> float:
    """Return the share that so many of so many leave possible, one-sided (Clopper and Pearson)."""
    if found >= of:
        return 1.0
    low, high = found / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        at_most = math.fsum(
            math.comb(of, k) * middle**k * (1.0 - middle) ** (of - k) for k in range(found + 1)
        )
        low, high = (middle, high) if at_most > 1.0 - _LEVEL else (low, middle)
    return high
