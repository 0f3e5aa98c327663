"""The ledger's rows of some days, wherever they lie: in the store, in the archive, or both.

A closed day moves from the store to the archive in one transaction, and back in one, too. A reader
therefore looks at both under one snapshot, taken after it holds the table's lightest lock: a day
cannot leave the store between its look at the store and its look at the list of files.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl
import psycopg
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.postgres.copy import Schema
from perf_pipeline.store import parquet, place
from perf_pipeline.store.engine import Store

#: Types that are not carried as their text.
_TYPES: Final[Mapping[str, pl.DataType]] = {
    "bool": pl.Boolean(),
    "int2": pl.Int16(),
    "int4": pl.Int32(),
    "int8": pl.Int64(),
    "oid": pl.Int64(),
    "float4": pl.Float32(),
    "float8": pl.Float64(),
    "timestamptz": pl.Datetime("us"),
    "date": pl.Date(),
}


def read(
    store: Store,
    table: str,
    target_id: int,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    columns: Sequence[str] | None = None,
    only: Mapping[str, Sequence[object]] | None = None,
    files: place.Place | None = None,
) -> pl.DataFrame:
    """Return rows of one ledger table of one target.

    Parameters
    ----------
    store : Store
    table : str
        A table of `partitions.DAILY`, without its schema.
    target_id : int
    start, end : datetime, optional
        `ts` from `start` on and before `end`; naive is UTC; None: no bound.
    columns : sequence of str, optional
        Default: all.
    only : Mapping of column to sequence of values, optional
        Only rows whose column has one of these values, for each column named; the files are
        searched for them rather than read whole.
    files : place.Place, optional
        Default: the environment's archive; opened only when a day lies there.

    Returns
    -------
    polars.DataFrame
        In no particular order. The same columns and dtypes wherever the rows lie: whole numbers as
        wide as in the store, times as naive UTC microseconds, enums and all else as text.

    Raises
    ------
    ConfigurationError
        No such table or column; or a file of the archive is missing.
    UnreachableError
        The store or the archive could not be reached.

    """
    span = (_naive(start), _naive(end))
    with store.begin() as connection:
        _hold(connection, table)
        schema = columns_of(connection, table)
        wanted = _chosen(table, schema, columns, only)
        hot = copy.read_frame(connection, *_query(table, schema, wanted, target_id, span, only))
        found = _files(connection, table, target_id, span)
    if not found:
        return hot
    opened = files or place.current()
    parts = [
        parquet.scan(opened.local(path) or opened.get(path), wanted, span, only) for path in found
    ]
    return pl.concat([hot, *pl.collect_all(parts)])


def intervals(
    store: Store,
    table: str,
    target_id: int,
    start: datetime,
    end: datetime,
    *,
    columns: Sequence[str],
    only: Mapping[str, Sequence[object]] | None = None,
    sources: Sequence[str] | None = None,
    files: place.Place | None = None,
) -> pl.DataFrame:
    """Return rows of one ledger table with what the sweep that wrote each tells of its interval.

    Parameters
    ----------
    store, table, target_id, start, end, columns, only, files
        As in `read`; `ts` is always returned.
    sources : sequence of str, optional
        Only of sweeps of these sources.

    Returns
    -------
    polars.DataFrame
        `columns`, `ts`, `source`, and `begin`: where the interval starts, the sweep's own instant
        when that is not known. In no particular order.

    """
    sweeps = read(
        store,
        "sweeps",
        target_id,
        start,
        end,
        columns=("ts", "source", "previous_ts"),
        only=None if sources is None else {"source": sources},
        files=files,
    ).select("ts", "source", begin=pl.coalesce("previous_ts", "ts"))
    wanted = tuple(dict.fromkeys((*columns, "ts")))
    rows = read(store, table, target_id, start, end, columns=wanted, only=only, files=files)
    return rows.join(sweeps, on="ts")


def columns_of(connection: psycopg.Connection, table: str) -> dict[str, pl.DataType]:
    """Return the columns of a ledger table with the dtypes `read` gives them.

    Raises
    ------
    ConfigurationError
        No such table.

    """
    rows = connection.execute(
        sqlfiles.load("store/ledger_columns").text, {"table": table}
    ).fetchall()
    if not rows:
        raise ConfigurationError(f"the ledger has no table {table!r}", "see `store.partitions`")
    return {name: _TYPES.get(kind, pl.String()) for name, kind in rows}


def select(
    connection: psycopg.Connection, relation: str, schema: Schema, target_id: int
) -> pl.DataFrame:
    """Return a target's rows of one partition (or table) of the ledger.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction of the store's.
    relation : str
        Without its schema.
    schema : Mapping of column to polars dtype
        Columns to return.
    target_id : int

    """
    return copy.read_frame(
        connection, *_query(relation, schema, schema, target_id, (None, None), None)
    )


def _naive(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)


def _hold(connection: psycopg.Connection, table: str) -> None:
    """Take the lock first and the snapshot after it: what leaves the store, does so before both."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    connection.execute(
        sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(sql.Identifier("ledger", table))
    )
    connection.execute(sqlfiles.load("store/plan_for_spans").text)


def _chosen(
    table: str,
    schema: Mapping[str, pl.DataType],
    columns: Sequence[str] | None,
    only: Mapping[str, Sequence[object]] | None,
) -> dict[str, pl.DataType]:
    unknown = [name for name in (*(columns or ()), *(only or ())) if name not in schema]
    if unknown:
        raise ConfigurationError(
            f"ledger.{table} has no column {unknown[0]!r}", f"it has {', '.join(schema)}"
        )
    return {name: schema[name] for name in columns or schema}


def _query(
    relation: str,
    schema: Schema,
    wanted: Schema,
    target_id: int,
    span: tuple[datetime | None, datetime | None],
    only: Mapping[str, Sequence[object]] | None,
) -> tuple[sql.Composed, Schema, dict[str, object]]:
    """Return query, its columns and its parameters, as `copy.read_frame` takes them."""
    start, end = (None if moment is None else moment.replace(tzinfo=UTC) for moment in span)
    params: dict[str, object] = {"target_id": target_id, "start": start, "end": end}
    conditions: list[sql.Composable] = [sql.SQL("target_id = %(target_id)s")]
    if start is not None:
        conditions.append(sql.SQL("ts >= %(start)s"))
    if end is not None:
        conditions.append(sql.SQL("ts < %(end)s"))
    for number, (name, values) in enumerate((only or {}).items()):
        column: sql.Composable = sql.Identifier(name)
        if schema[name].base_type() == pl.String:
            column = sql.SQL("{}::text").format(column)  # an enum, most likely
        params[f"only_{number}"] = list(values)
        conditions.append(
            sql.SQL("{} = ANY ({})").format(column, sql.Placeholder(f"only_{number}"))
        )
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in wanted),
        sql.Identifier("ledger", relation),
        sql.SQL(" AND ").join(conditions),
    )
    return query, wanted, params


def _files(
    connection: psycopg.Connection,
    table: str,
    target_id: int,
    span: tuple[datetime | None, datetime | None],
) -> list[str]:
    start, end = span
    last = None if end is None else (end - timedelta(microseconds=1)).date()
    rows = connection.execute(
        sqlfiles.load("store/archive_files").text,
        {
            "table": table,
            "target_id": target_id,
            "first": None if start is None else start.date(),
            "last": last,
        },
    ).fetchall()
    return [row[0] for row in rows]
