"""Which days' reports are due: closed days as soon as possible, the current day at most hourly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from perf_pipeline.store.progress import DayState

#: Sweeps of the current day that must have gathered beyond its report before it is made again.
CURRENT_DAY_EVERY: Final = timedelta(hours=1)
#: A day that failed alone is not asked for again before this: it would cost a run a minute.
RETRY_AFTER: Final = timedelta(minutes=30)
#: Older days without a report are left to backfills; also the bound of what a look at the store
#: costs, and of the days of one run. (Days whose report is stale: `store.progress.WINDOW_DAYS`.)
LOOKBACK_DAYS: Final = 62

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class DueRange:
    """Contiguous days of one target, both ends included."""

    target: str
    first: date
    last: date


@dataclass(frozen=True)
class Failure:
    """A run over a target's days, both ends included, that failed."""

    first: date
    last: date
    ended: datetime

    @property
    def days(self) -> int:
        """Days of the range."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Waiting:
    """A due day that failed alone, and when it is asked for again."""

    target: str
    day: date
    until: datetime


def plan(
    states: Iterable[DayState],
    today: date,
    failures: Mapping[str, Sequence[Failure]],
    now: datetime,
) -> tuple[list[DueRange], list[Waiting]]:
    """Return the range of days to ask for next, one per target, and the days that must wait.

    One range per target, the earliest, because a baseline wants the days before it done first:
    the next look, a minute later, sees the next range. A range that failed a short while ago is
    asked for again in halves, those in halves again: one day that cannot be reported is alone
    after a few runs, waits, and the other days, the newer ones above all, go on without it.

    Parameters
    ----------
    states : iterable of DayState
        Days with sweeps that their report does not cover.
    today : date
        The current UTC day.
    failures : Mapping of target name to sequence of Failure
        Runs that failed; those that ended longer than `RETRY_AFTER` ago do not count.
    now : datetime
        Aware.

    """
    ranges: list[DueRange] = []
    waiting: list[Waiting] = []
    due = sorted((s.target, s.day) for s in states if _is_due(s, today))
    for target, group in groupby(due, key=lambda pair: pair[0]):
        recent = [each for each in failures.get(target, ()) if now - each.ended < RETRY_AFTER]
        chosen: list[date] = []
        most = LOOKBACK_DAYS + 1
        complete = False
        for _, day in group:
            failed = [each for each in recent if each.first <= day <= each.last]
            alone = [each.ended for each in failed if each.days == 1]
            if alone:
                waiting.append(Waiting(target, day, max(alone) + RETRY_AFTER))
                continue
            most_with = min([most, *(each.days // 2 for each in failed)])
            gap = bool(chosen) and day - chosen[-1] != _DAY
            complete = complete or gap or len(chosen) >= most_with
            if not complete:
                chosen.append(day)
                most = most_with
        if chosen:
            ranges.append(DueRange(target, chosen[0], chosen[-1]))
    return ranges, waiting


def _is_due(state: DayState, today: date) -> bool:
    if state.day < today or state.covered is None:
        return state.day <= today
    return state.newest - state.covered >= CURRENT_DAY_EVERY
