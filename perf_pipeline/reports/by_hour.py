"""Read how the time of some statements spreads over the hours of a day, from packed hours."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from perf_pipeline.store import Store, hours

#: Whole ns of each hour of the day (0 to 23), by queryid, userid, dbid, toplevel.
Hourly = Mapping[tuple[int, int, int, bool], Mapping[int, int]]


def read(
    store: Store, target_id: int, sources: Mapping[date, str], queryids: Sequence[int]
) -> dict[date, dict[tuple[int, int, int, bool], dict[int, int]]]:
    """Return the execution time of some statements by hour, of exact intervals.

    Calls are packed in steps of 9 %: the hours of a day are scaled to what the day's sum says.

    Parameters
    ----------
    store : Store
    target_id : int
    sources : Mapping of date to str
        The source of each day.
    queryids : Sequence of int

    """
    made: dict[date, dict[tuple[int, int, int, bool], dict[int, int]]] = {}
    for source in sorted(set(sources.values())):
        days = sorted(day for day, each in sources.items() if each == source)
        found = hours.read(store, target_id, days[0], days[-1], (source,), queryids)
        for day, series, of_hours in _spread(found):
            if sources.get(day) == source:
                userid, dbid, queryid, toplevel = found.keys.row(series)
                made.setdefault(day, {})[queryid, userid, dbid, toplevel] = of_hours
    return made


def _spread(found: hours.Hours) -> list[tuple[date, int, dict[int, int]]]:
    """Return day, series and ns by hour of what ran."""
    there = found.mean > 0
    ms = np.where(there, hours.MEANS[found.mean] * hours.CALLS[found.calls], 0.0)
    total = ms.sum(axis=2)
    scale = np.divide(found.day_ms, total, out=np.zeros_like(total), where=total > 0)
    ns = np.rint(1e6 * ms * scale[:, :, None]).astype(np.int64)
    return [
        (
            found.first + timedelta(days=int(day)),
            int(series),
            {int(hour): int(ns[series, day, hour]) for hour in np.flatnonzero(there[series, day])},
        )
        for series, day in zip(*np.nonzero(there.any(axis=2)), strict=True)
    ]
