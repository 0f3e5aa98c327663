"""Take off what slows a bulk load down, and make it again afterwards, under the same names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from perf_pipeline.postgres import sqlfiles

Table = tuple[str, str]


@contextmanager
def tables_without_extras(
    connection: psycopg.Connection, tables: tuple[Table, ...]
) -> Iterator[None]:
    """Drop foreign and unique keys and secondary indexes, turn triggers off; undo it at the end.

    Everything happens in the caller's transaction: after an error its rollback is the undoing.
    Making the keys again validates every row.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction; its role owns the tables.
    tables : tuple of (schema, table)
        Partitioned ones bring their partitions.

    """
    bound = {"tables": [sql.Identifier(*table).as_string(connection) for table in tables]}

    def listed(name: str) -> list[tuple[Any, ...]]:
        return connection.execute(sqlfiles.load(f"target/{name}").text, bound).fetchall()

    triggers = listed("user_triggers")
    _switch(connection, triggers, "DISABLE")
    constraints = listed("droppable_constraints")
    for schema, table, name, _ in constraints:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(schema, table), sql.Identifier(name)
            )
        )
    indexes = listed("secondary_indexes")
    for schema, name, _, _, whole in indexes:
        if whole is None:  # a part goes with its whole
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name)))
    yield
    for schema, name, definition, whole_schema, whole in indexes:
        connection.execute(definition)
        if whole is not None:
            connection.execute(
                sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(
                    sql.Identifier(whole_schema, whole), sql.Identifier(schema, name)
                )
            )
    for schema, table, name, definition in reversed(constraints):
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                sql.Identifier(schema, table), sql.Identifier(name), sql.SQL(definition)
            )
        )
    _switch(connection, triggers, "ENABLE")


def _switch(
    connection: psycopg.Connection, triggers: list[tuple[Any, ...]], state: LiteralString
) -> None:
    for schema, table, name, always in triggers:
        connection.execute(
            sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(
                sql.Identifier(schema, table),
                sql.SQL("ENABLE ALWAYS" if always and state == "ENABLE" else state),
                sql.Identifier(name),
            )
        )
