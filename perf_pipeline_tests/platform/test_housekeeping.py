"""Housekeeping: what is deleted, what is never deleted, what is measured."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from perf_pipeline.platform.defs import HousekeepingConfig, housekeeping
from perf_pipeline.platform.housekeeping import folder_bytes, prunable, prune, threshold

NOW = datetime.now(UTC)
DAYS = dg.DailyPartitionsDefinition("2026-01-01")


@dg.asset
def often() -> None: ...


@dg.asset
def breaks(context: dg.AssetExecutionContext) -> None:
    raise RuntimeError


@dg.asset(partitions_def=DAYS)
def daily() -> None: ...


JOBS = [
    dg.define_asset_job("collect", selection=["often"]),
    dg.define_asset_job("broken", selection=["breaks"]),
    dg.define_asset_job("report", selection=["daily"]),
]
DEFINITIONS = dg.Definitions(
    assets=[often, breaks, daily], jobs=JOBS, executor=dg.in_process_executor
)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an instance with a folder of captured output."""
    made = dg.DagsterInstance.local_temp(str(tmp_path))
    yield made
    made.dispose()


def run(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> str:
    return (
        DEFINITIONS.resolve_job_def(job)
        .execute_in_process(instance=instance, partition_key=partition, raise_on_error=False)
        .run_id
    )


def left(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_old_successes_go_and_the_newest_stays(instance: dg.DagsterInstance) -> None:
    runs = [run(instance, "collect") for _ in range(5)]
    pruned = prune(instance, ["collect"], datetime.now(UTC) + timedelta(minutes=1), batch=2)
    assert (pruned.runs, pruned.complete) == (4, True)
    assert left(instance) == {runs[-1]}
    assert [instance.all_logs(run_id) for run_id in runs[:-1]] == [[]] * 4
    assert instance.get_latest_materialization_event(often.key) is not None


def test_captured_output_goes_with_its_run(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    old, new = run(instance, "collect"), run(instance, "collect")
    assert list(tmp_path.rglob(f"{old}*"))
    prune(instance, ["collect"], datetime.now(UTC) + timedelta(minutes=1))
    assert not [path for path in tmp_path.rglob(f"{old}*") if path.is_dir()]
    assert list(tmp_path.rglob(f"{new}*"))


def test_young_runs_failed_runs_and_other_jobs_stay(instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        run(instance, "collect")
    before = left(instance)
    assert prune(instance, ["collect"], threshold(NOW, 3)).runs == 0
    assert left(instance) == before
    failed = {run(instance, "broken") for _ in range(3)}
    assert prune(instance, ["broken"], datetime.now(UTC) + timedelta(minutes=1)).runs == 0
    assert left(instance) == before | failed


def test_a_partition_stays_made_even_when_its_job_is_named(instance: dg.DagsterInstance) -> None:
    made = {run(instance, "report", day) for day in ("2026-01-02", "2026-01-03", "2026-01-04")}
    ranged = DEFINITIONS.resolve_job_def("report").execute_in_process(
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": "2026-01-05",
            "dagster/asset_partition_range_end": "2026-01-05",
        },
    )
    run(instance, "report", "2026-01-06")
    assert prune(instance, ["report"], datetime.now(UTC) + timedelta(minutes=1)).runs == 0
    assert left(instance) >= made | {ranged.run_id}
    assert "2026-01-02" in instance.get_materialized_partitions(daily.key)


def test_the_limit_bounds_one_call_and_says_so(instance: dg.DagsterInstance) -> None:
    for _ in range(4):
        run(instance, "collect")
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert prune(instance, ["collect"], later, limit=2) == prune_result(2, complete=False)
    assert prune(instance, ["collect"], later, limit=2).runs == 1
    assert len(left(instance)) == 1


def prune_result(runs: int, *, complete: bool) -> object:
    from perf_pipeline.platform.housekeeping import Pruned

    return Pruned(runs, complete, {"collect": runs})


@pytest.mark.parametrize(
    ("status", "tags", "expected"),
    [
        (dg.DagsterRunStatus.SUCCESS, {}, True),
        (dg.DagsterRunStatus.FAILURE, {}, False),
        (dg.DagsterRunStatus.SUCCESS, {"dagster/partition": "2026-01-01"}, False),
        (dg.DagsterRunStatus.SUCCESS, {"dagster/partition/date": "2026-01-01"}, False),
        (dg.DagsterRunStatus.SUCCESS, {"dagster/asset_partition_range_start": "x"}, False),
        (dg.DagsterRunStatus.SUCCESS, {"dagster/partition_set": "x"}, True),
    ],
)
def test_what_may_go(status: dg.DagsterRunStatus, tags: dict[str, str], expected: bool) -> None:
    candidate = dg.DagsterRun(job_name="collect", status=status, tags=tags)
    assert prunable(candidate, None) is expected
    assert prunable(candidate, candidate.run_id) is False


@pytest.mark.server
def test_the_asset_tells_what_is_left(
    instance: dg.DagsterInstance, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", make_database().replace("://", "+psycopg2://"))
    for _ in range(3):
        run(instance, "collect")
    config = dg.RunConfig(ops={"platform__housekeeping": HousekeepingConfig(keep_days=0)})
    result = dg.materialize([housekeeping], instance=instance, run_config=config)
    (event,) = result.asset_materializations_for_node("platform__housekeeping")
    figures = {name: value.value for name, value in event.metadata.items()}
    assert figures["dagster/row_count"] == 2
    assert figures["complete"] is True
    assert figures["runs_left"] == 2
    assert figures["home_bytes"] >= 0


def test_a_folder_is_measured(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"x" * 23)
    assert folder_bytes(tmp_path) == 123
    assert folder_bytes(tmp_path / "absent") == 0
