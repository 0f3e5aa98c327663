"""Which days' reports are due: closed days as soon as possible, the current day at most hourly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from perf_pipeline.store.progress import DayState

#: Sweeps of the current day that must have gathered beyond its report before it is made again.
CURRENT_DAY_EVERY: Final = timedelta(hours=1)
#: A range that failed is not asked for again before this: a day that cannot be reported would
#: otherwise cost a run a minute.
RETRY_AFTER: Final = timedelta(minutes=30)
#: Older days are left to backfills; also the bound of what a look at the store costs.
LOOKBACK_DAYS: Final = 62


@dataclass(frozen=True)
class DueRange:
    """Contiguous days of one target, both ends included."""

    target: str
    first: date
    last: date


def due_ranges(states: Iterable[DayState], today: date) -> list[DueRange]:
    """Return the earliest contiguous range of due days of each target.

    One range per target, because a baseline wants the days before it done first: the next look,
    a minute later, sees the next range.

    Parameters
    ----------
    states : iterable of DayState
        Days with sweeps that their report does not cover.
    today : date
        The current UTC day.

    """
    due = sorted((s.target, s.day) for s in states if _is_due(s, today))
    ranges = []
    for target, group in groupby(due, key=lambda pair: pair[0]):
        days = [day for _, day in group]
        last = days[0]
        for day in days[1:]:
            if day != last + timedelta(days=1):
                break
            last = day
        ranges.append(DueRange(target, days[0], last))
    return ranges


def _is_due(state: DayState, today: date) -> bool:
    if state.day < today or state.covered is None:
        return state.day <= today
    return state.newest - state.covered >= CURRENT_DAY_EVERY


def held_back(
    ranges: Iterable[DueRange], last_failures: Mapping[str, datetime], now: datetime
) -> tuple[list[DueRange], list[DueRange]]:
    """Split ranges into those to start now and those whose target failed a short while ago.

    Parameters
    ----------
    ranges : iterable of DueRange
    last_failures : Mapping of target name to datetime
        When the newest run of a target's report failed; absent when it did not fail.
    now : datetime

    """
    ready: list[DueRange] = []
    waiting: list[DueRange] = []
    for each in ranges:
        failed = last_failures.get(each.target)
        (waiting if failed is not None and now - failed < RETRY_AFTER else ready).append(each)
    return ready, waiting
