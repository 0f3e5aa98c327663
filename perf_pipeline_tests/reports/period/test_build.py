"""Weeks and months from a real store: what happened is in them, and again is the same bytes."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from perf_pipeline.baselines.build import build as build_baselines
from perf_pipeline.errors import InputError
from perf_pipeline.examples import history
from perf_pipeline.regressions.find import find
from perf_pipeline.reports.period import MONTHLY, WEEKLY
from perf_pipeline.reports.period.build import build, periods
from perf_pipeline.snapshots import rollup, rollup_relations
from perf_pipeline.store import Store, progress

pytestmark = pytest.mark.server

END = date(2026, 11, 21)


def kept(store: Store) -> list[tuple[object, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT xmin::text, kind, day, content_hash FROM perf_mgmt.reports ORDER BY kind, day"
        ).fetchall()


def test_weeks_and_months_of_a_history(store: Store) -> None:
    made = history.generate(store, "yard", days=28, end=END)
    span = (made.first, made.end)
    rollup.roll_up(store, "yard", *span)
    rollup_relations.roll_up(store, "yard", *span)
    build_baselines(store, "yard", *span)
    find(store, "yard", *span)
    days = [made.first + timedelta(days=n) for n in range(28)]
    covered = {day: datetime.combine(day, time(23), UTC) for day in days}
    progress.finish(store, "yard", "findings", covered)
    weeks = build(store, "yard", WEEKLY, *span)
    assert [report.day for report in weeks] == [each.first for each in periods(WEEKLY, *span)]
    assert all(report.day.weekday() == 0 for report in weeks)
    assert sum(report.found for report in weeks) >= 1
    assert any("against the week before" in report.html for report in weeks)
    assert all("generated example history" in report.html for report in weeks)
    (november, *_) = build(store, "yard", MONTHLY, END, END)
    assert november.day == date(2026, 11, 1)
    assert november.found <= sum(report.found for report in weeks)
    before = kept(store)
    assert build(store, "yard", WEEKLY, *span) == weeks
    assert [build(store, "yard", WEEKLY, each.day, each.day)[0] for each in weeks] == weeks
    assert kept(store) == before  # xmin, too: no row was touched


def test_a_target_never_swept_has_reports_that_say_so(store: Store) -> None:
    (report,) = build(store, "nowhere", MONTHLY, END, END)
    assert "Nothing is known of nowhere, 2026-11" in report.html


def test_a_range_that_runs_backwards_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="empty"):
        build(store, "yard", WEEKLY, END, END - timedelta(days=1))
