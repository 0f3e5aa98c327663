"""The statements that cost the load tests most, ranked; pure.

The rule of `perf_mgmt.top_performance_issues`, which looks at seven days, for any executions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: Statements below this (ms a call) are no issue, however often they are called (B-65).
LEAST_MS: Final = 100.0
#: B-46, B-65: HIGH above 1000 ms a call, MEDIUM above 500.
HIGH_MS: Final = 1000.0
MEDIUM_MS: Final = 500.0
#: Rows, and characters of a text (B-65).
MOST: Final = 50
PREVIEW: Final = 100


def impact(mean_ms: float | None) -> str:
    """Return `HIGH`, `MEDIUM` or `LOW` for a time per call; `UNKNOWN` without one."""
    if mean_ms is None:
        return "UNKNOWN"
    return "HIGH" if mean_ms > HIGH_MS else "MEDIUM" if mean_ms > MEDIUM_MS else "LOW"


@dataclass(frozen=True)
class Issue:
    """A statement of one target over some executions; times in ms."""

    target: str
    query_hash: str
    query: str | None
    tests: tuple[str, ...]
    executions: int
    calls: int
    total_ms: float
    worst_mean_ms: float

    @property
    def mean_ms(self) -> float:
        """Time per call."""
        return self.total_ms / self.calls

    @property
    def impact(self) -> str:
        """How heavy a call is."""
        return impact(self.mean_ms)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a table or for JSON."""
        return {
            "target": self.target,
            "query_preview": (self.query or "")[:PREVIEW] or None,
            "query_hash": self.query_hash,
            "impact": self.impact,
            "total_ms": self.total_ms,
            "mean_ms": self.mean_ms,
            "worst_mean_ms": self.worst_mean_ms,
            "calls": self.calls,
            "executions": self.executions,
            "tests": list(self.tests),
        }


def rank(rows: Sequence[Mapping[str, Any]], most: int = MOST) -> list[Issue]:
    """Return the slow statements of some executions, by the time they cost.

    Parameters
    ----------
    rows : sequence of Mapping
        Rows of perf_mgmt.query_performance with `target` and `test_name` of their execution.
    most : int

    """
    together: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["calls"]:
            together.setdefault((row["target"], row["query_hash"]), []).append(row)
    found = [
        Issue(
            target,
            query_hash,
            group[0]["query"],
            tuple(sorted({row["test_name"] for row in group})),
            len({row["execution_id"] for row in group}),
            sum(row["calls"] for row in group),
            sum(row["total_ms"] for row in group),
            max(row["total_ms"] / row["calls"] for row in group),
        )
        for (target, query_hash), group in together.items()
    ]
    slow = [each for each in found if each.total_ms > LEAST_MS * each.calls]
    return sorted(slow, key=lambda e: (-e.total_ms, e.query_hash, e.target))[:most]
