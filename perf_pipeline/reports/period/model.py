"""What a report of a week or a month is made of: plain facts, sorted, nothing rendered.

Times are naive UTC; times of work are milliseconds.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from perf_pipeline.reports.comparison.model import Comparison
from perf_pipeline.reports.model import Finding, Statement
from perf_pipeline.reports.period import MONTHLY


@dataclass(frozen=True)
class Limit:
    """A service level: its limit, and whether a figure keeps it."""

    name: str
    text: str
    unit: str
    limit: float
    above: bool = False

    def kept(self, value: float | None) -> bool | None:
        """Whether a figure keeps the limit; None where it was not measured."""
        if value is None:
            return None
        return value > self.limit if self.above else value < self.limit


#: The service levels of the checks on `<target>/stats/*`, asked of whole days.
LIMITS: Final = (
    Limit("p95_ms", "95th percentile of latency, estimated", "ms", 100.0),
    Limit("cache_hit", "Share of blocks found in shared buffers", "share", 0.9, above=True),
    Limit("connect_ms", "Connecting, 95th percentile of the sweeps", "ms", 50.0),
)


@dataclass(frozen=True)
class Period:
    """A week or a month: kind, first and last day (both included)."""

    kind: str
    first: date
    last: date

    @property
    def days(self) -> tuple[date, ...]:
        """Every day."""
        return tuple(
            self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)
        )

    @property
    def previous(self) -> "Period":
        """The week or month before."""
        last = self.first - timedelta(days=1)
        first = last.replace(day=1) if self.kind == MONTHLY else last - timedelta(days=6)
        return Period(self.kind, first, last)

    def __str__(self) -> str:
        if self.kind == MONTHLY:
            return f"{self.first:%Y-%m}"
        return f"{self.first} to {self.last}"


def of(kind: str, day: date) -> Period:
    """Return the week (from Monday on) or month that holds a day."""
    if kind == MONTHLY:
        first = day.replace(day=1)
        return Period(kind, first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1))
    first = day - timedelta(days=day.weekday())
    return Period(kind, first, first + timedelta(days=6))


@dataclass(frozen=True)
class Day:
    """One day; None where it is not known."""

    day: date
    statements: int = 0
    calls: int | None = None
    exec_ms: float | None = None
    p95_ms: float | None = None
    cache_hit: float | None = None
    connect_ms: float | None = None
    commits: int | None = None
    deadlocks: int | None = None
    temp_bytes: int | None = None
    database_bytes: int | None = None
    sweeps: int = 0
    exact_seconds: float = 0.0
    #: Whether its findings were computed.
    judged: bool = False
    #: Regressions first told that day.
    found: int = 0


@dataclass(frozen=True)
class Outcome:
    """A regression and what became of it.

    `state` is `open`, `resolved` or `not called`; `found` whether it was first told in the period.
    `level` is the statement's time per call at the end (ms). `said` is what somebody said of it,
    `acknowledged`, `expected` or `false`, or empty.
    """

    finding: Finding
    first_told: date
    found: bool
    state: str
    level: float | None = None
    said: str = ""
    #: Rises of the same statement that this one stands for, itself included.
    steps: int = 1

    @property
    def counts(self) -> bool:
        """Whether it is a regression still, for all that was said."""
        return self.said not in {"expected", "false"}


@dataclass(frozen=True)
class Cost:
    """What one statement cost, with its execution time on each day (ms)."""

    statement: Statement
    calls: int
    total_ms: float
    share: float
    days: tuple[float, ...]


@dataclass(frozen=True)
class Growth:
    """A table's size at the beginning and the end (bytes of its heap), and its rows then."""

    name: str
    first_bytes: int
    last_bytes: int
    rows: int | None


@dataclass(frozen=True)
class Trend:
    """A straight line through the days: per day, and the days until twice the last value.

    `clear` says whether the slope is beyond what the scatter of the days makes by chance.
    """

    per_day: float
    days: int
    doubling_days: float | None
    clear: bool = True


@dataclass(frozen=True)
class Calibration:
    """How right the detector is here, by the newest calibration of the period.

    `false_alarms` per 1,000 statements and days, with its 95 % interval; `found` is the size of a
    rise (1.5: half as much again) and the share found of those injected.
    """

    as_of: date
    false_alarms: tuple[float, float, float] | None
    found: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LoadTest:
    """The runs of one load test in one environment; p95 in ms, throughput per second."""

    name: str
    version: str
    kind: str
    environment: str
    runs: int
    regressed: int
    broken: int
    last_state: str | None
    p95: tuple[float | None, float | None]
    throughput: tuple[float | None, float | None]


@dataclass(frozen=True)
class PeriodData:
    """Everything a weekly or monthly report says."""

    target: str
    period: Period
    code_version: str
    days: tuple[Day, ...]
    outcomes: tuple[Outcome, ...] = ()
    improvements: tuple[Finding, ...] = ()
    top: tuple[Cost, ...] = ()
    total_ms: float = 0.0
    statements: int = 0
    comparison: Comparison | None = None
    #: Why there is no comparison.
    alone: str = ""
    growth: tuple[Growth, ...] = ()
    size_trend: Trend | None = None
    time_trend: Trend | None = None
    source: str | None = None
    calibration: Calibration | None = None
    load_tests: tuple[LoadTest, ...] = ()
    queries: tuple[tuple[str, str], ...] = field(default_factory=tuple)

    @property
    def covered(self) -> float:
        """Share of the period's time with exact intervals."""
        return sum(day.exact_seconds for day in self.days) / (86_400.0 * len(self.days))


@dataclass(frozen=True)
class PeriodReport:
    """One rendered report."""

    day: date
    html: str
    markdown: str
    content_hash: str
    found: int
    resolved: int
    open: int
