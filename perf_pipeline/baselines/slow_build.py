"""Read the slow statements of a range of days, judge them, keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from perf_pipeline.baselines import slow
from perf_pipeline.baselines.compute import BASELINE_DAYS
from perf_pipeline.baselines.slow import Limits
from perf_pipeline.store import Store, frames, levels, samples
from perf_pipeline.store.own import OWN_TEXT
from perf_pipeline.store.samples import KEY

TABLE = ("perf_mgmt", "slow_queries")
WEEKLY = ("perf_mgmt", "analytics_query_baselines")
#: Whole weeks before a Monday that its baselines sum up: those a statement's baseline rests on.
WEEKS = BASELINE_DAYS // 7
#: What holds whatever the hour: the others are not asked of.
_TIERS = ("all", "initial")


@dataclass(frozen=True)
class Built:
    """What was written: the rows of `perf_mgmt.slow_queries`, and how many weekly baselines.

    `measured` is whether anything is known of the last day: a day without sums has no slow
    statements, and is not a fast one.
    """

    frame: pl.DataFrame
    weekly: int
    measured: bool


def build(
    store: Store, target_name: str, first: date, last: date, limits: Limits | None = None
) -> Built:
    """Compute and keep the slow statements of the days `first` to `last`, replacing what is there.

    A day depends on the daily rollup, the statement baselines and the texts alone; a Monday among
    the days gets its weekly baselines, too.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included.
    limits : Limits, optional

    Raises
    ------
    ConfigurationError
        The target has no history in the store.
    InputError
        `last` lies before `first`.

    """
    days = samples.days_of(first, last)
    target_id = samples.target_id(store, target_name)
    params = {
        "target_id": target_id,
        "first": first,
        "last": last,
        "slow_ms": slow.LISTED_MS,
        "own_text": OWN_TEXT,
    }
    found = frames.read(store, "slow_statements", slow.DAYS, params)
    ids = found["queryid"].unique().sort().to_list()
    known = levels.read(store, target_id, first, last, ids, tiers=_TIERS)
    judged = slow.judge(found, known, limits)
    number = pl.lit(target_id, pl.Int32).alias("target_id")
    frames.replace_days(
        store, TABLE, "day", target_id, first, last, judged.with_columns(number).sort("day", *KEY)
    )
    weekly = _weekly(store, target_id, [day for day in days if day.isoweekday() == 1], limits)
    kept = frames.replace_days(
        store, WEEKLY, "week", target_id, first, last, weekly.with_columns(number)
    )
    (known_day,) = store.rows("slow_measured", {"target_id": target_id, "day": last})
    return Built(judged, kept, bool(known_day["measured"]))


def _weekly(
    store: Store, target_id: int, mondays: Sequence[date], limits: Limits | None
) -> pl.DataFrame:
    if not mondays:
        return pl.DataFrame()
    known = pl.concat(
        levels.read(store, target_id, day, day, tiers=_TIERS, above=slow.BASELINE_MS)
        for day in mondays
    )
    weeks = frames.read(
        store,
        "slow_weeks",
        slow.WEEKS,
        {
            "target_id": target_id,
            "start": mondays[0] - timedelta(weeks=WEEKS),
            "end": mondays[-1],
            "queryids": known["queryid"].unique().sort().to_list(),
            "own_text": OWN_TEXT,
        },
    )
    return slow.weekly(slow.before(weeks, mondays, WEEKS), known, limits)
