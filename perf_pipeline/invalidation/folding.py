"""Fold the log into the queue: one entry per cache type and entity, however often it changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from perf_pipeline.invalidation.catalog import Connection, count, rows
from perf_pipeline.invalidation.model import EVERY, Path

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

    """

    taken: int = 0
    entries: int = 0
    busy: bool = False
    more: bool = False
    unresolved: tuple[str, ...] = ()


def fold(connection: Connection, *, most: int = FOLD_MOST) -> Folded:
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

    """
    with connection.transaction():
        if not rows(connection, "fold_lock")[0]["got"]:
            return Folded(busy=True)
        rows(connection, "queue_lock")
        found = rows(connection, "fold", {"most": most})
        unresolved = []
        entries = int(found[0]["added"])
        for row in found:
            if row["rule_id"] is None:
                continue
            added, wrong = _resolve(connection, row)
            entries += added
            if wrong:
                unresolved.append(wrong)
    taken = int(found[0]["taken"])
    return Folded(taken, entries, False, taken >= most, tuple(unresolved))


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
