"""Make a partition and attach it; nobody waits longer than one attempt of the lock budget.

`CREATE TABLE ... PARTITION OF` would take the parent for itself. A table of its own that is then
attached takes the parent in a mode that stops neither readers nor writers; creating and attaching
are one transaction, so that a killed run leaves nothing. What would have to be read to attach is
proven beforehand by a CHECK that was validated without stopping anybody: of the default partition,
that it has no row of the new one; of a table with rows, that all lie within the bounds.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.partitions import bounds
from perf_pipeline.partitions.model import Existing, Partition, Policy
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import (
    LockBudget,
    LockBudgetError,
    Spent,
    run_statement,
    run_transaction,
)

#: Prefix of the CHECK on the default partition while partitions are attached beside it.
_HELPER: Final = "perf_pipeline_without_"
#: A default partition of more bytes is not read while it is locked: at 500 MB/s this takes 60 ms.
LARGE_BYTES: Final = 32 * 1024 * 1024
#: What makes a trigger fire as `pg_trigger.tgenabled` says, where that is not as usual.
_FIRING: Final = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def is_large(existing: Existing) -> bool:
    """Whether there is a default partition that is not to be read while it is locked."""
    default = existing.default
    return default is not None and (default.bytes or 0) > LARGE_BYTES


def facts(connection: psycopg.Connection[Any], parent: int) -> dict[str, Any]:
    """Return what new partitions take over from a parent (its oid) and their newest sibling."""
    return facts_of(connection, [parent]).get(parent, {})


def facts_of(
    connection: psycopg.Connection[Any], parents: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Return what `facts` does, for several parents in one query."""
    with connection.cursor(row_factory=dict_row) as cursor:
        text = sqlfiles.load("partitions/parent_facts").text
        rows = cursor.execute(text, {"parents": list(parents)}).fetchall()
    return {row["oid"]: row for row in rows}


def create(
    connection: psycopg.Connection[Any],
    policy: Policy,
    existing: Existing,
    part: Partition,
    budget: LockBudget,
    spent: Spent,
    inherited: Mapping[str, Any] | None = None,
) -> None:
    """Create an empty partition and attach it, in one transaction.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, by a role that owns the parent.
    policy : Policy
    existing : Existing
    part : Partition
        With bounds, a remainder, or as the default.
    budget : LockBudget
    spent : Spent
        Added to.
    inherited : Mapping, optional
        What it takes over; default: what `facts` says.

    Raises
    ------
    LockBudgetError
        The locks were not to be had; nothing was changed.

    """
    found = facts(connection, existing.oid) if inherited is None else inherited

    def work(inside: psycopg.Connection[Any]) -> None:
        inside.execute(table_like(policy, part, found), prepare=False)
        take_over(inside, part, found)
        inside.execute(attaching(policy, existing.column_type, part), prepare=False)
        take_identity(inside, part, found)

    run_transaction(
        connection,
        work,
        budget,
        spent=spent,
        relations=relations(existing),
        what=f"create {part.full_name}",
    )


def relations(existing: Existing) -> list[int]:
    """Return the relations that attaching and detaching lock: the parent and the default."""
    default = existing.default
    return [existing.oid, *([default.oid] if default is not None else [])]


def table_like(
    policy: Policy, part: Partition, inherited: Mapping[str, Any], *, indexes: bool = False
) -> sql.Composed:
    """Return the statement that makes a table like the parent.

    Identity stays with the parent (a partition with one of its own cannot be attached); indexes,
    foreign keys and row triggers come with the attachment.
    """
    statement = sql.SQL(
        "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS"
        " INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING STATISTICS"
    ).format(_name(part), sql.Identifier(policy.schema, policy.table))
    statement += sql.SQL(" INCLUDING INDEXES)" if indexes else ")")
    statement += storage(inherited.get("sibling_options"))
    if inherited.get("tablespace"):
        statement += sql.SQL(" TABLESPACE {}").format(sql.Identifier(inherited["tablespace"]))
    return statement


def storage(options: Sequence[str] | None) -> sql.Composable:
    """Return the clause that gives a new table storage options, as `pg_class.reloptions` has them.

    It begins with a blank; without options it is empty.
    """
    pairs = [option.partition("=") for option in options or ()]
    if not pairs:
        return sql.SQL("")
    return sql.SQL(" WITH ({})").format(
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(_option(name), sql.Literal(value)) for name, _, value in pairs
        )
    )


