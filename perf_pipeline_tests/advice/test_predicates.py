"""What a plan asks of its tables, read from the planner's own words."""

from typing import Any

import pytest

from perf_pipeline.advice.predicates import terms, updated, wanted, written


def scan(condition: str, **more: Any) -> dict[str, Any]:
    return {"Node Type": "Seq Scan", "Schema": "app", "Relation Name": "orders", "Alias": "o",
            "Filter": condition, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("(o.a = $1)", ["o.a = $1"]),
        ("((o.a = $1) AND (o.b > $2))", ["o.a = $1", "o.b > $2"]),
        ("((o.a = ' AND ') AND ((o.b)::text = 'x)'::text))",
         ["o.a = ' AND '", "(o.b)::text = 'x)'::text"]),
        ("((o.a = $1) OR (o.b = $2))", ["(o.a = $1) OR (o.b = $2)"]),
        ("(((o.a = 1) AND (o.b = 2)) AND (o.c = 3))", ["o.a = 1", "o.b = 2", "o.c = 3"]),
        ("", []),
    ],
)  # fmt: skip
def test_what_has_to_hold_together_is_taken_apart(condition: str, parts: list[str]) -> None:
    assert terms(condition) == parts


@pytest.mark.parametrize(
    ("condition", "equal", "ranges"),
    [
        ("((o.tenant = $1) AND (o.at > (now() - $2)))", {"tenant"}, {"at"}),
        ("($1 = o.tenant)", {"tenant"}, set()),
        ("((o.status)::text = 'new'::text)", {"status"}, set()),
        ("(o.status = ANY ('{a,b}'::text[]))", {"status"}, set()),
        ("(o.deleted_at IS NULL)", {"deleted_at"}, set()),
        ('(o."Odd ""name" = $1)', {'Odd "name'}, set()),
        ("(o.at <= $1)", set(), {"at"}),
        # none of these is served by a plain index on a column
        ("(lower(o.email) = $1)", set(), set()),
        ("((o.a = $1) OR (o.b = $2))", set(), set()),
        ("(o.a <> $1)", set(), set()),
        ("(o.a = o.b)", set(), set()),
        ("(o.name ~~ $1)", set(), set()),
        ("((o.at)::date = $1)", set(), set()),
        ("o.is_open", set(), set()),
    ],
)
def test_comparisons_an_index_could_serve(
    condition: str, equal: set[str], ranges: set[str]
) -> None:
    found = wanted(scan(condition))
    assert (found[0].equal if found else set()) == equal
    assert (found[0].ranges if found else set()) == ranges


def test_joins_and_sorts_are_found_over_the_whole_plan() -> None:
    items = {"Node Type": "Seq Scan", "Schema": "app", "Relation Name": "items", "Alias": "i"}
    join = {
        "Node Type": "Hash Join",
        "Hash Cond": "(i.order_id = o.id)",
        "Plans": [items, scan("(o.tenant = $1)")],
    }
    sort = {"Node Type": "Sort", "Sort Key": ["o.at DESC", "o.id DESC"], "Plans": [join]}
    found = {each.table_name: each for each in wanted(sort)}
    assert found["items"].joined == {"order_id"}
    assert (found["orders"].joined, found["orders"].sort) == ({"id"}, ("at", "id"))


@pytest.mark.parametrize(
    "keys", [["o.at DESC", "o.id"], ["lower(o.name)"], ["o.at DESC NULLS LAST"]]
)
def test_an_order_no_plain_index_has_is_left_alone(keys: list[str]) -> None:
    plan = {"Node Type": "Sort", "Sort Key": keys, "Plans": [scan("(o.a = $1)")]}
    assert wanted(plan)[0].sort == ()


def test_partitions_are_meant_by_the_name_of_their_table() -> None:
    parts = [scan("(o.a = $1)", **{"Relation Name": f"p{n}", "Alias": f"o_{n}"}) for n in (1, 2)]
    join = {"Node Type": "Merge Join", "Merge Cond": "(o.id = x.id)", "Plans": parts}
    assert any("id" in each.joined for each in wanted(join))


def test_what_is_written() -> None:
    plan = {"Node Type": "ModifyTable", "Schema": "app", "Relation Name": "orders", "Plans": []}
    assert written(plan) == ("app", "orders")
    assert written(scan("")) is None


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("UPDATE t SET a = $1, b = f(c, d) WHERE e = $2", {"a", "b"}),
        ('UPDATE t SET "A" = $1 FROM u WHERE u.x = 1', {"A"}),
        ("UPDATE t SET (a, b) = ($1, $2)", {"a", "b"}),
        ("INSERT INTO t VALUES ($1) ON CONFLICT (id) DO UPDATE SET n = t.n + $2", {"n"}),
        ("SELECT 1", set()),
    ],
)
def test_columns_an_update_sets(text: str, columns: set[str]) -> None:
    assert updated(text) == columns
