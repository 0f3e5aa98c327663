"""What is due, by age alone."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline import settings
from perf_pipeline.store import retention
from perf_pipeline.store.retention import Held, Policy

TODAY = date(2026, 11, 21)
POLICY = Policy(hot_days=14, hot_sweep_days=92, archive_days=400, hourly_months=13, daily_months=37)


def day(age: int, table: str = "statements") -> Held:
    start = TODAY - timedelta(days=age)
    return Held("ledger", table, f"{table}_{start:%Y_%m_%d}", start, start + timedelta(days=1), 1)


def month(year: int, number: int, table: str) -> Held:
    start = date(year, number, 1)
    end = (start + timedelta(days=32)).replace(day=1)
    return Held("ledger", table, f"{table}_{start:%Y_%m}", start, end, 1)


@pytest.mark.parametrize(
    ("table", "age", "fate"),
    [
        ("statements", 14, "stays"),
        ("statements", 15, "archive"),
        ("sweeps", 92, "stays"),
        ("sweeps", 93, "archive"),
        ("statements", 400, "archive"),
        ("statements", 401, "drop"),
        ("sweeps", 401, "drop"),
    ],
)
def test_days_by_age(table: str, age: int, fate: str) -> None:
    found = retention.plan([day(age, table)], POLICY, TODAY)
    assert (len(found.archive), len(found.drop)) == (fate == "archive", fate == "drop")


@pytest.mark.parametrize(
    ("part", "stays"),
    [
        (month(2025, 10, "statements_hourly"), True),
        (month(2025, 9, "statements_hourly"), False),
        (month(2025, 9, "statement_baselines"), False),
        (month(2023, 10, "statements_daily"), True),
        (month(2023, 9, "findings"), False),
    ],
)
def test_months_by_age(part: Held, stays: bool) -> None:
    assert (retention.plan([part], POLICY, TODAY).drop == ()) is stays


def test_a_day_is_not_dropped_before_it_may_leave_the_store() -> None:
    short = Policy(14, 92, 8, 13, 37)
    assert retention.plan([day(60), day(90, "sweeps")], short, TODAY).drop == ()


def test_before_takes_every_day_before_it_and_no_other() -> None:
    parts = [day(age) for age in range(5)]
    found = retention.plan(parts, POLICY, TODAY, before=TODAY - timedelta(days=1))
    assert [part.start for part in found.archive] == [
        TODAY - timedelta(days=age) for age in (4, 3, 2)
    ]


@given(st.lists(st.integers(0, 800), max_size=30), st.integers(0, 600))
def test_a_partition_has_one_fate_and_the_older_go_first(ages: list[int], later: int) -> None:
    parts = [day(age) for age in set(ages)]
    found = retention.plan(parts, POLICY, TODAY)
    assert not set(found.archive) & set(found.drop)
    assert list(found.archive) == sorted(found.archive, key=lambda part: part.start)
    # nothing that is due today is not due later
    after = retention.plan(parts, POLICY, TODAY + timedelta(days=later))
    assert set(found.archive) | set(found.drop) <= set(after.archive) | set(after.drop)


def test_what_overstays_is_noticed_after_two_days() -> None:
    parts = [day(14), day(16), day(17), day(93, "sweeps"), month(2020, 1, "statements_hourly")]
    assert retention.overdue(parts, POLICY, TODAY) == (day(17),)


def test_the_policy_is_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Policy.from_settings() == POLICY
    for name, value in {
        "PERF_HOT_DAYS": 9,
        "PERF_HOT_SWEEP_DAYS": 71,
        "PERF_ARCHIVE_DAYS": 100,
        "PERF_HOURLY_MONTHS": 4,
        "PERF_DAILY_MONTHS": 5,
    }.items():
        monkeypatch.setenv(name, str(value))
    settings.current.cache_clear()
    assert Policy.from_settings() == Policy(9, 71, 100, 4, 5)
