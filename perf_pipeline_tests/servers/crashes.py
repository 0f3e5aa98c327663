"""What a test waits for after it killed a process of a server.

The server learns of it a moment later, lets new sessions in until then, and ends them, too.
"""

import contextlib
import time

import psycopg

#: A bound for a hang, s.
_DEADLINE_S = 120.0


def until_noticed(other: psycopg.Connection) -> None:
    """Wait until the server has ended this session, which was open before: it recovers now."""
    with contextlib.suppress(psycopg.OperationalError):
        other.execute("SELECT pg_sleep(%s)", [_DEADLINE_S])
    assert other.broken, "the server has not noticed that a process of its was killed"


def session_again(url: str) -> psycopg.Connection:
    """Return a session, as soon as the server takes some again."""
    end = time.monotonic() + _DEADLINE_S
    while True:
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            assert time.monotonic() < end, "the server takes no session any more"
            time.sleep(0.02)
