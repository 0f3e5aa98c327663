"""Which slow statements are slower than normal, and what to do about each; pure.

Slow alone is no alarm: a monthly report may take a minute for years. What the statements of a day
took is compared with their baseline of that day, which an open regression does not move.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.postgres.copy import Schema
from perf_pipeline.store.samples import KEY

#: From here on a statement is listed (ms per call); watched after more than 5 calls of a second.
LISTED_MS: Final = 100.0
WATCHED_MS: Final = 1000.0
WATCHED_CALLS: Final = 5
#: A statement has a weekly baseline after more than 50 calls, if it normally takes over 100 ms.
BASELINE_CALLS: Final = 50
BASELINE_MS: Final = 100.0
#: From here on reading elsewhere is worth a thought (ms per call).
REPLICA_MS: Final = 2000.0
#: Slow enough to be of high priority whatever was normal.
URGENT_MS: Final = 10_000.0
#: More of a statement's time than this spent on reading and writing blocks: bound by I/O.
IO_BOUND: Final = 0.8

DAYS: Final[Schema] = {
    "day": pl.Date,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "source": pl.String,
    "category": pl.String,
    "calls": pl.Int64,
    "total_ms": pl.Float64,
    "io_ms": pl.Float64,
    "rows": pl.Int64,
    "reads_only": pl.Boolean,
}
WEEKS: Final[Schema] = {
    "week": pl.Date,
    "source": pl.String,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "category": pl.String,
    "reads_only": pl.Boolean,
    "calls": pl.Int64,
    "io_ns": pl.Int64,
    "rows": pl.Int64,
}
STATES: Final = ("CRITICAL", "WARNING", "DEGRADED", "NO_BASELINE", "NORMAL")
_BY: Final = ("day", *KEY)


@dataclass(frozen=True)
class Limits:
    """How many times its baseline a statement may take: the described 1.2, 1.5 and 3."""

    degraded: float = 1.2
    warning: float = 1.5
    critical: float = 3.0

    def __post_init__(self) -> None:
        # as of a target's `regression_limits`: a warning may begin before "degraded" does
        if (
            not 1
            < min(self.degraded, self.warning)
            <= max(self.degraded, self.warning)
            < self.critical
        ):
            raise InputError(
                f"limits {self.degraded}, {self.warning}, {self.critical} do not rise from 1",
                "give degraded and warning above 1, and critical above both",
            )

    @classmethod
    def of(cls, declared: Iterable[tuple[str, float]]) -> "Limits":
        """Take those limits of a target's `regression_limits` that concern slow statements."""
        known = {"degraded", "warning", "critical"}
        return cls(**{name: value for name, value in declared if name in known})


def levels_of(levels: pl.DataFrame) -> pl.DataFrame:
    """Return what holds for a day as a whole: `baseline_ms` and `baseline_samples` per day and key.

    Parameters
    ----------
    levels : polars.DataFrame
        Columns of `store.levels.SCHEMA`; only the tiers `all` and `initial` count.

    """
    return (
        levels.filter(pl.col("tier").is_in(["all", "initial"]))
        .sort(*_BY, "tier")
        .unique(_BY, keep="first", maintain_order=True)
        .select(*_BY, baseline_ms="center", baseline_samples="samples")
    )


def judge(days: pl.DataFrame, levels: pl.DataFrame, limits: Limits | None = None) -> pl.DataFrame:
    """Grade the slow statements of some days against their baselines.

    Parameters
    ----------
    days : polars.DataFrame
        Columns of `DAYS`: one row per day and statement; io_ms null where it was not measured.
    levels : polars.DataFrame
        Columns of `store.levels.SCHEMA`.
    limits : Limits, optional

    Returns
    -------
    polars.DataFrame
        Statements above `LISTED_MS`, slowest first within a day: the columns of
        `perf_mgmt.slow_queries` but for `target_id`. `change` is relative to the baseline; a
        comparison without a baseline is NO_BASELINE, never NORMAL.

    """
    limits = limits or Limits()
    mean, normal = pl.col("mean_ms"), pl.col("baseline_ms")
    return (
        days.filter(pl.col("calls") > 0)
        .with_columns(mean_ms=pl.col("total_ms") / pl.col("calls"))
        .filter(mean > LISTED_MS)
        .join(levels_of(levels), on=_BY, how="left")
        .with_columns(
            change=mean / normal - 1,
            watched=(mean > WATCHED_MS) & (pl.col("calls") > WATCHED_CALLS),
            io_bound=pl.col("io_ms") > IO_BOUND * pl.col("total_ms"),
            replica_candidate=(mean > REPLICA_MS) & pl.col("reads_only"),
            state=pl.when(normal.is_null())
            .then(pl.lit("NO_BASELINE"))
            .when(mean > limits.critical * normal)
            .then(pl.lit("CRITICAL"))
            .when(mean > limits.warning * normal)
            .then(pl.lit("WARNING"))
            .when(mean > limits.degraded * normal)
            .then(pl.lit("DEGRADED"))
            .otherwise(pl.lit("NORMAL")),
        )
        .with_columns(priority=_priority(), action=_action())
        .sort("day", pl.col("mean_ms"), *KEY, descending=[False, True, *[False] * len(KEY)])
        .select(
            *_BY,
            *("source", "category", "calls", "total_ms", "mean_ms", "io_ms", "rows"),
            *("baseline_ms", "baseline_samples", "change", "state", "watched", "priority"),
            *("io_bound", "replica_candidate", "action"),
        )
    )


