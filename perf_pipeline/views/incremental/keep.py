"""Keeping incremental views: what there is to do, and doing it, all or nothing."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import psycopg
from psycopg import errors as pg_errors
from psycopg.types.json import Jsonb

from perf_pipeline.postgres import lock_budget, sqlfiles
from perf_pipeline.views import catalog
from perf_pipeline.views.catalog import Connection
from perf_pipeline.views.incremental import setup, ways
from perf_pipeline.views.incremental.setup import Known
from perf_pipeline.views.incremental.shape import adds_up
from perf_pipeline.views.incremental.strategy import Changes, Costs, Strategy, choose, learn
from perf_pipeline.views.model import Step, ViewPolicy
from perf_pipeline.views.plan import Seen
from perf_pipeline.views.refresh import (
    LOCK_SECONDS,
    Refreshed,
    RefreshError,
    after,
    budget_of,
    explained,
    take_alone,
)

#: How often a refresh begins anew because another one was faster.
_ATTEMPTS: Final = 3


def unchanged(
    connection: Connection, policies: Sequence[ViewPolicy], at: datetime
) -> frozenset[str]:
    """Return the incremental views that have nothing to do, and note that they were found so.

    One round trip for all of them, outside a transaction; waits for nobody but who notes the same
    views at this moment. A view that is not among them may be changed, or there is a doubt: `see`
    says which.

    Parameters
    ----------
    connection : Connection
        In autocommit, with our records in place.
    policies : sequence of ViewPolicy
        Those that are not incremental are passed over.
    at : datetime
        Aware; before the look.

    """
    ours = {each.name: each.rollup.as_json() for each in policies if each.rollup is not None}
    if not ours:
        return frozenset()
    text = sqlfiles.load("views/rollup_unchanged").text
    try:
        found = connection.execute(
            text, {"declared": Jsonb(ours), "at": at}, prepare=True
        ).fetchall()
    except (pg_errors.LockNotAvailable, pg_errors.QueryCanceled, pg_errors.UndefinedTable):
        return frozenset()  # somebody works on our records: the long way finds out what they say
    return frozenset(name for name, _ in found)


def see(
    connection: Connection,
    policies: Sequence[ViewPolicy],
    seen: Seen,
    fresh: Collection[str] = (),
) -> Seen:
    """Add what incremental views say of themselves to what a plan needs.

    Those of `fresh` were found to have nothing to do.
    """
    dirty = {each.name: "" for each in policies if each.name in fresh}
    ours = {
        each.name: each for each in policies if each.rollup is not None and each.name not in fresh
    }
    if not ours:
        return replace(seen, dirty=dirty)
    try:
        kept = setup.known(connection, ours, columns=False)
    except pg_errors.UndefinedTable:  # nothing was ever kept here
        return seen
    for name, found in kept.items():
        # without the triggers of every table, what was captured says nothing
        why = found.doubt
        if not why and ways.is_dirty(connection, found.names):
            why = "changes were captured"
        dirty[name] = why
    return replace(seen, dirty=dirty)


def refresh(
    connection: Connection,
    step: Step,
    seen: Seen,
    *,
    spent: lock_budget.Spent | None = None,
    most_seconds: float | None = None,
    lock_seconds: float = LOCK_SECONDS,
) -> Refreshed:
    """Bring one incremental view up to date in the cheapest way, set up first where it is not.

    What was captured, the groups and the record of the refresh change in one transaction that
    reads at one instant: killed at any point, all of it happened or none.

    Parameters
    ----------
    connection : Connection
        In autocommit.
    step : Step
        Of an incremental view.
    seen : Seen
        What the plan was made from.
    spent : lock_budget.Spent, optional
        Added to.
    most_seconds : float, optional
        What is left of the whole run's time.
    lock_seconds : float
        Longest wait for locks, attempts and pauses between them together; one is always made.

    Raises
    ------
    ConfigurationError
        The declaration cannot be kept incrementally.
    LockBudgetError, BusyError
        A lock could not be had, or another refresh is at work.
    RefreshError
        It took too long or failed; the view is as it was before.

    """
    policy = step.policy
    limit = policy.seconds if most_seconds is None else min(policy.seconds, max(0.1, most_seconds))
    budget = budget_of(policy, lock_seconds)
    with explained(policy, limit):
        found = _ready(connection, policy, budget, spent)
        forced = step.reason == "asked for by hand"
        done = _repeated(connection, policy, found, budget, spent, limit, forced=forced)
    if done.method != "none":
        after(connection, done, policy)
    return done


def _ready(
    connection: Connection,
    policy: ViewPolicy,
    budget: lock_budget.LockBudget,
    spent: lock_budget.Spent | None,
) -> Known:
    """Return the rollup, made from the declaration that stands, capturing everywhere."""
    known = setup.known(connection, {policy.name: policy})
    if policy.name not in known:
        setup.set_up(connection, policy, budget, spent)
        known = setup.known(connection, {policy.name: policy})
    found = known[policy.name]
    if not found.armed:
        setup.arm(connection, found, budget, spent)
        # what happened meanwhile was not captured: the refresh computes everything
        return replace(found, same_tables=False)
    return found


def _repeated(
    connection: Connection,
    policy: ViewPolicy,
    found: Known,
    budget: lock_budget.LockBudget,
    spent: lock_budget.Spent | None,
    limit_s: float,
    *,
    forced: bool,
) -> Refreshed:
    """Refresh at one instant; begin anew where somebody else's refresh came between."""
    doubt = found.doubt or ("asked for by hand" if forced else "")
    before = connection.isolation_level
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    try:
        for attempt in range(_ATTEMPTS):
            try:
                return lock_budget.run_transaction(
                    connection,
                    partial(_at_one_instant, policy=policy, doubt=doubt),
                    budget,
                    spent=spent,
                    relations=found.members,
                    statement_timeout_ms=max(100, int(limit_s * 1000)),
                    what=f"refresh {policy.name}",
                )
            except (pg_errors.SerializationFailure, _MovedError):
                if attempt == _ATTEMPTS - 1:
                    raise
            except ways.NotAllCapturedError:
                doubt = "what was captured did not add up"
    finally:
        if not connection.closed:
            connection.isolation_level = before
    raise RefreshError(
        f"view {policy.name}: it could not be refreshed in {_ATTEMPTS} attempts",
        "nothing was changed; see who else writes its tables anew at the same time",
    )


