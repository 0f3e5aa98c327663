"""A fresh copy of a database for one run of load: every run begins with the same data.

The target's own database is never written to: it is the template (`CREATE DATABASE ... TEMPLATE`),
the copy is dropped at the end. New sessions on the target wait while it is copied; nobody may be
connected to it then.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import conninfo, sql
from psycopg import errors as pg_errors
from psycopg.rows import dict_row

from perf_pipeline.errors import BusyError, ConfigurationError, PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles

#: A copy's name is that of its database and this; a name has 63 bytes at most.
SUFFIX: Final = "_perf_load"
_LONGEST: Final = 63
#: Where one connects to make and drop databases.
MAINTENANCE: Final = "postgres"
#: The mark of our copies: nothing without it is ever dropped.
COMMENT: Final = "perf-pipeline: copy of a database for a run of load; dropped at its end"
#: The mark it is made with: whoever is killed before the comment leaves this. No limit in effect.
LIMIT: Final = 262_143
#: How long we wait for others to leave the database: a sweep takes less than a second.
PATIENCE_S: Final = 30.0
#: Above this, files are copied instead of written to the log block by block (PostgreSQL 15).
LARGE_BYTES: Final = 512 * 1024**2
_LIMITS: Final = pg.Limits(statement_timeout_ms=1_800_000, lock_timeout_ms=30_000,
                           connect_timeout_s=10)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a run goes.

    Attributes
    ----------
    url : str
        Of the copy, or of the database itself.
    restored : bool
        Whether it is a fresh copy.
    note : str
        Why it is not; empty where it is, or none was asked for.

    """

    url: str
    restored: bool = False
    note: str = ""


@contextmanager
def place(
    url: str, *, wanted: bool, patience_s: float = PATIENCE_S,
    say: Callable[[str], None] = lambda _text: None,
) -> Iterator[Place]:  # fmt: skip
    """Return where a run of load goes: a fresh copy where one is wanted and may be made.

    Where the role may not (it needs CREATEDB, and to own the database), or there is no database
    `postgres` to do it from, the run goes to the database itself, and `note` says why.

    Parameters
    ----------
    url : str
        The target's database. Not one marked as production: the caller has looked.
    wanted : bool
    patience_s : float
        How long to wait for others' sessions to end.
    say : callable
        Told what is waited for.

    Raises
    ------
    BusyError
        Somebody stays connected to the database, or another run has its copy.
    ConfigurationError
        A database of the copy's name is not ours.

    """
    if not wanted:
        yield Place(url)
        return
    parts = conninfo.conninfo_to_dict(pg.libpq_url(url))
    name = _name(url)
    copy = copy_name(name)
    try:
        session = pg.connect(_to(parts, MAINTENANCE), limits=_LIMITS, autocommit=True)
    except PerfPipelineError as error:
        yield Place(url, note=f"not restored: {error.message}")
        return
    with session, pg.letting_go(session):
        refused = _refusal(session, name)
        if refused:
            yield Place(url, note=f"not restored: {refused}")
            return
        _hold(session, copy)
        _drop(session, copy)
        try:
            _make(session, name, copy, patience_s, say)
            yield Place(_to(parts, copy), restored=True)
        finally:
            # the server may be gone, or ending the run the reason: what is left is dropped by the
            # next run
            with suppress(psycopg.Error):
                _drop(session, copy)


def copy_name(database: str) -> str:
    """Return the name of a database's copy; pure."""
    room = _LONGEST - len(SUFFIX)
    return database.encode()[:room].decode(errors="ignore") + SUFFIX


def _name(url: str) -> str:
    with pg.session(url) as session:
        return str(session.info.dbname)


def _to(parts: dict[str, Any], database: str) -> str:
    return conninfo.make_conninfo("", **{**parts, "dbname": database})


def _row(session: psycopg.Connection, name: str, database: str) -> dict[str, Any] | None:
    with session.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load(f"loadtests/{name}").text, {"database": database})
        return cursor.fetchone()


def _refusal(session: psycopg.Connection, database: str) -> str:
    """Say why this role may not copy the database; empty: it may."""
    found = _row(session, "copyable", database)
    if found is None:
        return f"{database!r} is not a database of the server one reaches under this address"
    if not found["may_create"]:
        return "the role lacks CREATEDB"
    if not found["may_read"]:
        return "the role does not own the database"
    return ""


def _hold(session: psycopg.Connection, copy: str) -> None:
    found = _row(session, "copy_lock", copy)
    if found is None or not found["locked"]:
        raise BusyError(
            f"another load test runs on the copy {copy!r}", "wait until it is done, then run again"
        )


def _drop(session: psycopg.Connection, copy: str) -> None:
    """Drop the copy if it is there, ours, and of a run that is over."""
    found = _row(session, "copy_known", copy)
    if found is None:
        return
    marked = found["comment"] is None and found["connection_limit"] == LIMIT
    if not marked and found["comment"] != COMMENT:
        raise ConfigurationError(
            f"database {copy!r} exists, and was not made by a load test",
            "rename or drop it: load tests that are restored need that name",
        )
    session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(copy)))


def _make(
    session: psycopg.Connection,
    database: str,
    copy: str,
    patience_s: float,
    say: Callable[[str], None],
) -> None:
    found = _row(session, "copyable", database) or {}
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} CONNECTION LIMIT {}").format(
        sql.Identifier(copy), sql.Identifier(database), sql.Literal(LIMIT)
    )
    if found["server_version_num"] >= 150_000 and (found["data_bytes"] or 0) > LARGE_BYTES:
        statement += sql.SQL(" STRATEGY FILE_COPY")
    deadline = time.monotonic() + patience_s
    told = False
    while True:
        try:
            session.execute(statement)
            break
        except (pg_errors.ObjectInUse, pg_errors.LockNotAvailable) as error:
            sessions = (_row(session, "copyable", database) or found)["sessions"]
            if time.monotonic() > deadline:
                raise BusyError(
                    f"database {database!r} cannot be copied: {sessions} sessions are on it",
                    "end them for the time of the test, or do not ask for a fresh copy (`restore`)",
                ) from error
            if not told:
                say(f"waiting for {sessions} sessions to leave {database!r}")
                told = True
            time.sleep(0.1)
    name = sql.Identifier(copy)
    session.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(COMMENT)))
    with session.cursor() as cursor:
        settings = cursor.execute(
            sqlfiles.load("loadtests/database_settings").text, {"database": database}
        ).fetchall()
    for setting, value in settings:
        session.execute(_setting(name, setting, value))


def _setting(database: sql.Identifier, setting: str, value: str) -> sql.Composed:
    """Return the statement that gives a database a setting as the catalog keeps it.

    The server keeps a list (`search_path`) with its elements quoted already: as one literal it
    would become a single element.
    """
    listed = setting in {"search_path", "session_preload_libraries", "local_preload_libraries",
                         "temp_tablespaces", "DateStyle", "unix_socket_directories"}  # fmt: skip
    given = [part.strip().strip('"') for part in value.split(",")] if listed else [value]
    return sql.SQL("ALTER DATABASE {} SET {} = {}").format(
        database,
        sql.SQL(".").join(sql.Identifier(part) for part in setting.split(".")),
        sql.SQL(", ").join(sql.Literal(part) for part in given),
    )
