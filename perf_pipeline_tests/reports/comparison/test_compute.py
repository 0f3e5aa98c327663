"""Two sides, side by side: rates, splits, verdicts, and what is said of their worth."""

import math
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.reports.comparison import compute
from perf_pipeline_tests.reports.comparison.sides import (
    FRIDAY,
    index,
    side,
    statement,
    table,
    usual,
)

SATURDAY = FRIDAY + timedelta(days=1)


def by_id(frame: pl.DataFrame) -> dict[int, dict[str, Any]]:
    return {row["queryid"]: row for row in frame.to_dicts()}


def test_a_difference_is_split_into_calls_and_time_per_call() -> None:
    a, b = side([statement(1, 100, 2.0)]), side([statement(1, 300, 4.0)], start=SATURDAY)
    row = by_id(compute.statements(a, b, usual()))[1]
    assert row["change_ms"] == pytest.approx(1000.0)
    assert row["from_calls"] == pytest.approx(600.0)
    assert row["from_each"] == pytest.approx(400.0)
    assert row["ratio"] == pytest.approx(2.0)


def test_sides_of_different_length_are_compared_by_rates() -> None:
    a, b = side([statement(1, 200, 2.0)], days=2.0), side([statement(1, 100, 2.0)], days=1.0)
    row = by_id(compute.statements(a, b, usual()))[1]
    assert row["calls_day_a"] == row["calls_day_b"] == 100.0
    assert row["change_ms"] == 0.0
    assert "rates per day" in " ".join(compute.notes(a, b, compute.statements(a, b, usual())))


def test_new_and_gone_statements_are_no_changes_of_a_mean() -> None:
    a, b = side([statement(1, 10, 1.0)]), side([statement(2, 10, 3.0)])
    rows = by_id(compute.statements(a, b, usual(q1=0.1, q2=0.1)))
    assert (rows[1]["state"], rows[2]["state"]) == ("gone", "new")
    assert rows[1]["verdict"] is rows[2]["verdict"] is None
    assert rows[2]["change_ms"] == 30.0
    assert rows[1]["change_ms"] == -10.0
    assert rows[1]["mean_b"] is rows[1]["ratio"] is None


def test_a_statement_without_calls_is_not_there() -> None:
    a, b = side([statement(1, 0, 0.0)]), side([statement(1, 5, 1.0)])
    assert by_id(compute.statements(a, b, usual()))[1]["state"] == "new"
    assert compute.statements(a, a, usual()).is_empty()


def test_what_is_usual_decides_what_is_beyond_it() -> None:
    spread = 0.1
    limit = math.exp(compute.Z_99 * math.sqrt(2) * spread)
    a = side([statement(n, 1000, 1.0) for n in (1, 2, 3, 4, 5)])
    b = side(
        [
            statement(1, 1000, limit * 1.01),
            statement(2, 1000, limit * 0.99),
            statement(3, 1000, 1 / limit * 0.99),
            statement(4, 1000, 9.0),
            statement(5, 9, 9.0),
        ]
    )
    rows = by_id(compute.statements(a, b, usual(q1=spread, q2=spread, q3=spread, q5=spread)))
    verdicts = {queryid: row["verdict"] for queryid, row in rows.items()}
    assert verdicts == {
        1: "beyond",
        2: "within",
        3: "beyond",
        4: "no baseline",
        5: "few calls",
    }
    assert rows[1]["usual"] == pytest.approx(limit)


def test_what_nobody_told_is_null_and_not_zero() -> None:
    a, b = side([statement(1, 10, 1.0, wal_bytes=50)]), side([statement(1, 10, 1.0)])
    row = by_id(compute.statements(a, b, usual()))[1]
    assert (row["wal_bytes_a"], row["wal_bytes_b"]) == (5.0, None)
    assert row["plan_ms_a"] == 0.0


