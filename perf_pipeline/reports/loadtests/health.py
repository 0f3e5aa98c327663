"""The health of executions: a word for one, a score for many; pure.

The word is also made in the store (`perf_mgmt.health_status`), for its views; a test holds both
together.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: The described limits of a healthy execution (B-49, B-51 to B-53, B-63).
P95_MS: Final = 1000.0
ERROR_PERCENT: Final = 5.0
CPU_PERCENT: Final = 80.0
MEMORY_PERCENT: Final = 85.0

HEALTHY: Final = "HEALTHY"
#: Every word, gravest first: what is wrong, what is not known, what is well.
WORDS: Final = (
    *("REGRESSION", "HIGH_ERROR_RATE", "SLOW_RESPONSE", "HIGH_CPU", "LIMIT_BROKEN", "SUSPECTED"),
    *("FAILED", "NO_DATA", "CANCELLED", "UNJUDGED", "NO_BASELINE", "RUNNING"),
    HEALTHY,
)
#: What says that something is worse or beyond a limit.
BAD: Final = frozenset(WORDS[:6])
#: What says nothing of the database under test: it counts neither way.
SILENT: Final = frozenset({"CANCELLED", "RUNNING"})


def status(row: Mapping[str, Any]) -> str:
    """Return the health of one execution in a word.

    First whether it ran to its end and was measured (a failed run has no metrics, and is not
    healthy for the lack of bad ones), then the verdict, then the described limits, then the limits
    of its own scenario.

    Parameters
    ----------
    row : Mapping
        As `executions.read` returns it.

    Returns
    -------
    str
        One of `WORDS`; HEALTHY only when everything is known and well.

    """
    told: str = row["status"]
    if told != "COMPLETED":
        return told
    state = row["state"]
    required = (row["p95_ms"], row["throughput_tps"])
    if (
        state == "NO_DATA"
        or row["error_percent"] is None
        or not all(value is not None and value > 0 for value in required)
    ):
        return "NO_DATA"
    if state == "REGRESSED":
        return "REGRESSION"
    if row["error_percent"] > ERROR_PERCENT:
        return "HIGH_ERROR_RATE"
    if row["p95_ms"] > P95_MS:
        return "SLOW_RESPONSE"
    if row["cpu_percent"] is not None and row["cpu_percent"] > CPU_PERCENT:
        return "HIGH_CPU"
    if row["metadata"].get("broken_limits"):
        return "LIMIT_BROKEN"
    if state is None:
        return "UNJUDGED"
    return HEALTHY if state == "OK" else str(state)


@dataclass(frozen=True)
class Score:
    """How many of some executions were healthy.

    Attributes
    ----------
    healthy, counted : int
        Executions; those still running, and those somebody cancelled, are not counted.
    words : mapping
        Word -> executions, gravest first; words of none are left out.

    """

    healthy: int
    counted: int
    words: Mapping[str, int]

    @property
    def percent(self) -> float | None:
        """Healthy of those counted; None: there is none."""
        return 100.0 * self.healthy / self.counted if self.counted else None


def score(rows: Sequence[Mapping[str, Any]]) -> Score:
    """Return the score of some executions."""
    words = [status(row) for row in rows]
    counted = [word for word in words if word not in SILENT]
    return Score(
        counted.count(HEALTHY),
        len(counted),
        {word: words.count(word) for word in WORDS if word in words},
    )


@dataclass(frozen=True)
class Room:
    """How far a metric is from its limit; `share` of the limit is left, negative: beyond it."""

    metric: str
    value: float
    limit: float
    unit: str

    @property
    def share(self) -> float:
        """What is left of the limit, 1 is all of it."""
        return 1.0 - self.value / self.limit


_LIMITS: Final = (
    ("p95_ms", P95_MS, "ms"),
    ("error_percent", ERROR_PERCENT, "%"),
    ("cpu_percent", CPU_PERCENT, "%"),
    ("memory_percent", MEMORY_PERCENT, "%"),
)


def room(row: Mapping[str, Any]) -> list[Room]:
    """Return how far what was measured is from the described limits, the nearest first."""
    found = [
        Room(metric, row[metric], limit, unit)
        for metric, limit, unit in _LIMITS
        if row[metric] is not None and math.isfinite(row[metric])
    ]
    return sorted(found, key=lambda each: each.share)
