"""Run a statement or a transaction that needs locks, within a budget that nobody else pays for.

A session that waits for a strong lock makes everybody queue behind it. So each attempt waits a
short time only (`lock_timeout`), then lets the queue go on for at least as long, and tries again
until a total budget is spent. Errors of a lock (55P03, deadlock 40P01) and, where an attempt is
bounded as a whole, of its time (57014) are attempts lost; every other error is the caller's.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import BusyError, ConfigurationError
from perf_pipeline.postgres import sqlfiles

T = TypeVar("T")
Statement = sql.SQL | sql.Composed | LiteralString

#: The span in which an attempt may wait for a lock, ms.
LEAST_MS: Final = 100
MOST_MS: Final = 2_000

_LOST = (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected)


class LockBudgetError(BusyError):
    """The lock budget was spent and the lock not got; nothing was changed."""


@dataclass(frozen=True)
class LockBudget:
    """How long to wait for locks.

    Attributes
    ----------
    first_ms, most_ms : int
        `lock_timeout` of the first attempt; it doubles up to the most. `most_ms` is the longest
        pause that one attempt can cause to an application.
    total_s : float
        Seconds for all attempts and the pauses between them.

    """

    first_ms: int = LEAST_MS
    most_ms: int = 1_000
    total_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what is no budget.

        Raises
        ------
        ConfigurationError
            An attempt shorter than 100 ms or longer than 2 s, or no time at all.

        """
        if not LEAST_MS <= self.first_ms <= self.most_ms <= MOST_MS:
            raise ConfigurationError(
                f"lock budget: attempts from {self.first_ms} to {self.most_ms} ms",
                f"choose {LEAST_MS} <= first_ms <= most_ms <= {MOST_MS}",
            )
        if self.total_s <= 0.0:
            raise ConfigurationError(
                f"lock budget: total_s is {self.total_s:g}", "choose a positive number of seconds"
            )

    def attempt_ms(self, attempt: int) -> int:
        """Return the milliseconds that attempt number `attempt` (from 0) may wait."""
        return min(self.most_ms, self.first_ms << min(attempt, 5))


@dataclass
class Spent:
    """What locks have cost: add up over several statements by passing it on.

    Attributes
    ----------
    attempts : int
        Attempts made, the successful ones included.
    waited_ms : float
        Milliseconds of the attempts that were lost; a wait within a successful attempt (shorter
        than its `lock_timeout`) is not in it.
    longest_ms : float
        The longest attempt, successful ones included: nobody waited longer behind us.

    """

    attempts: int = 0
    waited_ms: float = 0.0
    longest_ms: float = 0.0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def note(self, milliseconds: float, *, lost: bool) -> None:
        """Add one attempt."""
        self.attempts += 1
        self.waited_ms += milliseconds if lost else 0.0
        self.longest_ms = max(self.longest_ms, milliseconds)

    def pause_s(self, attempt_ms: int) -> float:
        """Return how long to let others go first: 1 to 2 times the attempt, jittered."""
        return attempt_ms / 1000.0 * self._random.uniform(1.0, 2.0)


def run_statement(
    connection: psycopg.Connection[Any],
    statement: Statement,
    budget: LockBudget,
    *,
    spent: Spent | None = None,
    relations: Sequence[int] = (),
    statement_timeout_ms: int | None = None,
    what: str = "",
) -> Spent:
    """Run one statement outside a transaction, also one that may not be inside one.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit. Its `lock_timeout` and `statement_timeout` are put back afterwards.
    statement : str or psycopg.sql.SQL or psycopg.sql.Composed
        Made of our own text and quoted identifiers.
    budget : LockBudget
    spent : Spent, optional
        Added to and returned.
    relations : Sequence of int
        Oids it needs locks on: who holds them is named when the budget is spent.
    statement_timeout_ms : int, optional
        Default: as long as the attempt, so that nobody waits longer behind it; 0 is no limit, for
        what takes only weak locks while it works (CONCURRENTLY).
    what : str
        For the message, for example `attach public.orders_2026_01`.

    Raises
    ------
    LockBudgetError
        Every attempt was lost.
    ConfigurationError
        The connection is in a transaction.

    """
    _require_autocommit(connection)
    spent = spent or Spent()

    def once(attempt_ms: int) -> None:
        limit = attempt_ms if statement_timeout_ms is None else statement_timeout_ms
        with _limits(connection, attempt_ms, limit):
            connection.execute(statement, prepare=False)

    _repeat(connection, once, budget, spent, relations, statement_timeout_ms is None, what)
    return spent


