"""A client-side deadline: a server that stops answering must not hold us.

Server-side timeouts do not help when the server itself hangs (a stopped process, a dead disk, a
proxy that swallows packets). After the deadline the socket is shut down, and the call that waits on
it fails as if the connection were lost.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from perf_pipeline.errors import UnreachableError


def _shut(descriptor: int, expired: threading.Event) -> None:
    expired.set()
    # a duplicate: closing it leaves the connection's own descriptor to the connection
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


@contextmanager
def deadline(connection: psycopg.Connection, seconds: float, what: str) -> Iterator[None]:
    """Bound what a block does on a connection.

    Parameters
    ----------
    connection : psycopg.Connection
        Unusable after the deadline.
    seconds : float
        From now.
    what : str
        What was being done and where, for the message.

    Raises
    ------
    UnreachableError
        The block was still waiting at the deadline.

    """
    expired = threading.Event()
    timer = threading.Timer(seconds, _shut, (connection.fileno(), expired))
    timer.daemon = True
    timer.start()
    try:
        yield
    except (psycopg.OperationalError, UnreachableError) as error:
        if expired.is_set():
            raise UnreachableError(
                f"{what}: no answer within {seconds:g} s",
                "the server accepted the connection and then fell silent: "
                "look at its load, its disks and any proxy in between",
            ) from error
        raise
    finally:
        timer.cancel()
