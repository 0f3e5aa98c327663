"""The definitions as Dagster's own programs load them: complete, light, without any server."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import dagster as dg
import pytest
import yaml

from perf_pipeline.components.catalog import declared_caches

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

ASSETS = [
    "bench/baseline_comparison",
    "bench/dashboard",
    "bench/executive_report",
    "bench/performance_report",
    "bench/performance_trends",
    "bench/recommendations",
    "bench/rolling_baseline",
    "bench/suggested_thresholds",
    "bench/top_issues",
    "fleet/alert_deliveries",
    "fleet/collection",
    "platform/housekeeping",
    "platform/ledger_archive",
    "platform/logs",
    "platform/metrics_export",
    "thorbis/advice/recommendations",
    "thorbis/baseline/statements",
    "thorbis/capacity/connections",
    "thorbis/capacity/plan",
    "thorbis/report/calibration",
    "thorbis/report/findings",
    "thorbis/report/monthly",
    "thorbis/report/regressions",
    "thorbis/report/slow_queries",
    "thorbis/report/weekly",
    "thorbis/rollup/relations_daily",
    "thorbis/rollup/statements_hourly",
    "thorbis/stats/activity",
    "thorbis/stats/bloat",
    "thorbis/stats/database",
    "thorbis/stats/functions",
    "thorbis/stats/indexes",
    "thorbis/stats/replication",
    "thorbis/stats/schema_objects",
    "thorbis/stats/server",
    "thorbis/stats/settings",
    "thorbis/stats/statements",
    "thorbis/stats/tables",
]
CHECKS = [
    "bench/baseline_comparison:no_load_test_regressed",
    "bench/dashboard:newest_runs_are_healthy",
    "bench/performance_trends:no_test_gets_slower",
    "platform/ledger_archive:archive_holds_what_was_written",
    "platform/ledger_archive:days_leave_the_store_in_time",
    "thorbis/advice/recommendations:nothing_critical_is_advised",
    "thorbis/advice/recommendations:settings_are_as_meant",
    "thorbis/capacity/connections:connections_are_healthy",
    "thorbis/capacity/plan:nothing_runs_out_soon",
    "thorbis/capacity/plan:resources_have_room",
    "thorbis/report/calibration:false_alarms_as_rare_as_promised",
    "thorbis/report/regressions:days_rest_on_the_ledger_as_it_is",
    "thorbis/report/slow_queries:nothing_is_slower_now",
    "thorbis/report/slow_queries:slow_statements_as_fast_as_usual",
    "thorbis/stats/database:cache_hits",
    "thorbis/stats/database:connection_time",
    "thorbis/stats/statements:active_time_covered",
    "thorbis/stats/statements:collection_cost",
    "thorbis/stats/statements:query_p95",
]
#: Service levels that one system promises and the others do not.
PROMISED = [
    "guardian/capacity/shards:shards_are_balanced",
    "menuca/recovery/drills:failover_recovery_is_proved",
    "menuca/recovery/drills:full_recovery_is_proved",
    "menuca/recovery/drills:point_in_time_recovery_is_proved",
    "menuca/recovery/drills:tenant_recovery_is_proved",
    "menuca/recovery/drills:wal_reaches_any_moment",
    "menuca/report/availability:error_budget_is_left",
    "menuca/stats/database:availability",
    "menuca/stats/database:throughput",
    "menuca/stats/database:users",
    "menuca/stats/statements:peak_p95",
    "menuca/stats/tables:tenants",
    "thorbis/capacity/tenants:no_tenant_is_noisy",
    "thorbis/stats/statements:analytics_time",
    "thorbis/stats/statements:bulk_time",
    "thorbis/stats/statements:response_time",
]
#: Cache types of each system that declares some, and what each of these has.
CACHES = {
    system: found
    for system in ("guardian", "menuca", "thorbis")
    if (found := declared_caches(system)[1])
}
CACHE_ASSETS = [
    f"{system}/cache/{re.sub('[^A-Za-z0-9_]+', '_', name)}"
    for system, caches in CACHES.items()
    for name in ["invalidation_queue", "invalidation_status", *(cache.name for cache in caches)]
]
CACHE_TABLES = {
    f"{system}/table/{table.replace('.', '/')}"
    for system, caches in CACHES.items()
    for cache in caches
    for table in [*(each.table for each in cache.captured), cache.keeps]
    if table
}
CACHE_CHECKS = [
    f"{system}/cache/invalidation_status:{check}"
    for system in CACHES
    for check in ("captured", "dead", "known", "oldest", "pending", "quick", "staleness")
]
CACHE_JOBS = ["cache_invalidation", "cache_invalidation_checks"]
#: Assets that one system has and the others do not.
ALONE = [
    "menuca/report/availability",
    "guardian/capacity/shards",
    *(
        f"guardian/module/{name}"
        for name in ("api_performance", "core_schema", "data_pipeline", "security_compliance")
    ),
    "guardian/report/dashboards_by_shard",
    "menuca/recovery/base_backup",
    "menuca/recovery/drills",
    "omninode/events/performance",
    "omninode/events/queue",
    "thorbis/capacity/tenants",
]
#: Partitioned tables of the systems; those with a retention have a job that archives and drops.
PARTITIONED = {
    "guardian": ("audit_log", "document_processing_stages"),
    "menuca": ("audit_logs", "orders"),
    "omninode": ("hook_events",),
    "thorbis": ("activity_stream",),
}
DROPPING = ("guardian", "thorbis")
PARTITION_ASSETS = [
    *(
        f"{system}/partition_{what}/{table}"
        for system, tables in PARTITIONED.items()
        for table in tables
        for what in ("catalog", "plan")
    ),
    *(f"{s}/partitions/{step}" for s in PARTITIONED for step in ("created", "archived", "dropped")),
]
PARTITION_CHECKS = [
    *(
        f"{system}/partition_catalog/{table}:{check}"
        for system, tables in PARTITIONED.items()
        for table in tables
        for check in ("current_and_premake_exist", "default_is_empty", "headroom_in_days")
    ),
    *(
        f"{s}/partitions/{step}:every_step_done"
        for s in PARTITIONED
        for step in ("created", "archived", "dropped")
    ),
    "menuca/partition_catalog/orders:buckets_are_even",
]
PARTITION_JOBS = [
    "alert_delivery",
    "advice_weekly",
    *(f"partition_maintenance_{system}" for system in PARTITIONED),
    *(f"partition_archive_{system}" for system in DROPPING),
]
JOBS = [
    "bench_baselines",
    "bench_executive_report",
    "bench_reports",
    "bench_thresholds",
    "calibrate_thorbis",
    "capacity_daily",
    "collect",
    "housekeeping",
    "metrics_export",
    "ledger_archive",
    "maintenance_status",
    "monthly_reports",
    "report_thorbis",
    "weekly_reports",
]

#: The example systems; what is listed above of thorbis each of them has.
SYSTEMS = ("guardian", "menuca", "omninode", "thorbis")
ALERTS = [f"{system}/alerts/incidents" for system in SYSTEMS]


def of_each(names: Iterable[str]) -> list[str]:
    """Return the names with those of thorbis repeated for each example system."""
    return sorted({name.replace("thorbis", system) for name in names for system in SYSTEMS})


#: Views kept fresh, with the tables they rest on; what each view has of checks.
VIEWS = {
    "guardian": ["dashboards_by_shard", "data_quality_metrics", "orphaned_relationships_summary"],
    "menuca": ["restaurant_analytics", "revenue_daily"],
    "omninode": ["performance_summary"],
    "thorbis": ["business_performance_daily"],
}
TABLES = [
    "guardian/table/guardian/documents",
    "guardian/table/guardian/medical_data_relationships",
    "guardian/table/guardian/patient_allergies",
    "guardian/table/guardian/patient_conditions",
    "guardian/table/guardian/patient_encounters",
    "guardian/table/guardian/patient_lab_results",
    "guardian/table/guardian/patient_medications",
    "guardian/table/guardian/patient_vitals",
    "guardian/table/guardian/relationship_types",
    "menuca/table/menuca/orders",
    "menuca/table/menuca/restaurants",
    "omninode/table/omninode/event_metrics",
    "thorbis/table/auto/repair_orders",
    "thorbis/table/hs/work_orders",
    "thorbis/table/rest/orders",
    "thorbis/table/ret/transactions",
]
MATVIEWS = [f"{system}/matview/{name}" for system, names in VIEWS.items() for name in names]
EVENT_CHECKS = [
    "omninode/events/queue:no_dead_letters",
    "omninode/events/queue:nothing_stranded",
]
EVENT_JOBS = ["event_performance_omninode", "event_queue_omninode", "ingest_events_omninode"]
RECOVERY_JOBS = ["availability_reports", "recovery_backup_menuca", "recovery_drill_menuca"]
REFRESHES = {
    "refresh_guardian_1": ["0 2 * * *", "RUNNING"],
    "refresh_guardian_2": ["0 3 * * *", "RUNNING"],
    "refresh_menuca_1": ["*/15 * * * *", "RUNNING"],
    "refresh_omninode_1": ["*/15 * * * *", "RUNNING"],
    "refresh_thorbis_1": ["10 0 * * *", "RUNNING"],
}


LOAD = """
import json, sys
from perf_pipeline.definitions import defs
loaded = defs()
repository = loaded.get_repository_def()
graph = repository.asset_graph
print(json.dumps({
    "assets": sorted(key.to_user_string() for key in graph.get_all_asset_keys()
                     if "upkeep" not in key.path),
    "checks": sorted(f"{k.asset_key.to_user_string()}:{k.name}" for k in graph.asset_check_keys
                     if "upkeep" not in k.asset_key.path),
    # what a policy of upkeep declares has a test of its own
    "jobs": sorted(n for n in repository.job_names if not n.startswith("__")
                   and "perf_pipeline/operation" not in repository.get_job(n).tags),
    "schedules": {s.name: [s.cron_schedule, s.default_status.value]
                  for s in repository.schedule_defs
                  if "perf_pipeline/operation" not in repository.get_job(s.job_name).tags},
    "sensors": {s.name: [s.minimum_interval_seconds, s.default_status.value]
                for s in repository.sensor_defs},
    "executor": loaded.executor.name,
    "modules": sorted(sys.modules),
}))
"""


def fresh(command: list[str | Path], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    # a store and a target that nobody listens on: whoever contacts one fails
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(tmp_path),
        "PERF_STORE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        **dict.fromkeys(
            (f"{system.upper()}_URL" for system in SYSTEMS),
            "postgresql://nobody@127.0.0.1:1/nothing",
        ),
        "NO_COLOR": "1",
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_everything_loads_in_a_fresh_interpreter(tmp_path: Path) -> None:
    done = fresh([sys.executable, "-c", LOAD], tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["assets"] == sorted(
        [
            *of_each(ASSETS),
            *MATVIEWS,
            *{*TABLES, *CACHE_TABLES},
            *PARTITION_ASSETS,
            *ALONE,
            *ALERTS,
            *CACHE_ASSETS,
        ]
    )
    of_views = [f"{key}:{check}" for key in MATVIEWS for check in ("fresh", "readers_go_on")]
    of_alerts = [f"{key}:no_open_incident" for key in ALERTS]
    own = [*PROMISED, *of_views, *PARTITION_CHECKS, *EVENT_CHECKS, *of_alerts, *CACHE_CHECKS]
    assert found["checks"] == sorted([*of_each(CHECKS), *own])
    refreshing = [f"refresh_{system}" for system in VIEWS]
    assert found["jobs"] == sorted(
        [*of_each(JOBS), *refreshing, *PARTITION_JOBS, *EVENT_JOBS, *RECOVERY_JOBS, *CACHE_JOBS]
    )
    assert found["schedules"] == {
        "availability_reports": ["20 0 * * *", "RUNNING"],
        "alerts_watched": ["*/10 * * * *", "RUNNING"],
        "bench_baselines_daily": ["10 2 * * *", "RUNNING"],
        "bench_executive_report_weekly": ["10 6 * * 1", "RUNNING"],
        "bench_reports_daily": ["20 2 * * *", "RUNNING"],
        "bench_thresholds_weekly": ["50 5 * * 1", "RUNNING"],
        **{f"calibrate_{system}_weekly": ["30 5 * * 1", "RUNNING"] for system in SYSTEMS},
        "cache_invalidation_checks_every_10_minutes": ["*/10 * * * *", "RUNNING"],
        "advice_weekly": ["10 5 * * 1", "RUNNING"],
        "capacity_daily": ["40 1 * * *", "RUNNING"],
        "event_performance_omninode": ["35 0 * * *", "RUNNING"],
        "collect_every_5_minutes": ["*/5 * * * *", "RUNNING"],
        "housekeeping_nightly": ["20 3 * * *", "RUNNING"],
        "metrics_export_hourly": ["7 * * * *", "STOPPED"],
        "ledger_archive_nightly": ["40 2 * * *", "RUNNING"],
        "maintenance_status_hourly": ["50 * * * *", "RUNNING"],
        "monthly_reports": ["0 6 1 * *", "RUNNING"],
        **REFRESHES,
        "recovery_backup_menuca_schedule": ["40 1 * * 0", "RUNNING"],
        "recovery_drill_menuca_schedule": ["10 5 1 * *", "RUNNING"],
        **{f"partition_archive_{s}_monthly": ["0 3 1 * *", "RUNNING"] for s in DROPPING},
        **{f"partition_maintenance_{s}_weekly": ["0 1 * * 0", "RUNNING"] for s in PARTITIONED},
        "weekly_reports": ["0 6 * * 1", "RUNNING"],
    }
    assert found["sensors"] == {
        "period_reports_stale": [1800, "RUNNING"],
        "daily_reports_due": [60, "RUNNING"],
        "cache_invalidation_sensor": [30, "RUNNING"],
        "event_backlog": [30, "RUNNING"],
        "views_asked_for": [30, "RUNNING"],
        "views_follow": [30, "RUNNING"],
        "maintenance_due": [300, "RUNNING"],
        "monitor_slow_queries": [300, "RUNNING"],
        "partition_headroom": [300, "RUNNING"],
        "probes": [30, "RUNNING"],
        "alerts": [60, "RUNNING"],
    }
    assert found["executor"] == "in_process"
    # a run's process imports the definitions: what a step needs is imported by the step
    heavy = {"polars", "numpy", "pandas", "matplotlib", "plotly", "scipy", "dagster_postgres"}
    assert heavy.intersection(found["modules"]) == set()


@pytest.mark.parametrize(
    "command",
    [
        ["dagster", "definitions", "validate", "-w", "workspace.yaml"],
        ["dg", "check", "defs"],
        ["dg", "list", "defs", "--json"],
    ],
    ids=["validate", "check", "list"],
)
def test_dagsters_programs_load_the_definitions_without_a_server(
    command: list[str], tmp_path: Path
) -> None:
    done = fresh([BIN / command[0], *command[1:]], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    if command[1] == "list":
        assert all(key in done.stdout for key in of_each(ASSETS))


def test_a_top_level_dagster_yaml_is_not_met_by_accident() -> None:
    # without DAGSTER_HOME Dagster reads ./dagster.yaml, and with it wants a database
    lines = (ROOT / "Makefile").read_text().splitlines()
    calls = [line for line in lines if re.search(r"/(dagster|dg) ", line)]
    assert calls
    assert [line for line in calls if "DAGSTER_HOME=" not in line] == []


def test_workspace_and_project_name_the_same_location() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    module = entry["python_module"]
    assert module["location_name"] == project["code_location_name"]
    assert module["module_name"] == project["code_location_target_module"]


def test_a_job_runs_in_its_own_process_and_one_at_a_time() -> None:
    from perf_pipeline.definitions import defs

    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    for name in of_each(JOBS):
        job = loaded.resolve_job_def(name)
        assert job.executor_def.name == "in_process"
        assert job.tags["perf_pipeline/singleton"] == name
        assert int(job.tags["dagster/max_runtime"]) > 0


def test_what_is_backfilled_is_backfilled_in_one_run() -> None:
    from perf_pipeline.definitions import defs

    graph = defs().resolve_asset_graph()
    partitioned = {key for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned}
    # and the week of all load tests, the days of a system's events, the months of another's promise
    assert len(partitioned) == 9 * len(SYSTEMS) + 3
    for key in partitioned:
        assert graph.get(key).backfill_policy == dg.BackfillPolicy.single_run()


def test_the_report_job_rolls_up_builds_finds_and_renders_in_one_run() -> None:
    from perf_pipeline.definitions import defs

    job = defs().resolve_job_def("report_thorbis")
    selected = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert selected == {
        key
        for key in ASSETS
        if key.startswith("thorbis/")
        and not re.search("/(stats|capacity|advice)/", key)
        # in runs of their own, rarely
        and not key.endswith(("/calibration", "/weekly", "/monthly"))
    }
    assert len(job.asset_layer.asset_graph.asset_check_keys) == sum(
        "thorbis" in name and not re.search("/(calibration|capacity/|advice/)", name)
        for name in [*CHECKS, *PROMISED]
    )


def test_the_page_on_dagster_counts_the_assets_of_a_target() -> None:
    page = (ROOT / "docs" / "dagster.md").read_text("utf-8")
    told = re.search(r"gives a group of (\d+) assets", page)
    assert told
    assert int(told[1]) == sum(key.startswith("thorbis/") for key in [*ASSETS, *ALERTS])
    missing = [
        key
        for key in ASSETS
        if f"`{key.replace('thorbis/', '<t>/')}`" not in page
        and f"`/{key.rpartition('/')[2]}`" not in page
    ]
    assert missing == []
