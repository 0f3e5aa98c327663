"""From real sweeps to advice: the copy plans as the original does, and what it says comes true."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner

from perf_pipeline.advice import copying, gather
from perf_pipeline.advice.defs import advice_asset
from perf_pipeline.advice.model import Policy
from perf_pipeline.cli import cli
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import rollup, rollup_relations
from perf_pipeline.snapshots.record import collect as sweep
from perf_pipeline.store import Store, targets
from perf_pipeline_tests.servers.databases import Databases

pytestmark = pytest.mark.server

NAME = "advice_shop"
SCHEMA = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA app;
CREATE TABLE app.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id integer,
    status text, created_at timestamptz, note text);
INSERT INTO app.orders (tenant_id, status, created_at, note)
    SELECT g % 500, (ARRAY['new', 'paid', 'done'])[1 + g % 3], now() - g * interval '1 min',
        repeat('x', 80) FROM generate_series(1, 40000) AS g;
CREATE TABLE app.log (at timestamptz, who integer, note text) PARTITION BY RANGE (at);
CREATE TABLE app.log_1 PARTITION OF app.log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE app.log_2 PARTITION OF app.log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO app.log
    SELECT '2026-01-01'::timestamptz + g * interval '2 min', g % 100, repeat('y', 40)
    FROM generate_series(1, 40000) AS g;
CREATE INDEX orders_twice_a ON app.orders (created_at);
CREATE INDEX orders_twice_b ON app.orders (created_at);
CREATE VIEW app.open_orders AS SELECT * FROM app.orders WHERE status = 'new';
-- one in a thousand is open; one kind has nine tenths of all rows, the others a thousandth of it
CREATE TABLE app.jobs (id bigint, state text, kind integer, note text);
INSERT INTO app.jobs SELECT g, CASE WHEN g % 1000 = 0 THEN 'open' ELSE 'done' END,
    CASE WHEN g % 10 < 9 THEN 0 ELSE g % 997 END, repeat('z', 80)
    FROM generate_series(1, 40000) AS g;
CREATE MATERIALIZED VIEW app.per_tenant AS SELECT tenant_id, count(*) FROM app.orders GROUP BY 1;
"""
STATEMENTS = (
    ("SELECT id, note FROM app.orders WHERE tenant_id = %s AND status = %s", (7, "new")),
    ("SELECT count(*) FROM app.log WHERE who = %s AND at > %s", (7, "2026-01-10")),
    ("SELECT * FROM app.per_tenant WHERE tenant_id = %s", (7,)),
    ("SELECT count(*) FROM app.open_orders WHERE created_at > now() - interval '1 day'", ()),
    ("SELECT id, note FROM app.jobs WHERE state = %s", ("open",)),
    ("SELECT id, note FROM app.jobs WHERE kind = %s", (0,)),
)


