"""Runs of scenarios on a real server: what is recorded is what happened."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import run as load
from perf_pipeline.loadtests import scenario as scenarios
from perf_pipeline.loadtests.pgbench import LoadError
from perf_pipeline.loadtests.run import Options, Result
from perf_pipeline.loadtests.scenario import Scenario
from perf_pipeline.loadtests.swept import Swept
from perf_pipeline.postgres.production import ProductionError
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store, executions, run_events
from perf_pipeline_tests.examples import thorbis

pytestmark = pytest.mark.server

PGBENCH = binaries.find().program("pgbench")
PEAK = scenarios.load("hs_peak_season")
#: Without pauses, so that few users do much.
BUSY = PEAK.model_copy(
    update={
        "operations": tuple(
            each.model_copy(update={"think_time_ms": 0.0}) for each in PEAK.operations
        )
    }
)


@pytest.fixture
def url(server: EmbeddedServer, make_database: Callable[..., str]) -> str:
    found = make_database(thorbis.build(server))
    with psycopg.connect(found, autocommit=True) as session:
        session.execute("SELECT pg_stat_statements_reset()")
    return found


@pytest.fixture
def target(url: str, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("LOADED_URL", url)
    return Target("loaded", "LOADED_URL", date(2026, 1, 1))


def run(
    store: Store, target: Target, folder: Path, chosen: Scenario = BUSY, **options: Any
) -> Result:
    def sweep() -> Swept:
        record = collect(target, store)
        return Swept(record.ts, record.server_target_id)

    usual = {"users": 3, "seconds": 2, "seed": 5}
    return load.run(
        store,
        target,
        chosen,
        Options(**(usual | options)),
        program=PGBENCH,
        folder=folder,
        sweep=sweep,
    )


def rows(store: Store, table: str, columns: str) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        text: Any = f"SELECT {columns} FROM perf_mgmt.{table}"
        return connection.execute(text).fetchall()


def test_what_is_recorded_is_what_happened(store: Store, target: Target, tmp_path: Path) -> None:
    result = run(store, target, tmp_path)
    done = result.execution
    assert done.status == "COMPLETED"
    assert done.transactions is not None
    assert done.transactions > 0
    (recorded,) = executions.read(store)
    assert recorded["execution_id"] == done.execution_id
    assert recorded["p95_ms"] == done.p95_ms
    # connecting is left out of its time; the last transactions end after the 2 seconds
    assert 1.9 < done.transactions / recorded["throughput_tps"] < 60.0
    assert (recorded["concurrent_users"], recorded["environment"]) == (3, "development")
    # each operation by itself, and all of them together
    by_name = dict(rows(store, "execution_transactions", "name, transactions"))
    assert set(by_name) == {each.name for each in PEAK.operations}
    assert sum(by_name.values()) == done.transactions
    # the server counted just as many: nothing of a warm-up, nothing of ours
    counted = dict(
        rows(
            store,
            "query_performance",
            "substring(query FROM 'INTO hs.[a-z_]+|FROM hs.[a-z_]+|UPDATE hs.[a-z_]+'), calls",
        )
    )
    assert counted["INTO hs.work_orders"] == by_name["create_work_order"]
    assert counted["FROM hs.technicians"] == by_name["search_available_technicians"]
    assert counted["INTO hs.invoices"] == by_name["issue_invoice"]
    assert not [row for row in rows(store, "query_performance", "query") if "collector" in row[0]]
    kinds = {kind for (kind,) in rows(store, "performance_metrics", "metric_type")}
    assert kinds - {"disk_io"} == {
        *("response_time", "throughput", "connections", "cpu", "memory"),
    }
    # it was told as it happened
    told = run_events.read(store, done.execution_id)
    seen = [each["detail"] for each in told if each["event_type"] == "SAMPLED"]
    assert [each["event_type"] for each in told] == [
        *("TEST_STARTED", "STAGE_STARTED", *("SAMPLED",) * len(seen), "STAGE_ENDED"),
        "TEST_COMPLETED",
    ]
    assert told[0]["detail"]["users"] == 3
    # once a second; pgbench may end before its last word, and after the 2 seconds
    assert seen
    assert 0.9 < seen[0]["at_s"] < 60.0
    assert 0 < seen[0]["tps"] * seen[0]["at_s"] <= done.transactions
    assert told[-1]["detail"]["transactions"] == done.transactions
    assert told[-1]["detail"]["lost_events"] == 0
    # the server runs here
    assert done.cpu_percent is not None
    assert 0 < done.cpu_percent <= 100
    assert done.settings["shared_buffers"]
    assert recorded["hardware"]["server_cpus"] == psutil.cpu_count()
    assert recorded["hardware"]["server_memory_bytes"] == psutil.virtual_memory().total


def test_a_test_that_decides_leaves_the_database_as_it_was(
    store: Store, target: Target, url: str, tmp_path: Path
) -> None:
    def jobs() -> object:
        with psycopg.connect(url) as session:
            return session.execute("SELECT count(*), max(id) FROM hs.work_orders").fetchone()

    before = jobs()
    result = run(store, target, tmp_path, decides=True, restore=True, seconds=2)
    assert jobs() == before
    assert [stage.name for stage, _ in result.stages] == ["warm up", "steady 1/1"]
    (recorded,) = executions.read(store)
    assert recorded["metadata"]["restored"] is True
    assert recorded["metadata"]["reference"]["transactions"] > 0
    assert recorded["test_name"].endswith("/gate")
    # the server counted in the copy what was measured, neither the warm-up nor the reference
    by_name = dict(rows(store, "execution_transactions", "name, transactions"))
    texts = rows(store, "query_performance", "query, calls, shared_blks_hit + shared_blks_read")
    (insert,) = [row for row in texts if "INTO hs.work_orders" in row[0]]
    assert insert[1] == by_name["create_work_order"]
    assert insert[2] > insert[1]
    assert not [row for row in texts if "perf-pipeline" in row[0] or "emit_message" in row[0]]


def test_an_open_loop_asks_for_as_much_as_its_users(
    store: Store, target: Target, tmp_path: Path
) -> None:
    result = run(store, target, tmp_path, PEAK, users=160, seconds=2)
    # 40 a second, at random; without a pause it would be thousands
    assert 1 <= (result.execution.transactions or 0) < 125
    assert any("throughput" in each for each in result.broken)


def test_a_stress_test_ends_where_a_limit_breaks(
    store: Store, target: Target, tmp_path: Path
) -> None:
    # nothing is as fast as that
    strict = BUSY.model_copy(
        update={"limits": BUSY.limits.model_copy(update={"average_ms": 1e-6, "p95_ms": 1e-6})}
    )
    result = run(store, target, tmp_path, strict, test_type="STRESS", seconds=5)
    assert [stage.name for stage, _ in result.stages] == ["50%"]
    assert result.execution.status == "COMPLETED"


def test_a_statement_that_fails_fails_the_run(
    store: Store, target: Target, url: str, tmp_path: Path
) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("ALTER TABLE hs.work_orders ADD CHECK (status <> 'pending') NOT VALID")
    with pytest.raises(LoadError, match="violates check constraint"):
        run(store, target, tmp_path)
    (recorded,) = executions.read(store)
    assert (recorded["status"], recorded["p95_ms"]) == ("FAILED", None)
    assert rows(store, "execution_transactions", "name") == []
    last = run_events.read(store, recorded["execution_id"])[-1]
    assert last["event_type"] == "TEST_FAILED"
    assert "violates check constraint" in last["detail"]["reason"]


def test_no_load_on_production(store: Store, target: Target, url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        mark = psycopg.sql.SQL("ALTER DATABASE {} SET perf_pipeline.environment = 'production'")
        session.execute(mark.format(psycopg.sql.Identifier(session.info.dbname)))
    with pytest.raises(ProductionError):
        run(store, target, tmp_path)
    assert executions.read(store) == []


def test_a_scenario_runs_where_it_may(store: Store, target: Target, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="may not run in 'production'"):
        run(store, target, tmp_path, environment="production")
    assert executions.read(store) == []


def test_a_database_without_the_system_is_refused(
    store: Store, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMPTY_URL", make_database())
    target = Target("empty", "EMPTY_URL", date(2026, 1, 1))
    with pytest.raises(ConfigurationError, match=r'relation "\S+" does not exist') as error:
        run(store, target, tmp_path)
    assert "fill the example system 'thorbis'" in error.value.remedy
    assert executions.read(store) == []


def test_a_volume_test_needs_its_volume(store: Store, target: Target, tmp_path: Path) -> None:
    # the package's ask for more than the small database has
    with pytest.raises(ConfigurationError, match="a VOLUME test needs tenants of 250, it is 8"):
        run(store, target, tmp_path, test_type="VOLUME")
    plain = BUSY.model_copy(update={"volume": {}})
    with pytest.raises(ConfigurationError, match="does not say how large"):
        run(store, target, tmp_path, plain, test_type="VOLUME")
    assert executions.read(store) == []
    enough = BUSY.model_copy(update={"volume": {"tenants": 8, "data_bytes": 1_000_000}})
    assert run(store, target, tmp_path, enough, test_type="VOLUME").execution.transactions


def test_the_steps_of_a_stress_test_ask_for_more(
    store: Store, target: Target, tmp_path: Path
) -> None:
    easy = PEAK.limits.model_copy(
        update={"average_ms": 1e5, "p95_ms": 1e5, "throughput_tps": 1e-3, "error_percent": 100.0}
    )
    chosen = PEAK.model_copy(update={"limits": easy})
    result = run(store, target, tmp_path, chosen, test_type="STRESS", users=200, seconds=5)
    asked = {stage.name: stage.users for stage, _ in result.stages}
    assert asked == {"50%": 100, "100%": 200, "150%": 300, "200%": 400, "300%": 600}
    done = {stage.name: totals.throughput_tps for stage, totals in result.stages}
    assert done["300%"] > done["50%"]
