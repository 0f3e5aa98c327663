"""Checks of queues of invalidations, every 10 minutes: drains are too frequent for checks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation.limits import CHECKS
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.postgres.target import Target

#: A target with what it declares of cached values; and which asset its queue is.
Declared = tuple[Target, tuple[CacheType, ...]]
QueueKey = Callable[[Target], dg.AssetKey]

CHECK_JOB: Final = "cache_invalidation_checks"


def check_definitions(declared: Sequence[Declared], queue: QueueKey) -> dg.Definitions:
    """Return the checks of all queues, the job that looks at them, and its schedule.

    Parameters
    ----------
    declared : sequence of (Target, cache types)
        Each with at least one.
    queue : callable
        From a target to the key of its queue.

    """
    job = _check_job(declared, queue)
    return dg.Definitions(
        asset_checks=[_checks(declared, queue)], jobs=[job], schedules=[_schedule(job)]
    )


def check_keys(queue: dg.AssetKey) -> list[dg.AssetCheckKey]:
    """Return the keys of a queue's checks, in their order."""
    return [dg.AssetCheckKey(queue, name) for name in CHECKS]


def _check_job(declared: Sequence[Declared], queue: QueueKey) -> vocabulary.AssetJob:
    keys = [key for target, _ in declared for key in check_keys(queue(target))]
    return singleton_job(
        CHECK_JOB,
        dg.AssetSelection.checks(*keys),
        "Look whether the queues of invalidations are well, and all is captured.",
        max_runtime_s=600,
    )


def _schedule(job: vocabulary.AssetJob) -> dg.ScheduleDefinition:
    return utc_schedule(
        job,
        "*/10 * * * *",
        "Looks whether the queues of invalidations are well.",
        name=f"{CHECK_JOB}_every_10_minutes",
    )


def _checks(declared: Sequence[Declared], queue: QueueKey) -> dg.AssetChecksDefinition:
    """Return the checks of all queues, one step; not of the drains, which are too frequent."""

    @dg.multi_asset_check(
        name="cached_values_checks",
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=CHECKS[key.name])
            for target, _ in declared
            for key in check_keys(queue(target))
        ],
        can_subset=True,
    )
    def cached_values_checks(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from perf_pipeline.invalidation import looks

        wanted = context.selected_asset_check_keys
        unreached: list[str] = []
        with vocabulary.explained(), vocabulary.open_store() as store:
            for target, caches in declared:
                keys = {key.name: key for key in check_keys(queue(target)) if key in wanted}
                if not keys:
                    continue
                try:
                    verdicts = looks.status(store, target, caches).verdicts
                except PerfPipelineError as error:
                    unreached.append(f"{target.name}: {error.message}")
                    continue
                for verdict in verdicts:
                    if verdict.check in keys:
                        yield dg.AssetCheckResult(
                            asset_key=queue(target),
                            check_name=verdict.check,
                            passed=verdict.passed,
                            severity=dg.AssetCheckSeverity.ERROR
                            if verdict.severity == "error"
                            else dg.AssetCheckSeverity.WARN,
                            description=verdict.told,
                            metadata=dict(verdict.figures),
                        )
        if unreached:
            raise dg.Failure(
                f"{len(unreached)} targets could not be looked at; {unreached[0]}",
                allow_retries=False,
            )

    return cached_values_checks
