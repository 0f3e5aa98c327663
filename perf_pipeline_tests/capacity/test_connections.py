"""G-38: sessions against max_connections."""

from typing import Any

import pytest

from perf_pipeline.capacity.connections import health


def rows(active: int, idle: int, total: int | None, most: int | None = 100) -> list[dict[str, Any]]:
    return [
        {"state": state, "sessions": count, "most": most, "server_sessions": total}
        for state, count in (("active", active), ("idle", idle - 1), ("idle in transaction", 1))
    ]


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        (rows(50, 25, 80), ["OK", "OK", "OK"]),
        (rows(51, 25, 80), ["WARNING", "OK", "OK"]),
        (rows(1, 26, 80), ["OK", "WARNING", "OK"]),
        (rows(1, 1, 81), ["OK", "OK", "CRITICAL"]),
        (rows(1, 1, None), ["OK", "OK", "UNKNOWN"]),
        (rows(1, 1, 5, None), ["UNKNOWN"] * 3),
        ([], ["UNKNOWN"] * 3),
    ],
)
def test_limits(sessions: list[dict[str, Any]], expected: list[str]) -> None:
    found = health(sessions)
    assert [each.status for each in found] == expected
    assert all(bool(each.advice) == (each.status in ("WARNING", "CRITICAL")) for each in found)


def test_hidden_states_are_not_zero() -> None:
    hidden = [{"state": "", "sessions": 3, "most": 100, "server_sessions": 3}]
    assert [each.value for each in health(hidden)] == [None, None, 3]


def test_nobody_is_zero() -> None:
    alone = [{"state": None, "sessions": None, "most": 100, "server_sessions": 1}]
    assert [each.value for each in health(alone)] == [0, 0, 1]
