"""Which candidates are tried, and which are taken."""

from collections.abc import Callable

import pytest

from perf_pipeline.advice.indexes import (
    Candidate,
    Statement,
    candidates,
    choose,
    estimated_bytes,
)
from perf_pipeline.advice.predicates import Wanted

T = ("app", "orders")
DISTINCT = {(T, "tenant"): 500.0, (T, "status"): 3.0, (T, "at"): 1e5, (T, "id"): 2e5}


def asks(queryid: int = 1, *, cost: float = 5_000.0, ms: float = 1e6, **wants: object) -> Statement:
    each = Wanted(*T, **wants)  # type: ignore[arg-type]
    return Statement(queryid, "", 1000.0, ms, None, cost, (each,))


def tried(statement: Statement, **more: object) -> set[tuple[str, ...]]:
    given = {"pages": {T: 10_000}, "distinct": DISTINCT, "existing": {}, **more}
    return {each.columns for each in candidates([statement], **given)}  # type: ignore[arg-type]


def test_equal_columns_first_the_most_selective_ahead_then_range_or_order() -> None:
    found = tried(asks(equal={"status", "tenant"}, ranges={"at"}))
    assert ("tenant", "status", "at") in found
    assert ("status", "tenant") not in found
    assert ("tenant", "at") in found
    assert ("tenant", "status", "id") in tried(asks(equal={"status", "tenant"}, sort=("id",)))


def test_small_tables_and_what_is_there_are_not_tried() -> None:
    assert tried(asks(equal={"tenant"}), pages={T: 100}) == set()
    assert tried(asks(equal={"tenant"}), existing={T: [("tenant", "at")]}) == set()
    assert tried(asks(equal={"tenant"}), existing={T: [("at", "tenant")]}) == {("tenant",)}


def test_columns_without_statistics_are_not_guessed_at() -> None:
    assert tried(asks(equal={"unknown"})) == set()


def planner(costs: dict[tuple[str, ...], float]) -> Callable[..., float]:
    def cost(statement: Statement, there: frozenset[Candidate]) -> float:
        return min([statement.cost, *(costs.get(each.columns, 1e9) for each in there)])

    return cost


def chosen(
    costs: dict[tuple[str, ...], float],
    *,
    write: float = 0.0,
    all_ms: float = 1e6,
    statement: Statement | None = None,
) -> list[tuple[str, ...]]:
    one = statement or asks(equal={"tenant"})
    found = choose(
        [one],
        {Candidate(T, columns): {1} for columns in costs},
        planner(costs),
        lambda _: write,
        all_ms,
    )
    return [each.candidate.columns for each in found]


def test_the_one_that_saves_most_is_taken_and_no_other_beside_it() -> None:
    assert chosen({("tenant",): 500.0, ("tenant", "at"): 10.0, ("at",): 2_000.0}) == [
        ("tenant", "at")
    ]


def test_of_two_that_save_the_same_the_shorter_one() -> None:
    assert chosen({("tenant",): 10.0, ("tenant", "at"): 10.0}) == [("tenant",)]


@pytest.mark.parametrize(
    ("costs", "write", "all_ms"),
    [
        ({("tenant",): 3_000.0}, 0.0, 1e6),  # less than half
        ({("tenant",): 10.0}, 2e6, 1e6),  # writers lose more
        ({("tenant",): 10.0}, 0.0, 1e9),  # a thousandth of all time
    ],
)
def test_what_is_not_worth_it_is_left(
    costs: dict[tuple[str, ...], float], write: float, all_ms: float
) -> None:
    assert chosen(costs, write=write, all_ms=all_ms) == []


def test_a_cheap_statement_is_not_worth_an_index() -> None:
    assert chosen({("tenant",): 1.0}, statement=asks(equal={"tenant"}, cost=90.0)) == []


def test_a_prefix_of_another_one_is_merged_into_it() -> None:
    first, second = asks(1, equal={"tenant"}), asks(2, equal={"tenant"}, ranges={"at"})
    short, long = Candidate(T, ("tenant",)), Candidate(T, ("tenant", "at"))
    costs = {(1, short): 10.0, (2, short): 2_000.0, (2, long): 20.0, (1, long): 12.0}

    def cost(statement: Statement, there: frozenset[Candidate]) -> float:
        return min([statement.cost, *(costs[statement.queryid, each] for each in there)])

    found = choose([first, second], {short: {1, 2}, long: {2}}, cost, lambda _: 0.0, 1e6)
    assert [each.candidate for each in found] == [long]
    assert set(found[0].saved) == {1, 2}
    # together no more than both took
    assert found[0].saved_ms <= 2e6


def test_saved_time_goes_as_cost_does() -> None:
    found = choose(
        [asks(equal={"tenant"})],
        {Candidate(T, ("tenant",)): {1}},
        planner({("tenant",): 500.0}),
        lambda _: 0.0,
        1e6,
    )
    assert found[0].saved_ms == pytest.approx(0.9e6)


def test_size_is_of_aligned_keys() -> None:
    assert estimated_bytes(0, [4.0]) == 8192
    assert estimated_bytes(1e6, [4.0, 4.0]) > estimated_bytes(1e6, [4.0])
    # a million bigints: PostgreSQL makes 22.5 MB of them
    assert estimated_bytes(1e6, [8.0]) == pytest.approx(22.5e6, rel=0.03)


def test_names_are_as_long_as_a_name_may_be() -> None:
    assert len(Candidate(("a", "t" * 50), ("c" * 30,)).name) == 63