def _option(name: str) -> sql.Composable:
    """Return the name of a storage option: `fillfactor`, `toast.autovacuum_enabled`."""
    return sql.SQL(".").join(sql.Identifier(word) for word in name.split("."))


def take_over(
    connection: psycopg.Connection[Any], part: Partition, inherited: Mapping[str, Any]
) -> None:
    """Give a new table what LIKE does not copy of its parent and newest sibling.

    Owner, grants, statistics targets of columns, row-level security and replica identity.

    With row-level security and no policy of its own nobody but the owner reads the partition
    directly; through the parent, the parent's policies hold.
    """
    for statement in taking_over(part, inherited, connection.info.user):
        connection.execute(statement)


def taking_over(part: Partition, inherited: Mapping[str, Any], user: str) -> list[sql.Composed]:
    """Return the statements of `take_over`, for a table that `user` made."""
    name = _name(part)
    # whom default privileges let in is let in no further than to the sibling
    found = [
        sql.SQL("REVOKE ALL ON {} FROM {}").format(name, role(each))
        for each in inherited.get("default_grantees") or ()
    ]
    found.extend(
        sql.SQL("GRANT {} ON {} TO {}{}").format(
            sql.SQL(privilege),
            name,
            role(to),
            sql.SQL(" WITH GRANT OPTION" if may_grant == "true" else ""),
        )
        for privilege, to, may_grant in inherited.get("grants") or ()
    )
    found.extend(column_statistics(inherited.get("column_statistics") or (), name))
    if inherited.get("owner") and inherited["owner"] != user:
        owner = sql.SQL("ALTER TABLE {} OWNER TO {}")
        found.append(owner.format(name, sql.Identifier(inherited["owner"])))
    if inherited.get("row_security"):
        found.append(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name))
    if inherited.get("force_row_security"):
        found.append(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name))
    kind = {"f": "FULL", "n": "NOTHING"}.get(inherited.get("replica_identity") or "d")
    if kind == "FULL":
        found.append(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(name))
    elif kind == "NOTHING":
        found.append(sql.SQL("ALTER TABLE {} REPLICA IDENTITY NOTHING").format(name))
    return found


def role(name: str) -> sql.Composable:
    """Return a role as statements name it; `public` is everybody."""
    return sql.SQL("PUBLIC") if name == "public" else sql.Identifier(name)


def firing(table: sql.Identifier, trigger: str, fires: str) -> sql.Composed:
    """Return the statement that has a trigger fire as `pg_trigger.tgenabled` says: D, R or A."""
    return sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(
        table, sql.SQL(_FIRING[fires]), sql.Identifier(trigger)
    )


def column_statistics(
    columns: Sequence[Mapping[str, Any]], table: sql.Identifier
) -> list[sql.Composed]:
    """Return the statements that give a table's columns their statistics targets and options.

    Parameters
    ----------
    columns : sequence of Mapping
        `column`, `target` and `options`, the latter two as `pg_attribute` has them, or None.
    table : psycopg.sql.Identifier

    """
    found = []
    for each in columns:
        altered = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET ").format(
            table, sql.Identifier(each["column"])
        )
        if each["target"] is not None:
            found.append(altered + sql.SQL("STATISTICS {}").format(sql.Literal(each["target"])))
        if each["options"]:
            pairs = sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
                for name, _, value in (option.partition("=") for option in each["options"])
            )
            found.append(altered + sql.SQL("({})").format(pairs))
    return found


def take_identity(
    connection: psycopg.Connection[Any], part: Partition, inherited: Mapping[str, Any]
) -> None:
    """Give an attached partition the replica identity of its parent, where that is an index."""
    if inherited.get("replica_identity") != "i" or inherited.get("identity_index") is None:
        return
    row = connection.execute(
        sqlfiles.load("partitions/identity_index").text,
        {"index": inherited["identity_index"], "table": _name(part).as_string(connection)},
    ).fetchone()
    if row is not None:
        connection.execute(
            sql.SQL("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}").format(
                _name(part), sql.Identifier(row[0])
            )
        )


def attaching(policy: Policy, column_type: str | None, part: Partition) -> sql.Composed:
    """Return the statement that attaches a partition with its bounds."""
    statement = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} ").format(
        sql.Identifier(policy.schema, policy.table), _name(part)
    )
    if part.is_default:
        return statement + sql.SQL("DEFAULT")
    if part.modulus is not None:
        return statement + sql.SQL("FOR VALUES WITH (MODULUS {}, REMAINDER {})").format(
            sql.Literal(part.modulus), sql.Literal(part.remainder)
        )
    return statement + sql.SQL("FOR VALUES FROM ({}) TO ({})").format(
        edge(part.lower, column_type, "MINVALUE"), edge(part.upper, column_type, "MAXVALUE")
    )


