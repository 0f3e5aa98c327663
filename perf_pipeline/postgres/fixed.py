"""Rows of numbers, times and booleans as COPY sends them in binary: taken over, not parsed.

Every value has its width, so that rows with nulls in the same places are as long as each other and
a run of them is an array. Floating point numbers arrive as they are; as text, a server whose
`extra_float_digits` is 0 or less rounds them.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.datatypes import DataTypeClass

from perf_pipeline.errors import InputError
from perf_pipeline.postgres.copy import Schema

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00"
_COUNT: Final = struct.Struct(">h")
_LENGTH: Final = struct.Struct(">i")
#: Bytes of a value and how numpy reads them.
_WIRE: Final[dict[DataTypeClass, tuple[int, str]]] = {
    pl.Int64: (8, ">i8"),
    pl.Float64: (8, ">f8"),
    pl.Boolean: (1, "?"),
    pl.Datetime: (8, ">i8"),
}
#: Microseconds from 1970 to 2000, where PostgreSQL's times begin.
_EPOCH_US: Final = 946_684_800_000_000
#: Rows looked at first, to see whether they are a run; then twice as many each time.
_FIRST_ROWS: Final = 16


def parse(data: bytes, schema: Schema) -> pl.DataFrame:
    """Return what `COPY ... TO STDOUT (FORMAT binary)` sent as a frame.

    Parameters
    ----------
    data : bytes
        With header and trailer.
    schema : Mapping of column to polars dtype
        Int64 for int8, Float64 for float8, Boolean for bool, Datetime (naive UTC, microseconds) for
        timestamptz: PostgreSQL's types must be just these.

    Raises
    ------
    InputError
        It is none, or a column has another type.

    """
    kinds = [kind.base_type() for kind in schema.values()]
    if not data.startswith(_SIGNATURE):
        raise InputError("this is no binary COPY", "read it with FORMAT binary")
    (extension,) = _LENGTH.unpack_from(data, len(_SIGNATURE) + 4)
    at = len(_SIGNATURE) + 8 + extension
    end = len(data) - _COUNT.size
    runs = []
    while at < end:
        row = _row_type(data, at, list(schema), kinds)
        rows = _run(data, at, end, row)
        runs.append(_frame(rows, schema))
        at += rows.nbytes
    return pl.concat(runs) if runs else pl.DataFrame(schema=dict(schema))


def _row_type(
    data: bytes, at: int, names: Sequence[str], kinds: Sequence[DataTypeClass]
) -> "np.dtype[Any]":
    """Return the type of a row: a field for each value's length, and one for each that is there.

    Raises
    ------
    InputError
        A value is not as long as its column's type says.

    """
    (count,) = _COUNT.unpack_from(data, at)
    if count != len(names):
        raise InputError(f"a row has {count} columns, not {len(names)}", "correct the schema")
    fields: list[tuple[str, str]] = [("count", ">i2")]
    at += _COUNT.size
    for name, kind in zip(names, kinds, strict=True):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        fields.append((f"length {name}", ">i4"))
        if length < 0:
            continue
        width, wire = _WIRE[kind]
        if length != width:
            raise InputError(
                f"column {name!r} has values of {length} bytes, not of {width}",
                "cast it to int8, float8, bool or timestamptz, as its schema says",
            )
        fields.append((name, wire))
        at += length
    return np.dtype(fields)


def _run(data: bytes, at: int, end: int, row: "np.dtype[Any]") -> NDArray[Any]:
    """Return the rows from `at` on that are as the first one: of its type, nulls included."""
    most = (end - at) // row.itemsize
    count = min(most, _FIRST_ROWS)
    lengths = [name for name in row.names or () if name == "count" or name.startswith("length ")]
    while True:
        rows = np.frombuffer(data, row, count, at)
        first = rows[0]
        alike = np.logical_and.reduce([rows[name] == first[name] for name in lengths])
        if not alike.all():
            return rows[: int(alike.argmin())]
        if count == most:
            return rows
        count = min(most, 2 * count)


def _frame(rows: NDArray[Any], schema: Schema) -> pl.DataFrame:
    there = set(rows.dtype.names or ())
    columns = []
    for name, kind in schema.items():
        if name not in there:
            columns.append(pl.Series(name, [None], dtype=kind).new_from_index(0, len(rows)))
        elif kind.base_type() == pl.Datetime:
            moments = rows[name].astype(np.int64) + _EPOCH_US
            columns.append(pl.Series(name, moments).cast(kind))
        else:
            native = rows[name].dtype.newbyteorder("=")
            columns.append(pl.Series(name, rows[name].astype(native)))
    return pl.DataFrame(columns)
