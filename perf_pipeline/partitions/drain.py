"""Move rows of a default partition where they belong."""

from typing import Any

import psycopg
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import create
from perf_pipeline.partitions.model import Existing, Partition, Policy
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_transaction


def drain(
    connection: psycopg.Connection[Any],
    policy: Policy,
    existing: Existing,
    part: Partition,
    budget: LockBudget,
    spent: Spent,
) -> int:
    """Make a partition of the rows that the default partition has of it, in one transaction.

    The default partition is locked meanwhile, for one attempt of the budget at most: rows are there
    before and after, never missing in between.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    policy : Policy
    existing : Existing
    part : Partition
        New, with bounds.
    budget : LockBudget
    spent : Spent

    Returns
    -------
    int
        Rows moved.

    Raises
    ------
    ConfigurationError
        Foreign keys of other tables point at the parent: moving a row would be deleting it for
        them.
    LockBudgetError
        The lock was not to be had, or moving takes longer than an attempt.

    """
    default = existing.default
    inherited = create.facts(connection, existing.oid)
    if default is None:
        raise ConfigurationError(f"{policy.parent} has no default partition")
    if inherited["referenced_by"]:
        raise ConfigurationError(
            f"{policy.parent} is referenced by {', '.join(inherited['referenced_by'])}: rows of "
            f"{default.full_name} cannot be moved without deleting them for a moment",
            "move them in a maintenance window, with those foreign keys dropped",
        )
    source = sql.Identifier(default.schema, default.name)
    new = sql.Identifier(part.schema, part.name)
    columns = sql.SQL(", ").join(
        sql.Identifier(name) for name, _, generated in inherited["columns"] if not generated
    )
    condition = create.within(policy.column, existing.column_type, part)

    def work(inside: psycopg.Connection[Any]) -> int:
        # else a row on its way to the default partition would wait for it, and be refused then
        inside.execute(
            sql.SQL("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE").format(
                sql.Identifier(policy.schema, policy.table)
            )
        )
        inside.execute(create.table_like(policy, part, inherited), prepare=False)
        create.take_over(inside, part, inherited)
        # moving a row is no deletion to whoever listens: the owner may silence his own triggers
        others = _not_as_usual(inside, default.oid)
        inside.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(source))
        moved = inside.execute(
            sql.SQL(
                "WITH moved AS (DELETE FROM ONLY {source} WHERE {condition} RETURNING {columns})"
                " INSERT INTO {new} ({columns}) SELECT {columns} FROM moved"
            ).format(source=source, condition=condition, columns=columns, new=new),
            prepare=False,
        ).rowcount
        inside.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(source))
        for name, fires in others:
            inside.execute(create.firing(source, name, fires))
        inside.execute(create.attaching(policy, existing.column_type, part), prepare=False)
        create.take_identity(inside, part, inherited)
        return moved

    return run_transaction(
        connection,
        work,
        budget,
        spent=spent,
        relations=create.relations(existing),
        what=f"drain {policy.parent} into {part.full_name}",
    )


def _not_as_usual(inside: psycopg.Connection[Any], relation: int) -> list[tuple[str, str]]:
    """Return a table's triggers that are disabled, or fire on replicas, too or only."""
    # before version 15 those that came from the parent are internal, as foreign keys' are
    return inside.execute(
        "SELECT /* perf-pipeline */ tgname, tgenabled::text FROM pg_catalog.pg_trigger"
        " WHERE tgrelid = %s AND tgenabled <> 'O' AND (NOT tgisinternal OR tgconstraint = 0)",
        (relation,),
    ).fetchall()
