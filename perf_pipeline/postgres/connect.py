"""Sessions on any PostgreSQL: bounded in time, labelled, read-only unless asked otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline import settings as settings_module
from perf_pipeline.errors import ConfigurationError, UnreachableError, UnsupportedServerError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.deadline import deadline
from perf_pipeline.postgres.patience import PatientConnection
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


_UNREADABLE_URL = "<unreadable URL>"
_UNREADABLE_STRING = "<unreadable connection string>"


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

    libpq's own reading of it decides what is a password. A URL that it cannot read, or reads
    otherwise than it was meant (an `@`, `/` or `:` of the password not encoded), is not shown.

    Parameters
    ----------
    url : str
        A connection URL or a `key=value` connection string.

    """
    scheme, separator, rest = url.partition("://")
    is_url = bool(separator) and scheme.replace("+", "").isalnum()
    try:
        parts = psycopg.conninfo.conninfo_to_dict(_plain_scheme(url))
    except psycopg.ProgrammingError:
        return _UNREADABLE_URL if is_url else _UNREADABLE_STRING
    if is_url and _is_misread(rest, str(parts.get("port") or "")):
        return _UNREADABLE_URL
    port = f":{parts['port']}" if parts.get("port") else ""
    user = f"{parts['user']}@" if parts.get("user") else ""
    shown = f"{user}{parts.get('host') or ''}{port}/{parts.get('dbname') or ''}"
    return f"{scheme}://{shown}" if is_url else shown


def _is_misread(rest: str, port: str) -> bool:
    """Whether libpq took a part of the password for host, port or database."""
    authority, _, path = rest.partition("/")
    host, parameters, _ = authority.partition("@")[2].partition("?")
    path = "" if parameters else path.partition("?")[0]
    return "@" in host + path or not f"0{port}".replace(",", "").isdigit()


def _plain_scheme(url: str) -> str:
    """Take SQLAlchemy's driver suffix off the scheme."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.split("+")[0] in {"postgresql", "postgres"}:
        return f"postgresql://{rest}"
    return url


def libpq_url(url: str) -> str:
    """Return a URL as libpq reads it, SQLAlchemy's driver suffix taken off.

    Raises
    ------
    ConfigurationError
        The text is neither a PostgreSQL URL nor a `key=value` connection string.

    """
    shown = describe(url)
    # no cause is kept: libpq's message quotes the text, and the password in it
    if shown in {_UNREADABLE_URL, _UNREADABLE_STRING}:
        raise ConfigurationError(
            f"{shown} is not a PostgreSQL connection URL",
            "use postgresql://user:password@host:5432/database, "
            "with special characters of the password percent-encoded",
        )
    return _plain_scheme(url)


def connect(
    url: str,
    *,
    limits: Limits | None = None,
    read_only: bool = False,
    autocommit: bool = False,
    label: str = APPLICATION_NAME,
    bare: bool = False,
    patience_s: float | None = None,
) -> psycopg.Connection:
    """Open one session with server-side limits, in UTC, with an empty-handed search path.

    Parameters
    ----------
    url : str
        Connection URL; a password may also come from libpq's own sources.
    limits : Limits, optional
        Default: the environment's.
    read_only : bool
        Every transaction of the session is `READ ONLY`, also in autocommit.
    autocommit : bool
        Statements run outside transactions.
    label : str
        `application_name` of the session.
    bare : bool
        Leave the session's settings alone and use `transaction` for every statement: behind a
        pooler the session is lent, and settings of ours would stay for the next one. It is then
        in autocommit and never sends a named statement.
    patience_s : float, optional
        Close the connection when nothing came for so long; default: the caller uses a `deadline`.

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
    kind = psycopg.Connection if patience_s is None else PatientConnection
    try:
        connection = kind.connect(
            conninfo,
            autocommit=True,
            connect_timeout=chosen.connect_timeout_s,
            application_name=label,
            # else the server's: a LATIN1 database would answer in LATIN1
            client_encoding="UTF8",
            prepare_threshold=None if bare else 5,
            # A server that dies mid-answer must not hold us: Linux closes after this many ms.
            tcp_user_timeout=(chosen.statement_timeout_ms + 10_000),
            **_KEEPALIVES,
        )
    except psycopg.OperationalError as error:
        raise _connect_error(url, error, chosen) from error
    if isinstance(connection, PatientConnection) and patience_s is not None:
        connection.patience_s = patience_s
    try:
        _require_version(connection, url)
        if not bare:
            with deadline(connection, chosen.connect_timeout_s, describe(url)):
                limiting = _limiting(connection, chosen, is_local=False, read_only=read_only)
                connection.execute(limiting)
            connection.read_only = read_only
            connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def _limiting(
    connection: psycopg.Connection, limits: Limits, *, is_local: bool, read_only: bool = False
) -> sql.SQL:
    """Return the statement that sets the limits, bound on the client."""
    text = psycopg.ClientCursor(connection).mogrify(
        sqlfiles.load("catalog/limits").text,
        {
            "statement_timeout": f"{limits.statement_timeout_ms}ms",
            "lock_timeout": f"{limits.lock_timeout_ms}ms",
            "client_encoding": "LATIN1" if is_untyped(connection) else "UTF8",
            "is_local": is_local,
            "read_only": "on" if read_only else "",
        },
    )
    return sql.SQL(text)


