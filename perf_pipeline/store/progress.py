"""How far the stages of a target's day have got: rollup, baseline, findings, report.

A stage is up to date when it covers the day's newest sweep, and when the rollups its result rests
on, of the day and of the days before it, are those of today: each rollup has a version, a hash of
its rows, and each later stage notes what the versions were. Each stage reads what it is about to
cover *before* it works and notes it afterwards, so that a sweep that commits meanwhile leaves the
day due again: it may be done once too often, never once too seldom.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store

#: In the order they run; each covers at most what the one before it covers.
STAGES: Final = ("rollup", "baseline", "findings", "report")
#: Days before a day whose rollups its baseline and findings may rest on (the baseline of a Sunday
#: is that of Monday, six days before, for which the screen looks back thirteen weeks). The view
#: `perf_mgmt.day_inputs` says the same.
WINDOW_DAYS: Final = 97


@dataclass(frozen=True)
class DayState:
    """A day with sweeps its report does not cover, or that rests on rollups that have changed.

    `covered` is None when there is no report.
    """

    target: str
    day: date
    newest: datetime
    covered: datetime | None
    stale: bool = False


def begin(
    store: Store, target_name: str, stage: str, first: date, last: date
) -> dict[date, datetime]:
    """Return the newest sweep of each day that a stage started now covers.

    Parameters
    ----------
    store : Store
    target_name : str
    stage : str
        One of STAGES.
    first, last : date
        UTC days, both included.

    Returns
    -------
    dict
        Only days with sweeps, or with a result of the stage before.

    """
    number = STAGES.index(stage)
    target_id = targets.find(store, target_name)
    params = {"target_id": target_id, "first": first, "last": last}
    if number == 0:
        rows = store.rows("progress_sweeps", params)
    else:
        rows = store.rows("progress_stage", {**params, "stage": STAGES[number - 1]})
    return {row["day"]: row["covered"] for row in rows}


def inputs(store: Store, target_name: str, first: date, last: date) -> dict[date, str]:
    """Return what the results of some days rest on when they are made now.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included.

    Returns
    -------
    dict
        Only days with a rollup.

    """
    params = {"target_id": targets.find(store, target_name), "first": first, "last": last}
    return {row["day"]: row["inputs"] for row in store.rows("progress_inputs", params)}


def note_versions(store: Store, target_id: int, first: date, last: date) -> None:
    """Note what the rollups of some days hold now."""
    store.rows("progress_versions", {"target_id": target_id, "first": first, "last": last})


def stale(store: Store, target_name: str) -> dict[date, tuple[str, ...]]:
    """Return the days of a target that rest on rollups that have changed, with their stages."""
    rows = store.rows("progress_stale", {"target_id": targets.find(store, target_name)})
    return {row["day"]: tuple(row["stages"]) for row in rows}


def finish(
    store: Store,
    target_name: str,
    stage: str,
    covered: Mapping[date, datetime],
    rests_on: Mapping[date, str] | None = None,
) -> None:
    """Note what a stage that has succeeded covers, and on what it rests.

    Parameters
    ----------
    store : Store
    target_name : str
    stage : str
        One of STAGES.
    covered : Mapping of date to datetime
        What `begin` returned.
    rests_on : Mapping of date to str, optional
        What `inputs` returned before the work; not for a rollup.

    """
    target_id = targets.find(store, target_name)
    if not covered or target_id is None:
        return
    known = rests_on or {}
    store.rows(
        "progress_save",
        {
            "target_id": target_id,
            "stage": stage,
            "days": list(covered),
            "covered": list(covered.values()),
            "inputs": [known.get(day) for day in covered],
        },
    )
    if stage == STAGES[0]:
        note_versions(store, target_id, min(covered), max(covered))


def uncovered(
    store: Store, starts: Mapping[str, date], today: date, lookback_days: int
) -> list[DayState]:
    """Return the days that are due, by target and day: see `DayState`.

    Parameters
    ----------
    store : Store
    starts : Mapping of target name to date
        First day to look at, per target; targets never swept are left out of the result.
    today : date
        Last UTC day to look at.
    lookback_days : int
        Days before today to look for sweeps on; bounds the cost: one index probe per target and
        day. Days whose report rests on what has changed since are looked for over `WINDOW_DAYS`:
        whatever a day that was repaired that long ago has made stale is due.

    """
    rows = store.rows(
        "progress_due",
        {
            "names": list(starts),
            "starts": list(starts.values()),
            "today": today,
            "lookback_days": lookback_days,
            "stale_days": max(lookback_days, WINDOW_DAYS),
        },
    )
    return [DayState(**row) for row in rows]
