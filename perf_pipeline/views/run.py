"""Carrying out a plan: one view after the other, each by itself, all within a time budget."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import psycopg
from psycopg import errors as pg_errors

from perf_pipeline.errors import BusyError, PerfPipelineError
from perf_pipeline.postgres import lock_budget
from perf_pipeline.postgres.lock_budget import Spent
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog
from perf_pipeline.views import catalog, refresh
from perf_pipeline.views.catalog import Connection
from perf_pipeline.views.graph import Graph
from perf_pipeline.views.incremental import keep
from perf_pipeline.views.model import Plan, Step, ViewPolicy
from perf_pipeline.views.plan import Seen, plan, unchanged

#: How it ended for one view. `waits`: what it rests on was not refreshed, or it failed lately.
Status = Literal["refreshed", "unchanged", "blocked", "failed", "waits", "no_time", "missing"]
Notify = Callable[["Outcome"], None]

#: Seconds that a view may wait for locks before the others go first; what is blocked is tried
#: again when they are done.
FIRST_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Outcome:
    """What was done about one view.

    Attributes
    ----------
    seconds : float
        Of the refresh; 0 when there was none.
    rows : int or None
        Rows the view has; None where they were not counted.
    waited_ms : float
        Milliseconds lost waiting for locks.

    """

    step: Step
    status: Status
    why: str
    method: str = ""
    seconds: float = 0.0
    rows: int | None = None
    answered: int = 0
    waited_ms: float = 0.0
    remedy: str = ""

    @property
    def name(self) -> str:
        """The view."""
        return self.step.policy.name

    @property
    def ok(self) -> bool:
        """Whether the view is now as fresh as its sources."""
        return self.status in {"refreshed", "unchanged"}

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "view": self.name,
            "status": self.status,
            "why": self.why,
            "method": self.method,
            "seconds": round(self.seconds, 6),
            "rows": self.rows,
            "requests_answered": self.answered,
            "lock_wait_ms": round(self.waited_ms, 1),
            "remedy": self.remedy,
        }


@dataclass
class _Run:
    """The state of one run."""

    connection: Connection
    log: MaintenanceLog
    seen: Seen
    until: float
    lock_seconds: float
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    waited: dict[str, float] = field(default_factory=dict)


def look(
    connection: Connection,
    target: Target,
    policies: Sequence[ViewPolicy],
    *,
    only: Sequence[str] | None = None,
    force: bool = False,
    fresh: Collection[str] = (),
) -> tuple[Plan, Seen]:
    """Read a target and plan its refreshes; nothing is changed.

    Incremental views of `fresh` were just found to have nothing to do.

    Raises
    ------
    BusyError
        Somebody holds a lock on our records for longer than the session's limit.

    """
    with _records_held(connection, target):
        seen = keep.see(connection, policies, catalog.see(connection, policies), fresh)
    made = plan(target.name, policies, seen, datetime.now(UTC), only=only, force=force)
    return made, seen


def run(
    store: Store,
    target: Target,
    policies: Sequence[ViewPolicy],
    *,
    only: Sequence[str] | None = None,
    force: bool = False,
    most_seconds: float = 1800.0,
    lock_seconds: float = refresh.LOCK_SECONDS,
    notify: Notify | None = None,
) -> list[Outcome]:
    """Plan and refresh a target's views; one that fails leaves the others alone.

    A view that is blocked lets the others go first and is tried again at the end, as are those
    that rest on it.

    Parameters
    ----------
    store : Store
        Where each refresh leaves its row of `maintenance.maintenance_log`.
    target : Target
    policies : sequence of ViewPolicy
        All of the target's.
    only : sequence of str, optional
        Those to refresh; default: all.
    force : bool
        Refresh also what did not change.
    most_seconds : float
        For all of them together; what does not fit waits for the next run.
    lock_seconds : float
        For waits for locks of all of them together: of each a second at first, at the end an equal
        share of what is left. Every view that is due is tried at least once.
    notify : callable, optional
        Called with each outcome as it is known.

    Returns
    -------
    list of Outcome
        One per view, in the order of the plan.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be used at all.

    """
    until = time.monotonic() + most_seconds
    with catalog.session(target) as connection, MaintenanceLog(store, target.name) as log:
        log.close_killed()
        return in_session(
            connection,
            log,
            target,
            policies,
            only=only,
            force=force,
            until=until,
            lock_seconds=lock_seconds,
            notify=notify,
        )


@contextmanager
def _records_held(connection: Connection, target: Target) -> Iterator[None]:
    """Tell who keeps us from reading our records."""
    try:
        yield
    except pg_errors.LockNotAvailable as error:
        oids = catalog.rows(connection, "records")[0]["oids"] or []
        held = "; ".join(lock_budget.holders(connection, oids)) or "nobody is seen holding it now"
        raise BusyError(
            f"target {target.name!r}: what is known of its views is locked: {held}",
            "nothing was changed; end that transaction, or run this again when it has ended",
        ) from error


def in_session(
    connection: Connection,
    log: MaintenanceLog,
    target: Target,
    policies: Sequence[ViewPolicy],
    *,
    only: Sequence[str] | None = None,
    force: bool = False,
    until: float = math.inf,
    lock_seconds: float = refresh.LOCK_SECONDS,
    notify: Notify | None = None,
) -> list[Outcome]:
    """Do what `run` does, in a session that is open.

    Incremental views come first: one statement finds those that have nothing to do, and where that
    is all of them it is the only one.

    Parameters
    ----------
    connection : Connection
        As `catalog.session` opens it.
    log : MaintenanceLog
    target, policies, only, force, lock_seconds, notify
        As in `run`.
    until : float
        Of `time.monotonic()`; what does not fit before waits for the next run.

    """
    at = datetime.now(UTC)
    chosen = [each for each in policies if only is None or each.name in only]
    fresh = frozenset[str]() if force else keep.unchanged(connection, chosen, at)
    if chosen and len(fresh) == len(chosen):
        steps: Sequence[Step] = [unchanged(each) for each in chosen]
        seen = Seen(Graph({}))
    else:
        made, seen = look(connection, target, policies, only=only, force=force, fresh=fresh)
        steps = made.steps
    running = _Run(connection, log, seen, until, lock_seconds)
    later = _through(running, steps, notify, last=False)
    _through(running, later, notify, last=True)
    noted = [each.name for each in running.outcomes.values() if each.status == "unchanged"]
    noted = [name for name in noted if name not in fresh]
    if noted and not connection.closed:
        catalog.rows(connection, "state_checked", {"views": noted, "at": at})
    return [running.outcomes[step.policy.name] for step in steps]


def _through(
    running: _Run, steps: Sequence[Step], notify: Notify | None, *, last: bool
) -> list[Step]:
    """Do some steps in their order, and return those to be tried again at the end."""
    later: list[Step] = []
    for place, step in enumerate(steps):
        if {each.policy.name for each in later} & set(step.after):
            later.append(step)
            continue
        left = max(0.0, running.lock_seconds)
        share = left / (len(steps) - place) if last else min(FIRST_SECONDS, left)
        outcome = _one(running, step, share, last=last)
        running.waited[step.policy.name] = outcome.waited_ms
        if outcome.status == "blocked" and not last and not running.connection.closed:
            later.append(step)
            continue
        running.outcomes[step.policy.name] = outcome
        if notify is not None:
            notify(outcome)
        if running.connection.closed:
            # the server ended the session: the rest is told, not tried
            running.until = 0.0
    return later


def _one(running: _Run, step: Step, lock_seconds: float, *, last: bool) -> Outcome:
    """Do what a step says."""
    if step.action == "unchanged":
        return Outcome(step, "unchanged", step.reason, method="none")
    if step.action == "missing":
        return Outcome(step, "missing", step.reason, remedy=step.advice[0] if step.advice else "")
    if step.action == "wait":
        return Outcome(step, "waits", step.reason)
    before = [running.outcomes[name] for name in step.after if not running.outcomes[name].ok]
    if before:
        return Outcome(step, "waits", f"it rests on {before[0].name}, which was not refreshed")
    left = running.until - time.monotonic()
    if left <= 0.0:
        why = "the session was lost" if running.connection.closed else "no time is left"
        return Outcome(step, "no_time", f"{why}; the next run refreshes it")
    return _refreshed(running, step, left, lock_seconds, last=last)


def _refreshed(
    running: _Run, step: Step, left: float, lock_seconds: float, *, last: bool
) -> Outcome:
    """Refresh a view and note how it ended."""
    name = step.policy.name
    before = running.waited.get(name, 0.0)
    spent = Spent()
    begun = time.monotonic()
    try:
        with running.log.operation(
            "view.refresh", name, detail={"reason": step.reason, "action": step.action}
        ) as entry:
            try:
                work = keep.refresh if step.action == "incremental" else refresh.refresh
                done = work(
                    running.connection,
                    step,
                    running.seen,
                    spent=spent,
                    most_seconds=left,
                    lock_seconds=lock_seconds,
                )
            finally:
                entry.lock_wait_ms = spent.waited_ms
            entry.rows, entry.statement = done.rows, done.statement or None
            entry.detail = {
                "method": done.method,
                "seconds": round(done.seconds, 6),
                "requests": done.answered,
                **({"note": done.note} if done.note else {}),
            }
    except BusyError as error:
        running.lock_seconds -= time.monotonic() - begun
        if last:
            _note_failure(running.connection, name, error)
        waited = before + spent.waited_ms
        return Outcome(step, "blocked", error.message, waited_ms=waited, remedy=error.remedy)
    except PerfPipelineError as error:
        _note_failure(running.connection, name, error)
        waited = before + spent.waited_ms
        return Outcome(step, "failed", error.message, waited_ms=waited, remedy=error.remedy)
    running.lock_seconds -= spent.waited_ms / 1000.0
    return Outcome(
        step,
        "refreshed",
        step.reason,
        method=done.method,
        seconds=done.seconds,
        rows=done.rows,
        answered=done.answered,
        waited_ms=before + spent.waited_ms,
    )


def _note_failure(connection: Connection, name: str, error: PerfPipelineError) -> None:
    """Remember a failure, so that a view that fails is tried less and less often."""
    try:
        catalog.rows(connection, "state_failed", {"view": name, "error": error.message[:2000]})
    except psycopg.Error:
        # the server is gone: the maintenance log has it, and the next run tries at once
        return
