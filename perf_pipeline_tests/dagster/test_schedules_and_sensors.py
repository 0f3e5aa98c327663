"""What starts runs: the five-minute schedule and the sensor of due reports."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from perf_pipeline import settings, vocabulary
from perf_pipeline.components.fleet import report_job
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports.defs import reports_sensor
from perf_pipeline.snapshots.collection import collect_job, collect_schedule, collection_asset
from perf_pipeline.store import Store, partitions, progress, targets
from perf_pipeline_tests.dagster.conftest import today

DAY = timedelta(days=1)


@pytest.fixture
def yard() -> Target:
    return Target("yard", "YARD_URL", today() - timedelta(days=30))


def definitions(watched: Sequence[Target]) -> dg.Definitions:
    jobs = [report_job(each) for each in watched]
    collect = collect_job()
    return dg.Definitions.merge(
        *(target_definitions(each) for each in watched),
        dg.Definitions(
            assets=[collection_asset(watched)],
            jobs=[collect, *jobs],
            schedules=[collect_schedule(collect)],
            sensors=[reports_sensor(watched, jobs)],
            executor=dg.in_process_executor,
        ),
    )


def tick(watched: Sequence[Target], instance: dg.DagsterInstance) -> SensorExecutionData:
    loaded = definitions(watched)
    with dg.build_sensor_context(instance=instance, definitions=loaded) as context:
        return loaded.resolve_sensor_def("daily_reports_due").evaluate_tick(context)


def ranges(data: SensorExecutionData) -> list[tuple[str | None, str, str]]:
    return [
        (
            request.job_name,
            request.tags[vocabulary.RANGE_START_TAG],
            request.tags[vocabulary.RANGE_END_TAG],
        )
        for request in data.run_requests or []
    ]


def add_sweeps(store: Store, target: Target, *moments: datetime) -> None:
    target_id = targets.register(store, target.name)
    with store.begin() as connection:
        for moment in moments:
            partitions.ensure(connection, moment.date())
            connection.execute(
                "INSERT INTO ledger.sweeps (target_id, ts, source, quality, server_version_num)"
                " VALUES (%s, %s, 'collected', 'exact', 180000)",
                (target_id, moment),
            )


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def report(store: Store, target: Target, first: date, last: date) -> None:
    for stage in progress.STAGES:
        covered = progress.begin(store, target.name, stage, first, last)
        progress.finish(store, target.name, stage, covered)


@pytest.mark.server
class TestDailyReportsDue:
    def test_an_empty_store_has_nothing_due(
        self, store: Store, yard: Target, instance: dg.DagsterInstance
    ) -> None:
        data = tick([yard], instance)
        assert not data.run_requests
        assert data.skip_message == "every day with sweeps has its report"

    def test_one_run_per_target_over_its_earliest_range(
        self, store: Store, yard: Target, instance: dg.DagsterInstance
    ) -> None:
        mill = replace(yard, name="mill")
        days = [today() - offset * DAY for offset in (9, 8, 7, 3, 0)]
        add_sweeps(store, yard, *(noon(day) for day in days))
        add_sweeps(store, mill, noon(today() - DAY))
        # before the history starts, and longer ago than a look reaches
        add_sweeps(store, yard, noon(yard.history_start - DAY))
        data = tick([yard, mill], instance)
        assert ranges(data) == [
            ("report_mill", str(today() - DAY), str(today() - DAY)),
            ("report_yard", str(days[0]), str(days[2])),
        ]
        assert [request.run_key for request in data.run_requests or []] == [None, None]

    def test_what_is_reported_is_not_due_until_new_sweeps_come(
        self, store: Store, yard: Target, instance: dg.DagsterInstance
    ) -> None:
        yesterday = today() - DAY
        add_sweeps(store, yard, noon(yesterday))
        report(store, yard, yesterday, today())
        assert not tick([yard], instance).run_requests
        add_sweeps(store, yard, noon(yesterday) + timedelta(minutes=5))
        assert ranges(tick([yard], instance)) == [("report_yard", str(yesterday), str(yesterday))]

    def test_a_stage_covers_no_more_than_the_one_before(
        self, store: Store, yard: Target, instance: dg.DagsterInstance
    ) -> None:
        yesterday = today() - DAY
        add_sweeps(store, yard, noon(yesterday))
        report(store, yard, yesterday, yesterday)
        add_sweeps(store, yard, noon(yesterday) + timedelta(minutes=5))
        # a report rendered anew from an old rollup does not make the day up to date
        covered = progress.begin(store, yard.name, "report", yesterday, yesterday)
        progress.finish(store, yard.name, "report", covered)
        assert tick([yard], instance).run_requests

    def test_an_active_run_is_not_joined_by_another(
        self, store: Store, yard: Target, instance: dg.DagsterInstance
    ) -> None:
        add_sweeps(store, yard, noon(today() - DAY))
        job = definitions([yard]).resolve_job_def("report_yard")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        data = tick([yard], instance)
        assert not data.run_requests
        assert run.run_id in (data.skip_message or "")
        instance.report_run_canceled(run)
        assert len(tick([yard], instance).run_requests or []) == 1

    def test_a_day_that_failed_waits_and_newer_days_go_on(
        self, store: Store, yard: Target, instance: dg.DagsterInstance
    ) -> None:
        poisoned, newer = today() - 2 * DAY, today() - DAY
        add_sweeps(store, yard, noon(poisoned), noon(newer))
        job = definitions([yard]).resolve_job_def("report_yard")

        def fail(first: date, last: date) -> None:
            tags = {
                vocabulary.RANGE_START_TAG: first.isoformat(),
                vocabulary.RANGE_END_TAG: last.isoformat(),
            }
            run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
            instance.report_run_failed(run)

        fail(poisoned, newer)
        assert ranges(tick([yard], instance)) == [("report_yard", str(poisoned), str(poisoned))]
        fail(poisoned, poisoned)
        assert ranges(tick([yard], instance)) == [("report_yard", str(newer), str(newer))]
        report(store, yard, newer, newer)
        data = tick([yard], instance)
        assert not data.run_requests
        message = f"yard: {poisoned} failed a short while ago, again at "
        assert (data.skip_message or "").startswith(message)

    def test_a_store_that_is_down_is_a_skip_with_its_reason(
        self,
        yard: Target,
        closed_port: int,
        instance: dg.DagsterInstance,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PERF_STORE_URL", f"postgresql://ann:s3cret@127.0.0.1:{closed_port}/s")
        settings.current.cache_clear()
        data = tick([yard], instance)
        assert not data.run_requests
        assert "store postgresql://ann@127.0.0.1" in (data.skip_message or "")
        assert "s3cret" not in (data.skip_message or "")

    def test_a_store_without_its_schema_is_a_skip_too(
        self,
        yard: Target,
        instance: dg.DagsterInstance,
        make_database: object,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        assert callable(make_database)
        monkeypatch.setenv("PERF_STORE_URL", make_database())
        settings.current.cache_clear()
        data = tick([yard], instance)
        assert not data.run_requests
        assert "perf-pipeline store upgrade" in (data.skip_message or "")


def test_the_schedule_skips_while_a_collection_is_active(yard: Target, tmp_path: Path) -> None:
    instance = dg.DagsterInstance.local_temp(str(tmp_path))  # a schedule opens it by its reference
    loaded = definitions([yard])
    schedule = loaded.resolve_schedule_def("collect_every_5_minutes")
    job = loaded.resolve_job_def("collect")

    def requested() -> int:
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=datetime(2026, 3, 1, tzinfo=UTC)
        ) as context:
            data = schedule.evaluate_tick(context)
            assert bool(data.run_requests) is not bool(data.skip_message)
            return len(data.run_requests or [])

    assert requested() == 1
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert requested() == 0
    instance.report_run_failed(run)
    assert requested() == 1
