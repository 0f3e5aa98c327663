"""A target's own event queue: look at it, work on it, fill it.

The queue is a table of the target's, reached by functions of the target's that the declaration
names, so that their owner decides what a claim is. A claim is a lease that outlives its
transaction: two workers never have the same event, and those of a killed worker come back when the
lease ends. What an event does and the end of its claim commit together.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.invalidation.event_model import Backlog, EventQueue
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles

#: Rejects of one call that are kept with their reasons; all are counted.
REJECTS_KEPT: Final = 1_000


class EventQueueError(PerfPipelineError):
    """A function of an event queue is missing or answers otherwise than described."""


@dataclass(frozen=True)
class Event:
    """A claimed event: its key."""

    id: UUID
    created_at: datetime


#: What a worker does with a batch: errors by id, none for what went well. It may raise: then the
#: batch is halved until the event that did it is alone.
Handler = Callable[[psycopg.Connection, Sequence[Event]], Mapping[UUID, str]]


@dataclass(frozen=True)
class Worked:
    """What a worker did: events claimed, done, failed, and no longer its own when it ended them."""

    claimed: int = 0
    done: int = 0
    failed: int = 0
    overtaken: int = 0
    seconds: float = 0.0
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ingested:
    """What became of events that were brought: counts, and the first rejects with their reasons."""

    received: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: tuple[Mapping[str, Any], ...] = ()


def _function(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _call(
    connection: psycopg.Connection,
    name: str,
    text: sql.Composed,
    values: Sequence[object] | Mapping[str, object],
) -> list[tuple[Any, ...]]:
    """Call a function of the target and return its rows.

    Raises
    ------
    EventQueueError
        There is no such function, or its columns are others.

    """
    try:
        return connection.execute(text, values).fetchall()
    except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName) as error:
        raise EventQueueError(
            f"event queue: function {name} cannot be called: {error.diag.message_primary}",
            "make it as docs/invalidation.md describes, or correct event_queue in the YAML",
        ) from error
    except psycopg.errors.UndefinedColumn as error:
        raise EventQueueError(
            f"event queue: {name} does not answer as described: {error.diag.message_primary}",
            "docs/invalidation.md names the columns each function returns",
        ) from error


def look(connection: psycopg.Connection, queue: EventQueue) -> Backlog:
    """Return how full a queue is; one statement, no change.

    Raises
    ------
    EventQueueError
        The declared function is missing or answers otherwise.

    """
    text = sql.SQL(
        "SELECT /* perf-pipeline */ b.ready, b.claimed, b.stranded, b.dead,"
        " extract(epoch FROM clock_timestamp() - b.oldest_at)::double precision"
        " FROM {}(make_interval(mins => %s)) AS b"
    ).format(_function(queue.backlog))
    rows = _call(connection, queue.backlog, text, [queue.stranded_minutes])
    return Backlog(*rows[0])


def metrics(
    connection: psycopg.Connection, queue: EventQueue, days: Sequence[date]
) -> dict[date, dict[str, float]]:
    """Return what the declared function tells of each UTC day: its numbers that are not NULL.

    Raises
    ------
    EventQueueError
        The declared function is missing or answers otherwise.

    """
    text = sql.SQL(sqlfiles.load("invalidation/event_metrics").text).format(
        metrics=_function(queue.metrics)
    )
    rows = _call(connection, queue.metrics, text, {"days": list(days)})
    return {
        day: {
            name: value
            for name, value in told.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        for day, told in rows
        if isinstance(told, dict)
    }


def claim(
    connection: psycopg.Connection, queue: EventQueue, worker: str, limit: int | None = None
) -> list[Event]:
    """Claim the oldest events for a worker until its lease ends, and return them.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit: a claim is for others to see.
    queue : EventQueue
    worker : str
        Who claims; the same name ends the claim.
    limit : int, optional
        Default: the queue's batch.

    """
    text = sql.SQL(
        "SELECT /* perf-pipeline */ e.id, e.created_at"
        " FROM {}(%s, %s, make_interval(secs => %s)) AS e"
    ).format(_function(queue.claim))
    values = [queue.batch if limit is None else limit, worker, queue.lease_s]
    return [Event(*row) for row in _call(connection, queue.claim, text, values)]


def finish(
    connection: psycopg.Connection,
    queue: EventQueue,
    worker: str,
    events: Sequence[Event],
    errors: Mapping[UUID, str],
) -> int:
    """End the claims of events, each well or with its error; return how many were still ours."""
    text = sql.SQL(
        "SELECT /* perf-pipeline */ f.n"
        " FROM {}(%s::uuid[], %s::timestamptz[], %s, %s::text[]) AS f (n)"
    ).format(_function(queue.finish))
    values = [
        [event.id for event in events],
        [event.created_at for event in events],
        worker,
        [errors.get(event.id) for event in events],
    ]
    ((ended,),) = _call(connection, queue.finish, text, values)
    return int(ended)


def process(queue: EventQueue) -> Handler:
    """Return the handler that calls the declared function `process`, one call for a batch.

    Raises
    ------
    ConfigurationError
        None is declared.

    """
    if not queue.process:
        raise ConfigurationError(
            "event_queue declares no process: nothing here can work on its events",
            "name a function (ids uuid[], created_ats timestamptz[]) RETURNS TABLE (id, error)",
        )
    text = sql.SQL(
        "SELECT /* perf-pipeline */ p.id, p.error FROM {}(%s::uuid[], %s::timestamptz[]) AS p"
        " WHERE p.error IS NOT NULL"
    ).format(_function(queue.process))

    def handle(connection: psycopg.Connection, events: Sequence[Event]) -> Mapping[UUID, str]:
        values = [[event.id for event in events], [event.created_at for event in events]]
        return dict(_call(connection, queue.process, text, values))

    return handle


def work(
    connection: psycopg.Connection,
    queue: EventQueue,
    worker: str,
    *,
    handle: Handler | None = None,
    budget_s: float = 25.0,
    stop: Callable[[], bool] = lambda: False,
) -> Worked:
    """Work on a queue until nothing is due, the budget is used up, or somebody says stop.

    Each batch is its own transaction, with the ends of its claims in it: a worker that is killed
    has done all of a batch or nothing of it. An event that makes its batch fail is found by
    halving, so that it keeps none of the others back.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    queue : EventQueue
    worker : str
        Unique among those that work at the same time.
    handle : Handler, optional
        Default: the declared function.
    budget_s : float
        Seconds after which no further batch is claimed.
    stop : callable
        Asked before each batch.

    """
    handler = handle or process(queue)
    started = time.monotonic()
    total = Worked()
    while not stop() and time.monotonic() - started < budget_s:
        events = claim(connection, queue, worker)
        if not events:
            break
        total = _plus(total, _batch(connection, queue, worker, events, handler))
    return replace(total, seconds=time.monotonic() - started)


def _batch(
    connection: psycopg.Connection,
    queue: EventQueue,
    worker: str,
    events: Sequence[Event],
    handler: Handler,
) -> Worked:
    """Handle events and end their claims in one transaction; halve them where that fails."""
    try:
        with connection.transaction():
            errors = handler(connection, events)
            ended = finish(connection, queue, worker, events, errors)
    except EventQueueError:
        raise
    except Exception as error:  # the handler is somebody else's code
        if connection.closed:
            raise
        if len(events) > 1:
            half = len(events) // 2
            return _plus(
                _batch(connection, queue, worker, events[:half], handler),
                _batch(connection, queue, worker, events[half:], handler),
            )
        errors = {events[0].id: _said(error)}
        ended = finish(connection, queue, worker, events, errors)
    told: dict[str, int] = {}
    for text in errors.values():
        told[text] = told.get(text, 0) + 1
    # of a batch that was overtaken in part, nobody can tell which part had failed
    failed = min(len(errors), ended)
    return Worked(len(events), ended - failed, failed, len(events) - ended, 0.0, told)


def _said(error: Exception) -> str:
    """Return an error's own words: of PostgreSQL's without its context, which quotes values."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary[:500]
    return f"{type(error).__name__}: {error}"[:500]


