"""Add up small rises that are too small to report one by one; pure.

A level that creeps up 8 % a week is never a finding when each step is compared with the one
before: it is, when the newest step is compared with the level before the first.
"""

import math
from itertools import groupby
from typing import Any

import polars as pl

from perf_pipeline.regressions.policy import DEFAULT, Policy


def _small_rise(row: dict[str, Any], policy: Policy) -> bool:
    """Rises add up that do not warn by themselves: one that does is known."""
    return bool(row["direction"] == "up" and 1 + row["relative_change_low"] < policy.warning)


def with_creep(changes: pl.DataFrame, policy: Policy = DEFAULT) -> pl.DataFrame:
    """Compare each small rise with the level before the run of small rises it ends.

    Parameters
    ----------
    changes : polars.DataFrame
        Columns `as_of`, `series` and those of `detect`; sorted by as_of, series, change_ts.
    policy : Policy
        Its `warning` limit is what a small rise stays below.

    Returns
    -------
    polars.DataFrame
        The same rows and columns with `steps` i64 and `since` (first step's onset). Where a rise
        whose lower bound does not warn by itself follows others, `old_level`, `n_before`,
        `relative_change` and its bounds are those against the level before the first of them, and
        `p_value` is the largest of the run's. The bounds add up as those of independent steps.

    """
    schema = {**changes.schema, "steps": pl.Int64(), "since": pl.Datetime("us")}
    rows: list[dict[str, Any]] = []
    for _, group in groupby(
        changes.iter_rows(named=True), key=lambda row: (row["as_of"], row["series"])
    ):
        run: list[dict[str, Any]] = []
        for row in group:
            run = [*run, row] if _small_rise(row, policy) else []
            rows.append(_summed(run) if len(run) > 1 else _single(row))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _single(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "steps": 1, "since": row["change_ts"]}


def _summed(run: list[dict[str, Any]]) -> dict[str, Any]:
    steps = [math.log1p(row["relative_change"]) for row in run]
    total = math.fsum(steps)

    def bound(name: str) -> float:
        widths = [math.log1p(row[name]) - step for row, step in zip(run, steps, strict=True)]
        return math.sqrt(math.fsum(width**2 for width in widths))

    return {
        **run[-1],
        "steps": len(run),
        "since": run[0]["change_ts"],
        "old_level": run[0]["old_level"],
        "n_before": run[0]["n_before"],
        "relative_change": math.expm1(total),
        "relative_change_low": math.expm1(total - bound("relative_change_low")),
        "relative_change_high": math.expm1(total + bound("relative_change_high")),
        "p_value": max(row["p_value"] for row in run),
    }
