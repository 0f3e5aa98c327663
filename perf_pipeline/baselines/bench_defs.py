"""Assets of load tests' baselines, the gate on them, and their daily job."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.jobs import singleton_job, utc_schedule_of

if TYPE_CHECKING:
    from perf_pipeline.baselines.runs import Gate

BENCH_JOB: Final = "bench_baselines"
ROLLING_KEY: Final = dg.AssetKey(["bench", "rolling_baseline"])
COMPARISON_KEY: Final = dg.AssetKey(["bench", "baseline_comparison"])
#: The gate.
CHECK: Final = "no_load_test_regressed"


@dg.asset(
    key=ROLLING_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres"},
    tags={"family": "bench"},
    description="One row is one load test on one target, environment and major version, and what "
    "is normal for it: the median of its last ten good executions of 30 days.\n\nA new baseline "
    "retires the old one, which stays in `perf_mgmt.performance_baselines`. While a regression is "
    "open nothing is moved.",
)
def rolling_baseline(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Bring the rolling baseline of every active load test up to date."""
    from perf_pipeline.baselines import kept

    with vocabulary.explained(), vocabulary.open_store() as store:
        changes = kept.update_all(store)
    rows = [
        {"of": str(c.line), "test": c.line.test_id, "action": c.action, "note": c.note}
        for c in sorted(changes, key=lambda c: (c.action != "frozen", c.line))
    ]
    actions = ("set", "unchanged", "frozen", "kept", "none")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(changes),
            **{name: sum(c.action == name for c in changes) for name in actions},
            **({"baselines": vocabulary.table(rows)} if rows else {}),
        }
    )


@dg.asset(
    key=COMPARISON_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres"},
    tags={"family": "bench"},
    deps=[ROLLING_KEY],
    check_specs=[
        dg.AssetCheckSpec(
            CHECK,
            asset=COMPARISON_KEY,
            blocking=True,
            description="The newest execution of every active load test is no worse than normal. "
            "An error: a critical change (confirmed, or suspected and not run again yet), or "
            "nothing to judge by; a warning: a smaller change, no baseline yet, an execution that "
            "never ended.",
        )
    ],
    description="One row is one execution of a load test that has ended, compared with its "
    "rolling and its initial (or manual) baseline: p95, p99, throughput, error rate, CPU, "
    "memory.\n\nA change counts when it is beyond its threshold and beyond what runs vary by; it "
    "is a regression when a re-run agrees. The verdict is kept in `perf_mgmt.test_executions`.",
)
def baseline_comparison(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Judge what has ended since the last time; say what the gate lets through."""
    from perf_pipeline.baselines import run_changes, runs

    with vocabulary.explained(), vocabulary.open_store() as store:
        judged = runs.judge_pending(store)
        changed = [each.as_dict() for each in run_changes.recent(store)]
        gates = runs.newest(store)
        unended = [str(row["execution_id"]) for row in runs.unended(store)]
    table = [each.as_dict() for each in reversed(judged)]
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(judged),
            **runs.counted(gates),
            "unended": len(unended),
            **({"judged": vocabulary.table(table)} if table else {}),
            **({"changes of level": vocabulary.table(changed)} if changed else {}),
        },
        check_results=[result(gates, unended)],
    )


def result(gates: "list[Gate]", unended: Sequence[str] = ()) -> dg.AssetCheckResult:
    """Return the gate's result over the newest execution of each load test.

    Executions that never ended are told of: nobody else would miss them.
    """
    from perf_pipeline.baselines import runs

    held = [each for each in gates if not each.passed]
    blocks = not gates or any(each.blocks for each in gates)
    ranked = [name for name in runs.GATE_OUTCOMES if any(g.outcome == name for g in gates)]
    told = "; ".join(
        f"{each.row['test_name']} {each.row['test_version']} ({each.line}): "
        f"{each.outcome}: {each.reason}"
        for each in sorted(held, key=lambda each: runs.GATE_OUTCOMES.index(each.outcome))[:5]
    )
    if not gates:
        told = "no execution of an active load test within 30 days"
    if unended:
        lost = ", ".join(unended[:5])
        told = f"{told}; " * bool(told) + f"never ended, record them as FAILED: {lost}"
    return dg.AssetCheckResult(
        asset_key=COMPARISON_KEY,
        check_name=CHECK,
        passed=bool(gates) and not held and not unended,
        severity=vocabulary.severity(blocks),
        description=told or "every newest execution is within thresholds",
        metadata={"outcome": ranked[0] if ranked else "NO_DATA", **runs.counted(gates)},
    )


def request_where_tests_ran() -> dg.RunRequest | dg.SkipReason:
    """Ask for a run where a load test that is active ran within 30 days."""
    from perf_pipeline.baselines import runs

    try:
        with vocabulary.open_store() as store:
            gates = runs.newest(store)
    except PerfPipelineError as error:
        return dg.SkipReason(str(error))
    return dg.RunRequest() if gates else dg.SkipReason("no load test ran within 30 days")


def bench_definitions() -> dg.Definitions:
    """Return the two assets with their job and daily schedule."""
    job = singleton_job(
        BENCH_JOB,
        dg.AssetSelection.assets(ROLLING_KEY, COMPARISON_KEY),
        "Update the baselines of load tests, then judge the newest executions.",
        max_runtime_s=1800,
    )

    @utc_schedule_of(
        job,
        "10 2 * * *",
        "Update the baselines of load tests and look at their regressions, at 02:10 "
        "UTC; not where no load test ran within 30 days.",
        name="bench_baselines_daily",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return request_where_tests_ran()

    return dg.Definitions(
        assets=[rolling_baseline, baseline_comparison], jobs=[job], schedules=[daily]
    )
