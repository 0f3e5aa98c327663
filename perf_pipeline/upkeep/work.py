"""Doing steps: one session, one maintainer per database, one log row for each step, time boxed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psycopg
from psycopg import errors as pg_errors

from perf_pipeline.errors import BusyError, PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.lock_budget import LockBudget
from perf_pipeline.postgres.target import Target
from perf_pipeline.store.maintenance_log import Entry, MaintenanceLog
from perf_pipeline.upkeep.model import Policy
from perf_pipeline.upkeep.step import Step

#: Key of the advisory lock on a target ("upke"): one maintainer of indexes and rows at a time.
_LOCK_KEY: Final = 0x7570_6B65
#: Longest that one statement of upkeep may run, ms: an hour, as long as nobody waits for it.
LONGEST_MS: Final = 3_600_000
#: A catalog query or a search for orphans, ms.
LOOK_MS: Final = 120_000

Outcome = Literal["done", "skipped", "blocked", "failed"]


@dataclass(frozen=True)
class Result:
    """What became of one step.

    Attributes
    ----------
    step : Step
    outcome : str
        `done`, `skipped` (nothing was due any more, or the plan forbade it), `blocked` (others were
        in the way for longer than the budget), `failed`.
    seconds : float
    rows, bytes : int or None
        Deleted or marked; saved. None: it has none.
    note : str
        Why it is not done, or what is left.

    """

    step: Step
    outcome: Outcome
    seconds: float
    rows: int | None = None
    bytes: int | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the result for printing."""
        return {
            "operation": self.step.operation,
            "object": self.step.object_name,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 3),
            "rows": self.rows,
            "bytes": self.bytes,
            "note": self.note or self.step.reason,
        }


@dataclass
class Worker:
    """What steps are done with.

    Attributes
    ----------
    target, policy, url
    connection : psycopg.Connection
        In autocommit.
    log : MaintenanceLog
    budget : LockBudget
    until : float
        `time.monotonic()` after which no batch and no statement begins.

    """

    target: Target
    policy: Policy
    url: str
    connection: psycopg.Connection[Any]
    log: MaintenanceLog
    budget: LockBudget
    until: float
    results: list[Result] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.until - time.monotonic()

    @contextmanager
    def step(self, step: Step) -> Iterator[Entry]:
        """Log one step and note its result; an error of it does not stop the others.

        Raises
        ------
        UnreachableError
            The connection is gone.

        """
        started = time.monotonic()
        entry = Entry(0)
        try:
            with self.log.operation(
                step.operation, step.object_name, detail={"reason": step.reason}
            ) as entry:
                yield entry
        except BusyError as error:
            self._note(step, "blocked", started, entry, error.message)
        except PerfPipelineError as error:
            self._note(step, "failed", started, entry, error.message)
        except psycopg.Error as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            if self.connection.closed or isinstance(error, pg_errors.AdminShutdown):
                raise UnreachableError(
                    f"{step.operation} {step.object_name}: the connection was lost: {said[0]}",
                    "run it again when the server is back: it goes on where it was",
                ) from error
            self._note(step, "failed", started, entry, said[0])
        else:
            outcome: Outcome = entry.outcome if entry.outcome != "killed" else "failed"
            self._note(step, outcome, started, entry, str(entry.detail.get("note", "")))

    def _note(self, step: Step, outcome: Outcome, started: float, entry: Entry, note: str) -> None:
        seconds = time.monotonic() - started
        self.results.append(Result(step, outcome, seconds, entry.rows, entry.bytes, note))

    def skip(self, step: Step, why: str) -> None:
        """Log a step that is not done, and why."""
        with self.step(step) as entry:
            entry.outcome = "skipped"
            entry.detail["note"] = why


@contextmanager
def session(
    target: Target,
    policy: Policy,
    url: str,
    log: MaintenanceLog,
    budget: LockBudget,
    seconds: float,
) -> Iterator[Worker]:
    """Open the one session that works on a target.

    Raises
    ------
    BusyError
        Another maintainer is at work on this database.

    """
    limits = pg.Limits(LOOK_MS, budget.most_ms, pg.Limits.from_settings().connect_timeout_s)
    with pg.session(
        url, limits=limits, read_only=False, autocommit=True, label=f"{pg.APPLICATION_NAME}:upkeep"
    ) as connection:
        row = connection.execute(
            "SELECT /* perf-pipeline */ pg_try_advisory_lock(%s)", (_LOCK_KEY,)
        ).fetchone()
        if row is None or not row[0]:
            raise BusyError(
                f"target {target.name!r}: another upkeep is at work on this database",
                "wait until it has ended",
            )
        with pg.letting_go(connection):
            # where the server can notice it: a statement whose client was killed ends
            with suppress(psycopg.Error):
                connection.execute(
                    "SELECT /* perf-pipeline */ set_config('client_connection_check_interval', "
                    "'2s', false)"
                )
            until = time.monotonic() + seconds
            try:
                yield Worker(target, policy, url, connection, log, budget, until)
            except psycopg.OperationalError as error:
                raise _explained(connection, target, error) from error


def _explained(
    connection: psycopg.Connection[Any], target: Target, error: psycopg.OperationalError
) -> PerfPipelineError | psycopg.OperationalError:
    """Return what to tell of an error between the steps, while the catalog was read."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if connection.closed or isinstance(error, pg_errors.AdminShutdown):
        return UnreachableError(
            f"target {target.name!r}: the connection was lost: {said}",
            "run it again when the server is back: it goes on where it was",
        )
    if isinstance(error, pg_errors.LockNotAvailable | pg_errors.QueryCanceled):
        return BusyError(
            f"target {target.name!r}: its catalog could not be read: {said}",
            "run it again when nobody holds it",
        )
    return error
