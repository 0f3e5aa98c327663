"""Cached values in Dagster: one run over what is due, events with figures, checks."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner

from perf_pipeline import cli, settings
from perf_pipeline.components import catalog as components
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.invalidation import check_defs, defs, drain, install, looks, record
from perf_pipeline.invalidation.model import CacheType, Captured
from perf_pipeline.invalidation.sinks.policy import SinkPolicy
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.views.defs import view_definitions
from perf_pipeline.views.lineage import Lineage
from perf_pipeline.views.model import ViewPolicy

pytestmark = pytest.mark.server

APP = """
CREATE SCHEMA app;
CREATE TABLE app.facts (id text PRIMARY KEY, value integer NOT NULL);
CREATE TABLE app.kept (id text PRIMARY KEY, value integer);
CREATE FUNCTION app.refresh(entities text[]) RETURNS TABLE (entity text, error text)
LANGUAGE sql AS $$
    INSERT INTO app.kept AS k
    SELECT e.id, f.value FROM unnest(entities) AS e (id) LEFT JOIN app.facts AS f ON f.id = e.id
    ON CONFLICT (id) DO UPDATE SET value = excluded.value;
    SELECT e.id, 'no number' FROM unnest(entities) AS e (id) WHERE e.id = 'bad'
$$;
"""
CACHE = CacheType(
    "kept",
    (Captured("app.facts", "id"),),
    debounce_s=0.0,
    max_wait_s=0.0,
    process="app.refresh",
    sinks=(SinkPolicy("redis", url_env="PERF_REDIS_URL", key="kept:{id}", optional=True),),
)
TARGET = Target("app", "APP_URL", date(2026, 1, 1))
AWAY = Target("away", "AWAY_URL", date(2026, 1, 1))
NOW = {"ops": {"cached_values": {"config": {"idle_s": 0.0}}}}


@pytest.fixture(scope="module")
def made(server: EmbeddedServer) -> Iterator[str]:
    server.ensure_database("invalidation_defs")
    url = server.url("invalidation_defs")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(APP)
        install.install(connection, "app", [CACHE])
    yield url
    server.drop_database("invalidation_defs")


@pytest.fixture
def db(
    made: str, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv("APP_URL", made)
    monkeypatch.setenv("AWAY_URL", "postgresql://127.0.0.1:1/nobody")
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    monkeypatch.delenv("PERF_REDIS_URL", raising=False)
    shared_store.rows("prune_invalidation", {"before": "2100-01-01T00:00Z", "batch": 1_000})
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE app.facts, app.kept;"
            " TRUNCATE perf_pipeline_meta.invalidation_log_0,"
            " perf_pipeline_meta.invalidation_log_1, perf_pipeline_meta.invalidation_queue,"
            " perf_pipeline_meta.invalidation_dead"
        )
        yield connection


def definitions(*targets: Target) -> dg.Definitions:
    declared = [(target, (CACHE,)) for target in targets]
    return dg.Definitions.merge(
        *(defs.target_definitions(target, caches) for target, caches in declared),
        defs.fleet_definitions(declared),
    )


def run(*targets: Target, job: str = defs.JOB, **more: Any) -> dg.ExecuteInProcessResult:
    found = definitions(*targets).resolve_job_def(job)
    return found.execute_in_process(raise_on_error=False, **more)


def tick(instance: dg.DagsterInstance, *targets: Target) -> dg.SensorResult | dg.SkipReason:
    sensor = definitions(*targets).resolve_sensor_def(defs.SENSOR)
    return sensor(dg.build_sensor_context(instance=instance))  # type: ignore[no-any-return]


def told_beside(instance: dg.DagsterInstance) -> list[tuple[dg.AssetKey, dict[str, Any]]]:
    """Tick, tell Dagster what the sensor says was made anew, and return it."""
    result = tick(instance, TARGET)
    assert isinstance(result, dg.SensorResult)
    found = []
    for each in result.asset_events:
        assert isinstance(each, dg.AssetMaterialization)
        instance.report_runless_asset_event(each)
        found.append((each.asset_key, {name: v.value for name, v in each.metadata.items()}))
    return found


def test_a_run_serves_and_tells_what_it_did(db: psycopg.Connection[Any]) -> None:
    db.execute("INSERT INTO app.facts VALUES ('1', 1), ('2', 2), ('bad', 3)")
    db.execute("UPDATE app.facts SET value = 7")
    done = run(TARGET, run_config=NOW)
    assert done.success
    assert db.execute("SELECT value FROM app.kept WHERE id = '1'").fetchone() == (7,)
    events = {
        each.asset_key: each.materialization for each in done.get_asset_materialization_events()
    }
    assert set(events) == {defs.queue_key(TARGET), defs.cache_key(TARGET, CACHE)}
    told = {key: value.value for key, value in events[defs.queue_key(TARGET)].metadata.items()}
    assert (told["folded"], told["refreshes"], told["refreshes_avoided"]) == (6, 2, 2)
    assert (told["failed"], told["depth"], told["coalescing_factor"]) == (1, 1, 2.0)
    assert 0 < told["staleness_p50_seconds"] <= told["staleness_max_seconds"]  # type: ignore[operator]
    assert "by_cache" in told
    assert told["not_told"] == "redis: PERF_REDIS_URL is not set"


def test_a_target_that_is_away_leaves_the_others_alone(db: psycopg.Connection[Any]) -> None:
    db.execute("INSERT INTO app.facts VALUES ('1', 1)")
    done = run(TARGET, AWAY, run_config=NOW)
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "at 1 of 2 targets not all was served; away" in str(
        failure.step_failure_data.user_failure_data
    )
    assert db.execute("SELECT count(*) FROM app.kept").fetchone() == (1,)


def test_the_sensor_asks_for_one_run_over_what_is_due(db: psycopg.Connection[Any]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        nothing = tick(instance, TARGET, AWAY)
        assert isinstance(nothing, dg.SensorResult)
        assert (nothing.run_requests, nothing.asset_events) == ([], [])
        assert "away: " in str(nothing.skip_reason)
        db.execute("INSERT INTO app.facts VALUES ('1', 1)")
        result = tick(instance, TARGET, AWAY)
        assert isinstance(result, dg.SensorResult)
        (asked,) = result.run_requests or ()
        assert asked.run_key is None
        assert asked.asset_check_keys == []  # not None, which would be all of them
        assert set(asked.asset_selection or ()) == {
            defs.queue_key(TARGET), defs.cache_key(TARGET, CACHE),
        }  # fmt: skip
        instance.create_run_for_job(
            definitions(TARGET, AWAY).resolve_job_def(defs.JOB), status=dg.DagsterRunStatus.STARTED
        )
        busy = tick(instance, TARGET, AWAY)
        assert isinstance(busy, dg.SkipReason)
        assert "is still active" in str(busy.skip_message)


def test_what_a_worker_beside_dagster_made_anew_is_told_once(
    db: psycopg.Connection[Any], shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(value: int) -> int | None:
        db.execute("DELETE FROM app.facts")
        db.execute("INSERT INTO app.facts VALUES ('1', %s)", (value,))
        return record.add(shared_store, drain.drain(TARGET, [CACHE]))

    with dg.DagsterInstance.ephemeral() as instance:
        first = serve(1)
        ((key, figures),) = told_beside(instance)
        assert key == defs.cache_key(TARGET, CACHE)
        assert (figures["drain_id"], figures["refreshes"]) == (first, 1)
        assert told_beside(instance) == []
        # a run of Dagster tells of its own; only what comes after it is news
        db.execute("UPDATE app.facts SET value = 3")
        assert run(TARGET, run_config=NOW, instance=instance).success
        assert told_beside(instance) == []
        second = serve(4)
        assert [figures["drain_id"] for _, figures in told_beside(instance)] == [second]
        # one that refreshed nothing made nothing anew
        db.execute("INSERT INTO app.facts VALUES ('bad', 1)")
        record.add(shared_store, drain.drain(TARGET, [CACHE]))
        assert told_beside(instance) == []
        # without a store the queue is looked at all the same
        serve(5)
        monkeypatch.setenv("PERF_STORE_URL", "postgresql://nobody@127.0.0.1:1/none")
        settings.current.cache_clear()
        result = tick(instance, TARGET)
        assert isinstance(result, dg.SensorResult)
        assert "what other workers made anew is not known: " in str(result.skip_reason)


def test_a_look_changes_nothing(db: psycopg.Connection[Any]) -> None:
    db.execute("INSERT INTO app.facts VALUES ('1', 1)")
    told: list[str] = []
    assert looks.due([(TARGET, (CACHE,))], told) == [TARGET]
    assert looks.due([(TARGET, (CACHE,))], told) == [TARGET]
    assert told == []


def looked_at(*targets: Target) -> tuple[dict[str, tuple[bool, str]], dict[str, Any]]:
    done = run(*targets, job=check_defs.CHECK_JOB)
    assert done.success
    (made,) = done.asset_materializations_for_node("cached_values_checks")
    return {
        each.check_name: (each.passed, each.severity.value)
        for each in done.get_asset_check_evaluations()
    }, {name: each.value for name, each in made.metadata.items()}


def test_checks_tell_what_is_not_well(db: psycopg.Connection[Any]) -> None:
    assert all(passed for passed, _ in looked_at(TARGET)[0].values())
    db.execute("INSERT INTO app.facts SELECT 'n' || n, n FROM generate_series(1, 600) AS n")
    db.execute("SELECT perf_pipeline_meta.invalidate('nobody declares it', '1')")
    run(TARGET, run_config=NOW)
    db.execute("INSERT INTO app.facts SELECT 'm' || n, n FROM generate_series(1, 1200) AS n")
    db.execute("ALTER TABLE app.facts DISABLE TRIGGER ALL")
    found, figures = looked_at(TARGET)
    install.install(db, "app", [CACHE])
    assert {name for name, (passed, _) in found.items() if not passed} == {
        "pending", "known", "captured",
    }  # fmt: skip
    assert found["pending"] == (False, "ERROR")
    assert (figures["not_folded_yet"], figures["changes_of_the_hour"]) == (1200, 600)
    assert (figures["refreshes_avoided_of_the_hour"], figures["coalescing_factor"]) == (0, 1.0)
    assert figures["oldest_seconds"] > 0


def test_the_graph_leads_from_tables_to_what_is_cached() -> None:
    graph = definitions(TARGET).resolve_asset_graph()
    table = dg.AssetKey(["app", "table", "app", "facts"])
    assert graph.get(defs.queue_key(TARGET)).parent_keys == {table}
    assert graph.get(defs.cache_key(TARGET, CACHE)).parent_keys == {defs.queue_key(TARGET)}
    assert not list(defs.target_definitions(TARGET, (CACHE,), {"app.facts"}).assets or ())


def test_what_reads_a_kept_table_follows_in_the_graph() -> None:
    keeping = replace(CACHE, keeps="app.kept")
    written = Lineage({"app.daily": ("app.kept",)}, {"app.kept": "table"})
    made = dg.Definitions.merge(
        defs.target_definitions(TARGET, (keeping,), written.kinds),
        view_definitions(
            TARGET, [ViewPolicy("app.daily")], written, defs.made_tables(TARGET, (keeping,))
        ),
        defs.fleet_definitions([(TARGET, (keeping,))]),
    )
    graph = made.resolve_asset_graph()
    table = dg.AssetKey(["app", "table", "app", "kept"])
    assert graph.get(dg.AssetKey(["app", "matview", "daily"])).parent_keys == {table}
    assert graph.get(table).parent_keys == {defs.cache_key(TARGET, CACHE)}
    alone = defs.target_definitions(TARGET, (keeping,)).resolve_asset_graph()
    assert table in alone.get_all_asset_keys()  # where no view reads it


def test_a_person_sees_runs_and_retries(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "declared_caches", lambda name: (TARGET, (CACHE,)))

    def command(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.cli, ["invalidation", *arguments, "--target", "app"])
        return done.exit_code, done.output

    db.execute("INSERT INTO app.facts VALUES ('1', 1), ('bad', 2)")
    code, told = command("status")
    assert code == 0, told
    assert "2 changes are logged" in told
    code, told = command("run", "--once")
    assert (code, "1 changes, 1 refreshes" in told) == (0, True)
    code, told = command("run", "--seconds", "0.3", "--json")
    assert code == 0
    assert command("run", "--seconds", "-1")[0] == 2  # not "nothing was due"
    db.execute(
        "WITH gone AS (DELETE FROM perf_pipeline_meta.invalidation_queue RETURNING *)"
        " INSERT INTO perf_pipeline_meta.invalidation_dead (cache_type, entity, generation,"
        " first_queued_at, last_queued_at, changes, reason, attempts, last_error)"
        " SELECT cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason,"
        " 5, 'no number' FROM gone"
    )
    code, told = command("status")
    assert (code, "1 are dead" in told) == (1, True)
    code, told = command("status", "--json")
    assert (code, '"passed": false' in told) == (1, True)
    assert command("retry", "--entity", "bad") == (0, "1 entries are put back\n")
    code, told = command("status")
    assert (code, "kept: 1 wait" in told) == (0, True)
    monkeypatch.setenv("PERF_STORE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.current.cache_clear()
    code, told = command("status")  # without a store: what the target itself tells
    assert (code, "kept: 1 wait" in told) == (0, True)
    assert "not known: the last hour's drains, staleness and quick: store" in told
    assert "staleness " not in told.partition("not known")[0]
    code, told = command("status", "--json")
    assert (code, json.loads(told)["last_hour"]) == (0, None)
    code, told = command("run", "--once")
    assert (code, "not kept in the store: " in told) == (0, True)  # what failed is kept, too
    assert "1 failed" in told
