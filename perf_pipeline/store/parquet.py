"""Rows of one ledger table, target and day as a Parquet file, and back; pure.

A file is sorted by what its rows are about and then by time: a statement's counters of a day lie
together, which packs three times better than the order of the sweeps, and lets a reader of one
statement skip the rest. Floats are kept to the last bit.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from perf_pipeline.postgres.copy import Schema

#: What rows are about, where a table has it, most telling first; then comes the time.
_SUBJECTS: Final = ("queryid", "indexrelid", "relid", "funcid")
#: Level 9 packs 3 % better than 3, 72,000 rows in 0.07 s; level 19 takes ten times as long.
_LEVEL: Final = 9
#: Rows read at least when one statement is asked for.
_ROW_GROUP: Final = 16_384


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in the one order a file has; the order of columns breaks ties."""
    first = [name for name in (*_SUBJECTS, "ts") if name in frame.columns]
    return frame.sort(*first, *(name for name in frame.columns if name not in first))


def checksum(frame: pl.DataFrame, *, as_it_is: bool = False) -> str:
    """Return a SHA-256 over names, types and values, whatever the order of rows.

    Every bit of every value counts, and NULL differs from 0 and from an empty text. It depends on
    no text form of a number and on no hash of Polars', so that files of years ago can be checked.

    Parameters
    ----------
    frame : polars.DataFrame
        Scalar columns.
    as_it_is : bool
        The order of rows counts, too: it needs no sorting.

    """
    digest = hashlib.sha256()
    for column in (frame if as_it_is else ordered(frame)).iter_columns():
        dtype = column.dtype.base_type()
        digest.update(f"{column.name}:{dtype}:{len(column)}\n".encode())
        digest.update(column.is_null().to_numpy().tobytes())
        if dtype == pl.String:
            filled = column.fill_null("")
            digest.update(filled.str.len_bytes().cast(pl.Int64).to_numpy().tobytes())
            digest.update("".join(filled.to_list()).encode())
        elif dtype == pl.Boolean:
            digest.update(column.fill_null(value=False).to_numpy().tobytes())
        elif dtype.is_float():
            digest.update(column.cast(pl.Float64).fill_null(0.0).to_numpy().tobytes())
        else:  # whole numbers, and times as their microseconds
            digest.update(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()


def encode(frame: pl.DataFrame, *, as_it_is: bool = False, level: int = _LEVEL) -> bytes:
    """Return the rows as a Parquet file: sorted, zstd, times marked as UTC.

    Parameters
    ----------
    frame : polars.DataFrame
        Scalar columns; naive datetimes are UTC.
    as_it_is : bool
        Keep the order of rows.
    level : int
        Of zstd.

    """
    buffer = io.BytesIO()
    rows = frame if as_it_is else ordered(frame)
    stamped = rows.with_columns(pl.col(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    stamped.write_parquet(
        buffer, compression="zstd", compression_level=level, row_group_size=_ROW_GROUP
    )
    return buffer.getvalue()


def decode(data: bytes) -> pl.DataFrame:
    """Return every row and column of a file; datetimes are naive UTC."""
    return _naive(pl.scan_parquet(io.BytesIO(data))).collect()


def scan(
    source: Path | bytes,
    schema: Schema,
    span: tuple[datetime | None, datetime | None] = (None, None),
    only: Mapping[str, Sequence[object]] | None = None,
) -> pl.LazyFrame:
    """Return some rows of a file, lazily, with the columns a table has today.

    Parameters
    ----------
    source : pathlib.Path or bytes
        Where the file lies, or its content.
    schema : Mapping of column to polars dtype
        Columns to return; one the file was written before is null.
    span : tuple of datetime
        Naive UTC: `ts` from the first on, and before the second; None is no bound.
    only : Mapping of column to sequence of values, optional
        Rows whose column has one of these values; a column the file lacks has none.

    """
    lazy = _naive(pl.scan_parquet(source if isinstance(source, Path) else io.BytesIO(source)))
    known = lazy.collect_schema()
    start, end = span
    if start is not None:
        lazy = lazy.filter(pl.col("ts") >= start)
    if end is not None:
        lazy = lazy.filter(pl.col("ts") < end)
    for name, values in (only or {}).items():
        wanted = pl.Series(list(values), dtype=known[name]) if name in known else None
        lazy = lazy.filter(pl.lit(False) if wanted is None else pl.col(name).is_in(wanted))
    return lazy.select(
        (pl.col(name) if name in known else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def _naive(lazy: pl.LazyFrame) -> pl.LazyFrame:
    return lazy.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.replace_time_zone(None))
