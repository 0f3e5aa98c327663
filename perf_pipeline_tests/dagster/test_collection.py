"""`fleet/collection`: one step, every target, failures alone; and a click on one target."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings, vocabulary
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.promises import Promises
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import fleet
from perf_pipeline.snapshots.checks import check_keys, cost_check_key, target_checks
from perf_pipeline.snapshots.collection import announce, budget_s, collection_asset
from perf_pipeline.snapshots.defs import stats_assets
from perf_pipeline.store import Store, targets
from perf_pipeline_tests.dagster.conftest import table_of

pytestmark = pytest.mark.server

PASSWORD = "s3cret-of-the-shop"
KEY = dg.AssetKey(["fleet", "collection"])


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_CONNECT_TIMEOUT_S", "2")
    settings.current.cache_clear()


def collect(
    fleet_targets: list[Target], instance: dg.DagsterInstance, *, good: bool = True
) -> dict[str, dg.MetadataValue]:
    result = dg.materialize(
        [collection_asset(fleet_targets)], instance=instance, raise_on_error=False
    )
    assert result.success is good
    if good:
        (event,) = result.asset_materializations_for_node("fleet__collection")
        return dict(event.metadata)
    data = result.failure_data_for_node("fleet__collection")
    assert data is not None
    assert data.user_failure_data is not None
    return dict(data.user_failure_data.metadata)


@pytest.fixture
def broken(
    shop: Target,
    server: EmbeddedServer,
    closed_port: int,
    silent_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> list[Target]:
    where = server.url("postgres").split("@")[1].split("/")[0]
    urls = {
        "dead": f"postgresql://ann:{PASSWORD}@127.0.0.1:{closed_port}/shop",
        "hanging": f"postgresql://ann:{PASSWORD}@127.0.0.1:{silent_port}/shop",
        "denied": f"postgresql://ann:{PASSWORD}@{where}/postgres",
    }
    for name, url in urls.items():
        monkeypatch.setenv(f"{name.upper()}_URL", url)
    named = [replace(shop, name=name, url_env=f"{name.upper()}_URL") for name in urls]
    return [*named, replace(shop, name="unset", url_env="UNSET_URL")]


def test_broken_targets_fail_alone_and_say_why(
    store: Store, shop: Target, broken: list[Target], instance: dg.DagsterInstance
) -> None:
    started = time.monotonic()
    metadata = collect([*broken[:2], shop, *broken[2:]], instance)
    assert time.monotonic() - started < 60  # one is silent for ever
    assert [metadata[name].value for name in ("targets", "swept", "failed")] == [5, 1, 4]
    why = {str(row["target"]): str(row["why"]) for row in table_of(metadata, "failures")}
    assert "refused" in why["dead"]
    assert "no answer within 2 s" in why["hanging"]
    assert "authentication failed" in why["denied"]
    assert "UNSET_URL is not set" in why["unset"]
    assert all("remedy: " in reason for reason in why.values())
    assert [row["target"] for row in table_of(metadata, "sweeps")] == ["shop"]
    assert PASSWORD not in repr(metadata)
    assert len(store.rows("progress_sweeps", _days(store, shop))) == 1
    # a wrong password and a variable that is not set are our mistakes, no outage
    with store.begin() as connection:
        away = connection.execute("SELECT target, reason FROM monitoring.unreached").fetchall()
    assert {row[0] for row in away} == {"dead", "hanging"}
    assert PASSWORD not in repr(away)


def test_no_password_in_the_log_of_a_run(
    store: Store, broken: list[Target], instance: dg.DagsterInstance
) -> None:
    result = dg.materialize([collection_asset(broken)], instance=instance, raise_on_error=False)
    logged = instance.all_logs(result.run_id)
    assert any("authentication failed" in entry.to_json() for entry in logged)
    assert [entry for entry in logged if PASSWORD in entry.to_json()] == []


def test_a_collection_without_any_success_fails(
    store: Store, broken: list[Target], instance: dg.DagsterInstance
) -> None:
    metadata = collect(broken, instance, good=False)
    assert metadata["failed"].value == 4


def test_a_dead_store_is_one_clear_error(
    shop: Target,
    closed_port: int,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", f"postgresql://ann:{PASSWORD}@127.0.0.1:{closed_port}/s")
    settings.current.cache_clear()
    with pytest.raises(
        dg.Failure, match=r"store postgresql://ann@127\.0\.0\.1.* refused"
    ) as raised:
        dg.materialize([collection_asset([shop])], instance=instance)
    assert PASSWORD not in str(raised.value)


def test_a_fleet_without_targets_says_so(instance: dg.DagsterInstance) -> None:
    with pytest.raises(dg.Failure, match="no target is declared"):
        dg.materialize([collection_asset([])], instance=instance)


def test_the_first_collection_shows_on_the_targets_own_assets_and_the_second_does_not(
    store: Store, shop: Target, instance: dg.DagsterInstance
) -> None:
    def events() -> list[int]:
        return [
            len(instance.fetch_materializations(key, limit=10).records)
            for key in (vocabulary.key(shop, "stats", family) for family in vocabulary.STATS)
        ]

    collect([shop], instance)
    assert events() == [1] * len(vocabulary.STATS)
    collect([shop], instance)
    assert events() == [1] * len(vocabulary.STATS)


def test_an_event_shows_the_hours_figures_and_a_short_table(
    store: Store, shop: Target, instance: dg.DagsterInstance
) -> None:
    job = target_definitions(shop).resolve_implicit_global_asset_job_def()
    keys = [vocabulary.key(shop, "stats", family) for family in ("statements", "database")]
    job.execute_in_process(instance=instance, asset_selection=keys)
    with psycopg.connect(shop.url(), autocommit=True) as connection:
        connection.execute("SELECT count(*) FROM item")
    result = job.execute_in_process(instance=instance, asset_selection=keys)
    shown = {
        str(event.asset_key.path[-1]): dict(event.materialization.metadata)
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert 0 < len(table_of(shown["statements"], "top_statements")) <= 10
    assert isinstance(shown["statements"]["p95_estimate_ms"].value, float)
    assert 0 < float(str(shown["database"]["cache_hit_ratio"].value)) <= 1
    assert "quality" in shown["database"]


def test_a_target_that_comes_and_goes_is_announced_each_time(
    store: Store, shop: Target, instance: dg.DagsterInstance
) -> None:
    key = vocabulary.key(shop, "stats", "statements")
    down = fleet.Outcome(shop, None, "refused", 0.1)
    for _ in range(2):
        announce(instance, store, [down], datetime.now(UTC))
    (seen,) = instance.fetch_observations(key, limit=10).records
    assert seen.asset_observation is not None
    assert seen.asset_observation.metadata["unreachable"].value == "refused"
    announce(instance, store, [down], datetime.now(UTC) + timedelta(hours=1, seconds=1))
    assert len(instance.fetch_observations(key, limit=10).records) == 2
    assert not instance.fetch_materializations(key, limit=10).records


def test_a_click_sweeps_once_and_shows_what_was_selected(
    store: Store, shop: Target, instance: dg.DagsterInstance
) -> None:
    definitions = target_definitions(shop)
    job = definitions.resolve_implicit_global_asset_job_def()
    keys = [vocabulary.key(shop, "stats", family) for family in ("tables", "database")]
    result = job.execute_in_process(instance=instance, asset_selection=keys)
    shown = [event.asset_key for event in result.get_asset_materialization_events()]
    assert sorted(shown, key=str) == sorted(keys, key=str)
    swept = store.rows("progress_sweeps", _days(store, shop))
    assert len(swept) == 1


def test_a_click_on_a_dead_target_shows_the_remedy(
    store: Store, broken: list[Target], instance: dg.DagsterInstance
) -> None:
    job = target_definitions(broken[0]).resolve_implicit_global_asset_job_def()
    with pytest.raises(dg.Failure, match=r"refused(.|\n)*remedy: ") as raised:
        job.execute_in_process(
            instance=instance, asset_selection=[vocabulary.key(broken[0], "stats", "tables")]
        )
    assert raised.value.allow_retries is False


def test_checks_that_ask_the_target_wait_for_their_turn(shop: Target) -> None:
    promises = Promises(tenants=1, tenants_table="item")
    assert target_checks(shop).node_def.pools == set()
    assert target_checks(replace(shop, promises=promises)).node_def.pools == {"pg_shop"}


def test_checks_tell_passing_from_not_measured(
    store: Store,
    shop: Target,
    instance: dg.DagsterInstance,
    make_database: Callable[..., str],
) -> None:
    definitions = target_definitions(shop)
    # those that stand by themselves; others are part of their asset's step
    checks = dg.AssetSelection.checks(*check_keys(shop))

    def evaluate() -> dict[str, tuple[bool, str]]:
        job = dg.define_asset_job("checks", selection=checks)
        merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        result = merged.resolve_job_def("checks").execute_in_process(instance=instance)
        assert result.success
        return {
            each.check_name: (each.passed, each.description or "")
            for each in result.get_asset_check_evaluations()
        }

    before = evaluate()
    assert len(before) == 5
    assert {passed for passed, _ in before.values()} == {False}
    assert "swept less than twice" in before.pop("collection_cost")[1]
    assert all("never swept" in text for _, text in before.values())
    collect([shop], instance)
    collect([shop], instance)
    after = evaluate()
    assert after["connection_time"][1].endswith("UTC")
    assert "s of comparable intervals, 300 s needed" in after["active_time_covered"][1]
    assert after["collection_cost"][0] is True
    assert "the budget is 0.2 %" in after["collection_cost"][1]
    assert "never swept" not in str(after)


def test_a_target_over_its_budget_waits_and_the_check_warns(
    store: Store, shop: Target, instance: dg.DagsterInstance
) -> None:
    modest = replace(shop, name="modest", budget_percent=0.0001)
    for _ in range(2):  # the first sweep uses up the credit of a new target
        metadata = collect([modest, shop], instance)
    assert [metadata[name].value for name in ("targets", "swept", "waiting")] == [2, 1, 1]
    (row,) = table_of(metadata, "over_budget")
    assert row["target"] == "modest"
    assert row["why"] == "its sweeps have used up their 0.0001 % of database time"
    assert str(row["next"]).endswith(" UTC")
    # nobody else is due: that is no failure
    assert collect([modest], instance)["swept"].value == 0
    result = dg.materialize([stats_assets(modest)], instance=instance)  # a click is not held back
    assert result.success
    passed, text = cost_check(modest, instance)
    assert not passed
    assert "every 50 minutes instead of every 5" in text


def cost_check(target: Target, instance: dg.DagsterInstance) -> tuple[bool, str]:
    chosen = dg.AssetSelection.checks(cost_check_key(target))
    job = dg.define_asset_job("cost", selection=chosen)
    merged = dg.Definitions.merge(target_definitions(target), dg.Definitions(jobs=[job]))
    result = merged.resolve_job_def("cost").execute_in_process(instance=instance)
    (found,) = result.get_asset_check_evaluations()
    return found.passed, found.description or ""


def test_numbers_are_rounded_and_what_is_unknown_is_left_out() -> None:
    given = {"a": 1918782.0149, "b": 62.7523, "c": 0.000123456, "d": 7, "e": None, "f": 0.0}
    assert vocabulary.numbers(given) == {
        "a": 1918782.0,
        "b": 62.752,
        "c": 0.0001235,
        "d": 7,
        "f": 0.0,
    }


def test_the_budget_leaves_room_for_slow_servers_and_ends_before_the_next_tick() -> None:
    knobs = settings.Settings()
    assert knobs.connect_timeout_s + knobs.statement_timeout_ms / 1000 < budget_s(knobs) < 150


def _days(store: Store, target: Target) -> dict[str, object]:
    target_id = targets.find(store, target.name)
    return {"target_id": target_id, "first": target.history_start, "last": datetime.now(UTC).date()}
