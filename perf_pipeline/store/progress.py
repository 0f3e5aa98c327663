"""How far the stages of a target's day have got: rollup, baseline, findings, report.

A stage is up to date when it covers the day's newest sweep. Each stage reads what it is about to
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


@dataclass(frozen=True)
class DayState:
    """A day with sweeps its report does not cover; `covered` is None when there is no report."""

    target: str
    day: date
    newest: datetime
    covered: datetime | None


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


def finish(store: Store, target_name: str, stage: str, covered: Mapping[date, datetime]) -> None:
    """Note what a stage that has succeeded covers.

    Parameters
    ----------
    store : Store
    target_name : str
    stage : str
        One of STAGES.
    covered : Mapping of date to datetime
        What `begin` returned.

    """
    if covered:
        store.rows(
            "progress_save",
            {
                "target_id": targets.find(store, target_name),
                "stage": stage,
                "days": list(covered),
                "covered": list(covered.values()),
            },
        )


def uncovered(
    store: Store, starts: Mapping[str, date], today: date, lookback_days: int
) -> list[DayState]:
    """Return the days whose newest sweep is not in their report, by target and day.

    Parameters
    ----------
    store : Store
    starts : Mapping of target name to date
        First day to look at, per target; targets never swept are left out of the result.
    today : date
        Last UTC day to look at.
    lookback_days : int
        Days before today to look at; bounds the cost: one index probe per target and day.

    """
    rows = store.rows(
        "progress_due",
        {
            "names": list(starts),
            "starts": list(starts.values()),
            "today": today,
            "lookback_days": lookback_days,
        },
    )
    return [DayState(row["target"], row["day"], row["newest"], row["covered"]) for row in rows]
