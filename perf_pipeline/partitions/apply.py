"""Carry plans out: each step logged, bounded in its locks, and safe to be killed.

A step that is blocked or fails leaves the others alone, except those on the same partition. What a
killed run left is found by the next one in the target's catalog and in the store, not in a memory
of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from perf_pipeline.errors import BusyError, UnreachableError
from perf_pipeline.partitions import catalog, proofs
from perf_pipeline.partitions.catalog import Catalog
from perf_pipeline.partitions.model import Kind, Plan, Policy
from perf_pipeline.partitions.plan import plan
from perf_pipeline.partitions.runner import KINDS, Done, Runner, session
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog
from perf_pipeline.store.place import Place


@dataclass(frozen=True)
class Report:
    """What one run did.

    Attributes
    ----------
    done : tuple of Done
        In order.
    plans : dict of parent to Plan
        What is still to do, planned anew at the end.
    notes : tuple of str
    killed : tuple of str
        Operations of an earlier run that ended without a word.

    """

    done: tuple[Done, ...]
    plans: Mapping[str, Plan]
    notes: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step was done and nothing stands in the way."""
        problems = any(plan_.problems for plan_ in self.plans.values())
        return not problems and all(done.outcome == "done" for done in self.done)


def look_and_plan(
    store: Store,
    target: str,
    url: str,
    policies: Sequence[Policy],
    *,
    detail: bool = True,
    limits: pg.Limits | None = None,
) -> tuple[Catalog, dict[str, Plan]]:
    """Return what is, and what there is to do; nothing is changed.

    Parameters
    ----------
    store : Store
    target, url : str
    policies : sequence of Policy
    detail : bool
        As in `catalog.read`.
    limits : Limits, optional
        Of the session; default: the environment's.

    """
    if not policies:
        return Catalog(datetime.now(UTC).replace(tzinfo=None), {}), {}
    proven, rates = proofs.of_target(store, target), proofs.rates(store, target)
    label = f"{pg.APPLICATION_NAME}:partitions"
    with pg.session(url, limits=limits, autocommit=True, label=label) as connection:
        found = catalog.read(connection, policies, proven, rates, detail=detail)
        return found, plans(connection, policies, found)


def plans(
    connection: psycopg.Connection[Any], policies: Sequence[Policy], found: Catalog
) -> dict[str, Plan]:
    """Return the plan of each policy, with names that nobody else has.

    Parameters
    ----------
    connection : psycopg.Connection
        On the target, to ask which names are taken.
    policies : sequence of Policy
    found : Catalog

    """
    made: dict[str, Plan] = {}
    for policy in policies:
        existing = found.existing[policy.parent]
        chosen = plan(policy, existing, found.now)
        for _ in range(5):
            new = chosen.of("create", "create_default", "drain")
            if not new:
                break
            names = [(step.partition.schema, step.partition.name) for step in new]
            foreign = {name for _, name in catalog.taken(connection, names)}
            if not foreign:
                break
            existing = replace(existing, taken=existing.taken | foreign)
            chosen = plan(policy, existing, found.now)
        made[policy.parent] = chosen
    return made


def run(
    store: Store,
    target: str,
    url: str,
    policies: Sequence[Policy],
    *,
    kinds: Collection[Kind] = KINDS,
    budget: LockBudget | None = None,
    files: Place | None = None,
) -> Report:
    """Plan and carry out, for all policies of a target.

    Parameters
    ----------
    store : Store
    target : str
        Its name.
    url : str
        By a role that owns the parents.
    policies : sequence of Policy
    kinds : collection of str
        Steps to carry out; default: all.
    budget : LockBudget, optional
        For each step.
    files : Place, optional
        The archive; default: PERF_ARCHIVE_URL's.

    Raises
    ------
    BusyError
        Another run maintains partitions of this database.
    UnreachableError, ConfigurationError, UnsupportedServerError
        The target or the store cannot be used.

    """
    budget = budget or LockBudget()
    with ExitStack() as stack:
        log = stack.enter_context(MaintenanceLog(store, target))
        killed = tuple(f"{row['operation']} {row['object']}" for row in log.close_killed())
        connection = stack.enter_context(session(url))
        row = connection.execute(sqlfiles.load("partitions/lock").text).fetchone()
        if row is None or not row[0]:
            raise BusyError(
                f"target {target!r}: another run maintains its partitions",
                "wait until it has ended",
            )
        runner = Runner(store, target, url, connection, log, budget, files)
        try:
            before = runner.catalog(policies)
            runner.remove_leftovers(before)
            for policy in policies:
                todo = plans(connection, [policy], before)[policy.parent]
                runner.carry_out(policy, before.existing[policy.parent], todo, kinds)
            after = runner.catalog(policies)
            left = plans(connection, policies, after)
        except psycopg.OperationalError as error:
            if not connection.broken:
                raise
            raise UnreachableError(
                f"target {target!r}: the connection was lost: {str(error).splitlines()[0]}",
                "run it again: it goes on where it was",
            ) from error
    return Report(tuple(runner.done), left, after.notes, killed)
