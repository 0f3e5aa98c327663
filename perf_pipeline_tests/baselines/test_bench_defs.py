"""The assets of load tests, and what their gate says, stops and lets pass."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.baselines import bench_defs
from perf_pipeline.store import Store, executions
from perf_pipeline_tests.baselines.runs import NOW, TEST, record

pytestmark = pytest.mark.server

#: Minutes from the real now to NOW, from which `record` counts back.
OFFSET = (NOW - datetime.now(UTC)).total_seconds() / 60


@pytest.fixture
def bench(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Return a function that records an execution some minutes ago, in the store of the assets."""
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    test_id = executions.record_test(store, TEST)
    return lambda minutes, **changes: record(store, test_id, OFFSET + minutes, **changes)


@dg.asset(deps=[bench_defs.COMPARISON_KEY])
def release() -> None:
    """Stand for what must not happen after a regression."""


def materialize() -> tuple[dg.ExecuteInProcessResult, dict[str, object], dg.AssetCheckEvaluation]:
    assets = [bench_defs.rolling_baseline, bench_defs.baseline_comparison, release]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(assets, instance=instance, raise_on_error=False)
    (event,) = result.asset_materializations_for_node("bench__baseline_comparison")
    (check,) = result.get_asset_check_evaluations()
    return result, {name: value.value for name, value in event.metadata.items()}, check


def outcome(check: dg.AssetCheckEvaluation) -> tuple[object, bool, str]:
    return check.metadata["outcome"].value, check.passed, check.severity.value


def test_the_gate_stops_what_depends_on_it(bench: Callable[..., object]) -> None:
    _, figures, check = materialize()
    assert outcome(check) == ("NO_DATA", False, "ERROR")
    bench(100)
    result, figures, check = materialize()
    assert (figures["dagster/row_count"], figures["NO_BASELINE"]) == (1, 1)
    assert outcome(check) == ("NO_BASELINE", False, "WARN")
    assert result.success
    for n in range(5):
        bench(90 - n)
    result, figures, check = materialize()
    assert (figures["dagster/row_count"], figures["OK"]) == (5, 1)
    assert outcome(check)[:2] == ("OK", True)
    assert result.success
    bad = bench(50, p95_ms=2_000.0, p99_ms=3_000.0)
    result, _, check = materialize()
    assert outcome(check) == ("SUSPECTED", False, "ERROR")
    assert "checkout 1.0 (shop, staging, PostgreSQL 18)" in str(check.description)
    bench(49, p95_ms=2_000.0, p99_ms=3_000.0, rerun_of=bad)
    result, figures, check = materialize()
    assert outcome(check) == ("REGRESSED", False, "ERROR")
    assert not result.success
    assert result.asset_materializations_for_node("release") == []
    (rolled,) = result.asset_materializations_for_node("bench__rolling_baseline")
    assert rolled.metadata["unchanged"].value == 1  # judged after it
    result, _, _ = materialize()
    (rolled,) = result.asset_materializations_for_node("bench__rolling_baseline")
    assert rolled.metadata["frozen"].value == 1


def test_a_mild_regression_warns_and_lets_pass(bench: Callable[..., object]) -> None:
    for n in range(6):
        bench(90 - n)
    bad = bench(50, p95_ms=650.0)
    bench(49, p95_ms=640.0, rerun_of=bad)
    result, _, check = materialize()
    assert outcome(check) == ("REGRESSED", False, "WARN")
    assert result.success
    assert len(result.asset_materializations_for_node("release")) == 1


def test_the_execution_a_new_level_began_with_is_told(bench: Callable[..., object]) -> None:
    rng = random.Random(5)
    made = [
        bench(
            60 * 24 * (31 - n) / 2,
            p95_ms=(700.0 if n >= 20 else 500.0) * rng.uniform(0.97, 1.03),
            commit_sha=f"c{n}",
        )
        for n in range(30)
    ]
    result, _, _ = materialize()
    (event,) = result.asset_materializations_for_node("bench__baseline_comparison")
    table = event.metadata["changes of level"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert (record.data["execution_id"], record.data["commit"]) == (str(made[20]), "c20")
    assert (record.data["metric"], record.data["worse"]) == ("p95_ms", True)


def test_an_execution_that_never_ended_is_told_of(bench: Callable[..., object]) -> None:
    for n in range(2):
        bench(90 - n)
    empty = dict.fromkeys(
        ("transactions", "failed", "p50_ms", "p95_ms", "p99_ms", "throughput_tps", "completed_at")
    )
    bench(80, status="RUNNING", **empty)
    _, figures, check = materialize()
    assert (figures["unended"], check.passed) == (0, True)
    lost = bench(60 * 25, status="RUNNING", **empty)
    result, figures, check = materialize()
    assert figures["unended"] == 1
    assert outcome(check) == ("OK", False, "WARN")
    assert f"never ended, record them as FAILED: {lost}" in str(check.description)
    assert result.success


def test_the_schedule_rests_where_no_load_test_ran(bench: Callable[..., object]) -> None:
    (daily,) = bench_defs.bench_definitions().schedules or []
    assert isinstance(daily, dg.ScheduleDefinition)

    def tick() -> object:
        with dg.DagsterInstance.ephemeral() as instance:
            return daily.evaluate_tick(dg.build_schedule_context(instance=instance))

    assert tick().skip_message == "no load test ran within 30 days"  # type: ignore[attr-defined]
    bench(10)
    assert len(tick().run_requests) == 1  # type: ignore[attr-defined]
