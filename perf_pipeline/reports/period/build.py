"""Build the weekly or monthly reports of a range from the store."""

from datetime import date, timedelta

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.reports.period import read, render
from perf_pipeline.reports.period.model import Period, PeriodReport, of
from perf_pipeline.store import Store, targets


def periods(kind: str, first: date, last: date) -> list[Period]:
    """Return the weeks or months that hold the days `first` to `last`.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    if last < first:
        raise InputError(f"the range {first} to {last} is empty", "give the earlier day first")
    found = [of(kind, first)]
    while found[-1].last < last:
        found.append(of(kind, found[-1].last + timedelta(days=1)))
    return found


def build(store: Store, target_name: str, kind: str, first: date, last: date) -> list[PeriodReport]:
    """Render the reports of the weeks or months from `first` to `last`, and keep them.

    They are kept in perf_mgmt.reports under `kind`, by their first day. A report is a function of
    the store's rows and of this code: repeated, its bytes are the same.

    Parameters
    ----------
    store : Store
    target_name : str
        A target never swept has reports, too: they say that nothing is known.
    kind : str
        `weekly` or `monthly`.
    first, last : date
        UTC days; the periods that hold them are built whole.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    asked = periods(kind, first, last)
    target_id = targets.register(store, target_name)
    reports = []
    save, note = (sqlfiles.load(f"store/{name}").text for name in ("report_save", "period_note"))
    for each in asked:  # one at a time: what is read of a month is some 100 MB of frames
        span = {"target_id": target_id, "first": each.first, "last": each.last}
        (rests_on,) = store.rows("period_inputs", span)  # first: made once too often at worst
        report = render.render(read.period(store, target_id, target_name, each))
        with store.begin() as connection:
            connection.execute(
                save,
                {
                    "target_id": target_id,
                    "day": report.day,
                    "kind": kind,
                    "html": report.html,
                    "markdown": report.markdown,
                    "content_hash": report.content_hash,
                },
            )
            key = {"target_id": target_id, "day": report.day, "kind": kind}
            connection.execute(note, {**key, "inputs": rests_on["inputs"]})
        reports.append(report)
    return reports
