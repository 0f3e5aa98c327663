"""Values of an export, texts mostly, to the types of `columns.RAW`. Pure."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.imports.columns import RAW

#: How exports write that there is nothing.
NOTHING = ("", "\\N", "NULL", "null", "None", "NaN")

_INSTANT = pl.Datetime("us")
_WRITTEN = (
    r"^\s*(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)?\s*$"
)
_IDENTITIES = frozenset({"userid", "dbid", "queryid"})
_TRUE, _FALSE = ("t", "true", "1"), ("f", "false", "0")


def typed(raw: pl.DataFrame, where: str, timezone: ZoneInfo | None) -> tuple[pl.DataFrame, int]:
    """Give every column the type of its name in `columns.RAW`.

    Rows without `ts` or `queryid` (a role that may not see a statement gets none) are left out, and
    so are those whose time does not exist, or exists twice, in the time zone.

    Parameters
    ----------
    raw : polars.DataFrame
        Columns named as in `RAW`, of any type.
    where : str
        The file, for messages.
    timezone : zoneinfo.ZoneInfo or None
        Of times that name none.

    Returns
    -------
    frame : polars.DataFrame
        Instants are naive UTC.
    left_out : int
        Rows left out.

    Raises
    ------
    InputError
        A value is not of its column's type, or a time has no zone and none was given.

    """
    columns = []
    for name in raw.columns:
        kind, series = RAW[name], raw[name]
        if kind == _INSTANT:
            columns.append(instants(series, where, timezone))
        elif kind == pl.Boolean():
            columns.append(_booleans(series, where))
        elif kind == pl.String():
            columns.append(series.cast(pl.String))
        else:
            columns.append(_numbers(series, kind, where))
    frame = pl.DataFrame(columns)
    kept = frame.filter(pl.col("ts").is_not_null() & pl.col("queryid").is_not_null())
    for name in ("userid", "dbid", "calls", "total_exec_time"):
        if kept[name].null_count():
            raise InputError(
                f"{where}: column {name!r} is empty in some rows", "export complete rows"
            )
    return kept, raw.height - kept.height


def instants(series: pl.Series, where: str, timezone: ZoneInfo | None) -> pl.Series:
    """Return times as naive UTC, in microseconds.

    Parameters
    ----------
    series : polars.Series
        Text as PostgreSQL writes it (`2026-11-21 10:00:00.5+01`) or ISO 8601, or datetimes with or
        without a time zone.
    where, timezone
        As in `typed`.

    """
    if isinstance(series.dtype, pl.Datetime):
        if series.dtype.time_zone is not None:
            return series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(_INSTANT)
        if series.null_count() == series.len():
            return series.cast(_INSTANT)
        zone = _zone(timezone, series, where)
        return _local(series.cast(_INSTANT), zone)
    texts = series.cast(pl.String)
    distinct = pl.DataFrame({"text": texts.unique().drop_nulls().sort()})
    known: Mapping[str, pl.Series] = _parsed(distinct["text"], series.name, where, timezone)
    table = distinct.with_columns(known["utc"].alias("utc"))
    joined = texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")
    return joined["utc"].rename(series.name)


def _parsed(
    texts: pl.Series, name: str, where: str, timezone: ZoneInfo | None
) -> Mapping[str, pl.Series]:
    parts = texts.to_frame("text").with_columns(
        pl.col("text").str.extract_groups(_WRITTEN).alias("found")
    )
    parts = parts.select("text", pl.col("found").struct.unnest())
    local = (pl.col("day") + " " + pl.col("time")).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False
    )
    short = (pl.col("day") + " " + pl.col("time")).str.to_datetime(
        "%Y-%m-%d %H:%M", time_unit="us", strict=False
    )
    parts = parts.with_columns(local.fill_null(short).alias("local"))
    wrong = parts.filter(pl.col("local").is_null())
    if wrong.height:
        raise InputError(
            f"{where}: column {name!r}: {wrong['text'][0]!r} is not a time",
            "write times as PostgreSQL does: 2026-11-21 10:00:00.5+01",
        )
    naive = parts.filter(pl.col("zone").is_null())["text"]
    utc = pl.col("local") - _offset()
    if naive.len():
        zone = _zone(timezone, naive.alias(name), where)
        parts = parts.with_columns(_local(parts["local"], zone).alias("as_local"))
        utc = pl.when(pl.col("zone").is_null()).then(pl.col("as_local")).otherwise(utc)
    return {"utc": parts.select(utc.alias("utc"))["utc"]}


def _offset() -> pl.Expr:
    digits = pl.col("zone").str.replace_all(r"[^0-9]", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0) * 60 + (
        digits.str.slice(2, 2).cast(pl.Int64, strict=False).fill_null(0)
    )
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    return pl.duration(minutes=minutes * sign)


def _zone(timezone: ZoneInfo | None, values: pl.Series, where: str) -> ZoneInfo:
    if timezone is None:
        raise InputError(
            f"{where}: column {values.name!r}: {str(values.drop_nulls()[0])!r} names no time zone",
            "pass the zone it was written in, for example --timezone UTC or Europe/Berlin",
        )
    return timezone


def _local(series: pl.Series, zone: ZoneInfo) -> pl.Series:
    # an hour that the clocks repeat is known to nobody: it is left out
    aware = series.dt.replace_time_zone(zone.key, ambiguous="null", non_existent="null")
    return aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _booleans(series: pl.Series, where: str) -> pl.Series:
    if series.dtype == pl.Boolean():
        return series
    texts = series.cast(pl.String).str.strip_chars().str.to_lowercase()
    wrong = texts.filter(~texts.is_in([*_TRUE, *_FALSE]))
    if wrong.len():
        raise _no(series, wrong[0], "true or false", where)
    return texts.is_in(list(_TRUE)).alias(series.name)


def _numbers(series: pl.Series, kind: pl.DataType, where: str) -> pl.Series:
    whole = kind == pl.Int64()
    if whole and series.dtype.is_float():
        return _whole(series, where)
    numbers = series.cast(kind, strict=False)
    failed = numbers.is_null() & series.is_not_null()
    if not failed.any():
        return numbers
    if whole:
        return _whole(series.cast(pl.Float64, strict=False), where, series)
    raise _no(series, series.filter(failed)[0], "a number", where)


def _whole(floats: pl.Series, where: str, original: pl.Series | None = None) -> pl.Series:
    """Take counts that were written with a decimal point; never what identifies a row."""
    shown = floats if original is None else original
    wrong = (floats.is_null() & shown.is_not_null()) | (floats != floats.round())
    wrong = wrong.fill_null(value=False)
    if wrong.any():
        raise _no(shown, shown.filter(wrong)[0], "a whole number", where)
    if floats.name in _IDENTITIES:
        raise InputError(
            f"{where}: column {floats.name!r} was written with decimals: its last digits are lost",
            f"export {floats.name} as bigint or as text",
        )
    return floats.cast(pl.Int64)


def _no(series: pl.Series, value: object, expected: str, where: str) -> InputError:
    return InputError(
        f"{where}: column {series.name!r}: {value!r} is not {expected}",
        "check the separator and the quoting of the export",
    )
