"""The views and named queries of load tests, over executions that were recorded and judged."""

import pytest

from perf_pipeline.store import Store, run_events
from perf_pipeline.store.load_tests import LoadTest
from perf_pipeline_tests.reports.loadtests.made import EMPTY, record, statement

pytestmark = pytest.mark.server


def test_the_dashboard_has_one_row_an_execution(store: Store) -> None:
    for n in range(6):
        record(store, 600 - n, cpu_percent=40.0 + n / 100)
    slow = record(store, 300, p95_ms=1_500.0, p99_ms=1_600.0, commit_sha="abc")
    broken = record(store, 200, status="FAILED", **EMPTY)
    running = record(store, 100, status="RUNNING", completed_at=None, **EMPTY)
    run_events.Log(store, running).add(run_events.STAGE, name="steady")
    record(store, 60 * 24 * 8)  # before its seven days
    rows = store.rows("run_dashboard")
    assert len(rows) == 9
    assert [row["execution_id"] for row in rows[:3]] == [running, broken, slow]
    by_id = {row["execution_id"]: row for row in rows}
    assert by_id[running]["health_status"] == "RUNNING"
    assert by_id[running]["last_event"] == "STAGE_STARTED"
    assert by_id[broken]["health_status"] == "FAILED"
    # INITIAL and ROLLING are active: the row shows the one that tells most, and is one row
    assert by_id[slow]["baseline_p95_ms"] == 500.0
    assert by_id[slow]["change_percent"] == pytest.approx(200.0)
    assert by_id[slow]["health_status"] == "SLOW_RESPONSE"
    assert {row["health_status"] for row in rows[3:]} == {"NO_BASELINE", "HEALTHY"}
    assert by_id[slow]["last_event"] == "JUDGED"
    (found,) = store.rows("run_regressions")
    assert (found["execution_id"], found["state"], found["commit_sha"]) == (
        slow,
        "SUSPECTED",
        "abc",
    )
    assert "p95_ms +200.0 % against" in found["reason"]


def test_trends_are_means_of_what_completed(store: Store) -> None:
    record(store, 60 * 24 + 90, p95_ms=400.0)
    for p95 in (500.0, 600.0):
        record(store, 0.01, p95_ms=p95)
    record(store, 0.01, status="FAILED", **EMPTY)
    rows = store.rows("run_trends")
    assert sum(row["runs"] for row in rows) == 4
    assert sum(row["completed_runs"] for row in rows) == 3
    assert {row["test_name"] for row in rows} == {"checkout"}
    newest = [row for row in rows if row["hour"] == rows[0]["hour"]]
    if sum(row["runs"] for row in newest) == 3:  # no full hour between the three
        assert newest[0]["mean_p95_ms"] == 550.0
    assert rows[-1]["mean_p95_ms"] == 400.0
    # B-67: of one test, in 24 hours, each beside the one before
    day = store.rows("run_trend_day", {"test_name": "checkout"})
    assert [row["p95_ms"] for row in day if row["p95_ms"]] in ([500.0, 600.0], [600.0, 500.0])
    assert store.rows("run_trend_day", {"test_name": "other"}) == []


def test_issues_are_slow_statements_by_the_time_they_cost(store: Store) -> None:
    many = [statement(n, 10, 120.0 + n) for n in range(3, 60)]
    record(store, 60, statements=[statement(1, 100, 90.0), statement(2, 50, 1_200.0), *many])
    record(store, 50, statements=[statement(2, 50, 800.0)])
    record(store, 60 * 24 * 8, statements=[statement(99, 1_000, 5_000.0)])
    alike = "SELECT " + "y" * 100  # D-138: two statements, whose beginnings are one
    twins = [
        statement(n, 600, 150.0, query=f"{alike}{n}", query_hash=f"{n:064x}") for n in (70, 71)
    ]
    record(store, 40, statements=twins)
    rows = store.rows("run_issues")
    assert [row["executions"] for row in rows if row["query_preview"] == alike[:100]] == [1, 1]
    assert len(rows) == 50
    first = rows[0]
    assert (first["executions"], first["calls"], first["total_ms"]) == (2, 100, 100_000.0)
    assert (first["mean_ms"], first["worst_mean_ms"], first["impact"]) == (1000.0, 1200.0, "MEDIUM")
    assert first["tests"] == ["checkout"]
    assert all(row["mean_ms"] > 100 and len(row["query_preview"]) <= 100 for row in rows)
    assert [row["total_ms"] for row in rows] == sorted((r["total_ms"] for r in rows), reverse=True)


def test_a_test_on_two_targets_is_two_rows_of_trends(store: Store) -> None:
    other = LoadTest("browse", "2.0", industry="RETAIL")
    record(store, 5)
    record(store, 5, target="other")
    record(store, 5, test=other)
    found = {(row["test_name"], row["target"], row["industry"]) for row in store.rows("run_trends")}
    assert found == {
        ("checkout", "shop", None),
        ("checkout", "other", None),
        ("browse", "shop", "RETAIL"),
    }
