"""What is said of a plan: verdicts of checks, reasons to act, and tables for people; pure."""

from dataclasses import dataclass
from typing import Any

from perf_pipeline.partitions.bounds import shown
from perf_pipeline.partitions.model import Existing, Plan

#: A bucket with so many times the rows of the mean does the work of two.
MOST_SKEW = 2.0
#: Fewer rows a bucket say nothing of how they are spread.
LEAST_ROWS = 1_000
#: Partitions by time that last less than this are too few, where the policy says nothing.
LEAST_DAYS = {"hour": 0.05, "day": 1.0, "week": 7.0, "month": 14.0, "quarter": 14.0, "year": 30.0}


@dataclass(frozen=True)
class Verdict:
    """What a check says; `error` is worse than a warning, `value` what was measured."""

    passed: bool
    error: bool
    message: str
    value: float | None = None


def covered(made: Plan) -> Verdict:
    """Say whether the current partition and those to be kept ready exist."""
    blocking = next((problem.what for problem in made.problems if problem.blocking), None)
    if blocking:
        return Verdict(False, True, blocking)
    if made.covered:
        return Verdict(True, False, "all are there", 0)
    # nothing to insert into now is worse than too little in store
    error = made.headroom_days == 0.0 or made.policy.modulus is not None
    return Verdict(False, error, f"{made.missing} partitions are missing", made.missing)


def default_empty(made: Plan) -> Verdict:
    """Say whether the default partition has rows."""
    if made.default_empty is None:
        return Verdict(True, False, "there is none, or it was locked")
    if made.default_empty:
        return Verdict(True, False, "it is empty")
    return Verdict(False, False, "rows lie in the default partition")


def even(existing: Existing) -> Verdict:
    """Say whether hash partitions have about as many rows each: the largest against the mean.

    Rows are the server's estimate; a partition that was never analyzed has none.
    """
    rows = [part.rows for part in existing.partitions if part.modulus is not None]
    known = [count for count in rows if count is not None]
    if not known or len(known) < len(rows):
        return Verdict(True, False, "not every partition was analyzed yet")
    mean = sum(known) / len(known)
    if mean < LEAST_ROWS:
        return Verdict(True, False, f"fewer than {LEAST_ROWS:,} rows each")
    skew = max(known) / mean
    message = f"the largest has {skew:.1f} times the rows of the mean; at most {MOST_SKEW:g}"
    return Verdict(skew <= MOST_SKEW, skew > 2 * MOST_SKEW, message, round(skew, 2))


def least_headroom(made: Plan) -> float:
    """Return the days below which headroom is too small."""
    if made.policy.headroom_days is not None:
        return made.policy.headroom_days
    if made.policy.every is None or made.policy.premake == 0:
        return 0.0
    return LEAST_DAYS[made.policy.every]


def headroom(made: Plan) -> Verdict:
    """Say whether what is ready lasts long enough."""
    if made.headroom_days is None:
        blocking = any(problem.blocking for problem in made.problems)
        return Verdict(not blocking, blocking, "without end, or no rate is known yet")
    least = least_headroom(made)
    return Verdict(
        made.headroom_days >= least,
        made.headroom_days < least / 2,
        f"{made.headroom_days:.1f} days; at least {least:g}",
        made.headroom_days,
    )


def reasons(made: Plan) -> list[str]:
    """Return why a target's maintenance shall run now; nothing where it could do nothing."""
    if any(problem.blocking for problem in made.problems):
        return []
    table = made.policy.parent
    found = []
    if made.of("create", "create_default") and not made.covered:
        found.append(f"{table}: {made.missing} partitions are missing")
    short = headroom(made)
    if not short.passed and made.of("create"):
        found.append(f"{table}: headroom of {short.message}")
    if made.default_empty is False and made.policy.drain:
        found.append(f"{table}: rows in the default partition")
    if made.of("finalize"):
        found.append(f"{table}: a detach was interrupted")
    return found


def catalog_metadata(existing: Existing, made: Plan) -> dict[str, Any]:
    """Return what is told of a parent: figures, and under `table` its newest partitions."""
    parts = [part for part in existing.partitions if not part.is_default]
    newest = sorted(parts, key=lambda part: part.name, reverse=True)
    sizes = [part.bytes for part in existing.partitions if part.bytes is not None]
    figures = {
        "dagster/row_count": len(existing.partitions),
        "missing": made.missing,
        "headroom_days": None if made.headroom_days is None else round(made.headroom_days, 2),
        "bytes": sum(sizes),
        "detached_not_dropped": len(existing.detached),
    }
    table = [
        {
            "partition": part.name,
            "bounds": f"{part.remainder} of {part.modulus}"
            if part.modulus is not None
            else shown(part.lower, part.upper),
            "rows_estimated": None if part.rows is None else int(part.rows),
            "bytes": part.bytes,
            "archived": part.archived,
        }
        for part in newest
    ]
    return {name: value for name, value in figures.items() if value is not None} | {"table": table}


def plan_metadata(made: Plan) -> dict[str, Any]:
    """Return what is told of a plan: figures, problems, and under `table` its steps."""
    problems = "\n".join(f"- {problem.what}: {problem.remedy}" for problem in made.problems)
    found: dict[str, Any] = {
        "dagster/row_count": len(made.steps),
        "missing": made.missing,
        "covered": made.covered,
        "table": [
            {"step": step.kind, "partition": step.partition.full_name, "why": step.why}
            for step in made.steps
        ],
    }
    if problems:
        found["problems"] = problems
    if made.notes:
        found["notes"] = "\n".join(made.notes)
    return found
