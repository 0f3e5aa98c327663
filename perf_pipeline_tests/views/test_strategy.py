"""Which aggregates add up, and which way is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.views.incremental import shape
from perf_pipeline.views.incremental.strategy import (
    ENOUGH,
    MARGIN,
    Changes,
    Costs,
    choose,
    learn,
    per_group,
)
from perf_pipeline.views.model import Rollup

KNOWN = Costs(groups=10_000, full_seconds=1.0)


@pytest.mark.parametrize(
    ("text", "kind", "argument"),
    [
        ("count(*)", "rows", ""),
        (" COUNT ( * ) ", "rows", ""),
        ("count(total)", "count", "total"),
        ("sum(a + (b * 2))", "sum", "a + (b * 2)"),
        ("avg(total)", "average", "total"),
        ("sum(a) / count(b)", "other", ""),
        ("count(DISTINCT a)", "other", ""),
        ("sum(a) FILTER (WHERE b)", "other", ""),
        ("max(a)", "other", ""),
        ("string_agg(a, ',' ORDER BY a)", "other", ""),
        ("summary(a)", "other", ""),
    ],
)
def test_an_aggregate_is_known_by_its_whole_text(text: str, kind: str, argument: str) -> None:
    found = shape.read("x", text)
    assert (found.kind, found.argument) == (kind, argument)


@pytest.mark.parametrize(
    ("kind", "total", "average"),
    [
        ("integer", True, True),
        ("bigint", True, True),
        ("numeric(10,2)", True, True),
        ("numeric", True, False),
        ("double precision", False, False),
        ("real", False, False),
        ("interval", False, False),
        ("money", False, False),
    ],
)
def test_only_exact_sums_are_added_up(kind: str, total: bool, average: bool) -> None:
    rollup = Rollup("s.t", (("k", "k"),), (("a", "sum(x)"), ("b", "avg(x)"), ("c", "count(x)")))
    found = shape.measures(rollup, {"a": kind, "b": kind, "c": kind})
    assert [measure.adds_up for measure in found] == [total, average, True]
    assert shape.adds_up(found) is (total and average)


def test_the_cheapest_way_that_is_right() -> None:
    assert choose(Changes(0), KNOWN, adds_up=True) == "none"
    assert choose(Changes(100), KNOWN, adds_up=True) == "apply"
    assert choose(Changes(100), KNOWN, adds_up=False) == "recompute"
    assert choose(Changes(100, inexact=True), KNOWN, adds_up=True) == "recompute"
    assert choose(Changes(9_000, groups=100), KNOWN, adds_up=False) == "recompute"
    assert choose(Changes(9_000, groups=6_600), KNOWN, adds_up=False) == "full"
    assert choose(Changes(1, everything=True), KNOWN, adds_up=True) == "full"
    assert choose(Changes(0), KNOWN, adds_up=True, doubt="a trigger was off") == "full"
    assert choose(Changes(5), Costs(), adds_up=True) == "full"
    # what would save less than what the estimate is off is no reason
    measured = Costs(10_000, 1.0, seconds_per_group=1e-4)
    assert choose(Changes(9_000, groups=7_900), measured, adds_up=False) == "recompute"
    assert choose(Changes(9_000, groups=8_100), measured, adds_up=False) == "full"
    # far more changes than rows: reading all again is cheaper
    assert choose(Changes(9_000_000), KNOWN, adds_up=True) == "full"


@given(
    st.integers(1, 10**7),
    st.integers(1, 10**6),
    st.floats(1e-4, 1e3),
    st.none() | st.floats(1e-8, 1.0),
    st.none() | st.floats(1e-8, 1.0),
    st.booleans(),
)
def test_no_way_is_chosen_that_is_expected_to_lose(
    rows: int,
    groups: int,
    full: float,
    each_group: float | None,
    each_change: float | None,
    adds_up: bool,
) -> None:
    costs = Costs(groups, full, each_group, each_change)
    way = choose(Changes(rows, groups=min(rows, groups)), costs, adds_up=adds_up)
    if way == "recompute":
        assert min(rows, groups) * per_group(costs) <= MARGIN * full
    if way == "apply":
        assert adds_up
        assert rows * (each_change or 5e-6) <= MARGIN * full


def test_what_a_way_cost_is_remembered_and_little_says_nothing() -> None:
    assert learn(KNOWN, "full", 3.0, 20_001) == Costs(20_001, 3.0)
    assert learn(KNOWN, "full", 1.5, 11_000) == Costs(11_000, 1.25)
    assert learn(KNOWN, "recompute", 5.0, ENOUGH - 1) == KNOWN
    once = learn(KNOWN, "recompute", 1.0, 1000)
    assert once.seconds_per_group == pytest.approx(0.001)
    twice = learn(once, "recompute", 2.0, 1000)
    assert twice.seconds_per_group == pytest.approx(0.0015)
    assert learn(KNOWN, "apply", 1.0, 1000).seconds_per_change == pytest.approx(0.001)
    assert learn(KNOWN, "none", 1.0, 1000) == KNOWN


def test_a_busy_hour_does_not_put_a_way_out_of_use() -> None:
    # adding up takes a quarter of computing everything
    costs = Costs(10_000, 1.0, seconds_per_change=2.5e-5)
    changes = Changes(10_000)
    for _ in range(2):
        costs = learn(costs, "apply", 20.0, 10_000)
        assert choose(changes, costs, adds_up=True) == "apply"
    # if it was busy for long, the other way is taken, and this one is tried again
    for _ in range(4):
        costs = learn(costs, "apply", 20.0, 10_000)
    refreshes = 0
    while choose(changes, costs, adds_up=True) == "full":
        costs = learn(costs, "full", 1.0, 10_000)
        refreshes += 1
    assert 1 < refreshes < 100
