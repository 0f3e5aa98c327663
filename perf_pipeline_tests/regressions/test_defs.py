"""Runs of other jobs on the same Dagster instance, kept as events of the target they name."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.regressions.defs import record_runs
from perf_pipeline.store import Store, happenings, targets


def today() -> date:
    """Return the day it is when a test runs, which may be one after that of its collection."""
    return datetime.now(UTC).date()


def days(first: date, last: date) -> vocabulary.Days:
    return vocabulary.Days(first, last, (last - first).days + 1)


@pytest.mark.server
def test_runs_that_name_the_target_are_kept_once(store: Store) -> None:
    @dg.op
    def work() -> None:
        return None

    @dg.job(tags={vocabulary.TARGET_TAG: "shop"})
    def nightly_load() -> None:
        work()

    @dg.job
    def other() -> None:
        work()

    shop = Target(name="shop", url_env="SHOP_URL", history_start=today() - timedelta(days=9))
    with dg.DagsterInstance.ephemeral() as instance:
        for job in (nightly_load, other):
            assert job.execute_in_process(instance=instance).success
        assert record_runs(instance, store, shop, days(today(), today())) == 1
        assert record_runs(instance, store, shop, days(today() - timedelta(days=400), today())) == 1
        past = today() - timedelta(days=30)
        assert record_runs(instance, store, shop, days(past, past)) == 0
        elsewhere = Target(name="barn", url_env="BARN_URL", history_start=today())
        assert record_runs(instance, store, elsewhere, days(today(), today())) == 0
    (event,) = happenings.listed(store, targets.register(store, "shop"), None)
    assert (event["kind"], event["object"]) == ("dagster_run", "nightly_load")
    assert event["ended_at"] >= event["began_at"]
    assert event["detail"].endswith(", success")
