"""What moves when a copy takes the name of a table: in one transaction, rehearsed beforehand."""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from perf_pipeline.partitions import carry, create
from perf_pipeline.partitions.model import Policy

_COMMANDS: Final = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


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
    for each in found["identities"]:
        _sequence(inside, each, schema, table, new)
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
    uniques = [(name, carry.new_name(name)) for name, _, _ in found["unique_constraints"]]
    for name, made in (*uniques, (found["key_name"], carry.key_name(policy))):
        away = sql.Identifier(carry.old_name(name))
        inside.execute(renamed.format(former, sql.Identifier(name), away))
        inside.execute(renamed.format(table, sql.Identifier(made), sql.Identifier(name)))
    for index in found["indexes"]:
        _rename(inside, "INDEX", schema, index["name"])
    for each in found["statistics"]:
        _rename(inside, "STATISTICS", each["schema"], each["name"])
    _policies(inside, found, table)
    for name, definition, fires in found["triggers"]:
        inside.execute(sql.SQL(definition))
        if fires != "O":  # as one that is made does
            inside.execute(create.firing(table, name, fires))
    for key in found["referring"]:
        _refer(inside, key)
    _readers(inside, found)
    for publication in found["publications"]:
        name = sql.Identifier(publication["name"])
        inside.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(name, former))
        inside.execute(sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(name, table))
    _remarks(inside, found, schema, table)
    if found["owner_lacks"]:
        inside.execute(
            sql.SQL("REVOKE {} ON {} FROM {}").format(
                sql.SQL(", ".join(found["owner_lacks"])), table, sql.Identifier(found["owner"])
            )
        )


def _readers(inside: psycopg.Connection[Any], found: Mapping[str, Any]) -> None:
    """Let what knows the plain table by its oid know the one that has the name now."""
    for view in found["views"]:
        _view(inside, view)
    for definition in found["functions"]:
        inside.execute(sql.SQL(definition))
    for each in found["policies_of_others"]:
        clauses = [
            sql.SQL(" {} ({})").format(sql.SQL(word), sql.SQL(each[part]))
            for part, word in (("using", "USING"), ("check", "WITH CHECK"))
            if each[part] is not None
        ]
        inside.execute(
            sql.SQL("ALTER POLICY {} ON {}").format(
                sql.Identifier(each["name"]), sql.Identifier(each["schema"], each["table"])
            )
            + sql.SQL("").join(clauses)
        )


def _remarks(
    inside: psycopg.Connection[Any], found: Mapping[str, Any], schema: str, table: sql.Identifier
) -> None:
    """Say of what the table has now what was said of what it had."""
    for kind, name, remark in found["remarks"]:
        on = sql.Identifier(schema, name) if kind == "INDEX" else sql.Identifier(name)
        inside.execute(
            sql.SQL("COMMENT ON {} {}{} IS {}").format(
                sql.SQL(kind),
                on,
                sql.SQL("") if kind == "INDEX" else sql.SQL(" ON {}").format(table),
                sql.Literal(remark),
            )
        )


def _rename(inside: psycopg.Connection[Any], kind: str, schema: str, name: str) -> None:
    """Let what the copy has take the name of what the plain table has."""
    rename = sql.SQL("ALTER {} {} RENAME TO {}")
    for now, then in ((name, carry.old_name(name)), (carry.new_name(name), name)):
        inside.execute(
            rename.format(sql.SQL(kind), sql.Identifier(schema, now), sql.Identifier(then))
        )


def _sequence(
    inside: psycopg.Connection[Any],
    identity: Mapping[str, Any],
    schema: str,
    table: sql.Identifier,
    new: sql.Identifier,
) -> None:
    """Let an identity's new sequence go on where the old one stands, under its name."""
    column, name = identity["column"], identity["sequence"]
    row = inside.execute(
        "SELECT c.relname, setval(c.oid, nextval(pg_get_serial_sequence(%(old)s, %(column)s)))"
        " FROM pg_catalog.pg_class AS c WHERE c.oid ="
        " pg_get_serial_sequence(%(new)s, %(column)s)::regclass",
        {"new": new.as_string(inside), "old": table.as_string(inside), "column": column},
    ).fetchone()
    rename = sql.SQL("ALTER SEQUENCE {} RENAME TO {}")
    renames = ((name, carry.old_name(name)), (row[0] if row else name, name))
    for now, then in renames:
        inside.execute(rename.format(sql.Identifier(schema, now), sql.Identifier(then)))
    sequence = sql.Identifier(schema, name)
    for privilege, role in identity["grants"]:
        inside.execute(
            sql.SQL("GRANT {} ON SEQUENCE {} TO {}").format(
                sql.SQL(privilege), sequence, create.role(role or "public")
            )
        )
    if identity["remark"]:
        inside.execute(
            sql.SQL("COMMENT ON SEQUENCE {} IS {}").format(
                sequence, sql.Literal(identity["remark"])
            )
        )


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


def _policies(
    inside: psycopg.Connection[Any], found: Mapping[str, Any], table: sql.Identifier
) -> None:
    """Give a table the row-level security of the plain one."""
    for each in found["policies"]:
        roles = sql.SQL(", ").join(map(create.role, each["roles"]))
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
