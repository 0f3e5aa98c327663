"""Cached values in Dagster: what is served, by whom it is asked for, and whether all is well.

The functions that do the work are imported when a step runs: definitions load in every run's
process, most of which need none of them.
"""

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import dagster as dg
from pydantic import Field

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation.beside_defs import DRAIN, made_beside
from perf_pipeline.invalidation.check_defs import check_definitions, queue_key
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.jobs import singleton_job
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    from perf_pipeline.invalidation.figures import Drained, Served

#: A target with what it declares of cached values.
Declared = tuple[Target, tuple[CacheType, ...]]

#: Name of the step; a job must not have the same one.
STEP: Final = "cached_values"
JOB: Final = "cache_invalidation"
SENSOR: Final = "cache_invalidation_sensor"
#: Targets that are drained at the same time.
_THREADS: Final = 8
_NO_NAME = re.compile(r"[^A-Za-z0-9_]+")


def cache_key(target: Target, cache: CacheType) -> dg.AssetKey:
    """Return the key of what a cache type keeps."""
    return vocabulary.key(target, "cache", _NO_NAME.sub("_", cache.name))


def table_key(target: Target, name: str) -> dg.AssetKey:
    """Return the key of a table of the application; views know it by the same one."""
    schema, _, relation = name.partition(".")
    return dg.AssetKey([target.name, "table", schema, relation])


def target_definitions(
    target: Target, caches: Sequence[CacheType], known: Collection[str] = ()
) -> dg.Definitions:
    """Return a target's captured tables, and those that are kept, as external assets.

    Parameters
    ----------
    target : Target
    caches : sequence of CacheType
    known : collection of str
        Tables that are assets already, `schema.name`: views read them.

    """
    captured = {each.table for cache in caches for each in cache.captured}
    made = made_tables(target, caches)
    return dg.Definitions(
        assets=[
            dg.AssetSpec(
                table_key(target, name),
                deps=[made[name]] if name in made else [],
                **vocabulary.head(
                    target,
                    "table",
                    f"one row of {name}",
                    "Made anew where something it shows has changed."
                    if name in made
                    else "Written by the application; its changes are captured.",
                    also=["table"],
                ),
            )
            for name in sorted({*captured, *made} - set(known))
        ]
    )


def made_tables(target: Target, caches: Sequence[CacheType]) -> dict[str, dg.AssetKey]:
    """Return the tables that processing functions write, `schema.name`, with the asset of each."""
    return {cache.keeps: cache_key(target, cache) for cache in caches if cache.keeps}


def fleet_definitions(declared: Sequence[Declared]) -> dg.Definitions:
    """Return the assets `<target>/cache/*`, their checks, jobs, sensor and schedule.

    Parameters
    ----------
    declared : sequence of (Target, cache types)
        Targets without cache types are left out.

    """
    some = [(target, caches) for target, caches in declared if caches]
    if not some:
        return dg.Definitions()
    job = _job(some)
    return dg.Definitions.merge(
        dg.Definitions(assets=[_caches(some)], jobs=[job], sensors=[_sensor(some, job)]),
        check_definitions(some),
    )


class DrainConfig(dg.Config):
    """How long one run of `cache_invalidation` is at work."""

    budget_s: float = Field(
        default=25.0, gt=0.0, le=3600.0, description="No batch begins later, s."
    )
    idle_s: float = Field(
        default=5.0, ge=0.0, description="Ends when nothing was due for so long, s."
    )
    sessions: int = Field(
        default=2, ge=1, le=8, description="Connections to each target that serve side by side."
    )


