"""Incidents of alerts that were open on a day or shortly before, and what was done about them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from perf_pipeline.reports import units
from perf_pipeline.reports.model import Alerted
from perf_pipeline.store import Store

#: Days before the report's own whose incidents are shown, though they were over before it.
LOOK_BACK: Final = 2
#: What became of an answer, in words.
_STATES: Final[Mapping[str, str]] = {
    "asked": "asked for",
    "would_act": "would have been done",
    "approved": "approved",
    "acting": "at it",
    "refused": "not done",
    "done": "done",
    "failed": "failed",
    "helped": "done, and it helped",
    "did_not_help": "done, and it did not help",
}


def read(store: Store, target_name: str, first: date, last: date) -> Sequence[Alerted]:
    """Return the incidents that were open on some days, or in the `LOOK_BACK` days before them.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included.

    """
    rows = store.rows(
        "report_incidents",
        {
            "target": target_name,
            "since": datetime.combine(first - timedelta(days=LOOK_BACK), time(), UTC),
            "until": datetime.combine(last + timedelta(days=1), time(), UTC),
        },
    )
    return tuple(_alerted(row) for row in rows)


def of_day(incidents: Sequence[Alerted], day: date) -> tuple[Alerted, ...]:
    """Return those of one day's report: the open and critical first, then the newest. Pure."""
    start = datetime.combine(day - timedelta(days=LOOK_BACK), time())
    end = datetime.combine(day + timedelta(days=1), time())
    own = [
        each
        for each in incidents
        if each.opened < end and (each.resolved is None or each.resolved >= start)
    ]
    own.sort(key=lambda each: each.opened, reverse=True)
    return tuple(
        sorted(own, key=lambda each: (each.resolved is not None, each.level != "critical"))
    )


def _alerted(row: Mapping[str, Any]) -> Alerted:
    resolved = row["resolved_at"]
    return Alerted(
        incident_id=row["incident_id"],
        level=row["level"],
        title=row["title"],
        opened=units.naive(row["opened_at"]),
        resolved=None if resolved is None else units.naive(resolved),
        taken=row["taken"],
        breaches=row["breaches"],
        done=tuple(said(each) for each in row["answers"]),
    )


def said(answer: Mapping[str, Any]) -> str:
    """Return one answer in a line."""
    text = f"{answer['action'].replace('_', ' ')}: {_STATES.get(answer['state'], answer['state'])}"
    if answer["after"] is not None and answer["before"] is not None:
        text += f" ({units.number(answer['before'])} before, {units.number(answer['after'])} after)"
    return f"{text}; {answer['told']}" if answer["told"] else text
