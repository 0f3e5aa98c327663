"""Load tests and executions to record."""

import uuid
from datetime import UTC, datetime, timedelta

from perf_pipeline.baselines import runs
from perf_pipeline.store import Store, executions
from perf_pipeline.store.load_tests import Execution, LoadTest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TEST = LoadTest("checkout", "1.0", environments=("development", "staging"))


def execution(test_id: int, minutes: float = 0, **changes: object) -> Execution:
    """Return an execution that began some minutes before NOW."""
    start = NOW - timedelta(minutes=minutes)
    made: dict[str, object] = {
        "execution_id": uuid.uuid4(),
        "test_id": test_id,
        "target": "shop",
        "environment": "staging",
        "status": "COMPLETED",
        "server_version_num": 180001,
        "database_version": "PostgreSQL 18.1",
        "started_at": start,
        "completed_at": start + timedelta(seconds=60),
        "transactions": 9_900,
        "failed": 100,
        "p50_ms": 100.0,
        "p95_ms": 500.0,
        "p99_ms": 900.0,
        "max_ms": None,
        "throughput_tps": 165.0,
    }
    return Execution(**{**made, **changes})  # type: ignore[arg-type]


def record(store: Store, test_id: int, minutes: float, **changes: object) -> uuid.UUID:
    """Record an execution and return its id."""
    made = execution(test_id, minutes, **changes)
    assert executions.record_execution(store, made)
    return made.execution_id


def states(store: Store) -> list[str | None]:
    """Return the states of all executions, oldest first."""
    return [row["state"] for row in executions.read(store)]


def judged(store: Store) -> list[str]:
    """Judge what is pending and return the new states."""
    return [each.verdict.state.value for each in runs.judge_pending(store, NOW)]
