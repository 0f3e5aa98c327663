"""The asset of thresholds that could be, its job and its weekly schedule."""

from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.baselines.bench_defs import ROLLING_KEY, request_where_tests_ran
from perf_pipeline.jobs import singleton_job, utc_schedule_of

SUGGESTED_KEY: Final = dg.AssetKey(["bench", "suggested_thresholds"])
JOB: Final = "bench_thresholds"


@dg.asset(
    key=SUGGESTED_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres"},
    tags={"family": "bench"},
    deps=[ROLLING_KEY],
    description="One row is one threshold of a load test that its own good runs say something of: "
    "what it is, what it could be, the smallest change that a run could be suspected for, and how "
    "many of the runs would have been false alarms under either.\n\nNothing is changed by it: "
    "`perf-pipeline baseline set` takes thresholds, and so does the test's definition.",
)
def suggested_thresholds(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Judge every line's good runs again, and say which thresholds would fit them."""
    from perf_pipeline.baselines import suggest_build

    with vocabulary.explained(), vocabulary.open_store() as store:
        found = suggest_build.suggest_all(store)
    rows = [row for each in found for row in each.as_dicts()]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "tests": len(found),
            "too_few_runs": sum(not each.suggestions for each in found),
            "false_alarms_now": sum(row["false_now"] for row in rows),
            "false_alarms_suggested": sum(row["false_suggested"] for row in rows),
            **({"suggestions": vocabulary.table(rows)} if rows else {}),
        }
    )


def suggest_definitions() -> dg.Definitions:
    """Return the asset with its job and weekly schedule."""
    job = singleton_job(
        JOB,
        dg.AssetSelection.assets(SUGGESTED_KEY),
        "Say which thresholds of load tests would fit what their runs vary by.",
        max_runtime_s=1800,
    )

    @utc_schedule_of(
        job,
        "50 5 * * 1",
        "Suggest thresholds of load tests, Mondays at 05:50 UTC, before the week's report; not "
        "where no load test ran within 30 days.",
        name="bench_thresholds_weekly",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return request_where_tests_ran()

    return dg.Definitions(assets=[suggested_thresholds], jobs=[job], schedules=[weekly])
