"""Move closed days of the ledger into Parquet files, verified, and back.

One partition is one transaction: it is locked against writers, each target's rows are written to a
file, read back and compared, the files are listed in ledger.archive, and the partition is dropped.
A reader sees the day in the store or in its files, never in both and never in neither. Killed
anywhere, the transaction is undone; files it leaves are named by their content, so that the next
run writes the same names again and lists them.

Files that are no longer read (their day was merged with late rows, restored, or has expired) are
marked, and deleted an hour later: a reader that has looked at the list may still open them.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ArchiveError, BusyError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.store import ledger, parquet, partitions, retention
from perf_pipeline.store.engine import Store
from perf_pipeline.store.place import Place
from perf_pipeline.store.retention import Held, Policy

#: Dropping a partition shuts readers of its table out while it waits for those at work: it gives
#: up after the first, lets them pass, and tries again after each of the second.
PATIENCE: Final = "200ms"
PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 0.0)


@dataclass(frozen=True)
class Moved:
    """One partition that left the store: its bytes there, and in its files."""

    table: str
    day: date
    rows: int
    files: int
    hot_bytes: int
    archive_bytes: int


@dataclass(frozen=True)
class Outcome:
    """What one run did.

    Attributes
    ----------
    moved : tuple of Moved
        Partitions archived and dropped, oldest first.
    dropped : tuple of str
        Partitions dropped by age: rollups, and days older than the archive keeps.
    expired : int
        Files no longer read, by age.
    deleted : int
        Files deleted that were given up an hour ago or earlier.
    busy : tuple of str
        Partitions that readers or writers held; the next run takes them.
    failures : tuple of str
        Partitions whose files did not hold what was written; they stay in the store.

    """

    moved: tuple[Moved, ...] = ()
    dropped: tuple[str, ...] = ()
    expired: int = 0
    deleted: int = 0
    busy: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass
class _Tally:
    moved: list[Moved] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def held(store: Store) -> list[Held]:
    """Return every partition of the store's tables."""
    return [Held(**row) for row in store.rows("ledger_partitions")]


def run(
    store: Store, files: Place, policy: Policy, today: date, before: date | None = None
) -> Outcome:
    """Archive what is due, drop what has expired, delete files that were given up.

    Parameters
    ----------
    store : Store
    files : Place
    policy : Policy
    today : date
        UTC.
    before : date, optional
        Archive every day before this one; at most `today`, whose rows still arrive.

    Raises
    ------
    InputError
        `before` lies after `today`.
    BusyError
        Another process archives or restores.
    UnreachableError, ConfigurationError
        The store or the archive cannot be used; what was moved until then stays moved.

    """
    tally = _Tally()
    with _only_one(store):
        due = retention.plan(held(store), policy, today, before)
        for part in due.archive:
            with _tallied(part, tally):
                tally.moved.append(_move(store, files, part))
        for part in due.drop:
            with _tallied(part, tally), store.begin() as connection:
                _drop(connection, part)
                tally.dropped.append(part.name)
        expired = store.rows("archive_expire", {"before": policy.first_kept(today)})
        deleted = _delete_superseded(store, files)
    return Outcome(
        tuple(tally.moved),
        tuple(tally.dropped),
        len(expired),
        deleted,
        tuple(tally.busy),
        tuple(tally.failures),
    )


def restore(
    store: Store,
    files: Place,
    target_id: int,
    first: date,
    last: date,
    tables: Sequence[str] = partitions.DAILY,
) -> int:
    """Bring archived days back into the store: to change or replace them.

    The next run archives them again. Whoever rewrites days that may be archived (an import, a
    generated history) calls this, or `forget`, first.

    Parameters
    ----------
    store : Store
    files : Place
    target_id : int
    first, last : date
        UTC days, both included.
    tables : sequence of str
        Default: all.

    Returns
    -------
    int
        Rows brought back; 0 when nothing of it was archived.

    Raises
    ------
    ArchiveError
        A file does not hold what was written; nothing was changed.
    BusyError
        Days are being archived.

    """
    rows = 0
    with store.begin() as connection:
        _wait_for_others(connection)
        for table in tables:
            span = {"target_id": target_id, "table": table, "first": first, "last": last}
            found = _dicts(connection, "archive_files", span)
            schema = ledger.columns_of(connection, table) if found else {}
            for file in found:
                frame = read_checked(files, file)
                partitions.ensure(connection, file["day"], table=("ledger", table))
                known = frame.select(name for name in frame.columns if name in schema)
                rows += copy.write_frame(connection, ("ledger", table), known)
            if found:
                connection.execute(sqlfiles.load("store/archive_supersede").text, span)
    return rows


def forget(connection: psycopg.Connection, target_id: int, first: date, last: date) -> None:
    """Give up what is archived of some days of a target, in a transaction that replaces them.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction of the store's.
    target_id : int
    first, last : date
        UTC days, both included.

    """
    _wait_for_others(connection)
    span = {"target_id": target_id, "table": None, "first": first, "last": last}
    connection.execute(sqlfiles.load("store/archive_supersede").text, span)


