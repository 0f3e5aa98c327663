"""What load tests show, and what nobody asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perf_pipeline.snapshots import sla_load
from perf_pipeline.snapshots.sla_load import asked_tps, responses, throughput, users

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def execution(**given: Any) -> dict[str, Any]:
    """Return a load test of 1,000 users who wait a second each."""
    return {
        "test_name": "rush",
        "industry": "RETAIL",
        "started_at": NOW - timedelta(days=1),
        "concurrent_users": 1_000,
        "throughput_tps": 950.0,
        "p95_ms": 30.0,
        "error_percent": 0.0,
        "think_time_ms": 1_000.0,
        "broken_limits": 0,
        **given,
    }


def test_users_ask_for_as_much_as_their_pauses_leave() -> None:
    assert asked_tps(execution()) == 1_000.0
    assert asked_tps(execution(think_time_ms=None)) is None
    assert asked_tps(execution(think_time_ms=0.0)) is None


@pytest.mark.parametrize(
    ("runs", "busiest", "value"),
    [
        ([execution(throughput_tps=1_200.0)], 3.0, 1_200.0),
        ([execution()], None, 950.0),  # a thousand were asked for and not borne
        ([execution(concurrent_users=10)], 3.0, None),  # nobody asked for so many
        ([execution(think_time_ms=0.0, throughput_tps=400.0)], None, 400.0),  # all it can
        ([execution(error_percent=5.0)], None, None),  # borne with failures is not borne
        ([], 3.0, None),
        ([], 1_500.0, 1_500.0),  # ordinary use shows it
        ([], None, None),
    ],
)
def test_throughput(runs: list[dict[str, Any]], busiest: float | None, value: float | None) -> None:
    reading = throughput(runs, busiest, 1_000.0)
    assert reading.value == value
    assert reading.detail
    if value is None:
        assert "nobody asked for 1,000 tps" in reading.detail


@pytest.mark.parametrize(
    ("runs", "value"),
    [
        ([execution(concurrent_users=12_000)], 12_000.0),
        ([execution(concurrent_users=12_000, broken_limits=1)], 0.0),
        ([execution(concurrent_users=12_000, broken_limits=1), execution()], 1_000.0),
        ([execution(concurrent_users=12_000, error_percent=9.0)], 0.0),
        ([execution()], None),
        ([], None),
    ],
)
def test_users(runs: list[dict[str, Any]], value: float | None) -> None:
    reading = users(runs, 10_000)
    assert reading.value == value
    assert reading.detail


def test_the_newest_test_of_an_industry_tells_its_response_time() -> None:
    runs = [
        execution(p95_ms=None),
        execution(p95_ms=40.0),
        execution(p95_ms=99.0),
        execution(industry=None, p95_ms=1.0),
        execution(industry="AUTOMOTIVE", started_at=NOW - timedelta(days=9)),
    ]
    parts = ["retail", "automotive", "other"]
    assert responses(runs, parts, NOW) == {"retail": 40.0}


def test_what_is_older_than_the_span_is_not_read() -> None:
    assert sla_load.RESPONSE_SPAN <= sla_load.SPAN
