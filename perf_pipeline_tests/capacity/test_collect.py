"""From a real server and its sweeps to forecasts, assets and the command."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner

from perf_pipeline.capacity import collect, look
from perf_pipeline.capacity.defs import fleet_definitions, target_assets
from perf_pipeline.capacity.model import Policy, Reported, Shards, Tenants
from perf_pipeline.cli import cli
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.record import collect as sweep
from perf_pipeline.store import Store, targets
from perf_pipeline_tests.servers.databases import Databases

pytestmark = pytest.mark.server

NAME = "capacity_shop"
SCHEMA = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint);
CREATE SEQUENCE shop.small AS smallint;
CREATE SEQUENCE shop.round CYCLE MAXVALUE 10;
CREATE SEQUENCE shop.unused;
CREATE SEQUENCE shop.down INCREMENT -1 MINVALUE -100 MAXVALUE -1;
SELECT setval('shop.small', 30000), setval('shop.down', -41), setval('shop.round', 10);
CREATE TABLE shop.log (at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE shop.log_1 PARTITION OF shop.log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE shop.log_default PARTITION OF shop.log DEFAULT;
CREATE TABLE shop.by_key (id bigint) PARTITION BY RANGE (id);
CREATE TABLE shop.by_key_1 PARTITION OF shop.by_key FOR VALUES FROM (0) TO (100);
INSERT INTO shop.orders (n) SELECT generate_series(1, 50);
CREATE VIEW shop.spread AS
    SELECT s AS shard_id, s * 10 AS documents FROM generate_series(1, 3) AS s;
CREATE FUNCTION shop.judged() RETURNS TABLE (shard_id integer, users bigint, estimated_mb numeric,
    performance_score integer, imbalance text, advice text) LANGUAGE sql AS
    $$ VALUES (1, 10::bigint, 1.0, 100, 'LOW', NULL), (2, 11, 1.0, 100, 'LOW', NULL),
              (3, 30, 1.0, NULL, 'HIGH', 'move users to other shards') $$;
CREATE TABLE shop.served (tenant integer, at timestamptz, "how many" real, ms real);
INSERT INTO shop.served
    SELECT t, now() - n * interval '1 hour', 5, CASE t WHEN 3 THEN 90 ELSE 30 END
    FROM generate_series(1, 4) AS t, generate_series(1, 30) AS n;
-- what is long past, and what was not measured, changes nothing
INSERT INTO shop.served VALUES (1, now() - interval '20 days', 5000, 5000), (2, now(), 5, NULL);
"""
TENANTS = Tenants(
    by="reported",
    reported=Reported(
        relation="shop.served", tenant="tenant", at="at", load="how many", response_ms="ms"
    ),
)
SHARDS = Shards(distribution="shop.spread", balance="shop.judged")


@pytest.fixture(scope="module")
def url(server: EmbeddedServer, databases: Databases) -> Iterator[str]:
    databases.make(server, NAME)
    with psycopg.connect(server.url(NAME), autocommit=True) as connection:
        connection.execute(SCHEMA)
    yield server.url(NAME)
    databases.drop(server, NAME)


@pytest.fixture
def target(url: str, shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    return Target(
        "shop", "SHOP_URL", date(2026, 1, 1), capacity=Policy(shards=SHARDS, tenants=TENANTS)
    )


@pytest.fixture
def swept(target: Target, shared_store: Store) -> Target:
    sweep(target, shared_store)
    return target


def counted(target: Target) -> dict[str, dict[str, Any]]:
    rows, unread = collect.counters(target, date(2026, 1, 20))
    assert unread == 0
    return {row["object"]: row for row in rows}


def test_sequences_reach_as_far_as_their_columns(target: Target) -> None:
    found = counted(target)
    ids = found["shop.orders.id"]
    assert (ids["used"], ids["capacity"], ids["unit"]) == (50, 2**31 - 1, "integer")
    assert (found["shop.small"]["used"], found["shop.small"]["capacity"]) == (30_000, 32_767)
    assert (found["shop.down"]["used"], found["shop.down"]["capacity"]) == (41, 100)
    # one begins anew, the other gave no number yet
    assert not {"shop.round", "shop.unused"} & set(found)


def test_partitions_end_where_the_last_one_does(target: Target) -> None:
    found = counted(target)
    assert found["shop.log"]["used"] == 0.0  # its end is long past
    assert "shop.by_key" not in found


def test_a_sequence_that_may_not_be_read_is_told_of(
    url: str, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE looker LOGIN PASSWORD 'x'; GRANT pg_monitor TO looker")
        try:
            parts = psycopg.conninfo.conninfo_to_dict(url)
            monkeypatch.setenv("SHOP_URL", f"postgresql://looker:x@{parts['host']}:{parts['port']}/"
                               f"{parts['dbname']}" if not str(parts["host"]).startswith("/")
                               else url)  # fmt: skip
            connection.execute("SET ROLE looker")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT last_value FROM shop.small")
            connection.execute("RESET ROLE")
            rows, unread = collect.counters(target, date(2026, 1, 20))
            assert unread == 5
            assert {row["resource"] for row in rows} == {"partitions"}
        finally:
            connection.execute("RESET ROLE; DROP ROLE looker")


def test_a_plan_of_a_swept_target_keeps_what_it_saw(swept: Target, shared_store: Store) -> None:
    made = collect.plan(swept, shared_store)
    found = {(each.resource, each.object_name): each for each in made.forecasts}
    assert found["sequence", "shop.small"].percent == pytest.approx(91.6, abs=0.1)
    assert found["connections", ""].capacity is not None
    assert found["transaction ids", ""].used > 0
    assert all(each.trend is None for each in made.forecasts)
    assert found["partitions", "shop.log"].severity == "critical"
    # twice a day is one row a day
    assert len(collect.plan(swept, shared_store).forecasts) == len(made.forecasts)
    kept = shared_store.rows(
        "capacity_history",
        {"target_id": targets.find(shared_store, "shop"), "first": made.day, "last": made.day},
    )
    assert len(kept) == len(made.forecasts)


def test_days_that_were_kept_are_a_trend(swept: Target, shared_store: Store) -> None:
    target_id = targets.find(shared_store, "shop")
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=n) for n in range(30, 0, -1)]
    rows = [
        {"day": str(day), "resource": "sequence", "object": "shop.small", "unit": "smallint",
         "used": 29_999.0 - 100 * (30 - n), "capacity": 32_766.0}
        for n, day in enumerate(days)
    ]  # fmt: skip
    shared_store.rows("capacity_save", {"target_id": target_id, "entries": json.dumps(rows)})
    made = collect.plan(swept, shared_store)
    (found,) = [each for each in made.forecasts if each.object_name == "shop.small"]
    assert found.left is not None
    assert found.left.expected == pytest.approx(27.7, abs=0.5)
    assert found.severity == "warning"


