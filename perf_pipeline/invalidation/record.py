"""What drains did, in the store: written by workers, read by checks, the report and a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from perf_pipeline.invalidation.figures import Drained
from perf_pipeline.store import Store


def add(store: Store, drained: Drained) -> int | None:
    """Keep what a drain did; one that found nothing to do leaves no row.

    Parameters
    ----------
    store : Store
        At revision 0005 or later.
    drained : Drained

    Returns
    -------
    int or None
        Its number.

    """
    if not drained.worked:
        return None
    rows = store.rows(
        "invalidation_add",
        {
            "target": drained.target,
            "started_at": drained.started_at,
            "seconds": drained.seconds,
            "ended": drained.ended,
            "folded": drained.folded,
            "unknown": drained.unknown,
            "waiting": drained.left.waiting,
            "oldest_s": drained.left.oldest_s,
            "dead": drained.left.dead,
            "served": Jsonb([vars(each) for each in drained.served if each.worked]),
        },
    )
    return int(rows[0]["drain_id"])


def recent(
    store: Store, target: str, since: datetime, limit: int = 200
) -> Sequence[Mapping[str, Any]]:
    """Return what drains did for each cache type, newest first.

    Returns
    -------
    Sequence of Mapping
        `drain_id`, `target`, `started_at` (aware), `seconds`, `ended`, `folded`, `unknown`; what
        was left: `waiting`, `oldest_s`, `dead_left`; `cache_type`, and the fields of `Served` with
        `avoided`; seconds end in `_s`.

    """
    return store.rows("invalidation_recent", {"target": target, "since": since, "limit": limit})


def newest(
    store: Store, targets: Sequence[str], since: datetime
) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Return, by target and cache type, the newest drain that made something anew.

    Parameters
    ----------
    store : Store
    targets : sequence of str
    since : datetime
        Aware; drains that began earlier are left out.

    Returns
    -------
    Mapping of (target, cache type) to Mapping
        `drain_id`, `changes`, `refreshed`, `avoided`, `staleness_p50_s`, `_p99_s`, `_max_s`.

    """
    rows = store.rows("invalidation_newest", {"targets": list(targets), "since": since})
    return {(row["target"], row["cache_type"]): row for row in rows}


def by_hour(
    store: Store, target: str, since: datetime, until: datetime
) -> Sequence[Mapping[str, Any]]:
    """Return what was invalidated in each hour with work, per cache type.

    Parameters
    ----------
    store : Store
    target : str
    since, until : datetime
        Aware; `until` is not included.

    Returns
    -------
    Sequence of Mapping
        `hour` (aware), `cache_type`, `changes`, `refreshed`, `failed`, `dead`, `process_s`,
        `slowest_s`, `staleness_p50_s`, `_p99_s`, `_max_s` (the largest of the hour's drains; None
        where nothing was refreshed).

    """
    return store.rows("invalidation_by_hour", {"target": target, "since": since, "until": until})