def _plus(a: Worked, b: Worked) -> Worked:
    errors = dict(a.errors)
    for text, times in b.errors.items():
        errors[text] = errors.get(text, 0) + times
    return Worked(
        a.claimed + b.claimed,
        a.done + b.done,
        a.failed + b.failed,
        a.overtaken + b.overtaken,
        a.seconds + b.seconds,
        errors,
    )


def ingest(
    connection: psycopg.Connection,
    queue: EventQueue,
    events: Iterable[object],
    *,
    batch: int = 1_000,
) -> Ingested:
    """Bring events: set-based, each batch its own transaction, what cannot be taken rejected.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    queue : EventQueue
    events : iterable
        What JSON holds; an object per event. Read once, never kept as a whole.
    batch : int
        Events of one call.

    Returns
    -------
    Ingested
        `rejects` have `position` (from 0, over all events), `id` and `reason`.

    Raises
    ------
    ConfigurationError
        No function `ingest` is declared.

    """
    if not queue.ingest:
        raise ConfigurationError(
            "event_queue declares no ingest: nothing here can take events",
            "name a function (events jsonb) that returns the counts docs/invalidation.md names",
        )
    total, place = Ingested(), 0
    for some in _batches(events, batch):
        total = _sum(total, _ingest(connection, queue, some, place))
        place += len(some)
    return total


