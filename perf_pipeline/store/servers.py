"""Which target holds the families that all databases of a server tell the same: one, in the store.

A server is known by its system identifier, address, port and start. The holder keeps it over
restarts, until it has not swept for three cadences.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from perf_pipeline.postgres import sqlfiles

#: A holder that has not swept for this many of the usual spacings may be replaced.
QUIET_SPACINGS: Final = 3.0


@dataclass(frozen=True)
class Server:
    """What tells a running server from all others.

    `address` and `port` are those the server itself names: behind a pooler or a tunnel the same for
    all its databases; `local` for a socket. Times are aware.
    """

    system_identifier: int
    address: str
    port: int
    postmaster_start: datetime


@dataclass(frozen=True)
class Hold:
    """Who holds a server's families.

    `continued` says that this target did at its last sweep, too: what it counted then is the start
    of an interval. After a change of holder it is not, the other one has counted on.
    """

    holder_id: int
    continued: bool


@dataclass(frozen=True)
class _Known:
    holder_id: int
    is_quiet: bool
    is_running: bool


def may_hold(
    connection: psycopg.Connection, server: Server, target_id: int, expected_seconds: float
) -> bool:
    """Whether a target should read its server's families: nobody else does.

    A look without a lock; `claim` decides.

    Parameters
    ----------
    connection : psycopg.Connection
        A transaction of the store's.
    server : Server
    target_id : int
    expected_seconds : float
        Usual spacing of sweeps.

    """
    known = _look(connection, server, expected_seconds)
    return known is None or known.holder_id == target_id or known.is_quiet


def claim(
    connection: psycopg.Connection, server: Server, target_id: int, expected_seconds: float
) -> Hold:
    """Hold a server's families until the transaction ends, where nobody else does.

    Parameters
    ----------
    connection : psycopg.Connection
        The transaction that writes the sweep. The holder's row is locked in it; a target that
        another one holds the server for takes no lock.
    server : Server
    target_id : int
    expected_seconds : float
        Usual spacing of sweeps.

    """
    known = _look(connection, server, expected_seconds)
    if known and known.is_running and not known.is_quiet and known.holder_id != target_id:
        return Hold(known.holder_id, continued=False)
    values = {**_values(server, expected_seconds), "target_id": target_id}
    claimed = connection.execute(sqlfiles.load("store/server_claim").text, values).fetchone()
    if claimed is None:  # somebody was faster, and has committed
        faster = _look(connection, server, expected_seconds)
        return Hold(faster.holder_id if faster else target_id, continued=False)
    return Hold(claimed[0], continued=known is not None and known.holder_id == target_id)


def _look(connection: psycopg.Connection, server: Server, expected_seconds: float) -> _Known | None:
    text = sqlfiles.load("store/server_holder").text
    row = connection.execute(text, _values(server, expected_seconds)).fetchone()
    return _Known(*row) if row else None


def _values(server: Server, expected_seconds: float) -> dict[str, object]:
    return {**vars(server), "quiet": timedelta(seconds=QUIET_SPACINGS * expected_seconds)}
