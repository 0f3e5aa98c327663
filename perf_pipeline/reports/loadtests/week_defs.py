"""The weekly report of all load tests: its asset, job and schedule."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports import files
from perf_pipeline.reports.loadtests.defs import (
    ROLLING_KEY,
    bench_key,
    health_figures,
    request_where_tests_ran,
)
from perf_pipeline.reports.period import WEEKLY
from perf_pipeline.reports.period.defs import partitions

EXECUTIVE_KEY: Final = bench_key("executive_report")
JOB: Final = "bench_executive_report"


def executive_report(weeks: dg.TimeWindowPartitionsDefinition) -> dg.AssetsDefinition:
    """Return `bench/executive_report`, weekly."""

    @dg.asset(
        key=EXECUTIVE_KEY,
        group_name=vocabulary.FLEET_GROUP,
        kinds={"postgres", "markdown"},
        tags={"family": "bench"},
        deps=[dg.AssetDep(ROLLING_KEY)],
        partitions_def=weeks,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="One row is one week's report of all load tests, Monday to Sunday: health of "
        "each test, by industry, trends, regressions, slow statements, advice; self-contained "
        "HTML, and Markdown.",
    )
    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.reports.loadtests import build, render

        folder = settings.current().home_dir / "reports"
        asked = vocabulary.days(context)
        made = 0
        with vocabulary.explained(), vocabulary.open_store() as store:
            for key in context.partition_keys:
                week = weeks.time_window_for_partition_key(key)
                found = build.of_range(store, week.start, week.end)
                path = files.write(
                    folder, "loadtests", week.start.date(), render.range_html(found), WEEKLY
                )
                context.add_asset_metadata(
                    {
                        "dagster/partition_row_count": found.executions,
                        **health_figures(found),
                        "html": dg.MetadataValue.path(path),
                        "report": dg.MetadataValue.md(render.range_markdown(found)),
                    },
                    partition_key=key,
                )
                made += 1
        return dg.MaterializeResult(metadata={"run": f"{asked}: {made:,} reports"})

    return report


def weekly_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the weekly report with its job and schedule; none without a target.

    Parameters
    ----------
    targets : sequence of Target
        The weeks begin with the first day of any.

    """
    if not targets:
        return dg.Definitions()
    weeks = partitions(targets, WEEKLY)
    asset = executive_report(weeks)
    job = singleton_job(
        JOB,
        dg.AssetSelection.assets(asset),
        "Report on the load tests of a week.",
        max_runtime_s=1800,
    )

    @utc_schedule_of(
        job,
        "10 6 * * 1",
        "Report on the load tests of the week that has ended, Mondays at 06:10 UTC; "
        "not where none ran in it.",
        name="bench_executive_report_weekly",
    )
    def ended(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        # the last one is not over yet
        keys = weeks.get_partition_keys(context.scheduled_execution_time)
        if len(keys) < 2:
            return dg.SkipReason("no week has ended yet")
        begun = datetime.fromisoformat(keys[-2]).replace(tzinfo=UTC)
        return request_where_tests_ran(begun, "the week that has ended", partition_key=keys[-2])

    return dg.Definitions(assets=[asset], jobs=[job], schedules=[ended])
