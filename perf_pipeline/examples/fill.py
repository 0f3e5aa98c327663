"""Fill an example system's tables: one transaction, by COPY, never on production."""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.types.json import Jsonb

from perf_pipeline.errors import BusyError, ConfigurationError, UnreachableError
from perf_pipeline.examples.bare import tables_without_extras
from perf_pipeline.postgres import connect, sqlfiles
from perf_pipeline.postgres.production import refuse_production

Table = tuple[str, str]
Chunk = dict[Table, pl.DataFrame]
#: Table, columns, rows, CSV.
Payload = tuple[Table, list[str], int, bytes]

STATEMENT_TIMEOUT_MS = 600_000
LOCK_TIMEOUT_MS = 5_000
#: Data whose reference time is older is made anew: its "coming" appointments have passed.
FRESH_FOR = timedelta(days=7)
_LOCK_SPACE = 0x66696C6C  # "fill"


@dataclass(frozen=True)
class Generated:
    """What the tables hold; `created` is False when they were filled already.

    `content_sha256` is the digest of everything copied: same parameters and reference time, same
    digest. `seconds` is the time of this call.
    """

    rows: dict[str, int]
    created: bool
    seconds: float
    content_sha256: str
    reference_time: datetime


def fill(
    url: str,
    system: str,
    tables: tuple[Table, ...],
    parameters: dict[str, int],
    make_chunks: Callable[[datetime], Iterator[Chunk]],
    *,
    now: datetime | None = None,
    replace: bool = False,
    prepare: Callable[[psycopg.Connection, datetime], None] | None = None,
    finish: Callable[[psycopg.Connection], None] | None = None,
) -> Generated:
    """Empty and fill the tables of an example system, unless they hold just that already.

    Everything happens in one transaction: a killed run leaves the database as it was. Secondary
    indexes and foreign keys are taken off and made again inside it, which validates every row;
    triggers run for the emptying, not for the rows.

    Parameters
    ----------
    url : str
        The database; its role owns the tables.
    system : str
        Name under which the content is recorded.
    tables : tuple of (schema, table)
        Every table of the system; all are emptied.
    parameters : dict
        Identify the content. The same parameters again, with `now` less than a week after the
        recorded reference time: nothing is done.
    make_chunks : callable
        From the reference time (naive UTC) to the frames.
    now : datetime, optional
        Reference time, naive meaning UTC; default: this minute.
    replace : bool
        Also overwrite rows that no recorded run wrote.
    prepare : callable, optional
        Called with the connection and the reference time when the tables are empty: to make the
        partitions of the rows to come, say.
    finish : callable, optional
        Called after them, in the same transaction: to refresh what is derived, say.

    Returns
    -------
    Generated

    Raises
    ------
    ProductionError
        `perf_pipeline.environment` of the database, the role or the server begins with `prod`.
    ConfigurationError
        A table is missing, or holds rows that this generator did not write.
    BusyError
        Another run fills this database, or a table is locked by somebody for 5 s.

    """
    started = time.monotonic()
    reference = now or datetime.now(UTC).replace(second=0, microsecond=0)
    if reference.tzinfo is not None:
        reference = reference.astimezone(UTC).replace(tzinfo=None)
    limits = connect.Limits(
        STATEMENT_TIMEOUT_MS, LOCK_TIMEOUT_MS, connect.Limits.from_settings().connect_timeout_s
    )
    with connect.session(url, limits=limits, read_only=False, autocommit=True) as connection:
        refuse_production(connection)
        try:
            with connection.transaction():
                _lock(connection, system)
                filled = _filled_tables(connection, system, tables)
                kept = _already(connection, system, parameters, reference, filled, replace)
                if kept is None:
                    _empty(connection, tables)
                    if prepare is not None:
                        prepare(connection, reference)
                    kept = _load(connection, tables, make_chunks(reference), reference)
                    if finish is not None:
                        finish(connection)
                    _record(connection, system, parameters, kept, time.monotonic() - started)
        except pg_errors.LockNotAvailable as error:
            raise BusyError(
                f"a table of {system!r} is locked by another session for more than "
                f"{LOCK_TIMEOUT_MS} ms",
                "stop the load and other sessions on this database, then run again",
            ) from error
        except psycopg.OperationalError as error:
            raise UnreachableError(
                f"filling {system!r} was cut off: {str(error).strip().splitlines()[0]}",
                "run again when the server is back: nothing was changed",
            ) from error
    return Generated(
        kept.rows,
        kept.created,
        time.monotonic() - started,
        kept.content_sha256,
        kept.reference_time,
    )


def refuse_foreign(connection: psycopg.Connection) -> None:
    """Raise ConfigurationError where others have relations and we have recorded nothing yet."""
    row = connection.execute(sqlfiles.load("target/foreign_relations").text, {}).fetchone()
    if row is not None:
        raise ConfigurationError(
            f"database {connection.info.dbname!r} is somebody else's: it holds {row[0]}",
            "give the example system an empty database of its own",
        )


def _lock(connection: psycopg.Connection, system: str) -> None:
    key = int.from_bytes(hashlib.sha256(system.encode()).digest()[:4], "big", signed=True)
    row = connection.execute(
        "SELECT pg_try_advisory_xact_lock(%s, %s)", (_LOCK_SPACE, key)
    ).fetchone()
    if row is None or not row[0]:
        raise BusyError(
            f"another run fills the tables of {system!r} in this database",
            "wait until it is done, then run again",
        )


