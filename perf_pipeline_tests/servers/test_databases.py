"""Databases made the cheap way are whole, and leave nothing behind."""

from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline_tests.servers.databases import Databases


def test_a_copy_holds_what_its_template_holds_and_goes_with_its_statements(
    server: EmbeddedServer, databases: Databases, make_database: Callable[..., str]
) -> None:
    with psycopg.connect(make_database(), autocommit=True) as session:
        session.execute("CREATE TABLE kept AS SELECT g FROM generate_series(1, 1000) g")
        template = session.info.dbname
    databases.make(server, "copied", template)
    with psycopg.connect(server.url("copied"), autocommit=True) as session:
        assert session.execute("SELECT sum(g) FROM kept").fetchone() == (500_500,)
    with psycopg.connect(server.url(), autocommit=True) as session:
        ours = (
            "SELECT count(*) FROM pg_stat_statements s, pg_database d"
            " WHERE d.oid = s.dbid AND d.datname = 'copied'"
        )
        assert session.execute(ours).fetchone() == (1,)
        before = session.execute("SELECT oid FROM pg_database WHERE datname = 'copied'").fetchone()
        assert before is not None
        databases.drop(server, "copied")
        left = "SELECT count(*) FROM pg_stat_statements WHERE dbid = %s"
        assert session.execute(left, before).fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.url("copied"))


def test_a_hastened_server_asks_for_its_password_still(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url(), autocommit=True) as session:
        row = session.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = current_user"
        ).fetchone()
        assert row is not None
        assert row[0].startswith("SCRAM-SHA-256$1:")
    wrong = psycopg.conninfo.make_conninfo(server.url(), password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
