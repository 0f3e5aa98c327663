"""Each rule at its limit, what it shows, and what is said where nothing was measured."""

from typing import Any

import pytest

from perf_pipeline.reports.loadtests import advice
from perf_pipeline_tests.reports.loadtests.made import statement

ROW: dict[str, Any] = {
    "status": "COMPLETED",
    "state": "OK",
    "worst": "OK",
    "p95_ms": 1000.0,
    "throughput_tps": 100.0,
    "error_percent": 5.0,
    "cpu_percent": 80.0,
    "memory_percent": 85.0,
    "failed": 0,
    "connections": 16,
    "error_classes": {},
    "settings": {"work_mem": "4MB", "shared_buffers": "128MB"},
    "metadata": {},
    "comparison": {},
}
QUERIES = [
    {**statement(1, 100, 5.0), "mean_ms": 5.0},
    {**statement(2, 10, 1000.0), "mean_ms": 1000.0},
]


def found(queries: Any = QUERIES, **changes: object) -> list[tuple[str, str]]:
    row = {**ROW, **changes}
    return [(each.category, each.severity) for each in advice.advise(row, queries)]


def test_at_every_limit_all_is_well() -> None:
    (only,) = advice.advise(ROW, QUERIES)
    assert (only.category, only.severity) == ("OPTIMIZATION", "LOW")
    assert "p95_ms" in only.text or "error_percent" in only.text
    assert only.evidence["p95_ms"] == 1000.0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"p95_ms": 1000.1}, ("RESPONSE_TIME", "HIGH")),
        ({"cpu_percent": 80.1}, ("RESOURCE_USAGE", "HIGH")),
        ({"memory_percent": 85.1}, ("RESOURCE_USAGE", "MEDIUM")),
        ({"error_percent": 5.1, "error_classes": {"40001": 7}}, ("ERROR_RATE", "CRITICAL")),
        (
            {
                "state": "REGRESSED",
                "worst": "CRITICAL",
                "comparison": {"reason": "p95", "differs": {"settings.work_mem": ["4MB", "1MB"]}},
            },
            ("REGRESSION", "CRITICAL"),
        ),
        ({"state": "SUSPECTED", "worst": "CRITICAL"}, ("REGRESSION", "MEDIUM")),
    ],
)
def test_each_rule_fires_alone_beyond_its_limit(
    changes: dict[str, object], expected: tuple[str, str]
) -> None:
    assert found(**changes) == [expected]


def test_slow_statements_are_counted_and_shown() -> None:
    slow = [
        {**statement(n, 10, mean), "mean_ms": mean}
        for n, mean in enumerate((1000.1, 3000.0, 2000.0, 1500.0), 5)
    ]
    (only,) = advice.advise(ROW, [*QUERIES, *slow])
    assert (only.category, only.severity) == ("QUERY_PERFORMANCE", "MEDIUM")
    assert only.text.startswith("4 statements took more than 1,000 ms")
    assert [each["mean_ms"] for each in only.evidence["slowest"]] == [3000.0, 2000.0, 1500.0]
    assert only.as_dict()["action_items"]


def test_the_gravest_comes_first_and_names_its_evidence() -> None:
    differs = {"settings.work_mem": ["4MB", "1MB"]}
    many = {
        "memory_percent": 99.0,
        "p95_ms": 2000.0,
        "error_percent": 50.0,
        "failed": 10,
        "error_classes": {"serialization or deadlock": 10},
        "state": "REGRESSED",
        "worst": "WARNING",
        "comparison": {"reason": "p95 +100 % against ROLLING", "differs": differs},
    }
    all_of_it = advice.advise({**ROW, **many}, QUERIES)
    assert [each.severity for each in all_of_it] == ["CRITICAL", "HIGH", "HIGH", "MEDIUM"]
    assert all_of_it[0].evidence["classes"] == {"serialization or deadlock": 10}
    assert "settings.work_mem" in all_of_it[1].actions[0]
    heaviest = all_of_it[2].evidence["heaviest_statements"]
    assert [each["total_ms"] for each in heaviest] == [10_000.0, 500.0]
    assert all_of_it[3].evidence["work_mem"] == "4MB"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "FAILED", "p95_ms": None, "throughput_tps": None, "error_percent": None},
        {"p95_ms": None},
        {"p95_ms": 0.0},
        {"throughput_tps": 0.0},
        {"error_percent": None},
    ],
)
def test_what_was_not_measured_is_never_within_acceptable_ranges(
    changes: dict[str, object],
) -> None:
    # D-059
    assert found(**changes) == [("NO_DATA", "HIGH")]


def test_what_no_rule_could_look_at_keeps_it_from_being_called_well() -> None:
    assert found(cpu_percent=None) == [("NO_DATA", "LOW")]
    assert found(queries=None) == [("NO_DATA", "LOW")]
    assert found(cpu_percent=None, p95_ms=2000.0) == [("RESPONSE_TIME", "HIGH"), ("NO_DATA", "LOW")]
    (only,) = advice.advise({**ROW, "memory_percent": None}, None)
    assert only.evidence["missing"] == ["memory", "statements"]


def test_a_failed_run_tells_its_reason_a_running_one_waits() -> None:
    row = {**ROW, "status": "FAILED", "p95_ms": None, "metadata": {"reason": "pgbench ended"}}
    (only,) = advice.advise(row, None)
    assert "pgbench ended" in only.text
    (only,) = advice.advise({**row, "status": "RUNNING"}, None)
    assert only.text.startswith("It has not ended")
