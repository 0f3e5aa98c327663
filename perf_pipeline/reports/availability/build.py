"""Read the looks of months from the store."""

from datetime import date, datetime, timedelta
from typing import Final

from perf_pipeline.reports.availability.model import Month, bounds, month
from perf_pipeline.store import Store, looks, targets

#: Probes are kept for a day longer (`store.log_retention`), sweeps for 70 days at least.
KNOWN: Final = timedelta(days=61)


def months(
    store: Store, target: str, promised: float, first: date, last: date, now: datetime
) -> list[Month]:
    """Return the months from the one that holds `first` to the one that holds `last`.

    Months that began more than `KNOWN` ago are left out: probes and sweeps that found it there are
    no longer in the store, those that did not are.

    Parameters
    ----------
    store : Store
    target : str
    promised : float
        Percent.
    first, last : date
    now : datetime
        Aware.

    """
    target_id = targets.register(store, target)
    found = []
    day = first.replace(day=1)
    while day <= last:
        start, end = bounds(day)
        day = end.date()
        if now - start > KNOWN:
            continue
        rows = looks.read(store, target, target_id, start - looks.LONGEST, min(end, now))
        found.append(month(target, start.date(), promised, rows, now))
    return found
