"""The plan of refreshes: order, reasons, and when in doubt a refresh."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.views import changes, follow
from perf_pipeline.views.graph import Graph, levels
from perf_pipeline.views.model import Counter, Node, Rollup, State, UniqueIndex, ViewPolicy
from perf_pipeline.views.plan import MOST_PAUSE, Seen, how, pause, plan

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
KEY = UniqueIndex("s.key", True, True, False, False)
TABLE = Node(1, "s.orders", "r")
OTHER = Node(2, "s.items", "r")
PLAIN = Node(3, "s.paid", "v", reads=(1,), definition="p")
DAILY = Node(4, "s.daily", "m", reads=(3,), definition="d", unique_indexes=(KEY,))
MONTHLY = Node(5, "s.monthly", "m", reads=(4, 2), definition="m", unique_indexes=(KEY,))
GRAPH = Graph.of([TABLE, OTHER, PLAIN, DAILY, MONTHLY])
COUNTERS = {1: Counter("a", 10, 5, "e"), 2: Counter("b", 3, 1, "e"), 4: Counter("c", 7, 2, "e")}
VIEWS = (ViewPolicy("s.monthly"), ViewPolicy("s.daily"))


def known(
    name: str,
    graph: Graph = GRAPH,
    counters: dict[int, Counter] = COUNTERS,
    moves: Any = None,
    at: datetime = NOW - timedelta(hours=1),
) -> State:
    """Return the state after a refresh an hour ago."""
    node = graph.named(name)
    assert node is not None
    seen = changes.evidence(graph, node, (), counters, moves, at)
    return State(refreshed_at=at, checked_at=at, seconds=1.0, method="refresh", evidence=seen)


def seen(**given: Any) -> Seen:
    states = {name: known(name) for name in ("s.daily", "s.monthly")}
    return Seen(**{"graph": GRAPH, "counters": COUNTERS, "states": states, **given})


def actions(
    found: Seen, policies: tuple[ViewPolicy, ...] = VIEWS, **options: Any
) -> dict[str, str]:
    made = plan("shop", policies, found, NOW, **options)
    return {step.policy.name: step.action for step in made.steps}


def reason(found: Seen, name: str = "s.daily", policies: tuple[ViewPolicy, ...] = VIEWS) -> str:
    made = plan("shop", policies, found, NOW)
    return next(step.reason for step in made.steps if step.policy.name == name)


def test_what_rests_on_another_comes_after_it_through_plain_views() -> None:
    made = plan("shop", VIEWS, Seen(GRAPH, COUNTERS), NOW)
    assert [(s.policy.name, s.level, s.after) for s in made.steps] == [
        ("s.daily", 0, ()),
        ("s.monthly", 1, ("s.daily",)),
    ]
    assert [s.reason for s in made.steps] == [
        "it was never refreshed by us",
        "s.daily comes before it in this plan",
    ]


def test_what_did_not_change_is_left_alone() -> None:
    assert actions(seen()) == {"s.daily": "unchanged", "s.monthly": "unchanged"}
    assert set(actions(seen(), force=True).values()) == {"concurrently"}
    assert actions(seen(), only=["s.daily"]) == {"s.daily": "unchanged"}


def test_a_written_table_refreshes_what_reads_it_and_what_reads_that() -> None:
    written = {**COUNTERS, 1: Counter("z", 12, 6, "e")}
    assert set(actions(seen(counters=written)).values()) == {"concurrently"}
    assert reason(seen(counters=written)) == "2 rows written to s.orders"
    beside = {**COUNTERS, 2: Counter("z", 4, 1, "e")}
    assert actions(seen(counters=beside)) == {"s.daily": "unchanged", "s.monthly": "concurrently"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"counters": {**COUNTERS, 1: Counter("t", 10, 5, "e")}}, "another file or partition"),
        ({"counters": {**COUNTERS, 1: Counter("z", 2, 5, "e")}}, "counters of s.orders began anew"),
        ({"counters": {**COUNTERS, 1: Counter("a", 10, 4, "e")}}, "counters of s.orders began"),
        ({"counters": {**COUNTERS, 1: Counter("a", 10, 5, "f")}}, "the counters began anew"),
        ({"counters": {**COUNTERS, 1: replace(COUNTERS[1], counted=False)}}, "track_counts"),
        ({"counters": {}}, "nothing is counted of s.orders"),
        ({"graph": Graph.of([TABLE, PLAIN, replace(DAILY, oid=9)])}, "made anew"),
        ({"graph": Graph.of([TABLE, replace(PLAIN, definition="q"), DAILY])}, "definition changed"),
        ({"graph": Graph.of([replace(TABLE, kind="f"), PLAIN, DAILY])}, "foreign table"),
        ({"graph": Graph.of([TABLE, replace(PLAIN, clock=("now()",)), DAILY])}, "it reads now()"),
        ({"graph": Graph.of([TABLE, replace(PLAIN, opaque=("s.f()",)), DAILY])}, "it calls s.f()"),
        ({"graph": Graph.of([TABLE, replace(PLAIN, reads_catalog=True), DAILY])}, "catalogs"),
        ({"graph": Graph.of([TABLE, PLAIN, replace(DAILY, populated=False)])}, "no content"),
        ({"graph": Graph.of([replace(DAILY, reads=())])}, "no table is known"),
    ],
)
def test_in_doubt_it_is_refreshed_and_the_doubt_is_told(change: dict[str, Any], why: str) -> None:
    only = (ViewPolicy("s.daily"),)
    assert why in reason(seen(**change), policies=only)
    assert actions(seen(**change), only)["s.daily"] in {"refresh", "concurrently"}


def test_a_view_that_moves_with_the_clock_is_refreshed_once_per_step_of_it() -> None:
    graph = Graph.of([TABLE, replace(PLAIN, clock=("now()",)), DAILY])
    for moves, fresh in (("hour", False), ("day", True), ("month", True), ("never", True)):
        policy = ViewPolicy("s.daily", moves=moves)  # type: ignore[arg-type]
        states = {"s.daily": known("s.daily", graph, moves=moves)}
        found = Seen(graph, COUNTERS, states)
        assert (actions(found, (policy,))["s.daily"] == "unchanged") is fresh


def test_it_is_refreshed_at_least_so_often() -> None:
    states = {"s.daily": known("s.daily", at=NOW - timedelta(hours=25))}
    assert "24 hours ago" in reason(seen(states=states), policies=(ViewPolicy("s.daily"),))


def test_who_asks_is_served_first_and_once() -> None:
    asked = replace(known("s.daily"), requests=3, reasons=("import",))
    policies = (ViewPolicy("s.daily"), ViewPolicy("s.a"))
    graph = Graph.of([*GRAPH.nodes.values(), Node(8, "s.a", "m", reads=(1,))])
    made = plan("shop", policies, Seen(graph, COUNTERS, {"s.daily": asked}), NOW)
    assert [s.policy.name for s in made.steps] == ["s.daily", "s.a"]
    assert made.steps[0].reason == "asked for 3 times: import"


def test_what_failed_waits_longer_each_time() -> None:
    failed = replace(known("s.daily"), requests=1, failures=3, failed_at=NOW - timedelta(minutes=3))
    only = (ViewPolicy("s.daily"),)
    assert actions(seen(states={"s.daily": failed}), only) == {"s.daily": "wait"}
    later = replace(failed, failed_at=NOW - timedelta(minutes=4))
    assert actions(seen(states={"s.daily": later}), only) == {"s.daily": "concurrently"}
    assert actions(seen(states={"s.daily": failed}), only, force=True) == {
        "s.daily": "concurrently"
    }
    assert [pause(State(failures=n)) for n in (0, 1, 2)] == [
        timedelta(0),
        timedelta(minutes=1),
        timedelta(minutes=2),
    ]
    assert pause(State(failures=99)) == MOST_PAUSE


@pytest.mark.parametrize(
    ("node", "action", "told"),
    [
        (DAILY, "concurrently", ""),
        (replace(DAILY, populated=False), "refresh", "it is empty"),
        (replace(DAILY, unique_indexes=()), "refresh", "CREATE UNIQUE INDEX CONCURRENTLY"),
        (replace(DAILY, unique_indexes=(replace(KEY, partial=True),)), "refresh", "WHERE"),
        (replace(DAILY, unique_indexes=(replace(KEY, valid=False),)), "refresh", "invalid"),
        (replace(DAILY, unique_indexes=(replace(KEY, expressions=True),)), "refresh", "expression"),
        (replace(DAILY, unique_indexes=(replace(KEY, immediate=False),)), "refresh", "deferrable"),
        (replace(DAILY, owned=False), "concurrently", "only its owner"),
    ],
)
def test_readers_go_on_where_an_index_lets_them(node: Node, action: str, told: str) -> None:
    found, advice = how(node)
    assert found == action
    assert told in " ".join(advice)


def test_an_incremental_view_says_itself_whether_there_is_work() -> None:
    policy = ViewPolicy("s.kept", rollup=Rollup("s.orders", (("k", "k"),), (("n", "count(*)"),)))
    for dirty, action in (({}, "incremental"), ({"s.kept": ""}, "unchanged")):
        assert actions(Seen(GRAPH, dirty=dirty), (policy,)) == {"s.kept": action}
    assert reason(Seen(GRAPH, dirty={"s.kept": "changed"}), "s.kept", (policy,)) == "changed"


def test_what_is_no_materialized_view_is_told() -> None:
    policies = (ViewPolicy("s.gone"), ViewPolicy("s.orders"))
    assert set(actions(Seen(GRAPH), policies).values()) == {"missing"}


def test_a_circle_is_refused() -> None:
    circle = Graph.of([Node(1, "s.a", "m", reads=(2,)), Node(2, "s.b", "m", reads=(1,))])
    with pytest.raises(ConfigurationError, match="circle"):
        levels(circle, ["s.a", "s.b"])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return tables, plain views and materialized views that read only what came before."""
    count = draw(st.integers(2, 12))
    nodes = []
    for oid in range(count):
        kind = draw(st.sampled_from("rvmm")) if oid else "r"
        below = st.sets(st.integers(0, oid - 1), min_size=1, max_size=3) if oid else st.just(set())
        reads = tuple(sorted(draw(below))) if kind != "r" else ()
        nodes.append(Node(oid, f"s.n{oid}", kind, reads, definition=str(oid)))
    return Graph.of(nodes)


