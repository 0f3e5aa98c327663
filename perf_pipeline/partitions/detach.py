"""Take a partition out of its parent, without anybody having to wait for it.

Concurrently where the server can: not beside a default partition, where it is the plain form under
the lock budget. A concurrent detach that was interrupted anywhere is finished by the next run.
"""

import time
from typing import Any

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.partitions.create import relations
from perf_pipeline.partitions.model import Existing, Partition, Policy
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget, LockBudgetError, Spent, run_statement


def is_pending(connection: psycopg.Connection[Any], parent: int, relation: int) -> bool | None:
    """Return whether a partition's detach was begun and not ended; None: it is not attached."""
    row = connection.execute(
        sqlfiles.load("partitions/pending").text, {"parent": parent, "relation": relation}
    ).fetchone()
    return None if row is None else bool(row[0])


def detach(
    connection: psycopg.Connection[Any],
    policy: Policy,
    existing: Existing,
    part: Partition,
    budget: LockBudget,
    spent: Spent,
) -> str:
    """Detach a partition; one whose detach was begun is finished.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    policy : Policy
    existing : Existing
    part : Partition
        As `catalog.read` returned it.
    budget : LockBudget
    spent : Spent

    Returns
    -------
    str
        `concurrently`, `finalize`, `plain`, or `already`.

    Raises
    ------
    LockBudgetError
        Somebody's transaction stood in the way for the whole budget. A concurrent detach is
        pending then: the partition is read no more by new statements once it is finished.

    """
    parent = sql.Identifier(policy.schema, policy.table)
    name = sql.Identifier(part.schema, part.name)
    pending = is_pending(connection, existing.oid, part.oid)
    if pending is None:
        return "already"
    until = time.monotonic() + budget.total_s
    what = f"detach {part.full_name}"
    locked = [*relations(existing), part.oid]
    if not pending and existing.default is not None:
        plain = sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, name)
        run_statement(connection, plain, budget, spent=spent, relations=locked, what=what)
        return "plain"
    how = "finalize"
    if not pending:
        how = "concurrently"
        statement = sql.SQL("ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY").format(parent, name)
        try:
            # from its first commit on the partition is pending, and only FINALIZE helps
            _attempts(connection, statement, budget, spent, locked, what, existing, part)
        except (LockBudgetError, pg_errors.LockNotAvailable):
            if not is_pending(connection, existing.oid, part.oid):
                raise
        else:
            return how
    left = LockBudget(budget.first_ms, budget.most_ms, max(0.001, until - time.monotonic()))
    run_statement(
        connection,
        sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE").format(parent, name),
        left,
        spent=spent,
        relations=locked,
        statement_timeout_ms=0,
        what=what,
    )
    return how


def _attempts(
    connection: psycopg.Connection[Any],
    statement: sql.Composed,
    budget: LockBudget,
    spent: Spent,
    locked: list[int],
    what: str,
    existing: Existing,
    part: Partition,
) -> None:
    """Try to begin a concurrent detach until it is pending or done, or the budget is spent."""
    until = time.monotonic() + budget.total_s
    while True:
        once = LockBudget(budget.first_ms, budget.most_ms, 0.001)
        try:
            run_statement(
                connection,
                statement,
                once,
                spent=spent,
                relations=locked,
                statement_timeout_ms=0,
                what=what,
            )
            return
        except LockBudgetError:
            if is_pending(connection, existing.oid, part.oid) or time.monotonic() > until:
                raise
            time.sleep(spent.pause_s(budget.most_ms) / 2)