def edge(bound: Any, column_type: str | None, unbounded: str) -> sql.Composable:
    """Return one bound of a range as SQL."""
    if bound is None:
        return sql.SQL("MINVALUE" if unbounded == "MINVALUE" else "MAXVALUE")
    return sql.Literal(bounds.literal(bound, column_type))


def within(column: str, column_type: str | None, part: Partition) -> sql.Composed:
    """Return the condition that a row lies within a partition's bounds."""
    there = sql.SQL("{} IS NOT NULL").format(sql.Identifier(column))
    return sql.SQL(" AND ").join([there, *_between(column, column_type, part)])


def outside(column: str, column_type: str | None, parts: Sequence[Partition]) -> sql.Composed:
    """Return the condition that a row lies within none of some partitions.

    It has the form of the server's own constraint on a default partition, so that the server sees
    that it is implied.
    """
    ranges = sql.SQL(") OR (").join(
        sql.SQL(" AND ").join(_between(column, column_type, part)) for part in parts
    )
    return sql.SQL("NOT ({} IS NOT NULL AND (({})))").format(sql.Identifier(column), ranges)


def _between(column: str, column_type: str | None, part: Partition) -> list[sql.Composable]:
    name = sql.Identifier(column)
    conditions: list[sql.Composable] = []
    if part.lower is not None:
        lower = edge(part.lower, column_type, "")
        conditions.append(sql.SQL("{} >= {}").format(name, lower))
    if part.upper is not None:
        upper = edge(part.upper, column_type, "")
        conditions.append(sql.SQL("{} < {}").format(name, upper))
    return conditions or [sql.SQL("true")]


class Beside:
    """A default partition with rows, while partitions are attached beside it.

    Without help, each attachment reads the whole default partition while it holds it for itself.
    A CHECK that is added without reading, and then validated while others write, proves that no
    row belongs to the new partitions; the attachment believes it. It goes when all are attached;
    one that a killed run left goes first.

    While it is there, a row of a new partition that is not attached yet is refused. So it is for
    partitions that lie ahead only, and for a default partition that cannot be read within an
    attempt.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    policy : Policy
    existing : Existing
    parts : sequence of Partition
        Those to be attached that lie ahead: no row of theirs is expected now.
    budget : LockBudget
    spent : Spent
    statement_timeout_ms : int
        For validating: it reads the default partition, and stops nobody.

    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        policy: Policy,
        existing: Existing,
        parts: Sequence[Partition],
        budget: LockBudget,
        spent: Spent,
        statement_timeout_ms: int,
    ) -> None:
        self._connection, self._policy, self._existing = connection, policy, existing
        self._budget, self._spent, self._timeout = budget, spent, statement_timeout_ms
        self._parts = list(parts) if is_large(existing) else []
        self._name: sql.Identifier | None = None

    def __enter__(self) -> "Beside":
        default = self._existing.default
        if default is None or not self._parts:
            return self
        table = _name(default)
        said = ",".join(part.name for part in self._parts)
        name = sql.Identifier(_HELPER + hashlib.sha256(said.encode()).hexdigest()[:12])
        self._name = name
        outside = sql.SQL(" AND ").join(
            sql.SQL("NOT ({})").format(
                within(self._policy.column, self._existing.column_type, part)
            )
            for part in self._parts
        )
        self._run(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({}) NOT VALID").format(
                table, name, outside
            )
        )
        self._run(
            sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(table, name), self._timeout
        )
        return self

    def __exit__(self, *_: object) -> None:
        default = self._existing.default
        if default is None or self._name is None or self._connection.closed:
            return
        # not to be had now: the next run begins with it
        with suppress(LockBudgetError, psycopg.OperationalError):
            self._run(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
                    _name(default), self._name
                )
            )

    def _run(self, statement: sql.Composed, timeout_ms: int | None = None) -> None:
        run_statement(
            self._connection,
            statement,
            self._budget,
            spent=self._spent,
            relations=relations(self._existing),
            statement_timeout_ms=timeout_ms,
            what=f"prepare the default partition of {self._policy.parent}",
        )


def _name(part: Partition) -> sql.Identifier:
    return sql.Identifier(part.schema, part.name)
