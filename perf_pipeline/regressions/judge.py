"""Which detected changes are findings, how severe, and what they cost; pure.

A finding needs evidence and size; the severity says which of the described limits it broke, and is
never a substitute for either.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

#: Largest false discovery rate among a day's findings (Benjamini and Hochberg, 1995).
Q_LIMIT = 0.05
#: The bound of the 90 % interval that lies nearer to "no change" must clear this floor: 10 %, the
#: least change the described regression report lists (G-72). A fall by the same factor counts
#: the same: 1 - 1 / 1.1.
SIZE_FLOOR = 0.10
#: Samples on each side below which nothing is said: G-72 asks for 10 before and 5 recent ones.
MINIMUM_BEFORE = 10
MINIMUM_AFTER = 5
#: Limits on new / old, lower bound: 150 % and 300 % of the baseline (G-40).
WARNING_RATIO = 1.5
CRITICAL_RATIO = 3.0
#: One step up when the added time is at least 5 % of all execution time of the database, one step
#: down when it is below 0.1 %: a statement nobody waits for is not critical.
SHARE_UP = 0.05
SHARE_DOWN = 0.001

GRADES = ("info", "warning", "critical")
#: A share is compared after this rounding, so that a limit met exactly is met.
_DECIMALS = 12

#: Whether a change clears the floor, whatever the evidence.
LARGE = (
    (pl.col("direction") == "up")
    & (pl.col("relative_change_low").log1p() >= math.log1p(SIZE_FLOOR))
) | (
    (pl.col("direction") == "down")
    & (pl.col("relative_change_high").log1p() <= -math.log1p(SIZE_FLOOR))
)


def _not_enough() -> pl.Expr:
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
    few = (pl.col("n_before").fill_null(0) < MINIMUM_BEFORE) | (
        pl.col("n_after").fill_null(0) < MINIMUM_AFTER
    )
    no_level = (pl.col("old_level") <= 0) | (pl.col("new_level") <= 0)
    return (
        pl.when(missing)
        .then(pl.lit("a figure is missing"))
        .when(no_level)
        .then(pl.lit("a level is zero"))
        .when(few)
        .then(pl.lit(f"fewer than {MINIMUM_BEFORE} samples before or {MINIMUM_AFTER} after"))
    )


#: Why nothing can be said about a change; null where something can.
NOT_ENOUGH = _not_enough()


@dataclass(frozen=True)
class Judged:
    """The day's verdicts.

    Attributes
    ----------
    findings : polars.DataFrame
        The rows given, with `q_value`, `severity`, `policy`, `added_ms_per_day`.
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


def size_grade(relative_change_low: float) -> int:
    """Return the index in `GRADES` that the lower bound of a rise alone gives."""
    return int(1 + relative_change_low >= WARNING_RATIO) + int(
        1 + relative_change_low >= CRITICAL_RATIO
    )


def severity(
    direction: str, relative_change_low: float, added_ms: float, database_ms: float
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

    """
    if direction == "down":
        return "improvement", "faster by more than the 10 % floor"
    grade = size_grade(relative_change_low)
    text = (
        f"above the {SIZE_FLOOR:.0%} floor, below {WARNING_RATIO:.0%}",
        f"at least {WARNING_RATIO:.0%} of the level before (warning limit)",
        f"at least {CRITICAL_RATIO:.0%} of the level before (critical limit)",
    )[grade]
    if not (math.isfinite(added_ms) and math.isfinite(database_ms) and database_ms > 0):
        return GRADES[grade], f"{text}; share of the database's time unknown"
    share = round(added_ms / database_ms, _DECIMALS)
    if share >= SHARE_UP and grade < 2:
        return GRADES[grade + 1], f"{text}; one step up: adds {share:.1%} of the database's time"
    if share < SHARE_DOWN and grade > 0:
        return GRADES[grade - 1], f"{text}; one step down: adds {share:.3%} of the database's time"
    return GRADES[grade], text


def judge(candidates: pl.DataFrame, tested: int) -> Judged:
    """Judge the changes seen as of one day.

    Parameters
    ----------
    candidates : polars.DataFrame
        `direction`, `relative_change`, `relative_change_low`, `relative_change_high`, `p_value`,
        `old_level`, `new_level` (ms per call), `n_before`, `n_after`, `steps`, `since`,
        `calls_per_day` (at the new level), `database_ms_per_day`; more columns are kept.
    tested : int
        Series tested as of the day.

    """
    lacking = candidates.with_columns(reason=NOT_ENOUGH).filter(pl.col("reason").is_not_null())
    rows = candidates.filter(NOT_ENOUGH.is_null())
    rows = rows.with_columns(
        q_value=pl.Series(q_values(rows["p_value"].to_numpy(), tested), dtype=pl.Float64),
        added_ms_per_day=(pl.col("new_level") - pl.col("old_level")) * pl.col("calls_per_day"),
    )
    found = rows.filter(pl.col("q_value") <= Q_LIMIT, LARGE)
    graded = [
        severity(
            row["direction"],
            row["relative_change_low"],
            row["added_ms_per_day"],
            row["database_ms_per_day"],
        )
        for row in found.iter_rows(named=True)
    ]
    creep = pl.format(
        "; {} small rises since {} UTC added up", "steps", pl.col("since").dt.to_string("iso")
    )
    findings = found.with_columns(
        severity=pl.Series([grade for grade, _ in graded], dtype=pl.String),
        policy=pl.Series([text for _, text in graded], dtype=pl.String)
        + pl.when(pl.col("steps") > 1).then(creep).otherwise(pl.lit("")),
    )
    return Judged(findings, lacking, rows.height - found.height)
