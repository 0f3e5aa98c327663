"""A month of looks at a target, against what is promised; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from perf_pipeline.store.looks import LONGEST, Look, Observed, observe


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the first instant of the month that holds a day, and the first of the next (UTC)."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return (datetime.combine(first, time(), UTC), datetime.combine(following, time(), UTC))


@dataclass(frozen=True)
class Month:
    """What is known of a month.

    Attributes
    ----------
    promised : float
        Percent of the time in which it can be reached.
    finish : datetime
        As far as it is told: its end, or now.
    whole : Observed
    days : tuple of (date, Observed)
        Each day of the month that has begun.

    """

    target: str
    first: date
    promised: float
    finish: datetime
    whole: Observed
    days: tuple[tuple[date, Observed], ...]

    @property
    def over(self) -> bool:
        """Whether the month has ended."""
        return self.finish >= bounds(self.first)[1]

    @property
    def share(self) -> float | None:
        """Percent of the observed time in which it was there; None: nothing was observed."""
        return 100.0 * (self.whole.there / self.whole.seen) if self.whole.seen else None

    @property
    def budget(self) -> timedelta:
        """How long it may be away in the whole month."""
        start, finish = bounds(self.first)
        return (finish - start) * (1.0 - self.promised / 100.0)

    @property
    def left(self) -> timedelta:
        """What is left of it; negative: it was away longer."""
        return self.budget - self.whole.away

    @property
    def spent(self) -> float:
        """Share of the budget that is spent; above 1: the promise is broken."""
        return self.whole.away / self.budget

    @property
    def observed(self) -> float:
        """Share of the month so far that somebody looked at."""
        passed = self.finish - bounds(self.first)[0]
        return self.whole.seen / passed if passed else 0.0


def month(target: str, day: date, promised: float, looks: Sequence[Look], now: datetime) -> Month:
    """Return the month that holds a day.

    Parameters
    ----------
    target : str
    day : date
    promised : float
        Percent, below 100.
    looks : sequence of Mapping
        Of `store.looks.read`, from `LONGEST` before the month on.
    now : datetime
        Aware; of a month that is not over, what has passed is told.

    """
    start, end = bounds(day)
    finish = max(start, min(end, now))
    days = []
    begin = start
    place = 0
    while begin < finish:
        until = min(begin + timedelta(days=1), finish)
        # the last look before midnight tells of the time after it
        while place < len(looks) and looks[place]["ts"] < begin - LONGEST:
            place += 1
        rest = place
        while rest < len(looks) and looks[rest]["ts"] < until + LONGEST:
            rest += 1
        # what came after midnight tells how long the last look of the day holds
        days.append((begin.date(), observe(looks[place:rest], finish, begin, until)))
        begin = until
    return Month(
        target,
        start.date(),
        promised,
        finish,
        observe(list(looks), finish, start),
        tuple(days),
    )
