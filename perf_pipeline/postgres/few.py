"""CSV of a few rows, both ways: for some hundred values Python is faster than starting Polars."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl
from polars.datatypes import DataType, DataTypeClass

#: Bytes to read, and values to write, from which Polars is faster (measured: about the same time).
MOST_BYTES: Final = 4_000
MOST_VALUES: Final = 500

_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^,\n]*))([,\n])')


def _naive(text: str) -> datetime:
    """Read a time stamp of a session in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


_FROM_TEXT: Final[Mapping[DataTypeClass, Callable[[str], Any]]] = {
    pl.Int64: int,
    pl.Float64: float,
    pl.String: str,
    pl.Boolean: "t".__eq__,
    pl.Datetime: _naive,
    pl.Date: date.fromisoformat,
}


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _stamp(value: datetime) -> str:
    utc = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(sep=' ')}+00"


_TO_TEXT: Final[Mapping[DataTypeClass, Callable[[Any], str]]] = {
    **dict.fromkeys((pl.Int64, pl.Int32, pl.Int16, pl.Int8), str),
    **dict.fromkeys((pl.Float64, pl.Float32), repr),
    pl.String: _quoted,
    pl.Boolean: "ft".__getitem__,
    pl.Datetime: _stamp,
    pl.Date: date.isoformat,
}


def read(data: bytes, schema: Mapping[str, DataType | DataTypeClass]) -> pl.DataFrame | None:
    """Return what COPY sent as a frame, None where it is too much or has a type not known here.

    Parameters
    ----------
    data : bytes
        CSV as PostgreSQL writes it, in UTF-8: a text that is quoted is none that is null.
    schema : Mapping of column to polars dtype
        Datetime columns are returned as naive UTC (microseconds).

    """
    kinds = [kind.base_type() for kind in schema.values()]
    if len(data) > MOST_BYTES or not all(kind in _FROM_TEXT for kind in kinds):
        return None
    makers = [_FROM_TEXT[kind] for kind in kinds]
    rows: list[list[Any]] = []
    row: list[Any] = []
    for match in _FIELD.finditer(data.decode()):
        quoted, plain, end = match.groups()
        text = plain or None if quoted is None else quoted.replace('""', '"')
        row.append(None if text is None else makers[len(row)](text))
        if end == "\n":
            rows.append(row)
            row = []
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def write(frame: pl.DataFrame) -> str | None:
    """Return a frame as CSV for COPY, None where it is too much or has a type not known here.

    Parameters
    ----------
    frame : polars.DataFrame
        Naive datetimes are UTC.

    """
    kinds = [kind.base_type() for kind in frame.schema.values()]
    if frame.height * frame.width > MOST_VALUES or not all(kind in _TO_TEXT for kind in kinds):
        return None
    makers = [_TO_TEXT[kind] for kind in kinds]
    lines = (
        ",".join(
            "" if value is None else make(value) for make, value in zip(makers, row, strict=True)
        )
        for row in frame.iter_rows()
    )
    return "".join(f"{line}\n" for line in lines)
