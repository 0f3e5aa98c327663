"""A partition as Parquet files that were read back, with the proof in the store; and its drop.

The rows, their number and a hash of them are read in one snapshot of the server. The hash is of
each row as the server writes it, summed over all rows, so that it does not depend on their order.
A partition is dropped in the transaction that has locked it, found it detached, past its retention
by the server's clock, and with the very number and hash the proof says; after its files were read
once more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl
import psycopg
from psycopg import sql

from perf_pipeline.errors import ArchiveError
from perf_pipeline.partitions import bounds, periods, proofs
from perf_pipeline.partitions.create import facts
from perf_pipeline.partitions.detach import is_pending
from perf_pipeline.partitions.model import Existing, Partition, Policy
from perf_pipeline.partitions.proofs import Proof
from perf_pipeline.postgres import copy, drain
from perf_pipeline.postgres.connect import is_untyped
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_transaction
from perf_pipeline.store import Store, parquet
from perf_pipeline.store.place import Place

#: A file holds about so many bytes of CSV: some 100 MB of memory, whatever the partition's size.
_PIECE_BYTES: Final = 64 * 1024 * 1024
#: Files are written once and read seldom; level 3 is twice as fast as 9 and 3 % larger.
_LEVEL: Final = 3

#: Types of columns that a file has as such; every other one is text, as the server writes it.
_TYPED: Final[Mapping[str, Any]] = {
    "boolean": pl.Boolean,
    "smallint": pl.Int16,
    "integer": pl.Int32,
    "bigint": pl.Int64,
    "double precision": pl.Float64,
    "timestamp with time zone": pl.Datetime("us"),
    "date": pl.Date,
}
_TEXTS: Final = frozenset({"text", "character varying", "character", "name"})
#: What COPY writes that no typed column of Polars holds: BC, infinity, years after 9999.
_UNREADABLE: Final = (pl.exceptions.PolarsError, ValueError)


class StaleProofError(ArchiveError):
    """A partition no longer holds what was archived of it: it must be archived again."""


@dataclass(frozen=True)
class Written:
    """What an archived partition came to."""

    archive_id: int
    rows: int
    bytes: int
    files: int


def archive(
    connection: psycopg.Connection[Any],
    store: Store,
    files: Place,
    target: str,
    policy: Policy,
    existing: Existing,
    part: Partition,
) -> Written:
    """Write a partition to the archive, read it back, and keep the proof.

    Parameters
    ----------
    connection : psycopg.Connection
        On the target, in autocommit, with time for reading the whole partition.
    store : Store
    files : Place
    target : str
    policy : Policy
    existing : Existing
    part : Partition
        Attached or detached.

    Raises
    ------
    ArchiveError
        What was read back is not what was written, or not what the server counted.

    """
    columns = [list(column) for column in facts(connection, existing.oid)["columns"]]
    names = [name for name, _, _ in columns]
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows, content = content_of(connection, part, names)
        clock = _clock(connection)
        written = list(_written(connection, files, target, policy, part, columns, plain=False))
        if sum(file["rows"] for file in written) != rows:
            raise ArchiveError(
                f"{part.full_name}: {sum(f['rows'] for f in written)} rows were read of {rows}",
                "run it again; nothing was dropped",
            )
    for file in written:
        read_checked(files, file)
    size = sum(file["bytes"] for file in written)
    archive_id = proofs.keep(
        store,
        target,
        {
            "parent": policy.parent,
            "schema_name": part.schema,
            "name": part.name,
            "relation": part.oid,
            "bounds": _bounds_text(part, existing.column_type),
            "row_count": rows,
            "content_hash": content,
            "columns": columns,
            "files": written,
            "bytes": size,
            "server_clock": clock.replace(tzinfo=UTC),
        },
    )
    return Written(archive_id, rows, size, len(written))


def content_of(
    connection: psycopg.Connection[Any],
    part: Partition,
    columns: Sequence[str],
    *,
    only: bool = True,
) -> tuple[int, str]:
    """Return how many rows a table has, and the sum of the hashes of some columns of each.

    Parameters
    ----------
    connection : psycopg.Connection
        As `postgres.connect` makes it: what a time looks like as text depends on the session.
    part : Partition
    columns : sequence of str
        In the order that counts.
    only : bool
        Not its partitions; a partitioned table has its rows in them.

    """
    row = connection.execute(
        sql.SQL(
            "SELECT /* perf-pipeline */ count(*), COALESCE(sum(pg_catalog.hashtextextended("
            "ROW({columns})::text, 0)::numeric), 0)::text FROM {only}{table}"
        ).format(
            only=sql.SQL("ONLY " if only else ""),
            columns=sql.SQL(", ").join(sql.Identifier(name) for name in columns),
            table=sql.Identifier(part.schema, part.name),
        )
    ).fetchone()
    if row is None:  # pragma: no cover - an aggregate always has a row
        raise ArchiveError(f"{part.full_name} could not be counted")
    return row[0], row[1]


def _clock(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("SELECT /* perf-pipeline */ pg_catalog.clock_timestamp()").fetchone()
    if row is None:  # pragma: no cover
        raise ArchiveError("the server told no time")
    found: datetime = row[0].astimezone(UTC).replace(tzinfo=None)
    return found


def _bounds_text(part: Partition, column_type: str | None) -> str:
    """Return bounds as `bounds.read` takes them."""

    def one(bound: Any, unbounded: str) -> str:
        return unbounded if bound is None else f"'{bounds.literal(bound, column_type)}'"

    return f"FOR VALUES FROM ({one(part.lower, 'MINVALUE')}) TO ({one(part.upper, 'MAXVALUE')})"


def _schema(columns: Sequence[Sequence[str]], *, plain: bool) -> dict[str, Any]:
    return {name: pl.String if plain else _TYPED.get(kind, pl.String) for name, kind, _ in columns}


def _query(part: Partition, columns: Sequence[Sequence[str]], *, plain: bool) -> sql.Composed:
    """Return the COPY that writes all rows, columns as text that a file does not have as such."""

    def one(name: str, kind: str) -> sql.Composable:
        column = sql.Identifier(name)
        as_it_is = kind in _TEXTS or (not plain and kind in _TYPED)
        return column if as_it_is else sql.SQL("{}::text").format(column)

    chosen = sql.SQL(", ").join(one(name, kind) for name, kind, _ in columns)
    query = sql.SQL("SELECT {} FROM ONLY {}").format(chosen, sql.Identifier(part.schema, part.name))
    return sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)


def _written(
    connection: psycopg.Connection[Any],
    files: Place,
    target: str,
    policy: Policy,
    part: Partition,
    columns: Sequence[Sequence[str]],
    *,
    plain: bool,
) -> Iterator[dict[str, Any]]:
    """Write all rows, a file for each piece; values no column type holds make all columns text."""
    written: list[dict[str, Any]] = []
    try:
        pieces = drain.pieces(connection, _query(part, columns, plain=plain), _PIECE_BYTES)
        unread = None
        for number, piece in enumerate(pieces):
            if unread is not None:
                continue  # to its end: the connection is needed again
            try:
                frame = copy.parse(
                    bytes(piece), _schema(columns, plain=plain), untyped=is_untyped(connection)
                )
            except _UNREADABLE as error:
                if plain:
                    raise
                unread = error
                continue
            written.append(_put(files, target, policy, part, number, frame))
        if unread is not None:
            written = list(_written(connection, files, target, policy, part, columns, plain=True))
    except pl.exceptions.PolarsError as error:
        raise ArchiveError(
            f"{part.full_name} could not be made a Parquet file: {error}", "nothing was dropped"
        ) from error
    yield from written


def _put(
    files: Place, target: str, policy: Policy, part: Partition, number: int, frame: pl.DataFrame
) -> dict[str, Any]:
    digest = parquet.checksum(frame, as_it_is=True)
    data = parquet.encode(frame, as_it_is=True, level=_LEVEL)
    path = (
        f"partitions/target={target}/{policy.parent}/{part.name}/{number:04d}-{digest[:16]}.parquet"
    )
    files.put(path, data)
    return {"path": path, "rows": frame.height, "checksum": digest, "bytes": len(data)}


def read_checked(files: Place, file: Mapping[str, Any]) -> pl.DataFrame:
    """Read a file whole and compare it with what is known of it.

    Raises
    ------
    ArchiveError
        It holds something else.

    """
    try:
        frame = parquet.decode(files.get(file["path"]))
        found = (frame.height, parquet.checksum(frame, as_it_is=True))
    except pl.exceptions.PolarsError as error:
        raise ArchiveError(
            f"{files.url}: {file['path']} is no Parquet file: {error}", _REMEDY
        ) from error
    if found != (file["rows"], file["checksum"]):
        raise ArchiveError(
            f"{files.url}: {file['path']} holds {found[0]} rows with checksum {found[1][:16]}, "
            f"expected {file['rows']} with {file['checksum'][:16]}",
            _REMEDY,
        )
    return frame


_REMEDY: Final = "put the file back from a copy of the archive; nothing was dropped"


def drop(
    connection: psycopg.Connection[Any],
    files: Place,
    policy: Policy,
    existing: Existing,
    part: Partition,
    proof: Proof,
    budget: LockBudget,
    spent: Spent,
    timeout_ms: int,
) -> None:
    """Drop a detached partition that the archive holds.

    Parameters
    ----------
    connection : psycopg.Connection
        On the target, in autocommit.
    files : Place
    policy : Policy
    existing : Existing
    part : Partition
    proof : Proof
    budget : LockBudget
    spent : Spent
    timeout_ms : int
        For hashing its rows once more; nobody else is in it.

    Raises
    ------
    ArchiveError
        A file is missing or holds something else; it is attached, or too young by the server's
        clock.
    StaleProofError
        It has other rows than the archive.
    LockBudgetError
        Somebody reads it without end.

    """
    for file in proof.files:
        read_checked(files, file)
    names = [name for name, _, _ in proof.columns]
    table = sql.Identifier(part.schema, part.name)

    def work(inside: psycopg.Connection[Any]) -> None:
        inside.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
        if is_pending(inside, existing.oid, proof.relation) is not None:
            raise ArchiveError(f"{part.full_name} is still attached", "it is detached first")
        _require_old(policy, existing, part, _clock(inside))
        if content_of(inside, part, names) != (proof.row_count, proof.content_hash):
            raise StaleProofError(
                f"{part.full_name} has other rows than were archived of it",
                "it is archived again before it is dropped",
            )
        inside.execute(sql.SQL("DROP TABLE {}").format(table), prepare=False)

    run_transaction(
        connection,
        work,
        budget,
        spent=spent,
        relations=[proof.relation],
        statement_timeout_ms=timeout_ms,
        what=f"drop {part.full_name}",
    )


def _require_old(policy: Policy, existing: Existing, part: Partition, clock: datetime) -> None:
    """Refuse to drop what the policy still keeps, by the server's own clock."""
    axis = periods.Axis(policy, existing.column_type)
    limit: Any = None
    if policy.retention is not None:
        limit = axis.bound(periods.before(axis.to_wall(clock), policy.retention))
    elif policy.retention_count is not None and existing.position is not None:
        limit = existing.position - policy.retention_count
    if limit is None or part.upper is None or part.upper > limit:
        raise ArchiveError(
            f"{part.full_name} ends at {part.upper}, and {policy.parent} keeps all after {limit}",
            "nothing was dropped",
        )
