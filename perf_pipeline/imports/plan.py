"""Which days of a history are written, and which intervals of a day. Pure."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from perf_pipeline.imports.model import Action, Interval, utc_day


@dataclass(frozen=True)
class Known:
    """A sweep that the ledger has: end, start (None: a baseline) and source."""

    ts: datetime
    previous_ts: datetime | None
    source: str


@dataclass(frozen=True)
class DayState:
    """What the store holds of one day of a target.

    Attributes
    ----------
    sweeps : tuple of Known
        Of the day, and those outside whose intervals may reach into it; by time.
    rolled_up : frozenset of str
        Sources of its hourly rollup, which outlives the sweeps.
    archived : bool
        Whether its rows lie in the archive.

    """

    sweeps: tuple[Known, ...] = ()
    rolled_up: frozenset[str] = frozenset()
    archived: bool = False

    def sources(self, day: date) -> set[str]:
        """Return the sources of the day's own sweeps."""
        return {known.source for known in self.sweeps if utc_day(known.ts) == day}


EMPTY = DayState()


def action(
    state: DayState,
    day: date,
    instants: Sequence[datetime],
    baselines: Collection[datetime],
    today: date,
) -> Action:
    """Decide what becomes of a day.

    What was collected wins over what is imported, and a day has one source: a day with sweeps of
    another one is left alone. So is today, which the collector may still sweep.

    Parameters
    ----------
    state : DayState
    day : date
    instants : Sequence of datetime
        The snapshots that the history has of it.
    baselines : Collection of datetime
        Those of them that end no interval.
    today : date
        The UTC day it is now.

    """
    if day >= today:
        return "unfinished"
    sources = state.sources(day)
    if "collected" in sources | state.rolled_up:
        return "collected"
    if "generated" in sources | state.rolled_up:
        return "generated"
    if state.archived or (state.rolled_up and not sources):
        return "rolled_up"  # its intervals are gone, or closed: writing some again would mix
    known = {sweep.ts: sweep for sweep in state.sweeps}
    complete = all(
        ts in known and (known[ts].previous_ts is not None or ts in baselines) for ts in instants
    )
    return "there" if complete else "import"


@dataclass(frozen=True)
class Fresh:
    """Which intervals of a day are new.

    Attributes
    ----------
    intervals : tuple of Interval
        To be written.
    replaced : tuple of datetime
        Ends of baselines in the ledger that now have a start: they go.
    overlapping : int
        Intervals left out because part of their time is in the ledger already.

    """

    intervals: tuple[Interval, ...]
    replaced: tuple[datetime, ...]
    overlapping: int


def fresh(offered: Iterable[Interval], state: DayState) -> Fresh:
    """Choose the intervals that the ledger does not have and that overlap none it has.

    Parameters
    ----------
    offered : Iterable of Interval
        Of one day, in order of time.
    state : DayState

    """
    known = {sweep.ts: sweep for sweep in state.sweeps}
    taken = sorted((k.ts, k.previous_ts) for k in state.sweeps if k.previous_ts is not None)
    ends = [end for end, _ in taken]

    def overlaps(interval: Interval) -> bool:
        start = interval.previous_ts or interval.ts
        first = bisect_right(ends, start)  # of those that end later: it also begins earliest
        return first < len(taken) and taken[first][1] < interval.ts

    kept: list[Interval] = []
    replaced: list[datetime] = []
    overlapping = 0
    for interval in offered:
        there = known.get(interval.ts)
        if there is not None and (there.previous_ts is not None or interval.previous_ts is None):
            continue
        if overlaps(interval):
            overlapping += 1
            continue
        if there is not None:
            replaced.append(interval.ts)
        kept.append(interval)
    return Fresh(tuple(kept), tuple(replaced), overlapping)


def by_day(instants: Iterable[datetime]) -> dict[date, list[datetime]]:
    """Return instants by their UTC day, in order."""
    days: dict[date, list[datetime]] = {}
    for ts in instants:
        days.setdefault(utc_day(ts), []).append(ts)
    return days


def spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return ascending days as spans of consecutive ones, both ends included."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and (day - found[-1][1]).days == 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
