"""Weekly and monthly reports: what a schedule asks for, and one run for all targets."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from perf_pipeline import settings, vocabulary
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports.period import defs as period_defs
from perf_pipeline.store import Store
from perf_pipeline_tests.dagster.conftest import today

YARD = Target("yard", "YARD_URL", date(2026, 2, 11))  # a Wednesday
MILL = replace(YARD, name="mill", history_start=date(2026, 3, 5))


def definitions(*watched: Target) -> dg.Definitions:
    return dg.Definitions.merge(
        *(target_definitions(each) for each in watched),
        period_defs.period_definitions(watched),
        dg.Definitions(executor=dg.in_process_executor),
    )


def asked(kind: str, moment: datetime, instance: dg.DagsterInstance) -> list[str | None]:
    loaded = definitions(YARD, MILL)
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=moment,
        repository_def=loaded.get_repository_def(),
    ) as context:
        data = loaded.resolve_schedule_def(f"{kind}_reports").evaluate_tick(context)
    return [request.partition_key for request in data.run_requests or []]


def test_a_schedule_asks_for_what_has_just_ended(tmp_path: Path) -> None:
    instance = dg.DagsterInstance.local_temp(str(tmp_path))
    monday, first = datetime(2026, 3, 16, 6, tzinfo=UTC), datetime(2026, 4, 1, 6, tzinfo=UTC)
    assert asked("weekly", monday, instance) == ["2026-03-09"]
    assert asked("monthly", first, instance) == ["2026-03-01"]
    # in the first week of all nothing has ended
    assert asked("weekly", datetime(2026, 2, 12, 6, tzinfo=UTC), instance) == []
    assert asked("monthly", datetime(2026, 2, 20, 6, tzinfo=UTC), instance) == []
    job = definitions(YARD, MILL).resolve_job_def("weekly_reports")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert asked("weekly", monday, instance) == []


def test_partitions_begin_with_the_period_that_holds_the_first_day() -> None:
    moment = datetime(2026, 3, 4, tzinfo=UTC)
    weeks, months = (period_defs.partitions([MILL, YARD], kind) for kind in period_defs.CRONS)
    assert weeks.get_partition_keys(moment) == [
        "2026-02-09",
        "2026-02-16",
        "2026-02-23",
        "2026-03-02",
    ]
    assert months.get_partition_keys(moment) == ["2026-02-01", "2026-03-01"]
    assert period_defs.period_definitions([]).assets is None


@pytest.mark.server
def test_one_run_makes_a_range_for_all_targets(store: Store, instance: dg.DagsterInstance) -> None:
    start = today() - timedelta(days=20)
    watched = [replace(YARD, history_start=start), replace(MILL, history_start=start)]
    loaded = definitions(*watched)
    for kind in period_defs.CRONS:
        keys = period_defs.partitions(watched, kind).get_partition_keys()
        result = loaded.resolve_job_def(f"{kind}_reports").execute_in_process(
            instance=instance,
            tags={
                vocabulary.RANGE_START_TAG: keys[0],
                vocabulary.RANGE_END_TAG: keys[-1],
            },
        )
        assert result.success
        for target in watched:
            key = vocabulary.key(target, "report", kind)
            assert instance.get_materialized_partitions(key) == set(keys)
            folder = settings.current().home_dir / "reports" / target.name / kind
            assert sorted(path.stem for path in folder.iterdir()) == keys
            page = (folder / f"{keys[0]}.html").read_text("utf-8")
            assert f"Nothing is known of {target.name}" in page
            event = instance.get_latest_materialization_event(key)
            assert event is not None
            assert event.asset_materialization is not None
            assert isinstance(
                event.asset_materialization.metadata["report"], dg.MarkdownMetadataValue
            )

    assert wanted(watched, loaded, instance) == []
    ended = period_defs.partitions(watched, "weekly").get_partition_keys()[-3:-1]
    with store.begin() as connection:
        connection.execute(
            "UPDATE perf_mgmt.reports SET inputs = 'others' WHERE day = ANY (%s)", [ended]
        )
    span = {vocabulary.RANGE_START_TAG: ended[0], vocabulary.RANGE_END_TAG: ended[1]}
    (request,) = wanted(watched, loaded, instance)
    assert request.job_name == "weekly_reports"
    assert request.tags.items() >= span.items()
    job = loaded.resolve_job_def("weekly_reports")
    assert job.execute_in_process(instance=instance, tags=span).success
    assert wanted(watched, loaded, instance) == []


def wanted(
    watched: list[Target], loaded: dg.Definitions, instance: dg.DagsterInstance
) -> list[dg.RunRequest]:
    """Return what the sensor that repairs asks for."""
    with dg.build_sensor_context(
        instance=instance, repository_def=loaded.get_repository_def()
    ) as context:
        sensor = loaded.resolve_sensor_def("period_reports_stale")
        return list(sensor.evaluate_tick(context).run_requests or [])
