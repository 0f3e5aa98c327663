"""What concerns all targets at once: one collection, one sensor, the jobs they start."""

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.advice import defs as advice_defs
from perf_pipeline.alerts import defs as alerts_defs
from perf_pipeline.baselines.bench_defs import bench_definitions
from perf_pipeline.baselines.slow_defs import slow_sensor
from perf_pipeline.baselines.suggest_defs import suggest_definitions
from perf_pipeline.capacity import defs as capacity_defs
from perf_pipeline.components.answers import answers_of
from perf_pipeline.components.target import PostgresTarget, require_distinct
from perf_pipeline.invalidation import defs as invalidation_defs
from perf_pipeline.invalidation import events_defs
from perf_pipeline.jobs import singleton_job
from perf_pipeline.partitions.defs import partition_definitions
from perf_pipeline.postgres.target import Target
from perf_pipeline.regressions.calibration_defs import calibration_job, calibration_schedule
from perf_pipeline.reports.availability.defs import availability_definitions
from perf_pipeline.reports.defs import report_job_name, reports_sensor
from perf_pipeline.reports.loadtests.defs import daily_definitions
from perf_pipeline.reports.loadtests.week_defs import weekly_definitions
from perf_pipeline.reports.period.defs import period_definitions
from perf_pipeline.reports.stale_defs import stale_check_key
from perf_pipeline.snapshots import probe_defs
from perf_pipeline.snapshots.checks import check_keys
from perf_pipeline.snapshots.collection import collect_job, collect_schedule, collection_asset
from perf_pipeline.upkeep import schedule_defs as upkeep_defs
from perf_pipeline.views.schedule_defs import schedules_definitions


def fleet_definitions(context: dg.ComponentLoadContext) -> dg.Definitions:
    """Return the fleet's definitions over every `PostgresTarget` of a project.

    Call it once, from a `@dg.definitions` function in the project's `defs/` folder; the targets
    are taken from the component tree, so that there is no second list.

    Parameters
    ----------
    context : dagster.ComponentLoadContext
        As handed to the `@dg.definitions` function.

    Returns
    -------
    dagster.Definitions
        Asset `fleet/collection`, job `collect`, schedule `collect_every_5_minutes`; per target the
        jobs `report_<target>` and `calibrate_<target>`, sensors `daily_reports_due` and
        `monitor_slow_queries`; of load tests the assets `bench/*`, jobs `bench_baselines`,
        `bench_reports`, `bench_thresholds`, `bench_executive_report`, their schedules; the assets
        `<target>/report/weekly` and `/monthly` with a job and a schedule for all targets; of views
        per target job `refresh_<target>` with its schedules, and sensor `views_asked_for`; of
        upkeep a job and a schedule per operation, sensor `maintenance_due`, and job
        `maintenance_status` with its hourly schedule; per target with partition policies the jobs
        `partition_maintenance_<target>` and `partition_archive_<target>` with their schedules, and
        the sensor `partition_headroom`; per target with an event queue the jobs
        `event_queue_<target>` and `ingest_events_<target>`, and the sensor `event_backlog`; the
        jobs and schedules `capacity_daily` and `advice_weekly`; the sensor `probes`; job
        `availability_reports` with its schedule; of alerts the sensor `alerts`; of
        cached values the assets `<target>/cache/*`, job `cache_invalidation` with its sensor, and
        job `cache_invalidation_checks` with its schedule.

    Raises
    ------
    ConfigurationError
        Two targets have one name.

    """
    components = context.component_tree.get_all_components(of_type=PostgresTarget)
    require_distinct(components)
    targets = sorted((component.target() for component in components), key=lambda t: t.name)
    collect = collect_job()
    reports = [report_job(target) for target in targets]
    calibrations = [calibration_job(target) for target in targets]
    others = dg.Definitions.merge(
        dg.Definitions(
            assets=[collection_asset(targets)],
            jobs=[collect, *reports, *calibrations],
            schedules=[
                collect_schedule(collect),
                *(calibration_schedule(*pair) for pair in zip(targets, calibrations, strict=True)),
            ],
            sensors=[reports_sensor(targets, reports), slow_sensor(targets)] if targets else [],
        ),
        bench_definitions(),
        suggest_definitions(),
        period_definitions(targets),
        availability_definitions(targets),
        schedules_definitions(
            sorted(
                ((component.target(), component.view_policies()) for component in components),
                key=lambda pair: pair[0].name,
            )
        ),
        daily_definitions(),
        weekly_definitions(targets),
        probe_defs.fleet_definitions(targets),
        upkeep_defs.fleet_definitions(targets),
        events_defs.fleet_definitions(
            [(component.target(), component.events()) for component in components]
        ),
        advice_defs.fleet_definitions(targets),
        capacity_defs.fleet_definitions(targets),
        invalidation_defs.fleet_definitions(
            sorted(
                ((component.target(), component.cache_types()) for component in components),
                key=lambda pair: pair[0].name,
            )
        ),
        partition_definitions(
            [(component.target(), component.partition_policies()) for component in components]
        ),
    )
    alerts = alerts_defs.fleet_definitions(targets, answers_of(components, others))
    return dg.Definitions.merge(others, alerts)


def report_job(target: Target) -> vocabulary.AssetJob:
    """Return `report_<target>`: rollups, baseline, findings, report, and the checks."""
    derived = dg.AssetSelection.assets(
        vocabulary.key(target, "rollup", "statements_hourly"),
        vocabulary.key(target, "rollup", "relations_daily"),
        vocabulary.key(target, "baseline", "statements"),
        vocabulary.key(target, "report", "slow_queries"),
        vocabulary.key(target, "report", "findings"),
        vocabulary.key(target, "report", "regressions"),
    )
    return singleton_job(
        report_job_name(target),
        derived | dg.AssetSelection.checks(*check_keys(target), stale_check_key(target)),
        f"Bring a range of days of {target.name} up to date, sweeps to report.",
        max_runtime_s=3600,
    )
