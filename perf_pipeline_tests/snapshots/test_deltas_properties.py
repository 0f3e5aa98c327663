"""The simulator runs, is reset, evicts, crashes, fails over; nothing is invented, all is marked."""

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perf_pipeline.snapshots import continuity, deltas
from perf_pipeline.snapshots.evidence import Evidence
from perf_pipeline_tests.snapshots.simulator import Telling
from perf_pipeline_tests.snapshots.world import (
    QUERIES,
    Event,
    Relations,
    Script,
    World,
    check,
    check_relations,
    played,
)

TELLING: tuple[Telling, ...] = ("16", "17", "17 old")

queries = st.sampled_from(QUERIES)
durations = st.sampled_from([0.001, 0.5, 1.0, 3.5, 1e6]) | st.floats(1e-4, 1e6, allow_nan=False)
runs = st.lists(
    st.tuples(st.just("run"), queries, st.lists(durations, min_size=1, max_size=6)), max_size=4
)
#: What makes statements forget while somebody reads them.
sudden = st.one_of(
    st.tuples(st.sampled_from(["evict", "reset_one"]), queries),
    st.tuples(st.just("reset_all")),
    st.tuples(st.just("churn"), st.integers(1, 8)),
)
disruptions = st.lists(
    st.one_of(
        sudden,
        st.tuples(st.just("parse"), queries),
        st.tuples(st.just("restart"), st.integers(2, 8)),
        st.tuples(st.just("see"), st.booleans()),
        st.tuples(st.just("step_clock"), st.sampled_from([-3600.0, -0.5, 0.5, 3600.0])),
        st.tuples(
            st.sampled_from(
                [
                    "reset_extremes",
                    "crash",
                    "crash_of_a_session",
                    "promote",
                    "failover",
                    "replace",
                    "other_database",
                    "update_extension",
                    "missed",
                ]
            )
        ),
        st.builds(
            lambda moment, event: ("while_read", moment, *event),
            st.sampled_from(["before", "after"]),
            sudden | runs.filter(len).map(lambda events: events[0]),
        ),
    ),
    max_size=3,
)
rounds = st.tuples(runs, disruptions, runs, disruptions, runs).map(
    lambda parts: [event for part in parts for event in part]
)
scripts = st.lists(rounds, min_size=2, max_size=6)
calm_scripts = st.lists(runs, min_size=2, max_size=8)


@given(scripts, st.sampled_from(TELLING))
@example([[("run", 1, [1.0])], [("run", 1, [1.0]), ("failover",)]], "16")
@settings(max_examples=200, deadline=None)
def test_nothing_is_invented_and_complete_is_complete(script: Script, telling: Telling) -> None:
    check(played(script, telling))


@given(calm_scripts, st.sampled_from(TELLING))
@settings(max_examples=100, deadline=None)
def test_a_calm_server_is_counted_completely(script: Script, telling: Telling) -> None:
    sweeps = played(script, telling).sweeps
    assert sweeps[0].rows.is_empty()
    for swept in sweeps[1:]:
        counted = {row["queryid"]: row for row in swept.rows.to_dicts()}
        assert set(counted) == set(swept.truth)
        for queryid, times in swept.truth.items():
            row = counted[queryid]
            assert row["calls"] == len(times)
            squares = math.fsum(value * value for value in times)
            assert row["exec_time_squares"] == pytest.approx(squares, abs=1e12 * 200 * 1e-12)
            if telling == "17":
                assert row["quality"] in {"exact", "first_seen"}
                continue
            # few calls are accounted for one by one; many prove nothing once both extremes moved
            assert row["quality"] in {"exact", "first_seen", "lower_bound"}


SPREAD = [5.0, 9.0, 7.0, 6.0]
WIDER = [4.0, 10.0, 3.0, 11.0]
NARROWER = [6.5, 6.6, 6.7, 6.8, 6.9, 7.0]


@pytest.mark.parametrize(
    ("times", "quality"),
    [
        ([6.0], "exact"),
        ([60.0], "exact"),
        ([6.0] * 9 + [60.0], "exact"),
        ([1.0, 60.0], "exact"),
        ([1.0, 60.0, 6.0], "exact"),
        ([1.0, 60.0, 6.0, 6.0], "lower_bound"),
    ],
)
def test_before_17_a_statement_that_went_on_shows_it(times: list[float], quality: str) -> None:
    script: Script = [[("run", 1, SPREAD)], [("run", 1, times)]]
    row = played(script, "16").sweeps[1].rows.to_dicts()[0]
    assert (row["calls"], row["quality"]) == (len(times), quality)


@pytest.mark.parametrize(
    ("event", "times", "calls", "quality"),
    [
        ("evict", NARROWER, 6, "evicted_reinserted"),
        ("reset_one", NARROWER, 6, "reset"),
        # it ran more often than before, and only wider: nothing tells it from one that went on
        ("evict", [*WIDER, 6.0, 6.0, 6.0, 6.0], 4, "lower_bound"),
    ],
)
def test_before_17_a_statement_that_came_back_does_not_pass(
    event: str, times: list[float], calls: int, quality: str
) -> None:
    script: Script = [[("run", 1, SPREAD)], [(event, 1), ("run", 1, times)]]
    row = played(script, "16").sweeps[1].rows.to_dicts()[0]
    assert (row["calls"], row["quality"]) == (calls, quality)
    told = played(script, "17").sweeps[1].rows.to_dicts()[0]
    expected = "evicted_reinserted" if event == "evict" else "reset"
    assert (told["calls"], told["quality"]) == (len(times), expected)


