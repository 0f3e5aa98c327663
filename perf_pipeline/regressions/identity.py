"""Recognise a finding that an earlier day's run had already; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from perf_pipeline.regressions.incidents import stable_id

#: Days up to the end of a day in which a change may have begun to be a finding of that day.
HORIZON_DAYS = 3
#: Two onsets of one statement and direction within so many samples are one change: the least
#: length of a segment, so that two real changes of one direction cannot be nearer.
SAME_SAMPLES = 6

Key = tuple[int, int, int, bool]


@dataclass(frozen=True)
class Sighting:
    """A finding as of one day; `step` is the usual distance of two samples of its grain."""

    as_of: date
    key: Key
    direction: str
    onset: datetime
    step: timedelta


def first_sighting(sighting: Sighting, earlier: Mapping[date, Sequence[Sighting]]) -> Sighting:
    """Return the earliest sighting of the same change, itself when it is new.

    Parameters
    ----------
    sighting : Sighting
    earlier : Mapping of date to Sequence of Sighting
        Sightings by as-of day; those of the `HORIZON_DAYS` days before are looked at: a change
        found earlier began too early to be a finding of this day.

    """
    for back in range(HORIZON_DAYS, 0, -1):
        same = [
            other
            for other in earlier.get(sighting.as_of - timedelta(days=back), ())
            if other.key == sighting.key
            and other.direction == sighting.direction
            and abs(other.onset - sighting.onset) <= SAME_SAMPLES * max(other.step, sighting.step)
        ]
        if same:
            return min(same, key=lambda o: (abs(o.onset - sighting.onset), o.onset))
    return sighting


def finding_id(target: str, metric: str, first: Sighting) -> str:
    """Return the finding's stable name: target, statement, metric, direction, first onset."""
    onset = first.onset.isoformat(timespec="microseconds")
    return stable_id(target, *first.key, metric, first.direction, onset)
