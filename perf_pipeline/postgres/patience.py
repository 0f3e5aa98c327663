"""Connections that notice when a server falls silent.

`statement_timeout` is kept by the server, and a proxy that swallows packets, a stopped process or a
dead disk keep nothing. Such a connection gives up after a time in which not a byte came; how much
work lies in a transaction makes no difference. (`deadline` bounds a whole block, on a target.)
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.waiting import Ready, Wait

T = TypeVar("T")


class PatientConnection(psycopg.Connection[Any]):
    """A connection that closes itself when the server was silent for `patience_s`.

    Attributes
    ----------
    patience_s : float
        More than the server's own limit of a statement.
    gave_up : bool
        Whether that happened.

    """

    patience_s: float = float("inf")
    gave_up: bool = False

    def wait(self, gen: Generator[Wait, Ready | int, T], *args: Any, **kwargs: Any) -> T:
        """Wait for a generator (psycopg's own), with patience.

        Raises
        ------
        psycopg.OperationalError
            Nothing came for `patience_s`.

        """
        return super().wait(self._patiently(gen), *args, **kwargs)

    def _patiently(self, gen: Generator[Wait, Ready | int, T]) -> Generator[Wait, Ready | int, T]:
        try:
            wanted = next(gen)
            until = time.monotonic() + self.patience_s
            while True:
                ready = yield wanted
                if ready:
                    until = time.monotonic() + self.patience_s
                elif time.monotonic() > until:
                    self.gave_up = True
                    self.close()
                    raise psycopg.OperationalError(f"no answer within {self.patience_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as done:
            result: T = done.value
            return result