class _MovedError(RefreshError):
    """A table was truncated or written anew between the first look and the lock."""


def _at_one_instant(connection: Connection, policy: ViewPolicy, doubt: str) -> Refreshed:
    """Refresh, in a transaction that sees one instant."""
    start = time.monotonic()
    at = datetime.now(UTC)
    take_alone(connection, policy.name)
    found = setup.known(connection, {policy.name: policy})[policy.name]
    # refused where a refresh ended after this transaction's instant
    catalog.rows(connection, "rollup_lock", {"rollup_id": found.names.rollup_id})
    doubt = doubt or found.doubt
    changes = ways.summary(connection, found.names)
    way = choose(changes, found.costs, adds_up=adds_up(found.names.measures), doubt=doubt)
    if way in {"full", "recompute"}:
        catalog.rows(connection, "memory")
        _hold_source(connection, found)
    if way == "full" and not doubt and not changes.everything:
        # the groups are worth counting: several changes may be of one
        changes = replace(changes, groups=ways.count_dirty(connection, found.names))
        way = choose(changes, found.costs, adds_up=adds_up(found.names.measures))
    if way == "recompute":
        changes = replace(changes, groups=ways.collect_dirty(connection, found.names))
    generation, count, costs = _done(connection, found, way, changes)
    took = time.monotonic() - start
    ids = catalog.rows(connection, "queue_ids", {"view": policy.name})[0]["ids"]
    _save(connection, policy, found, generation, learn(costs, way, took, count), at, took, way)
    catalog.rows(connection, "queue_answer", {"ids": ids})
    rows = count if way == "full" else None  # each group is a row
    return Refreshed(way, took, rows, len(ids), statement=f"rollup {way}", note=doubt)


def _hold_source(connection: Connection, found: Known) -> None:
    """Keep the source from being truncated, and see that it was not since this instant."""
    names = found.names
    connection.execute(psycopg.sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names.source))
    moved = catalog.rows(connection, "rollup_moved", {"members": list(found.members)})
    if moved and moved[0]["moved"]:
        raise _MovedError(
            f"view {names.view}: {names.rollup.source} was written anew at the same time",
            "nothing was changed; it is tried again",
        )


def _done(
    connection: Connection, found: Known, way: Strategy, changes: Changes
) -> tuple[int, int, Costs]:
    """Carry out a way; return the generation people read, what was counted, and the costs."""
    names, generation, costs = found.names, found.generation, found.costs
    if way == "none":
        return generation, 0, costs
    if way == "apply":
        return generation, ways.apply(connection, names, generation), costs
    if way == "recompute":
        grown = ways.recompute(connection, names, generation, found.never_null)
        return generation, changes.groups or 0, replace(costs, groups=max(0, costs.groups + grown))
    count = ways.build(connection, names, generation + 1, found.never_null)
    ways.forget(connection, names)
    new = ways.publish(connection, names, generation, generation + 1, found.types)
    return generation + 1 if new else generation, count, costs


def _save(
    connection: Connection,
    policy: ViewPolicy,
    found: Known,
    generation: int,
    costs: Costs,
    at: datetime,
    took: float,
    way: Strategy,
) -> None:
    """Record the refresh."""
    catalog.rows(
        connection,
        "rollup_save",
        {
            "rollup_id": found.names.rollup_id,
            "generation": generation,
            "members": list(found.members),
            "filenodes": found.filenodes,
            "groups": costs.groups,
            "full_seconds": costs.full_seconds,
            "seconds_per_group": costs.seconds_per_group,
            "seconds_per_change": costs.seconds_per_change,
        },
    )
    catalog.rows(
        connection,
        "state_save",
        {"view": policy.name, "at": at, "seconds": took, "method": way, "evidence": Jsonb({})},
    )
