"""The simulator runs, is reset, evicts, restarts, fails over; nothing is ever invented."""

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perf_pipeline.snapshots.deltas import interval
from perf_pipeline.snapshots.evidence import Evidence, Observation
from perf_pipeline_tests.snapshots.simulator import EPOCH, Clock, Server, Truth

SPACING = 300.0
ALL = range(1, 5)


def standby() -> Server:
    """Another process on another machine: it was started and emptied at other times."""
    started = EPOCH - timedelta(days=1)
    return Server(in_recovery=True, started=started, stats_reset=started)


queries = st.integers(1, 4)
durations = st.sampled_from([0.001, 0.5, 1.0, 3.5, 1e6]) | st.floats(1e-4, 1e6, allow_nan=False)
runs = st.lists(
    st.tuples(st.just("run"), queries, st.lists(durations, min_size=1, max_size=4)), max_size=4
)
disruptions = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["evict", "reset_one"]), queries),
        st.tuples(
            st.sampled_from(["reset_all", "crash", "restart", "failover", "replace", "missed"])
        ),
    ),
    max_size=2,
)
#: What happens between two sweeps.
rounds = st.tuples(runs, disruptions, runs).map(lambda parts: [*parts[0], *parts[1], *parts[2]])
scripts = st.lists(rounds, min_size=2, max_size=8)
calm_scripts = st.lists(runs, min_size=2, max_size=8)
Script = list[list[tuple[Any, ...]]]


@dataclass
class World:
    """Two servers, one clock, one collector."""

    with_since: bool
    clock: Clock = field(default_factory=Clock)
    servers: list[Server] = field(default_factory=lambda: [Server(), standby()])
    truth: Truth = field(default_factory=Truth)
    state: tuple[pl.DataFrame, Observation] | None = None
    lost: set[int] = field(default_factory=set)
    clusters: int = 100
    #: (interval, truth, evidence, statements whose entry vanished) of every sweep
    sweeps: list[tuple[pl.DataFrame, dict[int, list[float]], Evidence, set[int]]] = field(
        default_factory=list
    )

    def play(self, event: tuple[Any, ...]) -> None:
        getattr(self, event[0])(*event[1:])

    def run(self, queryid: int, times: list[float]) -> None:
        for milliseconds in times:
            self.servers[0].run(queryid, milliseconds, self.clock.tick())
            self.truth.add(queryid, milliseconds)
            # the standby has a workload of its own, which nobody asked us to count
            self.servers[1].run(queryid, 1.0, self.clock.now)
            self.servers[1].run(queryid, 2.0, self.clock.now)

    def evict(self, queryid: int) -> None:
        self.servers[0].evict(queryid)
        self.lost.add(queryid)

    def reset_one(self, queryid: int) -> None:
        self.servers[0].reset_one(queryid)
        self.lost.add(queryid)

    def reset_all(self) -> None:
        self.servers[0].reset_all(self.clock.tick())
        self.lost.update(ALL)

    def crash(self) -> None:
        self.servers[0].restart(self.clock.tick(), crash=True)
        self.lost.update(ALL)

    def restart(self) -> None:
        self.servers[0].restart(self.clock.tick(), crash=False)

    def failover(self) -> None:
        old, new = self.servers
        new.timeline, new.in_recovery, old.in_recovery = old.timeline + 1, False, True
        self.servers.reverse()
        self.lost.update(ALL)

    def replace(self) -> None:
        self.clusters += 1
        other = Server(system_identifier=self.clusters, started=EPOCH - timedelta(days=2))
        for queryid in ALL:
            for _ in range(50):
                other.run(queryid, 9.0, self.clock.tick())
        self.servers[0] = other
        self.lost.update(ALL)

    def missed(self) -> None:
        self.clock.tick(10 * SPACING)

    def sweep(self) -> None:
        now = self.clock.tick(SPACING / 10)
        server = self.servers[0]
        current, observed = server.frame(with_since=self.with_since), server.observe(now)
        previous, before = self.state or (None, None)
        evidence = Evidence(before, observed, SPACING)
        self.sweeps.append(
            (interval(previous, current, evidence), self.truth.times, evidence, self.lost)
        )
        self.state, self.truth, self.lost = (current, observed), Truth(), set()


def played(script: Script, *, with_since: bool) -> World:
    world = World(with_since)
    for between in script:
        for event in between:
            world.play(event)
        world.sweep()
    return world


@given(scripts, st.booleans())
@example([[("run", 1, [1.0])], [("run", 1, [1.0]), ("failover",)]], False)
@settings(max_examples=100, deadline=None)
def test_nothing_negative_and_nothing_invented(script: Script, with_since: bool) -> None:
    for rows, truth, _, _ in played(script, with_since=with_since).sweeps:
        for row in rows.to_dicts():
            really = truth.get(row["queryid"], [])
            assert 0 <= row["calls"] <= len(really)
            assert row["rows"] == 2 * row["calls"]
            assert 0.0 <= row["total_exec_time"] <= sum(really) * (1 + 1e-9) + 1e-6
            assert row["exec_time_squares"] >= 0.0
            assert min(row[name] for name in rows.columns[5:]) >= 0


@given(scripts)
@example([[("run", 1, [1.0])], [("evict", 1), ("run", 1, [1.0, 1.0])]])
@example([[("run", 1, [1.0])], [("reset_all",), ("run", 1, [1.0, 1.0])]])
@settings(max_examples=100, deadline=None)
def test_with_stats_since_exact_is_exact(script: Script) -> None:
    for rows, truth, evidence, lost in played(script, with_since=True).sweeps:
        for row in rows.to_dicts():
            if row["quality"] == "exact":
                assert row["calls"] == len(truth[row["queryid"]])
                assert not evidence.gap
            if row["quality"] == "first_seen" and row["queryid"] not in lost:
                assert row["calls"] == len(truth[row["queryid"]])


@given(calm_scripts, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_calm_server_is_counted_completely(script: Script, with_since: bool) -> None:
    sweeps = played(script, with_since=with_since).sweeps
    assert sweeps[0][0].is_empty()
    for rows, truth, _, _ in sweeps[1:]:
        counted = {row["queryid"]: row for row in rows.to_dicts()}
        assert set(counted) == set(truth)
        for queryid, times in truth.items():
            row = counted[queryid]
            assert row["calls"] == len(times)
            assert row["quality"] in {"exact", "first_seen"}
            # sums are differences of larger sums: exact to 1e-15 of those, not of themselves
            so_far = 1e6 * 200
            assert row["total_exec_time"] == pytest.approx(math.fsum(times), abs=so_far * 1e-14)
            squares = math.fsum(value * value for value in times)
            assert row["exec_time_squares"] == pytest.approx(squares, abs=1e12 * 200 * 1e-12)


def test_the_properties_can_fail() -> None:
    """The simulator is no yes-man: a naive difference does invent calls on the same script."""
    script: Script = [[("run", 1, [1.0])], [("replace",)]]
    world = played(script, with_since=False)
    before, after = world.sweeps[0], world.sweeps[1]
    assert after[0].is_empty()
    naive = Evidence(before[2].current, before[2].current)
    old = Server()
    old.run(1, 1.0, world.clock.now)
    current = world.servers[0].frame(with_since=False)
    invented = interval(old.frame(with_since=False), current, naive)
    assert invented["calls"].sum() > 0
