"""Can this database be watched? Each aspect on a line, a remedy for each failure."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.deadline import deadline

Status = Literal["ok", "warn", "fail"]

#: T-06: a session must be had within this many milliseconds.
CONNECTION_LIMIT_MS = 50.0
#: Above this share of pg_stat_statements.max the server is about to forget statements.
CAPACITY_WARN_SHARE = 0.9
#: Instants of the server and of our clock may differ by this much before times mislead a reader.
CLOCK_SKEW_LIMIT_S = 2.0
#: Of a role's excess privileges so many objects are named.
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Aspect:
    """One examined aspect; `remedy` is empty when `status` is `ok`."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def examine(url: str, limits: pg.Limits | None = None) -> list[Aspect]:
    """Open one read-only session on a database and examine it.

    Parameters
    ----------
    url : str
        Connection URL.
    limits : Limits, optional
        Default: the environment's.

    Returns
    -------
    list of Aspect
        In the order a reader should repair them.

    Raises
    ------
    ConfigurationError, UnreachableError, UnsupportedServerError
        The session cannot be had at all.

    """
    started = time.perf_counter()
    with pg.session(url, limits=limits, bare=True) as connection:
        connect_ms = (time.perf_counter() - started) * 1000
        with (
            deadline(connection, pg.most_seconds(limits), pg.describe(url)),
            pg.transaction(connection, limits),
        ):
            row = _one(connection, sqlfiles.load("catalog/doctor_server").text)
            skew = abs(row["server_epoch"] - time.time())
            aspects = [
                _reachable(pg.describe(url), connect_ms),
                _version(row, connection.info.server_version // 10_000),
                _privileges(row),
                *([] if row["is_superuser"] else [excess(_excess(connection))]),
                _clock(skew),
                _preloaded(row),
                _extension(row),
            ]
            if row["statements_schema"] and row["statements_max"]:
                aspects += _statements(connection, row)
            aspects.append(_own_cost(connection, row["role_name"]))
    aspects += settings_aspects(row)
    return aspects


def _one(connection: psycopg.Connection, query: str | sql.Composable) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query).fetchone()  # type: ignore[arg-type]
    return found or {}


def _reachable(where: str, connect_ms: float) -> Aspect:
    detail = f"{where} in {connect_ms:.0f} ms"
    if connect_ms <= CONNECTION_LIMIT_MS:
        return Aspect("reachable", "ok", detail)
    return Aspect(
        "reachable",
        "warn",
        detail,
        f"a session should be had within {CONNECTION_LIMIT_MS:.0f} ms: "
        "look at the network, at TLS, or put a pooler in front",
    )


def _version(row: Mapping[str, Any], major: int) -> Aspect:
    role = "replica" if row["in_recovery"] else "primary"
    detail = f"PostgreSQL {row['server_version']}, {role}"
    if major > sqlfiles.NEWEST_TESTED_MAJOR:
        return Aspect(
            "version",
            "warn",
            detail,
            f"{sqlfiles.NEWEST_TESTED_MAJOR} is the newest we tested; "
            "a family that fails is left out and named",
        )
    return Aspect("version", "ok", detail)


def _privileges(row: Mapping[str, Any]) -> Aspect:
    role = row["role_name"]
    if row["is_superuser"]:
        return Aspect(
            "privileges",
            "warn",
            f"{role} is a superuser",
            "use a role with pg_monitor only; `perf-pipeline doctor --grants` prints it",
        )
    if row["has_pg_monitor"]:
        return Aspect("privileges", "ok", f"{role} has pg_monitor")
    if row["has_read_all_stats"]:
        return Aspect(
            "privileges",
            "warn",
            f"{role} has pg_read_all_stats but not pg_monitor: hidden settings are left out",
            f"GRANT pg_monitor TO {role}",
        )
    return Aspect(
        "privileges",
        "fail",
        f"{role} sees only its own statements",
        f"GRANT pg_monitor TO {role}",
    )


def _excess(connection: psycopg.Connection) -> dict[str, Any]:
    return _one(connection, sqlfiles.load("catalog/doctor_excess").text)


