"""From rows of the store to the facts of a day: causes, statements, charts; pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from perf_pipeline.reports.model import (
    Band,
    Cause,
    Event,
    Point,
    SchemaChange,
    SettingChange,
    Statement,
    StatementDay,
)

Row = Mapping[str, Any]

#: When a day has several sources, the first of these decides.
SOURCES = ("collected", "imported", "generated")
#: Samples around an onset that a chart shows.
BEFORE = 150
AFTER = 300


def day_source(sources: Iterable[str]) -> str | None:
    """Return the source that decides a day among those that have rows, None when none has."""
    present = set(sources)
    return next((source for source in SOURCES if source in present), None)


def causes(raw: object) -> tuple[Cause, ...]:
    """Read the causes of a finding, likeliest first.

    Parameters
    ----------
    raw : object
        The decoded JSON: a list of objects with `kind`, `object`, `at`, `score`, `evidence`. What
        has another shape is left out: a report shows what it can.

    """
    items = [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
    read = [
        Cause(
            kind=str(item.get("kind") or ""),
            object=str(item.get("object") or ""),
            at=str(item["at"]) if item.get("at") else None,
            score=_number(item.get("score")),
            evidence=_lines(item.get("evidence")),
        )
        for item in items
    ]
    return tuple(sorted(read, key=lambda c: (-c.score, c.kind, c.object, c.at or "")))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _lines(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(line) for line in value) if isinstance(value, list) else ()


def change_events(
    schema: Iterable[SchemaChange], settings: Iterable[SettingChange]
) -> tuple[Event, ...]:
    """Return schema and settings changes as events, by time."""
    events = [
        Event(c.ts, c.after, f"{c.kind}_{c.change}", f"{c.kind} {c.object} {c.change}")
        for c in schema
    ]
    events += [
        Event(c.ts, c.after, "setting_changed", f"setting {c.name} changed {_from_to(c)}")
        for c in settings
    ]
    return tuple(sorted(events, key=lambda event: (event.ts, event.kind, event.what)))


def _from_to(change: SettingChange) -> str:
    unit = f" {change.unit}" if change.unit else ""
    before, value = (
        "not set" if text is None else f"{text}{unit}" for text in (change.before, change.value)
    )
    return f"from {before} to {value}"


def share(part: int, total: int) -> float:
    """Return part / total; nothing of nothing is 0."""
    return part / total if total else 0.0


def key(row: Row) -> tuple[int, int, int, bool]:
    """Return what identifies the statement of a row."""
    return (row["queryid"], row["userid"], row["dbid"], row["toplevel"])


def statement(row: Row, known: Mapping[tuple[Any, ...], Statement]) -> Statement:
    """Return the statement of a row, with its text where one is known."""
    queryid, userid, dbid, toplevel = key(row)
    text = known.get((queryid, userid, dbid))
    return Statement(
        queryid,
        userid,
        dbid,
        toplevel,
        text.text if text else None,
        text.text_length if text else 0,
        text.tags if text else (),
    )


def statement_days(
    rows: Sequence[Row],
    total_ns: int,
    hours: Mapping[tuple[int, int, int, bool], Mapping[int, int]],
    known: Mapping[tuple[Any, ...], Statement],
) -> tuple[StatementDay, ...]:
    """Return the top statements with their hours (ns by hour of the day)."""
    return tuple(
        StatementDay(
            statement(row, known),
            row["calls"],
            row["exec_ns"] / 1e6,
            share(row["exec_ns"], total_ns),
            tuple(hours.get(key(row), {}).get(hour, 0) / 1e6 for hour in range(24)),
        )
        for row in rows
    )


def window(points: Sequence[Point], onset: datetime) -> tuple[Point, ...]:
    """Return the samples a chart shows: the last before the onset, the first from it on."""
    before = [point for point in points if point.ts < onset][-BEFORE:]
    return (*before, *[point for point in points if point.ts >= onset][:AFTER])


def bands(rows: Iterable[Row], start: datetime, end: datetime) -> tuple[Band, ...]:
    """Return what was normal from `start` to `end`, an hour each, the finest tier there is.

    Parameters
    ----------
    rows : Iterable of Mapping
        `tier`, `slot`, `low`, `high`: slot is the hour of the day, or of the week from Monday 0.
    start, end : datetime

    """
    known = {(row["tier"], row["slot"]): (row["low"], row["high"]) for row in rows}
    if not known:
        return ()
    whole = known.get(("all", 0)) or known.get(("initial", 0))
    hour = start.replace(minute=0, second=0, microsecond=0)
    count = int((end - hour).total_seconds() // 3600) + 2
    edges = [hour + timedelta(hours=index) for index in range(count)]
    made = []
    for begin, stop in pairwise(edges):
        found = (
            known.get(("hour_of_week", begin.weekday() * 24 + begin.hour))
            or known.get(("hour_of_day", begin.hour))
            or whole
        )
        if found is not None:
            made.append(Band(begin, stop, *found))
    return tuple(made)
