"""Look for orphans: one statement for each pair of tables that relationships lead between."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.upkeep import catalog
from perf_pipeline.upkeep.model import Kind, Relationships

Row = Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """A table that relationships name; `key_type` None: it cannot be looked into."""

    schema_name: str
    table_name: str
    key_type: str | None
    has_archived: bool


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    summary : tuple of Mapping
        A row per pair, kind and class: columns of `sql/upkeep/orphans_pair.sql` and `path`.
    relationships : int
        Looked at, archived ones left out.
    notes : tuple of str
        Pairs that could not be looked at, and why: the others are told all the same.

    """

    summary: tuple[Row, ...]
    relationships: int
    notes: tuple[str, ...]

    @property
    def orphans(self) -> int:
        """All that are wrong."""
        return sum(row["orphans"] for row in self.summary)


def search(connection: psycopg.Connection[Any], rule: Relationships) -> Search:
    """Return what is wrong with the relationships of a table.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, or in a transaction whose end the search is part of.
    rule : Relationships

    Raises
    ------
    ConfigurationError
        The rule names what is not there, or may not be read.

    """
    try:
        return _search(connection, rule)
    except psycopg.ProgrammingError as error:  # SQLSTATE 42: a name, a type, a privilege
        raise ConfigurationError(
            f"relationships of {rule.table}: {str(error).splitlines()[0]}",
            "correct the table and the names of its columns in upkeep.relationships, or grant "
            "the role what it may not read",
        ) from error


def _search(connection: psycopg.Connection[Any], rule: Relationships) -> Search:
    parts = places(rule)
    pairs = catalog.rows(connection, "orphan_pairs", None, parts)
    found = ends(connection, rule, pairs)
    declared = json.dumps([_kind_row(kind) for kind in kinds(connection, rule)])
    summary: list[Row] = []
    notes: list[str] = []
    for pair in pairs:
        source, target = pair["source_table"], pair["target_table"]
        try:
            with connection.transaction():
                rows = catalog.rows(
                    connection,
                    "orphans_pair",
                    {
                        "kinds": declared,
                        "source_table": source,
                        "target_table": target,
                        "source_known": is_known(found, source),
                        "target_known": is_known(found, target),
                    },
                    {**parts, **sides(rule, found, source, target)},
                )
        except (pg_errors.QueryCanceled, pg_errors.LockNotAvailable) as error:
            said = str(error).splitlines()[0]
            notes.append(f"{source} -> {target}: not looked at: {said}")
            continue
        summary += [{**row, "path": f"{source} -> {target}"} for row in rows]
    return Search(tuple(summary), sum(pair["relationships"] for pair in pairs), tuple(notes))


def places(rule: Relationships) -> dict[str, sql.Composable]:
    """Return the identifiers of a rule for the placeholders of `sql/upkeep/orphan*.sql`."""
    columns = (
        "key",
        "type_column",
        "source_table",
        "source_id",
        "target_table",
        "target_id",
        "created_at",
        "archived",
    )
    return {
        "links": qualified(rule.table),
        **{name: sql.Identifier(getattr(rule, name)) for name in columns},
    }


def qualified(table: str) -> sql.Identifier:
    """Return `schema.name` as an identifier."""
    return sql.Identifier(*table.split(".", 1))


def kinds(connection: psycopg.Connection[Any], rule: Relationships) -> Sequence[Kind]:
    """Return the kinds a rule declares, or its table does."""
    if rule.kinds_table is None:
        return rule.kinds
    found = catalog.rows(
        connection, "orphan_kinds", None, {"kinds_table": qualified(rule.kinds_table)}
    )
    return [Kind.model_construct(**row) for row in found]


def _kind_row(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "active": kind.active,
        "source_tables": list(kind.source_tables),
        "target_tables": list(kind.target_tables),
    }


def ends(
    connection: psycopg.Connection[Any], rule: Relationships, pairs: Sequence[Row]
) -> dict[str, End]:
    """Return what is known of each table that relationships name, by that name.

    A name is taken literally, never parsed as SQL.
    """
    named = sorted({pair[f"{side}_table"] or "" for pair in pairs for side in ("source", "target")})
    split = [
        tuple(name.split(".", 1)) if "." in name else (rule.end_schema, name) for name in named
    ]
    rows = catalog.rows(
        connection,
        "orphan_ends",
        {
            "schemas": [schema for schema, _ in split],
            "tables": [table for _, table in split],
            "key": rule.end_key,
            "archived": rule.archived,
        },
    )
    by_name = {(row["schema_name"], row["table_name"]): row for row in rows}
    found = {}
    for name, (schema, table) in zip(named, split, strict=True):
        row = by_name[schema, table]
        kind = row["key_type"] if row["is_readable"] else None
        found[name] = End(schema, table, kind, row["has_archived"])
    return _comparable(connection, rule, found)


def _comparable(
    connection: psycopg.Connection[Any], rule: Relationships, found: dict[str, End]
) -> dict[str, End]:
    """Take tables whose key has another type than the relationships' ids for unknown."""
    schema, _, table = rule.table.partition(".")
    wanted = {
        column: catalog.rows(
            connection,
            "orphan_ends",
            {"schemas": [schema], "tables": [table], "key": column, "archived": rule.archived},
        )[0]["key_type"]
        for column in (rule.source_id, rule.target_id)
    }
    types = set(wanted.values())
    return {
        name: end
        if end.key_type in types and len(types) == 1
        else End(end.schema_name, end.table_name, None, end.has_archived)
        for name, end in found.items()
    }


def is_known(found: Mapping[str, End], name: str | None) -> bool:
    """Whether a table's rows can be looked up."""
    return found[name or ""].key_type is not None


def sides(
    rule: Relationships, found: Mapping[str, End], source: str | None, target: str | None
) -> dict[str, sql.Composable]:
    """Return what stands for a pair: its condition, and id and archived of the ends' rows."""
    return {
        "source_is": _named(rule.source_table, "source_table", source),
        "target_is": _named(rule.target_table, "target_table", target),
        "sources": _side(rule, found[source or ""], rule.source_id),
        "targets": _side(rule, found[target or ""], rule.target_id),
    }


def _named(column: str, parameter: str, name: str | None) -> sql.Composable:
    """Return the condition that a relationship names a table: an index can serve it."""
    own = sql.SQL("r.{}").format(sql.Identifier(column))
    if name is None:
        return sql.SQL("{} IS NULL").format(own)
    return sql.SQL("{} = {}").format(own, sql.Placeholder(parameter))


def _side(rule: Relationships, end: End, column: str) -> sql.Composable:
    if end.key_type is None:
        return sql.SQL("(SELECT n.{} AS id, false AS archived FROM {} AS n WHERE false)").format(
            sql.Identifier(column), qualified(rule.table)
        )
    archived = (
        sql.SQL("COALESCE({}, false)").format(sql.Identifier(rule.archived))
        if end.has_archived
        else sql.SQL("false")
    )
    return sql.SQL("(SELECT {} AS id, {} AS archived FROM {})").format(
        sql.Identifier(rule.end_key), archived, sql.Identifier(end.schema_name, end.table_name)
    )
