"""Calibrate the detector on a target's own history, week by week, and store the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import calibration
from perf_pipeline.regressions.detectable import judgeable
from perf_pipeline.regressions.detector import detect
from perf_pipeline.regressions.identity import HORIZON_DAYS
from perf_pipeline.regressions.policy import DEFAULT, Policy
from perf_pipeline.store import Store, frames, samples
from perf_pipeline.store.samples import DETECT_METRIC, KEY, METRIC, WINDOW_DAYS, Plan, midnight

CALIBRATION = ("perf_mgmt", "calibration")
DETECTABILITY = ("perf_mgmt", "detectability")

CALIBRATION_SCHEMA: Schema = {
    "target_id": pl.Int32,
    "week": pl.Date,
    "as_of": pl.Date,
    "kind": pl.String,
    "factor": pl.Float64,
    "calls_class": pl.String,
    "series": pl.Int32,
    "trials": pl.Int32,
    "series_days": pl.Float64,
    "hits": pl.Int32,
    "rate": pl.Float64,
    "rate_low": pl.Float64,
    "rate_high": pl.Float64,
    "median_delay": pl.Float64,
}
DETECTABILITY_SCHEMA: Schema = {
    "target_id": pl.Int32,
    "week": pl.Date,
    "as_of": pl.Date,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "metric": pl.String,
    "grain": pl.String,
    "outcome": pl.String,
    "samples": pl.Int64,
    "calls_per_sample": pl.Float64,
    "total_ms": pl.Float64,
    "noise": pl.Float64,
    "smallest_change": pl.Float64,
    "smallest_change_day": pl.Float64,
}


@dataclass(frozen=True)
class Week:
    """One week's calibration; `why_not` says why nothing could be measured, empty if it was.

    Attributes
    ----------
    week : date
        Its Monday.
    as_of : date or None
        The newest day of the week with samples; the figures are of the `WINDOW_DAYS` up to it.
    rows : tuple of calibration.Row
    detectability : polars.DataFrame
        Columns of `DETECTABILITY_SCHEMA`.
    why_not : str

    """

    week: date
    as_of: date | None
    rows: tuple[calibration.Row, ...]
    detectability: pl.DataFrame
    why_not: str


def calibrate(
    store: Store, target_name: str, weeks: Sequence[date], policy: Policy = DEFAULT
) -> list[Week]:
    """Measure and store each week's calibration, replacing what is there.

    Parameters
    ----------
    store : Store
    target_name : str
    weeks : Sequence of date
        Mondays, ascending.
    policy : Policy

    Raises
    ------
    ConfigurationError
        The target has no history in the store.

    """
    target_id = samples.target_id(store, target_name)
    done = []
    for week in weeks:
        result = _week(store, target_name, target_id, week, policy)
        rows = [_flat(target_id, result, row) for row in result.rows]
        frame = pl.DataFrame(rows, schema=dict(CALIBRATION_SCHEMA), orient="row")
        for table, content in ((CALIBRATION, frame), (DETECTABILITY, result.detectability)):
            frames.replace_days(store, table, "week", target_id, week, week, content)
        done.append(result)
    return done


def _week(store: Store, name: str, target_id: int, week: date, policy: Policy) -> Week:
    empty = pl.DataFrame(schema=dict(DETECTABILITY_SCHEMA))
    plans = samples.read_plans(store, target_id, samples.days_of(week, week + timedelta(days=6)))
    if not plans:
        return Week(week, None, (), empty, "no samples in this week")
    plan = plans[-1]
    found = samples.read_samples(store, target_id, [plan], WINDOW_DAYS)
    seen = found.select(
        pl.col("series").cast(pl.String).alias("series_id"),
        "ts",
        "value",
        "calls",
        metric=pl.lit(DETECT_METRIC),
    )
    small = _detectability(target_id, week, plan, found, seen)
    if plan.grain != "hour":
        days = f"{samples.SWEEP_BELOW_HOURS} hours"
        return Week(week, plan.day, (), small, f"fewer than {days} of history")
    stretches = calibration.quiet(seen, detect(seen))
    if stretches.is_empty():
        why = f"no statement ran on {calibration.LEAST_DAYS} days without a change"
        return Week(week, plan.day, (), small, why)
    # named by the statement, not by its number among those of the window
    keys = found.select("series", *KEY).unique().sort("series")
    names = keys.select(
        pl.col("series").cast(pl.String).alias("series_id"),
        _name=pl.concat_str([pl.col(column).cast(pl.String) for column in KEY], separator="/"),
    )
    stretches = (
        stretches.join(names, on="series_id")
        .with_columns(series_id=pl.col("_name"))
        .drop("_name")
        .sort("series_id", "ts")
    )
    lot = f"{name}/{week.isoformat()}"
    classes = calibration.chosen(stretches, lot)
    stretches = stretches.join(classes, on="series_id", how="semi").sort("series_id", "ts")
    rows = (
        *calibration.unchanged(detect, stretches, classes, lot, policy),
        *calibration.injected(detect, stretches, classes, lot, policy),
    )
    return Week(week, plan.day, rows, small, "")


def _detectability(
    target_id: int, week: date, plan: Plan, found: pl.DataFrame, seen: pl.DataFrame
) -> pl.DataFrame:
    end = midnight(plan.day + timedelta(days=1))
    about = (
        found.group_by("series", *KEY)
        .agg(
            calls_per_sample=pl.col("calls").cast(pl.Float64).median(),
            total_ms=pl.col("total_ms").sum(),
            newest=pl.col("ts").max(),
        )
        .filter(pl.col("newest") >= end - timedelta(days=HORIZON_DAYS))
        .with_columns(series_id=pl.col("series").cast(pl.String))
    )
    return (
        judgeable(seen)
        .join(about, on="series_id")
        .with_columns(
            target_id=pl.lit(target_id, dtype=pl.Int32),
            week=pl.lit(week, dtype=pl.Date),
            as_of=pl.lit(plan.day, dtype=pl.Date),
            metric=pl.lit(METRIC),
            grain=pl.lit(plan.grain),
        )
        .select(*DETECTABILITY_SCHEMA)
        .sort(*KEY)
    )


def _flat(target_id: int, result: Week, row: calibration.Row) -> dict[str, Any]:
    return {
        "target_id": target_id,
        "week": result.week,
        "as_of": result.as_of,
        "kind": row.kind,
        "factor": row.factor,
        "calls_class": row.calls_class,
        "series": row.series,
        "trials": row.trials,
        "series_days": row.series_days,
        "hits": row.hits,
        "rate": row.rate.value,
        "rate_low": row.rate.low,
        "rate_high": row.rate.high,
        "median_delay": row.median_delay,
    }
