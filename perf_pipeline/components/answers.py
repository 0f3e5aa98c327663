"""Which job carries out which answer to an incident of which target."""

from collections.abc import Iterable, Mapping

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.alerts.actions import DryRun
from perf_pipeline.alerts.defs import Answers
from perf_pipeline.components import dry_runs
from perf_pipeline.components.target import PostgresTarget
from perf_pipeline.invalidation.defs import JOB as DRAIN_JOB
from perf_pipeline.partitions.sensor import job_name as partition_job
from perf_pipeline.upkeep import schedule_defs as upkeep_defs
from perf_pipeline.upkeep.model import policy_of

#: What an operation of upkeep does, as an answer to an incident.
_OPERATIONS = {"orphans": "clean_orphans", "analyze": "analyze"}


def answers_of(components: Iterable[PostgresTarget], others: dg.Definitions) -> Answers:
    """Return the jobs among `others` that answers may start.

    Parameters
    ----------
    components : iterable of PostgresTarget
    others : dagster.Definitions
        With the jobs of every other part.

    """
    known = {job.name: job for job in others.jobs or () if isinstance(job, vocabulary.AssetJob)}
    by_target: dict[str, Mapping[str, str]] = {}
    dry: dict[str, Mapping[str, DryRun]] = {}
    for component in components:
        target = component.target()
        named = {}
        if component.cache_types():
            named["drain_queue"] = DRAIN_JOB
        if component.partition_policies():
            named["create_partitions"] = partition_job(target)
        policy = policy_of(target)
        for operation in policy.operations if policy else ():
            if operation.does in _OPERATIONS and operation.enabled:
                named[_OPERATIONS[operation.does]] = upkeep_defs.job_name(target, operation)
        dry[target.name] = dry_runs.of(component)
        by_target[target.name] = {action: job for action, job in named.items() if job in known}
    used = sorted({job for named in by_target.values() for job in named.values()})
    return Answers([known[name] for name in used], by_target, dry)
