"""Sessions on any PostgreSQL: bounded in time, labelled, read-only unless asked otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline import settings as settings_module
from perf_pipeline.errors import ConfigurationError, UnreachableError, UnsupportedServerError
from perf_pipeline.postgres.sqlfiles import MINIMUM_MAJOR

#: Marks our own sessions and, as a comment, our own statements.
APPLICATION_NAME = "perf-pipeline"

#: Closed sockets of a silent peer are noticed after about 3 s x 3 probes + 5 s idle.
_KEEPALIVES: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


@dataclass(frozen=True)
class Limits:
    """Server-side limits of a session, in milliseconds."""

    statement_timeout_ms: int
    lock_timeout_ms: int
    connect_timeout_s: int

    @classmethod
    def from_settings(cls) -> "Limits":
        """Return the limits this process's environment asks for."""
        chosen = settings_module.current()
        return cls(chosen.statement_timeout_ms, chosen.lock_timeout_ms, chosen.connect_timeout_s)


def describe(url: str) -> str:
    """Return a URL without its password and parameters, fit for messages.

    Parameters
    ----------
    url : str
        A connection URL or a `key=value` connection string.

    """
    if "://" not in url:
        try:
            parts = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            return "<unreadable connection string>"
        return f"{parts.get('user', '')}@{parts.get('host', '')}/{parts.get('dbname', '')}"
    try:
        split = urlsplit(url)
        port = f":{split.port}" if split.port else ""
    except ValueError:
        return "<unreadable URL>"
    user = f"{split.username}@" if split.username else ""
    return f"{split.scheme}://{user}{split.hostname or ''}{port}{split.path}"


def libpq_url(url: str) -> str:
    """Return a URL as libpq reads it, SQLAlchemy's driver suffix taken off.

    Raises
    ------
    ConfigurationError
        The text is neither a PostgreSQL URL nor a `key=value` connection string.

    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme.split("+")[0] in {"postgresql", "postgres"}:
        url = f"postgresql://{rest}"
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(
            f"{describe(url)} is not a PostgreSQL connection URL",
            "use postgresql://user:password@host:5432/database",
        ) from error
    return url


def connect(
    url: str,
    *,
    limits: Limits | None = None,
    read_only: bool = False,
    autocommit: bool = False,
    label: str = APPLICATION_NAME,
) -> psycopg.Connection:
    """Open one session with server-side limits, in UTC, with an empty-handed search path.

    Parameters
    ----------
    url : str
        Connection URL; a password may also come from libpq's own sources.
    limits : Limits, optional
        Default: the environment's.
    read_only : bool
        Every transaction of the session is `READ ONLY`.
    autocommit : bool
        Statements run outside transactions.
    label : str
        `application_name` of the session.

    Raises
    ------
    ConfigurationError
        The URL is malformed, the password wrong, or the database or role does not exist.
    UnreachableError
        No answer in `connect_timeout_s`, or the connection was refused.
    UnsupportedServerError
        The server is older than PostgreSQL 14.

    """
    chosen = limits or Limits.from_settings()
    conninfo = libpq_url(url)
    try:
        connection = psycopg.connect(
            conninfo,
            autocommit=True,
            connect_timeout=chosen.connect_timeout_s,
            application_name=label,
            # A server that dies mid-answer must not hold us: Linux closes after this many ms.
            tcp_user_timeout=(chosen.statement_timeout_ms + 10_000),
            **_KEEPALIVES,
        )
    except psycopg.OperationalError as error:
        raise _connect_error(url, error, chosen) from error
    try:
        _require_version(connection, url)
        _limit(connection, chosen)
        connection.read_only = read_only
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def _limit(connection: psycopg.Connection, limits: Limits) -> None:
    values = {
        "statement_timeout": f"{limits.statement_timeout_ms}ms",
        "lock_timeout": f"{limits.lock_timeout_ms}ms",
        # a client that hangs while it holds a snapshot would hold back vacuum
        "idle_in_transaction_session_timeout": f"{limits.statement_timeout_ms}ms",
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "search_path": "pg_catalog",
    }
    connection.execute(
        sql.SQL("; ").join(
            sql.SQL("SET SESSION /* perf-pipeline */ {} = {}").format(
                sql.Identifier(name), sql.Literal(value)
            )
            for name, value in values.items()
        )
    )


def _require_version(connection: psycopg.Connection, url: str) -> None:
    check_version(connection.info.server_version, describe(url))


def check_version(version_num: int, where: str) -> int:
    """Return the major version, or refuse a server that is too old.

    Parameters
    ----------
    version_num : int
        `server_version_num`, for example 180006.
    where : str
        The server, for the message.

    Raises
    ------
    UnsupportedServerError
        Older than PostgreSQL 14.

    """
    major = version_num // 10_000
    if major < MINIMUM_MAJOR:
        raise UnsupportedServerError(
            f"{where} runs PostgreSQL {major}; {MINIMUM_MAJOR} is the oldest supported",
            f"upgrade the server to PostgreSQL {MINIMUM_MAJOR} or later",
        )
    return major


def _connect_error(
    url: str, error: psycopg.OperationalError, limits: Limits
) -> ConfigurationError | UnreachableError:
    where, text = describe(url), str(error).strip()
    if isinstance(error, pg_errors.ConnectionTimeout) or "timeout" in text.lower():
        return UnreachableError(
            f"{where}: no answer within {limits.connect_timeout_s} s",
            "check host, port and firewall; PERF_CONNECT_TIMEOUT_S sets the limit",
        )
    detail = text.rsplit("FATAL:", maxsplit=1)[-1].strip()
    if "password authentication failed" in text or "no password supplied" in text:
        return ConfigurationError(
            f"{where}: {detail}", "check user and password in the connection URL"
        )
    if "does not exist" in text or "not permitted" in text or "no pg_hba.conf entry" in text:
        return ConfigurationError(
            f"{where}: {detail}", "check database, role and pg_hba.conf of that server"
        )
    return UnreachableError(
        f"{where}: {detail}", "check that the server runs and accepts connections from here"
    )


@contextmanager
def session(
    url: str,
    *,
    limits: Limits | None = None,
    read_only: bool = True,
    autocommit: bool = False,
    label: str = APPLICATION_NAME,
) -> Iterator[psycopg.Connection]:
    """Open a session as `connect` does and close it at the end, whatever happens."""
    connection = connect(
        url, limits=limits, read_only=read_only, autocommit=autocommit, label=label
    )
    try:
        yield connection
    finally:
        connection.close()
