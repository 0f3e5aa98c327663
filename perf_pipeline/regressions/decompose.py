"""Split a change of a statement's time into calls and time per call, and that into parts; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAY_SECONDS = 86_400.0

#: Figures per call that are no part of the execution time: what the statement did for it. Planning
#: comes before execution and is counted beside it.
AMOUNTS = (
    "plan_ms",
    "rows",
    "blocks",
    "blocks_read",
    "blocks_dirtied",
    "blocks_written",
    "local_blocks",
    "temp_blocks",
    "wal_bytes",
    "wal_records",
    "plans",
)


@dataclass(frozen=True)
class Work:
    """What a statement did in some covered time; times in ms.

    `seconds` is the time the sweeps cover, not the time between the first and the last. None is not
    known: the server, or an imported history, does not tell it, or the grain does not keep it.
    `blocks` are shared ones found in memory or read, `local_blocks` the same of temporary tables,
    `temp_blocks` those read or written by sorts and hashes that spill.
    """

    seconds: float
    calls: int
    exec_ms: float
    io_ms: float | None
    jit_ms: float | None
    plan_ms: float | None
    rows: int | None
    blocks_read: int | None
    blocks: int | None
    temp_blocks: int | None
    read_ms: float | None = None
    write_ms: float | None = None
    blocks_dirtied: int | None = None
    blocks_written: int | None = None
    local_blocks: int | None = None
    wal_bytes: int | None = None
    wal_records: int | None = None
    plans: int | None = None


def decompose(before: Work, after: Work) -> dict[str, Any] | None:
    """Split the change of total time.

    The rise of calls x time per call is split symmetrically: each factor's change times the mean
    of the other, so that the two shares add up and neither depends on which changed first.

    Parameters
    ----------
    before, after : Work

    Returns
    -------
    dict or None
        None when one side has no calls or no covered time. Else figures per day and per call, each
        as {"before", "after"}; `io_ms`, `read_ms`, `write_ms` and `rest_ms` are None where blocks
        were read but not timed (track_io_timing is off), `plan_ms` and `plans` where no plan was
        counted (track_planning is off), and each figure where it is not known on both sides.
        `rest_ms` is what is neither I/O nor JIT: computing, and waits that nobody times; it
        includes the time of JIT where that is not known. `parts` are the parts of the change of
        time per call, the largest first: {"part", "ms_per_call", "share"}; their shares add up
        to 1.

    """
    if not (before.calls and after.calls and before.seconds > 0 and after.seconds > 0):
        return None
    sides = (before, after)
    calls = [side.calls / side.seconds * DAY_SECONDS for side in sides]
    mean = [side.exec_ms / side.calls for side in sides]
    figures = {name: _per_call(sides, name) for name in AMOUNTS}
    if _unplanned(sides):
        figures["plan_ms"] = figures["plans"] = None
    timed = not any((side.blocks_read or 0) > 0 and side.io_ms == 0 for side in sides)
    times = {
        name: _per_call(sides, name) if timed else None for name in ("io_ms", "read_ms", "write_ms")
    }
    io, jit = times["io_ms"], _per_call(sides, "jit_ms")
    rest = None
    if io is not None:
        rest = [max(m - i - j, 0.0) for m, i, j in zip(mean, io, jit or [0.0, 0.0], strict=True)]
    times |= {"jit_ms": jit, "rest_ms": rest}
    return {
        "calls_per_day": _pair(calls),
        "total_ms_per_day": _pair([c * m for c, m in zip(calls, mean, strict=True)]),
        "change_ms_per_day": {
            "from_calls": _digits((calls[1] - calls[0]) * (mean[0] + mean[1]) / 2),
            "from_time_per_call": _digits((mean[1] - mean[0]) * (calls[0] + calls[1]) / 2),
        },
        "per_call": {
            name: None if values is None else _pair(values)
            for name, values in {"exec_ms": mean, **times, **figures}.items()
        },
        "parts": _parts(mean, times),
    }


def _per_call(sides: Sequence[Work], name: str) -> list[float] | None:
    sums = [getattr(side, name) for side in sides]
    if None in sums:
        return None
    return [total / side.calls for total, side in zip(sums, sides, strict=True)]


def _unplanned(sides: Sequence[Work]) -> bool:
    """Whether no plan was counted at all: with track_planning off the server says zero."""
    return all(not side.plans and not side.plan_ms for side in sides)


def _parts(mean: Sequence[float], times: Mapping[str, list[float] | None]) -> list[dict[str, Any]]:
    """Return what the change of time per call is made of, the largest first.

    Reading and writing are told apart where both are known. What is not told apart is one part:
    `rest` where I/O is timed, `untold` where it is not.
    """
    whole = mean[1] - mean[0]
    if whole == 0:
        return []
    finest = ("read_ms", "write_ms") if times["read_ms"] and times["write_ms"] else ("io_ms",)
    changes = {
        name.removesuffix("_ms"): pair[1] - pair[0]
        for name in (*finest, "jit_ms")
        if (pair := times[name]) is not None
    }
    left = whole - sum(changes.values())
    changes["untold" if times["io_ms"] is None else "rest"] = left
    ordered = sorted(changes.items(), key=lambda item: (-abs(item[1]), item[0]))
    return [
        {"part": part, "ms_per_call": _digits(change), "share": round(change / whole, 4)}
        for part, change in ordered
        if change != 0
    ]


def _pair(values: Sequence[float]) -> Mapping[str, float]:
    return {"before": _digits(values[0]), "after": _digits(values[1])}


def _digits(value: float) -> float:
    """Six significant digits: what a reader needs, and no noise of the last bits."""
    return float(f"{value:.6g}")
