"""What a day's statements did, together: what was judged, the top ones, the latency; pure.

A day's work is a frame of `report_statements.sql`: thousands of rows, of which a few are shown.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.reports import latency
from perf_pipeline.reports.assemble import Row, share, statement
from perf_pipeline.reports.model import Judgement, Statement, Unjudged

#: Columns of `report_statements.sql`; rows come largest first.
SCHEMA: Schema = {
    "day": pl.Date,
    "source": pl.String,
    "queryid": pl.Int64,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "toplevel": pl.Boolean,
    "calls": pl.Int64,
    "exact_intervals": pl.Int64,
    "exec_ns": pl.Int64,
    "plan_ns": pl.Int64,
    "squares": pl.Float64,
    "baseline_samples": pl.Int64,
    "own": pl.Boolean,
}
EMPTY = pl.DataFrame(schema=dict(SCHEMA))

#: Samples without which no change is told from noise: G-72 asks for 10 before, 5 after.
LEAST_BASELINE_SAMPLES = 10
LEAST_SAMPLES = 5
#: Statements listed.
TOP = 15
EXAMPLES = 10


def doubt() -> pl.Expr:
    """Say why a change in a statement could not have been told; null when it could.

    Reads `baseline_samples` and `exact_intervals`.
    """
    before, exact = pl.col("baseline_samples"), pl.col("exact_intervals")
    few_before = f"its baseline rests on fewer than {LEAST_BASELINE_SAMPLES} samples"
    return (
        pl.when(exact == 0)
        .then(pl.lit("no exact interval this day"))
        .when(before == 0)
        .then(pl.lit("no baseline yet"))
        .when(before < LEAST_BASELINE_SAMPLES)
        .then(pl.lit(few_before))
        .when(exact < LEAST_SAMPLES)
        .then(pl.lit(f"fewer than {LEAST_SAMPLES} exact intervals this day"))
    )


def judgement(rows: pl.DataFrame, statements: Mapping[tuple[Any, ...], Statement]) -> Judgement:
    """Return how much of a day's work could be judged.

    Parameters
    ----------
    rows : polars.DataFrame
        Of one day and its source.
    statements : Mapping of key to Statement
        Those whose text is known.

    """
    total = int(rows["exec_ns"].sum())
    doubtful = _doubtful(rows)
    reasons = doubtful.group_by("reason").agg(pl.len(), pl.col("exec_ns").sum()).rows()
    return Judgement(
        statements=rows.height,
        unjudged=doubtful.height,
        unjudged_share=share(int(doubtful["exec_ns"].sum()), total),
        reasons=tuple(
            sorted(
                ((why, amount, share(part, total)) for why, amount, part in reasons),
                key=lambda item: (-item[2], item[0]),
            )
        ),
        examples=tuple(
            Unjudged(
                statement(row, statements),
                row["reason"],
                row["calls"],
                row["exec_ns"] / 1e6,
                share(row["exec_ns"], total),
            )
            for row in doubtful.head(EXAMPLES).iter_rows(named=True)
        ),
    )


def _doubtful(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(reason=doubt()).filter(pl.col("reason").is_not_null())


def top(rows: pl.DataFrame) -> list[Row]:
    """Return the statements that are listed.

    Only those called by a client: the time of one that a function calls is in its caller's already.
    """
    return list(rows.filter("toplevel").head(TOP).iter_rows(named=True))


def shown(rows: pl.DataFrame) -> set[int]:
    """Return the `queryid` of the statements that a report of all of these rows may name."""
    named = (rows.filter("toplevel").head(TOP), _doubtful(rows).head(EXAMPLES))
    return {queryid for part in named for queryid in part["queryid"]}


def p95_ms(rows: pl.DataFrame) -> float | None:
    """Return the 95th percentile of the latency of all calls; None where it is not known."""
    # whole nanoseconds and whole thousandths of a square millisecond, see report_statements.sql
    calls, exec_ns, squares = (
        rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for column in ("calls", "exec_ns", "squares")
    )
    return latency.percentile(calls, exec_ns / 1e6, squares / 1e3)
