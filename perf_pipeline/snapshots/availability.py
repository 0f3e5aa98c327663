"""Availability of a target as looks at it tell (`store.looks`), against what is promised.

An outage between two looks is not seen, but a server that was started anew in between is counted as
a restart.

**How little can be told.** One look in five minutes that fails is five minutes: 0.1 % of 3.5 days.
Until so much time was observed, no share of 99.9 % can be shown, whatever was seen. A probe every
half minute shows it after 8 hours.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.errors import PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import fleet
from perf_pipeline.snapshots.service_levels import Reading
from perf_pipeline.store import looks
from perf_pipeline.store.engine import Store
from perf_pipeline.store.looks import Observed

#: The time over which the share is told (M-05 allows 8.76 hours a year: 43 minutes of this).
WINDOW: Final = timedelta(days=30)


def reading(observed: Observed, limit_percent: float) -> Reading:
    """Return the reading of availability (pure).

    Parameters
    ----------
    observed : Observed
        Of the looks in `WINDOW`.
    limit_percent : float
        Promised.

    """
    may_be_away = 1.0 - limit_percent / 100.0
    figures: dict[str, float | int | None] = {
        "observed_hours": observed.seen / timedelta(hours=1),
        "away_minutes": observed.away / timedelta(minutes=1),
        "budget_minutes": WINDOW / timedelta(minutes=1) * may_be_away,
        "outages": observed.outages,
        "longest_outage_minutes": observed.longest / timedelta(minutes=1),
        "restarts": observed.restarts,
    }
    if not observed.seen:
        return Reading(None, "no two looks followed each other closely enough", figures=figures)
    share = 100.0 * (observed.there / observed.seen)
    hours = observed.seen / timedelta(hours=1)
    detail = f"of {hours:,.1f} h observed in {WINDOW.days} days; {observed.outages} outages"
    apart = observed.seen / observed.looks
    enough = apart / may_be_away
    # away for longer than the whole window allows: missed, however little was observed
    if observed.seen >= enough or observed.away > WINDOW * may_be_away:
        return Reading(share, detail, figures=figures)
    needed = enough / timedelta(hours=1)
    return Reading(
        None,
        f"{share:.2f} % of {hours:,.1f} h observed; {limit_percent:g} % takes {needed:,.0f} h to "
        f"show at a look every {_words(apart)}",
        figures=figures,
    )


def _words(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def read(store: Store, target: Target, target_id: int, now: datetime) -> Reading:
    """Return the reading of a target's availability, with its number in the store."""
    found = looks.read(store, target.name, target_id, now - WINDOW, now)
    return reading(looks.observe(found, now), target.promises.availability_percent or 0.0)


def note(
    store: Store,
    failed: Sequence[Target],
    now: datetime,
    *,
    threads: int,
    budget_s: float,
    probe: Callable[[Target], str | None] | None = None,
) -> list[str]:
    """Keep which of the targets that could not be swept are away; return their names.

    Each is tried once more, by a connection alone: a sweep also fails for want of a privilege, or
    of the store.

    Parameters
    ----------
    store : Store
    failed : sequence of Target
    now : datetime
        Aware: when the sweep failed.
    threads : int
        Targets at the same time.
    budget_s : float
        Seconds for each; one that says nothing meanwhile is away.
    probe : callable, optional
        Default: `away`.

    """
    if not failed:
        return []
    names = []
    outcomes = fleet.sweep_all(
        failed, lambda target: (probe or away)(target) or "", threads=threads, budget_s=budget_s
    )
    for outcome in outcomes:
        silent = outcome.record is None and outcome.seconds >= budget_s
        reason = outcome.reason if silent else outcome.record
        if reason:
            params = {"target": outcome.target.name, "ts": now, "reason": reason}
            store.rows("unreached_note", params)
            names.append(outcome.target.name)
    return names


def away(target: Target) -> str | None:
    """Return why a target cannot be reached, None where it can, or where it is our own mistake."""
    try:
        with pg.session(target.url(), bare=True):
            return None
    except UnreachableError as error:
        return fleet.without_password(error.message, target)
    except PerfPipelineError:
        return None  # a wrong password or name: nobody else is kept out
