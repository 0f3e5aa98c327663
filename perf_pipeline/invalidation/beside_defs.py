"""What workers beside Dagster made anew becomes an event of its asset, so that others follow it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.postgres.target import Target

#: Names in an event's metadata the row of `maintenance.invalidation_drains` it tells of.
DRAIN: Final = "drain_id"
#: Drains that are older are nobody's news.
_SINCE: Final = timedelta(days=1)


def made_beside(
    instance: dg.DagsterInstance, caches: Mapping[dg.AssetKey, tuple[Target, CacheType]]
) -> Sequence[dg.AssetMaterialization]:
    """Return an event for each asset whose newest drain none of its events tells of.

    A run of Dagster names its drain in its event, so what is left was done by a worker beside it
    (`perf-pipeline invalidation run`), or by a run that died between the two. Compared for
    being the same, not for being later: clocks, and a store that was made anew, play no part.

    Parameters
    ----------
    instance : dagster.DagsterInstance
    caches : mapping of asset key to (Target, CacheType)
        `<target>/cache/<cache type>` of all targets.

    Raises
    ------
    PerfPipelineError
        The store cannot be asked.

    """
    from perf_pipeline.invalidation import record

    names = sorted({target.name for target, _ in caches.values()})
    with vocabulary.open_store() as store:
        found = record.newest(store, names, datetime.now(UTC) - _SINCE)
    newest = {
        key: found[target.name, cache.name]
        for key, (target, cache) in caches.items()
        if (target.name, cache.name) in found
    }
    told = _told(instance, list(newest))
    return [
        dg.AssetMaterialization(
            key,
            description="Served by a worker beside Dagster; what its newest drain did.",
            metadata={
                DRAIN: row["drain_id"],
                **vocabulary.numbers(
                    {
                        "refreshes": row["refreshed"],
                        "refreshes_avoided": row["avoided"],
                        "staleness_p50_seconds": row["staleness_p50_s"],
                        "staleness_p99_seconds": row["staleness_p99_s"],
                        "staleness_max_seconds": row["staleness_max_s"],
                    }
                ),
            },
        )
        for key, row in newest.items()
        if told.get(key) != row["drain_id"]
    ]


def _told(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[dg.AssetKey, object]:
    """Return the drain that the newest event of each asset tells of; one query."""
    found: dict[dg.AssetKey, object] = {}
    for each in instance.get_asset_records(keys) if keys else ():
        entry = each.asset_entry.last_materialization
        event = None if entry is None else entry.asset_materialization
        if event is not None and DRAIN in event.metadata:
            found[each.asset_entry.asset_key] = event.metadata[DRAIN].value
    return found
