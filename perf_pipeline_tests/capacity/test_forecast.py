"""What runs out when, and how urgent it is."""

from datetime import date, timedelta
from typing import Any

import pytest

from perf_pipeline.capacity import forecast
from perf_pipeline.capacity.model import Forecast, Left, Policy, Trend

TODAY = date(2026, 3, 1)


def series(
    resource: str,
    per_day: float,
    last: float,
    capacity: float | None,
    *,
    count: int = 20,
    name: str = "",
    ago: int = 0,
) -> list[dict[str, Any]]:
    return [
        {
            "day": TODAY - timedelta(days=ago + count - 1 - i),
            "resource": resource,
            "object": name,
            "used": last - per_day * (count - 1 - i),
            "capacity": capacity,
            "unit": resource,
        }
        for i in range(count)
    ]


def only(rows: list[dict[str, Any]], **more: Any) -> Forecast:
    (found,) = forecast.forecasts(rows, TODAY, Policy(), **more)
    return found


@pytest.mark.parametrize(
    ("last", "severity"), [(300, "ok"), (720, "warning"), (950, "critical"), (1000, "critical")]
)
def test_severity_is_by_days_left(last: float, severity: str) -> None:
    found = only(series("disk", 10, last, 1000))
    assert found.severity == severity
    assert found.left is not None
    assert found.left.expected == pytest.approx((1000 - last) / 10)


def test_limits_are_the_targets_own() -> None:
    rows = series("disk", 10, 720, 1000)
    (found,) = forecast.forecasts(rows, TODAY, Policy(warn_days=20, error_days=2))
    assert found.severity == "ok"


def test_a_warning_comes_before_an_error() -> None:
    with pytest.raises(ValueError, match="error_days 30 is not below warn_days 30"):
        Policy(error_days=30)


def test_few_days_are_not_enough_and_say_so() -> None:
    found = only(series("disk", 10, 700, 1000, count=5))
    assert (found.trend, found.left, found.severity) == (None, None, "ok")
    assert found.note == "not enough data: 5 of 7 days"


def test_what_is_full_is_critical_without_a_history() -> None:
    assert only(series("connections", 0, 100, 100, count=1)).severity == "critical"


def test_what_is_gone_has_no_forecast() -> None:
    assert forecast.forecasts(series("disk", 10, 700, 1000, ago=8), TODAY, Policy()) == []


def test_a_full_cache_is_no_need_of_more() -> None:
    """D-126: use of buffers was a permanent CRITICAL."""
    found = only(series("shared buffers", 0, 1000, 1000))
    assert (found.severity, found.left) == ("ok", None)
    assert forecast.scaling([found]) == []


def test_ids_that_vacuum_freezes_long_before_are_no_alarm() -> None:
    found = only(series("transaction ids", 40e6, 900e6, 2_144_483_648))
    assert found.severity == "ok"
    assert found.left is not None
    assert found.left.expected == pytest.approx(31.1, abs=0.1)
    assert "if vacuum froze nothing" in found.note
    late = only(series("transaction ids", 40e6, 1.3e9, 2_144_483_648))
    assert late.severity == "warning"


def test_a_database_is_limited_by_its_disk() -> None:
    found = only(series("database", 10, 500, None), free_bytes=200.0)
    assert found.left is not None
    assert found.left.expected == pytest.approx(20.0)
    assert only(series("database", 10, 500, None)).left is None


@pytest.mark.parametrize(("days", "severity"), [(40, "ok"), (6, "warning"), (0.5, "critical")])
def test_partitions_are_days_that_are_left(days: float, severity: str) -> None:
    found = only(series("partitions", 0, days, None, count=1, name="app.log"))
    assert found.severity == severity
    assert found.percent is None


def test_no_partition_for_now_is_said() -> None:
    assert only(series("partitions", 0, 0, None, count=1)).note == "no partition for rows of now"


def test_the_most_urgent_is_first() -> None:
    rows = [
        *series("connections", 0, 10, 100),
        *series("disk", 10, 720, 1000),
        *series("sequence", 1e6, 2.146e9, 2_147_483_647, name="app.t.id"),
    ]
    found = forecast.forecasts(rows, TODAY, Policy())
    assert [each.resource for each in found] == ["sequence", "disk", "connections"]


def test_quiet_sequences_are_not_told() -> None:
    rows = [
        *series("sequence", 1, 100, 2_147_483_647, name="app.a.id"),
        *series("sequence", 1, 1e9, 2_147_483_647, name="app.b.id"),
    ]
    found = forecast.told(forecast.forecasts(rows, TODAY, Policy()), 20)
    assert [each.object_name for each in found] == ["app.b.id"]


@pytest.mark.parametrize(
    ("percent", "priority", "within"),
    [
        (95, "CRITICAL", "24 hours"),
        (90, "HIGH", "1 week"),
        (81, "HIGH", "1 week"),
        (75, "MEDIUM", "1 month"),
        (70, "LOW", "when there is time"),
    ],
)
def test_scaling_is_by_what_is_taken(percent: float, priority: str, within: str) -> None:
    (found,) = forecast.scaling([only(series("connections", 0, percent, 100))])
    assert (found.priority, found.within) == (priority, within)
    assert ("pool" in found.advice) == (priority != "LOW")


def test_what_is_unknown_is_null_in_print() -> None:
    found = Forecast("disk", "sda", 1.0, None, "bytes", None, None, "ok", "")
    printed = found.as_dict()
    assert printed["percent"] is None
    assert printed["days_left"] is None
    steady = Forecast(
        "disk", "", 1.0, 4.0, "bytes", Trend(0, -1, 1, 1, 9, 9), Left(None, 3.0, None), "ok", ""
    )
    assert steady.as_dict()["days_left_earliest"] == 3.0
