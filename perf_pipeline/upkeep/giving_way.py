"""Long statements that give way: whoever waits for us longer than the lock budget, goes first.

ANALYZE and REINDEX CONCURRENTLY take no lock that a query waits for. But an ALTER TABLE of the
application waits for them, and every query then waits behind it. Autovacuum ends itself there; so
do we: a second session looks four times a second who waits for the first, and cancels it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import errors as pg_errors

from perf_pipeline.errors import BusyError, PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.upkeep import catalog

#: Seconds between two looks.
EVERY: Final = 0.25


class GaveWayError(BusyError):
    """A statement of upkeep was ended because somebody waited for it."""


@dataclass
class _Seen:
    waiting: int | None = None


@contextmanager
def giving_way(
    url: str, connection: psycopg.Connection[Any], patience_s: float, what: str
) -> Iterator[None]:
    """Cancel what a connection runs in a block as soon as somebody waits for it too long.

    Parameters
    ----------
    url : str
        Of the same role: it cancels its own session.
    connection : psycopg.Connection
        The one that works.
    patience_s : float
        How long others may wait.
    what : str
        For the message.

    Raises
    ------
    GaveWayError
        It was cancelled for that reason.

    """
    seen, done = _Seen(), threading.Event()
    with pg.session(url, autocommit=True, label=f"{pg.APPLICATION_NAME}:watch") as watch:
        thread = threading.Thread(
            target=_watch,
            args=(watch, connection.info.backend_pid, patience_s, seen, done),
            daemon=True,
        )
        thread.start()
        try:
            yield
        except pg_errors.QueryCanceled as error:
            if seen.waiting is None:
                raise
            raise GaveWayError(
                f"{what}: ended, because session {seen.waiting} waited for it longer than "
                f"{patience_s:g} s",
                "nothing was changed; run it again when no schema change is under way",
            ) from error
        finally:
            done.set()
            thread.join(timeout=10.0)


def _watch(
    watch: psycopg.Connection[Any],
    pid: int,
    patience_s: float,
    seen: _Seen,
    done: threading.Event,
) -> None:
    while not done.wait(EVERY):
        try:
            waiting = catalog.rows(watch, "waiting_for", {"pid": pid, "patience_s": patience_s})
            if waiting and not done.is_set():
                seen.waiting = waiting[0]["pid"]
                watch.execute("SELECT /* perf-pipeline */ pg_cancel_backend(%s)", (pid,))
        except (psycopg.Error, PerfPipelineError):
            # without a view of the others nobody is known to wait; the statement has its limits
            return
