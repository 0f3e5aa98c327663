"""What each target has spent of its budget: the account of `budget`, kept in the store.

Times are the store's: a target's clock may be wrong or step, and several collectors share one
store.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import budget
from perf_pipeline.snapshots.budget import Account
from perf_pipeline.store.engine import Store


@dataclass(frozen=True)
class Purse:
    """A target's account when its sweep begins.

    Attributes
    ----------
    account : budget.Account
    at : datetime
        Now, by the store's clock, aware.
    spacing_s : float
        Spacing that the last sweep made expect; 0: the usual one.
    share : float
        Of database time, that sweeps may cost.

    """

    account: Account
    at: datetime
    spacing_s: float
    share: float


def load(connection: psycopg.Connection, target_id: int, share: float) -> Purse:
    """Return a target's account.

    Parameters
    ----------
    connection : psycopg.Connection
        A transaction of the store's.
    target_id : int
    share : float

    """
    text = sqlfiles.load("store/budget_load").text
    row = connection.execute(text, {"target_id": target_id}).fetchone()
    at, balance_ms, elapsed_s, spacing_s = row or (None, None, None, None)
    account = Account() if balance_ms is None else Account(balance_ms, elapsed_s)
    return Purse(account, at, spacing_s or 0.0, share)


def save(
    connection: psycopg.Connection,
    target_id: int,
    purse: Purse,
    cost_ms: float,
    active_ms: float | None,
    cadence_s: float,
    *,
    broken: bool = False,
) -> None:
    """Charge a sweep.

    Parameters
    ----------
    connection : psycopg.Connection
        The store's transaction that also writes the interval.
    target_id : int
    purse : Purse
        As it was loaded before the sweep.
    cost_ms : float
    active_ms : float or None
        Of the interval; None: not known.
    cadence_s : float
        Time between two ticks of the collection.
    broken : bool
        The sweep was not finished.

    """
    balance = budget.charge(purse.account, cost_ms, active_ms, purse.share, broken=broken)
    spacing = budget.spacing_s(balance, purse.share, cadence_s)
    connection.execute(
        sqlfiles.load("store/budget_save").text,
        {
            "target_id": target_id,
            "balance_ms": balance,
            "share": purse.share,
            "spacing_s": spacing if spacing > cadence_s else 0.0,
            "charged_at": purse.at,
        },
    )


@contextmanager
def charging(store: Store, target_id: int, share: float, cadence_s: float) -> Iterator[None]:
    """Charge a sweep that breaks off within for the time it took, and let the error go on.

    Parameters
    ----------
    store : Store
    target_id : int
    share : float
    cadence_s : float
        Time between two ticks of the collection.

    """
    started = time.perf_counter()
    try:
        yield
    except PerfPipelineError:
        took_ms = (time.perf_counter() - started) * 1000.0
        # a store that cannot be reached either is what the error says, or will be said next time
        with suppress(PerfPipelineError), store.begin() as connection:
            purse = load(connection, target_id, share)
            save(connection, target_id, purse, took_ms, None, cadence_s, broken=True)
        raise


def charge_texts(
    store: Store,
    target_id: int,
    ts: datetime,
    share: float,
    cadence_s: float,
    *,
    texts_ms: float,
    temp_bytes: int,
) -> None:
    """Charge what reading texts after a sweep cost, and say so in the ledger.

    Parameters
    ----------
    store : Store
    target_id : int
    ts : datetime
        Of the sweep.
    share : float
    cadence_s : float
    texts_ms : float
    temp_bytes : int
        Written to temporary files while reading them, as far as the server told.

    """
    with store.begin() as connection:
        connection.execute(
            sqlfiles.load("store/sweep_texts_cost").text,
            {"target_id": target_id, "ts": ts, "texts_ms": texts_ms, "temp_bytes": temp_bytes},
        )
        save(connection, target_id, load(connection, target_id, share), texts_ms, None, cadence_s)


@dataclass(frozen=True)
class Waiting:
    """A target that is not due.

    Attributes
    ----------
    target : Target
    seconds : float
        Until it is.
    share : float
        Of its database time that sweeps may cost.

    """

    target: Target
    seconds: float
    share: float


def waiting(store: Store, targets: Sequence[Target]) -> list[Waiting]:
    """Return the targets that are not due: their sweeps have used up their budget.

    Parameters
    ----------
    store : Store
    targets : sequence of Target

    """
    rows = store.rows("budget_accounts", {"names": [target.name for target in targets]})
    accounts = {row["name"]: Account(row["balance_ms"], row["elapsed_s"]) for row in rows}
    found = []
    for target in targets:
        share = target.budget_share
        left = budget.seconds_left(accounts.get(target.name, Account()), share)
        if left > 0.0:
            found.append(Waiting(target, left, share))
    return found
