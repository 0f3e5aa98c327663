"""The verdict on one execution of a load test; pure.

A change counts when it is larger than the threshold *and* outside what runs vary by. It is compared
with the rolling baseline and with an anchor that does not move (MANUAL, else INITIAL), so that a
drift of small steps cannot hide. One run cannot tell a bad machine from a regression: it is
suspected, and only a re-run that agrees makes it a regression. What was not measured is never good.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Final
from uuid import UUID

from perf_pipeline.store.load_tests import Thresholds


class Outcome(StrEnum):
    """Of one metric against one baseline."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    NO_BASELINE = "NO_BASELINE"
    NO_DATA = "NO_DATA"


class State(StrEnum):
    """Of an execution."""

    OK = "OK"
    SUSPECTED = "SUSPECTED"
    REGRESSED = "REGRESSED"
    NO_BASELINE = "NO_BASELINE"
    NO_DATA = "NO_DATA"


#: Metric -> whether more of it is worse, whether its change is in points (of per cent) rather than
#: relative, and which threshold it has. p99 shares p95's: the described comparison left it out, and
#: called a run with a hundredfold p99 fine.
METRICS: Final[Mapping[str, tuple[bool, bool, str]]] = {
    "p95_ms": (True, False, "response_time_percent"),
    "p99_ms": (True, False, "response_time_percent"),
    "throughput_tps": (False, False, "throughput_percent"),
    "error_percent": (True, True, "error_rate_points"),
    "cpu_percent": (True, True, "resource_points"),
    "memory_percent": (True, True, "resource_points"),
}
#: Without one of these there is nothing to judge. CPU and memory count where a baseline has them.
REQUIRED: Final = ("p95_ms", "p99_ms", "throughput_tps", "error_percent")
#: The only one that may be zero.
ERRORS: Final = "error_percent"

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
_DECIMALS: Final = 9


@dataclass(frozen=True)
class Run:
    """What was measured of an execution; None: not measured. Latencies in any one unit.

    `transactions` succeeded, `failed` did not.
    """

    p95_ms: float | None = None
    p99_ms: float | None = None
    throughput_tps: float | None = None
    transactions: int | None = None
    failed: int | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    completed: bool = True

    @property
    def error_percent(self) -> float | None:
        """Failed of all attempts."""
        if self.transactions is None or self.failed is None:
            return None
        attempts = self.transactions + self.failed
        return 100.0 * self.failed / attempts if attempts else None

    def value(self, metric: str) -> float | None:
        """Return a metric if it can be compared: no NULL, NaN, infinity; zero only of errors."""
        value: float | None = getattr(self, metric)
        if value is None or not math.isfinite(value) or value < 0:
            return None
        return None if value == 0 and metric != ERRORS else float(value)

    @property
    def has_data(self) -> bool:
        """Whether it ended and everything required was measured."""
        return self.completed and all(self.value(metric) is not None for metric in REQUIRED)


@dataclass(frozen=True)
class Baseline:
    """What an execution is compared with: the median of `runs` runs, the newest is `source`."""

    baseline_type: str
    level: Run
    thresholds: Thresholds = field(default_factory=Thresholds)
    baseline_id: int | None = None
    runs: int = 1
    source: UUID | None = None


