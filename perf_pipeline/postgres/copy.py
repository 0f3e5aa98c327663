"""COPY between PostgreSQL and Polars, both ways, typed by a schema and never by guessing."""

from collections.abc import Mapping
from functools import lru_cache
from typing import LiteralString

import polars as pl
import psycopg
from polars.datatypes import DataType, DataTypeClass
from psycopg import sql

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import few
from perf_pipeline.postgres.connect import is_untyped, readable
from perf_pipeline.postgres.drain import drain

Schema = Mapping[str, DataType | DataTypeClass]

_DATETIME_OUT = "%Y-%m-%d %H:%M:%S%.6f+00"


def read_frame(
    connection: psycopg.Connection,
    query: LiteralString | sql.Composable,
    schema: Schema,
    params: Mapping[str, object] | None = None,
) -> pl.DataFrame:
    """Run a query by COPY and return its rows as a frame.

    Parameters
    ----------
    connection : psycopg.Connection
        In UTC, ISO datestyle and UTF8, as `connect` makes it (LATIN1 for a SQL_ASCII database).
    query : LiteralString or sql.Composable
        One SELECT, columns in the order of `schema`; placeholders as `%(name)s`.
    schema : Mapping of column to polars dtype
        Datetime columns are read from `timestamptz` and returned as naive UTC (microseconds).
    params : Mapping, optional
        Values, bound on the client: COPY takes no server-side parameters.

    Returns
    -------
    polars.DataFrame
        Columns and dtypes of `schema`; SQL NULL is null, an empty text is "".

    """
    text = _bind(connection, query, params)
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(text)
    return parse(bytes(drain(connection, statement)), schema, untyped=is_untyped(connection))


def read_binary(
    connection: psycopg.Connection,
    query: LiteralString | sql.Composable,
    params: Mapping[str, object] | None = None,
) -> bytearray:
    """Run a query by COPY in PostgreSQL's binary format and return what it sent.

    Parameters
    ----------
    connection : psycopg.Connection
    query : LiteralString or sql.Composable
        As for `read_frame`.
    params : Mapping, optional

    """
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(
        _bind(connection, query, params)
    )
    return drain(connection, statement)


def parse(data: bytes, schema: Schema, *, untyped: bool = False) -> pl.DataFrame:
    """Return what COPY sent as CSV as a frame.

    Parameters
    ----------
    data : bytes
        Without a header line.
    schema : Mapping of column to polars dtype
        Of all columns, in their order; as for `read_frame`.
    untyped : bool
        Whether it comes from a SQL_ASCII database, by a session in LATIN1.

    """
    if not data:
        return pl.DataFrame(schema=dict(schema))
    if untyped:
        data = readable(data.decode("latin-1")).encode()
    short = few.read(data, schema)
    if short is not None:
        return short
    names = list(schema)
    raw = pl.read_csv(
        data,
        has_header=False,
        new_columns=names,
        schema_overrides=[_wire_type(schema[name]) for name in names],
    )
    if all(_wire_type(kind) == kind for kind in schema.values()):
        return raw
    return raw.select(_from_wire(name, schema[name]) for name in names)


def _bind(
    connection: psycopg.Connection,
    query: LiteralString | sql.Composable,
    params: Mapping[str, object] | None,
) -> sql.Composable:
    composed = sql.SQL(query) if isinstance(query, str) else query
    text = composed.as_string(connection)
    if params is not None:
        text = psycopg.ClientCursor(connection).mogrify(text, params)
    return sql.SQL(text.strip().rstrip(";"))


def _wire_type(dtype: DataType | DataTypeClass) -> DataType | DataTypeClass:
    if dtype.base_type() in {pl.Boolean, pl.Datetime, pl.Date}:
        return pl.String()
    return dtype


def _from_wire(name: str, dtype: DataType | DataTypeClass) -> pl.Expr:
    column = pl.col(name)
    base = dtype.base_type()
    if base == pl.Boolean:
        return column == "t"
    if base == pl.Datetime:
        # the session is in UTC, so every offset is +00
        return column.str.strip_suffix("+00").str.to_datetime(
            "%Y-%m-%d %H:%M:%S%.f", time_unit="us"
        )
    if base == pl.Date:
        return column.str.to_date("%Y-%m-%d")
    return column


def write_frame(connection: psycopg.Connection, table: tuple[str, str], frame: pl.DataFrame) -> int:
    """Append a frame to a table by COPY, inside the connection's transaction.

    Parameters
    ----------
    connection : psycopg.Connection
    table : tuple of str
        Schema and table name.
    frame : polars.DataFrame
        Column names are the table's; naive datetimes are UTC; bytes are for `bytea`. Nested columns
        are refused.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InputError
        A column has a type COPY cannot carry.

    """
    for name, dtype in frame.schema.items():
        if dtype.is_nested():
            raise InputError(
                f"column {name!r} is {dtype}; COPY carries only scalar columns",
                "turn it into text (JSON) first",
            )
    if frame.is_empty():
        return 0
    if any(dtype == pl.Binary for dtype in frame.schema.values()):
        frame = frame.with_columns(
            (pl.lit("\\x") + pl.col(name).bin.encode("hex")).alias(name)
            for name, dtype in frame.schema.items()
            if dtype == pl.Binary
        )
    statement = _into(*table, tuple(frame.columns))
    payload = few.write(frame) or frame.write_csv(
        include_header=False,
        datetime_format=_DATETIME_OUT,
        # before 18, a line of `\.` alone ends the data; only quoted it is a text
        quote_style="necessary" if frame.width > 1 else "non_numeric",
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(payload)
    return frame.height


@lru_cache(maxsize=256)
def _into(schema: str, name: str, columns: tuple[str, ...]) -> sql.SQL:
    """Return the statement that takes rows in; a sweep says the same ones every time."""
    composed = sql.SQL("COPY {}.{} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(schema),
        sql.Identifier(name),
        sql.SQL(", ").join(sql.Identifier(column) for column in columns),
    )
    return sql.SQL(composed.as_string(None))
