"""Fold the log into the queue: one entry per cache type and entity, however often it changed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Final

import psycopg
from psycopg import sql

from perf_pipeline.invalidation.catalog import Connection, count, rows
from perf_pipeline.invalidation.model import EVERY, CacheType, Due, Path

#: Entries of each log taken in one fold: a fold holds others up for as long as it takes.
FOLD_MOST: Final = 200_000


@dataclass(frozen=True)
class Folded:
    """What a fold did.

    Attributes
    ----------
    taken : int
        Entries of the log.
    entries : int
        Entries of the queue that were added or renewed.
    busy : bool
        Another worker was folding; nothing was done.
    more : bool
        The log may hold more than one fold takes: fold again.
    unresolved : tuple of str
        What was wrong with paths that could not be followed; every entity of their caches is
        queued instead.
    claimed : tuple of list of Due
        What was due at once and is claimed already, one list per lease.

    """

    taken: int = 0
    entries: int = 0
    busy: bool = False
    more: bool = False
    unresolved: tuple[str, ...] = ()
    claimed: tuple[list[Due], ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What a fold claims for its worker of what it adds: nobody has to look for it again.

    Attributes
    ----------
    caches : sequence of (CacheType, int)
        With how many entries a batch has.
    batches : int
        At most so many of each cache type; each has a lease of its own.
    lease_s : float
        Seconds after which others may take them.

    """

    caches: Sequence[tuple[CacheType, int]]
    batches: int
    lease_s: float


#: A fold that only folds.
_NOTHING: Final = Wanted((), 0, 0.0)


def fold(
    connection: Connection,
    *,
    most: int = FOLD_MOST,
    wanted: Wanted = _NOTHING,
    at: datetime | None = None,
) -> Folded:
    """Move what is in the log to the queue: one entry per cache type and entity.

    Entities that lie behind a path are looked up now, not when they were written: what a path leads
    to may be changed by a transaction that commits before this one. A path that cannot be followed
    queues every entity of its cache, so that nothing is lost.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    most : int
        Entries of each of the log's tables to take.
    wanted : Wanted, optional
        What to claim of it at once. A cache type of which older entries wait is not claimed here:
        they come first; nor is one whose paths had to be followed, which may add to its entries.
    at : datetime, optional
        Default: the server's clock; says what is due.

    """
    values = {
        "most": most,
        "names": [cache.name for cache, _ in wanted.caches],
        "debounces": [cache.debounce_s for cache, _ in wanted.caches],
        "max_waits": [cache.max_wait_s for cache, _ in wanted.caches],
        "limits": [limit for _, limit in wanted.caches],
        "leases": [uuid.uuid4() for _ in range(wanted.batches)],
        "lease_s": wanted.lease_s,
        "at": at,
    }
    with connection.transaction():
        if not rows(connection, "fold_lock")[0]["got"]:
            return Folded(busy=True)
        rows(connection, "queue_lock")
        found = rows(connection, "fold", values, binary=True)
        unresolved = []
        entries = int(found[0]["added"])
        paths = [row for row in found if row["rule_id"] is not None]
        if paths:
            rows(connection, "plan_freely")
        for row in paths:
            added, wrong = _resolve(connection, row)
            entries += added
            if wrong:
                unresolved.append(wrong)
    taken = int(found[0]["taken"])
    claimed = tuple(_claimed(row) for row in found if row["lease_id"] is not None)
    claimed = tuple(sorted(claimed, key=lambda batch: batch[0].first_queued_at))
    return Folded(taken, entries, False, taken >= most, tuple(unresolved), claimed)


def _claimed(row: Mapping[str, Any]) -> list[Due]:
    """Return the entries of one lease; a new one has failed at nothing yet."""
    return list(
        map(
            Due,
            repeat(row["cache_type"]),
            row["keys"],
            repeat(row["generation"]),
            row["firsts"],
            row["lasts"],
            row["changes"],
            repeat(0),
            repeat(row["lease_id"]),
            repeat(row["reason"]),
        )
    )


def _resolve(connection: Connection, row: Mapping[str, Any]) -> tuple[int, str]:
    """Queue the entities that the keys of one rule lead to."""
    times = {
        key: (changes, first, last)
        for key, changes, first, last in zip(
            row["keys"], row["changes"], row["firsts"], row["lasts"], strict=True
        )
    }
    wrong: str | None = None
    try:
        with connection.transaction():
            found = connection.execute(
                _lookup(row["path"], row["key_type"]), {"keys": list(times)}
            ).fetchall()
    except psycopg.errors.OperationalError:
        raise
    except psycopg.Error as error:
        wrong = f"{row['cache_type']}: {row['path']}: {str(error).splitlines()[0]}"
        found = [(key, EVERY) for key in times]
    values: dict[str, Any] = {
        "cache_type": row["cache_type"],
        "reason": row["reason"],
        "error": wrong,
        "entities": [entity for _, entity in found],
        "changes": [times[key][0] for key, _ in found],
        "firsts": [times[key][1] for key, _ in found],
        "lasts": [times[key][2] for key, _ in found],
    }
    return count(connection, "queue_add", values), wrong or ""


def _lookup(path: str, key_type: str) -> sql.Composed:
    """Return the query from keys, bound as one array, to the entities they lead to now."""
    read = Path.parse(path, "a rule of this database")
    tables = [sql.Identifier(*hop.table.split(".")) for hop in read.hops]
    names = [sql.Identifier(f"j{i}") for i in range(len(read.hops))]
    joins = [
        sql.SQL(" JOIN {} AS {} ON {}.{} = {}.{}").format(
            tables[i],
            names[i],
            names[i],
            sql.Identifier(read.hops[i].key),
            names[i - 1],
            sql.Identifier(read.hops[i].column),
        )
        for i in range(1, len(read.hops))
    ]
    return sql.SQL(
        "SELECT /* perf-pipeline */ DISTINCT {key}::{kind}::text, {last}.{column}::text"
        " FROM {table} AS {first}{joins}"
        " WHERE {key} = ANY (%(keys)s::text[]::{kind}[]) AND {last}.{column} IS NOT NULL"
    ).format(
        key=sql.SQL("{}.{}").format(names[0], sql.Identifier(read.hops[0].key)),
        kind=sql.SQL(key_type),
        last=names[-1],
        column=sql.Identifier(read.column),
        table=tables[0],
        first=names[0],
        joins=sql.Composed(joins),
    )
