"""The sensor that asks for a target's maintenance when its partitions run short."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.partitions import judgement
from perf_pipeline.partitions.model import Policy
from perf_pipeline.postgres.target import Target

#: A job that has just ended is not asked for again: what it could not do, it will not do at once.
PAUSE: Final = timedelta(minutes=30)

Policies = Sequence[Policy]


def job_name(target: Target) -> str:
    """Return the name of the job that maintains a target's partitions."""
    return f"partition_maintenance_{target.name}"


def headroom_sensor(
    declared: Sequence[tuple[Target, Policies]], jobs: Sequence[vocabulary.AssetJob]
) -> dg.SensorDefinition:
    """Return `partition_headroom`: one look at each target, one run where something is short."""

    @dg.sensor(
        name="partition_headroom",
        jobs=list(jobs),
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at each target's partitions (one query, no change) and asks for "
        "its maintenance at once when the current partition or one to be kept ready is missing, "
        "headroom falls below the policy's, or rows lie in a default partition.",
    )
    def partition_headroom(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        try:
            with vocabulary.open_store() as store, ThreadPoolExecutor(8) as pool:
                looks = [
                    (target, pool.submit(_short, store, target, policies))
                    for target, policies in declared
                ]
                found = [(target, future.result()) for target, future in looks]
        except PerfPipelineError as error:
            yield dg.SkipReason(str(error))
            return
        skipped = []
        for target, (reasons, problem) in found:
            if problem:
                skipped.append(f"{target.name}: {problem}")
            if not reasons:
                continue
            waiting = _just_ended(context.instance, job_name(target))
            if waiting:
                skipped.append(f"{target.name}: {waiting}")
                continue
            yield dg.RunRequest(
                job_name=job_name(target), tags={"perf_pipeline/reason": "; ".join(reasons)[:250]}
            )
        if skipped or not any(reasons for _, (reasons, _) in found):
            yield dg.SkipReason("; ".join(skipped) or "every policy has its partitions")

    return partition_headroom


def _short(store: object, target: Target, policies: Policies) -> tuple[list[str], str]:
    """Return what a target lacks, and what kept us from looking."""
    from perf_pipeline.partitions.apply import look_and_plan
    from perf_pipeline.postgres.connect import Limits
    from perf_pipeline.store import Store

    if not isinstance(store, Store):  # pragma: no cover - the annotation would import it
        raise TypeError(store)
    try:
        _, plans = look_and_plan(
            store,
            target.name,
            target.maintenance_url(),
            policies,
            detail=False,
            limits=Limits(2_000, 500, 2),
        )
    except PerfPipelineError as error:
        return [], error.message
    return [reason for made in plans.values() for reason in judgement.reasons(made)], ""


def _just_ended(instance: dg.DagsterInstance, name: str) -> str:
    """Return why a job is not asked for now: it is active, or has just ended."""
    active = vocabulary.active_run(instance, name)
    if active is not None:
        return f"run {active} is still active"
    records = instance.get_run_records(dg.RunsFilter(job_name=name), limit=1)
    ended = records[0].end_time if records else None
    if ended and datetime.now(UTC) - datetime.fromtimestamp(ended, UTC) < PAUSE:
        return f"{name} has just ended; it is asked for again half an hour later"
    return ""
