"""What begins the jobs of a code location: its schedules and sensors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import dagster as dg
from dagster._check import CheckError


class Starters(NamedTuple):
    """The schedules and sensors of a code location."""

    schedules: Sequence[dg.ScheduleDefinition] = ()
    sensors: Sequence[dg.SensorDefinition] = ()


def definitions_of(context: dg.AssetExecutionContext) -> Starters:
    """Return those of the whole location; a step run in a test is of none."""
    try:
        repository = context.repository_def
    except CheckError:
        return Starters()
    return Starters(repository.schedule_defs, repository.sensor_defs)


def crons_by_job(schedules: Sequence[dg.ScheduleDefinition]) -> dict[str, tuple[str, ...]]:
    """Return when each job is due."""
    found: dict[str, list[str]] = {}
    for schedule in schedules:
        cron = schedule.cron_schedule
        found.setdefault(schedule.job_name, []).extend(
            [cron] if isinstance(cron, str) else list(cron)
        )
    return {job: tuple(crons) for job, crons in found.items()}


def sensors_of(
    jobs: Mapping[str, str], sensors: Sequence[dg.SensorDefinition]
) -> dict[str, tuple[str, ...]]:
    """Return which sensors begin each operation's job, and how often they look.

    Parameters
    ----------
    jobs : Mapping of operation name to job name
    sensors : sequence of SensorDefinition

    Returns
    -------
    dict of operation name to texts
        `views_asked_for every 30 s`; only operations that a sensor begins.

    """
    found: dict[str, list[str]] = {}
    for sensor in sensors:
        told = f"{sensor.name} every {sensor.minimum_interval_seconds} s"
        for target in sensor.targets:
            found.setdefault(target.job_name, []).append(told)
    return {name: tuple(found[job]) for name, job in jobs.items() if job in found}
