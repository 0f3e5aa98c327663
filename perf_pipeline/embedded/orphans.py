"""Runs of an earlier demo or dev that was killed: nobody ends them, and they hold their pools."""

import os

import dagster as dg

from perf_pipeline.embedded.dagster_runs import environment
from perf_pipeline.embedded.example import DAGSTER_DATABASE, House

#: Between being launched and being finished; a queued run is the daemon's to start.
_UNDER_WAY = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def bury(instance: dg.DagsterInstance) -> list[str]:
    """Mark every run that is under way as cancelled and free the pool slots it holds.

    To be called where no run can be alive: before anything of ours runs on an instance that is
    ours alone. A killed process frees nothing, and the next step of the same pool would wait for
    ever (without a daemon) or until the run's time limit (with one).

    Parameters
    ----------
    instance : DagsterInstance
        On the embedded server, with the house locked.

    Returns
    -------
    list of str
        The buried runs' ids, the newest first.

    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
    for run in runs:  # cancelled, not failed: a failed run would be started again
        instance.report_run_canceled(run, "the process that ran it was killed")
    # also of runs that were marked as ended just before the process was killed
    log = instance.event_log_storage
    if log.supports_global_concurrency_limits:
        for run_id in log.get_concurrency_run_ids():
            log.free_concurrency_slots_for_run(run_id)
    return [run.run_id for run in runs]


def bury_in(house: House) -> list[str]:
    """Bury the runs that an earlier demo or dev of this house left; none of a DAGSTER_PG_URL."""
    if house.dagster_url != house.server.url(DAGSTER_DATABASE):
        return []
    os.environ.update(environment(house))
    with dg.DagsterInstance.get() as instance:
        return bury(instance)