@settings(max_examples=50)
@given(graphs(), st.randoms(use_true_random=False))
def test_every_view_once_and_none_before_what_it_rests_on(graph: Graph, chance: Any) -> None:
    views = [ViewPolicy(node.name) for node in graph.nodes.values() if node.kind == "m"]
    chance.shuffle(views)
    made = plan("shop", views, Seen(graph), NOW)
    order = [step.policy.name for step in made.steps]
    assert sorted(order) == sorted(view.name for view in views)
    for step in made.steps:
        assert all(order.index(name) < order.index(step.policy.name) for name in step.after)
    # the order does not depend on that of the declarations
    assert made == plan("shop", sorted(views, key=lambda v: v.name), Seen(graph), NOW)


@settings(max_examples=50)
@given(graphs(), st.integers(0, 11))
def test_one_written_table_refreshes_all_above_it_and_nothing_else(
    graph: Graph, written: int
) -> None:
    views = [ViewPolicy(node.name) for node in graph.nodes.values() if node.kind == "m"]
    counters = {oid: Counter("a", 1, 1, "e") for oid in graph.nodes}
    states = {view.name: known(view.name, graph, counters) for view in views}
    after = {**counters, written: Counter("b", 2, 1, "e")}
    reached = {written}
    for oid, node in sorted(graph.nodes.items()):
        if reached.intersection(node.reads):
            reached.add(oid)
    made = plan("shop", views, Seen(graph, after, states), NOW)
    if written in graph.nodes and graph.nodes[written].kind != "r":
        return  # only tables are written
    above = {graph.nodes[oid].name for oid in reached if oid in graph.nodes}
    for step in made.steps:
        assert (step.action != "unchanged") == (step.policy.name in above)


def test_a_view_is_asked_for_once_per_event_and_at_most_every_half_of_its_goal() -> None:
    never = follow.Asked()
    assert not follow.is_due(0, never, 60.0, now=1e9)
    assert follow.is_due(7, never, 60.0, now=1e9)
    asked = {"t/s.v": follow.Asked(7, 1e9)}
    assert follow.read(follow.written(asked)) == asked
    assert not follow.is_due(7, asked["t/s.v"], 60.0, now=2e9)
    # the last event is never lost, only late
    assert not follow.is_due(8, asked["t/s.v"], 60.0, now=1e9 + 1799.0)
    assert follow.is_due(8, asked["t/s.v"], 60.0, now=1e9 + 1800.0)


@pytest.mark.parametrize("cursor", [None, "", "17", "[]", '{"t/s.v": 3}', '{"t/s.v": ["x", 1]}'])
def test_a_cursor_that_is_not_ours_asks_for_all(cursor: str | None) -> None:
    assert follow.read(cursor) == {}
