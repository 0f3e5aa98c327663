"""Recording load tests: whole or not at all, once, only where they may run."""

import math
import uuid
from datetime import datetime, timedelta

import polars as pl
import psycopg
import pytest

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.store import Store, executions
from perf_pipeline.store.load_tests import LoadTest, Thresholds, superseded, version_order
from perf_pipeline_tests.baselines.runs import NOW, TEST, execution

pytestmark = pytest.mark.server


@pytest.fixture
def store(shared_store: Store) -> Store:
    with shared_store.begin() as connection:
        connection.execute("TRUNCATE perf_mgmt.performance_tests RESTART IDENTITY CASCADE")
    return shared_store


TRANSACTIONS = pl.DataFrame(
    {
        "name": ["read", "write"],
        "transactions": [9_000, 900],
        "failed": [0, 100],
        "p95_ms": [1.5, 9.0],
    }
)
METRICS = pl.DataFrame(
    {
        "ts": [datetime(2026, 11, 21, 11), datetime(2026, 11, 21, 11, 0, 1)],
        "metric_type": ["throughput", "connections"],
        "value": [165.5, 8.0],
        "unit": ["tps", "sessions"],
        "context": [None, '{"pool": "a"}'],
    }
)
QUERIES = pl.DataFrame(
    {
        "userid": [10],
        "dbid": [5],
        "queryid": [-77],
        "toplevel": [True],
        "query_hash": ["a" * 64],
        "query": ["SELECT 'a\\b', \"q\""],
        "tables": [["hs.orders", 'odd "name", {x}']],
        "calls": [4],
        "total_ms": [10.0],
    }
)


def count(store: Store, table: str) -> int:
    with store.begin() as connection:
        row = connection.execute(f"SELECT count(*) FROM perf_mgmt.{table}").fetchone()
    return int(row[0]) if row else 0


