"""One sweep of a target: every family in one read-only transaction, and what it cost.

Nothing of ours is counted. Our sessions are left out of `activity` by their application name. Our
statements are kept out of pg_stat_statements by switching its tracking off for the transaction
where the role may (superuser; from 15 on, a role with SET on that parameter). A role that may not
leaves about twenty statements of its own, each with the comment `/* perf-pipeline */`; `texts`
recognises them by it, after which they are left out of every sweep. No setting of ours outlives the
transaction: behind a pooler the session is lent, and the next one to have it is the application.

`temp_bytes` of a sweep is not known: the server counts temporary files per database and per
statement, and the first mixes in other sessions, the second is switched off as said.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString, TypeVar

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import UnreachableError, UnsupportedServerError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.snapshots import changes
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import READ, statements_from_wire

#: Oldest pg_stat_statements with `toplevel`, and from which extension version a variant of
#: `statements.sql` is right. It is the extension that counts: after an upgrade of the server it
#: keeps its old columns until ALTER EXTENSION ... UPDATE.
OLDEST_EXTENSION = (1, 9)
_EXTENSION_MAJOR = {(1, 9): 14, (1, 10): 15, (1, 11): 17, (1, 12): 18}

#: Index definitions read between two releases of the locks this takes (one share lock per table).
_DEFINITIONS_AT_ONCE = 500

GRANT_REMEDY = "GRANT pg_monitor TO the monitoring role (or at least pg_read_all_stats)"

_T = TypeVar("_T")


@dataclass
class Meter:
    """Adds up the milliseconds spent waiting for the target."""

    ms: float = 0.0

    def run(self, call: Callable[[], _T]) -> _T:
        """Call, and count the time it took."""
        start = time.perf_counter()
        try:
            return call()
        finally:
            self.ms += (time.perf_counter() - start) * 1000.0


@dataclass(frozen=True)
class Sweep:
    """What one sweep read.

    Attributes
    ----------
    observation : Observation
    frames : Mapping of family to polars.DataFrame
        Families that were read; `schema_objects` only when the catalogs changed.
    fingerprint : str or None
        Of the catalogs; None when some definition could not be read and must be tried again.
    schema_read : bool
        Whether the catalogs were compared at all.
    size_read : bool
        Whether `database_bytes` is of this sweep; else it is the one handed in.
    extension_schema : str
        Where pg_stat_statements lives.
    database_ms : float
        Sum of all waits for the target, connecting not included.
    rows_read : int
    notes : tuple of str
        What was left out, and why.

    """

    observation: Observation
    frames: Mapping[str, pl.DataFrame]
    fingerprint: str | None
    schema_read: bool
    size_read: bool
    extension_schema: str
    database_ms: float
    rows_read: int
    notes: tuple[str, ...] = field(default=())


def sweep(
    connection: psycopg.Connection,
    *,
    limits: pg.Limits | None = None,
    known_objects: pl.DataFrame | None = None,
    known_fingerprint: str | None = None,
    known_bytes: int | None = None,
    where: str = "the target",
) -> Sweep:
    """Read every family in one `REPEATABLE READ READ ONLY` transaction, then end it.

    Parameters
    ----------
    connection : psycopg.Connection
        As `postgres.connect` makes it, bare, outside a transaction.
    limits : postgres.connect.Limits, optional
        Of each statement; default: the environment's.
    known_objects : polars.DataFrame, optional
        Schema objects of the last reading: index definitions are read for new ones only.
    known_fingerprint : str, optional
        Fingerprint of that reading; the same one means the objects are not read.
    known_bytes : int, optional
        The database's size when it was read lately: it is then not read again.
    where : str
        The target, for messages.

    Raises
    ------
    UnsupportedServerError
        pg_stat_statements is missing, not preloaded, or older than 1.9.
    UnreachableError
        The connection broke.

    """
    reader = _Reader(connection, where)
    try:
        with reader.transaction(limits):
            server = reader.one("server")
            variant = check_extension(server, where)
            schema = sql.Identifier(server["statements_schema"])
            major = server["server_version_num"] // 10_000
            reader.quietly(major)
            frames: dict[str, pl.DataFrame] = {}
            statements = reader.family("statements", variant, schema)
            if statements is not None:
                frames["statements"] = statements_from_wire(statements)
                _note_hidden(reader, server, statements)
            # read after the statements: a reset in between then shows as counters that fell, and
            # the calls after it cannot be counted twice
            info = reader.optional("statements_info", schema) or {}
            control = (reader.optional("control") or {}) if server["sees_control"] else {}
            for name in ("tables", "indexes", "database", "activity", "settings"):
                rows = reader.family(name, major)
                if rows is not None:
                    frames[name] = rows
            size_read = _size(reader, frames, known_bytes)
            fingerprint, schema_read = _objects(reader, frames, known_objects, known_fingerprint)
    except pg_errors.ObjectNotInPrerequisiteState as error:
        raise _not_preloaded(where) from error
    except psycopg.Error as error:
        raise UnreachableError(
            f"{where}: the sweep broke off: {_first_line(error)}",
            "the next sweep covers this interval; check the target's log if it happens again",
        ) from error
    return Sweep(
        observation=_observation(server, control, info),
        frames=frames,
        fingerprint=fingerprint,
        schema_read=schema_read,
        size_read=size_read,
        extension_schema=server["statements_schema"],
        database_ms=reader.meter.ms,
        rows_read=reader.rows_read,
        notes=tuple(reader.notes),
    )


def check_extension(server: Mapping[str, Any], where: str) -> int:
    """Return the server major whose `statements.sql` fits the installed extension.

    Parameters
    ----------
    server : Mapping
        The row of `server.sql`.
    where : str
        The target, for the message.

    Raises
    ------
    UnsupportedServerError
        Not installed in this database, not preloaded, or too old.

    """
    version = server["statements_version"]
    if version is None:
        preload = (
            ""
            if server["statements_loaded"]
            else "set shared_preload_libraries = 'pg_stat_statements', restart the server, then "
        )
        raise UnsupportedServerError(
            f"{where}: the extension pg_stat_statements is not in this database",
            f"{preload}run CREATE EXTENSION pg_stat_statements in that database",
        )
    if not server["statements_loaded"]:
        raise _not_preloaded(where)
    number = tuple(int(part) for part in version.split("."))
    fits = [major for floor, major in _EXTENSION_MAJOR.items() if number >= floor]
    if not fits:
        oldest = ".".join(map(str, OLDEST_EXTENSION))
        raise UnsupportedServerError(
            f"{where}: pg_stat_statements is at version {version}, older than {oldest}",
            "run ALTER EXTENSION pg_stat_statements UPDATE in that database",
        )
    return max(fits)


def _not_preloaded(where: str) -> UnsupportedServerError:
    return UnsupportedServerError(
        f"{where}: pg_stat_statements is installed but not loaded",
        "add it to shared_preload_libraries and restart the server",
    )


class _Reader:
    """Reads families one by one; a failing one is undone to its savepoint and noted."""

    def __init__(self, connection: psycopg.Connection, where: str) -> None:
        self.connection = connection
        self.where = where
        self.meter = Meter()
        self.rows_read = 0
        self.notes: list[str] = []
        self._in_savepoint = False

    def one(self, name: str) -> dict[str, Any]:
        """Read the one row of a file."""
        text = sqlfiles.load(f"snapshots/{name}").text
        return self._row(sql.SQL(text)) or {}

    def optional(self, name: str, schema: sql.Identifier | None = None) -> dict[str, Any] | None:
        """Read one row, None with a note when the server refuses."""
        text = _compose(sqlfiles.load(f"snapshots/{name}").text, schema)
        return self._guarded(name, lambda: self._row(text))

    def quietly(self, major: int) -> None:
        """Keep this transaction's statements out of pg_stat_statements, where permitted."""
        text = sql.SQL(sqlfiles.load("snapshots/quiet", major).text)
        self._guarded("quiet", lambda: self._row(text))

    def family(
        self,
        name: str,
        major: int,
        schema: sql.Identifier | None = None,
        params: Mapping[str, object] | None = None,
    ) -> pl.DataFrame | None:
        """Read a family by COPY, None with a note when the server refuses."""
        text = _compose(sqlfiles.load(f"snapshots/{name}", major).text, schema)
        frame = self._guarded(name, lambda: read(self.connection, text, name, params))
        if frame is not None:
            self.rows_read += frame.height
        return frame

    def undo(self) -> None:
        """Go back to the last savepoint: locks taken since are released."""
        self.meter.run(
            lambda: self.connection.execute("ROLLBACK TO SAVEPOINT /* perf-pipeline */ family")
        )

    @contextmanager
    def transaction(self, limits: pg.Limits | None) -> Iterator[None]:
        """Read in one transaction; beginning and ending it is counted, too."""
        opened = pg.transaction(self.connection, limits)
        self.meter.run(opened.__enter__)
        try:
            yield
        finally:
            self.meter.run(lambda: opened.__exit__(None, None, None))

    def _row(self, text: sql.SQL | sql.Composed) -> dict[str, Any] | None:
        def call() -> dict[str, Any] | None:
            with self.connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(text).fetchone()

        return self.meter.run(call)

    def _guarded(self, name: str, call: Callable[[], _T]) -> _T | None:
        mark: LiteralString = (
            "RELEASE SAVEPOINT /* perf-pipeline */ family; SAVEPOINT /* perf-pipeline */ family"
            if self._in_savepoint
            else "SAVEPOINT /* perf-pipeline */ family"
        )
        self.meter.run(lambda: self.connection.execute(mark))
        self._in_savepoint = True
        try:
            return self.meter.run(call)
        except pg_errors.ObjectNotInPrerequisiteState:
            raise
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            self.undo()
            self.notes.append(_left_out(name, error))
            return None


