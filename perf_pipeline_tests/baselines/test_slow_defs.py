"""The asset of slow statements: one run for any range, figures of each day, a check that warns."""

import json
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from click.testing import CliRunner

from perf_pipeline import settings
from perf_pipeline.baselines.defs import SLOW_CHECK, slow_queries_asset
from perf_pipeline.baselines.slow_defs import NOW_CHECK, now_check, slow_sensor
from perf_pipeline.cli import cli
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets
from perf_pipeline_tests.baselines import rolled

pytestmark = pytest.mark.server

DAY = date(2026, 3, 4)


def materialize(target: Target, first: date, last: date) -> dg.ExecuteInProcessResult:
    asset = slow_queries_asset(target)
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [asset],
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": str(first),
                "dagster/asset_partition_range_end": str(last),
            },
            selection=[asset],
        )


@pytest.fixture
def shop(store: Store, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    target_id = targets.register(store, "shop")
    for back in range(3):
        day = DAY - timedelta(days=back)
        rolled.day(store, target_id, day, {1: (60, 4000.0 if back == 0 else 1500.0), 2: (9, 150.0)})
        rolled.baseline(store, target_id, day, {1: 1500.0})
    return Target("shop", "SHOP_URL", date(2026, 1, 1))


def test_days_have_figures_and_the_newest_is_checked(shop: Target) -> None:
    result = materialize(shop, DAY - timedelta(days=2), DAY)
    events = result.asset_materializations_for_node("shop__report__slow_queries")
    figures = [
        {name: event.metadata[name].value for name in ("watched", "slower", "no_baseline")}
        for event in events
    ]
    assert figures == [{"watched": 1, "slower": n, "no_baseline": 0} for n in (0, 0, 1)]
    assert [event.metadata["dagster/partition_row_count"].value for event in events] == [2] * 3
    table = events[-1].metadata["slowest"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["state"] for record in table.records] == ["WARNING", "NO_BASELINE"]
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == (
        SLOW_CHECK,
        False,
        dg.AssetCheckSeverity.WARN,
    )
    assert check.metadata["WARNING"].value == 1
    assert "statement 1: WARNING, 4,000 ms, +167%" in str(check.description)


def test_an_ordinary_day_passes_and_an_unknown_one_does_not(shop: Target) -> None:
    for day, passed, outcome in (
        (DAY - timedelta(days=1), True, "as usual"),
        (DAY + timedelta(days=1), False, "not measured"),
    ):
        (check,) = materialize(shop, day, day).get_asset_check_evaluations()
        assert (check.passed, check.metadata["outcome"].value) == (passed, outcome)


def looked(sensor: dg.SensorDefinition, cursor: str | None) -> tuple[list, str | None]:
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor) as context,
    ):
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return list(result.asset_events), result.cursor


def test_what_is_slow_now_is_told_once(
    shop: Target, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes is reported, by a sensor that starts nothing; a person can ask at any time."""
    monkeypatch.setattr("perf_pipeline.components.catalog.declared_target", lambda _name: shop)
    other = Target("never_swept", "OTHER_URL", date(2026, 1, 1))
    sensor = slow_sensor([other, shop])
    (event,), cursor = looked(sensor, None)
    assert (event.passed, event.description) == (False, "not swept in the last hour")
    command = ["report", "slow", "--target", "shop"]
    refused = CliRunner().invoke(cli, command).exception
    assert isinstance(refused, ConfigurationError)
    assert "not swept in the last 1 h" in str(refused)
    target_id, now = targets.register(store, "shop"), datetime.now(UTC)
    rolled.sweep(store, target_id, now)
    rolled.baseline(store, target_id, now.date(), {1: 1500.0, 2: 1900.0})
    rolled.interval(store, target_id, {1: (10, 70_000.0), 2: (10, 20_000.0), 3: (9, 90.0)}, 20)
    # five calls are too few, and what is past is past
    rolled.interval(store, target_id, {4: (5, 50_000.0)}, 21)
    rolled.interval(store, target_id, {5: (10, 90_000.0)}, 100)
    (event,), cursor = looked(sensor, cursor)
    assert (event.asset_key, event.check_name) == (
        dg.AssetKey(["shop", "report", "slow_queries"]),
        NOW_CHECK,
    )
    assert not event.passed
    assert event.description.startswith("statement 1: CRITICAL, 7,000 ms per call, +367%")
    assert {name: value.value for name, value in event.metadata.items()} == {
        "slower": 1,
        "above_a_second": 3,
        "above_100_ms": 3,
    }
    # nothing new: nothing reported
    assert looked(sensor, cursor) == ([], cursor)
    result = now_check(shop)()
    assert isinstance(result, dg.AssetCheckResult)
    assert (result.passed, result.description) == (False, event.description)
    shown = CliRunner().invoke(cli, [*command, "--json"])
    assert shown.exit_code == 1, shown.output
    rows = json.loads(shown.output)["statements"]
    assert [(row["queryid"], row["state"]) for row in rows] == [
        (4, "NO_BASELINE"),
        (1, "CRITICAL"),
        (2, "NORMAL"),
    ]
    shown = CliRunner().invoke(cli, command)
    assert "3 statements above 100 ms per call, 3 above a second" in shown.output
