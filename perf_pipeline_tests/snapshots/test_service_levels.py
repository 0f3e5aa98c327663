"""Verdicts on service levels: missed, missed by twice, and not measured."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.promises import Promises, TimedQuery
from perf_pipeline.snapshots.service_levels import (
    ACTIVE_TIME_COVERED,
    MAX_AGE,
    Reading,
    Verdict,
    judge,
    levels,
    of_hour,
)
from perf_pipeline.snapshots.sla import SlaFigures

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = SlaFigures(p95_ms=20.0, cache_hit_ratio=0.99, connection_ms=4.0, calls=1000)


EVERYTHING = Promises(
    response_ms=300,
    response_parts={"retail": ("ret",)},
    bulk_ms=2000,
    peak_p95_ms=2000,
    analytics_ms=500,
    analytics=(TimedQuery("revenue", "SELECT 1"),),
    throughput_tps=1000,
    concurrent_users=10_000,
    tenants=1000,
    tenants_table="app.tenants",
    availability_percent=99.9,
)


def judged(figures: SlaFigures | None, newest: datetime | None) -> list[Verdict]:
    found = of_hour(figures)
    return [
        judge(level, found.get(level.name), newest, NOW)
        for level in levels(Promises())
        if level is not ACTIVE_TIME_COVERED
    ]


def verdicts(figures: SlaFigures | None, age: timedelta = timedelta(minutes=4)) -> dict[str, str]:
    newest = None if figures is None else NOW - age
    return {
        verdict.level.name.split("_")[0]: "pass"
        if verdict.passed
        else "error"
        if verdict.error
        else "warning"
        for verdict in judged(figures, newest)
    }


def test_good_figures_pass() -> None:
    assert verdicts(GOOD) == {"query": "pass", "cache": "pass", "connection": "pass"}


@pytest.mark.parametrize(
    ("field", "value", "name", "result"),
    [
        ("p95_ms", 99.9, "query", "pass"),
        ("p95_ms", 100.0, "query", "warning"),
        ("p95_ms", 199.9, "query", "warning"),
        ("p95_ms", 200.0, "query", "error"),
        ("cache_hit_ratio", 0.901, "cache", "pass"),
        ("cache_hit_ratio", 0.90, "cache", "warning"),
        ("cache_hit_ratio", 0.801, "cache", "warning"),
        ("cache_hit_ratio", 0.80, "cache", "error"),
        ("connection_ms", 49.9, "connection", "pass"),
        ("connection_ms", 50.0, "connection", "warning"),
        ("connection_ms", 100.0, "connection", "error"),
    ],
)
def test_a_miss_warns_and_twice_the_miss_is_an_error(
    field: str, value: float, name: str, result: str
) -> None:
    found = verdicts(replace(GOOD, **{field: value}))
    assert found[name] == result
    assert [other for key, other in found.items() if key != name] == ["pass", "pass"]


def test_what_was_not_measured_has_not_passed() -> None:
    nothing = SlaFigures(None, None, None, 0, notes="no statement ran")
    assert set(verdicts(nothing).values()) == {"warning"}
    assert set(verdicts(None).values()) == {"warning"}
    messages = [verdict.message for verdict in judged(nothing, NOW)]
    assert all("not enough data" in message for message in messages)
    assert all("no statement ran" in message for message in messages)


def test_old_figures_have_not_passed_but_are_told() -> None:
    assert set(verdicts(GOOD, MAX_AGE + timedelta(minutes=1)).values()) == {"warning"}
    assert set(verdicts(GOOD, MAX_AGE).values()) == {"pass"}
    (first, *_) = judged(GOOD, NOW - timedelta(hours=3))
    assert "newest sweep is of 2026-03-01 09:00 UTC" in first.message
    assert first.value == 20.0


def test_the_limits_are_those_of_the_requirements() -> None:
    found = {level.name: (level.limit, level.error_at) for level in levels(EVERYTHING)}
    assert found == {
        "query_p95": (100, 200),
        "cache_hits": (0.9, pytest.approx(0.8)),
        "connection_time": (50, 100),
        "response_time": (300, 600),
        "analytics_time": (500, 1000),
        "bulk_time": (2000, 4000),
        "peak_p95": (2000, 4000),
        "throughput": (1000, 500),
        "users": (10_000, 5_000),
        "tenants": (1000, 500),
        "availability": (99.9, pytest.approx(99.8)),
        "active_time_covered": (0.5, 0.0),
    }


def test_what_is_not_promised_is_not_checked() -> None:
    names = [level.name for level in levels(Promises())]
    assert names == ["query_p95", "cache_hits", "connection_time", "active_time_covered"]


def test_a_target_may_promise_other_limits() -> None:
    (p95, cache, *_) = levels(replace(EVERYTHING, query_p95_ms=20, cache_hit_ratio=0.99))
    assert (p95.limit, p95.error_at) == (20, 40)
    assert (cache.limit, cache.error_at) == (0.99, pytest.approx(0.98))
    assert "20 ms" in p95.description


@pytest.mark.parametrize(
    ("name", "value", "outcome", "error"),
    [
        ("tenants", 1000.0, "passed", False),  # as many as promised are enough
        ("tenants", 999.0, "missed", False),
        ("tenants", 499.0, "missed", True),
        ("availability", 99.9, "passed", False),
        ("availability", 99.85, "missed", False),
        ("availability", 99.5, "missed", True),
        ("bulk_time", 1999.0, "passed", False),
        ("bulk_time", 2000.0, "missed", False),
        ("bulk_time", 4000.0, "missed", True),
    ],
)
def test_what_is_promised_at_least(name: str, value: float, outcome: str, error: bool) -> None:
    (level,) = (level for level in levels(EVERYTHING) if level.name == name)
    # it is of more than the newest hour: an old sweep does not make it worthless
    verdict = judge(level, Reading(value, "somewhere"), NOW - timedelta(days=2), NOW)
    assert (verdict.outcome, verdict.error) == (outcome, error)
    assert "somewhere" in verdict.message


def test_a_part_that_was_not_measured_has_not_passed_but_a_miss_is_a_miss() -> None:
    (level,) = (level for level in levels(EVERYTHING) if level.name == "response_time")
    half = Reading(20.0, "in retail", ("nothing ran in automotive",))
    verdict = judge(level, half, NOW, NOW)
    assert (verdict.outcome, verdict.error, verdict.value) == ("not measured", False, 20.0)
    assert "automotive" in verdict.message
    assert judge(level, replace(half, value=400.0), NOW, NOW).outcome == "missed"
    assert judge(level, Reading(None, "no load"), NOW, NOW).outcome == "not measured"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query_p95_ms": 0}, "query_p95_ms is 0"),
        ({"cache_hit_ratio": 1.0}, "cache_hit_ratio is 1; "),
        ({"availability_percent": 100}, "between 0 and 100"),
        ({"response_parts": {}}, "response_ms and response_parts"),
        ({"tenants": None}, "tenants and tenants_table"),
        ({"analytics": ()}, "analytics_ms and analytics"),
    ],
)
def test_impossible_promises_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        replace(EVERYTHING, **change)  # type: ignore[arg-type]
    assert said.rstrip("; ") in str(caught.value)
