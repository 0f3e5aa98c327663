"""The counters of a target's last sweep: one compressed frame per family.

Replaced in the transaction that writes the interval computed from it, so that a killed sweep
neither loses an interval nor counts one twice.
"""

import io
from collections.abc import Mapping
from datetime import datetime

import polars as pl
import psycopg

from perf_pipeline.errors import BusyError
from perf_pipeline.postgres import sqlfiles


def load(
    connection: psycopg.Connection, target_id: int
) -> tuple[datetime | None, dict[str, pl.DataFrame]]:
    """Return the last sweep's instant (UTC, aware) and its frame per family, none when new.

    Parameters
    ----------
    connection : psycopg.Connection
        A transaction of the store's.
    target_id : int

    """
    rows = connection.execute(
        sqlfiles.load("store/load_state").text, {"target_id": target_id}
    ).fetchall()
    frames = {family: pl.read_ipc(io.BytesIO(frame)) for family, _, frame in rows}
    return max((ts for _, ts, _ in rows), default=None), frames


def save(
    connection: psycopg.Connection,
    target_id: int,
    ts: datetime,
    frames: Mapping[str, pl.DataFrame],
    expected: datetime | None,
) -> None:
    """Replace the state, unless another collector replaced it since `expected` was loaded.

    Parameters
    ----------
    connection : psycopg.Connection
        The transaction that also writes the interval.
    target_id : int
    ts : datetime
        The sweep's instant, aware.
    frames : Mapping of family to polars.DataFrame
        Current counters.
    expected : datetime or None
        What `load` returned when the interval was computed.

    Raises
    ------
    BusyError
        Another collector swept this target in between; nothing may be committed.

    """
    connection.execute(sqlfiles.load("store/lock_target").text, {"target_id": target_id})
    row = connection.execute(
        sqlfiles.load("store/state_instant").text, {"target_id": target_id}
    ).fetchone()
    found = row[0] if row else None
    if found != expected:
        raise BusyError(
            f"target number {target_id}: another collector swept it at {found}",
            "let one collector sweep a target; this sweep was discarded, nothing was counted twice",
        )
    for family, frame in frames.items():
        buffer = io.BytesIO()
        frame.write_ipc(buffer, compression="zstd")
        connection.execute(
            sqlfiles.load("store/save_state").text,
            {
                "target_id": target_id,
                "family": family,
                "ts": ts,
                "row_count": frame.height,
                "frame": buffer.getvalue(),
            },
        )
