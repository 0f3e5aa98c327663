"""What a COPY sends is taken whole, within the session's transaction, and failures are told."""

import psycopg
import pytest
from psycopg import pq, sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres import connect
from perf_pipeline.postgres.drain import drain

pytestmark = pytest.mark.server


def test_everything_arrives_in_a_transaction(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url()) as connection:
        many = sql.SQL("COPY (SELECT repeat('x', 90) FROM generate_series(1, 50000)) TO STDOUT")
        assert drain(connection, many) == (b"x" * 90 + b"\n") * 50_000
        # the statement began it, as any other of psycopg's would have
        assert connection.info.transaction_status == pq.TransactionStatus.INTRANS
        connection.execute("SET LOCAL extra_float_digits = 0")
        assert drain(connection, sql.SQL("COPY (SELECT 1.1::float4) TO STDOUT")) == b"1.1\n"
        assert drain(connection, sql.SQL("COPY (SELECT 1 WHERE false) TO STDOUT")) == b""


def test_a_failure_midway_is_an_error_and_not_a_part(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url()) as connection:
        late = sql.SQL(
            "COPY (SELECT 1 / (40000 - n) FROM generate_series(1, 50000) AS n) TO STDOUT"
        )
        with pytest.raises(psycopg.errors.DivisionByZero):
            drain(connection, late)
        connection.rollback()
        with pytest.raises(psycopg.errors.UndefinedTable):
            drain(connection, sql.SQL("COPY (SELECT FROM nowhere) TO STDOUT"))
        connection.rollback()
        assert drain(connection, sql.SQL("COPY (SELECT 7) TO STDOUT")) == b"7\n"


def test_limits_hold(server: EmbeddedServer) -> None:
    with connect.session(server.url()) as session:
        session.execute("SET statement_timeout = '50ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            drain(session, sql.SQL("COPY (SELECT pg_sleep(5)) TO STDOUT"))
