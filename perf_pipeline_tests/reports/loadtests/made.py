"""Executions of load tests that are recorded and judged, some minutes before now."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from perf_pipeline.baselines import runs
from perf_pipeline.store import Store, executions
from perf_pipeline_tests.baselines.runs import NOW, TEST, execution

#: Minutes from the real now to the NOW that `execution` counts back from.
OFFSET = (NOW - datetime.now(UTC)).total_seconds() / 60


def statement(number: int, calls: int, mean_ms: float, **changes: object) -> dict[str, object]:
    """Return a row of perf_mgmt.query_performance."""
    text = f"SELECT {'x' * number} FROM hs.orders WHERE id = $1"
    return {
        "userid": 10,
        "dbid": 5,
        "queryid": number,
        "toplevel": True,
        "query_hash": hashlib.sha256(text.encode()).hexdigest(),
        "query": text,
        "query_type": "SELECT",
        "calls": calls,
        "total_ms": calls * mean_ms,
        "rows": calls,
        "shared_blks_hit": 10 * calls,
        "shared_blks_read": calls,
        "temp_blks_written": 0,
        **changes,
    }


def operation(name: str, p95_ms: float, **changes: object) -> dict[str, object]:
    """Return a row of perf_mgmt.execution_transactions."""
    return {
        "name": name,
        "transactions": 1_000,
        "failed": 10,
        "skipped": 0,
        "mean_ms": p95_ms / 3,
        "p50_ms": p95_ms / 4,
        "p95_ms": p95_ms,
        "p99_ms": p95_ms * 1.5,
        "max_ms": p95_ms * 4,
        **changes,
    }


def series(minutes: float, points: int = 20) -> pl.DataFrame:
    """Return rows of perf_mgmt.performance_metrics, two stages of three seconds a point."""
    start = (NOW - timedelta(minutes=minutes)).replace(tzinfo=None)
    rows: list[Mapping[str, Any]] = []
    for n in range(points):
        ts = start + timedelta(seconds=3 * n)
        stage = "ramp" if n < points // 4 else "steady"
        context = f'{{"stage": "{stage}"}}'
        for kind, name, value, unit in (
            *(("response_time", f"p{p}", p * (1 + n % 5 / 10), "ms") for p in (50, 95, 99)),
            ("throughput", "transactions", 150.0 + n % 7, "1/s"),
            ("throughput", "failed", float(n % 2), "1/s"),
        ):
            rows.append({"ts": ts, "metric_type": kind, "name": name, "value": value,
                         "unit": unit, "context": context})  # fmt: skip
    for n, (stage, users) in enumerate((("ramp", 50.0), ("steady", 100.0))):
        ts = start + timedelta(seconds=3 * n * (points // 4))
        rows.append({"ts": ts, "metric_type": "connections", "name": "users", "value": users,
                     "unit": "users", "context": f'{{"stage": "{stage}"}}'})  # fmt: skip
    return pl.DataFrame(rows)


def record(
    store: Store,
    minutes: float,
    *,
    statements: list[dict[str, object]] | None = None,
    operations: list[dict[str, object]] | None = None,
    with_series: bool = False,
    judged: bool = True,
    test: Any = TEST,
    **changes: object,
) -> UUID:
    """Record an execution that began some minutes before now, judge it, return its id."""
    test_id = executions.record_test(store, test)
    made = execution(test_id, OFFSET + minutes, **changes)
    parts = {
        "transactions": pl.DataFrame(operations) if operations else None,
        "metrics": series(OFFSET + minutes) if with_series else None,
        "queries": pl.DataFrame(statements) if statements else None,
    }
    assert executions.record_execution(store, made, **parts)
    if judged and made.status != "RUNNING":
        runs.judge_one(store, made.execution_id)
    return made.execution_id


#: What an execution lacks that never ended, or failed.
EMPTY: dict[str, object] = dict.fromkeys(
    ("transactions", "failed", "p50_ms", "p95_ms", "p99_ms", "throughput_tps")
)
