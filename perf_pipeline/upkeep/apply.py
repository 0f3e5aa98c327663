"""Do what a plan says: statistics, leftovers, rebuilds, deletes, orphans."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import BusyError, ConfigurationError, UnsupportedServerError
from perf_pipeline.postgres import lock_budget
from perf_pipeline.postgres.lock_budget import LockBudget, Spent
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, migrate
from perf_pipeline.store.maintenance_log import Entry, MaintenanceLog
from perf_pipeline.upkeep import batches, catalog, orphan_search, plan, reindex, work
from perf_pipeline.upkeep.giving_way import giving_way
from perf_pipeline.upkeep.model import DOINGS, Doing, Policy
from perf_pipeline.upkeep.step import Step
from perf_pipeline.upkeep.work import Result, Worker

#: Seconds that a transaction may be open before a rebuild does not begin: it would wait for it.
OLD_SECONDS: Final = 5.0
#: What a rebuild gives its leftovers' removal, seconds.
_REMOVAL_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Done:
    """What one run of upkeep did.

    Attributes
    ----------
    plan : plan.Plan
    results : tuple of Result
        One per step, in the order they were done.
    closed : int
        Rows of the log of earlier runs that were killed, closed now.
    held_back : tuple of str
        Who keeps dead rows from being removed, where rows were deleted.

    """

    plan: plan.Plan
    results: tuple[Result, ...]
    closed: int
    held_back: tuple[str, ...] = ()

    def of(self, outcome: str) -> tuple[Result, ...]:
        """Return the results of one outcome."""
        return tuple(result for result in self.results if result.outcome == outcome)

    @property
    def rows(self) -> int:
        """Rows deleted or marked."""
        return sum(result.rows or 0 for result in self.results)

    @property
    def saved_bytes(self) -> int:
        """Bytes saved by rebuilds and removals."""
        return sum(result.bytes or 0 for result in self.results)


def run(
    target: Target,
    policy: Policy,
    store: Store,
    doings: Sequence[Doing] = DOINGS,
    *,
    seconds: float = 3_600.0,
    budget: LockBudget | None = None,
) -> Done:
    """Plan and do the upkeep of one target.

    Parameters
    ----------
    target : Target
    policy : Policy
    store : Store
        Where each step is logged before it begins and after it ended.
    doings : sequence of str
        Kinds of upkeep, in this order.
    seconds : float
        After these no further statement or batch begins; the rest is left to the next time.
    budget : LockBudget, optional
        What others may wait for us.

    Returns
    -------
    Done

    Raises
    ------
    BusyError
        Another upkeep is at work on this database.
    UnreachableError
        The server went away: run again.
    UnsupportedServerError
        It is a standby.

    """
    migrate.require_current(store)
    url = target.maintenance_url()
    with MaintenanceLog(store, target.name) as log:
        with work.session(target, policy, url, log, budget or LockBudget(), seconds) as worker:
            closed = log.close_killed()
            plans = []
            for doing in doings:
                # each is planned when its turn comes: what went before changed what is due
                plans.append(plan.make(worker.connection, target, policy, store, (doing,)))
                for step in plans[-1].steps:
                    _do(worker, step)
            held = _held_back(worker) if "cleanup" in doings else ()
        return Done(plan.joined(target, plans), tuple(worker.results), len(closed), held)


def _do(worker: Worker, step: Step) -> None:
    if not step.todo:
        # what is only reported is no operation; what is due and left alone is one, skipped
        if step.detail.get("is_wrong"):
            with worker.step(step):
                raise ConfigurationError(step.reason)
        elif step.operation != "rows.archive_orphans":
            worker.skip(step, step.reason)
        return
    if worker.left <= 0:
        worker.skip(step, "the time of this run is over: left to the next")
        return
    with worker.step(step) as entry:
        if step.operation == "table.analyze":
            _analyze(worker, step, entry)
        elif step.operation == "index.drop_leftover":
            _drop_leftover(worker, step, entry)
        elif step.operation == "index.reindex":
            _reindex(worker, step, entry)
        elif step.operation == "rows.delete":
            batches.delete(worker, step, entry)
        else:
            batches.archive(worker, step, entry)


def _analyze(worker: Worker, step: Step, entry: Entry) -> None:
    only = sql.SQL("ONLY ") if step.detail["only"] else sql.SQL("")
    statement = sql.SQL("ANALYZE /* perf-pipeline */ {}{}").format(only, _identifier(step))
    entry.statement = statement.as_string(worker.connection)
    spent = Spent()
    with (
        _warnings(worker.connection) as said,
        giving_way(worker.url, worker.connection, _patience(worker), _what(step)),
    ):
        lock_budget.run_statement(
            worker.connection,
            statement,
            worker.budget,
            spent=spent,
            relations=[step.detail["relid"]],
            statement_timeout_ms=_limit_ms(worker),
            what=_what(step),
        )
    entry.lock_wait_ms = spent.waited_ms
    if said:
        # the server says WARNING and success where it left a table out
        raise UnsupportedServerError(f"{step.object_name} was not analyzed: {said[0]}")


def _drop_leftover(worker: Worker, step: Step, entry: Entry) -> None:
    statement = sql.SQL("DROP /* perf-pipeline */ INDEX CONCURRENTLY IF EXISTS {}").format(
        _identifier(step)
    )
    entry.statement = statement.as_string(worker.connection)
    started = time.monotonic()
    with giving_way(worker.url, worker.connection, _patience(worker), _what(step)):
        _patiently(worker, statement, worker.policy.reindex.wait_seconds, step)
    entry.bytes = step.detail["bytes"]
    entry.detail["seconds"] = round(time.monotonic() - started, 3)


def _reindex(worker: Worker, step: Step, entry: Entry) -> None:
    connection, relid = worker.connection, step.detail["relid"]
    schema = catalog.server(connection)["pgstattuple_schema"]
    before = catalog.measure(connection, schema, relid) if schema is not None else None
    if before is None or before.percent <= worker.policy.reindex.bloat_percent:
        entry.outcome = "skipped"
        entry.detail["note"] = "it is gone, locked, or no longer bloated"
        return
    _wait_for_old(worker, step)
    statement = sql.SQL("REINDEX /* perf-pipeline */ INDEX CONCURRENTLY {}").format(
        _identifier(step)
    )
    entry.statement = statement.as_string(connection)
    try:
        with giving_way(worker.url, connection, _patience(worker), _what(step)):
            _patiently(worker, statement, worker.policy.reindex.wait_seconds, step)
    except (psycopg.Error, BusyError) as error:
        if not connection.closed:
            entry.detail["leftovers"] = _remove_leftovers(worker, step)
        if isinstance(error, pg_errors.DiskFull):
            raise UnsupportedServerError(
                f"{step.object_name}: the server's disk is full: {str(error).splitlines()[0]}",
                "free some space; the old index is as it was",
            ) from error
        raise
    name = step.object_name.split(".", 1)
    row = connection.execute(
        "SELECT /* perf-pipeline */ c.relpages::bigint * current_setting('block_size')::bigint,"
        " i.indisvalid FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid"
        " WHERE n.nspname = %s AND c.relname = %s",
        name,
    ).fetchone()
    if row is None or not row[1]:
        raise UnsupportedServerError(f"{step.object_name} is not valid after its rebuild")
    entry.bytes = before.total_bytes - row[0]
    entry.detail |= {
        "bytes_before": before.total_bytes,
        "bytes_after": row[0],
        "bloat_percent": round(before.percent, 1),
    }


def _wait_for_old(worker: Worker, step: Step) -> None:
    """Wait until no old transaction is in the way: a rebuild that waits holds its own space.

    Raises
    ------
    BusyError
        One was still there when the policy's time was over.

    """
    until = time.monotonic() + min(worker.policy.reindex.wait_seconds, max(worker.left, 0.0))
    while True:
        old = catalog.rows(worker.connection, "old_transactions", {"seconds": OLD_SECONDS})
        if not old:
            return
        if time.monotonic() >= until:
            first = old[0]
            raise BusyError(
                f"{_what(step)}: not begun, it would wait for a transaction open for "
                f"{first['seconds']:.0f} s: pid {first['pid']} ({first['user_name']}, "
                f"{first['application'] or 'no application name'}, {first['state']})",
                "end that transaction, or wait for it",
            )
        time.sleep(min(0.2, max(until - time.monotonic(), 0.01)))


def _patiently(worker: Worker, statement: sql.Composed, wait_seconds: float, step: Step) -> None:
    """Run a concurrent statement that may wait long: nobody waits behind its weak locks.

    Raises
    ------
    BusyError
        It waited for longer than `wait_seconds` for a lock or a transaction.

    """
    connection = worker.connection
    limits = "SELECT /* perf-pipeline */ set_config('lock_timeout', %s, false),"
    limits += " set_config('statement_timeout', %s, false)"
    connection.execute(limits, (str(round(wait_seconds * 1000)), str(_limit_ms(worker))))
    try:
        connection.execute(statement)
    except (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected) as error:
        relations = [step.detail["relid"], step.detail["table_relid"]]
        named = lock_budget.holders(connection, relations) or lock_budget.holders(connection)
        raise BusyError(
            f"{_what(step)}: waited {wait_seconds:g} s: {'; '.join(named) or 'nobody is seen'}",
            "it is as it was; end that transaction, or wait for it",
        ) from error
    finally:
        if not connection.closed:
            connection.execute(limits, (str(worker.budget.most_ms), str(work.LOOK_MS)))


def _remove_leftovers(worker: Worker, step: Step) -> list[str]:
    """Drop what a rebuild that failed left of its table; return what is still there."""
    left = []
    indexes = catalog.rows(worker.connection, "indexes")
    for found in reindex.leftovers(indexes):
        if found.detail["table_relid"] != step.detail["table_relid"]:
            continue
        done = False
        if found.todo:
            statement = sql.SQL("DROP /* perf-pipeline */ INDEX CONCURRENTLY IF EXISTS {}").format(
                _identifier(found)
            )
            with suppress(psycopg.Error, BusyError):
                _patiently(worker, statement, _REMOVAL_SECONDS, found)
                done = True
        if not done:
            left.append(found.object_name)
    return left


@contextmanager
def _warnings(connection: psycopg.Connection[Any]) -> Iterator[list[str]]:
    """Collect the warnings that statements of a block send."""
    said: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING" and notice.message_primary:
            said.append(notice.message_primary)

    connection.add_notice_handler(hear)
    try:
        yield said
    finally:
        connection.remove_notice_handler(hear)


def _held_back(worker: Worker) -> tuple[str, ...]:
    if not any(result.rows for result in worker.results):
        return ()
    return tuple(
        f"{row['kind']} {row['name']}: {row['xid_age'] or 0:,} transactions"
        for row in catalog.rows(worker.connection, "horizon")
        if (row["xid_age"] or 0) > 0
    )


def _limit_ms(worker: Worker) -> int:
    return max(1_000, min(work.LONGEST_MS, round(worker.left * 1000)))


def _patience(worker: Worker) -> float:
    return worker.budget.most_ms / 1000.0


def _what(step: Step) -> str:
    return re.sub(r".*\.", "", step.operation) + " " + step.object_name


def _identifier(step: Step) -> sql.Identifier:
    return orphan_search.qualified(step.object_name)
