"""`perf_mgmt.load_scenarios` and `workload_operations`: what load tests were made of."""

import pytest

from perf_pipeline.loadtests import scenario
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, executions
from perf_pipeline.store.load_tests import LoadTest

pytestmark = pytest.mark.server


def record(store: Store, name: str, test: str) -> scenario.Scenario:
    found = scenario.load(name)
    executions.record_test(
        store,
        LoadTest(
            name=test,
            version=found.version,
            industry=found.industry,
            config=found.definition,
            environments=found.environments,
        ),
    )
    return found


def test_a_scenario_is_one_row_and_its_operations_keep_their_order(shared_store: Store) -> None:
    for test in ("hs/30s", "hs/60s"):
        found = record(shared_store, "hs_peak_season", test)
    record(shared_store, "retail_sale_day", "retail/30s")
    executions.record_test(shared_store, LoadTest("by hand", "1", config={"clients": 8}))
    with shared_store.begin() as connection:
        rows = connection.execute(
            "SELECT scenario_name, industry::text, users, ramp_up_seconds, duration_seconds,"
            " ramp_down_seconds, max_average_ms, max_p95_ms, min_throughput_tps, max_error_percent,"
            " max_cpu_percent, max_memory_percent"
            " FROM perf_mgmt.load_scenarios ORDER BY 1"
        ).fetchall()
        mix = connection.execute(
            "SELECT operation_name, weight_percent, think_time_ms, peak_multiplier, origin,"
            " sql_file"
            " FROM perf_mgmt.workload_operations WHERE scenario_name = 'hs_peak_season'"
            " ORDER BY place"
        ).fetchall()
    assert [row[0] for row in rows] == ["hs_peak_season", "retail_sale_day"]
    assert rows[0][1:] == ("HOME_SERVICES", 500, 300, 1800, 60, 200, 500, 100, 2, 80, 90)
    assert [row[:5] for row in mix] == [
        (each.name, each.weight, each.think_time_ms, each.peak_multiplier, each.origin)
        for each in found.operations
    ]
    assert sum(row[1] for row in mix) == 100
    assert all(sqlfiles.load(row[5]).purpose for row in mix)
