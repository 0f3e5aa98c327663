"""What a converted table takes over from the plain one, besides its rows.

`onto_copy` is done when the copy is made, `at_swap` in the transaction that swaps the names. The
latter is rehearsed before a row is copied: what cannot be carried over is told at once.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import names
from perf_pipeline.partitions.model import Policy
from perf_pipeline.postgres import sqlfiles

_COMMANDS: Final = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
_FIRING: Final = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


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
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load("partitions/convert_grants").text
        grants = cursor.execute(text, {"relation": found["oid"]}).fetchall()
    way = [(what, remedy) for what, remedy in found["in_the_way"]]
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
    for unique, rest, space in found["indexes"]:
        kind = sql.SQL("CREATE UNIQUE INDEX ON {}" if unique else "CREATE INDEX ON {}")
        into(inside, space)
        inside.execute(kind.format(table) + sql.SQL(rest))
    for name, definition, space in found["unique_constraints"]:
        new = sql.Identifier(names.fitted(name, "perf_new"))
        into(inside, space)
        inside.execute(adding.format(table, new) + sql.SQL(definition))
    for name, definition in found["foreign_keys"]:
        inside.execute(adding.format(table, sql.Identifier(name)) + sql.SQL(definition))
    if found["remark"]:
        inside.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(found["remark"]))
        )
    identity = {"f": "FULL", "n": "NOTHING"}.get(found["replica_identity"])
    if identity is not None:
        inside.execute(
            sql.SQL("ALTER TABLE {} REPLICA IDENTITY ").format(table) + sql.SQL(identity)
        )
    for each in found["grants"]:
        to = sql.SQL("PUBLIC") if each["role"] == "public" else sql.Identifier(each["role"])
        column = each["column_name"]
        of = sql.SQL("") if column is None else sql.SQL(" ({})").format(sql.Identifier(column))
        inside.execute(
            sql.SQL("GRANT {}{} ON {} TO {}{}").format(
                sql.SQL(each["privilege_type"]),
                of,
                table,
                to,
                sql.SQL(" WITH GRANT OPTION" if each["is_grantable"] else ""),
            )
        )
    if found["owner"] != inside.info.user:
        owner = sql.SQL("ALTER TABLE {} OWNER TO {}")
        inside.execute(owner.format(table, sql.Identifier(found["owner"])))


def into(inside: psycopg.Connection[Any], tablespace: str | None) -> None:
    """Let what a transaction makes from now on go to a tablespace; None: the database's."""
    inside.execute(
        "SELECT /* perf-pipeline */ set_config('default_tablespace', %s, true)",
        (tablespace or "",),
    )


def at_swap(
    inside: psycopg.Connection[Any], found: Mapping[str, Any], policy: Policy, copy: str, old: str
) -> None:
    """Move over what rows and names depend on, and swap the names.

    Parameters
    ----------
    inside : psycopg.Connection
        In the transaction that holds the plain table for itself, and has compared it.
    found : Mapping
        As `source` returned it.
    policy : Policy
    copy, old : str
        Name of the copy, and the one that the plain table gets.

    """
    schema = policy.schema
    table, new = sql.Identifier(schema, policy.table), sql.Identifier(schema, copy)
    former = sql.Identifier(schema, old)
    for column in found["identities"]:
        inside.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), nextval("
            "pg_get_serial_sequence(%s, %s)))",
            (new.as_string(inside), column, table.as_string(inside), column),
        )
    rename = sql.SQL("ALTER TABLE {} RENAME TO {}")
    inside.execute(rename.format(table, sql.Identifier(old)))
    inside.execute(rename.format(new, sql.Identifier(policy.table)))
    for space, sequence, column in found["serials"]:
        inside.execute(
            sql.SQL("ALTER SEQUENCE {} OWNED BY {}").format(
                sql.Identifier(space, sequence), sql.Identifier(schema, policy.table, column)
            )
        )
    # the names that INSERT ... ON CONFLICT ON CONSTRAINT knows
    renamed = sql.SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}")
    uniques = [(name, names.fitted(name, "perf_new")) for name, _, _ in found["unique_constraints"]]
    for name, made in (*uniques, (found["key_name"], key_name(policy))):
        away = sql.Identifier(names.fitted(name, "perf_old"))
        inside.execute(renamed.format(former, sql.Identifier(name), away))
        inside.execute(renamed.format(table, sql.Identifier(made), sql.Identifier(name)))
    _policies(inside, found, table)
    for name, definition, firing in found["triggers"]:
        inside.execute(sql.SQL(definition))
        if firing in _FIRING:
            inside.execute(
                sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(
                    table, sql.SQL(_FIRING[firing]), sql.Identifier(name)
                )
            )
    for key in found["referring"]:
        _refer(inside, key)
    for view in found["views"]:
        _view(inside, view)
    for publication in found["publications"]:
        name = sql.Identifier(publication["name"])
        inside.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(name, former))
        inside.execute(sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(name, table))


def _refer(inside: psycopg.Connection[Any], key: Mapping[str, Any]) -> None:
    """Let a foreign key of another table refer to the table that has the name now.

    It held for the plain table, which both are locked with, and so it holds for its copy: no row
    is read. `convert` has it validated afterwards, which stops nobody.
    """
    table, name = sql.Identifier(key["schema"], key["table"]), sql.Identifier(key["name"])
    inside.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, name))
    unproven = sql.SQL(" NOT VALID" if key["is_valid"] else "")
    adding = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(table, name)
    inside.execute(adding + sql.SQL(key["definition"]) + unproven)
    if key["remark"]:
        inside.execute(
            sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(
                name, table, sql.Literal(key["remark"])
            )
        )


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


def key_name(policy: Policy) -> str:
    """Return the name of the copy's primary key, until the swap."""
    return names.fitted(policy.table, "perf_new_pkey")


def _policies(
    inside: psycopg.Connection[Any], found: Mapping[str, Any], table: sql.Identifier
) -> None:
    """Give a table the row-level security of the plain one."""
    for each in found["policies"]:
        roles = sql.SQL(", ").join(
            sql.SQL("PUBLIC") if role == "public" else sql.Identifier(role)
            for role in each["roles"]
        )
        statement = sql.SQL("CREATE POLICY {} ON {} AS {} FOR {} TO {}").format(
            sql.Identifier(each["name"]),
            table,
            sql.SQL("PERMISSIVE" if each["permissive"] else "RESTRICTIVE"),
            sql.SQL(_COMMANDS[each["command"]]),
            roles,
        )
        for word, clause in (("using", " USING ({})"), ("check", " WITH CHECK ({})")):
            if each[word] is not None:
                statement += sql.SQL(clause).format(sql.SQL(each[word]))
        inside.execute(statement)
    if found["row_security"]:
        inside.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table))
    if found["force_row_security"]:
        inside.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(table))


def _view(inside: psycopg.Connection[Any], view: Mapping[str, Any]) -> None:
    """Let a view read the table that has the name now; its grants and what hangs on it stay."""
    options: sql.SQL | sql.Composed = sql.SQL("")
    if view["options"]:
        pairs = [option.partition("=") for option in view["options"]]
        options = sql.SQL(" WITH ({})").format(
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
                for name, _, value in pairs
            )
        )
    inside.execute(
        sql.SQL("CREATE OR REPLACE VIEW {}{} AS {}").format(
            sql.Identifier(view["schema"], view["name"]), options, sql.SQL(view["definition"])
        )
    )
