"""Weekly and monthly reports that rest on days which have changed since they were made."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from perf_pipeline.reports.period import MONTHLY, WEEKLY
from perf_pipeline.store import Store, progress

_LENGTH: Final = {WEEKLY: "7 days", MONTHLY: "1 month"}


def stale(store: Store, names: Sequence[str], kind: str, today: date) -> dict[date, list[str]]:
    """Return the periods whose report is to be made again, by first day, with their targets.

    Only such as are over, have a report, and began within `progress.WINDOW_DAYS` and a month: what
    is older is left to a backfill, as its days are.

    Parameters
    ----------
    store : Store
    names : sequence of str
        Targets.
    kind : str
        `weekly` or `monthly`.
    today : date
        UTC.

    """
    rows = store.rows(
        "period_stale",
        {
            "names": list(names),
            "kind": kind,
            "length": _LENGTH[kind],
            "today": today,
            "since": today - timedelta(days=progress.WINDOW_DAYS + 31),
        },
    )
    found: dict[date, list[str]] = {}
    for row in rows:
        found.setdefault(row["day"], []).append(row["target"])
    return found


def next_range(periods: Sequence[date], keys: Sequence[str]) -> tuple[str, str] | None:
    """Return the first and last key of the earliest periods that follow each other; pure.

    Parameters
    ----------
    periods : sequence of date
        First days, ascending.
    keys : sequence of str
        All periods there are, ascending; others are left out.

    """
    at = [keys.index(each) for day in periods if (each := day.isoformat()) in keys]
    if not at:
        return None
    last = 0
    while last + 1 < len(at) and at[last + 1] == at[last] + 1:
        last += 1
    return keys[at[0]], keys[at[last]]
