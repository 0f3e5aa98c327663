"""Hours of statements as dense arrays: packed into a day's row, and read back by the million.

A row of `ledger.statements_daily` keeps, beside the day's sums, the mean execution time and the
calls of each hour that has exact intervals, three bytes an hour, both as logarithms: steps of
0.04 % of the mean and of 9 % of the calls (exact up to 2). Half a step is far below the noise of
any statement (2 % is the least that is believed), and a year of 5,000 statements is 170 MB instead
of 44 million rows.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.store.engine import Store

#: What identifies a statement of a target, as in pg_stat_statements.
KEY = ("userid", "dbid", "queryid", "toplevel")
HOURS = 24
#: Steps of a mean's natural logarithm, from the least mean on (ms): up to 6.7 hours.
_MEAN_STEPS = 2500
_LEAST_MS = 1e-4
#: Steps of the binary logarithm of calls: up to 3.9 thousand millions.
_CALL_STEPS = 8
_PACKED = 3 * HOURS
_ALL_HOURS = (1 << HOURS) - 1
_HOUR_BITS = np.arange(HOURS, dtype=np.int32)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint16]

#: Mean (ms) of each code; code 0 says that there is none.
MEANS: Floats = _LEAST_MS * np.exp((np.arange(65536) - 1) / _MEAN_STEPS)
MEANS[0] = np.nan
#: Natural logarithm of the same.
LOG_MEANS: Floats = np.log(MEANS)
#: Calls of each code.
CALLS: Ints = np.rint(2.0 ** (np.arange(256) / _CALL_STEPS)).astype(np.int64)

#: A row of COPY in binary: number of columns, then length and bytes of each.
_ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("length day", ">i4"), ("day", ">i4"),
        ("length userid", ">i4"), ("userid", ">i8"),
        ("length dbid", ">i4"), ("dbid", ">i8"),
        ("length queryid", ">i4"), ("queryid", ">i8"),
        ("length toplevel", ">i4"), ("toplevel", "u1"),
        ("length hours", ">i4"), ("hours", ">i4"),
        ("length calls", ">i4"), ("calls", ">i8"),
        ("length ms", ">i4"), ("ms", ">f8"),
        ("length hourly", ">i4"), ("hourly", "u1", (_PACKED,)),
    ]
)  # fmt: skip
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
_EPOCH = date(2000, 1, 1)


@dataclass(frozen=True)
class Hours:
    """Hours of some statements and days.

    Attributes
    ----------
    keys : polars.DataFrame
        `KEY`, sorted; the number of a row is the number of its series below.
    first : date
        Day 0.
    mean : ndarray of uint16, shape (series, days, 24)
        Code of the mean execution time, see `MEANS`; 0: no exact call in that hour.
    calls : ndarray of uint8, shape (series, days, 24)
        Code of the calls, see `CALLS`.
    day_calls, day_ms : ndarray of int64 and float64, shape (series, days)
        Exact calls and their execution time (ms) of the whole day.

    """

    keys: pl.DataFrame
    first: date
    mean: Codes
    calls: Bytes
    day_calls: Ints
    day_ms: Floats

    @property
    def days(self) -> int:
        """How many days there are."""
        return int(self.mean.shape[1])

    def at(self, day: date) -> int:
        """Return the number of a day."""
        return (day - self.first).days

    def of(self, series: Ints) -> "Hours":
        """Return some of the series, numbered anew in the order given."""
        return Hours(
            self.keys[series],
            self.first,
            self.mean[series],
            self.calls[series],
            self.day_calls[series],
            self.day_ms[series],
        )


def encode(mean_ms: Floats, calls: Ints) -> Bytes:
    """Return three bytes for each hour: mean in two (low byte first), calls in one.

    Parameters
    ----------
    mean_ms : ndarray of float64
        At least 0.
    calls : ndarray of int64
        At least 1.

    """
    steps = np.log(np.maximum(mean_ms, _LEAST_MS) / _LEAST_MS) * _MEAN_STEPS
    mean = np.clip(1 + np.rint(steps), 1, 65535).astype(np.uint16)
    made = np.empty((len(mean), 3), dtype=np.uint8)
    made[:, 0] = mean & 255
    made[:, 1] = mean >> 8
    made[:, 2] = np.minimum(np.rint(np.log2(calls) * _CALL_STEPS), 255)
    return made


def pack(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return one row per group with the hours that have calls, and what they were; pure.

    Parameters
    ----------
    rows : polars.DataFrame
        `by`, `hour` (0 to 23), `calls`, `total_exec_time` (ms): one row per group and hour, at
        least one call each.
    by : Sequence of str

    Returns
    -------
    polars.DataFrame
        `by`, `hours` i32 (bit n: hour n), `hourly` binary; sorted by `by`.

    """
    ordered = rows.sort(*by, "hour")
    calls = ordered["calls"].cast(pl.Int64).to_numpy()
    mean = ordered["total_exec_time"].to_numpy() / np.maximum(calls, 1)
    data = encode(mean, calls).tobytes()
    grouped = ordered.group_by(by, maintain_order=True).agg(
        hours=(2 ** pl.col("hour").cast(pl.Int32)).sum().cast(pl.Int32), count=pl.len()
    )
    ends = 3 * grouped["count"].cast(pl.Int64).cum_sum().to_numpy()
    starts = ends - 3 * grouped["count"].cast(pl.Int64).to_numpy()
    parts = [data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    return grouped.drop("count").with_columns(hourly=pl.Series(parts, dtype=pl.Binary))


def read(
    store: Store,
    target_id: int,
    first: date,
    last: date,
    sources: Sequence[str],
    queryids: Sequence[int] | None = None,
) -> Hours:
    """Read the hours of a span of days.

    Parameters
    ----------
    store : Store
    target_id : int
    first, last : date
        UTC days, both included.
    sources : Sequence of str
        Days of other sources are left out.
    queryids : Sequence of int, optional
        Only these statements.

    """

    def rows(span: tuple[date, date]) -> npt.NDArray[np.void]:
        return _rows(store, target_id, span, sources, queryids)

    with ThreadPoolExecutor(2) as pool:
        return dense(list(pool.map(rows, _months(first, last))), first, last)


def _months(first: date, last: date) -> list[tuple[date, date]]:
    """Return the parts of a span that lie in one partition each."""
    spans = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        spans.append((first, min(last, following - timedelta(days=1))))
        first = following
    return spans


def _rows(
    store: Store,
    target_id: int,
    span: tuple[date, date],
    sources: Sequence[str],
    queryids: Sequence[int] | None,
) -> npt.NDArray[np.void]:
    params = {
        "target_id": target_id,
        "first": span[0],
        "last": span[1],
        "sources": list(sources),
        "queryids": None if queryids is None else list(queryids),
    }
    with store.begin() as connection:
        return parse(copy.read_binary(connection, sqlfiles.load("store/hours_daily").text, params))


def parse(data: bytes | bytearray) -> npt.NDArray[np.void]:
    """Return what COPY sent in binary for `hours_daily.sql` as records; pure.

    Raises
    ------
    InputError
        It is something else.

    """
    body = len(data) - _HEADER - len(_TRAILER)
    if data[: len(_SIGNATURE)] != _SIGNATURE or body % _ROW.itemsize:
        raise InputError("hours: not what hours_daily.sql sends", "upgrade the store")
    rows = np.frombuffer(data, _ROW, body // _ROW.itemsize, _HEADER)
    for name in rows.dtype.names or ():
        if name.startswith("length "):
            size = rows.dtype[name.removeprefix("length ")].itemsize
            if (rows[name] != size).any():
                raise InputError(f"hours: {name} is not {size} everywhere", "upgrade the store")
    return rows


def dense(parts: Sequence[npt.NDArray[np.void]], first: date, last: date) -> Hours:
    """Arrange records as arrays; pure.

    Parameters
    ----------
    parts : Sequence of ndarray
        As `parse` returns them: at most one row per statement and day.
    first, last : date

    """
    named = [
        pl.DataFrame({name: _native(part[name]) for name in KEY}).with_columns(
            pl.col("toplevel").cast(pl.Boolean)
        )
        for part in parts
    ]
    keys = pl.concat(named).unique().sort(KEY) if named else pl.DataFrame(schema=_KEYS)
    numbered = keys.with_row_index("series")
    count, days = keys.height, (last - first).days + 1
    made = Hours(
        keys,
        first,
        np.zeros((count, days, HOURS), np.uint16),
        np.zeros((count, days, HOURS), np.uint8),
        np.zeros((count, days), np.int64),
        np.zeros((count, days)),
    )
    for part, frame in zip(parts, named, strict=True):
        series = frame.join(numbered, on=KEY, how="left", maintain_order="left")["series"]
        _place(made, part, series.cast(pl.Int64).to_numpy())
    return made


_KEYS = {"userid": pl.Int64, "dbid": pl.Int64, "queryid": pl.Int64, "toplevel": pl.Boolean}


def _native(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return values.astype(values.dtype.newbyteorder("="))


def _place(made: Hours, part: npt.NDArray[np.void], series: Ints) -> None:
    day = part["day"].astype(np.int64) - (made.first - _EPOCH).days
    made.day_calls[series, day] = part["calls"]
    made.day_ms[series, day] = part["ms"]
    hours = part["hours"].astype(np.int32)
    packed = part["hourly"].reshape(-1, HOURS, 3)
    mean = packed[:, :, 0] | packed[:, :, 1].astype(np.uint16) << 8
    calls = np.ascontiguousarray(packed[:, :, 2])
    some = np.flatnonzero(hours != _ALL_HOURS)
    if len(some):
        there = (hours[some, None] >> _HOUR_BITS) & 1
        # hours that are there lie one after the other
        place = np.cumsum(there, axis=1, dtype=np.int32) - 1
        np.maximum(place, 0, out=place)
        mean[some] = np.take_along_axis(mean[some], place, axis=1) * there.astype(np.uint16)
        calls[some] = np.take_along_axis(calls[some], place, axis=1) * there.astype(np.uint8)
    made.mean[series, day] = mean
    made.calls[series, day] = calls
