"""A collector and the servers it meets: plays a script of events, and checks what it made of it."""

import math
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from perf_pipeline.snapshots.deltas import interval
from perf_pipeline.snapshots.evidence import Evidence, Observation
from perf_pipeline.snapshots.families import TABLES
from perf_pipeline_tests.snapshots.simulator import EPOCH, Clock, Server, Tables, Telling, Truth

SPACING = 300.0
QUERIES = range(1, 5)
#: Keys from here on run once and never again.
CHURN = 1_000

#: Its multiples, without their whole parts, never come close to each other.
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

#: What happens between two sweeps.
Event = tuple[Any, ...]
Script = list[list[Event]]


def small(**more: Any) -> Server:
    """A server with room for six statements, which throws out one at a time."""
    return Server(maximum=6, least_victims=1, **more)


@dataclass
class Swept:
    """One sweep: the interval, what really ran in it, the evidence, whose entry went.

    `alone`: of those, the ones that were reset alone; `known`: at the sweep before.
    """

    rows: pl.DataFrame
    truth: dict[int, list[float]]
    evidence: Evidence
    lost: set[int]
    alone: set[int]
    disturbed: bool
    known: set[int]


@dataclass
class World:
    """Two servers, one clock, one collector."""

    telling: Telling
    clock: Clock = field(default_factory=Clock)
    servers: list[Server] = field(default_factory=list)
    truth: Truth = field(default_factory=Truth)
    state: tuple[pl.DataFrame, Observation] | None = None
    sees_all: bool = True
    lost: set[int] = field(default_factory=set)
    alone: set[int] = field(default_factory=set)
    disturbed: bool = False
    number: int = 0
    sweeps: list[Swept] = field(default_factory=list)
    around: dict[str, list[Event]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # another process on another machine: it was started and emptied at other times
        started = EPOCH - timedelta(days=1)
        standby = small(in_recovery=True, started=started, stats_reset=started)
        self.servers = [small(), standby]

    @property
    def server(self) -> Server:
        return self.servers[0]

    def play(self, event: Event) -> None:
        if event[0] != "run":
            self.disturbed = True
        known = set(self.server.entries)
        getattr(self, event[0])(*event[1:])
        self.lost |= known - set(self.server.entries)

    def run(self, queryid: int, times: list[float]) -> None:
        for milliseconds in times:
            self._execute(queryid, milliseconds)

    def _execute(self, queryid: int, milliseconds: float) -> None:
        # no two executions take nearly the same time: see `continuity.TELLING_MS`
        self.number += 1
        took = milliseconds * (1.0 + 1e-3 * (self.number * GOLDEN % 1.0))
        before = set(self.server.entries)
        self.server.run(queryid, took, self.clock.tick())
        self.lost |= before - set(self.server.entries)
        self.truth.add(queryid, took)
        # the standby has a workload of its own, which nobody asked us to count
        self.servers[1].run(queryid, 1.0, self.clock.now)
        self.servers[1].run(queryid, 2.0, self.clock.now)

    def churn(self, statements: int) -> None:
        """Run statements that never come again, until there is no room."""
        for _ in range(statements):
            self._execute(CHURN + self.number, 1.0)

    def parse(self, queryid: int) -> None:
        self.server.parse(queryid, self.clock.tick())

    def evict(self, queryid: int) -> None:
        self.server.evict(queryid)

    def reset_one(self, queryid: int) -> None:
        self.server.reset_one(queryid)
        self.alone.add(queryid)

    def reset_extremes(self) -> None:
        if self.telling != "16":
            self.server.reset_extremes()

    def reset_all(self) -> None:
        self.server.reset_all(self.clock.tick())

    def crash(self) -> None:
        self.server.restart(self.clock.tick(), keeps=False)

    def crash_of_a_session(self) -> None:
        """All sessions are ended and shared memory is made anew; the main process stays."""
        started = self.server.started
        self.crash()
        self.server.started = started

    def restart(self, maximum: int) -> None:
        self.server.restart(self.clock.tick(), keeps=True, maximum=maximum)

    def promote(self) -> None:
        """The server we watch is promoted, or seems to be: no restart, its counters go on."""
        self.server.timeline += 1
        self.server.in_recovery = False

    def failover(self) -> None:
        old, new = self.servers
        new.timeline, new.in_recovery, old.in_recovery = old.timeline + 1, False, True
        old.started = self.clock.tick()  # nobody becomes a standby without a restart
        self.servers.reverse()
        self.lost.update(old.entries)

    def replace(self) -> None:
        """The same address, another cluster."""
        other = small(system_identifier=100 + self.number, started=EPOCH - timedelta(days=2))
        self._used(other)

    def other_database(self) -> None:
        """The same server, another database: somebody changed the URL."""
        other = replace(self.server, database=self.server.database + 1, entries={})
        self._used(other)

    def _used(self, other: Server) -> None:
        for queryid in QUERIES:
            for _ in range(50):
                other.run(queryid, 9.0, self.clock.tick())
        self.lost.update(self.server.entries)
        self.servers[0] = other

    def update_extension(self) -> None:
        if self.telling == "17 old":
            self.telling = "17"

    def see(self, everything: bool) -> None:
        """Others' statements (the higher half) are hidden, or not."""
        self.sees_all = everything

    def missed(self) -> None:
        self.clock.tick(10 * SPACING)

    def step_clock(self, seconds: float) -> None:
        self.clock.step(seconds)

    def while_read(self, moment: str, *event: Any) -> None:
        """Remember what happens as the statements are read: `before` or `after` that."""
        self.around.setdefault(moment, []).append(event)

    def sweep(self) -> None:
        now = self.clock.tick(SPACING / 10)
        around, self.around = self.around, {}
        observed = self.server.observe(now, self.telling, sees_all=self.sees_all)
        for event in around.get("before", []):
            self.play(event)
        current = self.server.frame(self.telling)
        if not self.sees_all:
            current = current.filter(pl.col("queryid") < 3)
        swept = (self.truth.times, self.lost, self.alone, self.disturbed)
        self.truth, self.lost, self.alone, self.disturbed = Truth(), set(), set(), False
        for event in around.get("after", []):
            self.play(event)
        observed = replace(
            observed,
            statements_stats_reset_after=self.server.stats_reset,
            statements_dealloc_after=self.server.dealloc,
        )
        previous, before = self.state or (None, None)
        evidence = Evidence(before, observed, SPACING)
        rows = interval(previous, current, evidence)
        truth, lost, alone, disturbed = swept
        known = set(previous["queryid"]) if previous is not None else set()
        self.sweeps.append(Swept(rows, truth, evidence, lost, alone, disturbed, known))
        self.state = (current, observed)


def played(script: Script, telling: Telling) -> World:
    """Return the world after a script: events, then a sweep, again and again."""
    world = World(telling)
    for between in script:
        for event in between:
            world.play(event)
        world.sweep()
    return world


#: Qualities that say: all of it, and nothing else. (Of a new statement that was reset alone before
#: it was first seen, no server keeps a trace.)
COMPLETE = {"exact", "gap", "first_seen"}


def check(world: World) -> None:
    """Assert that no call is invented, and that what is said to be complete is."""
    for swept in world.sweeps:
        for row in swept.rows.to_dicts():
            really = swept.truth.get(row["queryid"], [])
            assert 0 <= row["calls"] <= len(really), row
            assert row["rows"] == 2 * row["calls"]
            # sums are differences of larger sums: exact to 1e-15 of those, not of themselves
            error = 1e-14 * 1e6 * 500
            assert 0.0 <= row["total_exec_time"] <= math.fsum(really) + error
            assert min(row[name] for name in swept.rows.columns[5:]) >= 0
            unseen = row["queryid"] in swept.alone - swept.known
            if row["quality"] in COMPLETE and not unseen:
                assert row["calls"] == len(really), row
                assert row["total_exec_time"] == pytest.approx(math.fsum(really), abs=error)
            if row["quality"] == "exact":
                assert not swept.evidence.gap
            if not swept.disturbed and not swept.lost:
                assert row["quality"] not in {"reset", "evicted_reinserted"}


@dataclass
class Relations:
    """One collector of the statistics of tables."""

    tables: Tables = field(default_factory=Tables)
    clock: Clock = field(default_factory=Clock)
    truth: dict[int, int] = field(default_factory=dict)
    state: tuple[pl.DataFrame, Observation] | None = None
    dropped: dict[int, int] = field(default_factory=dict)
    sweeps: list[tuple[pl.DataFrame, dict[int, int]]] = field(default_factory=list)

    def play(self, event: Event) -> None:
        getattr(self, event[0])(*event[1:])

    def _relid(self, table: int) -> int:
        """Return its number: a table that is made again is another one."""
        return table + 100 * self.dropped.get(table, 0)

    def work(self, table: int, rows: int) -> None:
        relid = self._relid(table)
        self.tables.work(relid, rows)
        self.truth[relid] = self.truth.get(relid, 0) + rows

    def reset_one(self, table: int) -> None:
        self.tables.reset_one(self._relid(table), self.clock.tick())

    def reset_all(self) -> None:
        self.tables.reset_all(self.clock.tick())

    def crash(self) -> None:
        self.tables.crash(self.clock.tick())

    def drop(self, table: int) -> None:
        self.tables.counts.pop(self._relid(table), None)
        self.dropped[table] = self.dropped.get(table, 0) + 1

    def tell_scans(self, told: bool) -> None:
        self.tables.tells_scans = told

    def sweep(self) -> None:
        now = self.clock.tick(SPACING / 10)
        current, observed = self.tables.frame(), self.tables.observe(now)
        previous, before = self.state or (None, None)
        rows = interval(previous, current, Evidence(before, observed, SPACING), TABLES)
        self.sweeps.append((rows, self.truth))
        self.state, self.truth = (current, observed), {}


def check_relations(world: Relations) -> None:
    """Assert the same of the counters of tables; what the server does not tell stays null."""
    for rows, truth in world.sweeps:
        for row in rows.to_dicts():
            really = truth.get(row["relid"], 0)
            assert row["n_tup_upd"] is None
            assert 0 <= row["n_tup_ins"] <= really, row
            assert row["seq_scan"] is None or 0 <= row["seq_scan"] <= 2 * really, row
            if row["quality"] in COMPLETE:
                assert row["n_tup_ins"] == really, row
                assert row["seq_scan"] in {None, 2 * really}
