"""A day whose ledger changes makes the days stale that rest on it, and no others."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from perf_pipeline import vocabulary
from perf_pipeline.baselines.compute import BASELINE_DAYS
from perf_pipeline.components.fleet import report_job
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.examples import history
from perf_pipeline.postgres.target import Target
from perf_pipeline.regressions.identity import LATE_DAYS
from perf_pipeline.reports import due
from perf_pipeline.reports.stale_defs import NAME, spans
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, progress, screen, targets
from perf_pipeline_tests.dagster.conftest import today

pytestmark = pytest.mark.server

DAYS = 9


def run(
    target: Target, instance: dg.DagsterInstance, first: date, last: date
) -> dg.ExecuteInProcessResult:
    definitions = dg.Definitions.merge(
        target_definitions(target),
        dg.Definitions(jobs=[report_job(target)], executor=dg.in_process_executor),
    )
    return definitions.resolve_job_def(f"report_{target.name}").execute_in_process(
        instance=instance,
        tags={
            vocabulary.RANGE_START_TAG: first.isoformat(),
            vocabulary.RANGE_END_TAG: last.isoformat(),
        },
    )


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = [e for e in result.get_asset_check_evaluations() if e.check_name == NAME]
    return found


def repair(store: Store, target: Target, day: date, factor: float) -> None:
    """Let the work of a day have taken longer, in the ledger."""
    with store.begin() as connection:
        connection.execute(
            "UPDATE ledger.statements SET total_exec_time = total_exec_time * %s"
            " WHERE target_id = %s AND ts >= %s AND ts < %s",
            (factor, targets.find(store, target.name), day, day + timedelta(days=1)),
        )


def test_exactly_the_days_that_rest_on_a_changed_day_are_due_again(
    store: Store, instance: dg.DagsterInstance
) -> None:
    yard = Target("yard", "YARD_URL", today() - timedelta(days=60))
    made = history.generate(store, yard.name, days=DAYS)
    starts = {yard.name: yard.history_start}
    first = run(yard, instance, made.first, made.end)
    assert check(first).passed
    assert progress.stale(store, yard.name) == {}

    # the same rows once more: nothing has changed
    changed = made.first + timedelta(days=3)
    run(yard, instance, changed, changed)
    assert progress.stale(store, yard.name) == {}
    assert progress.uncovered(store, starts, today(), due.LOOKBACK_DAYS) == []

    # a repaired rollup alone: the day itself and all after it
    repair(store, yard, changed, 1.5)
    roll_up(store, yard.name, changed, changed)
    of_day = {changed + timedelta(days=n) for n in range((made.end - changed).days + 1)}
    stale = progress.stale(store, yard.name)
    assert set(stale) == of_day
    assert set(stale.values()) == {("baseline", "findings", "report")}

    # the day's own run makes it true again, those after it are left, and named
    result = run(yard, instance, changed, changed)
    assert not check(result).passed
    assert check(result).severity == dg.AssetCheckSeverity.WARN
    following = changed + timedelta(days=1)
    assert check(result).description == ", ".join(spans(of_day - {changed}))
    states = progress.uncovered(store, starts, today(), due.LOOKBACK_DAYS)
    assert {state.day for state in states} == of_day - {changed}
    assert all(state.stale and state.covered == state.newest for state in states)

    # what the sensor asks for makes all of them true
    ranges, _ = due.plan(states, today(), {}, datetime.now(UTC))
    assert ranges == [due.DueRange(yard.name, following, made.end)]
    assert check(run(yard, instance, ranges[0].first, ranges[0].last)).passed
    assert progress.uncovered(store, starts, today(), due.LOOKBACK_DAYS) == []


def test_stale_days_are_due_as_far_back_as_a_change_reaches(store: Store) -> None:
    """No day waits for a backfill that a repair within the window has made stale."""
    target_id = targets.register(store, "yard")
    noted = [today() - timedelta(days=n) for n in range(progress.WINDOW_DAYS + 2)]
    with store.begin() as connection:
        for stage, version, inputs in (("rollup", 1, None), ("report", None, "another")):
            connection.cursor().executemany(
                "INSERT INTO perf_mgmt.day_progress VALUES (%s, %s, %s, now(), %s, %s)",
                [(target_id, day, stage, version, inputs) for day in noted],
            )
    starts = {"yard": today() - timedelta(days=400)}
    states = progress.uncovered(store, starts, today(), due.LOOKBACK_DAYS)
    assert {state.day for state in states} == set(noted[:-1])
    assert all(state.stale for state in states)
    # as many as one run takes, the oldest first; the next look sees the others
    (asked,), _ = due.plan(states, today(), {}, datetime.now(UTC))
    assert asked.first == noted[-2]
    assert (asked.last - asked.first).days == due.LOOKBACK_DAYS


def test_a_day_that_comes_late_makes_later_days_stale(
    store: Store, instance: dg.DagsterInstance
) -> None:
    yard = Target("yard", "YARD_URL", today() - timedelta(days=60))
    made = history.generate(store, yard.name, days=4)
    second = made.first + timedelta(days=1)
    run(yard, instance, made.first, made.first)
    run(yard, instance, made.first + timedelta(days=2), made.end)
    assert progress.stale(store, yard.name) == {}
    run(yard, instance, second, second)
    assert list(progress.stale(store, yard.name)) == [
        made.first + timedelta(days=2),
        made.end,
    ]


def test_the_window_is_as_long_as_anything_looks_back(store: Store) -> None:
    findings = screen.REACH_DAYS + LATE_DAYS - 1 + LATE_DAYS - 1
    baseline = 6 + screen.REACH_DAYS + BASELINE_DAYS
    assert max(findings, baseline) == progress.WINDOW_DAYS
    with store.begin() as connection:
        view = connection.execute(
            "SELECT pg_get_viewdef('perf_mgmt.day_inputs'::regclass)"
        ).fetchone()
    assert view is not None
    assert f"'{progress.WINDOW_DAYS} days'::interval PRECEDING" in view[0]


def test_days_are_told_as_spans() -> None:
    days = [date(2026, 3, n) for n in (5, 3, 4, 9)]
    assert spans(days) == ["2026-03-03 to 2026-03-05 (3 days)", "2026-03-09"]
