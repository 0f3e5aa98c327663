"""Build the reports of a range of days from the store, and fetch one."""

from datetime import date, timedelta

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.reports import read, render
from perf_pipeline.reports.model import Report, ReportData
from perf_pipeline.store import Store, targets
from perf_pipeline.store.ahead import ahead

#: What these reports are called in perf_mgmt.reports.
KIND = "regressions"
#: Days read together, and parts read while one is written: bound memory, change no result.
CHUNK_DAYS = 31
AHEAD = 2


def build(store: Store, target_name: str, first: date, last: date) -> list[Report]:
    """Render the reports of the days `first` to `last` and keep them in perf_mgmt.reports.

    A report is a function of the store's rows and of this code: repeated, or built day by day,
    its bytes are the same.

    Parameters
    ----------
    store : Store
    target_name : str
        A target never swept has reports, too: they say that nothing is known.
    first, last : date
        UTC days, both included.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    if last < first:
        raise InputError(f"the range {first} to {last} is empty", "give the earlier day first")
    target_id = targets.register(store, target_name)

    def facts(part: tuple[date, date]) -> list[ReportData]:
        return read.days(store, target_id, target_name, *part)

    reports: list[Report] = []
    for _, days in ahead(facts, _parts(first, last), AHEAD):
        made = [render.render(data) for data in days]
        _save(store, target_id, made)
        reports += made
    return reports


def _parts(first: date, last: date) -> list[tuple[date, date]]:
    """Split a range into parts of `CHUNK_DAYS`; pure."""
    starts = range(0, (last - first).days + 1, CHUNK_DAYS)
    return [
        (first + timedelta(days=at), min(last, first + timedelta(days=at + CHUNK_DAYS - 1)))
        for at in starts
    ]


def _save(store: Store, target_id: int, reports: list[Report]) -> None:
    statement = sqlfiles.load("store/report_save").text
    with store.begin() as connection, connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                {
                    "target_id": target_id,
                    "day": report.day,
                    "kind": KIND,
                    "html": report.html,
                    "markdown": report.markdown,
                    "content_hash": report.content_hash,
                }
                for report in reports
            ],
        )


def latest(store: Store, target_name: str, day: date | None = None) -> Report | None:
    """Return the kept report of a day, or the newest one; None when there is none.

    Parameters
    ----------
    store : Store
    target_name : str
    day : date, optional
        UTC day; default: the newest that has a report.

    """
    target_id = targets.find(store, target_name)
    if target_id is None:
        return None
    rows = store.rows("report_latest", {"target_id": target_id, "kind": KIND, "day": day})
    return Report(**rows[0]) if rows else None
