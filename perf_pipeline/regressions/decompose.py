"""Split a change of a statement's time into calls and time per call, and that into parts; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Work:
    """What a statement did in some covered time; times in ms.

    `seconds` is the time the sweeps cover, not the time between the first and the last.
    """

    seconds: float
    calls: int
    exec_ms: float
    io_ms: float
    jit_ms: float
    plan_ms: float
    rows: int
    blocks_read: int
    blocks: int
    temp_blocks: int


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
        as {"before", "after"}; `io_ms` and `rest_ms` are None where blocks were read but not
        timed (track_io_timing is off).

    """
    if not (before.calls and after.calls and before.seconds > 0 and after.seconds > 0):
        return None
    sides = (before, after)
    calls = [side.calls / side.seconds * DAY_SECONDS for side in sides]
    mean = [side.exec_ms / side.calls for side in sides]
    timed = not any(side.blocks_read > 0 and side.io_ms == 0 for side in sides)

    def per_call(name: str) -> list[float]:
        return [getattr(side, name) / side.calls for side in sides]

    io, jit = per_call("io_ms"), per_call("jit_ms")
    rest = [max(m - i - j, 0.0) for m, i, j in zip(mean, io, jit, strict=True)]
    return {
        "calls_per_day": _pair(calls),
        "total_ms_per_day": _pair([c * m for c, m in zip(calls, mean, strict=True)]),
        "change_ms_per_day": {
            "from_calls": _digits((calls[1] - calls[0]) * (mean[0] + mean[1]) / 2),
            "from_time_per_call": _digits((mean[1] - mean[0]) * (calls[0] + calls[1]) / 2),
        },
        "per_call": {
            "exec_ms": _pair(mean),
            "io_ms": _pair(io) if timed else None,
            "jit_ms": _pair(jit),
            "rest_ms": _pair(rest) if timed else None,
            "plan_ms": _pair(per_call("plan_ms")),
            "rows": _pair(per_call("rows")),
            "blocks": _pair(per_call("blocks")),
            "temp_blocks": _pair(per_call("temp_blocks")),
        },
    }


def _pair(values: list[float]) -> Mapping[str, float]:
    return {"before": _digits(values[0]), "after": _digits(values[1])}


def _digits(value: float) -> float:
    """Six significant digits: what a reader needs, and no noise of the last bits."""
    return float(f"{value:.6g}")
