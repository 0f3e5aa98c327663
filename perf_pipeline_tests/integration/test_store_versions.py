"""The store on every supported PostgreSQL: from the same ledger the same findings and report."""

import pytest

from perf_pipeline.baselines.build import build as build_baselines
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.regressions.find import find
from perf_pipeline.reports.build import build as build_reports
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store
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
