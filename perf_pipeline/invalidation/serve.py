"""Serving one batch of claimed entries: recompute, tell the sinks, finish or fail each entry.

The order matters: what is recomputed is committed before a sink is told, so that whoever refills an
outer cache refills it from what is new. An entry counts as done only when both happened.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import BusyError, PerfPipelineError, UnreachableError
from perf_pipeline.invalidation import queue
from perf_pipeline.invalidation.catalog import text_array
from perf_pipeline.invalidation.figures import Tally
from perf_pipeline.invalidation.model import CacheType, Due
from perf_pipeline.postgres import sqlfiles

Connection = psycopg.Connection[Any]

#: Of a lease, the share and the seconds at most that are kept for telling sinks and finishing.
_MARGIN: Final = (0.25, 5.0)
#: One call of a processing function may take so long, s; half of it for each half of a batch that
#: failed, but never less than a second, so that one slow entry is found before the lease ends.
CALL_S: Final = 10.0
_LEAST_CALL_S: Final = 1.0
_NO_TIME_S: Final = 0.1
#: A batch that takes longer makes the next one smaller: whoever waits for one of its rows (an
#: application that deletes a user, say) waits for the rest of the batch.
BATCH_S: Final = 0.5
_LONGEST_ERROR: Final = 500
#: SQLSTATE classes of a lost connection, and of a server that shuts down.
_CONNECTION_LOST: Final = ("08", "57P")

#: What is wrong with the function or our rights: no entry is to blame, and none may die of it.
_SYSTEMIC: Final = (
    pg_errors.UndefinedFunction,
    pg_errors.InvalidSchemaName,
    pg_errors.InsufficientPrivilege,
    pg_errors.ReadOnlySqlTransaction,
)
#: Somebody was in the way: tried again for as long as it takes, never set aside.
_IN_THE_WAY: Final = (
    pg_errors.LockNotAvailable,
    pg_errors.DeadlockDetected,
    pg_errors.SerializationFailure,
)
#: In the place of a cache type's `max_attempts` for these.
_FOR_EVER: Final = 1_000_000


class Sink(Protocol):
    """What is told to forget: see `sinks.base.Sink`."""

    name: str

    def invalidate(self, cache_type: str, batch: Sequence[Due]) -> dict[str, str]:
        """Make it forget; return entity -> error, raise when all of it is down."""
        ...


class CannotServeError(Exception):
    """The whole cache type cannot be served now; its entries stay due and count no attempt."""

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s


@dataclass
class Lease:
    """How long a batch is ours.

    Attributes
    ----------
    ends : float
        Of `time.monotonic`.

    """

    ends: float

    @classmethod
    def of(cls, seconds: float) -> "Lease":
        """Return one that began now, less what is kept for finishing."""
        share, most = _MARGIN
        return cls(time.monotonic() + seconds - min(most, share * seconds))

    @property
    def left_s(self) -> float:
        """Seconds that a call may still take."""
        return self.ends - time.monotonic()


@dataclass
class _Wrong:
    """What went wrong with entries: `errors` count, `blocked` do not."""

    errors: dict[str, str]
    blocked: dict[str, str]

    def __contains__(self, entity: str) -> bool:
        return entity in self.errors or entity in self.blocked


def serve(
    connection: Connection,
    cache: CacheType,
    sinks: Sequence[Sink],
    batch: Sequence[Due],
    lease: Lease,
    tally: Tally,
) -> list[Due]:
    """Serve a claimed batch; return the entries that were recomputed and told to every sink.

    Those of them that changed meanwhile are still in the queue.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    cache : CacheType
    sinks : sequence of Sink
        In the order they are told.
    batch : sequence of Due
        Of one claim.
    lease : Lease
    tally : Tally
        Takes what happened.

    Raises
    ------
    CannotServeError
        The function or a sink cannot be used at all; entries that were not done are given back.
    UnreachableError
        The connection was lost; the lease will end, and others serve the entries.

    """
    wrong = _Wrong({}, {})
    untried: list[Due] = []
    going = list(batch)
    try:
        if cache.process:
            untried = _process(connection, cache, going, lease, tally, wrong)
            late = {due.entity for due in untried}
            going = [due for due in going if due.entity not in late and due.entity not in wrong]
        for sink in sinks:
            if going:
                told = _tell(sink, cache, going)
                wrong.errors.update(told)
                going = [due for due in going if due.entity not in told]
    except CannotServeError:
        _give_back(connection, [due for due in batch if due.entity not in wrong])
        _note_failures(connection, cache, batch, wrong, tally)
        raise
    except BaseException:
        # told to end in the middle: nobody should have to wait for the lease
        _give_back(connection, batch)
        raise
    with explained():
        _give_back(connection, untried)
        _note_failures(connection, cache, batch, wrong, tally)
        if going:
            finished = queue.finish(connection, going)
            tally.refreshed += len(going)
            tally.changes += sum(due.changes for due in going)
            tally.changed_meanwhile += finished.changed_meanwhile
            tally.lost_lease += finished.lost_lease
    return going


def _process(
    connection: Connection,
    cache: CacheType,
    batch: Sequence[Due],
    lease: Lease,
    tally: Tally,
    wrong: _Wrong,
) -> list[Due]:
    """Call the processing function for a batch; return what there was no time for.

    A call that fails is repeated with each half, until the entries that make it fail are alone:
    they cost the others nothing (D-101).
    """
    waiting: list[tuple[float, Sequence[Due]]] = [(CALL_S, batch)]
    while waiting:
        most_s, part = waiting.pop()
        left = lease.left_s
        if left <= _NO_TIME_S:
            return [due for _, rest in [*waiting, (most_s, part)] for due in rest]
        began = time.monotonic()
        try:
            wrong.errors.update(_call(connection, cache, part, min(left, most_s)))
        except _SYSTEMIC as error:
            raise CannotServeError(f"{cache.process} cannot be called: {_line(error)}") from error
        except psycopg.Error as error:
            if connection.closed:
                raise _lost(error) from error
            if len(part) > 1:
                half, each_s = len(part) // 2, max(_LEAST_CALL_S, most_s / 2)
                waiting += [(each_s, part[half:]), (each_s, part[:half])]
            elif most_s < CALL_S and isinstance(error, pg_errors.QueryCanceled):
                waiting.append((CALL_S, part))  # alone it may take longer
            elif isinstance(error, _IN_THE_WAY):
                wrong.blocked[part[0].entity] = _line(error)
            else:
                wrong.errors[part[0].entity] = _line(error)
        finally:
            tally.called(time.monotonic() - began)
    return []


def _call(
    connection: Connection, cache: CacheType, batch: Sequence[Due], most_s: float
) -> dict[str, str]:
    """Call the function once, in a transaction of its own; return entity -> error."""
    statement = sql.SQL("SELECT /* perf-pipeline */ entity, error FROM {}(%s::text[])").format(
        sql.Identifier(*cache.process.split(".", 1))
    )
    limit = sqlfiles.load("invalidation/call_limit").text
    with connection.transaction():
        connection.execute(limit, {"statement_timeout": f"{int(most_s * 1000)}ms"})
        rows = connection.execute(
            statement, (text_array([due.entity for due in batch]),)
        ).fetchall()
    return {entity: str(error)[:_LONGEST_ERROR] for entity, error in rows if error is not None}


def _tell(sink: Sink, cache: CacheType, batch: Sequence[Due]) -> dict[str, str]:
    """Tell one sink; return entity -> error."""
    try:
        return sink.invalidate(cache.name, batch)
    except PerfPipelineError as error:
        raise CannotServeError(
            f"{sink.name}: {error.message}", getattr(error, "retry_after_s", None)
        ) from error


def _note_failures(
    connection: Connection,
    cache: CacheType,
    batch: Sequence[Due],
    wrong: _Wrong,
    tally: Tally,
) -> None:
    """Give back what failed, to be tried again later or set aside."""
    patient = replace(cache, max_attempts=_FOR_EVER)
    for errors, policy in ((wrong.errors, cache), (wrong.blocked, patient)):
        failed = [(due, errors[due.entity]) for due in batch if due.entity in errors]
        if failed:
            noted = queue.fail(connection, failed, policy)
            tally.failed += noted.again
            tally.dead += noted.dead
            tally.lost_lease += noted.lost_lease


def _give_back(connection: Connection, untried: Sequence[Due]) -> None:
    """Give back entries that nobody tried; without a connection their lease ends."""
    if untried and not connection.closed:
        try:
            queue.release(connection, untried)
        except psycopg.Error:
            return


@contextmanager
def explained() -> Iterator[None]:
    """Tell a lost connection, and one that waited for too long, from a mistake in a statement.

    Raises
    ------
    UnreachableError
        The connection was lost.
    BusyError
        Somebody held the queue for too long.

    """
    try:
        yield
    except (pg_errors.LockNotAvailable, pg_errors.QueryCanceled) as error:
        raise BusyError(
            f"the queue of invalidations could not be had in time: {_line(error)}",
            "look for who holds it (pg_locks); claimed entries are served when their lease ends",
        ) from error
    except psycopg.OperationalError as error:
        if error.sqlstate is None or error.sqlstate.startswith(_CONNECTION_LOST):
            raise _lost(error) from error
        raise


def _lost(error: psycopg.Error) -> UnreachableError:
    return UnreachableError(
        f"the connection to the target was lost: {_line(error)}",
        "check that server; claimed entries are served by the next worker when their lease ends",
    )


def _line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_LONGEST_ERROR]
