"""The rows of one tenant: which tables hold some, and how each is found; then they are copied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.recovery.model import Tenant

Table = tuple[str, str]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """How a table's rows of a tenant are found.

    Attributes
    ----------
    column : str
        Of the table.
    parent : tuple or None
        The table it refers to, whose rows are the tenant's; None: the column holds the tenant.
    parent_column : str
        What it refers to there.

    """

    table: Table
    column: str
    parent: Table | None = None
    parent_column: str = ""


def plan(tables: Sequence[Row], references: Sequence[Row], column: str) -> list[Found]:
    """Return the tables that hold rows of a tenant; pure.

    A table with the tenant's column is asked for it, and so is the table that this column refers
    to, by its key. One without that refers to such a table, or to one that is found in this way,
    holds the rows that refer to the tenant's. Of several ways the shortest is taken, of those the
    first by name.

    Parameters
    ----------
    tables : sequence of rows
        Of `recovery/tables.sql`.
    references : sequence of rows
        Of `recovery/references.sql`.
    column : str
        The tenant's.

    Returns
    -------
    list of Found
        A parent before those that refer to it.

    """
    found = {
        (row["schema_name"], row["table_name"]): Found(
            (row["schema_name"], row["table_name"]), column
        )
        for row in tables
        if row["has_column"]
    }
    for row in references:  # the table of tenants itself, whose key has a name of its own
        parent = (row["parent_schema"], row["parent_table"])
        if row["column_name"] == column and parent not in found:
            found[parent] = Found(parent, row["parent_column"])
    order = list(found.values())
    known = {(row["schema_name"], row["table_name"]) for row in tables}
    grew = True
    while grew:
        ring: dict[Table, Found] = {}
        for row in references:
            table = (row["schema_name"], row["table_name"])
            parent = (row["parent_schema"], row["parent_table"])
            if table in known and table not in found and parent in found:
                ring.setdefault(
                    table, Found(table, row["column_name"], parent, row["parent_column"])
                )
        found.update(ring)
        order += ring.values()
        grew = bool(ring)
    return order


def rows_of(of: Found, found: Mapping[Table, Found], value: str) -> sql.Composed:
    """Return the query of a table's rows of the tenant; pure."""
    return sql.SQL("SELECT t.* FROM {} AS t WHERE {}").format(
        sql.Identifier(*of.table), _condition(of, found, value)
    )


def _condition(of: Found, found: Mapping[Table, Found], value: str) -> sql.Composed:
    if of.parent is None:
        return sql.SQL("t.{}::text = {}").format(sql.Identifier(of.column), sql.Literal(value))
    return sql.SQL("t.{} IN (SELECT t.{} FROM {} AS t WHERE {})").format(
        sql.Identifier(of.column),
        sql.Identifier(of.parent_column),
        sql.Identifier(*of.parent),
        _condition(found[of.parent], found, value),
    )


def copy(
    source: psycopg.Connection[Any], into: psycopg.Connection[Any], tenant: Tenant
) -> dict[str, int]:
    """Copy a tenant's rows from one database into the empty tables of another.

    Parameters
    ----------
    source, into : psycopg.Connection
        Both with the same schema; in autocommit. Triggers and foreign keys of `into` do not act.
    tenant : Tenant

    Returns
    -------
    dict
        Rows copied by table, `schema.name`.

    Raises
    ------
    ConfigurationError
        No table has the column, or no row is the tenant's.

    """
    with source.cursor(row_factory=dict_row) as cursor:
        tables = cursor.execute(
            sqlfiles.load("recovery/tables").text, {"column": tenant.column}
        ).fetchall()
        references = cursor.execute(sqlfiles.load("recovery/references").text).fetchall()
    order = plan(tables, references, tenant.column)
    found = {each.table: each for each in order}
    copied: dict[str, int] = {}
    with into.transaction():
        into.execute("SET LOCAL session_replication_role = replica")
        for each in order:
            copied[".".join(each.table)] = _copy_table(
                source, into, each, rows_of(each, found, tenant.value)
            )
    if not any(copied.values()):
        raise ConfigurationError(
            f"recovery: no row of any table has {tenant.column} = {tenant.value!r}",
            "name a column and a value of a tenant that has rows, in `recovery: tenant:`",
        )
    return copied


def _copy_table(
    source: psycopg.Connection[Any],
    into: psycopg.Connection[Any],
    of: Found,
    query: sql.Composed,
) -> int:
    columns = [
        row[0]
        for row in source.execute(
            sqlfiles.load("recovery/columns").text,
            {"schema": of.table[0], "table": of.table[1]},
        ).fetchall()
    ]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    reading = sql.SQL("COPY (SELECT {} FROM ({}) AS t) TO STDOUT").format(names, query)
    writing = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(*of.table), names)
    with source.cursor() as reader, into.cursor() as writer:
        with reader.copy(reading) as out, writer.copy(writing) as back:
            for block in out:
                back.write(block)
        return writer.rowcount
