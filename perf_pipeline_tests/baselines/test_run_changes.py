"""Which execution of a load test began a new level."""

import random
import uuid
from datetime import timedelta

from perf_pipeline.baselines.run_changes import changes
from perf_pipeline_tests.baselines.runs import NOW


def executions(p95: list[float], **more: object) -> list[dict]:
    rng = random.Random(3)
    return [
        {
            "execution_id": uuid.UUID(int=number),
            "test_id": 1,
            "target": "shop",
            "environment": "staging",
            "server_major": 18,
            "status": "COMPLETED",
            "started_at": NOW + timedelta(days=number),
            "p95_ms": value,
            "p99_ms": 900 * rng.uniform(0.95, 1.05),
            "throughput_tps": 100 * rng.uniform(0.97, 1.03),
            "transactions": 10_000,
            "failed": 20,
            "cpu_percent": None,
            "memory_percent": None,
            "rerun_of": None,
            **more,
        }
        for number, value in enumerate(p95)
    ]


def noisy(levels: list[float], seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [level * rng.lognormvariate(0, 0.05) for level in levels]


def test_the_first_execution_of_a_new_level_is_named() -> None:
    rows = executions(noisy([500.0] * 20 + [700.0] * 10))
    (found,) = changes(rows)
    assert (found.metric, found.worse) == ("p95_ms", True)
    assert abs(found.row["execution_id"].int - 20) <= 1
    assert 0.3 < found.relative_change < 0.5
    (better,) = changes(executions(noisy([700.0] * 20 + [500.0] * 10)))
    assert not better.worse


def test_quiet_histories_have_no_change() -> None:
    assert [n for n in range(20) if changes(executions(noisy([500.0] * 30, seed=n)))] == []
    assert changes([]) == []


def test_lines_are_apart_and_runs_without_data_are_left_out() -> None:
    slow = executions(noisy([700.0] * 15), target="other")
    assert changes(executions(noisy([500.0] * 15)) + slow) == []
    rows = executions(noisy([500.0] * 20 + [700.0] * 10))
    for row in rows[20:]:
        row["status"] = "FAILED"
    assert changes(rows) == []


def test_a_loss_of_throughput_is_worse() -> None:
    rows = executions(noisy([500.0] * 30))
    for row in rows[18:]:
        row["throughput_tps"] *= 0.6
    (found,) = changes(rows)
    assert (found.metric, found.worse) == ("throughput_tps", True)