def _filled_tables(
    connection: psycopg.Connection, system: str, tables: tuple[Table, ...]
) -> set[str]:
    filled = set()
    for schema, table in tables:
        probe = sql.SQL("SELECT EXISTS (SELECT 1 FROM {}.{})").format(
            sql.Identifier(schema), sql.Identifier(table)
        )
        try:
            row = connection.execute(probe).fetchone()
        except (pg_errors.UndefinedTable, pg_errors.InvalidSchemaName) as error:
            raise ConfigurationError(
                f"table {schema}.{table} of {system!r} does not exist",
                "apply the schema first (perf_pipeline.examples.schema.apply)",
            ) from error
        if row is not None and row[0]:
            filled.add(f"{schema}.{table}")
    return filled


def _already(
    connection: psycopg.Connection,
    system: str,
    parameters: dict[str, int],
    reference: datetime,
    filled: set[str],
    replace: bool,
) -> Generated | None:
    row = connection.execute(
        sqlfiles.load("target/generated_data").text, {"system": system}
    ).fetchone()
    if row is None:
        if filled and not replace:
            raise ConfigurationError(
                f"{', '.join(sorted(filled))}: rows that this generator did not write",
                "use an empty database, or ask to replace them",
            )
        return None
    recorded, counts, digest, stamp = row
    since = reference - stamp.replace(tzinfo=None)
    emptied = {name for name, count in counts.items() if count} - filled
    if recorded != parameters or emptied or replace or not timedelta(0) <= since < FRESH_FOR:
        return None
    return Generated(counts, False, 0.0, digest, stamp.replace(tzinfo=None))


def _empty(connection: psycopg.Connection, tables: tuple[Table, ...]) -> None:
    connection.execute(
        sql.SQL("TRUNCATE {}").format(
            sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
        )
    )


def _load(
    connection: psycopg.Connection,
    tables: tuple[Table, ...],
    chunks: Iterator[Chunk],
    reference: datetime,
) -> Generated:
    # larger than the default: the indexes are made again from runs sorted in memory
    connection.execute("SET LOCAL maintenance_work_mem = '128MB'")
    with tables_without_extras(connection, tables):
        rows, digest = _copy(connection, tables, chunks)
    bound = _bound(connection, tables)
    _advance_identities(connection, bound)
    connection.execute(
        sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(sql.Identifier(*table) for table in tables))
    )
    return Generated(rows, True, 0.0, digest, reference)


def _copy(
    connection: psycopg.Connection, tables: tuple[Table, ...], chunks: Iterator[Chunk]
) -> tuple[dict[str, int], str]:
    rows = {f"{schema}.{table}": 0 for schema, table in tables}
    partitioned = set(
        connection.execute(
            sqlfiles.load("target/partitioned_tables").text, _bound(connection, tables)
        ).fetchall()
    )
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for (schema, table), columns, height, payload in _ahead(_payloads(chunks)):
            # frozen rows are visible to all at once, no vacuum disturbs the first load; the server
            # cannot do it through a partitioned table
            options = "FORMAT csv" if (schema, table) in partitioned else "FORMAT csv, FREEZE"
            statement = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(
                sql.Identifier(schema, table),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(options),
            )
            with cursor.copy(statement) as copy:
                copy.write(payload)
            rows[f"{schema}.{table}"] += height
            digest.update(f"{schema}.{table}\n".encode())
            digest.update(payload)
    return rows, digest.hexdigest()


def _bound(connection: psycopg.Connection, tables: tuple[Table, ...]) -> dict[str, list[str]]:
    return {"tables": [sql.Identifier(*table).as_string(connection) for table in tables]}


def _payloads(chunks: Iterator[Chunk]) -> Iterator[Payload]:
    for chunk in chunks:
        for table, frame in chunk.items():
            yield table, frame.columns, frame.height, frame.write_csv(include_header=False).encode()


def _ahead(payloads: Iterator[Payload]) -> Iterator[Payload]:
    """Make the next payload while the server reads this one."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="generate") as pool:
        following = pool.submit(next, payloads, None)
        while (payload := following.result()) is not None:
            following = pool.submit(next, payloads, None)
            yield payload


def _advance_identities(connection: psycopg.Connection, bound: dict[str, list[str]]) -> None:
    columns = connection.execute(sqlfiles.load("target/identity_columns").text, bound).fetchall()
    for schema, table, column, sequence in columns:
        connection.execute(
            sql.SQL("SELECT setval({}, coalesce(max({}), 0) + 1, false) FROM {}").format(
                sql.Literal(sequence), sql.Identifier(column), sql.Identifier(schema, table)
            )
        )


def _record(
    connection: psycopg.Connection,
    system: str,
    parameters: dict[str, int],
    generated: Generated,
    seconds: float,
) -> None:
    connection.execute(
        sqlfiles.load("target/record_generated_data").text,
        {
            "system": system,
            "parameters": Jsonb(parameters),
            "row_counts": Jsonb(generated.rows),
            "content_sha256": generated.content_sha256,
            "reference_time": generated.reference_time.replace(tzinfo=UTC),
            "seconds": seconds,
        },
    )
