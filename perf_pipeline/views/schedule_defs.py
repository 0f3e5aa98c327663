"""When views are refreshed: by their schedules, and when somebody asks for one."""

import concurrent.futures
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.views.defs import job_name, keys_of
from perf_pipeline.views.follow_defs import follow_sensor
from perf_pipeline.views.model import ViewPolicy

if TYPE_CHECKING:
    from perf_pipeline.views.queue import Asked

#: A target with what it declares of views.
Declared = tuple[Target, tuple[ViewPolicy, ...]]

#: Targets looked at at the same time, and seconds for all of them: a sensor has 60.
_THREADS: Final = 8
_LOOK_S: Final = 10.0


def schedules_definitions(declared: Sequence[Declared]) -> dg.Definitions:
    """Return per target the job `refresh_<target>` and a schedule per cron; two sensors for all.

    Parameters
    ----------
    declared : sequence of (Target, policies)
        Targets without views are left out.

    """
    some = [(target, policies) for target, policies in declared if policies]
    if not some:
        return dg.Definitions()
    jobs = {target.name: _job(target, policies) for target, policies in some}
    schedules = [
        _schedule(
            target, jobs[target.name], cron, number, [p for p in policies if p.schedule == cron]
        )
        for target, policies in some
        for number, cron in enumerate(sorted({p.schedule for p in policies if p.schedule}), 1)
    ]
    return dg.Definitions(
        jobs=list(jobs.values()),
        schedules=schedules,
        sensors=[_sensor(some, list(jobs.values())), follow_sensor(some, list(jobs.values()))],
    )


def _job(target: Target, policies: Sequence[ViewPolicy]) -> vocabulary.AssetJob:
    name = job_name(target)
    return singleton_job(
        name,
        dg.AssetSelection.assets(*keys_of(target, policies)),
        f"Refresh the views of {target.name} whose sources changed, in their order.",
        max_runtime_s=3600,
        target=target,
    )


def _schedule(
    target: Target,
    job: vocabulary.AssetJob,
    cron: str,
    number: int,
    policies: Sequence[ViewPolicy],
) -> dg.ScheduleDefinition:
    keys = keys_of(target, policies)
    names = ", ".join(each.name for each in policies)

    @utc_schedule_of(
        job,
        cron,
        f"Looks at {names}; refreshes what changed.",
        name=f"refresh_{target.name}_{number}",
    )
    def refresh_views(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        active = vocabulary.active_run(context.instance, job_name(target))
        if active is not None:
            return dg.SkipReason(f"run {active} of {job_name(target)} is still active")
        return dg.RunRequest(asset_selection=keys)

    return refresh_views


def _sensor(
    declared: Sequence[Declared], jobs: Sequence[vocabulary.AssetJob]
) -> dg.SensorDefinition:
    @dg.sensor(
        name="views_asked_for",
        jobs=list(jobs),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for a run where `perf_pipeline_meta.mv_refresh_queue` of a target has "
        "requests: one run per target, one refresh per view, however often it was asked for. "
        "A view that failed is left alone for 1, 2, 4 ... minutes.",
    )
    def views_asked_for(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        told: list[str] = []
        requested = 0
        for target, policies, asked in look(declared, datetime.now(UTC), told):
            due = {each.view for each in asked if each.due}
            keys = keys_of(target, [each for each in policies if each.name in due])
            unknown = due - {each.name for each in policies}
            if unknown:
                told.append(
                    f"{target.name}: {', '.join(sorted(unknown))} is asked for, not declared"
                )
            if not keys:
                continue
            active = vocabulary.active_run(context.instance, job_name(target))
            if active is not None:
                told.append(f"{target.name}: run {active} is still active")
                continue
            requested += 1
            # no run_key: it would be remembered for ever, and a view is asked for again
            yield dg.RunRequest(job_name=job_name(target), asset_selection=keys)
        if not requested:
            yield dg.SkipReason("; ".join(told) or "no view is asked for")

    return views_asked_for


def look(
    declared: Sequence[Declared], now: datetime, told: list[str]
) -> list[tuple[Target, tuple[ViewPolicy, ...], list["Asked"]]]:
    """Look at the queues of all targets at once; those that do not answer in time are left out.

    Parameters
    ----------
    declared : sequence of (Target, policies)
    now : datetime
        Aware.
    told : list of str
        Takes a line per target that could not be looked at.

    """
    from perf_pipeline.views import queue

    found = []
    pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
    try:
        waiting = {
            pool.submit(queue.probe, target, now): (target, policies)
            for target, policies in declared
        }
        _, late = concurrent.futures.wait(waiting, timeout=_LOOK_S)
        for future in waiting:
            target, policies = waiting[future]
            if future in late:
                told.append(f"{target.name}: no answer within {_LOOK_S:g} s")
                continue
            try:
                found.append((target, policies, future.result()))
            except PerfPipelineError as error:
                told.append(f"{target.name}: {error.message}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return found
