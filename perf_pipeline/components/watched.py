"""The assets that every watched target has, whatever else its YAML declares."""

import dagster as dg

from perf_pipeline.advice.defs import advice_asset
from perf_pipeline.alerts import defs as alerts_defs
from perf_pipeline.baselines.defs import baseline_asset, slow_queries_asset
from perf_pipeline.baselines.slow_defs import now_check
from perf_pipeline.capacity import defs as capacity_defs
from perf_pipeline.postgres.target import Target
from perf_pipeline.regressions.calibration_defs import calibration_asset
from perf_pipeline.regressions.defs import findings_asset
from perf_pipeline.reports.defs import report_asset
from perf_pipeline.reports.stale_defs import stale_check
from perf_pipeline.snapshots.checks import target_checks
from perf_pipeline.snapshots.defs import relations_rollup_asset, rollup_asset, stats_assets
from perf_pipeline.upkeep import schedule_defs as upkeep_defs


def target_definitions(target: Target) -> dg.Definitions:
    """Return every asset and check of one target.

    Parameters
    ----------
    target : Target

    Returns
    -------
    dagster.Definitions
        Assets `<target>/stats/*`, `<target>/rollup/statements_hourly`,
        `<target>/rollup/relations_daily`, `<target>/baseline/statements`,
        `<target>/report/slow_queries`,
        `<target>/report/findings`, `<target>/report/regressions`, `<target>/report/calibration`,
        `<target>/capacity/plan`, `<target>/capacity/connections`,
        `<target>/alerts/incidents`, `<target>/advice/recommendations`, where upkeep is declared
        `<target>/upkeep/*`,
        and the checks of the service level and of days that are no longer true. Schedules and
        sensors are the fleet's.

    """
    own = dg.Definitions(
        assets=[
            stats_assets(target),
            rollup_asset(target),
            relations_rollup_asset(target),
            baseline_asset(target),
            slow_queries_asset(target),
            findings_asset(target),
            report_asset(target),
            calibration_asset(target),
            advice_asset(target),
            *capacity_defs.target_assets(target),
        ],
        asset_checks=[target_checks(target), stale_check(target), now_check(target)],
    )
    return dg.Definitions.merge(
        own, upkeep_defs.target_definitions(target), alerts_defs.target_definitions(target)
    )
