"""Split a change of a statement's time into calls and time per call, and that into parts; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Work:
    """What a statement did in some covered time; times in ms.

    `seconds` is the time the sweeps cover, not the time between the first and the last. None is not
    known: the server, or an imported history, does not tell it.
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
        timed (track_io_timing is off), and each figure where it is not known on both sides.
        `rest_ms` includes the time of JIT where that is not known.

    """
    if not (before.calls and after.calls and before.seconds > 0 and after.seconds > 0):
        return None
    sides = (before, after)
    calls = [side.calls / side.seconds * DAY_SECONDS for side in sides]
    mean = [side.exec_ms / side.calls for side in sides]
    timed = not any((side.blocks_read or 0) > 0 and side.io_ms == 0 for side in sides)

    def per_call(name: str) -> list[float] | None:
        sums = [getattr(side, name) for side in sides]
        if None in sums:
            return None
        return [total / side.calls for total, side in zip(sums, sides, strict=True)]

    io, jit = per_call("io_ms") if timed else None, per_call("jit_ms")
    rest = None
    if io is not None:
        rest = [max(m - i - j, 0.0) for m, i, j in zip(mean, io, jit or [0.0, 0.0], strict=True)]
    return {
        "calls_per_day": _pair(calls),
        "total_ms_per_day": _pair([c * m for c, m in zip(calls, mean, strict=True)]),
        "change_ms_per_day": {
            "from_calls": _digits((calls[1] - calls[0]) * (mean[0] + mean[1]) / 2),
            "from_time_per_call": _digits((mean[1] - mean[0]) * (calls[0] + calls[1]) / 2),
        },
        "per_call": {
            "exec_ms": _pair(mean),
            **{
                name: None if sums is None else _pair(sums)
                for name, sums in (
                    ("io_ms", io),
                    ("jit_ms", jit),
                    ("rest_ms", rest),
                    *((name, per_call(name)) for name in ("plan_ms", "rows", "blocks")),
                    ("temp_blocks", per_call("temp_blocks")),
                )
            },
        },
    }


def _pair(values: list[float]) -> Mapping[str, float]:
    return {"before": _digits(values[0]), "after": _digits(values[1])}


def _digits(value: float) -> float:
    """Six significant digits: what a reader needs, and no noise of the last bits."""
    return float(f"{value:.6g}")
