"""Do something in the middle of a sweep: at its n-th step, while a server is being waited for.

A step is one wait of psycopg, for the target or for the store: opening a connection, a statement, a
part of a COPY. Of the waits for the rows of one COPY only the first two count.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import waiting

Waits = Generator[Any, Any, Any]


@contextmanager
def at_step(number: int, action: Callable[[], None], database: str = "") -> Iterator[list[str]]:
    """Run `action` once, when the server has the n-th step's statement, before its answer is read.

    Parameters
    ----------
    number : int
        From 1; 0: never.
    action : callable
    database : str
        Count only steps on connections to this database, opening one not included; default: all.

    Yields
    ------
    list of str
        What the steps so far were, for messages.

    """
    steps: list[str] = []
    rows = 0

    def watched(waits: Waits, connected_to: str) -> Waits:
        nonlocal rows
        if database and connected_to != database:
            return waits
        name = _name(waits)
        rows = rows + 1 if name == "_read_gen" else 0
        if rows > 2:
            return waits
        steps.append(name)
        return _after_sending(waits, action) if len(steps) == number else waits

    def wait(self: psycopg.Connection, waits: Waits, *args: Any, **kwargs: Any) -> Any:
        return real_wait(self, watched(waits, self.info.dbname), *args, **kwargs)

    def wait_conn(waits: Waits, *args: Any, **kwargs: Any) -> Any:
        return real_wait_conn(watched(waits, ""), *args, **kwargs)

    real_wait, real_wait_conn = psycopg.Connection.wait, waiting.wait_conn
    psycopg.Connection.wait = wait  # type: ignore[method-assign,assignment]
    waiting.wait_conn = wait_conn
    try:
        yield steps
    finally:
        psycopg.Connection.wait = real_wait  # type: ignore[method-assign]
        waiting.wait_conn = real_wait_conn


def _name(waits: Waits) -> str:
    """Return the name of psycopg's generator, also of one that a patient connection waits for."""
    frame = getattr(waits, "gi_frame", None)
    within = frame.f_locals.get("gen", waits) if frame is not None else waits
    return str(within.__name__)


def _after_sending(waits: Waits, action: Callable[[], None]) -> Waits:
    try:
        wanted = next(waits)
    except StopIteration as done:  # it needed no answer
        action()
        return done.value
    action()
    while True:
        ready = yield wanted
        try:
            wanted = waits.send(ready)
        except StopIteration as done:
            return done.value