@pytest.fixture(scope="module")
def url(server: EmbeddedServer, databases: Databases) -> Iterator[str]:
    databases.make(server, NAME)
    with psycopg.connect(server.url(NAME), autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE app.orders, app.log, app.per_tenant, app.jobs")
    yield server.url(NAME)
    databases.drop(server, NAME)


def shop() -> Target:
    return Target("advised", "SHOP_URL", date(2026, 1, 1), advice=Policy(memory_gb=1000.0))


@pytest.fixture
def target(url: str, shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    return shop()


@pytest.fixture
def worked(url: str, target: Target, shared_store: Store) -> Target:
    """Return the target after a sweep, work, and another sweep, rolled up; once for the module."""
    if targets.find(shared_store, target.name) is None:
        sweep(target, shared_store)
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(8):
                for text, params in STATEMENTS:
                    connection.execute(text, params, prepare=False)  # type: ignore[call-overload]
        sweep(target, shared_store)
        today = datetime.now(UTC).date()
        for each in (rollup, rollup_relations):
            each.roll_up(shared_store, target.name, today - timedelta(days=1), today)
    return target


def plan(connection: psycopg.Connection[Any], text: str) -> dict[str, Any]:
    row = connection.execute(
        "EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + text  # type: ignore[operator]
    ).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def test_a_copy_plans_as_the_original_does(target: Target, url: str) -> None:
    texts = [
        "SELECT id, note FROM app.orders WHERE tenant_id = $1 AND status = $2",
        "SELECT count(*) FROM app.log WHERE who = $1 AND at > $2",
        "SELECT * FROM app.per_tenant WHERE tenant_id = $1",
        "SELECT count(*) FROM app.open_orders WHERE created_at > now() - CAST($1 AS interval)",
    ]
    with copying.of(target) as copy, psycopg.connect(url, autocommit=True) as original:
        assert copy.notes == []
        directory = copy.data_directory
        copy.stretch({})
        for text in texts:
            made, real = copy.explain(text), plan(original, text)
            assert isinstance(made, dict), made
            # an index's root is not as deep there: a few hundredths of a page
            assert made["Total Cost"] == pytest.approx(real["Total Cost"], rel=0.05)
            assert made["Plan Rows"] == real["Plan Rows"]
        # sparse: files as long as the originals take no room
        files = [each.stat() for each in directory.glob("base/*/*") if each.is_file()]
        assert sum(each.st_blocks * 512 for each in files) < 0.9 * sum(e.st_size for e in files)
        # no row of anybody's is there
        count = copy.admin.execute("SELECT reltuples FROM pg_class WHERE relname = 'orders'")
        assert count.fetchone() == (40_000.0,)
        assert copy.explain("SELECT nothing FROM app.orders") == ('column "nothing" does not exist')
    assert not directory.exists()


def test_indexes_are_advised_from_real_work(worked: Target, shared_store: Store, url: str) -> None:
    given = gather.give(worked, shared_store, ["indexes"])
    found = {each.object_name: each for each in given.advice if each.kind == "missing_index"}
    assert "app.log (who, at)" in found
    assert any(name.startswith("app.orders (tenant_id") for name in found)
    twice = [each for each in given.advice if each.kind == "duplicate_index"]
    assert [each.object_name for each in twice] == ["app.orders_twice_b"]
    assert twice[0].statement == "DROP INDEX CONCURRENTLY app.orders_twice_b"
    assert given.tried is not None
    assert given.tried.covered > 0.5
    on_parts = found["app.log (who, at)"]
    assert "ON ONLY app.log" in on_parts.statement
    plain = next(each for name, each in found.items() if name.startswith("app.orders (t"))
    assert plain.statement.startswith("CREATE INDEX CONCURRENTLY idx_orders_tenant_id")
    # one of two values is rare, and asked for; of a thousand the one that most rows have
    rare = found["app.jobs (state)"]
    said = re.search(r"state as asked for has (.*) % of the rows \(50 % on", rare.evidence)
    assert said is not None
    assert float(said[1]) == pytest.approx(0.1, rel=0.5)  # ANALYZE looks at a sample
    assert not [name for name in found if name.startswith("app.jobs (kind")]
    with psycopg.connect(url) as connection:
        connection.execute("CREATE INDEX ON app.jobs (state); CREATE INDEX ON app.jobs (kind)")
        real = plan(connection, "SELECT id, note FROM app.jobs WHERE state = 'open'")
        (told,) = rare.figures["statements"]
        assert told["cost_after"] == pytest.approx(real["Total Cost"], rel=0.1)
        never = plan(connection, "SELECT id, note FROM app.jobs WHERE kind = 0")
        assert never["Node Type"] == "Seq Scan"
        connection.rollback()
    # what the copy said of the plan comes true on the original
    (served,) = plain.figures["statements"]
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute("SELECT count(*) FROM pg_indexes").fetchone()
        connection.execute(plain.statement.replace(" CONCURRENTLY", ""))  # type: ignore[call-overload]
        try:
            after = plan(
                connection, "SELECT id, note FROM app.orders WHERE tenant_id = $1 AND status = $2"
            )
            again = gather.give(worked, shared_store, ["indexes"])
        finally:
            connection.execute("DROP INDEX IF EXISTS app.idx_orders_tenant_id_status")
            connection.execute("DROP INDEX IF EXISTS app.idx_orders_tenant_id")
        assert connection.execute("SELECT count(*) FROM pg_indexes").fetchone() == before
    assert served["cost_after"] == pytest.approx(after["Total Cost"], rel=0.05)
    assert plain.object_name not in {each.object_name for each in again.advice}
    rows = _kept(shared_store)
    assert rows[plain.object_name]["gone_since"] is not None
    assert rows["app.log (who, at)"]["gone_since"] is None


def _kept(store: Store) -> dict[str, dict[str, Any]]:
    with store.begin() as connection:
        found = connection.execute(
            "SELECT object_name, gone_since, outcome FROM perf_mgmt.advice"
        ).fetchall()
    return {row[0]: {"gone_since": row[1], "outcome": row[2]} for row in found}


def test_an_area_that_cannot_be_looked_at_is_a_note(
    worked: Target, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    given = gather.give(worked, shared_store)
    assert given.areas == ("statements",)
    assert len(given.notes) == 4


def test_a_role_that_may_only_watch_gets_the_rest(
    worked: Target, shared_store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE advice_watcher LOGIN PASSWORD 'x'")
        connection.execute("GRANT pg_monitor TO advice_watcher")
        monkeypatch.setenv(
            "SHOP_URL",
            psycopg.conninfo.make_conninfo(
                "", **{**parts, "user": "advice_watcher", "password": "x"}
            ),
        )
        try:
            given = gather.give(worked, shared_store, keep=False)
        finally:
            connection.execute("DROP ROLE advice_watcher")
    assert set(given.areas) >= {"statements", "settings", "connections", "vacuum"}
    assert "indexes" not in given.areas
    assert any("its schema may not be read" in note for note in given.notes)


def test_copies_of_killed_processes_are_removed(tmp_path: Path) -> None:
    names = (f"perf-pipeline-clone-{os.getpid()}-a", "perf-pipeline-clone-99999999-b", "other-1-c")
    for name in names:
        (tmp_path / name).mkdir()
    copying.remove_leftovers(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {names[0], names[2]}


def test_the_asset_and_its_checks(worked: Target) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([advice_asset(worked)], instance=instance)
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert set(checks) == {"nothing_critical_is_advised", "settings_are_as_meant"}
    # a test server may forget everything, and says so
    assert checks["settings_are_as_meant"].severity == dg.AssetCheckSeverity.ERROR
    assert "fsync is off" in str(checks["settings_are_as_meant"].description)
    (event,) = result.asset_materializations_for_node("advised__advice__recommendations")
    assert event.metadata["indexes_tried"].value > 0


def test_the_command_prints_advice(worked: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_pipeline.components.catalog.declared_target", lambda _name: worked)
    args = ["advice", "--target", "advised", "--area", "settings"]
    shown = CliRunner().invoke(cli, args)
    assert shown.exit_code == 1, shown.output
    assert "critical  unsafe  fsync" in shown.output
    printed = json.loads(CliRunner().invoke(cli, [*args, "--json"]).output)
    assert {row["kind"] for row in printed["advice"]} >= {"unsafe"}
    refused = CliRunner().invoke(cli, ["advice", "--target", "advised", "--pgbouncer"])
    assert isinstance(refused.exception, ConfigurationError)
    assert "declares no pools" in str(refused.exception)


def test_a_target_never_swept_is_told_what_to_do(target: Target, store: Store) -> None:
    with pytest.raises(ConfigurationError, match="never swept"):
        gather.give(target, store)
