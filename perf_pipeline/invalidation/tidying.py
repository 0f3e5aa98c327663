"""Keep log and queue small, also while an old snapshot is held: TRUNCATE instead of vacuum."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg import sql

from perf_pipeline.invalidation.catalog import Connection, rows

#: The queue is written anew from this size on, if it is mostly dead rows.
REWRITE_BYTES: Final = 1024 * 1024
#: What a live row of the queue occupies at most, index entries included, bytes.
ROW_BYTES: Final = 400
#: Entries beyond which the queue is not written anew: they would have to fit in memory.
REWRITE_MOST: Final = 100_000


@dataclass(frozen=True)
class Tidied:
    """What was made small: tables that were emptied, and whether the queue was written anew."""

    emptied: tuple[str, ...] = ()
    rewritten: bool = False


def tidy(connection: Connection, *, at: datetime | None = None) -> Tidied:
    """Empty the log that nobody writes now, and the queue where it is mostly dead rows.

    By TRUNCATE, which no old snapshot hinders. Locks are had at once or not at all, so that nobody
    ever waits behind this; who holds one (a dump, an open transaction) makes it a task of later.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    at : datetime, optional
        Default: the server's clock; its minute says which log is idle.

    """
    look = rows(connection, "tidy_look", {"at": at})[0]
    emptied = []
    if look["idle"] is not None:
        for kind in ("log", "bulk"):
            name = f"{kind}_{look['idle']}"
            if look[name] and _empty(connection, f"invalidation_{name}", queue=False):
                emptied.append(f"invalidation_{name}")
    rewritten = False
    bloated = look["queue"] > max(REWRITE_BYTES, 3 * ROW_BYTES * look["entries"])
    if bloated and look["entries"] == 0:
        if _empty(connection, "invalidation_queue", queue=True):
            emptied.append("invalidation_queue")
    elif bloated and look["entries"] <= REWRITE_MOST:
        with suppress(psycopg.errors.LockNotAvailable), connection.transaction():
            rows(connection, "queue_lock")
            connection.execute(
                "SELECT /* perf-pipeline */ perf_pipeline_meta.rewrite_invalidation_queue()"
            )
            rewritten = True
    return Tidied(tuple(emptied), rewritten)


def _empty(connection: Connection, table: str, *, queue: bool) -> bool:
    """Truncate a table of ours if its lock is free and it holds no row; return whether."""
    name = sql.Identifier("perf_pipeline_meta", table)
    try:
        with connection.transaction():
            if queue:
                rows(connection, "queue_lock")
            connection.execute(
                sql.SQL("LOCK /* perf-pipeline */ TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(
                    name
                )
            )
            # whoever wrote it has committed or is gone: now it can be told
            row = connection.execute(
                sql.SQL("SELECT /* perf-pipeline */ EXISTS (SELECT FROM {})").format(name)
            ).fetchone()
            if row is None or row[0]:
                return False
            connection.execute(sql.SQL("TRUNCATE /* perf-pipeline */ {}").format(name))
    except psycopg.errors.LockNotAvailable:
        return False
    return True
