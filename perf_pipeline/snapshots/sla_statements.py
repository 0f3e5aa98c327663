"""Service levels of some statements: of each part, bulk writes, and all of them at the peak.

What belongs to a part or is a bulk write is told by a statement's text; percentiles are estimated
as `sla` does.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from perf_pipeline.snapshots import sla
from perf_pipeline.snapshots.redact import text_hash
from perf_pipeline.snapshots.service_levels import Reading
from perf_pipeline.store import frames
from perf_pipeline.store.engine import Store
from perf_pipeline.store.own import OWN_TEXT

SCHEMA: Final = {**sla.STATEMENTS, "rows": pl.Int64(), "query": pl.String()}

#: Where the response of parts is looked for, bulk writes, and the peak.
PARTS_SPAN: Final = timedelta(hours=1)
BULK_SPAN: Final = timedelta(days=1)
PEAK_SPAN: Final = timedelta(days=7)

#: Comments, and what stands in quotes: neither names a schema nor a command.
_NOISE: Final = r"(?s)/\*.*?\*/|--[^\n]*|'(?:[^']|'')*'"
_WRITES: Final = (
    r"(?is)^[\s(]*(?:insert|update|delete|merge)\b"
    r"|^\s*copy\b.*\bfrom\b"
    r"|^\s*with\b.*\b(?:insert\s+into|update|delete\s+from|merge\s+into)\b"
)


def read(store: Store, target_id: int, start: datetime, end: datetime) -> pl.DataFrame:
    """Return what each statement did in `(start, end]` with its text, our own left out.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`; statements whose text is not known yet are not in it.

    """
    span = {"target_id": target_id, "start": start, "finish": end}
    return frames.read(
        store, "sla_statement_texts", SCHEMA, {**span, "own_hash": text_hash(OWN_TEXT)}
    )


def names_one_of(schemas: Sequence[str]) -> str:
    """Return the regular expression of texts that name something of these schemas."""
    names = "|".join(re.escape(schema) for schema in schemas)
    return rf'(?i)(?:^|[^\w."])"?(?:{names})"?\s*\.\s*["\w]'


def of_parts(
    statements: pl.DataFrame, parts: Mapping[str, Sequence[str]]
) -> dict[str, float | None]:
    """Return the p95 in ms of each part's statements, None where none ran (pure).

    Parameters
    ----------
    statements : polars.DataFrame
        As `read` returns.
    parts : Mapping
        Part -> its schemas. A statement that names several belongs to each.

    """
    text = pl.col("query").str.replace_all(_NOISE, " ")
    return {
        part: sla.p95(statements.filter(text.str.contains(names_one_of(schemas))))
        for part, schemas in parts.items()
    }


def response(
    measured: Mapping[str, float | None], tested: Mapping[str, float], days: int
) -> Reading:
    """Return the reading of the response time: the slowest part (pure).

    Parameters
    ----------
    measured : Mapping
        As `of_parts` returns, of the newest hour.
    tested : Mapping
        p95 in ms, as users saw it, of the newest load test of parts that had one within `days`;
        counts for parts that nobody used in the hour.
    days : int

    """
    known = {part: value for part, value in measured.items() if value is not None}
    fallback = {p: v for p, v in tested.items() if p in measured and p not in known}
    values = {**known, **fallback}
    missing = [part for part in measured if part not in values]
    lacking = (
        f"nothing ran in {', '.join(missing)} in the hour, and no load test in {days} days"
        if missing
        else ""
    )
    if not values:
        return Reading(None, lacking)
    slowest = max(values, key=lambda part: values[part])
    where = f"{slowest}, as its newest load test saw it" if slowest in fallback else slowest
    return Reading(
        values[slowest],
        f"in {where}, the slowest of {len(values)} measured",
        (lacking,) if lacking else (),
        {f"{part}_ms": values.get(part) for part in measured},
    )


def bulk(statements: pl.DataFrame, rows: int) -> Reading:
    """Return the reading of bulk writes: the p95 of statements that write many rows (pure).

    Parameters
    ----------
    statements : polars.DataFrame
        As `read` returns.
    rows : int
        Rows a call, on average, that make a write a bulk write.

    """
    text = pl.col("query").str.replace_all(_NOISE, " ")
    found = statements.filter(pl.col("rows") >= pl.col("calls") * rows, text.str.contains(_WRITES))
    value = sla.p95(found)
    calls = int(found["calls"].sum())
    if value is None:
        return Reading(None, f"no statement wrote {rows:,} rows or more in a day")
    return Reading(
        value,
        f"over {calls:,} bulk writes in a day, {int(found['rows'].sum()):,} rows",
        figures={"bulk_writes": calls, "rows_written": int(found["rows"].sum())},
    )


def peak(store: Store, target_id: int, newest: datetime) -> tuple[Reading, float | None]:
    """Return the reading of the busiest hour in the week before a sweep, and the peak itself.

    Returns
    -------
    tuple of Reading and float
        The p95 of that hour; the most transactions a second between two sweeps of the week, None
        where that is not known.

    """
    span = {"target_id": target_id, "start": newest - PEAK_SPAN, "finish": newest}
    rows = store.rows("sla_busiest_hour", span)
    if not rows:
        return Reading(None, "no interval of the last week can be placed in an hour"), None
    hour, most = rows[0]["hour"], rows[0]["most_per_second"]
    statements = frames.read(
        store,
        "sla_statements",
        sla.STATEMENTS,
        {
            **span,
            "start": hour,
            "finish": hour + timedelta(hours=1),
            "own_hash": text_hash(OWN_TEXT),
        },
    )
    value = sla.p95(statements)
    if value is None:
        return Reading(None, f"no statement ran in the busiest hour, {hour:%Y-%m-%d %H:00}"), most
    transactions = int(rows[0]["transactions"])
    return (
        Reading(
            value,
            f"in the busiest hour of a week, {hour:%Y-%m-%d %H:00} UTC, "
            f"with {transactions:,} transactions",
            figures={"transactions_at_peak": transactions},
        ),
        None if most is None else float(most),
    )