def excess(row: Mapping[str, Sequence[str] | None]) -> Aspect:
    """Judge what the role may do beyond reading statistics.

    Parameters
    ----------
    row : Mapping
        Names by kind, as `sql/catalog/doctor_excess.sql` returns them; None: there are none.

    """
    found = [
        f"{what} {_some(row[kind] or ())}"
        for kind, what in (
            ("attributes", "is"),
            ("roles", "is a member of"),
            ("readable", "may read"),
            ("writable", "may write"),
            ("schemas", "may create in schema"),
        )
        if row[kind]
    ]
    if not found:
        return Aspect("least privilege", "ok", "it may read no table, write and create nothing")
    public = (
        "; the right to create in public comes from PUBLIC, the default up to 14:"
        " REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        if "public" in (row["schemas"] or ())
        else ""
    )
    return Aspect(
        "least privilege",
        "warn",
        f"more than it needs: {'; '.join(found)}",
        f"revoke that from the role, or from PUBLIC{public}",
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _clock(skew_s: float) -> Aspect:
    detail = f"differs from ours by {skew_s * 1000:.0f} ms"
    if skew_s <= CLOCK_SKEW_LIMIT_S:
        return Aspect("clock", "ok", detail)
    return Aspect("clock", "warn", detail, "synchronise both machines by NTP")


def _preloaded(row: Mapping[str, Any]) -> Aspect:
    if row["statements_max"] is not None:
        return Aspect("preloaded", "ok", "pg_stat_statements is in shared_preload_libraries")
    return Aspect(
        "preloaded",
        "fail",
        "pg_stat_statements is not loaded by the server",
        "add it to shared_preload_libraries (keep what is there) and restart the server",
    )


def _extension(row: Mapping[str, Any]) -> Aspect:
    installed, available = row["statements_version"], row["statements_available"]
    if installed is None:
        return Aspect(
            "extension",
            "fail",
            f"pg_stat_statements is not created in {row['database_name']}",
            "run CREATE EXTENSION pg_stat_statements in that database",
        )
    if available is not None and installed != available:
        return Aspect(
            "extension",
            "warn",
            f"pg_stat_statements {installed}, the server offers {available}",
            "run ALTER EXTENSION pg_stat_statements UPDATE",
        )
    return Aspect("extension", "ok", f"pg_stat_statements {installed}")


def _statements(connection: psycopg.Connection, row: Mapping[str, Any]) -> list[Aspect]:
    query = sql.SQL(sqlfiles.load("catalog/doctor_statements").text).format(
        schema=sql.Identifier(row["statements_schema"])
    )
    try:
        found = _one(connection, query)
    except psycopg.errors.InsufficientPrivilege:
        return [
            Aspect(
                "capacity",
                "fail",
                f"{row['role_name']} may not read pg_stat_statements",
                f"GRANT pg_monitor TO {row['role_name']}",
            )
        ]
    return [capacity(found["entries"], int(row["statements_max"]), found["dealloc"])]


def capacity(entries: int, maximum: int, dealloc: int) -> Aspect:
    """Judge how full pg_stat_statements is.

    Parameters
    ----------
    entries, maximum : int
        Entries held and `pg_stat_statements.max`.
    dealloc : int
        Times the server had to forget its least used entries.

    """
    share = entries / maximum if maximum else 1.0
    detail = f"{entries} of {maximum} statements, evicted {dealloc} times"
    if dealloc == 0 and share < CAPACITY_WARN_SHARE:
        return Aspect("capacity", "ok", detail)
    return Aspect(
        "capacity",
        "warn",
        detail,
        f"raise pg_stat_statements.max above {maximum} (restart), so that none is forgotten",
    )


def _own_cost(connection: psycopg.Connection, role: str) -> Aspect:
    major = connection.info.server_version // 10_000
    connection.execute(sqlfiles.load("snapshots/quiet", major).text)
    found = _one(connection, sqlfiles.load("snapshots/own_cost", major).text)
    return temporary_files(bool(found.get("told")), bool(found.get("counted")), role, major)


def temporary_files(told: bool, counted: bool, role: str, major: int) -> Aspect:
    """Judge whether sweeps know what they write to temporary files.

    Parameters
    ----------
    told : bool
        The server tells the role's transactions of each file.
    counted : bool
        pg_stat_statements counts the sweep's own statements.
    role : str
    major : int
        Of the server.

    """
    name = "own temporary files"
    if told:
        return Aspect(name, "ok", "each is told to the sweep that writes it")
    if counted:
        return Aspect(name, "ok", "known from the sweep's own entries in pg_stat_statements")
    grant = f"GRANT SET ON PARAMETER log_temp_files TO {role}"
    return Aspect(
        name,
        "warn",
        f"{role} is not told of them, and its statements are not counted: that cost is not known",
        grant if major >= 15 else "track utility statements: pg_stat_statements.track_utility = on",
    )


#: Setting, the value we want, what is lost without it.
_WANTED = (
    ("track_io_timing", "on", "findings cannot split time into I/O and the rest"),
    ("track_activities", "on", "waits and running statements stay invisible"),
    ("track_counts", "on", "table and index statistics stay empty"),
)


def settings_aspects(row: Mapping[str, Any]) -> list[Aspect]:
    """Judge the server's statistics settings.

    Parameters
    ----------
    row : Mapping
        Setting name to value, as `sql/catalog/doctor_server.sql` returns it.

    """
    aspects = []
    for name, wanted, loss in _WANTED:
        if row[name] == wanted:
            aspects.append(Aspect(name, "ok", str(row[name])))
        else:
            aspects.append(
                Aspect(
                    name,
                    "warn",
                    f"{row[name]}: {loss}",
                    f"ALTER SYSTEM SET {name} = '{wanted}' and reload",
                )
            )
    if row["compute_query_id"] == "off":
        aspects.append(
            Aspect(
                "compute_query_id",
                "fail",
                "off: statements have no queryid",
                "ALTER SYSTEM SET compute_query_id = 'auto' and reload",
            )
        )
    return aspects