def test_a_target_that_is_away_is_told_of(
    target: Target, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    made = collect.plan(target, shared_store)
    assert any("sequences and partitions were not looked at" in note for note in made.notes)


def test_assets_and_their_checks(swept: Target) -> None:
    assets = target_assets(swept)
    fleet = fleet_definitions([swept])
    assert [each.name for each in fleet.schedules or ()] == ["capacity_daily"]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(assets, instance=instance)
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == {
        "nothing_runs_out_soon": False,
        "resources_have_room": False,
        "connections_are_healthy": True,
        "shards_are_balanced": False,
        "no_tenant_is_noisy": False,
    }
    assert checks["no_tenant_is_noisy"].description == (
        "3 waits 3.0 times as long as others, by 30 reports"
    )
    assert "partitions shop.log" in str(checks["nothing_runs_out_soon"].description)
    assert "sequence shop.small 92 %" in str(checks["resources_have_room"].description)
    assert checks["shards_are_balanced"].severity == dg.AssetCheckSeverity.ERROR
    (event,) = result.asset_materializations_for_node("shop__capacity__shards")
    assert event.metadata["users"].value == 51


def test_a_shard_function_that_is_not_there_is_named(target: Target) -> None:
    wrong = Shards(distribution="shop.spread", balance="shop.nothing")
    with pytest.raises(ConfigurationError, match=r"shop\.nothing"):
        look.of_shards(target, wrong)


def test_tenants_of_a_column_that_is_not_there_are_named(
    swept: Target, shared_store: Store
) -> None:
    assert TENANTS.reported is not None
    for change in ({"load": "nothing"}, {"at": "tenant"}, {"relation": "shop.none"}):
        wrong = TENANTS.model_copy(update={"reported": TENANTS.reported.model_copy(update=change)})
        with pytest.raises(ConfigurationError, match=r"capacity\.tenants\.reported"):
            look.of_tenants(swept, wrong, shared_store)


def test_the_command_says_what_runs_out(swept: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_pipeline.components.catalog.declared_target", lambda _name: swept)
    shown = CliRunner().invoke(cli, ["capacity", "--target", "shop"])
    assert shown.exit_code == 1, shown.output
    assert "critical  partitions shop.log: 0 days; no partition for rows of now" in shown.output
    assert "critical  sequence shop.small: 30,000 of 32,767 (91.6 %) smallint" in shown.output
    printed = CliRunner().invoke(cli, ["capacity", "--target", "shop", "--json"])
    data = json.loads(printed.output)
    assert {row["resource"] for row in data["forecasts"]} >= {"partitions", "connections"}

    def alone(*asked: Any) -> collect.Plan:
        made = plan(*asked)
        small = [each for each in made.forecasts if each.object_name == "shop.small"]
        return replace(made, forecasts=small)

    plan = collect.plan
    monkeypatch.setattr(collect, "plan", alone)
    little = CliRunner().invoke(cli, ["capacity", "--target", "shop"])
    assert (little.exit_code, little.output.count("critical")) == (1, 1), little.output


def test_a_target_never_swept_is_told_what_to_do(target: Target, store: Store) -> None:
    from perf_pipeline.capacity import connections

    with pytest.raises(ConfigurationError, match="never swept"):
        connections.read(store, "shop")
