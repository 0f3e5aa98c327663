from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.upkeep.model import Reindex
from perf_pipeline.upkeep.reindex import Bloat, candidates, leftovers, plan
from perf_pipeline_tests.upkeep.rows import index

MB = 1_000_000
ROOM = 10**15


def planned(row: dict[str, Any], bloat: Bloat, free: int | None = ROOM, **policy: Any) -> Any:
    made = Reindex(**policy)
    steps = plan(candidates([row], made), {row["relid"]: bloat}, {row["relid"]: free}, made)
    return steps[0] if steps else None


def wasted(percent: float, total: int = 100 * MB, *, measured: bool = True) -> Bloat:
    return Bloat(total, round(total * percent / 100), measured)


def test_only_what_was_measured_above_the_limit_is_rebuilt() -> None:
    assert planned(index("i"), wasted(20.0)) is None
    assert planned(index("i"), wasted(20.1)).todo
    guessed = planned(index("i"), wasted(90, measured=False))
    assert not guessed.todo
    assert "estimate" in guessed.reason
    # an index of which nothing is known is no step at all
    assert plan([index("i")], {}, {}, Reindex()) == []


@pytest.mark.parametrize(
    "more",
    [
        {"method": "gin"},
        {"is_partitioned": True},
        {"is_exclusion": True},
        {"is_valid": False},
        {"bytes": 999_999},
        {"scans": 5},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_cannot_or_need_not_be_rebuilt_is_no_candidate(more: dict[str, Any]) -> None:
    policy = Reindex(minimum_scans=6)
    assert candidates([index("i")], policy)
    assert candidates([index("i", **more)], policy) == []


def test_only_indexes_of_the_patterns() -> None:
    policy = Reindex(indexes=("app.idx_*", "other.*"))
    found = candidates([index("idx_a"), index("pk"), index("x", schema_name="other")], policy)
    assert [row["index_name"] for row in found] == ["idx_a", "x"]


def test_a_disk_that_is_too_full_or_not_seen() -> None:
    half = wasted(50)
    assert planned(index("i"), half, free=3 * 50 * MB).todo
    full = planned(index("i"), half, free=3 * 50 * MB - 1)
    assert not full.todo
    assert "150 MB are needed" in full.reason
    assert planned(index("i"), half, free=None).todo
    assert not planned(index("i"), half, free=None, unseen_disk_mb=99).todo


def test_somebody_else_at_work_or_a_role_that_may_not() -> None:
    assert not planned(index("i", is_worked_on=True), wasted(50)).todo
    assert not planned(index("i", may_maintain=False), wasted(50)).todo


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 100)), max_size=20))
def test_the_order_saves_most_first_and_nothing_below_the_limit(
    facts: list[tuple[int, int]],
) -> None:
    rows = [index(f"i{n}", relid=n, bytes=10**9) for n in range(len(facts))]
    bloat = {n: wasted(percent, total) for n, (total, percent) in enumerate(facts)}
    steps = plan(rows, bloat, dict.fromkeys(bloat, ROOM), Reindex())
    saved = [step.detail["wasted_bytes"] for step in steps]
    assert saved == sorted(saved, reverse=True)
    assert all(step.detail["bloat_percent"] >= 20.0 for step in steps)


def leftover(name: str = "i_ccnew", **more: Any) -> dict[str, Any]:
    return index(name, is_valid=False, **more)


@pytest.mark.parametrize("name", ["i_ccnew", "i_ccold", "i_ccnew1", "i_ccold12"])
def test_a_leftover_of_a_rebuild_is_removed(name: str) -> None:
    (step,) = leftovers([index("i"), leftover(name)])
    assert step.todo
    assert (step.operation, step.object_name) == ("index.drop_leftover", f"app.{name}")


@pytest.mark.parametrize(
    "rows",
    [
        [index("i"), index("i_ccnew")],  # valid: somebody's own
        [index("i"), leftover(columns=[2])],  # another definition
        [leftover()],  # nothing it was made from
        [index("i", is_valid=False), leftover()],  # which would be the better one?
        [index("i"), leftover("i_new")],  # an interrupted build of somebody's
        [index("i", table_relid=2), leftover()],
        [index("i"), leftover(is_constraint=True)],
    ],
)
def test_what_may_be_somebodys_is_left_alone(rows: list[dict[str, Any]]) -> None:
    assert leftovers(rows) == []


def test_a_rebuild_under_way_is_not_disturbed() -> None:
    (step,) = leftovers([index("i"), leftover(is_worked_on=True)])
    assert not step.todo


def test_a_long_name_that_was_shortened_is_known() -> None:
    name = "i" * 63
    (step,) = leftovers([index(name), leftover("i" * 57 + "_ccnew")])
    assert step.todo
    assert leftovers([index("k" * 63), leftover("i" * 57 + "_ccnew")]) == []
