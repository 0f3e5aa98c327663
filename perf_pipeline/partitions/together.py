"""Create many plain partitions in few transactions: what a fleet of tables needs once a month.

Only parents without a default partition and without foreign keys from or to them: attaching then
takes no lock that an application could wait for, and twenty at a time make nobody wait longer.
Where a chunk cannot be had, each partition of it is tried alone. A few sessions share the work:
most of it is the server's, which waits for its disk at each new index.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from threading import Event, Lock
from typing import Any, Final

import psycopg
from psycopg import sql

from perf_pipeline.errors import BusyError, PerfPipelineError
from perf_pipeline.partitions import create
from perf_pipeline.partitions.model import Existing, Plan, Policy, Step
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_transaction
from perf_pipeline.store.maintenance_log import Entry, MaintenanceLog

#: Partitions of one transaction.
CHUNK: Final = 20
#: Sessions at most, ours included. Half of them wait for the server's disk at any time.
LANES: Final = 4
#: All of them together take this part of the server's room for locks, at most.
MOST_OF_ROOM: Final = 8

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
        Opens one more session, where the parents are many. Where it cannot be had, the others do
        its part.

    """
    facts = create.facts_of(connection, sorted({existing.oid for _, existing, _ in items}))
    alone: list[Item] = []
    together: list[Item] = []
    for item in items:
        inherited = facts.get(item[1].oid, {})
        is_plain = inherited.get("replica_identity") != "i" and not inherited.get("foreign_keys")
        (together if is_plain else alone).append(item)
    row = connection.execute(sqlfiles.load("partitions/lock_room").text).fetchone()
    room = int(row[0]) if row else 0
    chunk = chunk_size(room, max((facts[item[1].oid]["indexes"] for item in together), default=0))
    queue = deque(units(together, chunk))
    work = _Work(log, facts, budget, queue, chunk)
    others = 0 if beside is None else max(0, min(LANES, len(queue)) - 1)
    if beside is None or not others:
        return work.lane(connection), alone
    with ThreadPoolExecutor(others) as pool:
        theirs = [pool.submit(work.lane_of, beside) for _ in range(others)]
        try:
            done = work.lane(connection)
        except BaseException:
            work.stop.set()
            raise
        for each in theirs:
            done.extend(each.result())
        return done, alone


def chunk_size(room: int, indexes: int) -> int:
    """Return how many partitions one transaction may hold the locks of.

    Parameters
    ----------
    room : int
        Locks that the server has room for, of all its sessions.
    indexes : int
        The most that a parent has: each is locked, and so is the new one.

    """
    # the table, its parent, its TOAST table and that one's index; measured: 8 with two indexes
    each = 4 + 2 * indexes
    return max(1, min(CHUNK, room // MOST_OF_ROOM // (LANES * each)))


def units(items: Sequence[Item], chunk: int) -> list[list[Item]]:
    """Return what one session takes at a time: about a chunk, and all partitions of a parent.

    Only one session at a time can attach partitions to a parent.
    """
    by_parent: dict[int, list[Item]] = {}
    for item in items:
        by_parent.setdefault(item[1].oid, []).append(item)
    found: list[list[Item]] = []
    for same in by_parent.values():
        if found and len(found[-1]) + len(same) <= chunk:
            found[-1].extend(same)
        else:
            found.append(list(same))
    return found


class _Work:
    """What several sessions do at the same time; they share the log."""

    def __init__(
        self,
        log: MaintenanceLog,
        facts: dict[int, dict[str, Any]],
        budget: LockBudget,
        queue: deque[list[Item]],
        chunk: int,
    ) -> None:
        self._log, self._facts, self._budget = log, facts, budget
        self._queue, self._chunk = queue, chunk
        self._logging = Lock()
        self.stop = Event()

    def lane_of(
        self, beside: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    ) -> list[Result]:
        """Create partitions in a session of its own; where it cannot be had, the others do all."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(beside())
            except (PerfPipelineError, psycopg.OperationalError):
                return []
            return self.lane(connection)

    def lane(self, connection: psycopg.Connection[Any]) -> list[Result]:
        """Create partitions until none are left; a chunk that cannot be had is done one by one."""
        done: list[Result] = []
        while not self.stop.is_set():
            try:
                unit = self._queue.popleft()
            except IndexError:
                break
            for first in range(0, len(unit), self._chunk):
                if self.stop.is_set():
                    break
                done.extend(self._some(connection, unit[first : first + self._chunk]))
        return done

    def _some(self, connection: psycopg.Connection[Any], chunk: Sequence[Item]) -> list[Result]:
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
        return results


def _chunk(
    connection: psycopg.Connection[Any],
    chunk: Sequence[Item],
    facts: dict[int, dict[str, Any]],
    budget: LockBudget,
) -> Spent:
    """Create some partitions in one transaction and one round trip; one attempt."""
    spent = Spent()
    statements: list[sql.Composed] = []
    for policy, existing, step in chunk:
        part, inherited = step.partition, facts[existing.oid]
        statements.append(create.table_like(policy, part, inherited))
        statements.extend(create.taking_over(part, inherited, connection.info.user))
        statements.append(create.attaching(policy, existing.column_type, part))
    # one message, whose statements have the limits each for itself
    text = sql.SQL(";\n").join(statements)

    def work(inside: psycopg.Connection[Any]) -> None:
        inside.execute(text, prepare=False)

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
