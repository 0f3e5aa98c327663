"""The queue inside a target: fold the log into it, claim, finish, fail, look, keep it small.

Applications only ever write the log; only what is here touches the queue. Each function is one
short transaction of its own, on a connection in autocommit.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import psycopg

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.catalog import Connection, count, rows, text_array
from perf_pipeline.invalidation.folding import Folded, Wanted, fold
from perf_pipeline.invalidation.model import CacheType, Due
from perf_pipeline.invalidation.tidying import Tidied, tidy
from perf_pipeline.postgres import sqlfiles

__all__ = [
    "Depth",
    "DueNow",
    "Failed",
    "Finished",
    "Folded",
    "LogDepth",
    "Tidied",
    "Wanted",
    "claim",
    "depth",
    "due_now",
    "fail",
    "finish",
    "fold",
    "log_depth",
    "mark_unknown",
    "release",
    "retry",
    "tidy",
]


@dataclass(frozen=True)
class Finished:
    """What became of processed entries: done, changed meanwhile (they stay), no longer ours."""

    done: int = 0
    changed_meanwhile: int = 0
    lost_lease: int = 0


@dataclass(frozen=True)
class Failed:
    """What became of failed entries: tried again later, dead, or not ours any more."""

    again: int = 0
    dead: int = 0
    lost_lease: int = 0


@dataclass(frozen=True)
class DueNow:
    """What a cheap look found: whether the log holds something, and which cache types have work."""

    logged: bool
    due: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is work."""
        return self.logged or bool(self.due)


@dataclass(frozen=True)
class Depth:
    """What waits of one cache type; times are None where nothing waits."""

    cache_type: str
    entries: int
    changes: int
    oldest: datetime | None
    newest: datetime | None
    leased: int
    failing: int
    last_error: str | None
    dead: int
    died_at: datetime | None


@dataclass(frozen=True)
class LogDepth:
    """What is in the log and not yet folded, and bytes of log and queue."""

    entries: int
    oldest: datetime | None
    log_bytes: int
    queue_bytes: int


def claim(
    connection: Connection,
    cache_type: CacheType,
    limit: int | None = None,
    lease_s: float = 60.0,
    *,
    at: datetime | None = None,
) -> list[Due]:
    """Take due entries of a cache type for a while, the oldest first.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    cache_type : CacheType
        Its debounce and its longest wait say what is due.
    limit : int, optional
        Default: its batch.
    lease_s : float
        Seconds after which others may take them again.
    at : datetime, optional
        Default: the server's clock.

    """
    lease = uuid.uuid4()
    values = {
        "cache_type": cache_type.name,
        "debounce_s": cache_type.debounce_s,
        "max_wait_s": cache_type.max_wait_s,
        "most": cache_type.batch if limit is None else limit,
        "lease_s": lease_s,
        "lease_id": lease,
        "at": at,
    }
    with connection.transaction():
        rows(connection, "queue_share")
        text = sqlfiles.load("invalidation/claim").text
        claimed = connection.execute(text, values, binary=True).fetchall()
    claimed.sort(key=itemgetter(2, 0))  # the oldest first
    return [
        Due(cache_type.name, entity, generation, first, last, changes, attempts, lease, reason)
        for entity, generation, first, last, changes, attempts, reason in claimed
    ]


def finish(connection: Connection, done: Sequence[Due]) -> Finished:
    """Take processed entries out of the queue; those that changed meanwhile stay.

    What changed meanwhile waits from its own first change on, as if it were new.
    """
    removed = changed = 0
    with connection.transaction():
        rows(connection, "queue_share")
        for values, batch in _batches(done):
            gone = count(connection, "finish", values)
            removed += gone
            if gone < len(batch):
                changed += count(connection, "finish_changed", values)
    return Finished(removed, changed, len(done) - removed - changed)


