"""Incidents in the report: those of the day and of the two before, and what was done."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from perf_pipeline.reports import alerted, render
from perf_pipeline.reports.model import Alerted, ReportData
from perf_pipeline.store import Store

DAY = date(2026, 3, 4)
NOON = datetime(2026, 3, 4, 12)


def incident(number: int, opened: datetime = NOON, **more: Any) -> Alerted:
    values: dict[str, Any] = {
        "level": "warning", "title": f"no. {number} <b>", "resolved": None, "taken": False,
        "breaches": 1,
    } | more  # fmt: skip
    return Alerted(f"i{number}", opened=opened, **values)


def page(*incidents: Alerted) -> str:
    return render.render(ReportData("app", DAY, "0", alerted=incidents)).html


def test_what_was_open_is_shown_with_what_was_done() -> None:
    answer = {"action": "drain_queue", "state": "helped", "told": "start job x", "before": 900.0}
    html = page(
        incident(1, level="critical", taken=True, done=(alerted.said({**answer, "after": 3.0}),)),
        incident(2, resolved=NOON + timedelta(hours=1), breaches=14),
    )
    section = html.split('id="alerts"')[1].split("</section>")[0]
    assert "drain queue: done, and it helped (900 before, 3.00 after); start job x" in section
    assert "open, taken" in section
    assert "14 breaches" in section
    assert "no. 1 &lt;b&gt;" in section
    assert "<b>" not in section
    assert 'href="#alerts"' in html


def test_without_an_incident_there_is_no_section() -> None:
    assert 'id="alerts"' not in page()
    assert "more are not shown" in page(*(incident(n) for n in range(500)))


def test_which_day_shows_what() -> None:
    hour = timedelta(hours=1)
    over = incident(1, NOON - timedelta(days=9), resolved=datetime(2026, 3, 1, 23, 59))
    lately = incident(2, NOON - timedelta(days=9), resolved=datetime(2026, 3, 2))
    worse = incident(3, NOON - timedelta(days=300), level="critical")
    ahead = incident(4, datetime(2026, 3, 5))
    newest = incident(5, NOON + hour)
    shown = alerted.of_day([over, lately, worse, ahead, incident(6), newest], DAY)
    assert [each.incident_id for each in shown] == ["i3", "i5", "i6", "i2"]


@pytest.mark.server
def test_incidents_are_read_with_their_answers(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO monitoring.incidents (incident_id, target, cause, status, level, title,"
            " opened_at, changed_at, resolved_at) VALUES"
            " ('a', 'app', 'c', 'open', 'critical', 't', '2026-03-04T10:00Z', now(), NULL),"
            " ('b', 'app', 'd', 'resolved', 'warning', 't', '2026-02-01Z', now(), '2026-02-02Z'),"
            " ('c', 'other', 'c', 'open', 'warning', 't', '2026-03-04T10:00Z', now(), NULL)"
        )
        connection.execute(
            "INSERT INTO monitoring.alert_responses (response_key, target, incident_id, policy,"
            " action, mode, state, asked_at, told) VALUES"
            " ('k', 'app', 'a', 'p', 'analyze', 'shadow', 'would_act', now(), 'would start it')"
        )
    (only,) = alerted.read(store, "app", DAY, DAY)
    assert (only.incident_id, only.opened) == ("a", datetime(2026, 3, 4, 10))
    assert only.done == ("analyze: would have been done; would start it",)
