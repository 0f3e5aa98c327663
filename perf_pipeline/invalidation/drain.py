"""A worker: folds the log into the queue, claims what is due, serves it, until its time is over.

Any number of workers may be at work on one target: each claims what no other one has, by a lease
that ends with it. Applications never wait for a worker: they write only the log.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Any, Final, Protocol

import psycopg

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation import queue, stream
from perf_pipeline.invalidation.figures import Drained, Ended, Left, Tally
from perf_pipeline.invalidation.folding import FOLD_MOST
from perf_pipeline.invalidation.handed import Handed
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.pace import Pace
from perf_pipeline.invalidation.serve import (
    CannotServeError,
    Lease,
    Sink,
    explained,
    serve,
)
from perf_pipeline.invalidation.worker_session import Clock, session
from perf_pipeline.postgres.target import Target

Connection = psycopg.Connection[Any]
#: Makes the sinks of a cache type, on a session of the target.
MakeSinks = Callable[[CacheType, Connection], Sequence[Sink]]

#: How long a worker looks at a queue in which nothing is due before it looks again, s.
LOOK_S: Final = 0.2
#: A claim ends by itself so many seconds after the worker that made it fell silent.
LEASE_S: Final = 60.0
#: A fold that the server's limit of a statement ends is tried with fewer entries, down to so many.
_FOLD_LEAST: Final = 1_000
#: Between two attempts to make log and queue small, s.
_TIDY_S: Final = 10.0


class Stop(Protocol):
    """Tells a worker to end: `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to end."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds, or until told to end."""
        ...


@dataclass
class _Worker:
    """The state of one session of a drain."""

    connection: Connection
    caches: list[Pace]
    clock: Clock
    shared: "_Shared"
    stack: ExitStack
    folded: int = 0
    unknown: int = 0
    unresolved: dict[str, None] = field(default_factory=dict)
    tidied_at: float = 0.0
    fold_most: int = FOLD_MOST
    #: Told when the log was folded; None: this session only serves.
    folded_now: Event | None = None

    @classmethod
    def of(
        cls,
        connection: Connection,
        caches: Sequence[CacheType],
        shared: "_Shared",
        stack: ExitStack,
        folded_now: Event | None,
    ) -> "_Worker":
        """Return the state of a session that begins; sessions share each declared batch."""
        shares = [(cache, max(1, cache.batch // shared.sessions)) for cache in caches]
        return cls(
            connection,
            [Pace(cache, Tally(cache.name), share, share) for cache, share in shares],
            Clock(connection),
            shared,
            stack,
            tidied_at=time.monotonic(),
            folded_now=folded_now,
        )


@dataclass(frozen=True)
class _Shared:
    """What the sessions of one drain have in common."""

    make: MakeSinks
    sessions: int
    handed: Handed = field(default_factory=Handed)


def drain(
    target: Target,
    caches: Sequence[CacheType],
    *,
    budget_s: float = 25.0,
    idle_s: float | None = 0.0,
    sessions: int = 1,
    stop: Stop | None = None,
    make_sinks: MakeSinks | None = None,
) -> Drained:
    """Serve what is due, and what becomes due, until nothing is left or the time is over.

    Parameters
    ----------
    target : Target
    caches : sequence of CacheType
        All that are declared of the target; entries of others are marked and stay.
    budget_s : float
        No batch begins later than so many seconds after the start.
    idle_s : float or None
        End when nothing was due for so long; 0: as soon as nothing is; None: never before the
        budget is spent. What waits for its debounce is not due.
    sessions : int
        So many serve side by side, each on a connection of its own; the first also folds.
    stop : Stop, optional
        Asked between batches.
    make_sinks : callable, optional
        Default: the sinks that are declared.

    Returns
    -------
    Drained

    Raises
    ------
    UnreachableError
        The target cannot be reached, or the connection was lost: entries that were claimed are
        served by whoever comes after their lease.
    ConfigurationError
        The target has no queue.

    """
    stop = stop or Event()
    started = datetime.now(UTC)
    began = time.monotonic()
    with ExitStack() as stack:
        connection = stack.enter_context(session(target))
        with explained():
            shared = _Shared(make_sinks or declared_sinks, sessions)
            folded_now = Event()
            with _beside(target, caches, shared, stop, folded_now, began + budget_s) as more:
                worker = _Worker.of(connection, caches, shared, stack, folded_now)
                worker.unknown = queue.mark_unknown(connection, [each.name for each in caches])
                try:
                    ended = _loop(worker, began + budget_s, idle_s, stop)
                finally:
                    _give_back(worker)
            for beside in more:
                for cache, other in zip(worker.caches, beside, strict=True):
                    cache.tally.add(other)
            _tidy(worker)
            left = look(connection, worker.clock.now())
    return Drained(
        target=target.name,
        started_at=started,
        seconds=time.monotonic() - began,
        ended=ended,
        folded=worker.folded,
        served=tuple(each.tally.result() for each in worker.caches),
        unknown=worker.unknown,
        unresolved=tuple(worker.unresolved),
        left=left,
    )


@dataclass
class _Until:
    """Tells a session that only serves to end: with the one that folds, or as that is told."""

    stop: Stop
    over: Event
    folded_now: Event

    def is_set(self) -> bool:
        return self.over.is_set() or self.stop.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait until something was folded, so long at most."""
        self.folded_now.wait(timeout)
        self.folded_now.clear()
        return self.is_set()


@contextmanager
def _beside(
    target: Target,
    caches: Sequence[CacheType],
    shared: _Shared,
    stop: Stop,
    folded_now: Event,
    until: float,
) -> Iterator[list[list[Tally]]]:
    """Serve on further sessions while the block runs; at its end, yielded is what each did.

    Raises
    ------
    PerfPipelineError
        What ended one of them early, unless the block itself fails.

    """
    over = Event()
    done: list[list[Tally]] = []

    def serve_only() -> list[Tally]:
        with ExitStack() as stack, explained():
            connection = stack.enter_context(session(target))
            worker = _Worker.of(connection, caches, shared, stack, None)
            _loop(worker, until, None, _Until(stop, over, folded_now))
            return [cache.tally for cache in worker.caches]

    more = shared.sessions - 1
    with ThreadPoolExecutor(max_workers=max(1, more)) as pool:
        running = [pool.submit(serve_only) for _ in range(more)]
        try:
            yield done
        finally:
            over.set()
            folded_now.set()
        done += [each.result() for each in running]


def look(connection: Connection, now: datetime) -> Left:
    """Return what waits in the queue and in the log.

    Parameters
    ----------
    connection : psycopg.Connection
    now : datetime
        What the server's clock says.

    """
    depth, logged = queue.depth(connection), queue.log_depth(connection)
    oldest = [each for each in (*(row.oldest for row in depth), logged.oldest) if each is not None]
    return Left(
        sum(row.entries for row in depth) + logged.entries,
        max(0.0, (now - min(oldest)).total_seconds()) if oldest else None,
        sum(row.dead for row in depth),
    )


def declared_sinks(cache: CacheType, connection: Connection) -> Sequence[Sink]:
    """Return the sinks a cache type declares."""
    if not cache.sinks:
        return ()
    from perf_pipeline.invalidation import sinks

    return [sinks.make(policy, connection) for policy in cache.sinks]


def _sinks(worker: _Worker, cache: Pace) -> Sequence[Sink]:
    """Return a cache type's sinks, made when it has work for the first time.

    Raises
    ------
    CannotServeError
        One is declared wrong: that is this cache type's trouble alone.

    """
    if cache.sinks is None:
        try:
            cache.sinks = worker.shared.make(cache.policy, worker.connection)
        except PerfPipelineError as error:
            raise CannotServeError(error.message) from error
        for sink in cache.sinks:
            close = getattr(sink, "close", None)
            if close is not None:
                worker.stack.callback(close)
    return cache.sinks


def _loop(worker: _Worker, until: float, idle_s: float | None, stop: Stop) -> Ended:
    """Fold and serve in turn; one batch of each cache type, so that none waits for another."""
    busy_at = time.monotonic()
    while True:
        worked = worker.folded_now is not None and _fold(worker)
        if worked and worker.folded_now is not None:
            worker.folded_now.set()
        for cache in worker.caches:
            if stop.is_set():
                return "stopped"
            if time.monotonic() >= until:
                return "budget"
            worked = _one_batch(worker, cache) or worked
        now = time.monotonic()
        if worker.folded_now is not None and now - worker.tidied_at >= _TIDY_S:
            _tidy(worker)
        if worked:
            busy_at = now
            continue
        if idle_s is not None and now - busy_at >= idle_s:
            return "idle"
        if now >= until:
            return "budget"
        if stop.wait(min(LOOK_S, until - now)):
            return "stopped"


def _fold(worker: _Worker) -> bool:
    """Move what is logged to the queue; return whether there was anything."""
    if any(cache.policy.is_streamed for cache in worker.caches):
        gap = stream.pump(worker.connection).gap
        if gap:
            worker.unresolved[gap] = None
    looked = queue.due_now(worker.connection, [])
    if not looked.logged:
        return False
    now = time.monotonic()
    ready = [(cache.policy, cache.limit) for cache in worker.caches if now >= cache.paused_until]
    lease = Lease.of(LEASE_S)
    wanted = queue.Wanted(ready, worker.shared.sessions, LEASE_S)
    try:
        found = queue.fold(worker.connection, most=worker.fold_most, wanted=wanted)
    except psycopg.errors.QueryCanceled:
        # nothing was folded: a part of it at a time, then, or it would never be
        if worker.fold_most <= _FOLD_LEAST:
            raise
        worker.fold_most = max(_FOLD_LEAST, worker.fold_most // 4)
        return True
    for batch in found.claimed:
        worker.shared.handed.give(batch, lease)
    worker.folded += found.taken
    worker.unresolved.update(dict.fromkeys(found.unresolved))
    return found.taken > 0


def _one_batch(worker: _Worker, cache: Pace) -> bool:
    """Claim and serve one batch of a cache type; return whether there was one."""
    now = time.monotonic()
    if now < cache.paused_until:
        return False
    handed = worker.shared.handed.take(cache.policy.name)
    if handed is not None:
        claimed, lease = handed
    else:
        lease = Lease.of(LEASE_S)  # before the claim: ours ends first
        claimed = queue.claim(worker.connection, cache.policy, cache.limit, LEASE_S)
    if not claimed:
        return False
    try:
        try:
            sinks = _sinks(worker, cache)
        except CannotServeError:
            queue.release(worker.connection, claimed)
            raise
        served = serve(worker.connection, cache.policy, sinks, claimed, lease, cache.tally)
    except CannotServeError as down:
        cache.rest(down, time.monotonic())
        queue.release(worker.connection, worker.shared.handed.take_all(cache.policy.name))
        return False
    cache.learned(len(claimed), time.monotonic() - now)
    at = worker.clock.now()
    cache.tally.staleness_s += [
        max(0.0, (at - due.first_queued_at).total_seconds()) for due in served
    ]
    return True


def _give_back(worker: _Worker) -> None:
    """Give back what was claimed for nobody; without a connection its lease ends."""
    with suppress(psycopg.Error):
        queue.release(worker.connection, worker.shared.handed.take_all())


def _tidy(worker: _Worker) -> None:
    """Make log and queue small; nobody waits for it, and if it cannot be done it is later's."""
    worker.tidied_at = time.monotonic()
    queue.tidy(worker.connection)