def run_transaction(
    connection: psycopg.Connection[Any],
    work: Callable[[psycopg.Connection[Any]], T],
    budget: LockBudget,
    *,
    spent: Spent | None = None,
    relations: Sequence[int] = (),
    statement_timeout_ms: int | None = None,
    what: str = "",
) -> T:
    """Run a function in one transaction; an attempt that is lost is rolled back and made again.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    work : callable
        Takes the connection, inside the transaction; must be able to run again after a rollback.
        The limits are those of each of its statements: lock first what must be locked.
    budget, spent, relations, what
        As in `run_statement`.
    statement_timeout_ms : int, optional
        Of each statement; default: as long as the attempt; 0 is no limit.

    Raises
    ------
    LockBudgetError
        Every attempt was lost.
    ConfigurationError
        The connection is in a transaction.

    """
    _require_autocommit(connection)
    spent = spent or Spent()

    def once(attempt_ms: int) -> T:
        limit = attempt_ms if statement_timeout_ms is None else statement_timeout_ms
        with connection.transaction():
            _set(connection, attempt_ms, limit, local=True)
            return work(connection)

    return _repeat(connection, once, budget, spent, relations, statement_timeout_ms is None, what)


def holders(connection: psycopg.Connection[Any], relations: Sequence[int] = ()) -> list[str]:
    """Return who holds locks on some relations (oids), a line each; without relations the oldest.

    No statement's text is in it: it may hold literals.
    """
    rows = connection.execute(
        sqlfiles.load("target/lock_holders").text, {"relations": list(relations)}
    ).fetchall()
    return [
        f"pid {pid} ({user}, {application or 'no application name'}), {state or 'state unknown'}, "
        f"transaction open for {seconds:.0f} s{f', holds {modes}' if modes else ''}"
        for pid, user, application, state, seconds, modes in rows
    ]


def _repeat(
    connection: psycopg.Connection[Any],
    once: Callable[[int], T],
    budget: LockBudget,
    spent: Spent,
    relations: Sequence[int],
    bounded: bool,
    what: str,
) -> T:
    until = time.monotonic() + budget.total_s
    lost = (*_LOST, pg_errors.QueryCanceled) if bounded else _LOST
    for attempt in range(10_000):  # the budget's time ends it
        attempt_ms = budget.attempt_ms(attempt)
        start = time.monotonic()
        try:
            result = once(attempt_ms)
        except lost as error:
            spent.note((time.monotonic() - start) * 1000.0, lost=True)
            pause = spent.pause_s(attempt_ms)
            if time.monotonic() + pause + attempt_ms / 1000.0 > until:
                raise _given_up(connection, budget, spent, relations, what) from error
            time.sleep(pause)
            continue
        spent.note((time.monotonic() - start) * 1000.0, lost=False)
        return result
    raise _given_up(connection, budget, spent, relations, what)


def _given_up(
    connection: psycopg.Connection[Any],
    budget: LockBudget,
    spent: Spent,
    relations: Sequence[int],
    what: str,
) -> LockBudgetError:
    found = holders(connection, relations)
    named = "; ".join(found) if found else "nobody is seen holding it now"
    return LockBudgetError(
        f"{what or 'a statement'}: no lock within {budget.total_s:g} s "
        f"({spent.attempts} attempts of at most {budget.most_ms} ms): {named}",
        "nothing was changed; end that transaction, or run this again when it has ended",
    )


def _require_autocommit(connection: psycopg.Connection[Any]) -> None:
    idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    if not (connection.autocommit and idle):
        raise ConfigurationError(
            "a lock budget needs a connection in autocommit, outside a transaction",
            "open it with connect(..., autocommit=True)",
        )


@contextmanager
def _limits(connection: psycopg.Connection[Any], lock_ms: int, limit_ms: int) -> Iterator[None]:
    """Set a session's limits and put them back."""
    before = connection.execute(
        "SELECT /* perf-pipeline */ current_setting('lock_timeout'),"
        " current_setting('statement_timeout')"
    ).fetchone()
    _set(connection, lock_ms, limit_ms, local=False)
    try:
        yield
    finally:
        if before is not None and not connection.closed:
            _set(connection, *before, local=False)


def _set(
    connection: psycopg.Connection[Any], lock: int | str, statement: int | str, *, local: bool
) -> None:
    connection.execute(
        "SELECT /* perf-pipeline */ set_config('lock_timeout', %s, %s),"
        " set_config('statement_timeout', %s, %s)",
        (str(lock), local, str(statement), local),
    )
