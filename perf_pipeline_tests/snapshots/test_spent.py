"""Whether watching a target stays within its budget."""

from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.spent import Spent, figures, judge, measure
from perf_pipeline.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_MS = 86_400_000.0


def spent(share: float = 0.0001, spacing_s: float = 0.0, minutes_ago: int = 1) -> Spent:
    return Spent(
        NOW - timedelta(minutes=minutes_ago), 288, share * DAY_MS, DAY_MS, spacing_s, 0, 1, 288_000
    )


@pytest.mark.parametrize(
    ("found", "passed", "error", "says"),
    [
        (spent(), True, False, "0.01 % of database time in the day to 11:59 UTC (288 x 30 ms)"),
        (spent(0.00205), True, False, "the budget is 0.2 %"),  # an hour's credit is allowed for
        (spent(0.0022), False, False, "more than the budget"),
        (spent(0.0045), False, True, "more than the budget"),
        (spent(spacing_s=900.0), False, False, "every 15 minutes instead of every 5"),
        (spent(minutes_ago=61), False, False, "not enough data since 2026-03-01"),
        (None, False, False, "swept less than twice"),
    ],
)
def test_verdicts(found: Spent | None, passed: bool, error: bool, says: str) -> None:
    verdict = judge(found, 0.002, 300.0, NOW)
    assert (verdict.passed, verdict.error) == (passed, error)
    assert says in verdict.message
    expected = "not measured" if "not enough" in verdict.message else "missed"
    assert verdict.outcome == ("passed" if passed else expected)


def test_figures_are_plain_numbers() -> None:
    shown = figures(spent(), 0.002)
    assert shown["cost_percent"] == pytest.approx(0.01)
    assert shown["sweep_ms"] == pytest.approx(30.0)
    assert (shown["temp_bytes"], shown["connections"], shown["rows_per_sweep"]) == (0, 1, 1000.0)
    assert figures(None, 0.002) == {"budget_percent": 0.2}


@pytest.mark.server
def test_a_day_is_summed_from_its_sweeps(store: Store, target: Target) -> None:
    assert measure(store, target.name) is None
    collect(target, store)
    assert measure(store, target.name) is None  # no interval yet
    second, third = collect(target, store), collect(target, store)
    found = measure(store, target.name)
    assert found is not None
    assert (found.newest, found.sweeps) == (third.ts, 2)
    both = (second, third)
    cost = sum(one.connect_ms + one.database_ms + one.texts_ms for one in both)
    assert found.cost_ms == pytest.approx(cost)
    elapsed = sum((one.ts - (one.previous_ts or one.ts)).total_seconds() for one in both)
    # active time can only add to the time that went by; sums of floats differ in the last digit
    assert found.database_ms >= elapsed * 1000.0 * (1 - 1e-9)
    assert found.rows_read == second.rows_read + third.rows_read
    assert (found.temp_bytes, found.connections, found.spacing_s) == (0, 1, 0.0)
