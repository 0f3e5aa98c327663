"""Clean rows into batches of equally padded series: what `detect` works on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METRICS = ("latency_ms", "p95_ms", "throughput", "error_rate", "generic")

#: Zeros in a series from which on it is judged on the square root instead of the logarithm.
ZEROS_FOR_SQRT = 3

#: Decimals kept of the transformed value: a change of unit (value * k) rounds differently in
#: the last bits, and ties must not be broken by that.
DECIMALS = 9

#: Series whose lengths round up to the same multiple of this share a batch. The padded length
#: depends on the series alone, so that no result depends on which other series are in the call.
PAD = 32

#: Cells (series * padded samples) worked on at once; about 20 matrices of this size are alive.
CHUNK_CELLS = 262_144


@dataclass(frozen=True)
class Batch:
    """Series of similar length, one a row, padded at the end.

    Attributes
    ----------
    ids : ndarray of object, shape (s,)
    ts : ndarray of int64, shape (s, n)
        Microseconds since the epoch; padding repeats the last sample's.
    y : ndarray of float64, shape (s, n)
        Transformed values (see `transform`); padding is 0.
    calls : ndarray of float64, shape (s, n)
        Calls behind each sample; 1 everywhere where a series has none.
    count : ndarray of int64, shape (s,)
        Real samples of each series.
    centre : ndarray of float64, shape (s,)
        The value at which the transformed value is 0 (log) or 1 (square root).
    is_sqrt : ndarray of bool, shape (s,)

    """

    ids: npt.NDArray[np.object_]
    ts: Ints
    y: Floats
    calls: Floats
    count: Ints
    centre: Floats
    is_sqrt: npt.NDArray[np.bool_]


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


def transform(series: pl.DataFrame) -> pl.DataFrame:
    """Drop unusable samples, merge duplicates and bring values to a scale with even noise.

    Null, NaN, infinite and negative values are missing. Samples of one series with the same
    timestamp become one: the mean weighted by calls, with the sum of the calls. A series is
    judged on the logarithm (noise of latencies grows with their level); one with at least
    `ZEROS_FOR_SQRT` zeros on the square root (the variance-stabilising transformation of
    counts), because a logarithm has no zero; fewer zeros are dropped as missing.

    Parameters
    ----------
    series : DataFrame
        As returned by `validate`.

    Returns
    -------
    DataFrame
        One row per series, sorted by `series_id`: lists `ts` i64 (microseconds), `y` f64 and
        `calls` f64 in the order of time, `n` u32, `centre` f64, `is_sqrt` bool.

    """
    usable = series.filter(
        pl.col("series_id").is_not_null(),
        pl.col("ts").is_not_null(),
        pl.col("value").is_finite(),
        pl.col("value") >= 0,
    )
    keys = ["series_id", "ts"]
    usable = usable.with_columns(
        pl.when(pl.col("calls") > 0).then(pl.col("calls")).alias("calls")
    ).sort(keys + ["value", "calls"], nulls_last=True)
    repeated = pl.struct(keys).is_first_distinct().not_()
    if usable.select(repeated.any()).item():
        weight = pl.col("calls").fill_null(1.0)
        usable = usable.group_by(keys, maintain_order=True).agg(
            value=(pl.col("value") * weight).sum() / weight.sum(),
            calls=pl.col("calls").sum().replace(0.0, None),
        )
    ids = pl.col("series_id")
    zeros = (pl.col("value") == 0).sum().over(ids)
    is_sqrt = zeros >= ZEROS_FOR_SQRT
    usable = (
        usable.with_columns(is_sqrt=is_sqrt)
        .filter((pl.col("value") > 0) | pl.col("is_sqrt"))
        .with_columns(
            centre=pl.when(pl.col("is_sqrt"))
            .then(pl.col("value").mean().over(ids))
            .otherwise(pl.col("value").median().over(ids)),
            calls=pl.col("calls").fill_null(pl.col("calls").median().over(ids)).fill_null(1.0),
        )
        .filter(pl.col("centre") > 0)
    )
    ratio = pl.col("value") / pl.col("centre")
    y = pl.when(pl.col("is_sqrt")).then(ratio.sqrt()).otherwise(ratio.log()).round(DECIMALS)
    return (
        usable.select("series_id", "ts", "calls", "centre", "is_sqrt", y=y)
        .group_by("series_id", maintain_order=True)
        .agg(
            pl.col("ts").dt.epoch("us"),
            pl.col("y"),
            pl.col("calls"),
            n=pl.len(),
            centre=pl.col("centre").first(),
            is_sqrt=pl.col("is_sqrt").first(),
        )
    )


def batches(rows: pl.DataFrame, minimum: int) -> Iterator[Batch]:
    """Yield batches of series of similar length, each at most `CHUNK_CELLS` cells.

    Parameters
    ----------
    rows : DataFrame
        As returned by `transform`.
    minimum : int
        Series with fewer samples are left out.

    """
    rows = rows.filter(pl.col("n") >= minimum).with_columns(
        width=(pl.col("n") + PAD - 1) // PAD * PAD
    )
    for width in rows["width"].unique().sort().to_list():
        bucket = rows.filter(pl.col("width") == width)
        step = max(1, CHUNK_CELLS // width)
        for start in range(0, bucket.height, step):
            yield _batch(bucket[start : start + step], width)


def _batch(rows: pl.DataFrame, width: int) -> Batch:
    count = rows["n"].to_numpy().astype(np.int64)
    real = np.arange(width) < count[:, None]

    def dense(column: str, fill: float, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
        out = np.full(real.shape, fill, dtype=dtype)
        out[real] = rows[column].explode().to_numpy()
        return out

    ts = dense("ts", 0, np.int64).astype(np.int64)
    last = ts[np.arange(len(count)), count - 1]
    return Batch(
        ids=rows["series_id"].to_numpy().astype(object),
        ts=np.where(real, ts, last[:, None]),
        y=dense("y", 0.0, np.float64).astype(np.float64),
        calls=dense("calls", 1.0, np.float64).astype(np.float64),
        count=count,
        centre=rows["centre"].to_numpy(),
        is_sqrt=rows["is_sqrt"].to_numpy(),
    )