def _caches(declared: Sequence[Declared]) -> dg.AssetsDefinition:
    """Return `<target>/cache/*` of all targets: one step, the targets beside each other."""
    by_queue = {queue_key(target): (target, caches) for target, caches in declared}
    by_key = dict(by_queue)
    for target, caches in declared:
        by_key |= {cache_key(target, cache): (target, caches) for cache in caches}

    @dg.multi_asset(
        name=STEP,
        specs=[spec for target, caches in declared for spec in _specs(target, caches)],
        can_subset=True,
        description="Serves what is due in the queues of the selected targets, all at once.",
    )
    def cached_values(
        context: dg.AssetExecutionContext, config: DrainConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        chosen = {key: by_key[key] for key in context.selected_asset_keys if key in by_key}
        targets = {target.name: (target, caches) for target, caches in chosen.values()}
        failed: list[dict[str, str]] = []
        stop = threading.Event()
        with vocabulary.explained(), ThreadPoolExecutor(_THREADS) as pool:
            running = {
                name: pool.submit(_drain, target, caches, config, stop)
                for name, (target, caches) in sorted(targets.items())
            }
            try:
                for name, future in running.items():
                    target, caches = targets[name]
                    yield from _results(context, target, caches, future, failed)
            finally:
                # told to end: every worker finishes its batch and gives back the rest
                stop.set()
        if failed:
            names = {each["target"] for each in failed}
            raise dg.Failure(
                f"at {len(names)} of {len(targets)} targets not all was served; "
                f"{failed[0]['target']}: {failed[0]['why']}",
                metadata={"not_served": vocabulary.table(failed)},
                allow_retries=False,
            )

    return cached_values


def _specs(target: Target, caches: Sequence[CacheType]) -> Iterator[dg.AssetSpec]:
    tables = sorted({each.table for cache in caches for each in cache.captured})
    yield dg.AssetSpec(
        queue_key(target),
        deps=[table_key(target, name) for name in tables],
        skippable=True,
        **vocabulary.head(
            target,
            "cache",
            "an entity whose cached values are out of date",
            "Filled from what writers logged; an entity is due when it was quiet for a while, or "
            "waits for long enough.",
        ),
    )
    for cache in caches:
        told = ", ".join(
            [*([f"made anew by {cache.process}"] if cache.process else [])]
            + [f"told to {sink.kind}" for sink in cache.sinks]
        )
        yield dg.AssetSpec(
            cache_key(target, cache),
            deps=[queue_key(target)],
            skippable=True,
            **vocabulary.head(
                target,
                "cache",
                f"a cached value of type {cache.name}",
                f"{told or 'nobody is told'}. The goal is to be at most {cache.fresh_s:g} s old.",
                also=[sink.kind for sink in cache.sinks if sink.kind == "redis"],
            ),
        )


def _drain(
    target: Target, caches: Sequence[CacheType], config: DrainConfig, stop: threading.Event
) -> "tuple[Drained, int | None]":
    """Drain one target and keep what was done; return the number of its row, too."""
    from perf_pipeline.invalidation import drain, record

    drained = drain.drain(
        target,
        caches,
        budget_s=config.budget_s,
        idle_s=config.idle_s,
        sessions=config.sessions,
        stop=stop,
    )
    with vocabulary.open_store() as store:
        return drained, record.add(store, drained)


def _results(
    context: dg.AssetExecutionContext,
    target: Target,
    caches: Sequence[CacheType],
    future: "Future[tuple[Drained, int | None]]",
    failed: list[dict[str, str]],
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield what was done for one target; note it where it could not be done."""
    try:
        drained, drain_id = future.result()
    except PerfPipelineError as error:
        failed.append({"target": target.name, "why": error.message, "remedy": error.remedy})
        return
    context.log.info(
        "%s: %d changes, %d refreshes, %s", target.name, drained.changes, drained.refreshed,
        drained.ended,
    )  # fmt: skip
    if queue_key(target) in context.selected_asset_keys:
        metadata = _metadata(drained) | _not_told(caches)
        yield dg.MaterializeResult(asset_key=queue_key(target), metadata=metadata)
    served = {each.cache_type: each for each in drained.served}
    for cache in caches:
        key, done = cache_key(target, cache), served[cache.name]
        if done.refreshed and key in context.selected_asset_keys:
            metadata = _cache_metadata(done) | {DRAIN: drain_id}
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    failed += [
        {"target": target.name, "why": why, "remedy": "its entries stay due"}
        for why in drained.down
    ]


def _metadata(drained: "Drained") -> vocabulary.Metadata:
    from perf_pipeline.invalidation.figures import coalescing, worst

    served = [each for each in drained.served if each.worked]
    return {
        "ended": drained.ended,
        **vocabulary.numbers(
            {
                "folded": drained.folded,
                "changes": drained.changes,
                "refreshes": drained.refreshed,
                "refreshes_avoided": drained.changes - drained.refreshed,
                "coalescing_factor": coalescing(drained.changes, drained.refreshed),
                "refreshes_per_second": drained.refreshed / drained.seconds
                if drained.refreshed and drained.seconds
                else None,
                "failed": sum(each.failed for each in served),
                "died": sum(each.dead for each in served),
                "staleness_p50_seconds": worst(each.staleness_p50_s for each in served),
                "staleness_p99_seconds": worst(each.staleness_p99_s for each in served),
                "staleness_max_seconds": worst(each.staleness_max_s for each in served),
                "seconds": drained.seconds,
                "depth": drained.left.waiting,
                "oldest_seconds": drained.left.oldest_s,
                "dead": drained.left.dead,
                "unknown": drained.unknown,
            }
        ),
        **({"not_followed": "; ".join(drained.unresolved)} if drained.unresolved else {}),
        **({"by_cache": vocabulary.table([_cache_row(each) for each in served])} if served else {}),
    }


def _not_told(caches: Sequence[CacheType]) -> vocabulary.Metadata:
    """Say which optional sinks were left out, if any: their variable is not set."""
    if not any(sink.optional for cache in caches for sink in cache.sinks):
        return {}
    from perf_pipeline.invalidation import sinks

    left_out = sinks.left_out(sink for cache in caches for sink in cache.sinks)
    return {"not_told": "; ".join(left_out)} if left_out else {}


def _cache_row(served: "Served") -> dict[str, object]:
    return {
        "cache": served.cache_type,
        "changes": served.changes,
        "refreshes": served.refreshed,
        "failed": served.failed,
        "p99_staleness_s": None
        if served.staleness_p99_s is None
        else round(served.staleness_p99_s, 3),
        "down": served.down,
    }


def _cache_metadata(served: "Served") -> vocabulary.Metadata:
    return dict(
        vocabulary.numbers(
            {
                "refreshes": served.refreshed,
                "refreshes_avoided": served.avoided,
                "changed_meanwhile": served.changed_meanwhile,
                "failed": served.failed,
                "staleness_p50_seconds": served.staleness_p50_s,
                "staleness_p99_seconds": served.staleness_p99_s,
                "staleness_max_seconds": served.staleness_max_s,
                "slowest_call_seconds": served.slowest_s,
            }
        )
    )


def _job(declared: Sequence[Declared]) -> vocabulary.AssetJob:
    keys = [spec.key for target, caches in declared for spec in _specs(target, caches)]
    return singleton_job(
        JOB,
        dg.AssetSelection.assets(*keys).without_checks(),
        "Serve what is due in the queues of invalidations, for 25 s at most.",
        max_runtime_s=600,
    )


def _sensor(declared: Sequence[Declared], job: vocabulary.AssetJob) -> dg.SensorDefinition:
    keys = {
        cache_key(target, cache): (target, cache) for target, caches in declared for cache in caches
    }

    @dg.sensor(
        name=SENSOR,
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the queues of invalidations, one statement each, and asks for one "
        "run over those where something is due. What workers beside Dagster made anew becomes an "
        "event of its asset, so that views follow it.",
    )
    def cache_invalidation_sensor(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        from perf_pipeline.invalidation import looks

        active = vocabulary.active_run(context.instance, JOB)
        if active is not None:
            # its own drains are in the store before its events are told
            return dg.SkipReason(f"run {active} of {JOB} is still active")
        told: list[str] = []
        due = looks.due(declared, told)
        try:
            made = made_beside(context.instance, keys)
        except PerfPipelineError as error:
            made = ()
            told.append(f"what other workers made anew is not known: {error.message}")
        names = {target.name for target in due}
        # no run_key: it would be remembered for ever, and the same queues are due again
        asked = dg.RunRequest(
            asset_selection=[
                spec.key
                for target, caches in declared
                if target.name in names
                for spec in _specs(target, caches)
            ],
            asset_check_keys=[],  # they have a job of their own
        )
        return dg.SensorResult(
            run_requests=[asked] if due else [],
            asset_events=made,
            skip_reason=None if due else dg.SkipReason("; ".join(told) or "nothing is due"),
        )

    return cache_invalidation_sensor
