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
from perf_pipeline.partitions import catalog, proofs, steady
from perf_pipeline.partitions.catalog import Catalog
from perf_pipeline.partitions.model import Kind, Plan, Policy
from perf_pipeline.partitions.plan import plan
from perf_pipeline.partitions.runner import KINDS, Done, Runner
from perf_pipeline.partitions.session import session
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
        As in `catalog.read`. Without it, those known to need nothing (`steady`) have a plan
        without steps, and are not in the catalog that is returned.
    limits : Limits, optional
        Of the session; default: the environment's.

    """
    if not policies:
        return Catalog(datetime.now(UTC).replace(tzinfo=None), {}), {}
    proven, rates = proofs.of_target(store, target), proofs.rates(store, target)
    label = f"{pg.APPLICATION_NAME}:partitions"
    with pg.session(url, limits=limits, autocommit=True, label=label) as connection:
        if detail:
            found = catalog.read(connection, policies, proven, rates)
            return found, plans(connection, policies, found)
        seen = steady.look(connection, policies, proven)
        found = catalog.read(connection, seen.rest, proven, rates, detail=False)
        made = plans(connection, seen.rest, found)
        seen.remember(found.existing, made)
        return replace(found, now=seen.now), {**seen.plans, **made}


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
    made = {p.parent: plan(p, found.existing[p.parent], found.now) for p in policies}
    unsure = list(policies)
    for _ in range(5):
        new = {
            policy.parent: {
                (step.partition.schema, step.partition.name)
                for step in made[policy.parent].of("create", "create_default", "drain")
            }
            for policy in unsure
        }
        foreign = catalog.taken(connection, sorted(set().union(*new.values())))
        unsure = [policy for policy in unsure if new[policy.parent] & foreign]
        if not unsure:
            break
        names = frozenset(name for _, name in foreign)
        for policy in unsure:
            existing = found.existing[policy.parent]
            existing = replace(existing, taken=existing.taken | names)
            found.existing[policy.parent] = existing
            made[policy.parent] = plan(policy, existing, found.now)
    return made


def without(made: Plan, tried: Collection[str]) -> Plan:
    """Return a plan without the creation of some partitions (full names)."""
    steps = tuple(s for s in made.steps if s.kind != "create" or s.partition.full_name not in tried)
    return replace(made, steps=steps)


def is_settled(made: Plan, tried: Mapping[str, bool]) -> bool:
    """Whether all there was to do was to create partitions, together, and that was done."""
    return all(s.kind == "create" and tried.get(s.partition.full_name) for s in made.steps)


def settled(made: Plan) -> Plan:
    """Return what is left of a plan whose steps, all creations, were done."""
    if not made.steps:
        return made
    return replace(made, steps=(), covered=True, missing=0, headroom_days=None)


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
        stack.enter_context(pg.letting_go(connection))
        runner = Runner(store, target, url, connection, log, budget, files)
        try:
            seen = runner.look(policies)
            before = runner.catalog(seen.rest)
            runner.remove_leftovers(before)
            todo = plans(connection, seen.rest, before)
            seen.remember(before.existing, todo)
            together = runner.create_together(seen.rest, before, todo) if "create" in kinds else {}
            for policy in seen.rest:
                existing = before.existing[policy.parent]
                runner.carry_out(policy, existing, without(todo[policy.parent], together), kinds)
            # what had nothing to do, or was only created, and was, needs no second look
            sure = {p.parent for p in seen.rest if is_settled(todo[p.parent], together)}
            again = [policy for policy in seen.rest if policy.parent not in sure]
            after = runner.catalog(again)
            left = {
                **seen.plans,
                **{parent: settled(todo[parent]) for parent in sure},
                **plans(connection, again, after),
            }
        except psycopg.OperationalError as error:
            if not connection.broken:
                raise
            raise UnreachableError(
                f"target {target!r}: the connection was lost: {str(error).splitlines()[0]}",
                "run it again: it goes on where it was",
            ) from error
    notes = dict.fromkeys((*before.notes, *after.notes))
    return Report(tuple(runner.done), left, tuple(notes), killed)
