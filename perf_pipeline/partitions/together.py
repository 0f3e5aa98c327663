"""Create many plain partitions in few transactions: what a fleet of tables needs once a month.

Only parents without a default partition and without foreign keys from or to them: attaching then
takes no lock that an application could wait for, and twenty at a time make nobody wait longer.
Where a chunk cannot be had, each partition of it is tried alone. Two sessions share the work: most
of it is the server's, which waits for its disk at each new index.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from threading import Event, Lock
from typing import Any, Final

import psycopg

from perf_pipeline.errors import BusyError, PerfPipelineError
from perf_pipeline.partitions import create
from perf_pipeline.partitions.model import Existing, Plan, Policy, Step
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_transaction
from perf_pipeline.store.maintenance_log import Entry, MaintenanceLog

#: Partitions of one transaction.
CHUNK: Final = 20

Item = tuple[Policy, Existing, Step]
Result = tuple[Item, Entry, Spent]


def plain(plans: Sequence[tuple[Policy, Existing, Plan]]) -> list[Item]:
    """Return the creations that may be done together: nothing else comes before them."""
    found: list[Item] = []
    for policy, existing, made in plans:
        before = made.of("finalize", "forget", "create_default", "drain")
        if existing.default is None and not before:
            found.extend((policy, existing, step) for step in made.of("create"))
    return found


def create_all(
    connection: psycopg.Connection[Any],
    log: MaintenanceLog,
    items: Sequence[Item],
    budget: LockBudget,
    beside: Callable[[], AbstractContextManager[psycopg.Connection[Any]]] | None = None,
) -> tuple[list[Result], list[Item]]:
    """Create partitions; return what became of each, and those that must be done alone.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    log : MaintenanceLog
    items : sequence of (Policy, Existing, Step)
        As `plain` returns them.
    budget : LockBudget
    beside : callable, optional
        Opens a second session, for half of the parents where they are many. Where it cannot be
        had, one does all.

    """
    facts = create.facts_of(connection, sorted({existing.oid for _, existing, _ in items}))
    alone: list[Item] = []
    together: list[Item] = []
    for item in items:
        inherited = facts.get(item[1].oid, {})
        is_plain = inherited.get("replica_identity") != "i" and not inherited.get("foreign_keys")
        (together if is_plain else alone).append(item)
    work = _Work(log, facts, budget)
    if beside is None or len(together) <= CHUNK:
        return work.lane(connection, together), alone
    first, second = lanes(together)
    with ExitStack() as stack:
        try:
            other = stack.enter_context(beside())
        except (PerfPipelineError, psycopg.OperationalError):
            return work.lane(connection, together), alone
        with ThreadPoolExecutor(1) as pool:
            theirs = pool.submit(work.lane, other, second)
            try:
                done = work.lane(connection, first)
            except BaseException:
                work.stop.set()
                raise
            return done + theirs.result(), alone


def lanes(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return two halves; all partitions of a parent, which only one at a time attaches, in one."""
    by_parent: dict[int, list[Item]] = {}
    for item in items:
        by_parent.setdefault(item[1].oid, []).append(item)
    first: list[Item] = []
    second: list[Item] = []
    for same in by_parent.values():
        (first if len(first) <= len(second) else second).extend(same)
    return first, second


class _Work:
    """What two sessions do at the same time; they share the log."""

    def __init__(
        self, log: MaintenanceLog, facts: dict[int, dict[str, Any]], budget: LockBudget
    ) -> None:
        self._log, self._facts, self._budget = log, facts, budget
        self._logging = Lock()
        self.stop = Event()

    def lane(self, connection: psycopg.Connection[Any], items: Sequence[Item]) -> list[Result]:
        """Create partitions chunk by chunk; one that cannot be had is done one by one."""
        done: list[Result] = []
        for first in range(0, len(items), CHUNK):
            if self.stop.is_set():
                break
            chunk = items[first : first + CHUNK]
            with self._logging:
                entries = self._log.start_many(
                    "partition.create",
                    [step.partition.full_name for _, _, step in chunk],
                    [{"parent": policy.parent, "why": step.why} for policy, _, step in chunk],
                )
            try:
                spent = _chunk(connection, chunk, self._facts, self._budget)
                for entry in entries:
                    entry.rows, entry.lock_wait_ms = 0, spent.waited_ms
                results = [(item, entry, spent) for item, entry in zip(chunk, entries, strict=True)]
            except (PerfPipelineError, psycopg.Error):
                if connection.closed or connection.broken:
                    raise
                results = [
                    _alone(connection, item, entry, self._budget)
                    for item, entry in zip(chunk, entries, strict=True)
                ]
            with self._logging:
                self._log.finish_many(entries)
            done.extend(results)
        return done


def _chunk(
    connection: psycopg.Connection[Any],
    chunk: Sequence[Item],
    facts: dict[int, dict[str, Any]],
    budget: LockBudget,
) -> Spent:
    """Create some partitions in one transaction and one round trip; one attempt."""
    spent = Spent()

    def work(inside: psycopg.Connection[Any]) -> None:
        with inside.pipeline():
            for policy, existing, step in chunk:
                part, inherited = step.partition, facts[existing.oid]
                inside.execute(create.table_like(policy, part, inherited), prepare=False)
                create.take_over(inside, part, inherited)
                inside.execute(create.attaching(policy, existing.column_type, part), prepare=False)

    once = LockBudget(budget.first_ms, budget.most_ms, 0.001)
    run_transaction(connection, work, once, spent=spent, what="create partitions together")
    return spent


def _alone(
    connection: psycopg.Connection[Any], item: Item, entry: Entry, budget: LockBudget
) -> Result:
    """Create one partition under the whole budget; its entry says how it ended."""
    policy, existing, step = item
    spent = Spent()
    try:
        create.create(connection, policy, existing, step.partition, budget, spent)
        entry.rows = 0
    except (PerfPipelineError, psycopg.Error) as error:
        if connection.closed or connection.broken:
            raise
        entry.outcome = "blocked" if isinstance(error, BusyError) else "failed"
        entry.error = str(error)
    entry.lock_wait_ms = spent.waited_ms
    return item, entry, spent