def test_an_execution_is_kept_with_all_that_was_measured(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    made = execution(
        test_id,
        settings={"work_mem": "4MB"},
        hardware={"cpus": 2},
        error_classes={"40001": 100},
        cpu_percent=40.5,
        commit_sha="abc",
    )
    parts = {"transactions": TRANSACTIONS, "metrics": METRICS, "queries": QUERIES}
    assert executions.record_execution(store, made, **parts)
    (row,) = executions.read(store)
    assert (row["test_name"], row["test_version"], row["server_major"]) == ("checkout", "1.0", 18)
    assert row["error_percent"] == pytest.approx(1.0)
    assert row["duration_ms"] == 60_000.0
    assert (row["settings"], row["error_classes"]) == ({"work_mem": "4MB"}, {"40001": 100})
    assert (row["disk_mb_per_s"], row["state"], row["is_regression"]) == (None, None, None)
    with store.begin() as connection:
        query = connection.execute(
            "SELECT query, tables, mean_ms, rows FROM perf_mgmt.query_performance"
        ).fetchone()
        series = connection.execute(
            "SELECT ts, name, value, context FROM perf_mgmt.performance_metrics ORDER BY ts"
        ).fetchall()
        kinds = connection.execute(
            "SELECT name, failed, p95_ms, p99_ms FROM perf_mgmt.execution_transactions ORDER BY 1"
        ).fetchall()
    assert query == ("SELECT 'a\\b', \"q\"", ["hs.orders", 'odd "name", {x}'], 2.5, None)
    assert [row[1:] for row in series] == [("", 165.5, None), ("", 8.0, {"pool": "a"})]
    assert kinds == [("read", 0, 1.5, None), ("write", 100, 9.0, None)]


def test_recording_again_changes_nothing(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    made = execution(test_id)
    assert executions.record_execution(store, made, metrics=METRICS)
    again = execution(test_id, execution_id=made.execution_id, p95_ms=600.0)
    assert not executions.record_execution(store, again, metrics=METRICS)
    (row,) = executions.read(store)
    assert row["p95_ms"] == 500.0
    assert count(store, "performance_metrics") == 2


def test_a_running_execution_ends_once(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    empty = dict.fromkeys(
        ("transactions", "failed", "p50_ms", "p95_ms", "p99_ms", "throughput_tps")
    )
    begun = execution(test_id, status="RUNNING", completed_at=None, **empty)
    assert executions.record_execution(store, begun)
    assert executions.record_execution(store, begun)  # still running
    assert executions.read(store, ended=True) == []
    with pytest.raises(InputError, match="running and has metrics"):
        executions.record_execution(store, begun, metrics=METRICS)
    ended = execution(test_id, execution_id=begun.execution_id)
    assert executions.record_execution(store, ended, metrics=METRICS)
    assert not executions.record_execution(store, begun)
    (row,) = executions.read(store, ended=True)
    assert (row["status"], row["p95_ms"]) == ("COMPLETED", 500.0)


def test_what_cannot_be_kept_whole_is_not_kept(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    twice = pl.concat([METRICS, METRICS])
    with pytest.raises(psycopg.errors.UniqueViolation):
        executions.record_execution(store, execution(test_id), metrics=twice)
    assert count(store, "test_executions") == 0


def test_a_test_runs_only_where_it_may(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    with pytest.raises(ConfigurationError, match="'checkout' may not run in 'production'") as told:
        executions.record_execution(store, execution(test_id, environment="production"))
    assert "development, staging" in told.value.remedy
    assert count(store, "test_executions") == 0
    with pytest.raises(ConfigurationError, match="number 999 is not recorded"):
        executions.record_execution(store, execution(999))
    allowed = LoadTest("checkout", "1.0", environments=("production",))
    assert executions.record_test(store, allowed) == test_id
    assert executions.record_execution(store, execution(test_id, environment="production"))


def test_an_id_belongs_to_one_execution(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    made = execution(test_id)
    executions.record_execution(store, made)
    other = execution(test_id, execution_id=made.execution_id, target="another")
    with pytest.raises(InputError, match="recorded with target 'shop'"):
        executions.record_execution(store, other)


def test_a_version_of_a_test_keeps_its_definition(store: Store) -> None:
    one = LoadTest("checkout", "1.0", config={"clients": 8}, tags=("ci",))
    test_id = executions.record_test(store, one)
    limits = Thresholds(response_time_percent=10)
    same = LoadTest("checkout", "1.0", config={"clients": 8}, thresholds=limits, is_active=False)
    assert executions.record_test(store, same) == test_id
    (row,) = executions.load_tests(store, "checkout")
    assert row["baseline_thresholds"]["response_time_percent"] == 10
    assert (row["is_active"], row["tags"]) == (False, [])
    with pytest.raises(InputError, match="another definition"):
        executions.record_test(store, LoadTest("checkout", "1.0", config={"clients": 9}))
    second = executions.record_test(store, LoadTest("checkout", "1.1", config={"clients": 9}))
    assert [r["test_id"] for r in executions.load_tests(store)] == [second, test_id]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"environment": "prod"}, "environment 'prod'"),
        ({"status": "DONE"}, "status 'DONE'"),
        ({"p95_ms": math.nan}, "p95_ms = nan"),
        ({"throughput_tps": -1.0}, "throughput_tps = -1.0"),
        ({"p99_ms": 10.0}, "do not rise"),
        ({"completed_at": None}, "completed_at None"),
        ({"completed_at": NOW - timedelta(days=1)}, "lies before"),
        ({"started_at": datetime(2026, 1, 1)}, "no time zone"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        execution(1, **changes)


def test_a_wrong_test_is_named(store: Store) -> None:
    for test, told in (
        (LoadTest("a", "1", test_type="SOAK"), "test_type 'SOAK'"),
        (LoadTest("a", "1", industry="MINING"), "industry 'MINING'"),
        (LoadTest("a", "1", environments=("qa",)), "environment 'qa'"),
        (LoadTest("", "1"), "lacks a name"),
    ):
        with pytest.raises(InputError, match=told):
            executions.record_test(store, test)


def test_an_unknown_column_is_named(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    with pytest.raises(InputError, match="metrics: column 'wrong'"):
        executions.record_execution(
            store, execution(test_id), metrics=METRICS.rename({"unit": "wrong"})
        )


def test_executions_are_found_by_what_is_asked(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    made = [execution(test_id, minutes=m) for m in (30, 20, 10)]
    for each in made:
        executions.record_execution(store, each)
    ids = [each.execution_id for each in made]

    def found(**chosen: object) -> list[uuid.UUID]:
        return [row["execution_id"] for row in executions.read(store, **chosen)]

    assert found() == ids
    assert found(newest=2) == ids[1:]
    assert found(since=made[1].started_at) == ids[1:]
    assert found(before=made[1].started_at) == ids[:1]
    assert found(states=["UNJUDGED"]) == ids
    assert found(states=["OK"]) == []
    assert found(target="other") == found(server_major=17) == found(environment="production") == []
    with store.begin() as connection, pytest.raises(InputError, match="is not recorded"):
        executions.get(connection, uuid.uuid4())


def test_details_of_old_runs_are_forgotten_and_their_results_kept(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    for age in (1, 2, 3, 500):
        run = execution(test_id, minutes=age * 24 * 60)
        executions.record_execution(
            store, run, transactions=TRANSACTIONS, metrics=METRICS, queries=QUERIES
        )
    before = NOW - timedelta(days=400)
    assert executions.forget_details(store, before) == METRICS.height + QUERIES.height
    assert executions.forget_details(store, before) == 0
    assert count(store, "performance_metrics") == 3 * METRICS.height
    assert count(store, "query_performance") == 3
    assert count(store, "test_executions") == 4
    assert count(store, "execution_transactions") == 4 * TRANSACTIONS.height
    # in batches smaller than what is due
    assert executions.forget_details(store, NOW, batch=1) == 3 * (METRICS.height + QUERIES.height)


def test_versions_are_ordered_as_numbers() -> None:
    ordered = ["", "draft", "1", "1.0", "1.2", "1.9", "1.9b", "1.10", "2", "10.0"]
    assert sorted(set(ordered), key=version_order) == ordered


def test_a_newer_version_supersedes_only_where_it_ran() -> None:
    def row(version: str, target: str) -> dict[str, str]:
        return {
            "test_name": "checkout",
            "test_version": version,
            "target": target,
            "environment": "staging",
        }

    rows = [row("1.9", "a"), row("1.10", "a"), row("1.9", "b")]
    assert superseded(rows) == {("checkout", "1.9", "a", "staging")}
