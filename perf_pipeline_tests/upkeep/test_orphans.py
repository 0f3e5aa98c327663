"""What is wrong with a relationship: as the pure rule says, as the statement counts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.upkeep.model import Kind
from perf_pipeline.upkeep.orphans import CLASSES, CLEANED, State, judge, plan, totals

KIND = Kind(name="treats", source_tables=("a",), target_tables=("b",))
STATES: list[State] = ["present", "missing", "archived", "unknown table"]


@given(
    st.sampled_from(STATES),
    st.sampled_from(STATES),
    st.sampled_from([None, KIND, KIND.model_copy(update={"active": False})]),
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc")),
)
def test_each_relationship_has_one_class_or_none(
    source: State, target: State, kind: Kind | None, tables: tuple[str, str]
) -> None:
    found = judge(source, target, kind, tables)
    assert found is None or found in CLASSES
    # nothing is cleaned unless an end is known to be gone, and nothing because of its kind
    assert (found in CLEANED) == (
        "missing" in (source, target) and "unknown table" not in (source, target)
    )
    if found is None:
        assert (source, target, kind, tables) == ("present", "present", KIND, ("a", "b"))


def row(name: str, orphans: int, path: str = "a -> b") -> dict[str, Any]:
    source, _, target = path.partition(" -> ")
    return {
        "class": name,
        "orphans": orphans,
        "path": path,
        "source_table": source,
        "target_table": target,
        "kind": "treats",
    }


def test_one_step_for_each_pair_and_what_is_only_told_comes_last() -> None:
    summary = [
        row("archived_parent", 50),
        row("missing_both", 3),
        row("missing_target", 4),
        row("missing_source", 9, "c -> d"),
        row("unknown_table", 1, "c -> d"),
    ]
    steps = plan(summary, "app.links", 60)
    assert [(step.detail["source_table"], step.detail["orphans"], step.todo) for step in steps] == [
        ("c", 9, True),
        ("a", 7, True),
        ("a", 50, False),
        ("c", 1, False),
    ]
    assert totals(summary)["missing_both"] == 3
    assert "undeclared_kind" not in totals(summary)
