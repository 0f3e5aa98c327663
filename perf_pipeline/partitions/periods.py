"""The calendar: where a period begins, where the next one does, and a length of time ago; pure.

Walls (what a clock in the policy's time zone shows) and instants (UTC) are naive datetimes both.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from perf_pipeline.partitions.model import Bound, Every, Policy, Span

_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
_FIXED: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


def floor(every: Every, wall: datetime) -> datetime:
    """Return the beginning of the period a time lies in; weeks begin on Mondays."""
    day = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "hour":
        return wall.replace(minute=0, second=0, microsecond=0)
    if every == "day":
        return day
    if every == "week":
        return day - timedelta(days=day.weekday())
    months = _MONTHS[every]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def shift(every: Every, start: datetime, count: int) -> datetime:
    """Return the beginning of the period `count` periods after one that begins at `start`."""
    if every in _FIXED:
        return start + count * _FIXED[every]
    return add_months(start, count * _MONTHS[every])


@lru_cache(maxsize=4_096)  # a fleet of tables asks for the same ones
def add_months(wall: datetime, months: int) -> datetime:
    """Return the same day so many months later; the month's last where it has no such day."""
    whole = wall.year * 12 + wall.month - 1 + months
    year, month = divmod(whole, 12)
    for day in range(wall.day, 0, -1):
        try:
            return wall.replace(year=year, month=month + 1, day=day)
        except ValueError:
            if day <= 28:
                raise
    raise AssertionError("every month has a 28th")  # pragma: no cover


def before(wall: datetime, span: Span) -> datetime:
    """Return the time a span earlier: of `7 years` the same day seven years ago."""
    if span.unit in {"month", "year"}:
        return add_months(wall, -span.count * (12 if span.unit == "year" else 1))
    return wall - span.count * _FIXED[span.unit]


class Axis:
    """Periods of one policy in the terms of its column; pure.

    Parameters
    ----------
    policy : Policy
        With `every` or `step`.
    column_type : str
        `timestamptz`: bounds are instants, else walls of the policy's time zone or whole numbers.

    """

    def __init__(self, policy: Policy, column_type: str | None) -> None:
        self._policy = policy
        self._zone = ZoneInfo(policy.timezone)
        self._is_utc = policy.timezone == "UTC"
        self._instants = column_type == "timestamptz" and not self._is_utc

    def to_wall(self, instant: datetime) -> datetime:
        """Return what the policy's clock shows at an instant (naive UTC)."""
        if self._is_utc:
            return instant
        return instant.replace(tzinfo=UTC).astimezone(self._zone).replace(tzinfo=None)

    def _to_instant(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=self._zone).astimezone(UTC).replace(tzinfo=None)

    def wall(self, bound: datetime) -> datetime:
        """Return what the policy's clock shows at a bound."""
        return self.to_wall(bound) if self._instants else bound

    def bound(self, wall: datetime) -> datetime:
        """Return a wall as a bound of the column."""
        return self._to_instant(wall) if self._instants else wall

    def period(self, value: Bound) -> tuple[Bound, Bound]:
        """Return the bounds of the period a value lies in."""
        if isinstance(value, int):
            step = self._policy.step or 1
            lower = value // step * step
            return lower, lower + step
        every = self._policy.every or "month"
        start = floor(every, self.wall(value))
        return self.bound(start), self.bound(shift(every, start, 1))

    def next(self, value: Bound, count: int = 1) -> tuple[Bound, Bound]:
        """Return the bounds of the period `count` periods after the one a value lies in."""
        if isinstance(value, int):
            step = self._policy.step or 1
            lower = value // step * step + count * step
            return lower, lower + step
        every = self._policy.every or "month"
        start = shift(every, floor(every, self.wall(value)), count)
        return self.bound(start), self.bound(shift(every, start, 1))

    def between(self, first: Bound, end: Bound, most: int) -> list[tuple[Bound, Bound]]:
        """Return the periods from that of `first` on that begin before `end`, `most` at most.

        An hour that the clock leaves out in spring is none; one it shows twice is two hours long.
        """
        found: list[tuple[Bound, Bound]] = []
        for lower, upper in self._from(first, most + 1):
            if found and not lower < end:  # type: ignore[operator]
                break
            if lower < upper:  # type: ignore[operator]
                found.append((lower, upper))
        return found[:most]

    def _from(self, first: Bound, most: int) -> Iterator[tuple[Bound, Bound]]:
        """Yield periods from that of `first` on."""
        if isinstance(first, int):
            lower, upper = self.period(first)
            for count in range(most):
                shift_by = count * (self._policy.step or 1)
                yield lower + shift_by, upper + shift_by  # type: ignore[operator]
            return
        every = self._policy.every or "month"
        start = floor(every, self.wall(first))
        edge = self.bound(start)
        for count in range(1, most + 1):
            following = self.bound(shift(every, start, count))
            yield edge, following
            edge = following


def cutoff_of(
    policy: Policy, axis: Axis, now: datetime, position: int | None = None
) -> Bound | None:
    """Return the bound below which partitions are old; None: nothing ever is, or not known.

    Parameters
    ----------
    policy : Policy
    axis : Axis
    now : datetime
        The server's clock, naive UTC.
    position : int, optional
        Highest value of an integer key.

    """
    if policy.retention is not None:
        return axis.bound(before(axis.to_wall(now), policy.retention))
    if policy.retention_count is not None and position is not None:
        return position - policy.retention_count
    return None


def headroom_of(here: Bound, reached: Bound, lead: float = 0.0) -> float:
    """Return the days from one bound of time to another, less those that rows lie ahead."""
    if not isinstance(here, datetime) or not isinstance(reached, datetime):
        return 0.0
    return max(0.0, (reached - here) / timedelta(days=1) - lead)