def read(
    connection: psycopg.Connection,
    text: sql.SQL | sql.Composed,
    name: str,
    params: Mapping[str, object] | None = None,
) -> pl.DataFrame:
    """Run a family's query and return its rows.

    By COPY, except where there are parameters: COPY has none, and a list of numbers written into
    the statement would make it a new statement of pg_stat_statements each time.
    """
    if params is None:
        return copy.read_frame(connection, text, READ[name])
    rows = connection.execute(text, params).fetchall()
    if pg.is_untyped(connection):
        rows = [tuple(pg.readable(v) if isinstance(v, str) else v for v in row) for row in rows]
    return pl.DataFrame(rows, schema=dict(READ[name]), orient="row")


def _compose(text: LiteralString, schema: sql.Identifier | None) -> sql.SQL | sql.Composed:
    return sql.SQL(text) if schema is None else sql.SQL(text).format(extension=schema)


def _left_out(name: str, error: psycopg.Error) -> str:
    reason = _first_line(error)
    if isinstance(error, pg_errors.LockNotAvailable):
        reason += " (a catalog is locked; PERF_LOCK_TIMEOUT_MS sets how long we wait)"
    elif isinstance(error, pg_errors.QueryCanceled):
        reason += " (PERF_STATEMENT_TIMEOUT_MS sets the limit)"
    elif isinstance(error, pg_errors.InsufficientPrivilege):
        reason += f"; {GRANT_REMEDY}"
    return f"{name} left out: {reason}"


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip().partition("\n")[0]


