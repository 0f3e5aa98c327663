"""Which indexes a statement's plan uses, those of partitioned tables as a whole."""

import re
from typing import Any

import psycopg


def indexes(
    connection: psycopg.Connection, statement: str, parameters: dict[str, Any] | None = None
) -> set[str]:
    """Return the indexes a plan uses; of a part the index of the whole table."""
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        row = cursor.fetchone()
    assert row is not None
    found: set[str] = set()

    def visit(node: dict[str, Any]) -> None:
        if "Index Name" in node:
            found.add(node["Index Name"])
        for child in node.get("Plans", []):
            visit(child)

    visit(row[0][0]["Plan"])
    whole = connection.execute(
        "SELECT DISTINCT (SELECT relname FROM pg_class"
        " WHERE oid = coalesce(pg_partition_root(c.oid), c.oid))"
        " FROM pg_class AS c WHERE c.relname = ANY (%s)",
        (sorted(found),),
    ).fetchall()
    return {name for (name,) in whole}


def body(script: str, values: dict[str, Any]) -> str:
    """Return the statement of a pgbench script with its variables filled in."""
    bare = re.sub(r"^(\\set|--).*$", "", script, flags=re.MULTILINE)
    return re.sub(r"(?<!:):([a-z_]+)", lambda match: str(values[match[1]]), bare)
