"""A year of 5,000 statements in a store's rollups, with known changes: a seeded generator.

Every statement has a level, noise (a third of them autocorrelated), a day and a week, a volume of
calls that follows the day, and hours in which it runs: half run in every hour, others in business
hours, or in a few hours a day. There are spikes, restarts (cold caches for an hour), a few per cent
of statements with steps (up for good, up and down again after weeks, down), some drifts, some that
alternate between two plans. Rows go in by binary COPY, made by NumPy, whole days at a time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from psycopg import sql

from perf_pipeline.postgres import copy
from perf_pipeline.store import Store, hours, partitions, targets

HOUR_US = 3_600_000_000
EPOCH = date(2000, 1, 1)
RESTARTS = 8
STEPPED, DRIFTED, ALTERNATING = 0.05, 0.01, 0.005

HOURLY = (
    ("hour", ">i8"), ("queryid", ">i8"), ("calls", ">i8"), ("total_exec_time", ">f8"),
    ("exec_time_squares", ">f8"), ("total_plan_time", ">f8"), ("rows", ">i8"),
    ("shared_blks_hit", ">i8"), ("shared_blks_read", ">i8"), ("temp_blks", ">i8"),
    ("io_time", ">f8"), ("wal_bytes", ">i8"), ("jit_time", ">f8"), ("target_id", ">i4"),
    ("userid", ">i4"), ("dbid", ">i4"), ("source", "S9"), ("intervals", ">i2"),
    ("toplevel", "u1"), ("exact", "u1"),
)  # fmt: skip
DAILY = (
    ("queryid", ">i8"), ("calls", ">i8"), ("total_exec_time", ">f8"), ("exec_time_squares", ">f8"),
    ("plans", ">i8"), ("total_plan_time", ">f8"), ("rows", ">i8"), ("shared_blks_hit", ">i8"),
    ("shared_blks_read", ">i8"), ("shared_blks_dirtied", ">i8"), ("shared_blks_written", ">i8"),
    ("temp_blks_read", ">i8"), ("temp_blks_written", ">i8"), ("blk_read_time", ">f8"),
    ("blk_write_time", ">f8"), ("wal_bytes", ">i8"), ("jit_time", ">f8"), ("exact_calls", ">i8"),
    ("exact_exec_time", ">f8"), ("target_id", ">i4"), ("day", ">i4"), ("userid", ">i4"),
    ("dbid", ">i4"), ("source", "S9"), ("intervals", ">i2"), ("exact_intervals", ">i2"),
    ("toplevel", "u1"), ("hours", ">i4"), ("hourly", "u1"),
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A change that was put in: of which statement, when, by what factor."""

    queryid: int
    onset: datetime
    factor: float
    drift_days: int
    noise: float


