"""CSV and Parquet files: which ones, what columns they have, their rows in parts."""

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.imports.spool import GROUP_ROWS
from perf_pipeline.imports.values import NOTHING

_CSV = (".csv", ".csv.gz", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")
_SEPARATORS = ",;\t|"


def find(patterns: Sequence[str]) -> list[Path]:
    """Return the files that names, folders and glob patterns stand for, sorted, each once.

    Raises
    ------
    ConfigurationError
        One of them stands for none.

    """
    found: set[Path] = set()
    for pattern in patterns:
        path = Path(pattern).expanduser()
        if not pattern:
            files = []
        elif path.is_dir():
            files = [file for file in path.rglob("*") if file.is_file() and _kind(file)]
        elif path.is_file():
            files = [path]
        else:
            anchor = Path(path.anchor) if path.is_absolute() else Path()
            parts = str(path.relative_to(path.anchor) if path.is_absolute() else path)
            files = [file for file in anchor.glob(parts) if file.is_file()]
        if not files:
            raise ConfigurationError(
                f"{pattern!r} stands for no file",
                f"name files or folders with {', '.join((*_CSV, *_PARQUET))}, or the connection URL"
                " of a database with a PoWA or pg_profile repository",
            )
        found.update(file.resolve() for file in files)
    for file in sorted(found):
        if not _kind(file):
            raise ConfigurationError(
                f"{file}: neither CSV nor Parquet by its name",
                f"give it one of the endings {', '.join((*_CSV, *_PARQUET))}",
            )
    return sorted(found)


def _kind(file: Path) -> str | None:
    name = file.name.lower()
    return "csv" if name.endswith(_CSV) else "parquet" if name.endswith(_PARQUET) else None


def names(file: Path) -> list[str]:
    """Return the columns of a file.

    Raises
    ------
    InputError
        It is not what its name says.

    """
    if _kind(file) == "parquet":
        try:
            return list(pl.read_parquet_schema(file))
        except pl.exceptions.PolarsError as error:
            raise _unreadable(file, error) from error
    return next(csv.reader([_header(file)], delimiter=_separator(file)), [])


def _header(file: Path) -> str:
    packed = file.name.lower().endswith(".gz")
    with file.open("rb") as raw, gzip.open(raw) if packed else raw as lines:
        try:
            return lines.readline().decode("utf-8-sig").rstrip("\r\n")
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
            raise _unreadable(file, error) from error


def _separator(file: Path) -> str:
    header = _header(file)
    return max(_SEPARATORS, key=header.count)


def batches(file: Path, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """Yield some columns of a file, a part of its rows at a time; of a CSV all are text.

    Raises
    ------
    InputError
        It is not what its name says.

    """
    try:
        if _kind(file) == "parquet":
            lazy = pl.scan_parquet(file)
        else:
            lazy = pl.scan_csv(
                file,
                separator=_separator(file),
                infer_schema=False,
                null_values=list(NOTHING),
            )
        wanted = list(columns)
        # all columns are read: a row that has more or fewer is noticed only so
        for batch in lazy.collect_batches(chunk_size=GROUP_ROWS // 2):
            yield batch.select(wanted)
    except pl.exceptions.PolarsError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> InputError:
    said = str(error).strip().partition("\n")[0]
    return InputError(f"{file}: cannot be read: {said}", "export it again, as CSV with a header")
