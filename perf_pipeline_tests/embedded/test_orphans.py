"""Runs whose process was killed are ended, and what they held is free again."""

from collections.abc import Iterator

import dagster as dg
import pytest

from perf_pipeline.embedded import orphans

POOL = "pg_thorbis"


@dg.op(pool=POOL)
def step() -> None:
    """Do nothing."""


@dg.job
def nothing() -> None:
    """Take the pool."""
    step()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return an instance with one slot in the pool, forgotten after the test."""
    with dg.DagsterInstance.local_temp(overrides={"telemetry": {"enabled": False}}) as made:
        made.event_log_storage.set_concurrency_slots(POOL, 1)
        yield made


def killed(instance: dg.DagsterInstance, *, ended: bool = False) -> str:
    """Leave what a run leaves whose process was killed within its step; return its id."""
    run = instance.create_run_for_job(nothing)
    instance.report_engine_event("started", run)
    instance.handle_run_event(
        run.run_id,
        dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, nothing.name),
    )
    instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step")
    if ended:
        instance.report_run_failed(run)
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.mark.parametrize("ended", [False, True])
def test_the_pool_of_a_killed_run_is_free_again(
    instance: dg.DagsterInstance, *, ended: bool
) -> None:
    dead = killed(instance, ended=ended)
    pool = instance.event_log_storage
    assert not pool.claim_concurrency_slot(POOL, "next", "step").is_claimed
    pool.free_concurrency_slots_for_run("next")
    assert orphans.bury(instance) == ([] if ended else [dead])
    assert pool.claim_concurrency_slot(POOL, "next", "step").is_claimed
    expected = dg.DagsterRunStatus.FAILURE if ended else dg.DagsterRunStatus.CANCELED
    assert status(instance, dead) is expected


def test_waiting_and_ended_runs_stay_as_they_are(instance: dg.DagsterInstance) -> None:
    done = nothing.execute_in_process(instance=instance).run_id
    waiting = instance.create_run_for_job(nothing).run_id
    assert orphans.bury(instance) == []
    assert status(instance, done) is dg.DagsterRunStatus.SUCCESS
    assert status(instance, waiting) is dg.DagsterRunStatus.NOT_STARTED
