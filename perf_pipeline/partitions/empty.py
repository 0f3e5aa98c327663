"""Empty a default partition that is too large for one attempt: in batches, never locked for long.

Rows cannot leave a default partition one by one: a partition can only be attached when none of its
rows is left there, and until then whoever reads the parent must find them. So the whole default
partition is copied, in batches, into new partitions and a new default one, while a trigger carries
changes over (`following`). When both are equal, one short transaction takes the old default
partition out, attaches the new ones, and drops it. Constraints that were validated while nobody
waited spare the server from reading anything then.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import carry, catalog, create, names
from perf_pipeline.partitions.following import TRIGGER, Following
from perf_pipeline.partitions.model import Existing, Partition, Policy
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_transaction

#: More rows of one period than this do not move within an attempt: some 100,000 a second do.
MOST_ROWS = 50_000
_CHECK = sql.Identifier("perf_pipeline_bounds")


def is_due(connection: psycopg.Connection[Any], existing: Existing, rows: Sequence[int]) -> bool:
    """Return whether a default partition is emptied so: where it is large, or published.

    Moving the rows of a published table would tell its subscribers that they are deleted, and not
    that they are back: the partition they move into is not part of the table yet.

    Parameters
    ----------
    connection : psycopg.Connection
    existing : Existing
    rows : sequence of int
        Of each period that is to leave it.

    """
    default = existing.default
    if default is None or not rows:
        return False
    large = create.is_large(existing) or max(rows) > MOST_ROWS
    return large or bool(_publications(connection, existing))


def _publications(
    connection: psycopg.Connection[Any], existing: Existing
) -> dict[str, dict[str, Any]]:
    """Return the publications that tell of a parent or its default partition, by their names."""
    found = [
        row for oid in create.relations(existing) for row in carry.publications_of(connection, oid)
    ]
    return {row["name"]: row for row in found}


class Emptying:
    """One default partition, of whose rows new partitions are made.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, with time for reading the whole default partition.
    policy : Policy
    existing : Existing
    parts : sequence of Partition
        New ones, with bounds.
    budget : LockBudget
        For the trigger, and for the last transaction.
    spent : Spent
        Added to.

    Raises
    ------
    ConfigurationError
        It has no primary key, foreign keys point at it, or a publication would tell of the copy;
        nothing was begun.

    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        policy: Policy,
        existing: Existing,
        parts: Sequence[Partition],
        budget: LockBudget,
        spent: Spent,
    ) -> None:
        default = existing.default
        if default is None:
            raise ConfigurationError(f"{policy.parent} has no default partition")
        self._connection, self._policy, self._existing = connection, policy, existing
        self._default, self._parts = default, parts
        self._budget, self._spent = budget, spent
        self._inherited = create.facts(connection, existing.oid)
        found = carry.table_of(connection, default.schema, default.name, policy.column)
        self._refuse(found)
        assert found is not None  # noqa: S101 - refused
        self._keys: list[list[str]] = found["foreign_keys"]
        self.following = Following(
            connection,
            default.schema,
            default.name,
            default.oid,
            found["key"],
            found["key"],
            found["columns"],
        )
        self._staging = sql.Identifier(default.schema, self.following.new)
        self._parent = sql.Identifier(policy.schema, policy.table)
        # the policy of the copy: its partitions are made as those of the parent
        self._on_copy = replace(policy, parent=f"{default.schema}.{self.following.new}")
        # under other names, which are those of the plan in the end
        self._made = [replace(part, name=names.fitted(part.name, "perf_new")) for part in parts]
        self._rest = Partition(
            default.schema, names.fitted(default.name, "perf_rest"), is_default=True
        )

    def run(self) -> dict[str, int]:
        """Make partitions of all rows that belong to them; killed, the next one goes on.

        Returns
        -------
        dict of str to int
            Rows by the partitions' full names.

        Raises
        ------
        ArchiveError
            The copy is not equal; nothing was changed.
        LockBudgetError
            A lock was not to be had; the next run goes on.

        """
        self.prepare()
        self.following.copy()
        self.following.compare()
        moved = self.rows()
        self.swap()
        return moved

    def _refuse(self, found: dict[str, Any] | None) -> None:
        name = self._default.full_name
        if found is None:
            raise ConfigurationError(f"{name} is no plain table", "move its rows by hand")
        if not found["key"]:
            raise ConfigurationError(
                f"{name} is too large to be drained at once, or published, and has no primary key "
                "by which its rows could be told apart while they are copied",
                f"add a primary key to {self._policy.parent}, or move them in a maintenance window",
            )
        own = self._connection.execute(
            "SELECT /* perf-pipeline */ string_agg(tgname, ', ') FROM pg_catalog.pg_trigger"
            " WHERE tgrelid = %s AND NOT tgisinternal AND tgparentid = 0 AND tgname <> ALL (%s)",
            (self._default.oid, [TRIGGER, f"{TRIGGER}_all"]),
        ).fetchone()
        if own is not None and own[0]:
            raise ConfigurationError(
                f"{name} is emptied by a copy, which would not have its triggers of its own: "
                f"{own[0]}",
                f"make them triggers of {self._policy.parent}, or drop them meanwhile",
            )
        hanging = self._connection.execute(
            sqlfiles.load("partitions/hanging_on").text, {"relation": self._default.oid}
        ).fetchall()
        if hanging:
            raise ConfigurationError(
                f"{name} is emptied by a copy that takes its place, and "
                f"{', '.join(row[0] for row in hanging)} would go on with the old one",
                f"let it read {self._policy.parent}, or drop it meanwhile",
            )
        if self._inherited["referenced_by"]:
            raise ConfigurationError(
                f"{self._policy.parent} is referenced by "
                f"{', '.join(self._inherited['referenced_by'])}: rows of {name} cannot be moved",
                "move them in a maintenance window, with those foreign keys dropped",
            )
        published = _publications(self._connection, self._existing)
        whole = [each for each, row in published.items() if row["whole"]]
        if whole:
            raise ConfigurationError(
                f"{name} is emptied by a copy, of which publication {', '.join(whole)} would tell "
                "its subscribers",
                "let it name its tables, or move them in a maintenance window",
            )

    def prepare(self) -> None:
        """Make the copy and follow; what a killed run left is gone on with, or removed."""
        wanted = {(part.lower, part.upper) for part in self._made}
        if self.following.exists(self.following.new):
            found = catalog.read(self._connection, [self._on_copy], detail=False)
            there = found.existing[self._on_copy.parent].partitions
            same = {(part.lower, part.upper) for part in there if not part.is_default} == wanted
            if same and self.following.is_followed():
                return
            self._transaction(self._undo, "remove what a killed run left of")
        self._transaction(self._begin, "begin to empty")

    def _undo(self, inside: psycopg.Connection[Any]) -> None:
        self.following.stop_following(inside)
        inside.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self._staging))

    def _begin(self, inside: psycopg.Connection[Any]) -> None:
        column = sql.Identifier(self._policy.column)
        inside.execute(
            sql.SQL(
                "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING"
                " CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING INDEXES)"
                " PARTITION BY RANGE ({})"
            ).format(self._staging, self._parent, column)
        )
        for name, definition in self._keys:
            inside.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(
                    self._staging, sql.Identifier(name)
                )
                + sql.SQL(definition)
            )
        kind = self._existing.column_type
        taken = [p for p in self._existing.partitions if not p.is_default]
        for part in (*self._made, self._rest):
            inside.execute(create.table_like(self._policy, part, self._inherited), prepare=False)
            create.take_over(inside, part, self._inherited)
            holds = (
                create.outside(self._policy.column, kind, (*taken, *self._parts))
                if part.is_default
                else create.within(self._policy.column, kind, part)
            )
            inside.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({})").format(
                    _name(part), _CHECK, holds
                )
            )
            inside.execute(create.attaching(self._on_copy, kind, part), prepare=False)
        self.following.add_trigger(inside)

    def rows(self) -> dict[str, int]:
        """Return how many rows each new partition has."""
        found = {}
        for part, made in zip(self._parts, self._made, strict=True):
            row = self._connection.execute(
                sql.SQL("SELECT /* perf-pipeline */ count(*) FROM ONLY {}").format(_name(made))
            ).fetchone()
            found[part.full_name] = int(row[0]) if row else 0
        return found

    def swap(self) -> None:
        """Let the new partitions take the place of the old default one."""
        self._transaction(self._swap, "put the new partitions in the place of")

    def _swap(self, inside: psycopg.Connection[Any]) -> None:
        old = _name(self._default)
        detach = sql.SQL("ALTER TABLE {} DETACH PARTITION {}")
        inside.execute(detach.format(self._parent, old))
        self.following.stop_following(inside)
        inside.execute(sql.SQL("DROP TABLE {}").format(old))
        named = [*self._parts, self._default]
        for part, made in zip(named, [*self._made, self._rest], strict=True):
            inside.execute(detach.format(self._staging, _name(made)))
            inside.execute(
                sql.SQL("ALTER TABLE {} RENAME TO {}").format(
                    _name(made), sql.Identifier(part.name)
                )
            )
            inside.execute(
                create.attaching(self._policy, self._existing.column_type, part), prepare=False
            )
            inside.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(_name(part), _CHECK))
            create.take_identity(inside, part, self._inherited)
        inside.execute(sql.SQL("DROP TABLE {}").format(self._staging))

    def _transaction(self, work: Any, what: str) -> None:
        run_transaction(
            self._connection,
            work,
            self._budget,
            spent=self._spent,
            relations=create.relations(self._existing),
            what=f"{what} {self._default.full_name}",
        )


def _name(part: Partition) -> sql.Identifier:
    return sql.Identifier(part.schema, part.name)
