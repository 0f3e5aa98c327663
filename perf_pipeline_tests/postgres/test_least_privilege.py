"""The role that `doctor --grants` prints reads statistics and nothing else, on every version."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from perf_pipeline import cli
from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import doctor, sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.conftest import flush

pytestmark = pytest.mark.server

SECRET = "4111111111111111"

#: A user's own things, made by a superuser in the database that is watched.
SETUP = f"""
CREATE SCHEMA app;
CREATE TABLE app.cards (id int PRIMARY KEY, number text);
INSERT INTO app.cards SELECT g, '{SECRET}' FROM generate_series(1, 200) AS g;
CREATE VIEW app.shown AS SELECT number FROM app.cards;
CREATE MATERIALIZED VIEW app.kept AS SELECT number FROM app.cards;
CREATE STATISTICS app.both (mcv) ON id, number FROM app.cards;
CREATE SEQUENCE app.numbers;
CREATE FUNCTION app.peek() RETURNS text LANGUAGE sql AS 'SELECT number FROM app.cards LIMIT 1';
SELECT lo_from_bytea(4711, '{SECRET}');
ANALYZE app.cards;
"""

#: Each must be refused for lack of a privilege.
READING = (
    "SELECT * FROM app.cards",
    "SELECT count(*) FROM app.cards",
    "TABLE app.shown",
    "TABLE app.kept",
    "COPY app.cards TO STDOUT",
    "COPY (SELECT number FROM app.cards) TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "EXPLAIN SELECT * FROM app.cards",
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM app.cards",
    "SELECT app.peek()",
    "SELECT last_value FROM app.numbers",
    "SELECT nextval('app.numbers')",
    "SELECT lo_get(4711)",
    "SELECT loread(lo_open(4711, 262144), 100)",
    "SELECT * FROM pg_largeobject",
    "SELECT * FROM pg_statistic",
    "SELECT stxdmcv FROM pg_statistic_ext_data",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT subconninfo FROM pg_subscription",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT * FROM pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT lo_import('/etc/hostname')",
)
WRITING = (
    "INSERT INTO app.cards VALUES (0, '')",
    "UPDATE app.cards SET number = ''",
    "DELETE FROM app.cards",
    "TRUNCATE app.cards",
    "LOCK TABLE app.cards IN ROW EXCLUSIVE MODE",
    "COPY app.cards FROM PROGRAM 'echo 1'",
    "REFRESH MATERIALIZED VIEW app.kept",
    "SELECT lo_put(4711, 0, '')",
    "SELECT lo_unlink(4711)",
    "ALTER TABLE app.cards ADD x int",
    "DROP TABLE app.cards",
    "COMMENT ON TABLE app.cards IS ''",
    "CREATE INDEX ON app.cards (number)",
    "SELECT pg_stat_statements_reset()",
    "SELECT pg_stat_reset()",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_terminate_backend({admin})",
    "SELECT pg_cancel_backend({admin})",
    "SELECT pg_promote()",
    "SELECT pg_create_restore_point('x')",
    "SELECT pg_create_physical_replication_slot('x')",
    "SET ROLE {superuser}",
    "SET session_replication_role = replica",
    "SET lo_compat_privileges = on",
    "SET log_statement = 'none'",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "ALTER ROLE {superuser} PASSWORD 'x'",
    "GRANT pg_read_all_data TO perf_pipeline",
)
CREATING = (
    "CREATE TABLE app.x (a int)",
    "CREATE VIEW app.x AS SELECT 1",
    "CREATE FUNCTION app.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA x",
    "CREATE DATABASE x",
    "CREATE ROLE x",
    "CREATE EXTENSION pgstattuple",
    "CREATE PUBLICATION x",
    "CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION app.x()",
    "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE c AS 'x'",
)


@pytest.fixture(scope="session")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    """Run this module on each version."""
    return each_server


@pytest.fixture
def database(make_database: Callable[..., str]) -> str:
    """Return the URL of a database with a user's table, as its administrator."""
    url = make_database()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(SETUP)
    return url