@dataclass(frozen=True)
class Comparison:
    """One metric against one baseline.

    `change` and `threshold` are in per cent of the baseline, or in points for shares; `change` is
    positive when the value rose. `proven` is whether a difference beyond the threshold is more than
    runs vary by; None where there is none.
    """

    metric: str
    baseline_type: str
    current: float | None
    baseline: float | None
    change: float | None
    threshold: float
    outcome: Outcome
    proven: bool | None = None
    baseline_id: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it is beyond its threshold, and not what runs vary by."""
        return self.outcome in {Outcome.WARNING, Outcome.CRITICAL} and self.proven is not False


@dataclass(frozen=True)
class Verdict:
    """What is said of an execution.

    `worst` is the gravest comparison that counts; `missing` names what should have been measured.
    """

    state: State
    worst: Outcome
    comparisons: tuple[Comparison, ...]
    reason: str
    missing: tuple[str, ...] = ()

    @property
    def suspects(self) -> frozenset[str]:
        """Metrics that got worse beyond threshold and noise."""
        return frozenset(each.metric for each in self.comparisons if each.counts)

    @property
    def is_regression(self) -> bool:
        """Whether it is known to be worse than normal."""
        return self.state is State.REGRESSED

    @property
    def passes(self) -> bool:
        """Whether a gate may let it through: everything known, nothing critical."""
        return self.worst in {Outcome.OK, Outcome.WARNING} and not self.missing


def compared(baselines: Sequence[Baseline]) -> list[Baseline]:
    """Return the baselines that count: ROLLING, and the anchor, MANUAL before INITIAL."""
    by_type = {each.baseline_type: each for each in baselines}
    anchor = by_type.get("MANUAL", by_type.get("INITIAL"))
    return [each for each in (by_type.get("ROLLING"), anchor) if each is not None]


def judge(run: Run, baselines: Sequence[Baseline], history: Sequence[Run] = ()) -> Verdict:
    """Compare an execution with its baselines.

    Parameters
    ----------
    run : Run
    baselines : sequence of Baseline
        The active ones of its test, target, environment and major version.
    history : sequence of Run
        Earlier good runs of the same, oldest first; the last ten count.

    Returns
    -------
    Verdict
        NO_DATA when the run did not complete or lacks a number, NO_BASELINE when there is nothing
        to compare with, SUSPECTED when something counts as worse, else OK. Never REGRESSED: see
        `settle`.

    """
    if not run.completed:
        return Verdict(State.NO_DATA, Outcome.NO_DATA, (), "the execution did not complete")
    used = compared(baselines)
    earlier = [each for each in history if each.has_data][-HISTORY:]
    rows = tuple(_compare(metric, run, base, earlier) for base in used for metric in METRICS)
    missing = [metric for metric in REQUIRED if run.value(metric) is None]
    missing += [
        row.metric
        for row in rows
        if row.metric not in REQUIRED
        and row.outcome is Outcome.NO_DATA
        and row.baseline is not None
    ]
    missing = list(dict.fromkeys(missing))
    bad = [row for row in rows if row.counts]
    lost = tuple(missing)
    if bad:
        said = "; ".join(map(_said, bad))
        return Verdict(State.SUSPECTED, _gravest(bad), rows, said, lost)
    if missing:
        return Verdict(
            State.NO_DATA, Outcome.NO_DATA, rows, f"not measured: {', '.join(lost)}", lost
        )
    lacking = [row.metric for row in rows if row.metric in REQUIRED and row.baseline is None]
    if not used or lacking:
        said = f"the baseline lacks {', '.join(lacking)}" if lacking else "no baseline yet"
        return Verdict(State.NO_BASELINE, Outcome.NO_BASELINE, rows, said)
    return Verdict(State.OK, Outcome.OK, rows, "within thresholds, or within what runs vary by")


def settle(first: Verdict, rerun: Verdict | None) -> Verdict:
    """Decide a suspected execution by its re-run.

    Parameters
    ----------
    first : Verdict
        Of the execution.
    rerun : Verdict, optional
        Of the same test, run again; None: not yet.

    Returns
    -------
    Verdict
        REGRESSED when the re-run is worse in one of the same metrics, as grave as both say;
        OK when the re-run had data and is not; still SUSPECTED without a re-run that says
        anything. An execution that is not suspected stays what it is.

    """
    if first.state is not State.SUSPECTED or rerun is None:
        return first
    agreed = first.suspects & rerun.suspects
    if agreed:
        both = (
            _gravest([row for row in each.comparisons if row.counts and row.metric in agreed])
            for each in (first, rerun)
        )
        return Verdict(
            State.REGRESSED,
            Outcome.CRITICAL if set(both) == {Outcome.CRITICAL} else Outcome.WARNING,
            first.comparisons,
            f"{first.reason}; another run agrees in {', '.join(sorted(agreed))}",
            first.missing,
        )
    if rerun.missing or rerun.state in {State.NO_DATA, State.NO_BASELINE}:
        return first
    said = f"not confirmed by a re-run: {first.reason}"
    if first.missing:
        return Verdict(State.NO_DATA, Outcome.NO_DATA, first.comparisons, said, first.missing)
    return Verdict(State.OK, Outcome.OK, first.comparisons, said)


def _gravest(rows: Sequence[Comparison]) -> Outcome:
    critical = any(row.outcome is Outcome.CRITICAL for row in rows)
    return Outcome.CRITICAL if critical else Outcome.WARNING


def _said(row: Comparison) -> str:
    change = row.change or 0.0
    unit = " points" if METRICS[row.metric][1] else " %"
    return f"{row.metric} {change:+.1f}{unit} against {row.baseline_type}"


def _compare(metric: str, run: Run, base: Baseline, earlier: Sequence[Run]) -> Comparison:
    more_is_worse, points, name = METRICS[metric]
    threshold = float(getattr(base.thresholds, name))
    current, normal = run.value(metric), base.level.value(metric)
    if current is None or normal is None:
        outcome = Outcome.NO_DATA if current is None else Outcome.NO_BASELINE
        return Comparison(
            metric,
            base.baseline_type,
            current,
            normal,
            None,
            threshold,
            outcome,
            None,
            base.baseline_id,
        )
    change = current - normal if points else 100.0 * (current / normal - 1.0)
    worse = round(change if more_is_worse else -change, _DECIMALS)
    outcome = Outcome.OK
    if worse > threshold:
        outcome = Outcome.CRITICAL if worse > 2 * threshold else Outcome.WARNING
    proven = None
    if outcome is not Outcome.OK:
        proven = (
            more_failures(run, base.level) <= ERROR_P
            if metric == ERRORS
            else _outside(metric, current, normal, base, earlier)
        )
    return Comparison(
        metric,
        base.baseline_type,
        current,
        normal,
        change,
        threshold,
        outcome,
        proven,
        base.baseline_id,
    )


def _outside(
    metric: str, current: float, normal: float, base: Baseline, earlier: Sequence[Run]
) -> bool:
    """Whether a value is worse than the 99 % prediction interval for one more run."""
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
    return round((now - centre) * (1 if more_is_worse else -1) - width, _DECIMALS) > 0


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
