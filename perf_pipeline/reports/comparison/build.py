"""Compare two intervals of a target from the store."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from perf_pipeline import __version__
from perf_pipeline.errors import InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.reports import raw, texts
from perf_pipeline.reports import read as daily
from perf_pipeline.reports.comparison import compute, read
from perf_pipeline.reports.comparison.model import Comparison, Side, Span
from perf_pipeline.store import Store, samples

#: Statements whose texts are fetched: those a page or a table of results can show.
MOST_TEXTS: Final = 400
#: Before and after an instant are read raw: longer spans are better compared as days.
LONGEST: Final = timedelta(days=31)

_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?")


def days(text: str) -> Span:
    """Read a span of whole UTC days: `2026-11-20`, or `2026-11-01..2026-11-07` (both included).

    Raises
    ------
    InputError
        It is neither, or runs backwards.

    """
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise InputError(
            f"{text!r} is neither a day nor a range of days",
            "write 2026-11-20, or 2026-11-01..2026-11-07",
        )
    try:
        first, last = (date.fromisoformat(part) for part in (found[1], found[2] or found[1]))
    except ValueError as error:
        raise InputError(f"{text!r}: {error}", "write days of the calendar") from error
    if last < first:
        raise InputError(f"the range {text} runs backwards", "give the earlier day first")
    return whole_days(first, last)


def whole_days(first: date, last: date) -> Span:
    """Return the span of the days `first` to `last`, both included."""
    end = datetime.combine(last + timedelta(days=1), time())
    return Span(datetime.combine(first, time()), end)


def around(instant: datetime, hours: float) -> tuple[Span, Span]:
    """Return the hours before and after an instant, a deploy say.

    Parameters
    ----------
    instant : datetime
        Naive is UTC.
    hours : float

    Raises
    ------
    InputError
        `hours` is not above 0, or longer than `LONGEST`.

    """
    length = timedelta(hours=hours)
    if not timedelta(0) < length <= LONGEST:
        most = LONGEST // timedelta(hours=1)
        raise InputError(f"{hours:g} hours cannot be compared", f"give more than 0, at most {most}")
    middle = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    return (
        Span(middle - length, middle, whole_days=False),
        Span(middle, middle + length, whole_days=False),
    )


def compare(store: Store, target_name: str, a: Span, b: Span) -> Comparison:
    """Compare two intervals of a target.

    Parameters
    ----------
    store : Store
    target_name : str
    a, b : Span
        `b` is compared with `a`; usually `a` is the earlier.

    Raises
    ------
    ConfigurationError
        The target was never swept.
    InputError
        The two overlap, or nothing is known of one of them.

    """
    if a.start < b.end and b.start < a.end:
        raise InputError(f"{a} and {b} overlap", "choose two intervals that share no instant")
    target_id = samples.target_id(store, target_name)
    sides = (read.side(store, target_id, a), read.side(store, target_id, b))
    return assembled(store, target_id, target_name, *sides)


def assembled(
    store: Store, target_id: int, target_name: str, a: Side, b: Side, most_texts: int = MOST_TEXTS
) -> Comparison:
    """Compare two sides that were read, and fetch what only the rows shown need."""
    statements = compute.statements(a, b, read.usual(store, target_id, (a, b)))
    shown = statements.head(most_texts)["queryid"].unique().to_list()
    start = min(a.span.start, b.span.start).replace(tzinfo=UTC)
    end = max(a.span.end, b.span.end).replace(tzinfo=UTC)
    schema, settings = read.changes(store, target_id, start, end)
    return Comparison(
        target_name,
        __version__,
        a,
        b,
        (compute.total(a), compute.total(b)),
        statements,
        compute.tables(a, b),
        compute.indexes(a, b),
        compute.database(a, b),
        compute.notes(a, b, statements),
        texts.known(store, target_id, shown),
        tuple(daily.schema_change(row) for row in schema),
        tuple(daily.setting_change(row) for row in settings),
        raw.told(store, target_id, start, end),
        _queries(store, target_id, a, b),
    )


def _queries(store: Store, target_id: int, a: Side, b: Side) -> tuple[tuple[str, str], ...]:
    """Return the SQL that shows each side's statements; only whole days are one statement."""
    if not (a.span.whole_days and b.span.whole_days):
        return ()
    file = sqlfiles.load("store/report_sums_statements").text
    with store.begin() as connection:
        return tuple(
            (
                name,
                daily.filled(
                    connection,
                    file,
                    {
                        "target_id": target_id,
                        "first": side.span.first,
                        "last": side.span.last,
                        "sources": list(samples.alike(side.source)),
                    },
                ),
            )
            for name, side in (("a", a), ("b", b))
        )
