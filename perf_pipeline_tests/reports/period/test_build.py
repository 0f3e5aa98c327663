"""Weeks and months from a real store: what happened is in them, and again is the same bytes."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from perf_pipeline.baselines.build import build as build_baselines
from perf_pipeline.errors import InputError
from perf_pipeline.examples import history
from perf_pipeline.postgres import copy
from perf_pipeline.regressions.find import find
from perf_pipeline.reports.comparison import build as comparison
from perf_pipeline.reports.period import MONTHLY, WEEKLY
from perf_pipeline.reports.period.build import build, periods
from perf_pipeline.reports.period.stale import next_range, stale
from perf_pipeline.snapshots import rollup, rollup_relations
from perf_pipeline.store import Store, executions, partitions, progress
from perf_pipeline_tests.baselines import runs
from perf_pipeline_tests.reports.test_build import DAY, START, fill

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

    # a day of it that changes, or whose findings come late, makes a report stale, and only that one
    assert stale(store, ["yard"], WEEKLY, END) == {}
    sunday = date(2026, 11, 15)
    progress.finish(store, "yard", "findings", {sunday: datetime.combine(END, time(1), UTC)})
    monday = {date(2026, 11, 9): ["yard"]}
    assert stale(store, ["yard", "mill"], WEEKLY, END) == monday
    assert stale(store, ["mill"], WEEKLY, END) == {}
    assert stale(store, ["yard"], WEEKLY, END - timedelta(days=6)) == {}  # not over yet
    assert stale(store, ["yard"], MONTHLY, END) == {}  # November is not over
    assert stale(store, ["yard"], MONTHLY, date(2026, 12, 1)) == {date(2026, 11, 1): ["yard"]}
    build(store, "yard", WEEKLY, sunday, sunday)
    assert stale(store, ["yard"], WEEKLY, END) == {}


def test_what_was_told_of_generated_days_is_no_part_of_measured_ones(store: Store) -> None:
    fill(store)
    with store.begin() as connection:
        connection.execute("UPDATE ledger.statements_daily SET source = 'generated'")
        connection.execute("UPDATE perf_mgmt.findings SET day = %s", (START.date(),))
    rollup.roll_up(store, "thorbis", DAY, DAY)
    (report,) = build(store, "thorbis", WEEKLY, DAY, DAY)
    assert report.found == 0
    assert "generated example history" not in report.html
    with store.begin() as connection:
        connection.execute("UPDATE perf_mgmt.findings SET day = %s", (DAY,))
    assert build(store, "thorbis", WEEKLY, DAY, DAY)[0].found == 1


def test_a_target_never_swept_has_reports_that_say_so(store: Store) -> None:
    (report,) = build(store, "nowhere", MONTHLY, END, END)
    assert "Nothing is known of nowhere, 2026-11" in report.html


def test_a_range_that_runs_backwards_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="empty"):
        build(store, "yard", WEEKLY, END, END - timedelta(days=1))


def test_load_tests_calibrations_and_what_was_told_are_read(store: Store) -> None:
    target_id = fill(store)
    rollup.roll_up(store, "thorbis", START.date(), DAY)
    test_id = executions.record_test(store, runs.TEST)
    for minutes, p95 in ((90, 500.0), (30, 900.0)):
        runs.record(store, test_id, minutes, target="thorbis", p95_ms=p95, p99_ms=901.0)
    calibration = {"target_id": target_id, "as_of": DAY, "calls_class": "all", "series": 9}
    calibration |= {"trials": 9, "series_days": 9.0, "hits": 1, "rate_low": 0.1, "rate_high": 0.9}
    rows = [
        calibration | {"week": date(2026, 11, 16), "kind": kind, "factor": factor, "rate": rate}
        for kind, factor, rate in (("unchanged", 1.0, 0.25), ("injected", 2.0, 0.875))
    ]
    with store.begin() as connection:
        partitions.ensure(connection, DAY)
        copy.write_frame(connection, ("perf_mgmt", "calibration"), pl.DataFrame(rows))
        connection.execute(
            "INSERT INTO perf_mgmt.events (target_id, kind, object, began_at, detail, source)"
            " VALUES (NULL, 'deploy', 'shop 1.4', '2026-11-21 11:00Z', 'by hand', 'cli')"
        )
    (report,) = build(store, "thorbis", WEEKLY, DAY, DAY)
    assert "0.250 false alarms per 1,000 statements and days" in report.html
    assert "87.5 % of those 2.00" in report.html
    assert "checkout 1.0" in report.html
    assert "500 ms → 900 ms" in report.html
    days = [comparison.days(f"2026-11-{day}") for day in (20, 21)]
    data = comparison.compare(store, "thorbis", *days)
    assert [(event.kind, event.object) for event in data.events] == [("deploy", "shop 1.4")]


def test_what_follows_is_repaired_together() -> None:
    keys = ["2026-11-02", "2026-11-09", "2026-11-16"]
    days = [date(2026, 10, 26), date(2026, 11, 2), date(2026, 11, 9)]
    assert next_range(days, keys) == ("2026-11-02", "2026-11-09")
    assert next_range([days[1], date(2026, 11, 16)], keys) == ("2026-11-02", "2026-11-02")
    assert next_range(days[:1], keys) is None