def fail(
    connection: Connection,
    failed: Sequence[tuple[Due, str]],
    policy: CacheType,
    *,
    at: datetime | None = None,
) -> Failed:
    """Note failures: entries are tried again later, and set aside after `max_attempts`.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    failed : sequence of (Due, str)
        With what was wrong.
    policy : CacheType
        How often an entry is tried. The wait doubles with each failure, from 1 s to 300 s, and
        varies by a quarter, so that not all come back at once.
    at : datetime, optional
        Default: the server's clock.

    """
    errors = {(due.cache_type, due.entity): error for due, error in failed}
    again = dead = 0
    with connection.transaction():
        rows(connection, "queue_share")
        for values, batch in _batches([due for due, _ in failed]):
            more = {
                "errors": [errors[due.cache_type, due.entity] for due in batch],
                "waits": [
                    policy.backoff_s(due.attempts + 1) * random.uniform(0.75, 1.25) for due in batch
                ],
                "max_attempts": policy.max_attempts,
                "at": at,
            }
            row = rows(connection, "fail", {**values, **more})[0]
            again += row["again"]
            dead += row["dead"]
    return Failed(again, dead, len(failed) - again - dead)


def release(connection: Connection, untouched: Sequence[Due]) -> int:
    """Give back claimed entries that nobody tried; return how many were still ours."""
    given = 0
    if not untouched:
        return given
    with connection.transaction():
        rows(connection, "queue_share")
        for values, _ in _batches(untouched):
            given += count(connection, "release", values)
    return given


def _batches(entries: Sequence[Due]) -> Iterator[tuple[dict[str, Any], list[Due]]]:
    """Yield entries of one claim together, as the statements want them."""
    claims: dict[tuple[str, uuid.UUID], list[Due]] = {}
    for due in entries:
        claims.setdefault((due.cache_type, due.lease_id), []).append(due)
    for (cache_type, lease), batch in claims.items():
        yield (
            {
                "cache_type": cache_type,
                "lease_id": lease,
                "entities": text_array([due.entity for due in batch]),
                "generations": f"{{{','.join([str(due.generation) for due in batch])}}}",
            },
            batch,
        )


def retry(
    connection: Connection, cache_type: str | None = None, entities: Sequence[str] | None = None
) -> int:
    """Put dead entries back, due at once; return how many."""
    with connection.transaction():
        rows(connection, "queue_lock")
        return count(
            connection,
            "retry",
            {
                "cache_type": cache_type,
                "entities": None if entities is None else list(entities),
            },
        )


def mark_unknown(connection: Connection, known: Sequence[str]) -> int:
    """Mark entries of cache types that are not declared: they stay, with an error that says so.

    Returns
    -------
    int
        Entries marked now; `depth` tells of all.

    Raises
    ------
    ConfigurationError
        The target has no queue: nothing was installed.

    """
    with _installed(), connection.transaction():
        rows(connection, "queue_lock")
        return count(connection, "unknown", {"known": list(known)})


@contextmanager
def _installed() -> Iterator[None]:
    """Tell a person what to do where there is no queue."""
    try:
        yield
    except psycopg.errors.UndefinedTable as error:
        raise ConfigurationError(
            "this database has no queue of invalidations",
            "run `perf-pipeline invalidation install --target NAME`",
        ) from error


def due_now(
    connection: Connection, caches: Sequence[CacheType], *, at: datetime | None = None
) -> DueNow:
    """Return whether there is work, by one query over indexes.

    Raises
    ------
    ConfigurationError
        The target has no queue: nothing was installed.

    """
    values = {
        "names": [each.name for each in caches],
        "debounces": [each.debounce_s for each in caches],
        "max_waits": [each.max_wait_s for each in caches],
        "at": at,
    }
    with _installed():
        row = rows(connection, "due_now", values)[0]
    return DueNow(bool(row["logged"]), tuple(row["due"]))


def depth(connection: Connection) -> list[Depth]:
    """Return what waits and what is dead, by cache type."""
    return [Depth(**row) for row in rows(connection, "depth")]


def log_depth(connection: Connection) -> LogDepth:
    """Return what is in the log and not yet in the queue."""
    return LogDepth(**rows(connection, "log_depth")[0])
