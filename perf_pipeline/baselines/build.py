"""Build the statement baselines of a range of days from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import polars as pl

from perf_pipeline.baselines.compute import BASELINE_DAYS, Computed, compute
from perf_pipeline.regressions import detect
from perf_pipeline.store import Store, asof, feedback, frames, samples
from perf_pipeline.store.samples import KEY, METRIC, Plan

#: Days computed together: bounds memory, changes no result.
CHUNK_DAYS = 30

TABLE = ("perf_mgmt", "statement_baselines")


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
    was said of findings (an expected rise is the new level, a false one none) and of this code:
    repeated, or built day by day, the rows are the same.

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
    plans = samples.read_plans(store, target_id, days)
    said = feedback.current(store, target_id)
    parts, missing = [], 0
    for (_, _, _), group in groupby(plans, key=lambda p: (p.source, p.grain, _chunk(p.day))):
        frame, lacking = _build_group(store, target_id, list(group), said)
        parts.append(frame)
        missing += lacking
    planned = {plan.day for plan in plans}
    notes = tuple(f"{day.isoformat()}: no samples" for day in days if day not in planned)
    if not parts:
        frames.replace_days(store, TABLE, "day", target_id, first, last, pl.DataFrame())
        return Built(0, 0, 0, 0, {}, notes)
    frame = pl.concat(parts)
    rows = frames.replace_days(store, TABLE, "day", target_id, first, last, frame)
    tiers = dict(frame["tier"].value_counts().sort("tier").iter_rows())
    statements = frame.select(KEY).unique().height
    return Built(rows, frame["day"].n_unique(), statements, missing, tiers, notes)


def _chunk(day: date) -> int:
    return day.toordinal() // CHUNK_DAYS


def _build_group(
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
    frame = (
        computed.frame.join(keys, on="series")
        .select(
            pl.lit(target_id, pl.Int32).alias("target_id"),
            "day",
            *KEY,
            pl.lit(METRIC).alias("metric"),
            "tier",
            "slot",
            "samples",
            "calls",
            "center",
            "spread",
            "low",
            "high",
        )
        .sort("day", *KEY, "tier", "slot")
    )
    return frame, sum(computed.not_enough_data.values())