def _batches(events: Iterable[object], size: int) -> Iterator[list[object]]:
    iterator = iter(events)
    while some := list(islice(iterator, size)):
        yield some


def _ingest(
    connection: psycopg.Connection, queue: EventQueue, events: Sequence[object], place: int
) -> Ingested:
    """Bring one batch; what makes the whole call fail is found by halving and rejected."""
    text = sql.SQL(
        "SELECT /* perf-pipeline */ i.received, i.inserted, i.updated, i.unchanged, i.rejected,"
        " i.rejects FROM {}(%s) AS i"
    ).format(_function(queue.ingest))
    try:
        written = json.dumps(list(events), allow_nan=False)
        with connection.transaction():
            (row,) = _call(connection, queue.ingest, text, [Jsonb(events, dumps=lambda _: written)])
    except (psycopg.DataError, psycopg.IntegrityError, ValueError, TypeError) as error:
        if len(events) > 1:
            half = len(events) // 2
            return _sum(
                _ingest(connection, queue, events[:half], place),
                _ingest(connection, queue, events[half:], place + half),
            )
        reject = {"position": place, "id": None, "reason": _said(error)}
        return Ingested(received=1, rejected=1, rejects=(reject,))
    received, inserted, updated, unchanged, rejected, told = row
    rejects = tuple({**each, "position": each["position"] + place} for each in told)
    return Ingested(received, inserted, updated, unchanged, rejected, rejects)


def _sum(a: Ingested, b: Ingested) -> Ingested:
    return Ingested(
        a.received + b.received,
        a.inserted + b.inserted,
        a.updated + b.updated,
        a.unchanged + b.unchanged,
        a.rejected + b.rejected,
        (*a.rejects, *b.rejects)[:REJECTS_KEPT],
    )


def probe(url: str, queue: EventQueue) -> Backlog:
    """Look at a queue for a sensor: a session of its own, two seconds at most.

    Raises
    ------
    PerfPipelineError
        The server does not answer, or the queue is not as declared.

    """
    with pg.session(url, limits=pg.Limits(2_000, 500, 2), autocommit=True) as connection:
        try:
            return look(connection, queue)
        except psycopg.Error as error:
            raise EventQueueError(
                f"event queue: {queue.backlog} failed: {_said(error)}",
                "call it by hand; with more than a million waiting events, archive the dead ones",
            ) from error
