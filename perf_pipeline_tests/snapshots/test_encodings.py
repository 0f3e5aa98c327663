"""Databases that are not in UTF-8, and texts that the server cannot give out."""

import os
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store

pytestmark = pytest.mark.server

NO_WAIT = texts.Budget(minimum_seconds=0)


class Other:
    """A database in another encoding, spoken to in bytes."""

    def __init__(self, server: EmbeddedServer, encoding: str) -> None:
        self.name = f"test_{encoding.lower()}_{os.getpid()}"
        self.url = server.url(self.name)
        with psycopg.connect(server.url(), autocommit=True) as admin:
            provider = " LOCALE_PROVIDER libc" if admin.info.server_version >= 150_000 else ""
            admin.execute(
                sql.SQL(
                    "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
                    + provider
                ).format(sql.Identifier(self.name), sql.Literal(encoding))
            )
        self.session = psycopg.connect(self.url, autocommit=True, client_encoding=encoding)
        self.run(b"CREATE EXTENSION pg_stat_statements")

    def run(self, statement: bytes) -> None:
        result = self.session.pgconn.exec_(statement)
        assert result.error_message == b""

    def forget(self) -> None:
        """Take its texts out of the server's file: they would hinder the other tests' readers."""
        self.run(
            b"SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database"
            b" WHERE datname = current_database()), 0)"
        )


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def other(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Other]:
    made = Other(server, request.param)
    yield made
    made.forget()
    made.session.close()
    server.drop_database(made.name)


def test_a_database_in_another_encoding_is_swept(
    other: Other, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_URL", other.url)
    target = Target("other", "OTHER_URL", date(2026, 1, 1))
    other.run(b'CREATE TABLE "caf\xe9" (id int, "na\xefve" text)')
    assert collect(target, store, text_budget=NO_WAIT).first
    other.run(b"INSERT INTO \"caf\xe9\" VALUES (1, '\xe9')")
    other.run(b'CREATE INDEX "id\xe8" ON "caf\xe9" ("na\xefve")')
    swept = collect(target, store, text_budget=NO_WAIT)
    assert not [note for note in swept.notes if "left out" in note]
    with store.begin() as connection:
        changed = connection.execute(
            "SELECT object_name, definition_after FROM ledger.schema_changes"
        ).fetchall()
        queries = connection.execute(
            "SELECT query FROM ledger.query_texts WHERE query LIKE 'INSERT INTO %%'"
        ).fetchall()
    cafe, naive, ide = (
        ("café", "naïve", "idè")
        if other.name.startswith("test_latin1")
        else (r"caf\xe9", r"na\xefve", r"id\xe8")  # nobody knows what bytes mean in SQL_ASCII
    )
    assert changed == [
        (f'public."{ide}"', f'CREATE INDEX "{ide}" ON public."{cafe}" USING btree ("{naive}")')
    ]
    assert (f'INSERT INTO "{cafe}" VALUES ($1, $2)',) in queries


def test_utf_8_in_a_database_without_an_encoding_is_text(other: Other) -> None:
    if other.name.startswith("test_latin1"):
        other.run("CREATE TABLE plain (id int)".encode("latin-1"))
        expected = "plain"
    else:
        other.run('CREATE TABLE "größe" (id int)'.encode())
        expected = "größe"
    with pg.session(other.url, bare=True) as session:
        from perf_pipeline.snapshots.collect import sweep

        assert expected in sweep(session).frames["tables"]["table_name"].to_list()


def test_texts_that_the_server_cannot_convert_cost_only_the_texts(
    server: EmbeddedServer, store: Store, target: Target, admin: psycopg.Connection
) -> None:
    """One statement of a SQL_ASCII database: no other database can read any text."""
    foreign = Other(server, "SQL_ASCII")
    try:
        foreign.run(b'SELECT 1 AS "caf\xe9"')
        collect(target, store, text_budget=NO_WAIT)
        admin.execute("SELECT count(*) FROM app.orders")
        swept = collect(target, store, text_budget=NO_WAIT)
        assert swept.quality == "exact"
        assert swept.rows["statements"] > 0
        (note,) = [note for note in swept.notes if "texts left out" in note]
        assert "pg_stat_statements_reset(0, its oid, 0)" in note
    finally:
        foreign.forget()
        foreign.session.close()
        server.drop_database(foreign.name)
    admin.execute("SELECT count(*) FROM app.orders")
    assert not [n for n in collect(target, store, text_budget=NO_WAIT).notes if "left out" in n]


def test_of_a_long_text_the_beginning_is_read(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store, text_budget=NO_WAIT)
    admin.execute("SELECT count(*) AS long_one, '" + "secret" * 200_000 + "'")
    admin.execute("DO $$ BEGIN /* " + "secret" * 200_000 + " */ END $$")
    collect(target, store, text_budget=NO_WAIT)
    with store.begin() as connection:
        found = {row[0] for row in connection.execute("SELECT query FROM ledger.query_texts")}
    assert "SELECT count(*) AS long_one, $1" in found
    assert "DO ? ... (cut)" in found
    assert not [text for text in found if "secret" in text]
