"""The store on every supported PostgreSQL: from the same ledger the same findings and report."""

from datetime import date

import pytest

from perf_pipeline.baselines import kept, slow_build
from perf_pipeline.baselines.build import build as build_baselines
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.regressions.find import find
from perf_pipeline.reports.build import build as build_reports
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, executions, targets
from perf_pipeline_tests.baselines import rolled
from perf_pipeline_tests.baselines.runs import TEST, judged, record
from perf_pipeline_tests.regressions import ledger
from perf_pipeline_tests.regressions.test_find import DEMO_DAY

pytestmark = pytest.mark.server

#: What each version gave, to be compared with the first one's.
GIVEN: dict[str, object] = {}


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


def test_a_store_of_any_version_gives_the_same(store: Store) -> None:
    tables, dropped_at = ledger.demo()
    target_id = ledger.write(store, "shop", tables)
    ledger.texts(store, target_id, {100: "SELECT * FROM hs.work_orders WHERE customer_id = $1"})
    roll_up(store, "shop", DEMO_DAY, DEMO_DAY)
    build_baselines(store, "shop", DEMO_DAY, DEMO_DAY)
    found = find(store, "shop", DEMO_DAY, DEMO_DAY).findings.row(0, named=True)
    (report,) = build_reports(store, "shop", DEMO_DAY, DEMO_DAY)
    assert (found["queryid"], found["severity"], found["onset"]) == (100, "critical", dropped_at)
    assert "hs.work_orders" in report.html
    given = {
        "hours": ledger.rows(store, "ledger.statements_hourly"),
        "baselines": ledger.rows(store, "perf_mgmt.statement_baselines"),
        "findings": ledger.rows(store, "perf_mgmt.findings"),
        "html": report.html,
    }
    assert given["hours"]
    for name, first in (GIVEN or given).items():
        assert given[name] == first, name
    GIVEN.update(given)


def test_load_tests_and_slow_statements_are_judged_on_any_version(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    for n in range(6):
        record(store, test_id, 60 - n)
    bad = record(store, test_id, 40, p95_ms=900.0)
    record(store, test_id, 39, p95_ms=880.0, rerun_of=bad)
    assert judged(store)[-2:] == ["REGRESSED", "REGRESSED"]
    assert [row["baseline_type"] for row in kept.listed(store)] == ["ROLLING", "INITIAL"]
    target_id = targets.register(store, "shop")
    rolled.text(store, target_id, 1, "SELECT * FROM sales_report", {"controller": "Dashboards"})
    monday = date(2026, 3, 2)
    for day in ledger.days(date(2026, 1, 26), monday):
        mean = 5000.0 if day > date(2026, 2, 23) else 1500.0
        rolled.day(store, target_id, day, {1: (60, mean)})
    rolled.baseline(store, target_id, monday, {1: 1500.0})
    built = slow_build.build(store, "shop", monday, monday)
    assert built.frame["state"].to_list() == ["CRITICAL"]
    assert built.weekly == 1
    with store.begin() as connection:
        found = connection.execute(
            "SELECT severity::text, category FROM perf_mgmt.query_regressions WHERE as_of = %s",
            (monday,),
        ).fetchall()
        history = connection.execute(
            "SELECT state FROM perf_mgmt.query_performance_history WHERE day = %s", (monday,)
        ).fetchall()
        connection.execute("SELECT * FROM monitoring.get_slow_queries('shop')")
        connection.execute("SELECT * FROM monitoring.query_performance")
        connection.execute("SELECT * FROM monitoring.query_samples")
    assert found == [("CRITICAL", "dashboard")]
    assert history == [("CRITICAL",)]
