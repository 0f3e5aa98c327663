"""A server that falls silent after the connection is had does not hold us."""

import os
import signal
import time

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres.deadline import deadline

pytestmark = pytest.mark.server


def test_stopped_backend_ends_at_the_deadline(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        started = time.monotonic()
        try:
            with (
                pytest.raises(UnreachableError, match="no answer within"),
                deadline(connection, 0.5, "sweep of x"),
            ):
                connection.execute("SELECT 1")
        finally:
            os.kill(backend, signal.SIGCONT)
        assert time.monotonic() - started < 60  # it is stopped for ever


def test_other_errors_pass_through(server: EmbeddedServer) -> None:
    with (
        psycopg.connect(server.url(), autocommit=True) as connection,
        pytest.raises(psycopg.errors.DivisionByZero),
        deadline(connection, 5, "arithmetic"),
    ):
        connection.execute("SELECT 1 / 0")


def test_connection_is_whole_when_the_block_ends_in_time(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        with deadline(connection, 1.5, "one"):
            connection.execute("SELECT 1")
        time.sleep(1.6)
        assert connection.execute("SELECT 1").fetchone() == (1,)
