"""The asset of slow statements: one run for any range, figures of each day, a check that warns."""

from datetime import date, timedelta

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.baselines.defs import SLOW_CHECK, slow_queries_asset
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