def _priority() -> pl.Expr:
    state, mean = pl.col("state"), pl.col("mean_ms")
    return (
        pl.when(state == "CRITICAL")
        .then(pl.lit("CRITICAL"))
        .when((state == "WARNING") | (mean > URGENT_MS))
        .then(pl.lit("HIGH"))
        .when((state == "DEGRADED") | (mean > REPLICA_MS))
        .then(pl.lit("MEDIUM"))
        .otherwise(pl.lit("LOW"))
    )


def _action() -> pl.Expr:
    """Say what to do first: find the change, spare the reading, move or precompute it."""
    changed = pl.col("state").is_in(["CRITICAL", "WARNING", "DEGRADED"])
    bound = pl.col("io_bound").fill_null(value=False)
    apart = pl.col("replica_candidate").fill_null(value=False)
    return (
        pl.when(changed & bound)
        .then(
            pl.lit("slower than normal, and most of it is reading blocks: see the day's findings")
        )
        .when(changed)
        .then(pl.lit("slower than normal: see the day's findings for what changed, and its plan"))
        .when(bound)
        .then(pl.lit("most of it is reading blocks: an index, fewer rows, or more memory"))
        .when(apart)
        .then(pl.lit("only reads: a replica, or a materialized view of what it computes"))
        .when(pl.col("state") == "NO_BASELINE")
        .then(pl.lit("new, or seldom: nothing to compare with yet"))
        .otherwise(pl.lit("as slow as ever: worth a look at its plan when there is time"))
    )


def before(weeks: pl.DataFrame, mondays: Iterable[date], count: int) -> pl.DataFrame:
    """Sum up what each statement did in the weeks before some Mondays.

    Parameters
    ----------
    weeks : polars.DataFrame
        Columns of `WEEKS`: one row per week (its Monday), source and statement.
    mondays : iterable of date
    count : int
        So many weeks.

    Returns
    -------
    polars.DataFrame
        Columns of `WEEKS` without `source`; `week` is one of `mondays`, sorted by it and the key. A
        sum is null where a part is. Generated history counts only for what has no other.

    """
    shifted = [weeks.with_columns(pl.col("week").dt.offset_by(f"{n + 1}w")) for n in range(count)]
    whole = [
        pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)
        for name in ("calls", "io_ns", "rows")
    ]
    made_up = pl.col("source") == "generated"
    return (
        pl.concat(shifted)
        .filter(pl.col("week").is_in(list(mondays)))
        .filter(made_up == made_up.all().over("week", *KEY))
        .group_by("week", *KEY, "category", "reads_only")
        .agg(whole)
        .sort("week", *KEY)
    )


def weekly(weeks: pl.DataFrame, levels: pl.DataFrame, limits: Limits | None = None) -> pl.DataFrame:
    """Return the baselines of the statements worth watching, for each Monday.

    Parameters
    ----------
    weeks : polars.DataFrame
        As `before` returns.
    levels : polars.DataFrame
        Columns of `store.levels.SCHEMA`, of the Mondays.
    limits : Limits, optional

    Returns
    -------
    polars.DataFrame
        The columns of `perf_mgmt.analytics_query_baselines` but for `target_id`; sorted by week and
        key. io_ms and rows_returned are per call, null where not counted.

    """
    limits = limits or Limits()
    normal = pl.col("baseline_ms")
    return (
        weeks.filter(pl.col("calls") > BASELINE_CALLS)
        .join(levels_of(levels).rename({"day": "week"}), on=["week", *KEY])
        .filter(normal > BASELINE_MS)
        .sort("week", *KEY)
        .select(
            "week",
            *KEY,
            *("category", "calls", "baseline_ms", "baseline_samples"),
            io_ms=pl.col("io_ns") / 1e6 / pl.col("calls"),
            rows_returned=pl.col("rows") / pl.col("calls"),
            replica_candidate=(normal > REPLICA_MS) & pl.col("reads_only"),
            warning_ms=limits.warning * normal,
            critical_ms=limits.critical * normal,
        )
    )
