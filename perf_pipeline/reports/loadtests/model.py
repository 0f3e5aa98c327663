"""What the reports of load tests are made of: facts as read, and what follows from them.

A row is an execution as `store.executions.read` returns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from perf_pipeline.reports.loadtests.advice import Advice
from perf_pipeline.reports.loadtests.against import Against
from perf_pipeline.reports.loadtests.health import WORDS, Room, Score, score
from perf_pipeline.reports.loadtests.issues import Issue
from perf_pipeline.reports.loadtests.trend import Trend

Row = Mapping[str, Any]

#: Statements of a report of one execution (B-46).
TOP_STATEMENTS: Final = 10
#: Executions of a range that are read, the newest.
MOST_EXECUTIONS: Final = 500
#: Executions of the same test that a report of one shows around it.
HISTORY: Final = 60


@dataclass(frozen=True)
class Facts:
    """What the store knows of one execution.

    Attributes
    ----------
    row : Mapping
    operations, statements, metrics, events : sequence of Mapping
        As `sql/store/run_operations.sql` and its like return them; statements heaviest first.
    baselines : sequence of Mapping
        That the verdict compared it with (`baseline_rows.sql`).
    normal : Mapping or None
        The one of them whose runs operations and statements are compared with.
    normal_operations, normal_statements : sequence of sequence of Mapping
        Of each of those runs that is still known.
    history : sequence of Mapping
        Executions of the same test on the same target, environment and major version, oldest
        first, this one among them.
    generated_at : datetime

    """

    row: Row
    operations: Sequence[Row]
    statements: Sequence[Row]
    metrics: Sequence[Row]
    events: Sequence[Row]
    baselines: Sequence[Row]
    normal: Row | None
    normal_operations: Sequence[Sequence[Row]]
    normal_statements: Sequence[Sequence[Row]]
    history: Sequence[Row]
    generated_at: datetime


@dataclass(frozen=True)
class Statement:
    """A statement of an execution: its row, how heavy a call is, and how it changed."""

    row: Row
    impact: str
    share: float | None
    against: Against | None


@dataclass(frozen=True)
class RunReport:
    """What is said of one execution."""

    facts: Facts
    health: str
    room: tuple[Room, ...]
    advice: tuple[Advice, ...]
    #: Rows of the judge's comparison: metric, baseline_type, current, baseline, change, ...
    compared: tuple[Row, ...]
    #: Metrics of the whole run that got better than what they vary by.
    better: tuple[Against, ...]
    operations: tuple[Against, ...]
    statements: tuple[Statement, ...]
    trends: tuple[Trend, ...]

    @property
    def row(self) -> Row:
        """The execution."""
        return self.facts.row

    @property
    def minutes(self) -> float | None:
        """How long it took; None: it has not ended."""
        length = self.row["duration_ms"]
        return None if length is None else length / 60_000.0

    @property
    def slower(self) -> tuple[Against, ...]:
        """The operations that got worse."""
        return tuple(each for each in self.operations if each.verdict == "worse")


@dataclass(frozen=True)
class Line:
    """One test on one target, environment and major version, within a range.

    `rows` are its executions, oldest first; `trends` rest on them, `health` and `advice` are of the
    newest that ended. One that is not `current` counts no more: the test is inactive, or a newer
    version of it has run in the same place.
    """

    rows: tuple[Row, ...]
    score: Score
    health: str
    trends: tuple[Trend, ...]
    advice: tuple[Advice, ...]
    current: bool = True

    @property
    def newest(self) -> Row:
        """Its last execution that ended, else its last."""
        ended = [row for row in self.rows if row["status"] != "RUNNING"]
        return (ended or self.rows)[-1]

    @property
    def name(self) -> str:
        """The test with its version."""
        return f"{self.newest['test_name']} {self.newest['test_version']}"

    @property
    def place(self) -> str:
        """Where it runs."""
        row = self.newest
        return f"{row['target']}, {row['environment']}, PostgreSQL {row['server_major']}"


@dataclass(frozen=True)
class RangeReport:
    """What is said of all executions of a range `[since, before)`.

    `left_out` executions are older than the newest `MOST_EXECUTIONS`.
    """

    since: datetime
    before: datetime
    target: str | None
    lines: tuple[Line, ...]
    score: Score
    regressions: tuple[Row, ...]
    improvements: tuple[tuple[Line, Trend], ...]
    issues: tuple[Issue, ...]
    left_out: int
    generated_at: datetime

    @property
    def current(self) -> tuple[Line, ...]:
        """The tests that count."""
        return tuple(line for line in self.lines if line.current)

    @property
    def status(self) -> str:
        """The gravest health of a test in use; without one nothing is known."""
        return min((line.health for line in self.current), key=WORDS.index, default="NO_DATA")

    @property
    def industries(self) -> Mapping[str, Score]:
        """The score of each industry."""
        names = sorted({line.newest["industry"] or "" for line in self.lines})
        return {
            name: score(
                [row for line in self.lines for row in line.rows if (row["industry"] or "") == name]
            )
            for name in names
        }

    @property
    def executions(self) -> int:
        """How many there are."""
        return sum(len(line.rows) for line in self.lines)
