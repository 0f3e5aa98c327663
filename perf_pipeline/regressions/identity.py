"""Recognise a finding that an earlier day's run had already; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from perf_pipeline.regressions.incidents import stable_id
from perf_pipeline.store.samples import alike

#: Days up to the end of a day in which a change may have begun to be a finding of that day.
HORIZON_DAYS = 3
#: A change that shows only later, because it is small or its statement runs rarely, is a finding of
#: the first day it shows, if it began within so many days: long enough for a nightly statement.
LATE_DAYS = 14
#: Two onsets of one statement and direction within so many samples are one change: the least
#: length of a segment, so that two real changes of one direction cannot be nearer.
SAME_SAMPLES = 6

Key = tuple[int, int, int, bool]


@dataclass(frozen=True)
class Sighting:
    """A change as of one day that is large enough.

    `step` is the distance of the two samples it lies between, `grade` what its size alone gives it
    (0 info, 1 warning, 2 critical).
    """

    as_of: date
    source: str
    key: Key
    direction: str
    onset: datetime
    step: timedelta
    p_value: float
    grade: int = 0

    def same(self, other: "Sighting") -> bool:
        """Return whether both are one change."""
        return (
            (alike(other.source), other.key, other.direction)
            == (alike(self.source), self.key, self.direction)
        ) and abs(other.onset - self.onset) <= SAME_SAMPLES * max(other.step, self.step)


def earlier_sightings(
    sighting: Sighting, others: Iterable[Sighting], p_limit: float
) -> list[Sighting]:
    """Return the earlier sightings of the same change, the earliest and nearest first.

    An earlier sighting counts only with evidence that makes a finding without help from others of
    its day: what was not reported is not called old.

    Parameters
    ----------
    sighting : Sighting
    others : Iterable of Sighting
        What was seen as of other days; those of the `LATE_DAYS` - 1 days before count.
    p_limit : float
        Largest p-value of a finding on its own: the false discovery rate over the series tested.

    """
    oldest = sighting.as_of - timedelta(days=LATE_DAYS - 1)
    earlier = (
        other
        for other in others
        if oldest <= other.as_of < sighting.as_of
        and other.p_value <= p_limit
        and sighting.same(other)
    )
    return sorted(earlier, key=lambda o: (o.as_of, abs(o.onset - sighting.onset), o.onset))


def belongs(sighting: Sighting, earlier: Sequence[Sighting]) -> bool:
    """Return whether a change is a finding of its as-of day.

    It is when it began within `HORIZON_DAYS`; when it shows for the first time and began within
    `LATE_DAYS`; and when it has grown past a limit it was below whenever it was seen before: what
    first shows as a small step may be the start of a drift.
    """
    end = datetime.combine(sighting.as_of + timedelta(days=1), time())
    if sighting.onset >= end - timedelta(days=HORIZON_DAYS):
        return True
    if not earlier:
        return sighting.onset >= end - timedelta(days=LATE_DAYS)
    return sighting.grade > max(other.grade for other in earlier)


def finding_id(target: str, metric: str, first: Sighting) -> str:
    """Return the finding's stable name: target, statement, metric, direction, first onset."""
    onset = first.onset.isoformat(timespec="microseconds")
    return stable_id(target, *first.key, metric, first.direction, onset)