class Year:
    """The statements of some days: hourly means and calls, and the changes in them."""

    def __init__(self, statements: int, days: int, first: date, seed: int) -> None:
        self.first, self.days = first, days
        r = self.r = np.random.default_rng(seed)
        n = statements
        self.queryid = np.sort(r.choice(2**62, n, replace=False))
        self.level = r.normal(math.log(4.0), 1.4, n)
        self.noise = np.exp(r.normal(math.log(0.10), 0.35, n)).clip(0.03, 0.5)
        self.phi = np.where(r.random(n) < 0.33, r.uniform(0.2, 0.6, n), 0.0)
        self.day_size = r.uniform(0.0, 0.25, n) * (r.random(n) < 0.7)
        self.day_peak = r.normal(14, 2, n)
        self.weekend = r.normal(-0.03, 0.05, n) * (r.random(n) < 0.4)
        self.volume = r.normal(math.log(200), 1.8, n).clip(1.0, 12)
        hour = np.arange(24)
        kind = r.random(n)
        self.runs = np.ones((n, 24), bool)
        office = (kind > 0.5) & (kind < 0.8)
        self.runs[office] = (hour >= 7) & (hour < 20)
        for i in np.flatnonzero(kind >= 0.8):
            self.runs[i] = False
            self.runs[i, r.choice(24, int(r.integers(1, 7)), replace=False)] = True
        self.shift = np.zeros((n, days * 24), np.float32)
        self.changes: list[Change] = []
        self._tell()

    def _change(self, i: int, at: int, factor: float, drift_days: int = 0) -> None:
        onset = datetime.combine(self.first, datetime.min.time()) + timedelta(hours=int(at))
        self.changes.append(
            Change(int(self.queryid[i]), onset, factor, drift_days, float(self.noise[i]))
        )

    def _tell(self) -> None:
        r, n, end = self.r, len(self.level), self.days * 24
        order = r.permutation(n)
        stepped = order[: int(STEPPED * n)]
        drifted = order[int(STEPPED * n) : int((STEPPED + DRIFTED) * n)]
        for i in stepped:
            for _ in range(int(r.integers(1, 3))):
                at = int(r.integers(min(24 * 21, end // 2), end - 24))
                factor = float(r.choice([1.3, 1.5, 2.0, 3.0, 1 / 1.5, 1 / 2.0]))
                stop = end if r.random() < 0.5 else min(end, at + int(r.integers(100, 1500)))
                self.shift[i, at:stop] += np.float32(math.log(factor))
                self._change(i, at, factor)
                if stop < end:
                    self._change(i, stop, 1 / factor)
        for i in drifted:
            length = int(r.integers(15, 40))
            at = int(r.integers(min(24 * 21, end // 2), max(end - 24 * length, end // 2 + 1)))
            factor = float(r.choice([1.5, 2.0]))
            ramp = np.clip((np.arange(end) - at) / (24 * length), 0, 1)
            self.shift[i] += (math.log(factor) * ramp).astype(np.float32)
            self._change(i, at, factor, length)
        for i in order[-max(1, int(ALTERNATING * n)) :]:
            self.shift[i] += np.float32(r.uniform(0.3, 0.8)) * (r.random(end) < 0.4)
        for at in r.integers(0, end, max(1, RESTARTS * self.days // 365)):
            self.shift[:, at] += np.float32(0.5)

    def blocks(self, length: int) -> "list[tuple[int, np.ndarray, np.ndarray]]":
        """Yield (first day, mean in ms, calls), shape (statements, days of the block, 24)."""
        r, n = self.r, len(self.level)
        x = np.zeros(n)
        for start in range(0, self.days, length):
            count = min(length, self.days - start)
            t = np.arange(start * 24, (start + count) * 24)
            hour = t % 24
            free = ((self.first + timedelta(days=start)).weekday() + (t // 24 - start)) % 7 >= 5
            e = r.standard_normal((len(t), n), dtype=np.float32).T
            e *= 1 + 1.5 * (r.random((n, len(t)), dtype=np.float32) < 0.02)
            wander = np.empty((n, len(t)), np.float32)
            keep, push = self.phi, np.sqrt(1 - self.phi**2)
            for k in range(len(t)):
                x = keep * x + push * e[:, k]
                wander[:, k] = x
            shape = np.cos(2 * np.pi * (hour - self.day_peak[:, None]) / 24)
            calls = r.poisson(np.exp(self.volume[:, None] + 0.6 * shape - 0.5 * free))
            calls[~np.tile(self.runs, (1, count))] = 0
            y = self.level[:, None] + self.day_size[:, None] * shape + self.weekend[:, None] * free
            y = y + self.noise[:, None] * wander + self.shift[:, t]
            few = r.standard_normal((n, len(t)), dtype=np.float32)
            y += 0.8 * few / np.sqrt(np.maximum(calls, 1))
            y += (r.random((n, len(t)), dtype=np.float32) < 0.001) * r.uniform(0.5, 2)
            yield start, np.exp(y).reshape(n, count, 24), calls.reshape(n, count, 24)


def records(columns: Sequence[tuple[str, str]], count: int, packed: int = 0) -> np.ndarray:
    """Return rows of COPY in binary, lengths filled in, values to be filled in."""
    kinds: list[tuple] = [("columns", ">i2")]
    for name, kind in columns:
        shape = (name, kind, (packed,)) if name == "hourly" else (name, kind)
        kinds += [(f"length {name}", ">i4"), shape]
    rows = np.zeros(count, np.dtype(kinds))
    rows["columns"] = len(columns)
    for name, _ in columns:
        rows[f"length {name}"] = rows.dtype[name].itemsize
    return rows


def _send(store: Store, table: str, columns: Sequence[tuple[str, str]], parts: list) -> None:
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier("ledger", table), names
    )
    with store.begin() as connection, connection.cursor().copy(statement) as copied:
        copied.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for part in parts:
            copied.write(part.tobytes())
        copied.write(b"\xff\xff")


def _fixed(rows: np.ndarray, target_id: int) -> None:
    rows["target_id"], rows["userid"], rows["dbid"] = target_id, 10, 5
    rows["source"], rows["toplevel"] = b"collected", 1


def _hourly(year: Year, target_id: int, day: date, mean: np.ndarray, calls: np.ndarray) -> list:
    series, hour = np.nonzero(calls)
    rows = records(HOURLY, len(series))
    _fixed(rows, target_id)
    number, ms = calls[series, hour], mean[series, hour]
    rows["hour"] = ((day - EPOCH).days * 24 + hour) * HOUR_US
    rows["queryid"], rows["calls"] = year.queryid[series], number
    rows["total_exec_time"] = ms * number
    rows["exec_time_squares"] = ms**2 * number * 1.6
    rows["total_plan_time"] = 0.02 * ms * number
    rows["rows"], rows["shared_blks_hit"] = 3 * number, 12 * number
    rows["shared_blks_read"] = number // 5
    rows["io_time"] = 0.1 * ms * number
    rows["intervals"], rows["exact"] = 1, 1
    return [rows]


def _daily(year: Year, target_id: int, day: date, mean: np.ndarray, calls: np.ndarray) -> list:
    parts = []
    count = (calls > 0).sum(axis=1)
    ms = (mean * calls).sum(axis=1)
    for k in np.unique(count[count > 0]).tolist():
        of = np.flatnonzero(count == k)
        rows = records(DAILY, len(of), 3 * k)
        _fixed(rows, target_id)
        there = calls[of] > 0
        total = calls[of].sum(axis=1)
        rows["queryid"], rows["day"] = year.queryid[of], (day - EPOCH).days
        for name in ("calls", "plans", "exact_calls"):
            rows[name] = total
        for name in ("total_exec_time", "exact_exec_time"):
            rows[name] = ms[of]
        rows["exec_time_squares"] = (mean[of] ** 2 * calls[of]).sum(axis=1) * 1.6
        rows["total_plan_time"] = 0.02 * ms[of]
        rows["rows"], rows["shared_blks_hit"] = 3 * total, 12 * total
        rows["shared_blks_read"], rows["blk_read_time"] = total // 5, 0.1 * ms[of]
        rows["intervals"] = rows["exact_intervals"] = k
        rows["hours"] = (there * (1 << np.arange(24))).sum(axis=1)
        rows["hourly"] = hours.encode(mean[of][there], calls[of][there]).reshape(len(of), 3 * k)
        parts.append(rows)
    return parts


def packed(year: Year) -> hours.Hours:
    """Return the hours of all statements as arrays, without a store."""
    shape = (len(year.queryid), year.days, 24)
    mean, calls = np.zeros(shape, np.uint16), np.zeros(shape, np.uint8)
    for start, ms, number in year.blocks(7):
        there = number > 0
        code = hours.encode(ms[there], number[there]).astype(np.uint16)
        part = slice(start, start + ms.shape[1])
        mean[:, part][there] = code[:, 0] + 256 * code[:, 1]
        calls[:, part][there] = code[:, 2]
    keys = pl.DataFrame({"userid": 10, "dbid": 5, "queryid": year.queryid, "toplevel": True})
    nothing = np.zeros(shape[:2])
    return hours.Hours(keys, year.first, mean, calls, nothing.astype(np.int64), nothing)


def write(
    store: Store, name: str, statements: int, days: int, last: date, seed: int = 1,
    *, with_hours: bool = True,
) -> Year:  # fmt: skip
    """Fill the rollups of a target; return what is in them."""
    first = last - timedelta(days=days - 1)
    year = Year(statements, days, first, seed)
    target_id = targets.register(store, name)
    with store.begin() as connection:
        for table in ("statements_hourly", "statements_daily", "sweeps"):
            partitions.ensure(connection, first, last, table=("ledger", table))
    for start, mean, calls in year.blocks(7):
        of_hours, of_days = [], []
        for k in range(mean.shape[1]):
            day = first + timedelta(days=start + k)
            part = (year, target_id, day, mean[:, k], calls[:, k])
            of_days += _daily(*part)
            if with_hours:
                of_hours += _hourly(*part)
        _send(store, "statements_daily", DAILY, of_days)
        if with_hours:
            _send(store, "statements_hourly", HOURLY, of_hours)
    _sweeps(store, target_id, first, days)
    _texts(store, target_id, year)
    with store.begin() as connection:
        connection.execute("ANALYZE ledger.statements_daily, ledger.sweeps, ledger.query_texts")
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("statements_daily", "statements_hourly"):
            connection.exec_driver_sql(f"VACUUM ledger.{table}")
    return year


def _sweeps(store: Store, target_id: int, first: date, days: int) -> None:
    start = datetime.combine(first, datetime.min.time())
    ends = [start + timedelta(hours=h, minutes=59) for h in range(days * 24)]
    frame = pl.DataFrame(
        {
            "ts": ends,
            "previous_ts": [start - timedelta(minutes=1), *ends[:-1]],
            "source": "collected",
            "quality": "exact",
            "server_version_num": 180000,
        }
    ).with_columns(target_id=pl.lit(target_id))
    with store.begin() as connection:
        copy.write_frame(connection, ("ledger", "sweeps"), frame)


def _texts(store: Store, target_id: int, year: Year) -> None:
    ids = year.queryid.tolist()
    texts = pl.DataFrame(
        {
            "text_hash": [f"h{i}" for i in ids],
            "query": [f"SELECT a, b FROM shop.orders_{n} WHERE id = $1" for n in range(len(ids))],
        }
    ).with_columns(first_seen=pl.lit(datetime(2025, 1, 1, tzinfo=UTC)))
    known = pl.DataFrame({"queryid": ids, "text_hash": [f"h{i}" for i in ids]}).with_columns(
        target_id=pl.lit(target_id), userid=pl.lit(10), dbid=pl.lit(5)
    )
    with store.begin() as connection:
        copy.write_frame(connection, ("ledger", "query_texts"), texts)
        copy.write_frame(connection, ("ledger", "statement_texts"), known)
