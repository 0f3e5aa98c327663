"""Verdicts on service levels: missed, missed by twice, and not measured."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.snapshots.service_levels import LEVELS, MAX_AGE, judge
from perf_pipeline.snapshots.sla import SlaFigures

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = SlaFigures(p95_ms=20.0, cache_hit_ratio=0.99, connection_ms=4.0, calls=1000)


def verdicts(figures: SlaFigures | None, age: timedelta = timedelta(minutes=4)) -> dict[str, str]:
    newest = None if figures is None else NOW - age
    return {
        verdict.level.name.split("_")[0]: "pass"
        if verdict.passed
        else "error"
        if verdict.error
        else "warning"
        for verdict in judge(figures, newest, NOW)
    }


def test_good_figures_pass() -> None:
    assert verdicts(GOOD) == {"p95": "pass", "cache": "pass", "connection": "pass"}


@pytest.mark.parametrize(
    ("field", "value", "name", "result"),
    [
        ("p95_ms", 99.9, "p95", "pass"),
        ("p95_ms", 100.0, "p95", "warning"),
        ("p95_ms", 199.9, "p95", "warning"),
        ("p95_ms", 200.0, "p95", "error"),
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
    messages = [verdict.message for verdict in judge(nothing, NOW, NOW)]
    assert all("not enough data" in message for message in messages)
    assert all("no statement ran" in message for message in messages)


def test_old_figures_have_not_passed_but_are_told() -> None:
    assert set(verdicts(GOOD, MAX_AGE + timedelta(minutes=1)).values()) == {"warning"}
    assert set(verdicts(GOOD, MAX_AGE).values()) == {"pass"}
    (first, *_) = judge(GOOD, NOW - timedelta(hours=3), NOW)
    assert "newest sweep is of 2026-03-01 09:00 UTC" in first.message
    assert first.value == 20.0


def test_the_limits_are_those_of_the_requirements() -> None:
    assert [(level.limit, level.error_at) for level in LEVELS] == [
        (100, 200),
        (0.9, 0.8),
        (50, 100),
    ]
