"""A worker's session on a target, and the clock by which that target's changes were queued."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target

Connection = psycopg.Connection[Any]


class Clock:
    """The server's clock, asked once: what was queued carries its times."""

    def __init__(self, connection: Connection) -> None:
        began = time.monotonic()
        row = connection.execute("SELECT /* perf-pipeline */ clock_timestamp()").fetchone()
        self._at: datetime = row[0] if row else datetime.now(UTC)
        self._began = (began + time.monotonic()) / 2

    def now(self) -> datetime:
        """Return what it says now."""
        return self._at + timedelta(seconds=time.monotonic() - self._began)


@contextmanager
def session(target: Target) -> Iterator[Connection]:
    """Open a worker's session: it may write, in autocommit, and gives way to locks quickly.

    Its lock timeout is shorter than the server's deadlock timeout: of a worker and an application
    that wait for each other it is the worker that gives up.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be used.

    """
    usual = pg.Limits.from_settings()
    limits = pg.Limits(
        usual.statement_timeout_ms, min(usual.lock_timeout_ms, 500), usual.connect_timeout_s
    )
    with pg.session(
        target.maintenance_url(),
        limits=limits,
        read_only=False,
        autocommit=True,
        label=f"{pg.APPLICATION_NAME}:invalidation",
    ) as connection:
        # a worker that was killed must not go on in the server
        connection.execute(
            "SELECT /* perf-pipeline */ set_config('client_connection_check_interval', '5s', false)"
        )
        yield connection
