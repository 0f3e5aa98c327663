"""Refreshing one materialized view: under a lock budget and a time budget, all or nothing."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg import sql

from perf_pipeline.errors import BusyError, ConfigurationError, PerfPipelineError
from perf_pipeline.postgres import lock_budget, sqlfiles
from perf_pipeline.views import catalog
from perf_pipeline.views.catalog import Connection
from perf_pipeline.views.model import Step, ViewPolicy
from perf_pipeline.views.plan import Seen


class RefreshError(PerfPipelineError):
    """A refresh failed; the view is as it was before."""

    exit_code = 1


@dataclass
class Refreshed:
    """What one refresh did.

    Attributes
    ----------
    method : str
        `refresh`, `concurrently`, or of an incremental view `apply`, `recompute`, `full`, `none`.
    seconds : float
        Of the refresh itself, in its last attempt.
    rows : int or None
        Rows the view has now; None where they were not counted.
    answered : int
        Requests answered by it.
    statement : str
        Its main statement.

    """

    method: str
    seconds: float
    rows: int | None = None
    answered: int = 0
    statement: str = ""
    note: str = ""


#: Seconds that all refreshes of a run may wait for locks together.
LOCK_SECONDS: Final = 30.0


def budget_of(policy: ViewPolicy, seconds: float = LOCK_SECONDS) -> lock_budget.LockBudget:
    """Return how long a view's refresh may wait for locks, of the seconds that are left."""
    most = max(lock_budget.LEAST_MS, min(lock_budget.MOST_MS, policy.lock_ms))
    total = max(0.001, min(seconds, max(1.0, policy.seconds)))
    return lock_budget.LockBudget(lock_budget.LEAST_MS, most, total)


def take_alone(connection: Connection, view: str) -> None:
    """Be the only one who refreshes a view until the transaction ends.

    Raises
    ------
    BusyError
        Somebody is at it.

    """
    row = connection.execute(sqlfiles.load("views/refresh_lock").text, {"view": view}).fetchone()
    if not (row and row[0]):
        raise BusyError(
            f"view {view}: another refresh of it is at work", "nothing was changed; wait for it"
        )


def statement(name: str, *, concurrently: bool) -> sql.Composed:
    """Return the statement that refreshes a materialized view."""
    schema, _, relation = name.partition(".")
    return sql.SQL("REFRESH MATERIALIZED VIEW {}{}").format(
        sql.SQL("CONCURRENTLY ") if concurrently else sql.SQL(""), sql.Identifier(schema, relation)
    )


def refresh(
    connection: Connection,
    step: Step,
    seen: Seen,
    *,
    spent: lock_budget.Spent | None = None,
    most_seconds: float | None = None,
    lock_seconds: float = LOCK_SECONDS,
) -> Refreshed:
    """Refresh one view as its step says, with its state and requests in the same transaction.

    Killed at any point, it either happened as a whole, evidence and answered requests included,
    or not at all.

    Parameters
    ----------
    connection : Connection
        In autocommit.
    step : Step
        Of a materialized view.
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
    LockBudgetError, BusyError
        A lock could not be had.
    RefreshError
        The refresh took too long or its query failed; names the view.

    """
    policy = step.policy
    concurrently = step.action == "concurrently"
    node = seen.graph.named(policy.name)
    limit = policy.seconds
    if not concurrently and node is not None and node.populated:
        limit = min(limit, policy.blocking_seconds)
    limit = limit if most_seconds is None else min(limit, max(0.1, most_seconds))
    text = statement(policy.name, concurrently=concurrently)

    def work(within: Connection) -> Refreshed:
        take_alone(within, policy.name)
        ids = catalog.rows(within, "queue_ids", {"view": policy.name})[0]["ids"]
        at = datetime.now(UTC)
        evidence = catalog.evidence_now(within, policy, seen, at)
        catalog.rows(within, "memory")
        start = time.monotonic()
        within.execute(text)
        took = time.monotonic() - start
        method = "concurrently" if concurrently else "refresh"
        values = {"view": policy.name, "at": at, "seconds": took, "method": method}
        catalog.rows(within, "state_save", {**values, "evidence": evidence})
        catalog.rows(within, "queue_answer", {"ids": ids})
        return Refreshed(method, took, answered=len(ids), statement=text.as_string(within))

    with explained(policy, limit):
        done = lock_budget.run_transaction(
            connection,
            work,
            budget_of(policy, lock_seconds),
            spent=spent,
            relations=[node.oid, *(each.oid for each in seen.graph.sources(node))] if node else [],
            statement_timeout_ms=max(100, int(limit * 1000)),
            what=f"refresh {policy.name}",
        )
    after(connection, done, policy)
    return done


def after(connection: Connection, done: Refreshed, policy: ViewPolicy) -> None:
    """Tell the counters early, and count the view's rows, where they are not known yet.

    Neither may undo a refresh.
    """
    major = connection.info.server_version // 10_000
    schema, _, relation = policy.name.partition(".")
    try:
        connection.execute(sqlfiles.load("catalog/flush_counters", major).text)
        if done.rows is not None:
            return
        row = connection.execute(
            sql.SQL("SELECT /* perf-pipeline */ count(*) FROM {}").format(
                sql.Identifier(schema, relation)
            )
        ).fetchone()
        done.rows = int(row[0]) if row else None
    except psycopg.Error as error:
        done.note = f"its rows were not counted: {str(error).strip()}"


class explained:  # noqa: N801 - reads as a word: `with explained(...)`
    """Turn what PostgreSQL says of a refresh into our errors, with remedies."""

    def __init__(self, policy: ViewPolicy, limit_s: float) -> None:
        self._policy = policy
        self._limit_s = limit_s

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, psycopg.Error):
            return
        name = self._policy.name
        # without the statement and the values that PostgreSQL quotes below it
        said = error.diag.message_primary or str(error).strip().partition("\n")[0]
        if isinstance(error, psycopg.errors.QueryCanceled):
            raise RefreshError(
                f"view {name}: the refresh was not done within {self._limit_s:g} s",
                "nothing was changed; raise `seconds` (or `blocking_seconds`, where no unique "
                "index lets readers go on), or make its query cheaper",
            ) from error
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise ConfigurationError(
                f"view {name}: {said}", "refresh as the role that owns the view"
            ) from error
        state = error.sqlstate or ""
        gone = not state or state.startswith(("08", "57P"))
        if isinstance(error, psycopg.OperationalError) and gone:
            raise RefreshError(
                f"view {name}: the connection was lost: {said}",
                "nothing was changed; it is refreshed by the next run",
            ) from error
        raise RefreshError(
            f"view {name}: {said}", "nothing was changed; correct the view or its data"
        ) from error
