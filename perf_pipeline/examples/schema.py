"""Apply an example system's SQL files to a database: idempotent, resumable, recorded."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import BusyError, ConfigurationError, UnreachableError
from perf_pipeline.examples import partitioned
from perf_pipeline.postgres import connect, sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile

#: A build of one index on the largest example (10 million orders) takes about 20 s.
STATEMENT_TIMEOUT_MS = 300_000
#: Somebody who holds a table longer than this is told about, not queued behind.
LOCK_TIMEOUT_MS = 5_000
#: Key of the advisory lock; the second key is the hash of the system's name.
_LOCK_SPACE = 0x70657266  # "perf"


@dataclass(frozen=True)
class Applied:
    """What one call of `apply` did: file names, in order."""

    system: str
    applied: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Action:
    """What has to be done for one file; `drop_index` is a leftover to remove first."""

    file: SqlFile
    sha256: str
    drop_index: tuple[str, str] | None = None


def apply(url: str, system: str = "thorbis", *, wait_s: float = 60.0) -> Applied:
    """Bring a database to the state of `sql/<system>/schema/`.

    Every file runs in a transaction of its own together with its record in
    `perf_pipeline_meta.applied_file`; a file with the header `transaction: none` runs outside of
    one and is recorded once its index is valid; one with `build: partition by partition` builds the
    index of a partitioned table. A file whose content is recorded is skipped, unless
    it builds an index that is gone or invalid. A killed run is resumed by the next one.

    Parameters
    ----------
    url : str
        The database; its role creates schemas and tables.
    system : str
        Folder below `sql/`.
    wait_s : float
        How long to wait for another applier on the same database.

    Returns
    -------
    Applied

    Raises
    ------
    ConfigurationError
        No such system, or a file fails on the server: names the file and the server's message.
    BusyError
        Another applier works on this database for longer than `wait_s`, or a lock is held.
    UnreachableError
        The server does not answer.

    """
    files = sqlfiles.folder(f"{system}/schema")
    if not files:
        raise ConfigurationError(
            f"example system {system!r} has no files in {sqlfiles.root() / system / 'schema'}",
            "use one of the systems below sql/",
        )
    started = time.monotonic()
    limits = connect.Limits(
        STATEMENT_TIMEOUT_MS, LOCK_TIMEOUT_MS, connect.Limits.from_settings().connect_timeout_s
    )
    done: list[str] = []
    with (
        connect.session(url, limits=limits, read_only=False, autocommit=True) as connection,
        _only_applier(connection, system, wait_s),
    ):
        for file in sqlfiles.folder("target/meta"):
            with _explained(file):
                _run(connection, file)
        # objects of a system may read the queue of invalidations, and ask for one; caches may
        # follow a view that is refreshed
        for domain in ("views", "invalidation"):
            there = connection.execute(sqlfiles.load(f"{domain}/installed").text).fetchone()
            for file in () if there and there[0] else sqlfiles.folder(f"{domain}/meta"):
                with _explained(file):
                    _run(connection, file)
        actions = plan(files, _recorded(connection, system), index_states(connection))
        for action in actions:
            with _explained(action.file):
                _apply(connection, system, action)
            done.append(action.file.path.name)
    names = tuple(file.path.name for file in files)
    return Applied(
        system,
        tuple(done),
        tuple(name for name in names if name not in set(done)),
        time.monotonic() - started,
    )


def plan(
    files: tuple[SqlFile, ...],
    recorded: dict[str, str],
    indexes: dict[tuple[str, str], bool],
) -> list[Action]:
    """Decide which files have to run (pure).

    Parameters
    ----------
    files : tuple of SqlFile
        In the order of application.
    recorded : dict of file name to SHA-256
        What this database remembers.
    indexes : dict of (schema, index) to usable
        Every index of the database; `usable` is False for the leftover of a failed build.

    Returns
    -------
    list of Action
        An index file runs when its content changed (the old index goes first), its index is
        missing, or its index is invalid; another file when its content changed.

    """
    actions = []
    for file in files:
        digest = hashlib.sha256(file.text.encode()).hexdigest()
        known = recorded.get(file.path.name)
        index = _index_of(file)
        if index is None:
            if known != digest:
                actions.append(Action(file, digest))
            continue
        usable = indexes.get(index)
        # never recorded but valid: built by a run that was killed before it could say so
        changed = known is not None and known != digest
        if usable is None:
            actions.append(Action(file, digest))
        elif changed or not (usable or partitioned.is_by_partition(file)):
            actions.append(Action(file, digest, drop_index=index))
        elif not usable:
            actions.append(Action(file, digest))  # some of its parts are missing: go on
        elif known is None:
            actions.append(Action(file, digest))
    return actions


def index_states(connection: psycopg.Connection) -> dict[tuple[str, str], bool]:
    """Return every index of the user schemas: (schema, name) to "its build finished"."""
    rows = connection.execute(sqlfiles.load("target/index_states").text).fetchall()
    return {(row[0], row[1]): bool(row[2]) for row in rows}


def _lock_key(system: str) -> int:
    return int.from_bytes(hashlib.sha256(system.encode()).digest()[:4], "big", signed=True)


@contextmanager
def _only_applier(connection: psycopg.Connection, system: str, wait_s: float) -> Iterator[None]:
    key = _lock_key(system)
    deadline = time.monotonic() + wait_s
    # polled, not waited for: a waiting statement would hold a snapshot that an index build of the
    # other applier has to wait for
    while True:
        row = connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_SPACE, key)
        ).fetchone()
        if row is not None and row[0]:
            break
        if time.monotonic() >= deadline:
            raise BusyError(
                f"another process applies the schema {system!r} to this database "
                f"(waited {wait_s:g} s)",
                "wait until it is done, then run again",
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK_SPACE, key))


def _recorded(connection: psycopg.Connection, system: str) -> dict[str, str]:
    rows = connection.execute(
        sqlfiles.load("target/applied_files").text, {"system": system}
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def _apply(connection: psycopg.Connection, system: str, action: Action) -> None:
    record = {
        "system": system,
        "file_name": action.file.path.name,
        "content_sha256": action.sha256,
    }
    remember = sqlfiles.load("target/record_applied_file").text
    index = _index_of(action.file)
    if index is None:
        with connection.transaction():
            _run(connection, action.file)
            connection.execute(remember, record)
        return
    by_partition = partitioned.is_by_partition(action.file)
    if action.drop_index is not None and by_partition:
        partitioned.drop(connection, action.drop_index)
    elif action.drop_index is not None:
        connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}.{}").format(
                *map(sql.Identifier, action.drop_index)
            )
        )
    _run(connection, action.file)
    if by_partition:
        partitioned.build_parts(connection, index)
    if not index_states(connection).get(index, False):
        raise ConfigurationError(
            f"{action.file.path.name}: index {'.'.join(index)} is missing or invalid "
            f"after its build",
            "compare the header line '-- index:' with the statement; then run again",
        )
    connection.execute(remember, record)


def _run(connection: psycopg.Connection, file: SqlFile) -> None:
    connection.execute(file.text)


@contextmanager
def _explained(file: SqlFile) -> Iterator[None]:
    """Turn the server's refusals into errors that name the file."""
    name = file.path.name
    try:
        yield
    except pg_errors.LockNotAvailable as error:
        raise BusyError(
            f"{name}: waited {LOCK_TIMEOUT_MS} ms for a lock: {_first_line(error)}",
            "end the session that holds the table, then run again",
        ) from error
    except pg_errors.QueryCanceled as error:
        raise BusyError(
            f"{name}: not done within {STATEMENT_TIMEOUT_MS} ms: {_first_line(error)}",
            "run again when the server is less busy; what is done stays done",
        ) from error
    except psycopg.OperationalError as error:
        raise UnreachableError(
            f"{name}: the connection was lost: {_first_line(error)}",
            "run again when the server is back; what is done stays done",
        ) from error
    except psycopg.Error as error:
        raise ConfigurationError(
            f"{name}: {_first_line(error)}",
            "an object of that name with another shape, or a missing privilege: "
            "use an empty database owned by this role",
        ) from error


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[0]


def _index_of(file: SqlFile) -> tuple[str, str] | None:
    if file.header.get("transaction") != "none":
        return None
    name = file.header.get("index", "")
    schema, _, index = name.partition(".")
    if not index:
        raise ConfigurationError(
            f"{file.path.name}: '-- transaction: none' needs '-- index: schema.name', not {name!r}",
            "name the index the file builds, so that an invalid leftover can be found",
        )
    return schema, index
