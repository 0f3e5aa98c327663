"""Benchmarks a target declares: statements that are timed and taken back. Pure."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Rating = Literal["EXCELLENT", "GOOD", "ACCEPTABLE", "POOR", "NO_DATA"]


#: What would end the transaction that is taken back.
_ENDS: Final = re.compile(
    r"(?:^|;)\s*(?:commit|end|rollback|abort|begin|start|prepare\s+transaction)\b", re.IGNORECASE
)


class Benchmark(BaseModel):
    """Statements that are run together in a transaction, timed, and taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="Its name.")]
    statements: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="SQL with schemas, in one transaction, always taken back."),
    ]
    per_row: Annotated[
        bool,
        Field(description="Time counts for each row of the last statement, not for all of it."),
    ] = False
    goal_ms: Annotated[float, Field(gt=0.0, description="The median may take so long.")]
    excellent_ms: Annotated[float, Field(gt=0.0, description="Below: EXCELLENT.")]
    good_ms: Annotated[float, Field(gt=0.0, description="Below: GOOD.")]
    acceptable_ms: Annotated[
        float | None, Field(gt=0.0, description="Below: ACCEPTABLE; else POOR.")
    ] = None
    repeats: Annotated[int, Field(ge=3, le=1_000, description="How often it is timed.")] = 10

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        limits = [self.excellent_ms, self.good_ms, self.acceptable_ms or self.good_ms]
        if limits != sorted(limits):
            raise ValueError(f"benchmark {self.name}: excellent_ms, good_ms, acceptable_ms rise")
        for statement in self.statements:
            if not statement.strip() or _ENDS.search(statement):
                raise ValueError(
                    f"benchmark {self.name}: {statement!r}: a statement that begins or ends a "
                    "transaction, or none"
                )
        return self

    def rating(self, median_ms: float | None) -> Rating:
        """Return the word for a median; without one there is `NO_DATA`."""
        if median_ms is None:
            return "NO_DATA"
        if median_ms < self.excellent_ms:
            return "EXCELLENT"
        if median_ms < self.good_ms:
            return "GOOD"
        if self.acceptable_ms is not None and median_ms < self.acceptable_ms:
            return "ACCEPTABLE"
        return "POOR"


@dataclass(frozen=True)
class Timed:
    """What one benchmark took.

    Attributes
    ----------
    times : sequence of float
        Milliseconds of each repetition, or of each row of it; none where there was nothing to time.
    rows : int
        Rows of the last statement.
    problem : str
        Why it was not timed, or not as often as declared; empty where it was.

    """

    benchmark: Benchmark
    times: Sequence[float]
    rows: int = 0
    problem: str = ""

    @property
    def median_ms(self) -> float | None:
        """The median; None without times."""
        return statistics.median(self.times) if self.times else None

    @property
    def reached(self) -> bool:
        """Whether its goal was reached, as often as declared."""
        median = self.median_ms
        return not self.problem and median is not None and median <= self.benchmark.goal_ms

    @property
    def far_off(self) -> bool:
        """Whether it was not timed at all, or took twice what its goal says."""
        return self.median_ms is None or self.median_ms > 2.0 * self.benchmark.goal_ms

    def as_row(self) -> dict[str, Any]:
        """Return it for a table."""
        median = self.median_ms
        return {
            "benchmark": self.benchmark.name,
            "rating": self.benchmark.rating(median),
            "median_ms": None if median is None else round(median, 3),
            "slowest_ms": round(max(self.times), 3) if self.times else None,
            "goal_ms": self.benchmark.goal_ms,
            "rows": self.rows,
            "repeats": len(self.times),
            "problem": self.problem or None,
        }


def require_names(found: Sequence[Benchmark]) -> None:
    """Refuse two benchmarks of one name.

    Raises
    ------
    ValueError
        Names them; pydantic tells where.

    """
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise ValueError(f"a benchmark is there twice among {sorted(names)}")
