"""The assets of load tests' reports: what they show, what their checks say, when they run."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports.loadtests import defs, week_defs
from perf_pipeline.store import Store
from perf_pipeline.store.load_tests import LoadTest
from perf_pipeline_tests.reports.loadtests.made import EMPTY, operation, record, statement

pytestmark = pytest.mark.server

ASSETS = [
    defs.performance_report,
    defs.recommendations,
    defs.dashboard,
    defs.performance_trends,
    defs.top_issues,
]
TARGET = Target("shop", "SHOP_URL", date(2026, 1, 1))


@pytest.fixture
def bench(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    return store


def materialize(
    assets: Sequence[Any] = ASSETS, **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return each asset's metadata by its name, and each check by its name."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(assets, instance=instance, **more)
        found = {
            event.asset_key.path[-1]: {n: value.value for n, value in event.metadata.items()}
            for event in result.get_asset_materialization_events()
            for event in [event.materialization]
        }
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    return found, checks


def told(check: dg.AssetCheckEvaluation) -> tuple[bool, str]:
    return check.passed, check.severity.value


def test_assets_show_what_the_load_tests_did(bench: Store) -> None:
    for n in range(9):
        record(
            bench,
            60 * (20 - n),
            p95_ms=300.0 * 1.05**n,
            p99_ms=1_000.0,
            operations=[operation("read", 5.0)],
            statements=[statement(1, 10, 700.0)],
            cpu_percent=40.0,
            memory_percent=50.0,
        )
    found, checks = materialize()
    report = found["performance_report"]
    assert (report["dagster/row_count"], report["executions"]) == (9, 9)
    assert 0 < report["score_percent"] < 100
    assert len(report["newest"].records) == 9
    folder = Path(report["html"]).parent
    assert len(list(folder.glob("*.html"))) == 10
    assert report["report"].startswith("**checkout 1.0 on shop")
    assert found["dashboard"]["dagster/row_count"] == 9
    assert found["dashboard"]["health"] == report["health"]
    assert f"HEALTHY {report['healthy']}" in report["health"]
    assert report["healthy"] + report["not_well"] + report["not_known"] == 9
    issue = found["top_issues"]["statements"].records[0].data
    assert (issue["impact"], issue["mean_ms"], issue["executions"]) == ("MEDIUM", 700.0, 9)
    assert found["performance_trends"]["get_worse"] == 1
    assert told(checks["no_test_gets_slower"]) == (False, "WARN")
    assert "p95 gets worse: +47" in str(checks["no_test_gets_slower"].description)
    assert found["recommendations"]["dagster/row_count"] >= 1
    advice = found["recommendations"]["advice"].records[0].data
    assert advice["test"] == "checkout 1.0"
    # again: the same pages, no more
    materialize([defs.performance_report])
    assert len(list(folder.glob("*.html"))) == 10


def test_the_check_of_health_tells_grave_from_unknown(bench: Store) -> None:
    _, checks = materialize()
    assert told(checks["newest_runs_are_healthy"]) == (False, "WARN")
    assert checks["newest_runs_are_healthy"].description == "no load test ran in seven days"
    assert checks["no_test_gets_slower"].description == "no test has enough runs for a trend"
    record(bench, 60)
    _, checks = materialize([defs.dashboard])
    assert told(checks["newest_runs_are_healthy"]) == (False, "WARN")  # no baseline yet
    for n in range(3):
        record(bench, 50 - n)
    _, checks = materialize([defs.dashboard])
    assert told(checks["newest_runs_are_healthy"])[0]
    record(bench, 30, status="FAILED", **EMPTY)
    _, checks = materialize([defs.dashboard])
    assert told(checks["newest_runs_are_healthy"]) == (False, "ERROR")
    assert "checkout 1.0 (shop, staging, PostgreSQL 18): ◇ failed" in str(
        checks["newest_runs_are_healthy"].description
    )


def test_a_test_that_a_newer_version_has_followed_counts_no_more(bench: Store) -> None:
    # D-049: 1.10 comes after 1.9; D-062: of two versions one counts
    old = LoadTest("checkout", "1.9", environments=("staging",))
    for n in range(4):
        record(bench, 60 - n, test=old)
    record(bench, 50, test=old, p95_ms=3_000.0, p99_ms=4_000.0)
    _, checks = materialize([defs.dashboard])
    assert told(checks["newest_runs_are_healthy"]) == (False, "ERROR")
    new = LoadTest("checkout", "1.10", environments=("staging",))
    for n in range(4):
        record(bench, 40 - n, test=new)
    _, checks = materialize([defs.dashboard])
    assert told(checks["newest_runs_are_healthy"])[0]
    # nor does one that is switched off
    off = LoadTest("browse", "1.0", environments=("staging",), is_active=False)
    record(bench, 20, test=off, status="FAILED", **EMPTY)
    _, checks = materialize([defs.dashboard])
    assert told(checks["newest_runs_are_healthy"])[0]


def test_a_week_is_reported_whenever_it_is_asked_for(bench: Store) -> None:
    monday = datetime.now(UTC).date() - timedelta(days=datetime.now(UTC).weekday() + 7)
    inside = (datetime.now(UTC) - datetime(*monday.timetuple()[:3], 12, tzinfo=UTC)) / timedelta(
        minutes=1
    )
    test = LoadTest("checkout", "1.0", industry="RETAIL", environments=("staging",))
    record(bench, inside, test=test)
    record(bench, inside - 60 * 24 * 8, test=test)  # in another week
    assets = list(week_defs.weekly_definitions([TARGET]).assets or [])
    found, _ = materialize(assets, partition_key=monday.isoformat())
    week = found["executive_report"]
    assert (week["dagster/partition_row_count"], week["health"]) == (1, "NO_BASELINE 1")
    page = Path(week["html"])
    assert page.name == f"{monday}.html"
    assert "retail" in page.read_text()


def test_schedules_rest_where_no_load_test_ran(bench: Store) -> None:
    every = (defs.daily_definitions(), week_defs.weekly_definitions([TARGET]))
    repository = dg.Definitions.merge(*every).get_repository_def()

    def tick(name: str) -> Any:
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=datetime.now(UTC),
                repository_def=repository,
            )
            return repository.get_schedule_def(name).evaluate_tick(context)

    for name in ("bench_reports_daily", "bench_executive_report_weekly"):
        assert "no load test ran within" in tick(name).skip_message
    record(bench, 5)
    assert len(tick("bench_reports_daily").run_requests) == 1
    (request,) = tick("bench_executive_report_weekly").run_requests
    assert datetime.fromisoformat(request.partition_key).weekday() == 0
    assert not week_defs.weekly_definitions([]).schedules