@contextmanager
def _only_one(store: Store) -> Iterator[None]:
    """Hold the lock of all that moves days; the server frees it when we die."""
    with pg.session(store.url, read_only=False, autocommit=True) as session:
        row = session.execute(sqlfiles.load("store/archive_lock").text).fetchone()
        if row is None or not row[0]:
            raise BusyError(
                "another process moves days between store and archive", "wait until it has ended"
            )
        with pg.letting_go(session):
            yield


def _wait_for_others(connection: psycopg.Connection) -> None:
    try:
        connection.execute(sqlfiles.load("store/archive_lock_wait").text)
    except pg_errors.LockNotAvailable as error:
        raise BusyError(
            "days are being moved between store and archive", "try again when that has ended"
        ) from error


@contextmanager
def _tallied(part: Held, tally: _Tally) -> Iterator[None]:
    """Let one partition that cannot be had now, or fails, not stop the others."""
    try:
        yield
    except BusyError:  # as the store explains a lock held for too long, and a deadlock
        tally.busy.append(part.name)
    except ArchiveError as error:
        tally.failures.append(f"{part.name}: {error.message}")


def _move(store: Store, files: Place, part: Held) -> Moved:
    with store.begin() as connection:
        connection.execute(sqlfiles.load("store/archive_patience").text, {"lock_timeout": PATIENCE})
        name = sql.Identifier(part.schema, part.name)
        # readers go on; a writer, if there should be one, waits until the day is in its files
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(name))
        schema = ledger.columns_of(connection, part.name)
        counted = connection.execute(
            sql.SQL(
                "SELECT target_id, t.name, count(*) FROM {} JOIN ledger.targets AS t"
                " USING (target_id) GROUP BY 1, 2 ORDER BY 1"
            ).format(name)
        ).fetchall()
        written = [
            _write(connection, files, part, schema, target_id, target, count)
            for target_id, target, count in counted
        ]
        _drop(connection, part)
    return Moved(
        part.parent,
        part.start,
        sum(count for _, _, count in counted),
        len(written),
        part.bytes,
        sum(written),
    )


def _write(
    connection: psycopg.Connection,
    files: Place,
    part: Held,
    schema: copy.Schema,
    target_id: int,
    target: str,
    count: int,
) -> int:
    """Write one target's rows, merged with what is archived of the day; return the file's bytes."""
    frame = ledger.select(connection, part.name, schema, target_id)
    if frame.height != count:
        raise ArchiveError(f"{frame.height} rows were read of {count}", "run the archive again")
    key = {"target_id": target_id, "table": part.parent, "day": part.start}
    for file in _dicts(connection, "archive_known", key):
        frame = pl.concat([read_checked(files, file), frame], how="diagonal")
    digest = parquet.checksum(frame)
    path = f"{part.parent}/target={target}/day={part.start}/{digest[:16]}.parquet"
    data = parquet.encode(frame)
    files.put(path, data)
    file = {"path": path, "row_count": frame.height, "checksum": digest}
    read_checked(files, file)
    span = {**key, "first": part.start, "last": part.start}
    connection.execute(sqlfiles.load("store/archive_supersede").text, span)
    instants = frame.select(first_ts=pl.col("ts").min(), last_ts=pl.col("ts").max()).row(
        0, named=True
    )
    connection.execute(
        sqlfiles.load("store/archive_add").text, {**key, **file, **instants, "bytes": len(data)}
    )
    return len(data)


def read_checked(files: Place, file: Mapping[str, Any]) -> pl.DataFrame:
    """Read a file whole and compare it with what the store knows of it."""
    try:
        frame = parquet.decode(files.get(file["path"]))
        found = (frame.height, parquet.checksum(frame))
    except pl.exceptions.PolarsError as error:
        raise ArchiveError(
            f"{files.url}: {file['path']} is no Parquet file: {error}", _REMEDY
        ) from error
    if found != (file["row_count"], file["checksum"]):
        raise ArchiveError(
            f"{files.url}: {file['path']} holds {found[0]} rows with checksum {found[1][:16]}, "
            f"expected {file['row_count']} with {file['checksum'][:16]}",
            _REMEDY,
        )
    return frame


_REMEDY: Final = "put the file back from a copy of the archive; the store's rows were kept"


def _drop(connection: psycopg.Connection, part: Held) -> None:
    """Drop a partition without making readers wait for long.

    Raises
    ------
    psycopg.errors.LockNotAvailable
        Somebody reads the table without end.

    """
    statement = sql.SQL("DROP TABLE {}").format(sql.Identifier(part.schema, part.name))
    limit = sqlfiles.load("store/archive_patience").text
    for pause in PAUSES_S:
        try:
            with connection.transaction():
                connection.execute(limit, {"lock_timeout": PATIENCE})
                connection.execute(statement)
            return
        except pg_errors.LockNotAvailable:
            if pause == PAUSES_S[-1]:
                raise
            time.sleep(pause)


def _delete_superseded(store: Store, files: Place) -> int:
    paths = [row["path"] for row in store.rows("archive_superseded")]
    for path in paths:
        with store.begin() as connection:
            removed = connection.execute(
                sqlfiles.load("store/archive_remove").text, {"path": path}
            ).fetchone()
            if removed:
                files.delete(path)
    return len(paths)


def _dicts(
    connection: psycopg.Connection, name: str, params: dict[str, Any]
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sqlfiles.load(f"store/{name}").text, params).fetchall()