def test_the_largest_change_comes_first_whatever_its_direction() -> None:
    a = side([statement(1, 10, 1.0), statement(2, 10, 50.0), statement(3, 10, 2.0)])
    b = side([statement(1, 10, 1.1), statement(2, 10, 1.0), statement(3, 10, 3.0)])
    assert compute.statements(a, b, usual())["queryid"].to_list() == [2, 3, 1]


def test_the_total_leaves_out_what_functions_called() -> None:
    nested = statement(2, 10, 5.0, toplevel=False)
    found = compute.total(side([statement(1, 10, 1.0), nested], days=2.0))
    assert (found.calls, found.exec_ms, found.statements, found.mean_ms) == (5.0, 5.0, 1, 1.0)
    assert compute.total(side([])).mean_ms is None


def test_a_relation_without_a_row_did_nothing() -> None:
    a = side([], tables=[table(1, "s.t", 100), table(2, "s.u", 7)])
    b = side([], tables=[table(1, "s.t", 300, relpages=20)])
    rows = {row["name"]: row for row in compute.tables(a, b).to_dicts()}
    assert rows["s.t"]["change"] == 200.0
    assert (rows["s.t"]["bytes_a"], rows["s.t"]["bytes_b"]) == (81_920, 163_840)
    assert (rows["s.u"]["touched_b"], rows["s.u"]["bytes_b"]) == (0.0, None)
    indexes = compute.indexes(side([], indexes=[index(9, "s.i", 5)]), side([]))
    assert indexes["change"].to_list() == [-15.0]


def test_the_database_has_rates_a_share_and_a_size() -> None:
    rows = {row[0]: row[1:] for row in compute.database(side([]), side([], days=2.0))}
    assert rows["Commits"] == ("count", 864.0, 432.0)
    assert rows["Share of blocks found in shared buffers"] == ("share", 0.99, 0.99)
    assert rows["Size at the end"] == ("size", 4096.0, 4096.0)
    assert "Deadlocks" not in rows  # told by neither side


def test_notes_say_what_weakens_a_comparison() -> None:
    a, b = side([statement(1, 10, 1.0)]), side([statement(1, 10, 1.0)], start=SATURDAY)
    said = " ".join(compute.notes(a, b, compute.statements(a, b, usual())))
    assert "one side is a weekend day, the other is not" in said
    assert "no difference can be told from usual variation" in said
    judged = " ".join(compute.notes(a, b, compute.statements(a, b, usual(q1=0.1))))
    assert "1 of 1 statements on both sides can be judged" in judged
    made = side([], source="generated")
    assert "generated" in " ".join(compute.notes(made, b, compute.statements(made, b, usual())))
    half = side([], start=FRIDAY + timedelta(hours=6), days=0.25, whole_days=False)
    later = side([], start=FRIDAY + timedelta(hours=12), days=0.25, whole_days=False)
    frame = compute.statements(half, later, usual())
    assert "different hours of the day" in " ".join(compute.notes(half, later, frame))
    assert compute.notes(a, a, compute.statements(a, a, usual(q1=0.1)).head(0)) == ()


work = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 50), st.floats(0, 1e6)), unique_by=lambda r: r[0]
)


@settings(max_examples=40)
@given(work, work)
def test_swapping_the_sides_turns_every_change_around(left: list[Any], right: list[Any]) -> None:
    a, b = (side([statement(*row) for row in rows]) for rows in (left, right))
    there = by_id(compute.statements(a, b, usual()))
    back = by_id(compute.statements(b, a, usual()))
    assert there.keys() == back.keys()
    turned = {"new": "gone", "gone": "new", "both": "both"}
    for queryid, row in there.items():
        assert back[queryid]["change_ms"] == -row["change_ms"]
        assert back[queryid]["state"] == turned[row["state"]]
        if row["from_calls"] is not None:
            split = row["from_calls"] + row["from_each"]
            assert math.isclose(split, row["change_ms"], rel_tol=1e-6, abs_tol=1e-6)
