"""Which tables hold rows of a tenant, and how each is found."""

from perf_pipeline.recovery.tenant import Found, plan


def table(name, has=False):
    return {"schema_name": "s", "table_name": name, "has_column": has}


def reference(child, column, parent, parent_column="id"):
    return {
        "schema_name": "s",
        "table_name": child,
        "column_name": column,
        "parent_schema": "s",
        "parent_table": parent,
        "parent_column": parent_column,
    }


def test_tables_are_found_by_column_by_key_and_by_reference() -> None:
    tables = [
        table("tenants"),
        table("orders", has=True),
        table("lines"),
        table("notes"),
        table("far"),
    ]
    references = [
        reference("orders", "tenant_id", "tenants"),
        reference("lines", "order_id", "orders"),
        reference("notes", "line_id", "lines"),
        reference("far", "other_id", "elsewhere"),
    ]
    assert plan(tables, references, "tenant_id") == [
        Found(("s", "orders"), "tenant_id"),
        Found(("s", "tenants"), "id"),
        Found(("s", "lines"), "order_id", ("s", "orders"), "id"),
        Found(("s", "notes"), "line_id", ("s", "lines"), "id"),
    ]


def test_the_shortest_way_wins_and_circles_end() -> None:
    tables = [table("a", has=True), table("b"), table("c")]
    references = [
        reference("b", "a_id", "a"),
        reference("b", "c_id", "c"),
        reference("c", "a_id", "a"),
        reference("c", "b_id", "b"),
    ]
    found = plan(tables, references, "t")
    assert [(each.table[1], each.column) for each in found] == [
        ("a", "t"),
        ("b", "a_id"),
        ("c", "a_id"),
    ]
    assert plan([table("x")], [], "t") == []
