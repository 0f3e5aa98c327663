"""A worker without Dagster: it serves what becomes due until it is told to stop."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from perf_pipeline.errors import BusyError, UnreachableError
from perf_pipeline.invalidation import drain
from perf_pipeline.invalidation.drain import Stop
from perf_pipeline.invalidation.figures import Drained
from perf_pipeline.invalidation.keeping import Keeper
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.postgres.target import Target

#: A row of the store is of at most so many seconds of work.
ROUND_S: Final = 60.0
#: Between two attempts to reach a server that is away, at first and at most, s.
_AGAIN_S: Final = (0.5, 30.0)


def once(
    keeper: Keeper,
    target: Target,
    caches: Sequence[CacheType],
    stop: Stop,
    seconds: float | None = None,
    sessions: int = 1,
) -> Drained:
    """Serve what is due now and keep what was done.

    Raises
    ------
    UnreachableError, ConfigurationError
        As `drain.drain`.

    """
    drained = drain.drain(
        target,
        caches,
        budget_s=3600.0 if seconds is None else seconds,
        sessions=sessions,
        stop=stop,
    )
    keeper.keep(drained)
    return drained


def serve_on(
    keeper: Keeper,
    target: Target,
    caches: Sequence[CacheType],
    stop: Stop,
    seconds: float | None,
    notify: Callable[[Drained], None],
    complain: Callable[[str], None],
    sessions: int = 1,
) -> list[Drained]:
    """Serve what becomes due until told to stop; a server that is away is tried again.

    Parameters
    ----------
    keeper : Keeper
        Takes each round in which something was done.
    target : Target
    caches : sequence of CacheType
    stop : Stop
    seconds : float or None
        None: until told to stop.
    notify : callable
        Called with each round in which something was done.
    complain : callable
        Called with a line when a server is away.
    sessions : int
        As of `drain.drain`.

    Returns
    -------
    list of Drained
        The last round in which something was done, if any.

    Raises
    ------
    ConfigurationError
        The target has no queue, or is declared wrong.

    """
    until = None if seconds is None else time.monotonic() + seconds
    last: list[Drained] = []
    failures = 0
    while not stop.is_set():
        left = ROUND_S if until is None else until - time.monotonic()
        if left <= 0:
            break
        try:
            drained = drain.drain(
                target,
                caches,
                budget_s=min(ROUND_S, left),
                idle_s=None,
                sessions=sessions,
                stop=stop,
            )
            failures = 0
        except (UnreachableError, BusyError) as error:
            first, most = _AGAIN_S
            pause = min(most, first * 2.0**failures)
            failures += 1
            complain(f"{target.name}: {error.message}; again in {pause:g} s")
            stop.wait(pause)
            continue
        if drained.worked:
            last = [drained]
            notify(drained)
            keeper.keep(drained)
    return last