def _note_hidden(reader: _Reader, server: Mapping[str, Any], raw: pl.DataFrame) -> None:
    hidden = raw["queryid"].null_count()
    if hidden:
        reader.notes.append(
            f"{hidden} statements of other users are hidden from {server['role_name']}: "
            f"{GRANT_REMEDY}"
        )


def _observation(
    server: Mapping[str, Any], control: Mapping[str, Any], info: Mapping[str, Any]
) -> Observation:
    return Observation(
        ts=server["ts"],
        server_version_num=server["server_version_num"],
        system_identifier=control.get("system_identifier"),
        timeline=control.get("timeline_id"),
        postmaster_start=server["postmaster_start"],
        in_recovery=server["in_recovery"],
        database_stats_reset=server["database_stats_reset"],
        statements_stats_reset=info.get("stats_reset"),
        statements_dealloc=info.get("dealloc"),
        role_name=server["role_name"],
        sees_all=server["sees_all"],
    )


def _size(reader: _Reader, frames: dict[str, pl.DataFrame], known: int | None) -> bool:
    """Add the size to the database's row; without one the row cannot be kept."""
    if "database" not in frames:
        return False
    found = reader.optional("database_size") if known is None else None
    size = found["database_bytes"] if found else known
    if size is None:
        del frames["database"]
        return False
    frames["database"] = frames["database"].with_columns(
        pl.lit(size, dtype=pl.Int64).alias("database_bytes")
    )
    return found is not None


def _objects(
    reader: _Reader,
    frames: dict[str, pl.DataFrame],
    known: pl.DataFrame | None,
    known_fingerprint: str | None,
) -> tuple[str | None, bool]:
    """Read schema objects when the catalogs changed; return the fingerprint to remember."""
    found = reader.optional("schema_version")
    if found is None:
        return None, False
    fingerprint: str = found["fingerprint"]
    if known is not None and fingerprint == known_fingerprint:
        return fingerprint, True
    objects = reader.family("schema_objects", sqlfiles.MINIMUM_MAJOR)
    if objects is None:
        return None, False
    objects, wanted = changes.with_known_definitions(objects, known)
    complete = True
    for start in range(0, len(wanted), _DEFINITIONS_AT_ONCE):
        part = wanted[start : start + _DEFINITIONS_AT_ONCE]
        read = reader.family("schema_indexes", sqlfiles.MINIMUM_MAJOR, params={"oids": part})
        if read is None:
            complete = False
            continue
        reader.undo()  # the definitions took a share lock on each table: give them back now
        objects = changes.with_definitions(objects, read)
        if read.height < len(part):
            complete = False
            reader.notes.append(
                f"definitions of {len(part) - read.height} indexes left out: tables locked"
            )
    frames["schema_objects"] = objects
    return (fingerprint if complete else None), True
