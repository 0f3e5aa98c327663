"""What a converted table takes over from the plain one, besides its rows.

`onto_copy` is done when the copy is made; what depends on rows and names is moved in the
transaction that swaps the names (`swap`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import catalog, create, names, verdicts
from perf_pipeline.partitions.model import Policy
from perf_pipeline.postgres import sqlfiles


def source(connection: psycopg.Connection[Any], policy: Policy) -> dict[str, Any]:
    """Return what a plain table has: the columns of `sql/partitions/convert_source.sql`, and more.

    Under `publications` are those that name it, under `grants` who may do what.

    Raises
    ------
    ConfigurationError
        It is no plain table, or has what cannot be carried over: each is named with a remedy.

    """
    found = table_of(connection, policy.schema, policy.table, policy.column)
    if found is None:
        raise ConfigurationError(f"{policy.parent} is no plain table", "name one that is")
    publications = publications_of(connection, found["oid"])
    wrong_type = verdicts.wrong_type(policy, catalog.kind_of(found["column_type"]))
    if wrong_type is not None and policy.column in found["columns"]:
        raise ConfigurationError(wrong_type.what, wrong_type.remedy)
    grants = grants_of(connection, found["oid"])
    values = {"relation": found["oid"], "schema": policy.schema, "column": policy.column}
    text = sqlfiles.load("partitions/convert_in_the_way").text
    way = connection.execute(text, values).fetchall()
    way += [(f"publication {each['name']}", _remedy(each)) for each in publications]
    wrong = [f"{what} ({remedy})" for what, remedy in way if remedy]
    if wrong:
        raise ConfigurationError(
            f"{policy.parent} has what its conversion does not carry over: {'; '.join(wrong)}",
            "do what stands behind each, and convert then; nothing was begun",
        )
    if not found["key"]:
        raise ConfigurationError(
            f"{policy.parent} has no primary key: rows could not be told apart", "add one"
        )
    if policy.column not in found["columns"]:
        raise ConfigurationError(
            f"{policy.parent} has no column {policy.column}", "correct the policy's column"
        )
    return {**found, "publications": publications, "grants": grants}


def table_of(
    connection: psycopg.Connection[Any], schema: str, table: str, column: str
) -> dict[str, Any] | None:
    """Return the columns of `sql/partitions/convert_source.sql`; None: it is no such table."""
    values = {"schema": schema, "name": table, "column": column}
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load("partitions/convert_source").text
        return cursor.execute(text, values).fetchone()


def oid_of(connection: psycopg.Connection[Any], table: sql.Identifier) -> int:
    """Return the oid of a table that is there."""
    row = connection.execute(
        "SELECT /* perf-pipeline */ %s::regclass::oid", (table.as_string(connection),)
    ).fetchone()
    return row[0] if row else 0


def grants_of(connection: psycopg.Connection[Any], relation: int) -> list[dict[str, Any]]:
    """Return who but its owner may do what with a table, whole or by columns."""
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load("partitions/convert_grants").text
        return cursor.execute(text, {"relation": relation}).fetchall()


def publications_of(connection: psycopg.Connection[Any], relation: int) -> list[dict[str, Any]]:
    """Return the publications that tell of a table: `whole` ones of all tables of a schema."""
    major = connection.info.server_version // 10_000
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load("partitions/convert_publications", major).text
        return cursor.execute(text, {"relation": relation}).fetchall()


def _remedy(publication: Mapping[str, Any]) -> str:
    """Return what to do about a publication; empty: it is carried over."""
    name = publication["name"]
    if publication["whole"]:
        return "let it name its tables: it would tell its subscribers of the copy"
    if publication["is_part"]:
        return "take the table out, and put it in again afterwards: parts of tables are not served"
    if not publication["via_root"]:
        return (
            f"ALTER PUBLICATION {name} SET (publish_via_partition_root = true): its subscribers "
            "know no partitions"
        )
    if not publication["is_ours"]:
        return "let its owner take the table out, and put it in again afterwards"
    return ""


def onto_copy(
    inside: psycopg.Connection[Any], found: Mapping[str, Any], policy: Policy, copy: str
) -> None:
    """Give the copy its indexes, constraints, owner and grants; it has no row yet.

    Parameters
    ----------
    inside : psycopg.Connection
        In the transaction that made it.
    found : Mapping
        As `source` returned it.
    policy : Policy
    copy : str
        Its name, in the schema of the policy's parent.

    """
    table = sql.Identifier(policy.schema, copy)
    adding = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ")
    for index in found["indexes"]:
        kind = sql.SQL(
            "CREATE UNIQUE INDEX {} ON {}" if index["unique"] else "CREATE INDEX {} ON {}"
        )
        into(inside, index["tablespace"])
        made = sql.Identifier(new_name(index["name"]))
        inside.execute(kind.format(made, table) + sql.SQL(index["rest"]))
    for name, definition, space in found["unique_constraints"]:
        into(inside, space)
        inside.execute(adding.format(table, sql.Identifier(new_name(name))) + sql.SQL(definition))
    for name, definition in found["foreign_keys"]:
        inside.execute(adding.format(table, sql.Identifier(name)) + sql.SQL(definition))
    if found["remark"]:
        inside.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(found["remark"]))
        )
    _statistics(inside, found, policy, table)
    if found["replica_identity"] != "d":
        inside.execute(
            sql.SQL("ALTER TABLE {} REPLICA IDENTITY ").format(table) + _identity(found, policy)
        )
    _grants(inside, found["grants"], table)
    if found["owner"] != inside.info.user:
        owner = sql.SQL("ALTER TABLE {} OWNER TO {}")
        inside.execute(owner.format(table, sql.Identifier(found["owner"])))


def _identity(found: Mapping[str, Any], policy: Policy) -> sql.Composable:
    """Return by what subscribers of the copy shall know its rows."""
    if found["replica_identity"] != "i":
        return sql.SQL({"f": "FULL", "n": "NOTHING"}[found["replica_identity"]])
    index = found["identity_index"]
    made = key_name(policy) if index == found["key_name"] else new_name(index)
    return sql.SQL("USING INDEX {}").format(sql.Identifier(made))


def _statistics(
    inside: psycopg.Connection[Any],
    found: Mapping[str, Any],
    policy: Policy,
    table: sql.Identifier,
) -> None:
    """Give the copy extended statistics and statistics targets; its partitions take them."""
    for each in found["statistics"]:
        name = sql.Identifier(each["schema"], new_name(each["name"]))
        kinds = sql.SQL(" ({})").format(sql.SQL(", ".join(each["kinds"] or ["mcv"])))
        inside.execute(
            sql.SQL("CREATE STATISTICS {}{} ON {} FROM {}").format(
                name,
                kinds if each["kinds"] else sql.SQL(""),
                sql.SQL(each["columns"]),
                table,
            )
        )
        if each["target"] is not None:
            inside.execute(
                sql.SQL("ALTER STATISTICS {} SET STATISTICS {}").format(
                    name, sql.Literal(each["target"])
                )
            )
        if each["remark"]:
            inside.execute(
                sql.SQL("COMMENT ON STATISTICS {} IS {}").format(name, sql.Literal(each["remark"]))
            )
        if found["owner"] != inside.info.user:
            inside.execute(
                sql.SQL("ALTER STATISTICS {} OWNER TO {}").format(
                    name, sql.Identifier(found["owner"])
                )
            )
    for statement in create.column_statistics(found["column_statistics"], table):
        inside.execute(statement)


def _grants(
    inside: psycopg.Connection[Any], grants: Sequence[Mapping[str, Any]], table: sql.Identifier
) -> None:
    """Let others do with the copy what they may with the table, and no more."""
    # those that default privileges gave
    for role in {each["role"] for each in grants_of(inside, oid_of(inside, table))}:
        inside.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(table, create.role(role)))
    for each in grants:
        column = each["column_name"]
        of = sql.SQL("") if column is None else sql.SQL(" ({})").format(sql.Identifier(column))
        inside.execute(
            sql.SQL("GRANT {}{} ON {} TO {}{}").format(
                sql.SQL(each["privilege_type"]),
                of,
                table,
                create.role(each["role"]),
                sql.SQL(" WITH GRANT OPTION" if each["is_grantable"] else ""),
            )
        )


def into(inside: psycopg.Connection[Any], tablespace: str | None) -> None:
    """Let what a transaction makes from now on go to a tablespace; None: the database's."""
    inside.execute(
        "SELECT /* perf-pipeline */ set_config('default_tablespace', %s, true)",
        (tablespace or "",),
    )


