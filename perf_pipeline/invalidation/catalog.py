"""What a target has of capture: its records, rules, tables, triggers and functions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.rules import Column, Rule, Table, named_tables
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target

Connection = psycopg.Connection[Any]

#: Second part of our sessions' application name.
LABEL: Final = "invalidation"


@dataclass(frozen=True)
class Placed:
    """A trigger that is there: its function (empty: not ours), and when it fires.

    Attributes
    ----------
    enabled : str
        As `pg_trigger.tgenabled`: A always, O not in replication roles, R only there, D never.
    shape : str
        Its argument.

    """

    function: str
    enabled: str
    shape: str


@dataclass(frozen=True)
class Member:
    """A captured table, or a table that inherits from it, with its triggers of ours by name."""

    root: str
    oid: int
    schema: str
    name: str
    kind: str
    owned: bool
    owner: str
    triggers: Mapping[str, Placed]

    @property
    def full(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Known:
    """A rule that the target has, with its number."""

    rule_id: int
    rule: Rule
    source: int
    active: bool


@dataclass(frozen=True)
class Stray:
    """A trigger of ours, wherever it is."""

    oid: int
    schema: str
    name: str
    trigger: str
    owned: bool


@dataclass(frozen=True)
class Seen:
    """All that a plan needs to know of a target.

    Attributes
    ----------
    installed : bool
        Whether our records are there.
    functions : mapping of name to (body, sound)
        Trigger functions of ours; sound: they run with their owner's rights and a fixed path.
    callable : frozenset of str
        Processing functions that exist.

    """

    installed: bool
    tables: Mapping[str, Table] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    rules: tuple[Known, ...] = ()
    functions: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    strays: tuple[Stray, ...] = ()
    callable: frozenset[str] = frozenset()


@contextmanager
def session(target: Target, *, read_only: bool = False) -> Iterator[Connection]:
    """Open a session of the role that maintains, in autocommit.

    Raises
    ------
    UnreachableError
        The target cannot be reached.

    """
    with pg.session(
        target.maintenance_url(),
        read_only=read_only,
        autocommit=True,
        label=f"{pg.APPLICATION_NAME}:{LABEL}",
    ) as connection:
        yield connection


def rows(
    connection: Connection,
    name: str,
    values: Mapping[str, object] | None = None,
    *,
    binary: bool = False,
) -> list[dict[str, Any]]:
    """Run the statement of `sql/invalidation/<name>.sql` and return its rows.

    `binary`: the server sends them so, which is cheaper on both sides where there are many values.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load(f"invalidation/{name}").text
        cursor.execute(text, dict(values or {}), binary=binary)
        return cursor.fetchall() if cursor.description is not None else []


def count(connection: Connection, name: str, values: Mapping[str, object]) -> int:
    """Run `sql/invalidation/<name>.sql` and return how many rows it changed."""
    return connection.execute(sqlfiles.load(f"invalidation/{name}").text, dict(values)).rowcount


def text_array(texts: Sequence[str]) -> str:
    """Return texts as the literal of a `text[]`, which a driver takes several times as long for."""
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * max(0, len(texts) - 1):
        joined = '","'.join([each.replace("\\", "\\\\").replace('"', '\\"') for each in texts])
    return f'{{"{joined}"}}' if texts else "{}"


def is_installed(connection: Connection) -> bool:
    """Whether this database has our records of invalidation."""
    return bool(rows(connection, "installed")[0]["installed"])


def install(connection: Connection, where: str) -> bool:
    """Make our records in a target where they are missing; all or nothing. Return whether made.

    Raises
    ------
    ConfigurationError
        This role may not.

    """
    if is_installed(connection):
        return False
    try:
        with connection.transaction():
            connection.execute(
                "SELECT /* perf-pipeline */ pg_catalog.pg_advisory_xact_lock(1885696614, 3)"
            )
            for file in sqlfiles.folder("invalidation/meta"):
                connection.execute(file.text)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"target {where!r}: our records of invalidation cannot be made: {str(error).strip()}",
            "GRANT CREATE ON DATABASE ... TO the role that maintains, or run this once as an owner",
        ) from error
    return True


def see(connection: Connection, caches: Sequence[CacheType]) -> Seen:
    """Return what a plan for some cache types needs; a handful of queries."""
    installed = is_installed(connection)
    tables = {
        row["name"]: Table(
            **{
                **row,
                "columns": {name: Column(**each) for name, each in row["columns"].items()},
                "key": tuple(row["key"]),
                "indexed": tuple(row["indexed"]),
            }
        )
        for row in rows(connection, "tables", {"names": named_tables(caches)})
    }
    names = {table.oid: table.name for table in tables.values()}
    members = tuple(_members(connection, names))
    parents = {each.root for each in members if each.full != each.root}
    tables = {
        name: replace(table, alone=table.kind == "r" and name not in parents)
        for name, table in tables.items()
    }
    processes = sorted({each.process for each in caches if each.process})
    found = rows(connection, "callable", {"names": processes}) if processes else []
    return Seen(
        installed,
        tables,
        members,
        tuple(_rules(connection)) if installed else (),
        {row["name"]: (row["body"], bool(row["sound"])) for row in rows(connection, "functions")},
        tuple(
            Stray(row["oid"], row["schema_name"], row["name"], row["trigger_name"], row["owned"])
            for row in rows(connection, "stray")
        ),
        frozenset(row["name"] for row in found),
    )


def _members(connection: Connection, names: Mapping[int, str]) -> Iterator[Member]:
    if not names:
        return
    for row in rows(connection, "members", {"roots": list(names)}):
        placed = {
            name: Placed(each["function"] or "", each["enabled"], each["shape"])
            for name, each in row["triggers"].items()
        }
        yield Member(
            names[row["root"]],
            row["oid"],
            row["schema_name"],
            row["name"],
            row["kind"],
            row["owned"],
            row["owner"],
            placed,
        )


def _rules(connection: Connection) -> Iterator[Known]:
    for row in rows(connection, "rules"):
        rule = Rule(
            row["cache_type"],
            row["source_name"],
            row["entity"],
            row["per"],
            tuple(row["columns"]),
            row["implied"],
            row["key_type"],
        )
        yield Known(row["rule_id"], rule, row["source"], row["active"])
