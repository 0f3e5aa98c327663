"""The health of an execution, here and in the store's views."""

from itertools import product
from typing import Any

import pytest

from perf_pipeline.reports.loadtests import health
from perf_pipeline.store import Store

GOOD: dict[str, Any] = {
    "status": "COMPLETED",
    "state": "OK",
    "p95_ms": 500.0,
    "throughput_tps": 100.0,
    "error_percent": 0.0,
    "cpu_percent": 40.0,
    "memory_percent": 60.0,
    "metadata": {},
}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "HEALTHY"),
        ({"cpu_percent": None}, "HEALTHY"),  # a server elsewhere: nobody can tell
        ({"p95_ms": 1000.0, "error_percent": 5.0, "cpu_percent": 80.0}, "HEALTHY"),
        ({"p95_ms": 1000.1}, "SLOW_RESPONSE"),
        ({"error_percent": 5.1, "p95_ms": 1001.0}, "HIGH_ERROR_RATE"),
        ({"cpu_percent": 80.1}, "HIGH_CPU"),
        ({"state": "REGRESSED", "error_percent": 50.0}, "REGRESSION"),
        ({"state": "SUSPECTED"}, "SUSPECTED"),
        ({"state": "NO_BASELINE"}, "NO_BASELINE"),
        ({"state": None}, "UNJUDGED"),
        ({"state": None, "p95_ms": 2000.0}, "SLOW_RESPONSE"),
        ({"metadata": {"broken_limits": ["p95 is above"]}}, "LIMIT_BROKEN"),
        ({"metadata": {"broken_limits": []}}, "HEALTHY"),
        # D-064: a failed run with no metrics is not healthy; D-053: nor is one that measured 0
        ({"status": "FAILED", "p95_ms": None, "state": "NO_DATA"}, "FAILED"),
        ({"status": "RUNNING", "state": None}, "RUNNING"),
        ({"p95_ms": None}, "NO_DATA"),
        ({"p95_ms": 0.0}, "NO_DATA"),
        ({"throughput_tps": 0.0}, "NO_DATA"),
        ({"error_percent": None}, "NO_DATA"),
    ],
)
def test_the_word_of_an_execution(changes: dict[str, Any], word: str) -> None:
    assert health.status({**GOOD, **changes}) == word


def test_a_score_counts_what_says_something() -> None:
    rows = [{**GOOD, "status": status} for status in ("RUNNING", "CANCELLED")]
    assert health.score(rows).percent is None
    rows += [GOOD, GOOD, {**GOOD, "state": "REGRESSED"}, {**GOOD, "p95_ms": None}]
    found = health.score(rows)
    assert (found.healthy, found.counted, found.percent) == (2, 4, 50.0)
    assert list(found.words) == ["REGRESSION", "NO_DATA", "CANCELLED", "RUNNING", "HEALTHY"]


def test_the_room_left_is_of_the_nearest_limit() -> None:
    found = health.room({**GOOD, "p95_ms": 1200.0, "memory_percent": None})
    assert [each.metric for each in found] == ["p95_ms", "cpu_percent", "error_percent"]
    assert found[0].share == pytest.approx(-0.2)


@pytest.mark.server
def test_the_store_says_the_same(store: Store) -> None:
    grid = list(
        product(
            ("RUNNING", "COMPLETED", "FAILED", "CANCELLED"),
            (None, "OK", "SUSPECTED", "REGRESSED", "NO_BASELINE", "NO_DATA"),
            (None, 0.0, 1000.0, 1000.5),
            (None, 0.0, 5.0),
            (None, 5.0, 5.5),
            (None, 80.0, 81.0),
            (False, True),
        )
    )
    columns = list(zip(*grid, strict=True))
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT perf_mgmt.health_status(a, b, c, d, e, f, g) FROM unnest("
            "%s::text[], %s::text[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],"
            " %s::bool[]) WITH ORDINALITY AS t (a, b, c, d, e, f, g, n) ORDER BY n",
            [list(column) for column in columns],
        ).fetchall()
    names = ("status", "state", "p95_ms", "throughput_tps", "error_percent", "cpu_percent")
    ours = [
        health.status(
            {**dict(zip(names, each[:-1], strict=True)),
             "metadata": {"broken_limits": ["one"] if each[-1] else []}}
        )
        for each in grid
    ]  # fmt: skip
    assert [row[0] for row in rows] == ours
    assert set(ours) == set(health.WORDS)
