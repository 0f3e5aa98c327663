"""Clean rows into batches of equally padded series: what `detect` works on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

METRICS = ("latency_ms", "p95_ms", "throughput", "error_rate", "generic")

#: Zeros in a series from which on it is judged on the square root instead of the logarithm.
ZEROS_FOR_SQRT = 3

#: Decimals kept of the transformed value: a change of unit (value * k) rounds differently in
#: the last bits, and ties must not be broken by that.
DECIMALS = 9

#: Series whose lengths round up to the same multiple share a batch (the second value above
#: `_SHORT` samples). The padded length depends on the series alone, so that no result depends
#: on which other series are in the call.
_PAD, _PAD_LONG, _SHORT = 32, 96, 256

#: Positive values outside are no measurement; sums and ratios of those inside cannot overflow.
_SANE = (1e-100, 1e100)

#: Cells (series * padded samples) worked on at once; about 20 matrices of this size are alive.
CHUNK_CELLS = 131_072


@dataclass(frozen=True)
class Samples:
    """Usable samples of all series, flat, in the order of series and time.

    Attributes
    ----------
    ids : list of str
        Sorted.
    offset : ndarray of int64, shape (len(ids) + 1,)
        Where each series starts in the arrays below.
    ts : ndarray of int64
        Microseconds since the epoch.
    value : ndarray of float64
        Finite, not negative.
    calls : ndarray of float64
        NaN where unknown.

    """

    ids: list[str]
    offset: Ints
    ts: Ints
    value: Floats
    calls: Floats


@dataclass(frozen=True)
class Batch:
    """Series of similar length, one a row, padded at the end.

    Attributes
    ----------
    ids : list of str
    ts : ndarray of int64, shape (s, n)
        Microseconds since the epoch; padding repeats the last sample's.
    y : ndarray of float64, shape (s, n)
        Transformed values (see `batches`); padding is 0.
    calls : ndarray of float64, shape (s, n)
        Calls behind each sample; 1 everywhere where a series has none.
    count : ndarray of int64, shape (s,)
        Real samples of each series.
    valid : ndarray of bool, shape (s, n)
        Which cells are real.
    centre : ndarray of float64, shape (s,)
        The value at which the transformed value is 0 (log) or 1 (square root).
    is_sqrt : ndarray of bool, shape (s,)

    """

    ids: list[str]
    ts: Ints
    y: Floats
    calls: Floats
    count: Ints
    valid: Bools
    centre: Floats
    is_sqrt: Bools


def row_median(values: Floats, valid: Bools, precision: type[np.floating] = np.float64) -> Floats:
    """Median of the valid cells of each row; 0 where a row has none. Shape (s, n) -> (s,).

    Single `precision` sorts in less than half the time: for measures of spread, of which the
    seventh digit says nothing.
    """
    ordered = np.where(valid, values, np.inf).astype(precision, copy=False)
    ordered.sort(axis=1)
    n = valid.sum(axis=1)
    rows = np.arange(len(n))
    low, high = (
        ordered[rows, at].astype(np.float64, copy=False)
        for at in (np.maximum(n - 1, 0) // 2, np.minimum(n // 2, values.shape[1] - 1))
    )
    some = n > 0
    return (np.where(some, low, 0.0) + np.where(some, high, 0.0)) / 2


def near_median(values: Floats, valid: Bools) -> Floats:
    """Do as `row_median` does in single precision."""
    return row_median(values, valid, np.float32)


def _require(series: pl.DataFrame, column: str, remedy: str) -> None:
    if column not in series.columns:
        raise InputError(f"series: column {column!r} is missing", remedy)


def _bad_dtype(column: str, dtype: pl.DataType, remedy: str) -> InputError:
    return InputError(f"series: column {column!r} has dtype {dtype}", remedy)


def validate(series: pl.DataFrame) -> pl.DataFrame:
    """Check columns and dtypes and bring them to one form.

    Parameters
    ----------
    series : DataFrame
        `series_id` str, `ts` datetime (naive UTC), `value` number; optional `calls` number
        (default: unknown) and `metric` str (default `generic`).

    Returns
    -------
    DataFrame
        `series_id` str, `ts` datetime[us], `value` f64, `calls` f64, `metric` str.

    Raises
    ------
    InputError
        A column is missing, has another dtype, or a metric is unknown.

    """
    _require(series, "series_id", "add series_id (str), one value per series")
    _require(series, "ts", "add ts (datetime, naive UTC)")
    _require(series, "value", "add value (f64, null allowed)")
    schema = series.schema
    if schema["series_id"] != pl.String and schema["series_id"] not in (pl.Categorical, pl.Enum):
        raise _bad_dtype("series_id", schema["series_id"], "cast series_id to str")
    ts = schema["ts"]
    if not isinstance(ts, pl.Datetime):
        raise _bad_dtype("ts", ts, "cast ts to datetime (naive UTC)")
    if ts.time_zone is not None:
        raise _bad_dtype("ts", ts, "convert ts to UTC and drop the zone: ts must be naive UTC")
    if not (schema["value"].is_numeric() or schema["value"] == pl.Null):
        raise _bad_dtype("value", schema["value"], "cast value to f64")
    calls: pl.Expr = pl.lit(None, dtype=pl.Float64)
    if "calls" in series.columns:
        if not (schema["calls"].is_numeric() or schema["calls"] == pl.Null):
            raise _bad_dtype("calls", schema["calls"], "cast calls to i64")
        calls = pl.col("calls").cast(pl.Float64)
    metric: pl.Expr = pl.lit("generic")
    if "metric" in series.columns:
        if schema["metric"] not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            raise _bad_dtype("metric", schema["metric"], "cast metric to str")
        metric = pl.col("metric").cast(pl.String).fill_null("generic")
        unknown = set(series["metric"].cast(pl.String).drop_nulls().unique()) - set(METRICS)
        if unknown:
            raise InputError(
                f"series: column 'metric' has unknown value {sorted(unknown)[0]!r}",
                f"use one of {', '.join(METRICS)}",
            )
    return series.select(
        pl.col("series_id").cast(pl.String),
        pl.col("ts").cast(pl.Datetime("us")),
        pl.col("value").cast(pl.Float64),
        calls=calls,
        metric=metric,
    )


def clean(series: pl.DataFrame) -> Samples:
    """Drop unusable samples, sort, and merge duplicates.

    Null, NaN, infinite and negative values are missing (so are values above 1e100 or below
    1e-100), and so are rows without `series_id` or `ts`. Samples of one series with the same
    timestamp become one: the mean weighted by calls, with the sum of the calls. Calls of zero
    or less are unknown.

    Parameters
    ----------
    series : DataFrame
        As returned by `validate`.

    """
    rows = series.filter(
        pl.col("series_id").is_not_null(),
        pl.col("ts").is_not_null(),
        (pl.col("value") == 0) | pl.col("value").is_between(*_SANE),
    )
    ids, code = _codes(rows["series_id"])
    ts = rows["ts"].dt.epoch("us").to_numpy().astype(np.int64)
    value = rows["value"].to_numpy().astype(np.float64)
    calls = rows["calls"].fill_null(np.nan).to_numpy().astype(np.float64)
    calls[~((calls > 0) & np.isfinite(calls))] = np.nan
    step = np.diff(code)
    if not bool(((step > 0) | ((step == 0) & (np.diff(ts) > 0))).all()):
        # Values and calls take part, so that the order of the rows never matters.
        order = np.lexsort((calls, value, ts, code))
        code, ts, value, calls = code[order], ts[order], value[order], calls[order]
        new = np.concatenate(
            [np.ones(min(len(code), 1), bool), (np.diff(code) > 0) | (np.diff(ts) > 0)]
        )
        if not new.all():
            group = np.cumsum(new) - 1
            weight = np.where(np.isnan(calls), 1.0, calls)
            total = np.bincount(group, weights=weight)
            value = np.bincount(group, weights=weight * value) / total
            known = np.bincount(group, weights=~np.isnan(calls)) > 0
            code, ts, calls = code[new], ts[new], np.where(known, total, np.nan)
    number = len(ids)
    zeros = np.bincount(code[value == 0], minlength=number)
    keep = (value > 0) | (zeros >= ZEROS_FOR_SQRT)[code]
    code = code[keep]
    offset = np.zeros(number + 1, dtype=np.int64)
    np.cumsum(np.bincount(code, minlength=number), out=offset[1:])
    return Samples(ids, offset, ts[keep], value[keep], calls[keep])


def _codes(ids: pl.Series) -> tuple[list[str], Ints]:
    """Sorted distinct ids and each row's place among them (cheap where ids come in runs)."""
    if len(ids) == 0:
        return [], np.zeros(0, dtype=np.int64)
    runs = ids.rle().struct.unnest()
    names = runs["value"].unique().sort()
    place = runs.select("value").join(
        pl.DataFrame({"value": names, "code": np.arange(len(names), dtype=np.int64)}),
        on="value",
        how="left",
        maintain_order="left",
    )
    return names.to_list(), np.repeat(place["code"].to_numpy(), runs["len"].to_numpy())


