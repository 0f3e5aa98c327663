"""A toy pg_stat_statements with known truth: what really ran between two sweeps."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = {name: 0.0 if kind == pl.Float64 else 0 for name, kind in STATEMENTS.counters.items()} | {
    "exec_time_squares": 0.0
}


@dataclass
class Entry:
    """Counters since `since`, kept as the server keeps them: calls, total and deviation."""

    since: datetime
    calls: int = 0
    total: float = 0.0
    squared_deviations: float = 0.0  # Welford's running sum, as in the server

    def run(self, milliseconds: float) -> None:
        before = self.total / self.calls if self.calls else 0.0
        self.calls += 1
        self.total += milliseconds
        mean = self.total / self.calls
        self.squared_deviations += (milliseconds - before) * (milliseconds - mean)

    @property
    def squares(self) -> float:
        stddev = math.sqrt(max(self.squared_deviations, 0.0) / self.calls)
        return self.calls * stddev**2 + self.total**2 / self.calls


@dataclass
class Server:
    """One server: its entries, its resets, its clock."""

    system_identifier: int = 7
    timeline: int = 1
    in_recovery: bool = False
    started: datetime = EPOCH
    stats_reset: datetime = EPOCH
    dealloc: int = 0
    entries: dict[int, Entry] = field(default_factory=dict)

    def run(self, queryid: int, milliseconds: float, now: datetime) -> None:
        self.entries.setdefault(queryid, Entry(now)).run(milliseconds)

    def evict(self, queryid: int) -> None:
        if self.entries.pop(queryid, None) is not None:
            self.dealloc += 1

    def reset_one(self, queryid: int) -> None:
        self.entries.pop(queryid, None)

    def reset_all(self, now: datetime) -> None:
        self.entries.clear()
        self.stats_reset, self.dealloc = now, 0

    def restart(self, now: datetime, *, crash: bool) -> None:
        self.started = now
        if crash:
            self.reset_all(now)

    def observe(self, now: datetime) -> Observation:
        return Observation(
            ts=now,
            server_version_num=180000,
            system_identifier=self.system_identifier,
            timeline=self.timeline,
            postmaster_start=self.started,
            in_recovery=self.in_recovery,
            statements_stats_reset=self.stats_reset,
            statements_dealloc=self.dealloc,
        )

    def frame(self, *, with_since: bool) -> pl.DataFrame:
        rows = [
            {
                "userid": 10,
                "dbid": 5,
                "queryid": queryid,
                "toplevel": True,
                **ZERO,
                "calls": entry.calls,
                "rows": 2 * entry.calls,
                "total_exec_time": entry.total,
                "exec_time_squares": entry.squares,
                "stats_since": entry.since.replace(tzinfo=None) if with_since else None,
            }
            for queryid, entry in sorted(self.entries.items())
        ]
        return statements(rows)


def statements(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Return rows as a frame of statement counters; counters that are not given are 0."""
    schema: dict[str, pl.DataType] = {
        **STATEMENTS.keys,
        **STATEMENTS.counters,
        "exec_time_squares": pl.Float64(),
        "stats_since": pl.Datetime("us"),
    }
    key = {"userid": 10, "dbid": 5, "queryid": 1, "toplevel": True, "stats_since": None}
    return pl.DataFrame([{**key, **ZERO, **row} for row in rows], schema=schema)


@dataclass
class Truth:
    """What ran since the last sweep, on whatever server."""

    times: dict[int, list[float]] = field(default_factory=dict)

    def add(self, queryid: int, milliseconds: float) -> None:
        self.times.setdefault(queryid, []).append(milliseconds)


class Clock:
    """The target's clock: every look is a little later than the one before."""

    def __init__(self) -> None:
        self.now = EPOCH

    def tick(self, seconds: float = 0.001) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now
