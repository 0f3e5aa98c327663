"""What a policy becomes in Dagster, and that its ticks ask before they begin."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from perf_pipeline import vocabulary
from perf_pipeline.components.catalog import declared_targets
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.upkeep import schedule_defs
from perf_pipeline.upkeep.model import Policy, policy_of
from perf_pipeline.upkeep.schedule_defs import GRACE, crons_of, late_operations
from perf_pipeline.upkeep.starters import sensors_of
from perf_pipeline.upkeep.windows import Run

POLICY = Policy.model_validate(
    {
        "retention": [{"table": "app.t", "column": "at", "keep": "90 days"}],
        "operations": [
            {"name": "clean", "does": "cleanup", "cron": "0 3 * * *", "priority": 2},
            {
                "name": "rebuild",
                "does": "reindex",
                "cron": "0 4 * * *",
                "max_minutes": 90,
                "work_minutes": 45,
                "depends_on": ["clean"],
            },
            {"name": "reports", "job": "weekly_reports"},
        ],
    }
)


def shop(**more: Any) -> Target:
    return Target("shop", "SHOP_URL", date(2026, 1, 1), upkeep=POLICY.model_copy(update=more))


@cache
def definitions() -> dg.Definitions:
    target = shop()

    @dg.op
    def nothing() -> None:
        return None

    @dg.job
    def weekly_reports() -> None:
        nothing()

    return dg.Definitions.merge(
        schedule_defs.target_definitions(target),
        schedule_defs.fleet_definitions([target]),
        dg.Definitions(
            jobs=[weekly_reports],
            schedules=[
                dg.ScheduleDefinition(
                    name="weekly_reports", job=weekly_reports, cron_schedule="0 6 * * 1"
                )
            ],
            executor=dg.in_process_executor,
        ),
    )


def ran(
    instance: dg.DagsterInstance, name: str, status: dg.DagsterRunStatus, times: int = 1
) -> None:
    job = definitions().resolve_job_def(name)
    for _ in range(times):
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        event = {
            dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
            dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
        }[status]
        instance.report_dagster_event(
            dg.DagsterEvent(event.value, name), run_id=run.run_id
        )  # fmt: skip


def tick(instance: dg.DagsterInstance, name: str) -> Any:
    loaded = definitions()
    with dg.build_schedule_context(
        instance=instance,
        repository_def=loaded.get_repository_def(),
        scheduled_execution_time=datetime.now(UTC),
    ) as context:
        return loaded.resolve_schedule_def(name).evaluate_tick(context)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an instance that a schedule's tick can be given."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def test_each_operation_is_a_job_with_its_limits(instance: dg.DagsterInstance) -> None:
    loaded = definitions()
    dg.Definitions.validate_loadable(loaded)
    job = loaded.resolve_job_def("shop_rebuild")
    assert job.tags[vocabulary.MAX_RUNTIME_TAG] == "5400"
    assert job.tags["dagster/priority"] == "5"
    assert job.tags[vocabulary.SINGLETON_TAG] == "shop_rebuild"
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "shop/upkeep/indexes"
    }
    names = {schedule.name for schedule in loaded.get_repository_def().schedule_defs}
    assert names == {"shop_clean", "shop_rebuild", "weekly_reports", "maintenance_status_hourly"}


def test_a_tick_waits_for_what_it_depends_on(lasting: dg.DagsterInstance) -> None:
    assert "waiting" in (tick(lasting, "shop_rebuild").skip_message or "")
    ran(lasting, "shop_clean", dg.DagsterRunStatus.SUCCESS)
    (request,) = tick(lasting, "shop_rebuild").run_requests
    assert request.run_key is None
    assert request.run_config == {
        "ops": {"shop__upkeep__indexes": {"config": {"seconds": 45 * 60.0}}}
    }


def test_after_three_failures_no_tick_begins_until_somebody_succeeds(
    lasting: dg.DagsterInstance,
) -> None:
    ran(lasting, "shop_clean", dg.DagsterRunStatus.FAILURE, 2)
    assert tick(lasting, "shop_clean").run_requests
    ran(lasting, "shop_clean", dg.DagsterRunStatus.FAILURE)
    assert "cut off" in (tick(lasting, "shop_clean").skip_message or "")
    done = status(lasting)
    assert (done["checks"]["no_operation_is_cut_off"], done["clean"]["failures"]) == (False, 3)
    assert done["clean"]["next_run"] is None
    ran(lasting, "shop_clean", dg.DagsterRunStatus.SUCCESS)
    assert tick(lasting, "shop_clean").run_requests
    assert status(lasting)["checks"]["no_operation_is_cut_off"] is True


def status(instance: dg.DagsterInstance) -> dict[str, Any]:
    job = definitions().resolve_job_def("maintenance_status")
    done = job.execute_in_process(instance=instance)
    (event,) = done.asset_materializations_for_node("shop__upkeep__maintenance_status")
    table = event.metadata["operations"]
    assert isinstance(table, dg.TableMetadataValue)
    return {
        "checks": {each.check_name: each.passed for each in done.get_asset_check_evaluations()},
        **{str(row.data["operation"]): row.data for row in table.records},
    }


def test_the_status_shows_ours_and_other_domains_jobs(instance: dg.DagsterInstance) -> None:
    found = status(instance)
    assert found["checks"] == {"no_operation_is_cut_off": True, "operations_run_when_due": True}
    schedules = definitions().get_repository_def().schedule_defs
    assert crons_of(shop(), POLICY, schedules)["reports"] == ("0 6 * * 1",)
    assert found["clean"]["next_run"] is not None
    assert (found["rebuild"]["state"], found["rebuild"]["depends_on"]) == ("waiting", "clean")
    jobs = {"rebuild": "shop_rebuild", "reports": "weekly_reports"}
    sensors = definitions().get_repository_def().sensor_defs
    assert sensors_of(jobs, sensors) == {"rebuild": ("maintenance_due every 300 s",)}


def looked(instance: dg.DagsterInstance, cursor: str | None, now: datetime,
           monkeypatch: pytest.MonkeyPatch) -> Any:  # fmt: skip
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return now

    monkeypatch.setattr(schedule_defs, "datetime", Clock)
    loaded = definitions()
    with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=loaded) as context:
        return loaded.resolve_sensor_def("maintenance_due").evaluate_tick(context)


def test_the_sensor_begins_later_what_could_not_begin(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    first = looked(instance, None, noon, monkeypatch)
    # what was due before anybody looked would be everything at once
    assert not first.run_requests
    soon = noon + timedelta(hours=15) + GRACE - timedelta(minutes=1)
    assert not looked(instance, first.cursor, soon, monkeypatch).run_requests
    later = noon + timedelta(hours=16) + GRACE
    found = looked(instance, first.cursor, later, monkeypatch)
    # the schedule's tick was missed; the other waits for it
    assert [request.job_name for request in found.run_requests] == ["shop_clean"]


def test_late_is_what_did_not_succeed_in_its_time() -> None:
    now = datetime(2026, 11, 21, 9, tzinfo=UTC)
    crons = {"clean": ("0 3 * * *",)}

    def late(*runs: Run) -> list[str]:
        return late_operations(POLICY, {"clean": runs}, crons, now)

    before = Run("success", now - timedelta(days=2), now - timedelta(days=2))
    today = now - timedelta(hours=5)
    assert late() == []  # it is new
    assert late(before) == ["clean"]
    assert late(Run("failure", today, today), before) == ["clean"]
    assert late(Run("success", today, today), before) == []


def test_a_cron_that_is_none_is_refused() -> None:
    wrong = POLICY.operations[0].model_copy(update={"cron": "every day"})
    with pytest.raises(ConfigurationError, match="every day"):
        schedule_defs.target_definitions(shop(operations=(wrong,)))


def test_a_target_without_policy_has_nothing() -> None:
    bare = Target("bare", "BARE_URL", date(2026, 1, 1))
    assert not schedule_defs.target_definitions(bare).assets
    assert not schedule_defs.fleet_definitions([bare]).jobs


def test_the_example_systems_declare_what_was_described() -> None:
    policies = {target.name: policy_of(target) for target in declared_targets()}
    thorbis, omninode, guardian = (policies[name] for name in ("thorbis", "omninode", "guardian"))
    assert thorbis is not None
    assert omninode is not None
    assert guardian is not None
    cleanup = guardian.operation("cleanup_orphaned_data")
    assert (cleanup.cron, cleanup.depends_on) == ("0 4 * * *", ("refresh_orphan_detection",))
    assert guardian.operation("maintain_database_indexes").cron == "0 4 * * 0"
    assert thorbis.reindex.minimum_scans == 1000
    assert {rule.table: rule.keep for rule in omninode.retention} == {
        "omninode.event_metrics": "90 days",
        "omninode.hook_events": "30 days",
    }


def test_jobs_that_are_watched_are_there() -> None:
    from perf_pipeline.definitions import defs

    known = set(defs().get_repository_def().job_names)
    watched = {
        operation.job
        for target in declared_targets()
        if (policy := policy_of(target)) is not None
        for operation in policy.operations
        if operation.job is not None
    }
    assert watched
    assert watched <= known