def batches(samples: Samples, minimum: int) -> Iterator[Batch]:
    """Yield batches of series of similar length, each at most `CHUNK_CELLS` cells.

    A series is judged on the logarithm of its values over their median (noise of latencies
    grows with their level), one with at least `ZEROS_FOR_SQRT` zeros on the square root (the
    variance-stabilising transformation of counts) of the values over their mean, because zero
    has no logarithm; fewer zeros were dropped as missing by `clean`.

    Parameters
    ----------
    samples : Samples
    minimum : int
        Series with fewer samples are left out.

    """
    count = np.diff(samples.offset)
    pad = np.where(count <= _SHORT, _PAD, _PAD_LONG)
    width = (count + pad - 1) // pad * pad
    width[count < minimum] = 0
    for size in np.unique(width[width > 0]).tolist():
        members = np.flatnonzero(width == size)
        step = max(1, CHUNK_CELLS // size)
        for start in range(0, len(members), step):
            batch = _batch(samples, members[start : start + step], size)
            if batch is not None:
                yield batch


def _batch(samples: Samples, members: Ints, width: int) -> Batch | None:
    first = samples.offset[members]
    count = samples.offset[members + 1] - first
    at = np.arange(width)
    valid = at < count[:, None]
    index = first[:, None] + np.minimum(at, (count - 1)[:, None])
    value = np.where(valid, samples.value[index], 0.0)
    is_sqrt = ((value == 0) & valid).sum(axis=1) > 0
    centre = np.where(is_sqrt, value.sum(axis=1) / count, row_median(value, valid))
    alive = centre > 0
    if not alive.all():
        return _batch(samples, members[alive], width) if alive.any() else None
    ratio = np.where(valid, value / centre[:, None], 1.0)
    y = ratio.copy()
    y[is_sqrt] = np.sqrt(ratio[is_sqrt])
    y[~is_sqrt] = np.log(ratio[~is_sqrt])
    y = np.where(valid, np.round(y, DECIMALS), 0.0)
    calls = samples.calls[index]
    unknown = np.isnan(calls)
    if unknown.any():
        usual = row_median(np.where(unknown, 0.0, calls), valid & ~unknown)
        calls = np.where(unknown, np.where(usual > 0, usual, 1.0)[:, None], calls)
    return Batch(
        ids=[samples.ids[k] for k in members.tolist()],
        ts=samples.ts[index],
        y=y,
        calls=calls,
        count=count,
        valid=valid,
        centre=centre,
        is_sqrt=is_sqrt,
    )
