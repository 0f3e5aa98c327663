"""A toy server with known truth: pg_stat_statements and the statistics of tables, as PostgreSQL 14
to 18 keep them, and everything that makes them forget."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import polars as pl

from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS, TABLES

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = {name: 0.0 if kind == pl.Float64 else 0 for name, kind in STATEMENTS.counters.items()} | {
    "exec_time_squares": 0.0
}

#: What the server and its extension tell of an entry. `16`: its extremes. `17`: since when it
#: counts. `17 old`: a newer server whose extension was not updated: extremes, which can be reset.
Telling = Literal["16", "17", "17 old"]
VERSION: dict[Telling, int] = {"16": 160_004, "17": 170_004, "17 old": 170_004}

#: As in pg_stat_statements.c.
USAGE_INIT = 1.0
USAGE_EXEC = 1.0
DECREASE = 0.99
STICKY_DECREASE = 0.5
DEALLOC_SHARE = 0.05


@dataclass
class Entry:
    """Counters since `since`, kept as the server keeps them."""

    since: datetime
    usage: float
    calls: int = 0
    total: float = 0.0
    squared_deviations: float = 0.0  # Welford's running sum, as in the server
    shortest: float = 0.0
    longest: float = 0.0
    widened: bool = False  # since the extremes were reset

    @property
    def sticky(self) -> bool:
        """Parsed, never executed: it keeps its place but is not shown."""
        return self.calls == 0

    def run(self, milliseconds: float) -> None:
        if self.sticky:
            self.usage = USAGE_INIT
        before = self.total / self.calls if self.calls else 0.0
        self.calls += 1
        self.total += milliseconds
        mean = self.total / self.calls
        self.squared_deviations += (milliseconds - before) * (milliseconds - mean)
        self.shortest = min(self.shortest, milliseconds) if self.widened else milliseconds
        self.longest = max(self.longest, milliseconds) if self.widened else milliseconds
        self.widened = True
        self.usage += USAGE_EXEC

    @property
    def squares(self) -> float:
        stddev = math.sqrt(max(self.squared_deviations, 0.0) / self.calls)
        return self.calls * stddev**2 + self.total**2 / self.calls


@dataclass
class Server:
    """One server: its entries, its resets, its process.

    `least_victims` is 10 in the real one, whose smallest `pg_stat_statements.max` is 100.
    """

    system_identifier: int = 7
    timeline: int = 1
    in_recovery: bool = False
    started: datetime = EPOCH
    database: int = 5
    stats_reset: datetime = EPOCH
    dealloc: int = 0
    maximum: int = 100
    least_victims: int = 10
    median_usage: float = 10.0
    entries: dict[int, Entry] = field(default_factory=dict)

    def run(self, queryid: int, milliseconds: float, now: datetime) -> None:
        self.parse(queryid, now, usage=USAGE_INIT)
        self.entries[queryid].run(milliseconds)

    def parse(self, queryid: int, now: datetime, usage: float | None = None) -> None:
        """Make an entry unless there is one; for a statement with constants before it runs."""
        if queryid in self.entries:
            return
        while len(self.entries) >= self.maximum:
            self._make_room()
            self.dealloc += 1
        self.entries[queryid] = Entry(now, self.median_usage if usage is None else usage)

    def _make_room(self) -> None:
        for entry in self.entries.values():
            entry.usage *= STICKY_DECREASE if entry.sticky else DECREASE
        by_usage = sorted(self.entries, key=lambda queryid: self.entries[queryid].usage)
        self.median_usage = self.entries[by_usage[len(by_usage) // 2]].usage
        victims = max(self.least_victims, int(len(by_usage) * DEALLOC_SHARE))
        for queryid in by_usage[:victims]:
            del self.entries[queryid]

    def evict(self, queryid: int) -> None:
        """Throw out one entry, whichever: harder than the server would."""
        if self.entries.pop(queryid, None) is not None:
            self.dealloc += 1

    def reset_one(self, queryid: int) -> None:
        self.entries.pop(queryid, None)

    def reset_extremes(self) -> None:
        for entry in self.entries.values():
            entry.shortest = entry.longest = 0.0
            entry.widened = False

    def reset_all(self, now: datetime) -> None:
        self.entries.clear()
        self.stats_reset, self.dealloc = now, 0

    def restart(self, now: datetime, *, keeps: bool, maximum: int | None = None) -> None:
        """Start again; a lowered maximum drops entries as they are loaded, and does not tell."""
        self.started = now
        if not keeps:
            self.reset_all(now)
        self.maximum = maximum or self.maximum
        while len(self.entries) > self.maximum:
            self._make_room()

    def observe(self, now: datetime, telling: Telling = "17", **more: object) -> Observation:
        return Observation(
            ts=now,
            server_version_num=VERSION[telling],
            system_identifier=self.system_identifier,
            timeline=self.timeline,
            postmaster_start=self.started,
            in_recovery=self.in_recovery,
            database_oid=self.database,
            statements_stats_reset=self.stats_reset,
            statements_dealloc=self.dealloc,
            **more,  # type: ignore[arg-type]
        )

    def frame(self, telling: Telling = "17") -> pl.DataFrame:
        rows = [
            {
                "dbid": self.database,
                "queryid": queryid,
                "calls": entry.calls,
                "rows": 2 * entry.calls,
                "total_exec_time": entry.total,
                "exec_time_squares": entry.squares,
                **(
                    {"stats_since": entry.since.replace(tzinfo=None)}
                    if telling == "17"
                    else {"min_exec_time": entry.shortest, "max_exec_time": entry.longest}
                ),
            }
            for queryid, entry in sorted(self.entries.items())
            if not entry.sticky
        ]
        return statements(rows)


def statements(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Return rows as a frame of statement counters; counters that are not given are 0."""
    schema: dict[str, pl.DataType] = {
        **STATEMENTS.keys,
        **STATEMENTS.counters,
        "exec_time_squares": pl.Float64(),
        "stats_since": pl.Datetime("us"),
        **dict.fromkeys(STATEMENTS.extremes, pl.Float64()),
    }
    key = {"userid": 10, "dbid": 5, "queryid": 1, "toplevel": True, "stats_since": None}
    nothing = {**key, **ZERO, **dict.fromkeys(STATEMENTS.extremes)}
    return pl.DataFrame([{**nothing, **row} for row in rows], schema=schema)


