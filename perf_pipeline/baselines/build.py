"""Build the statement baselines of a range of days from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import polars as pl

from perf_pipeline.baselines import packed
from perf_pipeline.baselines.compute import BASELINE_DAYS, LEVEL_TOLERANCE, Computed, compute
from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import detect, detect_arrays
from perf_pipeline.store import Store, asof, feedback, frames, samples, screen
from perf_pipeline.store import hours as store_hours
from perf_pipeline.store.samples import KEY, METRIC, Plan

#: Weeks computed together, a year mostly: bounds memory (5,000 statements: 200 MB), changes no
#: result. Each part reads the thirteen weeks before it again.
CHUNK_WEEKS = 57
#: A level is another one from 10 % on, the floor of a finding.
FLOOR = LEVEL_TOLERANCE

TABLE = ("perf_mgmt", "statement_baselines")
SCHEMA: Schema = {
    "target_id": pl.Int32,
    "day": pl.Date,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "metric": pl.String,
    **{name: dtype for name, dtype in packed.SCHEMA.items() if name not in {"day", "series"}},
}


@dataclass(frozen=True)
class Built:
    """What one call of `build` wrote.

    Attributes
    ----------
    rows : int
        Rows in perf_mgmt.statement_baselines for these days.
    days : int
        Days with a baseline.
    statements : int
        Statements with a baseline on at least one of the days.
    not_enough_data : int
        Statements (counted per day) that ran but have no baseline yet.
    tiers : dict of str to int
        Rows per tier.
    notes : tuple of str
        What a reader must know: days without data.

    """

    rows: int
    days: int
    statements: int
    not_enough_data: int
    tiers: dict[str, int]
    notes: tuple[str, ...]


def build(store: Store, target_name: str, first: date, last: date) -> Built:
    """Compute and store the baselines of the days `first` to `last`, replacing what is there.

    The baseline of a day is a function of the ledger's samples before the end of that day, of what
    was said of findings and of this code: repeated, or built day by day, the rows are the same.
    A row of a day that is judged on hours holds for the rest of its week: those of the week's
    earlier days are written with it, the same again.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included.

    Raises
    ------
    ConfigurationError
        The target has no history in the store.
    InputError
        `last` lies before `first`.

    """
    days = samples.days_of(first, last)
    target_id = samples.target_id(store, target_name)
    monday = first - timedelta(days=first.weekday())
    runs = _runs(samples.read_plans(store, target_id, samples.days_of(monday, last)), first)
    said = feedback.current(store, target_id)
    parts, missing = [pl.DataFrame(schema=SCHEMA)], 0
    for run in runs:
        build_run = _build_hours if run[0].grain == "hour" else _build_sweeps
        frame, lacking = build_run(store, target_id, run, said)
        parts.append(frame)
        missing += lacking
    planned = {plan.day for run in runs for plan in run}
    frame = pl.concat(parts).sort("day", *KEY, "tier")
    start = min([first, *planned])
    rows = frames.replace_days(store, TABLE, "day", target_id, start, last, frame)
    return Built(
        rows,
        frame["day"].n_unique(),
        frame.select(KEY).unique().height,
        missing,
        dict(frame["tier"].value_counts().sort("tier").iter_rows()),
        tuple(f"{day.isoformat()}: no samples" for day in days if day not in planned),
    )


def _runs(plans: Sequence[Plan], first: date) -> list[list[Plan]]:
    """Split days by source and grain, and those judged on hours by weeks; pure.

    Days before `first` stay where they are of the week and run of a later one.
    """
    runs = [
        list(run)
        for _, run in groupby(
            plans, key=lambda p: (samples.alike(p.source), p.grain, _chunk(p.day, p.grain))
        )
    ]
    week = _week(first)
    kept = []
    for run in runs:
        whole = run[0].grain == "hour" and any(
            plan.day >= first and _week(plan.day) == week for plan in run
        )
        kept.append([plan for plan in run if whole or plan.day >= first])
    return [run for run in kept if run]


def _week(day: date) -> int:
    """Return the number of a week; day 1 of the calendar was a Monday."""
    return (day.toordinal() - 1) // 7


def _chunk(day: date, grain: str) -> int:
    return _week(day) // (CHUNK_WEEKS if grain == "hour" else 1)


def _build_hours(
    store: Store, target_id: int, plans: list[Plan], said: Sequence[feedback.Verdict]
) -> tuple[pl.DataFrame, int]:
    start = plans[0].day - timedelta(days=screen.REACH_DAYS + BASELINE_DAYS)
    source = samples.alike(plans[0].source)
    hours = store_hours.read(store, target_id, start, plans[-1].day, source)
    asked = packed.wanted(hours, [plan.day for plan in plans])
    kept = screen.possible(hours, BASELINE_DAYS, FLOOR, share=1.0)[asked.series, asked.days - 1]
    changes = asof.changes_of_hours(
        detect_arrays, hours, asked.series[kept], asked.days[kept] - 1, BASELINE_DAYS
    )
    keys = hours.keys.with_row_index("series")
    made = packed.profiles(hours, asked, feedback.settled(changes, keys, said))
    return _rows(target_id, made, keys), asked.missing


def _build_sweeps(
    store: Store, target_id: int, plans: list[Plan], said: Sequence[feedback.Verdict]
) -> tuple[pl.DataFrame, int]:
    found = samples.read_samples(store, target_id, plans, BASELINE_DAYS + 1)
    days = [plan.day for plan in plans]
    eves = [day - timedelta(days=1) for day in days]
    changes = asof.changes(detect, found, eves, BASELINE_DAYS)
    computed: Computed = compute(
        found,
        asof.windows(found, eves, BASELINE_DAYS),
        feedback.settled(changes, found, said),
        days,
        plans[0].grain,
    )
    keys = found.select("series", *KEY).unique()
    return _rows(target_id, computed.frame, keys), sum(computed.not_enough_data.values())


def _rows(target_id: int, made: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None).alias(n) for n in ("daily_spread", "weekly_spread") if n not in made]
    none = [pl.lit(b"").alias(name) for name in ("daily", "weekly") if name not in made]
    return (
        made.join(keys, on="series")
        .with_columns(
            *missing,
            *none,
            target_id=pl.lit(target_id, pl.Int32),
            metric=pl.lit(METRIC),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    )
