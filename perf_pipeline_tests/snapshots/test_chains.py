import random

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from perf_pipeline.snapshots.chains import CHAIN, with_chains

Edges = list[tuple[int, int]]

# few pids, so that chains meet and close; 0 is a prepared transaction, which never waits
edges_of = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=25)


def frame(edges: Edges) -> pl.DataFrame:
    return pl.DataFrame(edges, schema={"pid": pl.Int64, "blocker_pid": pl.Int64}, orient="row")


def chains(edges: Edges) -> list[tuple[int, ...]]:
    return with_chains(frame(edges)).select(*CHAIN).rows()


def ahead(pid: int, edges: Edges) -> set[int]:
    """Return whom a session waits for, directly or not, found the slow way."""
    found: set[int] = set()
    while True:
        more = {b for p, b in edges if p == pid or p in found} - found
        if not more:
            return found
        found |= more


def test_a_chain_of_three() -> None:
    assert chains([(30, 20), (20, 10)]) == [(10, 2, 2, False), (10, 1, 2, False)]


def test_nobody_waits() -> None:
    empty = with_chains(frame([]))
    assert empty.is_empty()
    assert {name: empty.schema[name] for name in CHAIN} == CHAIN


def test_a_prepared_transaction_is_a_root() -> None:
    assert chains([(30, 20), (20, 0)]) == [(0, 2, 2, False), (0, 1, 2, False)]


def test_the_root_with_most_sessions_behind_it_is_shown() -> None:
    # 5 waits for 4 and, through 3, for 1; behind 1 are 3, 5 and 6
    found = chains([(5, 4), (5, 3), (3, 1), (6, 1)])
    assert found == [(4, 1, 1, False), (1, 2, 3, False), (1, 1, 3, False), (1, 1, 3, False)]


def test_the_shortest_way_is_the_depth() -> None:
    assert chains([(4, 3), (3, 2), (2, 1), (4, 1)])[0] == (1, 3, 3, False)
    assert chains([(5, 4), (4, 3), (3, 2), (2, 1), (4, 1)])[0] == (1, 2, 4, False)


def test_a_deadlock_and_who_waits_behind_it() -> None:
    found = chains([(7, 5), (5, 6), (6, 5)])
    assert found == [(5, 1, 2, True), (5, 2, 2, True), (5, 1, 2, True)]


def test_a_deadlock_of_which_one_waits_for_another_session_too_has_that_one_as_its_root() -> None:
    assert chains([(5, 6), (6, 5), (6, 1)]) == [
        (1, 2, 2, False),
        (1, 3, 2, False),
        (1, 1, 2, False),
    ]


def test_of_two_deadlocks_in_a_row_the_last_one_counts() -> None:
    found = chains([(9, 8), (8, 9), (8, 2), (2, 3), (3, 2)])
    assert {row[0] for row in found} == {2}


@given(edges_of)
@example([(1, 1)])
def test_every_wait_ends_somewhere_that_it_waits_for(edges: Edges) -> None:
    waiting = {pid for pid, _ in edges}
    found = dict(zip(edges, chains(edges), strict=True))
    for (_, blocker), (root, depth, behind, is_cycle) in found.items():
        assert root == blocker or root in ahead(blocker, edges)
        assert is_cycle == (root in waiting)
        assert behind == sum(1 for p in waiting if p != root and root in ahead(p, edges))
        assert 1 <= depth <= len(waiting) + 1
        if is_cycle:
            # a deadlock: whoever the root waits for waits for the root
            assert all(root in ahead(other, edges) for other in ahead(root, edges))
            assert root == min(ahead(root, edges))
        if blocker != root:
            ways = [far for (p, _), (end, far, *_) in found.items() if (p, end) == (blocker, root)]
            assert depth == min(ways) + 1
        assert (depth == 1) == (blocker == root)


@given(edges_of, st.randoms())
def test_neither_order_nor_repetition_matters(edges: Edges, chance: random.Random) -> None:
    known = dict(zip(edges, chains(edges), strict=True))
    again = edges * 2
    chance.shuffle(again)
    assert dict(zip(again, chains(again), strict=True)) == known
    assert [known[edge] for edge in again] == chains(again)