@dataclass
class Tables:
    """Statistics of tables of one database: `n_tup_ins` counts, `seq_scan` counts where told."""

    tells_scans: bool = True
    counts: dict[int, int] = field(default_factory=dict)
    stats_reset: datetime | None = None
    cumulative: datetime = EPOCH

    def work(self, relid: int, rows: int) -> None:
        self.counts[relid] = self.counts.get(relid, 0) + rows

    def reset_one(self, relid: int, now: datetime) -> None:
        self.counts[relid] = 0
        self.stats_reset = now

    def reset_all(self, now: datetime) -> None:
        self.counts = dict.fromkeys(self.counts, 0)
        self.stats_reset = now

    def crash(self, now: datetime) -> None:
        """Throw everything away, the time of the last reset too."""
        self.counts = dict.fromkeys(self.counts, 0)
        self.stats_reset, self.cumulative = None, now

    def observe(self, now: datetime) -> Observation:
        return Observation(
            ts=now,
            server_version_num=180_004,
            database_stats_reset=self.stats_reset,
            cumulative_stats_reset=self.cumulative,
        )

    def frame(self) -> pl.DataFrame:
        zero = dict.fromkeys([*TABLES.counters, *TABLES.gauges], 0)
        rows = [
            {
                "relid": relid,
                "schema_name": "s",
                "table_name": f"t{relid}",
                **zero,
                "n_tup_ins": count,
                "n_tup_upd": None,
                "seq_scan": 2 * count if self.tells_scans else None,
            }
            for relid, count in sorted(self.counts.items())
        ]
        schema: dict[str, pl.DataType] = {
            **TABLES.keys,
            **dict.fromkeys(TABLES.names, pl.String()),
            **TABLES.counters,
            **TABLES.gauges,
        }
        return pl.DataFrame(rows, schema=schema)


@dataclass
class Truth:
    """What ran since the last sweep, on the server we watch."""

    times: dict[int, list[float]] = field(default_factory=dict)

    def add(self, queryid: int, milliseconds: float) -> None:
        self.times.setdefault(queryid, []).append(milliseconds)


class Clock:
    """The target's clock: every look is a little later than the one before, and never repeats."""

    def __init__(self) -> None:
        self.now = EPOCH

    def tick(self, seconds: float = 0.001) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def step(self, seconds: float) -> None:
        """Set the clock; by some microseconds more, so that no instant comes twice."""
        self.now += timedelta(seconds=seconds, microseconds=7)