def test_the_least_used_statements_are_thrown_out() -> None:
    """The real rule: what runs often stays, and is exact, while the others come and go."""
    script: Script = [[("run", 1, SPREAD * 5), ("run", 2, [1.0])]]
    script += [[("run", 1, [6.0, 6.1]), ("churn", 9)]] * 5
    sweeps = played(script, "16").sweeps[1:]
    for swept in sweeps:
        assert swept.evidence.quality == "lower_bound"
        qualities = dict(swept.rows.select("queryid", "quality").rows())
        assert qualities.pop(1) == "exact"
        assert set(qualities.values()) == {"lower_bound"}
    assert all(2 in swept.lost for swept in sweeps[:1])


relation_events = st.lists(
    st.one_of(
        st.tuples(st.just("work"), st.integers(1, 3), st.integers(0, 5)),
        st.tuples(st.sampled_from(["reset_one", "drop"]), st.integers(1, 3)),
        st.tuples(st.sampled_from(["reset_all", "crash"])),
        st.tuples(st.just("tell_scans"), st.booleans()),
    ),
    max_size=6,
)


@given(st.lists(relation_events, min_size=2, max_size=6))
@example([[("work", 1, 5)], [("crash",), ("work", 1, 7)]])
@settings(max_examples=100, deadline=None)
def test_tables_are_counted_as_honestly(script: Script) -> None:
    check_relations(relations(script))


def relations(script: Script) -> Relations:
    world = Relations()
    for between in script:
        for event in between:
            world.play(event)
        world.sweep()
    return world


def lie(value: object) -> property:
    return property(lambda _: value)


def never(*_: object, **__: object) -> Any:
    return deltas.pl.lit(value=False)


def always(*_: object, **__: object) -> Any:
    return deltas.pl.lit(value=True)


def always_the_same(rows: deltas.pl.DataFrame, _: object) -> deltas._Since:
    yes, no = (deltas._all(rows.height, value=value) for value in (True, False))
    return deltas._Since(yes, yes, no, no)


#: A rule taken away, and a script that its absence makes a liar of.
MUTANTS: dict[str, tuple[object, str, object, Telling, list[Event]]] = {
    "another server": (Evidence, "other_server", lie(None), "16", [("replace",)]),
    "another database": (
        Evidence,
        "other_server",
        lie(None),
        "17",
        [("other_database",)],
    ),
    "a reset as they are read": (
        Evidence,
        "statements_emptied",
        property(
            lambda self: (
                self.previous is not None
                and self.previous.last_statements_reset != self.current.last_statements_reset
            )
        ),
        "16",
        [("run", 1, [6.0]), ("while_read", "after", "reset_all")],
    ),
    "entries in doubt": (
        Evidence,
        "entries_in_doubt",
        lie(value=False),
        "16",
        [("run", 3, [1.0]), ("evict", 3), ("run", 3, [2.0])],
    ),
    "is the same": (
        continuity,
        "with_proof",
        lambda rows, _, **__: rows.with_columns(always().alias(continuity.PROVED)),
        "16",
        [("reset_one", 1), ("run", 1, [*WIDER, *SPREAD])],
    ),
    "since when": (
        deltas,
        "_since",
        lambda rows, _: deltas._Since(
            *(deltas._all(rows.height, value=v) for v in (True, True, False, False))
        ),
        "17",
        [("evict", 1), ("run", 1, [*WIDER, *SPREAD])],
    ),
    "extremes can be reset": (
        deltas,
        "_EXTREMES_RESETTABLE",
        10**9,
        "17 old",
        [("reset_extremes",), ("run", 1, [6.0])],
    ),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_properties_can_fail(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rule the same check fails on the same script."""
    where, name, instead, telling, events = MUTANTS[rule]
    script: Script = [[("run", 1, SPREAD), ("run", 2, [1.0])], events]
    check(played(script, telling))
    monkeypatch.setattr(where, name, instead)
    with pytest.raises(AssertionError):
        check(played(script, telling))


def test_the_property_of_tables_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    script: Script = [[("work", 1, 5)], [("crash",), ("work", 1, 7)]]
    check_relations(relations(script))
    monkeypatch.setattr(Evidence, "database_reset", lie(value=False))
    with pytest.raises(AssertionError):
        check_relations(relations(script))


def test_worlds_are_not_empty() -> None:
    """The scripts do what they say: otherwise nothing above would mean anything."""
    world = World("16")
    world.play(("run", 1, [1.0]))
    assert world.truth.times == {1: [pytest.approx(1.0, rel=1e-3)]}
    world.play(("churn", 9))
    assert world.server.dealloc > 0
    assert world.lost
