"""How queues of invalidations stand, with checks, every 10 minutes.

An asset of its own: Dagster shows a check only for the newest materialization of its asset, and a
queue that is served every half minute would never show any.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation.figures import coalescing, worst
from perf_pipeline.invalidation.limits import CHECKS
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    from perf_pipeline.invalidation.looks import Status

#: A target with what it declares of cached values.
Declared = tuple[Target, tuple[CacheType, ...]]

CHECK_JOB: Final = "cache_invalidation_checks"


def queue_key(target: Target) -> dg.AssetKey:
    """Return the key of a target's queue."""
    return vocabulary.key(target, "cache", "invalidation_queue")


def status_key(target: Target) -> dg.AssetKey:
    """Return the key of how a target's queue stands."""
    return vocabulary.key(target, "cache", "invalidation_status")


def check_definitions(declared: Sequence[Declared]) -> dg.Definitions:
    """Return how all queues stand, the job that looks at them, and its schedule.

    Parameters
    ----------
    declared : sequence of (Target, cache types)
        Each with at least one.

    """
    job = singleton_job(
        CHECK_JOB,
        dg.AssetSelection.assets(*(status_key(target) for target, _ in declared)),
        "Look whether the queues of invalidations are well, and all is captured.",
        max_runtime_s=600,
    )
    schedule = utc_schedule(
        job,
        "*/10 * * * *",
        "Looks whether the queues of invalidations are well.",
        name=f"{CHECK_JOB}_every_10_minutes",
    )
    return dg.Definitions(assets=[_statuses(declared)], jobs=[job], schedules=[schedule])


def check_keys(target: Target) -> list[dg.AssetCheckKey]:
    """Return the keys of the checks of a target's queue, in their order."""
    return [dg.AssetCheckKey(status_key(target), name) for name in CHECKS]


def _statuses(declared: Sequence[Declared]) -> dg.AssetsDefinition:
    """Return how all queues stand, in one step."""

    @dg.multi_asset(
        name="cached_values_checks",
        specs=[
            dg.AssetSpec(
                status_key(target),
                deps=[queue_key(target)],
                skippable=True,
                **vocabulary.head(
                    target,
                    "cache",
                    "a cache type: what waits and is dead, and what the last hour's drains did",
                    "Looked at every 10 minutes, with the checks.",
                ),
            )
            for target, _ in declared
        ],
        check_specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=CHECKS[key.name])
            for target, _ in declared
            for key in check_keys(target)
        ],
        can_subset=True,
    )
    def cached_values_checks(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from perf_pipeline.invalidation import looks

        unreached: list[str] = []
        with vocabulary.explained(), vocabulary.open_store() as store:
            for target, caches in declared:
                wanted = [k for k in check_keys(target) if k in context.selected_asset_check_keys]
                made = status_key(target) in context.selected_asset_keys
                if not made and not wanted:
                    continue
                try:
                    seen = looks.status(store, target, caches)
                except PerfPipelineError as error:
                    unreached.append(f"{target.name}: {error.message}")
                    continue
                if made:
                    yield dg.MaterializeResult(
                        asset_key=status_key(target), metadata=_metadata(seen)
                    )
                yield from _results(target, seen, {key.name for key in wanted})
        if unreached:
            raise dg.Failure(
                f"{len(unreached)} targets could not be looked at; {unreached[0]}",
                allow_retries=False,
            )

    return cached_values_checks


def _metadata(seen: "Status") -> vocabulary.Metadata:
    """Return what waits and what the last hour's drains did; what nobody did is absent."""
    hour = seen.last_hour()
    changes, refreshes = sum(each.changes for each in hour), sum(each.refreshed for each in hour)
    rows = [
        {
            "cache": row.cache_type,
            "waiting": row.entries,
            "oldest_seconds": seen.ages_s.get(row.cache_type),
            "failed_before": row.failing,
            "dead": row.dead,
        }
        for row in seen.depth
    ]
    oldest = [*seen.ages_s.values(), *([] if seen.logged_s is None else [seen.logged_s])]
    return {
        "dagster/row_count": len(seen.depth),
        **vocabulary.numbers(
            {
                "waiting": sum(row.entries for row in seen.depth),
                "not_folded_yet": seen.logged,
                "oldest_seconds": max(oldest, default=None),
                "dead": sum(row.dead for row in seen.depth),
                "changes_of_the_hour": changes,
                "refreshes_of_the_hour": refreshes,
                "refreshes_avoided_of_the_hour": changes - refreshes,
                "coalescing_factor": coalescing(changes, refreshes),
                "failed_of_the_hour": sum(each.failed for each in hour),
                "staleness_p99_seconds": worst(each.staleness_p99_s for each in hour),
                "staleness_max_seconds": worst(each.staleness_max_s for each in hour),
            }
        ),
        **({"by_cache": vocabulary.table(rows)} if rows else {}),
    }


def _results(target: Target, seen: "Status", wanted: set[str]) -> Iterator[dg.AssetCheckResult]:
    for verdict in seen.verdicts:
        if verdict.check in wanted:
            yield dg.AssetCheckResult(
                asset_key=status_key(target),
                check_name=verdict.check,
                passed=verdict.passed,
                severity=vocabulary.severity(verdict.severity == "error"),
                description=verdict.told,
                metadata=dict(verdict.figures),
            )