def key_name(policy: Policy) -> str:
    """Return the name of the copy's primary key, until the swap."""
    return names.fitted(policy.table, "perf_new_pkey")


def primary_key(found: Mapping[str, Any], key: Sequence[str]) -> sql.Composed:
    """Return the clause of the copy's primary key: the table's, with the partition key in it."""
    clause = sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, key)))
    beside = [name for name in found["key_include"] if name not in key]
    if beside:
        columns = sql.SQL(", ").join(map(sql.Identifier, beside))
        clause += sql.SQL(" INCLUDE ({})").format(columns)
    return clause + create.storage(found["key_options"])


def new_name(name: str) -> str:
    """Return the name of an index or statistics of the copy, until the swap."""
    return names.fitted(name, "perf_new")


def old_name(name: str) -> str:
    """Return the name that what the plain table has gets at the swap."""
    return names.fitted(name, "perf_old")


def unproven(connection: psycopg.Connection[Any], schema: str, table: str) -> list[dict[str, Any]]:
    """Return the foreign keys to a partitioned table that are not validated yet.

    Returns
    -------
    list of dict
        `schema_name`, `table_name`, `name`, and `relation`, the oid of the table that has it.

    """
    values = {"table": sql.Identifier(schema, table).as_string(connection)}
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load("partitions/unproven_keys").text
        return cursor.execute(text, values).fetchall()
