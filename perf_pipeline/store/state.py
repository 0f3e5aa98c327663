"""The counters of a target's last sweep: one compressed frame per family.

Replaced in the transaction that writes the interval computed from it, so that a killed sweep
neither loses an interval nor counts one twice.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import psycopg

from perf_pipeline.errors import BusyError
from perf_pipeline.postgres import sqlfiles

#: The family that every sweep replaces: its instant is the one two collectors are compared by.
EVIDENCE = "evidence"

#: A writer that sends nothing for so long between two statements is cut off by the store, so that
#: one whose network broke does not keep the next one waiting.
HELD_MS = 8_000
#: One that is in the way and has sent no row of its COPY for so long is ended.
SILENT_COPY_MS = 30_000


#: How a file of frames begins; a stream does not.
_FILE = b"ARROW1"


class Frames(Mapping[str, pl.DataFrame]):
    """Frames by family, each unpacked when it is first asked for: a quiet sweep needs few."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = packed
        self._unpacked: dict[str, pl.DataFrame] = {}

    def __getitem__(self, family: str) -> pl.DataFrame:
        if family not in self._unpacked:
            self._unpacked[family] = unpacked(self._packed[family])
        return self._unpacked[family]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


@dataclass(frozen=True)
class State:
    """What `load` found.

    `instants` holds the sweep each family's frame was written at (aware, UTC): a family that could
    not be read, or did not change, keeps its older frame.
    """

    frames: Mapping[str, pl.DataFrame]
    instants: Mapping[str, datetime]

    @property
    def instant(self) -> datetime | None:
        """The last sweep's instant, None when there was none."""
        return self.instants.get(EVIDENCE)


def load(connection: psycopg.Connection, target_id: int) -> State:
    """Return the state of a target, empty when it is new.

    Parameters
    ----------
    connection : psycopg.Connection
        A transaction of the store's.
    target_id : int

    """
    rows = connection.execute(
        sqlfiles.load("store/load_state").text, {"target_id": target_id}, binary=True
    ).fetchall()
    return State(
        Frames({family: frame for family, _, frame in rows}),
        {family: ts for family, ts, _ in rows},
    )


def lock(connection: psycopg.Connection, target_id: int, expected: datetime | None) -> None:
    """Keep other collectors of a target out until the transaction ends.

    The first lock that a writer takes: from then on the store ends it when it falls silent.

    Parameters
    ----------
    connection : psycopg.Connection
        The transaction that will write the interval.
    target_id : int
    expected : datetime or None
        `State.instant` of what the interval was computed from.

    Raises
    ------
    BusyError
        Another collector swept this target in between; nothing may be committed.

    """
    values = {"target_id": target_id, "held": f"{HELD_MS}ms", "silent": f"{SILENT_COPY_MS}ms"}
    if connection.execute(sqlfiles.load("store/lock_target_free").text, values).fetchone() is None:
        connection.execute(sqlfiles.load("store/end_silent_writers").text, values)
        connection.execute(sqlfiles.load("store/lock_target").text, values)
    row = connection.execute(
        sqlfiles.load("store/state_instant").text, {"target_id": target_id, "family": EVIDENCE}
    ).fetchone()
    found = row[0] if row else None
    if found != expected:
        raise _overtaken(connection, target_id, found, expected)


def save(
    connection: psycopg.Connection,
    target_id: int,
    ts: datetime,
    frames: Mapping[str, pl.DataFrame],
    expected: datetime | None,
    *,
    locked: bool = False,
) -> None:
    """Replace the state of the given families, unless another collector swept since `load`.

    Parameters
    ----------
    connection : psycopg.Connection
        The transaction that also writes the interval.
    target_id : int
    ts : datetime
        The sweep's instant, aware.
    frames : Mapping of family to polars.DataFrame
        Current counters; always with `EVIDENCE`.
    expected : datetime or None
        `State.instant` of what the interval was computed from.
    locked : bool
        Whether the transaction has called `lock`.

    Raises
    ------
    BusyError
        Another collector swept this target in between; nothing may be committed.

    """
    if not locked:
        lock(connection, target_id, expected)
    # one statement: after a pipeline the server's timer of idle transactions does not run
    connection.execute(
        sqlfiles.load("store/save_state").text,
        {
            "target_id": target_id,
            "ts": ts,
            "families": list(frames),
            "row_counts": [frame.height for frame in frames.values()],
            "frames": [_packed(frame) for frame in frames.values()],
        },
    )


def _overtaken(
    connection: psycopg.Connection,
    target_id: int,
    found: datetime | None,
    expected: datetime | None,
) -> BusyError:
    text = sqlfiles.load("store/state_collector").text
    row = connection.execute(text, {"target_id": target_id, "ts": found}).fetchone()
    name, collector = row or (f"number {target_id}", None)
    if found is None or (expected is not None and found < expected):
        return BusyError(
            f"target {name!r}: the store went back to an earlier state while it was swept "
            f"(last sweep {found}, it was {expected})",
            "this sweep was discarded; the next one starts from what the store holds now",
        )
    return BusyError(
        f"target {name!r}: another collector ({collector or 'unknown'}) swept it at {found}",
        "let one collector sweep a target; this sweep was discarded, nothing was counted twice",
    )


def _packed(frame: pl.DataFrame) -> bytes:
    """Return a frame as bytes: a stream, which for few rows takes a tenth of a file's time."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer, compression="zstd")
    return buffer.getvalue()


def unpacked(packed: bytes) -> pl.DataFrame:
    """Return the frame that bytes of `ledger.state` hold."""
    buffer = io.BytesIO(packed)
    # the first version wrote files
    return pl.read_ipc(buffer) if packed.startswith(_FILE) else pl.read_ipc_stream(buffer)
