"""Which detected changes are findings, how severe, and what they cost; pure.

A finding needs evidence and size; the severity says which of the described limits it broke, and by
how much, and is never a substitute for either.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.regressions.policy import DEFAULT, GRADES, Policy

#: Largest false discovery rate among a day's findings (Benjamini and Hochberg, 1995).
Q_LIMIT = 0.05
#: One step up when the added time is at least 5 % of all execution time of the database, one step
#: down when it is below 0.1 %: a statement nobody waits for is not critical.
SHARE_UP = 0.05
SHARE_DOWN = 0.001

#: A share is compared after this rounding, so that a limit met exactly is met.
_DECIMALS = 12


def large(policy: Policy) -> pl.Expr:
    """Whether a change clears the floor, whatever the evidence; null and NaN count as no.

    Reads `direction`, `relative_change_low`, `relative_change_high`.
    """
    low, high = (pl.col(f"relative_change_{end}") for end in ("low", "high"))
    # NaN is the greatest of numbers in Polars
    up = ~low.is_nan() & (1 + low >= policy.low)
    down = 1 + high <= 1 / policy.low
    direction = pl.col("direction")
    chosen = pl.when(direction == "up").then(up).when(direction == "down").then(down)
    return chosen.otherwise(pl.lit(value=False)).fill_null(value=False)


def not_enough(policy: Policy) -> pl.Expr:
    """Why nothing can be said about a change; null where something can."""
    numbers = (
        "p_value",
        "old_level",
        "new_level",
        "relative_change",
        "relative_change_low",
        "relative_change_high",
    )
    # a comparison with null is null in Polars, and so is `is_finite` of null
    missing = pl.any_horizontal(
        ~pl.col(name).is_finite().fill_null(value=False) for name in numbers
    )
    few = (pl.col("n_before").fill_null(0) < policy.minimum_before) | (
        pl.col("n_after").fill_null(0) < policy.minimum_after
    )
    no_level = (pl.col("old_level") <= 0) | (pl.col("new_level") <= 0)
    text = f"fewer than {policy.minimum_before} samples before or {policy.minimum_after} after"
    return (
        pl.when(missing)
        .then(pl.lit("a figure is missing"))
        .when(no_level)
        .then(pl.lit("a level is zero"))
        .when(few)
        .then(pl.lit(text))
    )


def size_grade(policy: Policy) -> pl.Expr:
    """Index in `GRADES` that the size of a rise alone gives; 0 for a fall; i64."""
    ratio = 1 + pl.col("relative_change_low").fill_nan(None)
    grade = (ratio >= policy.warning).cast(pl.Int64) + (ratio >= policy.critical).cast(pl.Int64)
    return pl.when(pl.col("direction") == "up").then(grade).otherwise(0).fill_null(0)


@dataclass(frozen=True)
class Judged:
    """The day's verdicts.

    Attributes
    ----------
    findings : polars.DataFrame
        The rows given, with `q_value`, `severity`, `policy`, `size_class` (null for a fall) and
        `added_ms_per_day`.
    not_enough_data : polars.DataFrame
        Rows given about which nothing can be said, with `reason`.
    rejected : int
        Rows without enough evidence or size.

    """

    findings: pl.DataFrame
    not_enough_data: pl.DataFrame
    rejected: int


def q_values(p_values: npt.NDArray[np.float64], tested: int) -> npt.NDArray[np.float64]:
    """Return the Benjamini-Hochberg adjusted p-values.

    Parameters
    ----------
    p_values : ndarray of float64
        Of the candidates.
    tested : int
        Hypotheses tested: every series judged that day, those without a candidate included (their
        p-values are larger than any candidate's).

    Returns
    -------
    ndarray of float64
        In the order given, each at least its p-value and at most 1.

    """
    count = p_values.size
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * max(tested, count) / np.arange(1, count + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    result = np.empty(count)
    result[order] = adjusted
    # division may round the largest below its own p-value
    return np.maximum(result, p_values)


def severity(
    direction: str,
    relative_change_low: float,
    added_ms: float,
    database_ms: float,
    policy: Policy = DEFAULT,
) -> tuple[str, str]:
    """Grade a change; return the severity and the policy that gave it.

    Parameters
    ----------
    direction : str
        `up` or `down`.
    relative_change_low : float
        Lower 90 % bound of new / old - 1.
    added_ms, database_ms : float
        Time the change adds to a day, and all execution time of the database per day at the new
        level; 0 or not finite when unknown: then no step is taken.
    policy : Policy

    Raises
    ------
    InputError
        The size of a rise is not known: that is no grade, and no pass either.

    """
    if direction == "down":
        return "improvement", f"faster by more than the {policy.low - 1:.0%} floor"
    grade = policy.grade(relative_change_low)
    text = _broken(relative_change_low, policy)
    if not (math.isfinite(added_ms) and math.isfinite(database_ms) and database_ms > 0):
        return GRADES[grade], f"{text}; share of the database's time unknown"
    share = round(added_ms / database_ms, _DECIMALS)
    if share >= SHARE_UP and grade < 2:
        return GRADES[grade + 1], f"{text}; one step up: adds {share:.1%} of the database's time"
    if share < SHARE_DOWN and grade > 0:
        return GRADES[grade - 1], f"{text}; one step down: adds {share:.3%} of the database's time"
    return GRADES[grade], text


def _broken(relative_change_low: float, policy: Policy) -> str:
    """Say which limits a rise broke and by how much, the gravest first."""
    level = f"at least {1 + relative_change_low:.0%} of the level before"
    broken = policy.broken(relative_change_low)
    if not broken:
        return f"{level}: above the {policy.low - 1:.0%} floor, below {policy.degraded:.0%}"
    limits = ", ".join(
        f"{name} limit {getattr(policy, name):.0%} exceeded by {100 * over:.0f} points"
        for name, over in broken
    )
    return f"{level}: {limits}; class {policy.size_class(relative_change_low)}"


def judge(candidates: pl.DataFrame, tested: int, policy: Policy = DEFAULT) -> Judged:
    """Judge the changes seen as of one day.

    Parameters
    ----------
    candidates : polars.DataFrame
        `direction`, `relative_change`, `relative_change_low`, `relative_change_high`, `p_value`,
        `old_level`, `new_level` (ms per call), `n_before`, `n_after`, `steps`, `since`,
        `calls_per_day` (at the new level), `database_ms_per_day`; more columns are kept.
    tested : int
        Series tested as of the day.
    policy : Policy

    """
    reason = not_enough(policy)
    lacking = candidates.with_columns(reason=reason).filter(pl.col("reason").is_not_null())
    rows = candidates.filter(reason.is_null())
    rows = rows.with_columns(
        q_value=pl.Series(q_values(rows["p_value"].to_numpy(), tested), dtype=pl.Float64),
        added_ms_per_day=(pl.col("new_level") - pl.col("old_level")) * pl.col("calls_per_day"),
    )
    found = rows.filter(pl.col("q_value") <= Q_LIMIT, large(policy))
    graded = [
        severity(
            row["direction"],
            row["relative_change_low"],
            row["added_ms_per_day"],
            row["database_ms_per_day"],
            policy,
        )
        for row in found.iter_rows(named=True)
    ]
    creep = pl.format(
        "; {} small rises since {} UTC added up", "steps", pl.col("since").dt.to_string("iso")
    )
    classes = [
        policy.size_class(row["relative_change_low"]) if row["direction"] == "up" else None
        for row in found.iter_rows(named=True)
    ]
    findings = found.with_columns(
        size_class=pl.Series(classes, dtype=pl.String),
        severity=pl.Series([grade for grade, _ in graded], dtype=pl.String),
        policy=pl.Series([text for _, text in graded], dtype=pl.String)
        + pl.when(pl.col("steps") > 1).then(creep).otherwise(pl.lit("")),
    )
    return Judged(findings, lacking, rows.height - found.height)
