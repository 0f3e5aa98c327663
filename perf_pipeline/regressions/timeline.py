"""Events in order of time: those near an onset, and how often the same happens anyway; pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from perf_pipeline.regressions.events import Event

#: What happened so often in the day before an onset is habit.
HABIT_SPAN = timedelta(days=1)


class Timeline:
    """Events of some span of time.

    Parameters
    ----------
    events : Iterable of Event
        In any order.

    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=lambda e: (e.end, e.kind, e.object, e.start))
        self._ends = [event.end for event in self.events]
        self._longest = max((e.end - e.start for e in self.events), default=timedelta())
        self._by_thing: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        for event in self.events:
            self._by_thing[event.kind, event.object].append(event.end)

    def near(self, earliest: datetime, latest: datetime, until: datetime) -> list[Event]:
        """Return the events that touch a span and ended before `until`, in order of their ends."""
        found = []
        for event in self.events[bisect_left(self._ends, earliest) :]:
            if event.end - self._longest > latest or event.end >= until:
                break
            if event.start <= latest:
                found.append(event)
        return found

    def habit(self, event: Event, before: datetime) -> int:
        """Return how often the same happened to the same in the day before an instant."""
        ends = self._by_thing.get((event.kind, event.object), [])
        return bisect_left(ends, before) - bisect_left(ends, before - HABIT_SPAN)
