"""Load through a connection pooler (PgBouncer): many sessions of users over few of the server.

What the pool allows is asked of its console (database `pgbouncer`) where the role may
(`admin_users` or `stats_users`); how full it was is asked while the load runs. In transaction mode
a user's session holds one of the server for the length of a transaction only, and named prepared
statements need PgBouncer 1.21 with `max_prepared_statements`: else statements are sent unnamed.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import conninfo
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.loadtests import drive
from perf_pipeline.loadtests.pgbench_call import Protocol
from perf_pipeline.postgres import connect as pg

#: The console's database.
CONSOLE: Final = "pgbouncer"
#: Sessions of users at most where the pool does not say: what is described (10,000 users).
MOST_SESSIONS: Final = 10_000
#: What of its configuration decides how many may do what, and how long they wait.
CONFIG: Final = (
    *("pool_mode", "max_client_conn", "default_pool_size", "min_pool_size", "reserve_pool_size"),
    *("reserve_pool_timeout", "max_db_connections", "max_user_connections"),
    *("max_prepared_statements", "query_wait_timeout", "server_idle_timeout", "server_lifetime"),
)
#: Named statements are followed from this version on.
_PREPARED: Final = (1, 21)
#: How often the console is asked while load runs (s).
_EVERY_S: Final = 0.5
_SERVER: Final = ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")


@dataclass(frozen=True)
class Pooler:
    """A pooler in front of a target.

    Attributes
    ----------
    url : str
    protocol : str
        How statements are sent through it.
    config : Mapping
        `version` and `CONFIG`, as its console tells; empty: it does not tell us.
    note : str
        What is not known; empty: all is.

    """

    url: str
    protocol: Protocol
    config: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def most_sessions(self) -> int:
        """How many sessions of users it takes."""
        return int(self.config.get("max_client_conn", MOST_SESSIONS))


@dataclass
class Fullness:
    """The most a pool was filled at any time it was asked; None: its console does not tell us."""

    clients: int | None = None
    waiting: int | None = None
    servers: int | None = None
    longest_wait_s: float | None = None

    def see(self, rows: list[dict[str, Any]]) -> None:
        """Take what `SHOW POOLS` says into account."""
        for name, value in {
            "clients": sum(int(row["cl_active"]) + int(row["cl_waiting"]) for row in rows),
            "waiting": sum(int(row["cl_waiting"]) for row in rows),
            "servers": sum(int(row.get(part) or 0) for row in rows for part in _SERVER),
            "longest_wait_s": max(
                (int(row["maxwait"]) + int(row.get("maxwait_us") or 0) / 1e6 for row in rows),
                default=0.0,
            ),
        }.items():
            known = getattr(self, name)
            setattr(self, name, value if known is None else max(known, value))


def look(url: str, direct: psycopg.Connection) -> Pooler:
    """Look at a pooler in front of a database.

    Parameters
    ----------
    url : str
        Of the database through the pooler.
    direct : psycopg.Connection
        A session on the database itself.

    Raises
    ------
    ConfigurationError
        It leads to another database.
    UnreachableError
        It does not answer.

    """
    with pg.session(url, bare=True) as through:
        same = drive.row(through, "loadtests/identity") == drive.row(direct, "loadtests/identity")
    if not same:
        raise ConfigurationError(
            f"{pg.describe(url)} leads to another database than the target's",
            "give the pooler's address of the same database",
        )
    try:
        with _console(url) as console:
            config = {row["key"]: str(row["value"]) for row in _show(console, "CONFIG")}
            version = next(iter(_show(console, "VERSION")[0].values()))
    except (PerfPipelineError, psycopg.Error) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        return Pooler(url, "extended", {}, f"limits of the pool are not known: {said}")
    known = {name: config[name] for name in CONFIG if name in config}
    known["version"] = str(version)
    return Pooler(url, protocol(known), known)


def protocol(config: Mapping[str, str]) -> Protocol:
    """Return how statements may be sent through a pool; pure."""
    if config.get("pool_mode") == "session":
        return "prepared"
    number = re.search(r"(\d+)\.(\d+)", config.get("version", ""))
    follows = number is not None and (int(number[1]), int(number[2])) >= _PREPARED
    kept = config.get("max_prepared_statements", "0")
    return "prepared" if follows and kept.isdecimal() and int(kept) > 0 else "extended"


@contextmanager
def watched(pooler: Pooler) -> Iterator[Fullness]:
    """Ask a pool how full it is while the body runs."""
    found = Fullness()
    if not pooler.config:
        yield found
        return
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(pooler.url, found, ended), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _watch(url: str, found: Fullness, ended: threading.Event) -> None:
    database = conninfo.conninfo_to_dict(pg.libpq_url(url)).get("dbname")
    with suppress(psycopg.Error), _console(url) as console:
        while True:
            rows = [row for row in _show(console, "POOLS") if row["database"] == database]
            found.see(rows)
            if ended.wait(_EVERY_S):
                return


@contextmanager
def _console(url: str) -> Iterator[psycopg.Connection]:
    """Open the console: it speaks the simple protocol only, and is no PostgreSQL to be checked."""
    parts = {**conninfo.conninfo_to_dict(pg.libpq_url(url)), "dbname": CONSOLE}
    parts.pop("options", None)
    connection = psycopg.connect(
        conninfo.make_conninfo("", **parts),
        autocommit=True,
        connect_timeout=pg.Limits.from_settings().connect_timeout_s,
        cursor_factory=psycopg.ClientCursor,
        client_encoding="UTF8",
    )
    try:
        yield connection
    finally:
        connection.close()


def _show(console: psycopg.Connection, what: str) -> list[dict[str, Any]]:
    with psycopg.ClientCursor(console, row_factory=dict_row) as cursor:
        cursor.execute(psycopg.sql.SQL("SHOW {}").format(psycopg.sql.SQL(what)))
        return cursor.fetchall()
