"""Jobs and schedules as all our definitions make them: one run at a time, times in UTC."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from perf_pipeline.postgres.target import Target
from perf_pipeline.vocabulary import MAX_RUNTIME_TAG, SINGLETON_TAG, TARGET_TAG, AssetJob


def singleton_job(
    name: str,
    selection: dg.AssetSelection,
    description: str,
    *,
    max_runtime_s: int,
    target: Target | None = None,
    waits_for: str = "",
    tags: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> AssetJob:
    """Return a job over assets of which one run works at a time.

    Parameters
    ----------
    name : str
    selection : AssetSelection
        What it materializes and checks.
    description : str
    max_runtime_s : int
        Seconds after which Dagster's monitor ends a run that hangs.
    target : Target, optional
        The only target whose server it changes; its runs are events in that target's history.
    waits_for : str
        The name of another job: runs of both wait for each other. Empty: its own runs do.
    tags : Mapping, optional
        Further tags of its runs.
    config : Mapping, optional
        Run config of a launch that gives none.

    """
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        config=dict(config) if config else None,
        tags={
            SINGLETON_TAG: waits_for or name,
            MAX_RUNTIME_TAG: str(max_runtime_s),
            **({TARGET_TAG: target.name} if target else {}),
            **(tags or {}),
        },
    )


def utc_schedule(
    job: AssetJob, cron: str, description: str, *, name: str = "", running: bool = True
) -> dg.ScheduleDefinition:
    """Return a schedule that launches a job at each tick.

    Parameters
    ----------
    job : AssetJob
    cron : str
        In UTC.
    description : str
    name : str
        Empty: the job's own.
    running : bool
        Whether it runs where nobody has decided yet.

    """
    return dg.ScheduleDefinition(
        name=name or job.name,
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=_status(running),
        description=description,
    )


def utc_schedule_of(
    job: AssetJob, cron: str, description: str, *, name: str = "", running: bool = True
) -> Callable[[Callable[..., Any]], dg.ScheduleDefinition]:
    """Return the decorator of a schedule whose function decides at each tick: `utc_schedule`."""
    return dg.schedule(
        name=name or job.name,
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=_status(running),
        description=description,
    )


def _status(running: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
