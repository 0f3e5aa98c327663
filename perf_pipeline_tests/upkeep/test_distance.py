from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.store import Store, partitions, targets
from perf_pipeline.upkeep import distance, findings
from perf_pipeline.upkeep.distance import LEAST_SECONDS, WRAPAROUND, Pace, days_left
from perf_pipeline_tests.upkeep.rows import server, table

DAY = 86_400.0
AGE = 300_000_000


def test_ids_last_as_long_as_their_pace_says() -> None:
    assert days_left(WRAPAROUND - 1_000_000, Pace(500_000, DAY)) == pytest.approx(2.0)
    assert days_left(WRAPAROUND + 5, Pace(1, DAY)) == 0.0
    # what was not measured, or used, is not known
    assert days_left(AGE, None) is None
    assert days_left(AGE, Pace(0, DAY)) is None
    assert days_left(AGE, Pace(10**9, LEAST_SECONDS - 1.0)) is None
    assert distance.told(WRAPAROUND - 1_000_000, Pace(500_000, DAY)) == (
        "1,000,000 are left, 2 days at 500,000 a day"
    )
    assert distance.told(WRAPAROUND - 1_000_000, None) == "1,000,000 are left"


def test_few_days_make_it_critical_however_young_the_ids_are() -> None:
    def severities(pace: Pace) -> set[str]:
        found = findings.of_tables(
            [table("t", xid_age=AGE)],
            server(database_xid_age=AGE),
            (),
            "shop",
            {distance.XIDS: pace},
        )
        assert all("days at" in each.text for each in found)
        return {each.severity for each in found}

    left = WRAPAROUND - AGE
    assert severities(Pace(left // 8, DAY)) == {"warning"}
    assert severities(Pace(left // 6, DAY)) == {"critical"}


@pytest.mark.server
def test_the_pace_is_what_ages_grew_by_without_what_was_frozen(shared_store: Store) -> None:
    target_id = targets.register(shared_store, "aging")
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert distance.paces(shared_store, "aging", now) == {}
    assert distance.paces(shared_store, "never swept", now) == {}
    # a week ago is too old; the vacuum at 9:00 hides what was used in its hour
    readings = [(200, 1), (6, 1_000), (5, 4_000), (4, 9_000), (3, 500), (2, 1_500)]
    with shared_store.begin() as connection:
        for hours, used in readings:
            moment = now - timedelta(hours=hours)
            partitions.ensure(connection, moment.date())
            connection.execute(
                "INSERT INTO ledger.sweeps"
                " (target_id, ts, source, quality, server_version_num, server_target_id)"
                " VALUES (%s, %s, 'collected', 'exact', 180000, %s)",
                (target_id, moment, target_id),
            )
            connection.execute(
                "INSERT INTO ledger.resources (target_id, ts, resource, used, capacity)"
                " VALUES (%s, %s, 'transaction ids', %s, 2144483648)",
                (target_id, moment, used),
            )
    assert distance.paces(shared_store, "aging", now) == {
        distance.XIDS: Pace(3_000 + 5_000 + 1_000, 3 * 3_600.0)
    }
