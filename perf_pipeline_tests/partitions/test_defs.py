"""The wiring: one job from plan to drop, its checks, and the sensor."""

from collections.abc import Iterator

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import defs as wiring
from perf_pipeline.partitions.model import Policy
from perf_pipeline.postgres.target import Target
from perf_pipeline_tests.partitions.conftest import Shop, months_ago

pytestmark = pytest.mark.server


@pytest.fixture
def target(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Target:
    from datetime import date

    # no other test of this store is called so
    monkeypatch.setenv("SHOP_URL", shop.url)
    monkeypatch.setenv("PERF_STORE_URL", shop.store.url)
    monkeypatch.setenv("PERF_ARCHIVE_URL", shop.files.url)
    settings.current.cache_clear()
    return Target("shop", "SHOP_URL", date(2026, 1, 1))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def definitions(target: Target, *policies: Policy) -> dg.Definitions:
    return dg.Definitions.merge(
        dg.Definitions(
            assets=wiring.partition_assets(target, policies),
            asset_checks=wiring.partition_checks(target, policies),
        ),
        wiring.partition_definitions([(target, policies)]),
    )


def test_the_weekly_job_goes_from_plan_to_drop(
    shop: Shop, target: Target, instance: dg.DagsterInstance
) -> None:
    first, last, suffix = months_ago(5)
    shop.partition(first, last, f"events_{suffix}")
    shop.fill(first)
    # one tenant has all rows: one bucket of four has four times the mean
    shop.connection.execute(
        "CREATE TABLE app.hashed (tenant int) PARTITION BY HASH (tenant);"
        + "".join(
            f"CREATE TABLE app.hashed_h{n} PARTITION OF app.hashed"
            f" FOR VALUES WITH (MODULUS 4, REMAINDER {n});"
            for n in range(4)
        )
        + "INSERT INTO app.hashed SELECT 7 FROM generate_series(1, 4000); ANALYZE app.hashed"
    )
    hashed = Policy("app.hashed", "tenant", modulus=4)
    made = definitions(target, shop.old(fill_gaps=False), hashed)
    done = made.resolve_job_def("partition_maintenance_shop").execute_in_process(instance=instance)
    assert done.success
    order = [
        e.asset_key.to_user_string() for e in done.get_asset_materialization_events() if e.asset_key
    ]
    assert order == [
        "shop/partition_catalog/events",
        "shop/partition_catalog/hashed",
        "shop/partition_plan/events",
        "shop/partition_plan/hashed",
        "shop/partitions/created",
        "shop/partitions/archived",
        "shop/partitions/dropped",
    ]
    checks = {e.check_name: e.passed for e in done.get_asset_check_evaluations()}
    assert checks == {
        wiring.DONE: True,
        wiring.COVERED: True,
        wiring.EMPTY: True,
        wiring.HEADROOM: True,
        wiring.EVEN: False,
    }
    (even,) = [e for e in done.get_asset_check_evaluations() if e.check_name == wiring.EVEN]
    assert (even.severity, even.metadata["value"].value) == (dg.AssetCheckSeverity.WARN, 4.0)
    assert suffix not in shop.attached()


def test_checks_fail_before_anything_was_done_and_the_sensor_asks_once(
    shop: Shop, target: Target, instance: dg.DagsterInstance
) -> None:
    shop.connection.execute("CREATE TABLE app.events_default PARTITION OF app.events DEFAULT")
    shop.fill(months_ago(0)[0], 3)
    policy = shop.policy()
    made = definitions(target, policy)
    (checks,) = wiring.partition_checks(target, [policy])
    done = dg.materialize(
        [*wiring.partition_assets(target, [policy])[:1], checks],
        instance=instance,
        selection=dg.AssetSelection.checks(checks),
    )
    assert {e.check_name: e.passed for e in done.get_asset_check_evaluations()} == {
        wiring.COVERED: False,
        wiring.EMPTY: False,
        wiring.HEADROOM: False,
    }
    sensor = made.resolve_sensor_def("partition_headroom")
    context = dg.build_sensor_context(instance=instance, definitions=made)
    (request,) = sensor.evaluate_tick(context).run_requests or []
    assert request.job_name == "partition_maintenance_shop"
    assert "partitions are missing" in request.tags["perf_pipeline/reason"]
    job = made.resolve_job_def("partition_maintenance_shop")
    assert job.execute_in_process(instance=instance).success
    assert not sensor.evaluate_tick(context).run_requests
    # what is still missing is not asked for every five minutes
    shop.connection.execute("DROP TABLE app.events_" + months_ago(-1)[2])
    tick = sensor.evaluate_tick(context)
    assert not tick.run_requests
    assert "just ended" in (tick.skip_message or "")


def test_a_blocked_step_is_told_by_its_check(
    shop: Shop, target: Target, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    from perf_pipeline.partitions import apply
    from perf_pipeline_tests.partitions.conftest import BUDGET

    monkeypatch.setattr(apply, "LockBudget", lambda: BUDGET)
    shop.connection.execute("CREATE TABLE app.events_default PARTITION OF app.events DEFAULT")
    made = definitions(target, shop.policy())
    with psycopg.connect(shop.url) as holder:
        holder.execute("LOCK TABLE app.events_default IN SHARE MODE")
        job = made.resolve_job_def("partition_maintenance_shop")
        done = job.execute_in_process(instance=instance)
    assert done.success
    found = {
        (e.asset_key.path[-1], e.check_name): (e.passed, e.severity)
        for e in done.get_asset_check_evaluations()
    }
    assert found["created", wiring.DONE] == (False, dg.AssetCheckSeverity.WARN)
    assert found["events", wiring.COVERED][0] is False


def test_each_table_has_a_name_of_its_own_in_the_graph() -> None:
    parents = ("app.events", "web.events", "app.käse", "app.kose", "app.k$se", "app.orders")
    names = wiring.names([Policy(parent, "at", every="month") for parent in parents])
    marked = names["app.käse"]
    assert marked.startswith("app_k_se_")
    assert marked != names["app.k$se"]
    others = ["app_events", "web_events", marked, "kose", names["app.k$se"], "orders"]
    assert list(names.values()) == others
    for wrong in ("events", "app.b.c", 'app."b"', "app.1st"):
        with pytest.raises(ConfigurationError, match="letters, digits and underscores"):
            Policy(wrong, "at", every="month")
