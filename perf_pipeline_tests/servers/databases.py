"""Databases for tests, made and dropped at a tenth of the usual cost.

A test's database is a copy of another. PostgreSQL 15 and newer write every page of a copy to the
log, which is right for a server that must survive, and ten times as dear as copying the files.

A standby gets a copy made as files all the same: its log says that it is to be copied there too,
and before and after it is a checkpoint, so that a server that is killed has it when it starts again
(as long as the machine itself goes on: test servers do not `fsync`).
"""

import base64
import contextlib
import hashlib
import hmac
import secrets
from pathlib import Path

import psycopg
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer


class Databases:
    """Makes and drops databases on running servers, through one session on each."""

    def __init__(self) -> None:
        self._sessions: dict[Path, psycopg.Connection] = {}

    def make(self, server: EmbeddedServer, name: str, template: str | None = None) -> None:
        """Make a database, a copy of `template` if given, to which nobody may be connected."""
        session = self._session(server)
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        if session.info.server_version >= 150_000:
            statement += sql.SQL(" STRATEGY FILE_COPY")
        _insisting(session, statement)

    def drop(self, server: EmbeddedServer, name: str) -> None:
        """Drop a database if it exists, and the entries of its statements.

        Every sweep reads the entries of the whole server: thousands of tests' would make all slow.
        """
        session = self._session(server)
        session.execute(
            "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = %s", [name]
        )
        _insisting(
            session, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def close(self) -> None:
        """Close the sessions."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _session(self, server: EmbeddedServer) -> psycopg.Connection:
        session = self._sessions.get(server.directory)
        if session is None or session.closed:
            session = psycopg.connect(server.url(), autocommit=True)
            session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            self._sessions[server.directory] = session
        return session


def _insisting(session: psycopg.Connection, statement: sql.Composed) -> None:
    """Execute what waits 5 s for sessions that were closed, and on a busy machine may need more."""
    for _ in range(5):
        with contextlib.suppress(psycopg.errors.ObjectInUse):
            session.execute(statement)
            return
    session.execute(statement)


def hasten(server: EmbeddedServer) -> None:
    """Let a server check its password in one round instead of 4,096, paid at every connection."""
    with psycopg.connect(server.url(), autocommit=True) as session:
        session.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(session.info.user), _verifier(session.info.password)
            )
        )


def _verifier(password: str, rounds: int = 1) -> str:
    """Return what PostgreSQL stores of a password (RFC 5803) after so many rounds."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_, client_, server_ = (base64.b64encode(part).decode() for part in (salt, client, server))
    return f"SCRAM-SHA-256${rounds}:{salt_}${client_}:{server_}"
