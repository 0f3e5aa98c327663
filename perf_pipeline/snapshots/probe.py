"""Probe targets every half minute, the way applications take: through the pool (M-37)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from perf_pipeline import settings
from perf_pipeline.errors import PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import fleet
from perf_pipeline.store import Store, measurements
from perf_pipeline.store.looks import PROBE

#: As described for menuca (M-37).
EVERY_S: Final = 30
TIMEOUT_S: Final = 5
RETRIES: Final = 3
#: All attempts of one target, and a little; less than until the next probe.
BUDGET_S: Final = TIMEOUT_S * (1 + RETRIES) + 4.0
_PAUSE_S: Final = 0.5
_LIMITS: Final = pg.Limits(1000 * TIMEOUT_S, 1000, TIMEOUT_S)
POOL: Final = "pool"
SERVER: Final = "server"


@dataclass(frozen=True)
class Probed:
    """What one probe found.

    Attributes
    ----------
    via : str
        `pool`, or `server` where no pool's URL is known.
    ms : float or None
        From asking for a connection to the answer of one statement; None: nobody answered.
    attempts : int
    reason : str
        Why nobody answered, or, with an `ms` of None as well, `wrong`: why it is our own mistake.
    wrong : str

    """

    target: str
    via: str
    ms: float | None
    attempts: int
    reason: str = ""
    wrong: str = ""


def way(target: Target) -> tuple[str, str]:
    """Return which way a probe takes, and its URL.

    Raises
    ------
    ConfigurationError, UnreachableError
        As for `Target.url`.

    """
    name = target.promises.probe_env
    url = settings.variable(name) if name is not None else None
    return (SERVER, target.url()) if url is None else (POOL, url)


def ask(url: str) -> None:
    """Open a connection, have one statement answered, and let it go.

    Raises
    ------
    PerfPipelineError, psycopg.Error

    """
    # bare: behind a pool our settings would stay with a session that is the next one's
    with pg.connect(url, limits=_LIMITS, bare=True, patience_s=float(TIMEOUT_S)) as connection:
        connection.execute(sqlfiles.load("catalog/probe").text)


def probe(
    target: Target,
    asking: Callable[[str], None] = ask,
    pause: Callable[[float], None] = time.sleep,
) -> Probed:
    """Probe one target: at once, and three times more where nobody answers.

    Parameters
    ----------
    target : Target
    asking : callable
        As `ask`.
    pause : callable
        Given seconds, between attempts.

    """
    via, said = SERVER, ""
    for attempt in range(1, 2 + RETRIES):
        try:
            via, url = way(target)
            began = time.perf_counter()
            asking(url)
            return Probed(target.name, via, 1000 * (time.perf_counter() - began), attempt)
        except UnreachableError as error:
            said = fleet.without_password(error.message, target)
        except PerfPipelineError as error:
            # a wrong password or name: nobody else is kept out
            return Probed(target.name, via, None, attempt, wrong=error.message)
        except psycopg.Error as error:
            said = fleet.without_password(str(error).strip().splitlines()[0], target)
        if attempt <= RETRIES:
            pause(_PAUSE_S)
    return Probed(target.name, via, None, 1 + RETRIES, reason=f"{via}: {said}")


def probe_all(
    store: Store,
    targets: Sequence[Target],
    now: datetime,
    one: Callable[[Target], Probed] = probe,
) -> list[Probed]:
    """Probe targets, all at once, and keep what was found.

    An answer is a reading of `probe_ms` by the way it took; none at all is a look that found the
    target away. What is our own mistake is kept as neither.

    Parameters
    ----------
    store : Store
    targets : sequence of Target
    now : datetime
        Aware: the instant they are kept under.
    one : callable
        As `probe`.

    """
    if not targets:
        return []
    found = []
    outcomes = fleet.sweep_all(targets, one, threads=len(targets), budget_s=BUDGET_S)
    for outcome in outcomes:
        each = outcome.record or Probed(
            outcome.target.name, SERVER, None, 0, reason=outcome.reason or "no answer"
        )
        found.append(each)
        if each.ms is not None:
            measurements.note(store, each.target, PROBE, {each.via: each.ms}, now)
        elif each.reason:
            params = {"target": each.target, "ts": now, "reason": each.reason[:500]}
            store.rows("unreached_note", params)
    return found
