"""Whether advice that was followed was worth it: measured afterwards in the ledger; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

from perf_pipeline.advice.model import Advice

Row = Mapping[str, Any]

#: Whole days, and calls on each side, before it is judged.
LEAST_DAYS: Final = 2
LEAST_CALLS: Final = 20
#: What is left of the time per call at most, to call it a gain.
GAINED: Final = 0.8


@dataclass(frozen=True)
class Outcome:
    """What became of an index that was advised and made.

    Attributes
    ----------
    object_name : str
    outcome : str
    statements : list of dict
        queryid, before_ms, after_ms per call.

    """

    object_name: str
    outcome: Literal["confirmed", "no_gain"]
    statements: list[dict[str, Any]]


def judge(rows: Sequence[Row]) -> list[Outcome]:
    """Judge what can be judged by now.

    Parameters
    ----------
    rows : sequence of Mapping
        Of `sql/store/advice_followed.sql`, sorted by object.

    Notes
    -----
    It is confirmed when one of the statements it was for takes at most four fifths of its time; it
    had no gain when all of them ran often enough, before and after, and none does.

    """
    found = []
    for name, group in groupby(rows, lambda row: row["object_name"]):
        of_it = list(group)
        known = [
            row
            for row in of_it
            if row["before_ms"]
            and row["after_ms"] is not None
            and row["before_calls"] >= LEAST_CALLS
            and row["after_calls"] >= LEAST_CALLS
            and row["after_days"] >= LEAST_DAYS
        ]
        gained = any(row["after_ms"] <= GAINED * row["before_ms"] for row in known)
        if not gained and len(known) < len(of_it):
            continue
        statements = [
            {name: row[name] for name in ("queryid", "before_ms", "after_ms")} for row in known
        ]
        found.append(Outcome(name, "confirmed" if gained else "no_gain", statements))
    return found


def without_gain(outcome: Outcome, drop: str) -> Advice:
    """Return the advice to take back an index that changed nothing."""
    times = "; ".join(
        f"statement {row['queryid']}: {row['before_ms']:.2f} ms before, {row['after_ms']:.2f} after"
        for row in outcome.statements
    )
    return Advice(
        "indexes", "index_without_gain", outcome.object_name, "warning",
        f"it was made as advised, and nothing is faster: {times}",
        "writers keep up one index less", "none that was measured", drop,
        "the same statements' time per call in ledger.statements_daily stays as it is",
        {"statements": outcome.statements},
    )  # fmt: skip
