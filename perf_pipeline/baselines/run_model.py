"""What a load test measured, what it is compared with, and what is said of it; pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from perf_pipeline.baselines.run_work import Work
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
#: Shares of what the machine has, everything on it included: never more than a warning.
RESOURCES: Final = ("cpu_percent", "memory_percent")
#: Blocks that statements touch (`run_work`).
WORK: Final = "work"
#: Without one of these there is nothing to judge. CPU and memory count where a baseline has them.
REQUIRED: Final = ("p95_ms", "p99_ms", "throughput_tps", "error_percent")
#: The only one that may be zero.
ERRORS: Final = "error_percent"


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
    #: Latencies of the reference load between its blocks: `mean_ms`, `p95_ms`, `p99_ms`.
    reference: Mapping[str, float] | None = None
    #: What each statement did; None: not counted, or not asked for.
    work: Work | None = None
    data_bytes: int | None = None
    #: Why it ran on data that grow, though it asked for a fresh copy; empty: it need not be said.
    not_restored: str = ""

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
    #: What each statement did in its runs, and how many transactions that was.
    work: tuple[tuple[Work, int], ...] = ()


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
    #: What is meant, where the metric alone does not say: a statement.
    what: str = ""
    #: How many times slower the machine was, or larger the data: taken off `change`. None: neither.
    slower: float | None = None

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
