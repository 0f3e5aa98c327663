"""What is wrong with a relationship: as the pure rule says, as the statement counts."""

from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.upkeep import orphan_search
from perf_pipeline.upkeep.model import Kind, Relationships
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


LINKS = """
CREATE SCHEMA app;
CREATE TABLE app.a (id integer PRIMARY KEY, archived boolean);
CREATE TABLE app.b (id integer PRIMARY KEY, archived boolean);
CREATE TABLE app.c (id integer PRIMARY KEY);
CREATE TABLE app.other_key (id text PRIMARY KEY, archived boolean);
INSERT INTO app.a SELECT n, n = 2 FROM generate_series(1, 3) AS n;
INSERT INTO app.b SELECT n, NULLIF(n = 2, false) FROM generate_series(1, 3) AS n;
INSERT INTO app.c SELECT n FROM generate_series(1, 3) AS n;
INSERT INTO app.other_key VALUES ('1', false);
CREATE TABLE app.links (
    id serial PRIMARY KEY, relationship_type text, source_table text, source_id integer,
    target_table text, target_id integer, archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
KINDS = (
    Kind(name="good", source_tables=("a", "app.b"), target_tables=("b", "c")),
    Kind(name="old", source_tables=("a",), target_tables=("b",), active=False),
)


@pytest.mark.server
def test_the_statement_counts_what_the_rule_says(make_database: Callable[..., str]) -> None:
    """On every combination of tables, ids and kinds."""
    tables = ["a", "b", "app.b", "c", "other_key", "gone", "", None]
    rule = Relationships(table="app.links", end_schema="app", kinds=KINDS)
    kinds = {kind.name: kind for kind in KINDS}
    links = list(product(["good", "old", "new", None], tables, [1, 2, 9], tables, [1, 2, 9]))

    def state(table: str | None, number: int) -> State:
        if table in (None, "", "gone", "other_key"):
            return "unknown table"
        if number == 9:
            return "missing"
        return "archived" if number == 2 and table != "c" else "present"

    wanted: Counter[tuple[str | None, str | None, str | None, str]] = Counter()
    for kind, source, source_id, target, target_id in links:
        named = kinds.get(kind or "")
        ends = state(source, source_id), state(target, target_id)
        found = judge(*ends, named, (source or "", target or ""))
        if found is not None:
            wanted[source, target, kind, found] += 1
    with psycopg.connect(make_database(), autocommit=True) as connection:
        connection.execute(LINKS)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO app.links (relationship_type, source_table, source_id, target_table,"
                " target_id) VALUES (%s, %s, %s, %s, %s)",
                links,
            )
        found_there = orphan_search.search(connection, rule)
    assert found_there.relationships == len(links)
    ours = Counter(
        {
            (r["source_table"], r["target_table"], r["kind"], r["class"]): r["orphans"]
            for r in found_there.summary
        }
    )
    assert ours == wanted