@pytest.fixture
def printed(database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[str]:
    """Run what `doctor --grants` prints, twice; yield the URL of the role it makes."""
    assert cli.run(cli.cli, ["doctor", "--grants"]) == 0
    script = tmp_path / "grants.sql"
    script.write_text(capsys.readouterr().out)
    psql = str(binaries.find().program("psql"))
    for _ in range(2):
        subprocess.run(
            [psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-v", "password=p'w", "-f", script, database],
            check=True,
            env={**os.environ, "PGCONNECT_TIMEOUT": "5"},
        )
    yield make_conninfo(database, user="perf_pipeline", password="p'w")
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DROP OWNED BY perf_pipeline")
        admin.execute("DROP ROLE perf_pipeline")


def allowed(session: psycopg.Connection, statements: tuple[str, ...]) -> list[str]:
    """Return the statements that were not refused for lack of a privilege."""
    found = []
    for statement in statements:
        try:
            session.execute("BEGIN READ WRITE")
            session.execute(statement.encode())
            found.append(statement)
        except errors.InsufficientPrivilege:
            pass
        except psycopg.Error as error:
            found.append(f"{statement}: {type(error).__name__} {error}")
        finally:
            session.execute("ROLLBACK")
    return found


def outside_a_block(session: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement.encode())


def test_the_printed_role_reads_no_table_writes_and_creates_nothing(
    database: str, printed: str
) -> None:
    with (
        psycopg.connect(database, autocommit=True) as admin,
        psycopg.connect(printed, autocommit=True) as session,
    ):
        # what it set for itself is no protection: it may set it otherwise
        session.execute("SET default_transaction_read_only = off; SET statement_timeout = '5s'")
        known = {"admin": admin.info.backend_pid, "superuser": admin.info.user}
        blockless = ("CREATE DATABASE", "ALTER SYSTEM")
        every = [text.format(**known) for text in (*READING, *WRITING, *CREATING)]
        assert allowed(session, tuple(t for t in every if not t.startswith(blockless))) == []
        for statement in every:
            if statement.startswith(blockless):
                outside_a_block(session, statement)
        # views that show what the reader may see: nothing of this table
        for view in ("pg_stats", "pg_stats_ext"):
            count = f"SELECT count(*) FROM {view} WHERE schemaname = 'app'"
            assert admin.execute(count).fetchall() != [(0,)]
            assert session.execute(count).fetchall() == [(0,)]
        # up to 14 everybody may create in public, by default
        in_public = allowed(session, ("CREATE TABLE public.x (a int)",))
        assert len(in_public) == (1 if admin.info.server_version < 150_000 else 0)
        # these checks can fail
        admin.execute("GRANT USAGE ON SCHEMA app TO perf_pipeline")
        admin.execute("GRANT SELECT ON app.cards TO PUBLIC")
        assert allowed(session, READING[:2]) == list(READING[:2])


def test_a_sweep_needs_no_more_than_that(
    database: str, printed: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAST_URL", printed)
    target = Target("least", "LEAST_URL", date(2026, 1, 1))
    budget = texts.Budget(minimum_seconds=0)
    with psycopg.connect(database, autocommit=True) as admin:
        flush(admin)
        collect(target, store, text_budget=budget)
        admin.execute("SELECT number FROM app.cards WHERE id = 1")
        admin.execute("CREATE INDEX cards_number ON app.cards (number)")
        flush(admin)
    swept = collect(target, store, text_budget=budget)
    assert [note for note in swept.notes if "left out" in note or "hidden" in note] == []
    assert swept.quality == "exact"
    for table in ("statements", "database", "schema_changes"):
        assert swept.rows[table] >= 1
    with store.begin() as connection:
        known = connection.execute("SELECT query FROM ledger.query_texts").fetchall()
        created = connection.execute(
            "SELECT definition_after FROM ledger.schema_changes"
        ).fetchall()
    assert ("SELECT number FROM app.cards WHERE id = $1",) in known
    assert ("CREATE INDEX cards_number ON app.cards USING btree (number)",) in created
    with psycopg.connect(database, autocommit=True) as admin:
        ((entries,),) = admin.execute(
            "SELECT count(*) FROM pg_stat_statements"
            " WHERE userid = 'perf_pipeline'::regrole AND query LIKE '%/* perf-pipeline */%'"
        ).fetchall()
        # granted or not: what switches the tracking off, and what stands before it, is tracked
        assert entries <= 5 if admin.info.server_version >= 150_000 else entries > 10


LESS = (
    ("", ["statements of other users", "what other users' sessions do", "some settings"]),
    ("pg_read_all_stats", ["some settings"]),
    ("pg_read_all_settings", []),
)


def test_what_a_lesser_role_cannot_see_is_said(
    database: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_conninfo(database, user="lesser", password="l")
    monkeypatch.setenv("LESS_URL", url)
    target = Target("less", "LESS_URL", date(2026, 1, 1))
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE ROLE lesser LOGIN PASSWORD 'l'")
        try:
            flush(admin)
            collect(target, store)
            for grant, hidden in LESS:
                if grant:
                    admin.execute(sql.SQL("GRANT {} TO lesser").format(sql.Identifier(grant)))
                admin.execute("SELECT number FROM app.cards WHERE id = 1")
                swept = collect(target, store)
                assert swept.quality == "exact"
                notes = [note for note in swept.notes if "are hidden from lesser: GRANT" in note]
                assert len(notes) == (1 if hidden else 0)
                for what in hidden:
                    assert what in notes[0]
                assert not [note for note in swept.notes if "left out" in note]
            name = sql.Identifier(admin.info.dbname)
            admin.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
            with pytest.raises(ConfigurationError, match="permission denied for database") as told:
                pg.connect(url)
            assert "GRANT CONNECT" in told.value.remedy
        finally:
            admin.execute("DROP ROLE lesser")


def test_the_doctor_finds_the_role_right_and_names_what_is_too_much(
    database: str, printed: str
) -> None:
    def aspect() -> doctor.Aspect:
        (found,) = [a for a in doctor.examine(printed) if a.name == "least privilege"]
        return found

    assert [a for a in doctor.examine(printed) if a.status == "fail"] == []
    with psycopg.connect(database, autocommit=True) as admin:
        if admin.info.server_version < 150_000:
            assert "may create in schema public" in aspect().detail
            assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in aspect().remedy
            admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        assert (aspect().status, aspect().detail.partition(",")[0]) == (
            "ok",
            "it may read no table",
        )
        for grant, said in (
            ("GRANT USAGE, CREATE ON SCHEMA app TO perf_pipeline", "may create in schema app"),
            ("GRANT SELECT (number) ON app.cards TO PUBLIC", "may read app.cards"),
            ("GRANT DELETE ON app.cards TO perf_pipeline", "may write app.cards"),
            ("GRANT pg_signal_backend TO perf_pipeline", "is a member of pg_signal_backend"),
            ("ALTER ROLE perf_pipeline CREATEDB", "is CREATEDB"),
        ):
            admin.execute(grant.encode())
            assert aspect().status == "warn"
            assert said in aspect().detail


def test_nothing_of_ours_lends_its_rights() -> None:
    for path in sqlfiles.root().rglob("*.sql"):
        assert not re.search(r"SECURITY\s+DEFINER", path.read_text(), re.IGNORECASE), path
