"""Make a target capture what is declared, bit by bit, each bit under a lock budget; or undo it."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import catalog, ddl, logical
from perf_pipeline.invalidation import plan as planning
from perf_pipeline.invalidation.catalog import Connection, Member
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.plan import Plan, Work
from perf_pipeline.invalidation.rules import Rule
from perf_pipeline.postgres import lock_budget
from perf_pipeline.postgres.lock_budget import LockBudget, Spent


@dataclass(frozen=True)
class Installed:
    """What an installation did: the plan it followed, and what its locks have cost."""

    plan: Plan
    spent: Spent


def look(connection: Connection, caches: Sequence[CacheType]) -> Plan:
    """Return what `install` would do now; nothing is changed.

    Raises
    ------
    ConfigurationError
        What is declared cannot be captured: names the cache type, the thing and the remedy.

    """
    return planning.make(caches, catalog.see(connection, caches))


def install(
    connection: Connection,
    where: str,
    caches: Sequence[CacheType],
    budget: LockBudget | None = None,
) -> Installed:
    """Make a target capture what is declared; what is as it should be is not touched.

    Each table's rules and functions are one transaction, the triggers of each table and partition
    another one: what is killed goes on with the next call. Creating a trigger waits for those who
    write the table, no longer than an attempt of the lock budget. Whenever a table begins to be
    captured, every entity of its caches is queued: nobody knows what changed before.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, of a role that owns the captured tables.
    where : str
        The target's name, for messages.
    caches : sequence of CacheType
    budget : LockBudget, optional

    Raises
    ------
    ConfigurationError
        What is declared cannot be captured; nothing was changed.
    LockBudgetError
        A table was locked for too long; what was done before stays, and is whole.

    """
    chosen = budget or LockBudget()
    spent = Spent()
    plan = look(connection, caches)
    if plan.is_armed:
        if catalog.is_installed(connection):
            logical.configure(connection)
        return Installed(plan, spent)
    catalog.install(connection, where)
    for work in plan.work:
        _table(connection, work, chosen, spent)
    for stray in plan.strays:
        lock_budget.run_statement(
            connection,
            ddl.drop_trigger(stray.schema, stray.name, stray.trigger),
            chosen,
            spent=spent,
            relations=[stray.oid],
            what=f"capture {stray.schema}.{stray.name} no longer",
        )
    with connection.transaction():
        for name in plan.stale:
            connection.execute(ddl.drop_function(name))
        catalog.rows(connection, "rule_retire", {"rules": list(plan.retire)})
    logical.configure(connection)
    return Installed(plan, spent)


def uninstall(connection: Connection, budget: LockBudget | None = None) -> int:
    """Take every trigger, function, rule and record of ours away, and what was queued with them.

    Returns
    -------
    int
        Triggers taken away.

    """
    chosen = budget or LockBudget()
    if catalog.is_installed(connection):
        logical.remove(connection)
    strays = catalog.see(connection, ()).strays
    for stray in strays:
        lock_budget.run_statement(
            connection,
            ddl.drop_trigger(stray.schema, stray.name, stray.trigger),
            chosen,
            relations=[stray.oid],
            what=f"capture {stray.schema}.{stray.name} no longer",
        )
    try:
        with connection.transaction():
            _forget(connection)
    except psycopg.errors.DependentObjectsStillExist as error:
        raise ConfigurationError(
            f"records of invalidation are used: {error.diag.message_detail or error}",
            "nothing is captured any more; drop what uses them, then run this again",
        ) from error
    return len(strays)


def _forget(connection: Connection) -> None:
    for row in catalog.rows(connection, "functions"):
        connection.execute(ddl.drop_function(row["name"]))
    for name in _RECORDS:
        connection.execute(
            sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(ddl.SCHEMA, name))
        )
    connection.execute(
        "DROP FUNCTION IF EXISTS perf_pipeline_meta.invalidate(text, text, text),"
        " perf_pipeline_meta.rewrite_invalidation_queue()"
    )
    connection.execute("DROP SEQUENCE IF EXISTS perf_pipeline_meta.invalidation_generation")


_RECORDS = (
    "invalidation_log_0",
    "invalidation_log_1",
    "invalidation_bulk_0",
    "invalidation_bulk_1",
    "invalidation_rule",
    "invalidation_queue",
    "invalidation_dead",
    "invalidation_stream",
)


def _table(connection: Connection, work: Work, budget: LockBudget, spent: Spent) -> None:
    """Bring one table's rules, functions and triggers to what is declared."""
    known = {
        row["rule_id"]: (row["cache_type"], row["source_name"], row["entity"])
        for row in catalog.rows(connection, "rules")
    }
    numbers = {identity: number for number, identity in known.items()}
    with connection.transaction():
        for rule in work.save:
            numbers[rule.identity] = _save(connection, rule, work.table.oid)
        expected = planning.expected_triggers(work.table, work.rules, numbers)
        if work.functions:
            for trigger in expected:
                for statement in trigger.create_function():
                    connection.execute(statement)
    # also where triggers are right: who began to write under the old function has to end first
    for member in work.arm:
        _arm(connection, work, member, expected, budget, spent)
    active = [numbers[rule.identity] for rule in work.save]
    catalog.rows(connection, "rule_activate", {"rules": active})


def _save(connection: Connection, rule: Rule, oid: int) -> int:
    row = catalog.rows(
        connection,
        "rule_save",
        {
            "cache_type": rule.cache_type,
            "source": oid,
            "source_name": rule.table,
            "entity": rule.entity,
            "per": rule.per,
            "columns": list(rule.columns),
            "path": bool(rule.path.hops),
            "implied": rule.implied,
            "key_type": rule.key_type,
            "reason": f"{rule.table.partition('.')[2]}_change",
        },
    )[0]
    return int(row["rule_id"])


def _arm(
    connection: Connection,
    work: Work,
    member: Member,
    expected: Sequence[ddl.Trigger],
    budget: LockBudget,
    spent: Spent,
) -> None:
    """Give one table its triggers, and queue what may have changed without them."""

    def arm(within: Connection) -> None:
        for trigger in expected:
            if planning.placed(member, work.table, trigger):
                for statement in trigger.create(member.schema, member.name):
                    within.execute(statement)
        if work.save or (missed and _has_rows(within, member)):
            _everything(within, work.rules, member.full)

    missed = planning.has_missed(member, work.table, expected)

    try:
        lock_budget.run_transaction(
            connection,
            arm,
            budget,
            spent=spent,
            relations=[member.oid],
            what=f"capture changes of {member.full}",
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"{member.full} cannot be captured: {str(error).strip()}",
            f"install as {member.owner}, who owns it",
        ) from error


def _has_rows(connection: Connection, member: Member) -> bool:
    row = connection.execute(
        sql.SQL("SELECT /* perf-pipeline */ EXISTS (SELECT FROM {})").format(
            sql.Identifier(member.schema, member.name)
        )
    ).fetchone()
    return row is None or bool(row[0])


def _everything(connection: Connection, rules: Sequence[Rule], table: str) -> None:
    caches = sorted({rule.cache_type for rule in rules})
    reason = f"{table} is captured from now on"
    catalog.rows(connection, "everything", {"cache_types": caches, "reason": reason})