def is_untyped(connection: psycopg.Connection) -> bool:
    """Whether the database's encoding is SQL_ASCII: any bytes, which nobody may convert.

    Sessions on it speak LATIN1, which carries every byte; `readable` makes text of that.
    """
    return connection.info.parameter_status("server_encoding") == "SQL_ASCII"


def readable(text: str) -> str:
    r"""Return text of a SQL_ASCII database, read as LATIN1, as the UTF-8 it most likely is.

    Bytes that are no UTF-8 are shown as `\xe9`.
    """
    return text.encode("latin-1").decode("utf-8", "backslashreplace")


def most_seconds(limits: Limits | None = None) -> float:
    """Return how long a target may keep us: two statements at their limit, and a little."""
    chosen = limits or Limits.from_settings()
    return 2.0 * chosen.statement_timeout_ms / 1000.0 + 5.0


@contextmanager
def transaction(connection: psycopg.Connection, limits: Limits | None = None) -> Iterator[None]:
    """Open one `REPEATABLE READ READ ONLY` transaction with limits that end with it.

    Beginning it and setting the limits is one round trip. It is rolled back at the end: there is
    nothing to commit.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, outside a transaction; `connect(..., bare=True)` makes it.
    limits : Limits, optional
        Default: the environment's.

    """
    connection.execute(opening(connection, limits))
    try:
        yield
    finally:
        end(connection)


def opening(connection: psycopg.Connection, limits: Limits | None = None) -> sql.Composed:
    """Return the statements that begin what `transaction` describes; `end` ends it."""
    chosen = limits or Limits.from_settings()
    # SET before the function that sets the rest: where a catalog is locked, finding it waits, too
    return sql.SQL(
        "BEGIN /* perf-pipeline */ ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        " SET /* perf-pipeline */ LOCAL lock_timeout = {}; "
    ).format(sql.Literal(f"{chosen.lock_timeout_ms}ms")) + _limiting(
        connection, chosen, is_local=True
    )


def end(connection: psycopg.Connection) -> None:
    """Roll back; a lost connection is told by the statement that lost it."""
    with suppress(psycopg.OperationalError):
        connection.execute("ROLLBACK /* perf-pipeline */")


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
    if "unrecognized configuration parameter" in text or "invalid value for parameter" in text:
        return ConfigurationError(f"{where}: {detail}", "correct or leave out that setting")
    if "permission denied for database" in text:
        return ConfigurationError(
            f"{where}: {detail.splitlines()[0]}",
            "GRANT CONNECT ON DATABASE ... TO the role; `perf-pipeline doctor --grants` prints it",
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
    bare: bool = False,
) -> Iterator[psycopg.Connection]:
    """Open a session as `connect` does and close it at the end, whatever happens."""
    connection = connect(
        url, limits=limits, read_only=read_only, autocommit=autocommit, label=label, bare=bare
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def letting_go(connection: psycopg.Connection) -> Iterator[None]:
    """Free all advisory locks of a session at the end of the block.

    Closing a connection only sends word: the server frees the session's locks some time later, and
    whoever asks for one in between is told that somebody is at work.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit. One that is lost, or in the middle of a statement, is left to its closing.

    """
    try:
        yield
    finally:
        if not connection.closed:
            with suppress(psycopg.Error):
                connection.execute("SELECT /* perf-pipeline */ pg_catalog.pg_advisory_unlock_all()")
