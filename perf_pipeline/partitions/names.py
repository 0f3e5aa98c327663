"""One naming rule: `<table>_YYYY_MM`, or as much of the date as the period needs; pure."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from perf_pipeline.partitions.model import Bound, Every, Policy

#: PostgreSQL cuts longer names.
LONGEST: Final = 63

_FORMATS: Final[dict[str, str]] = {
    "year": "%Y",
    "quarter": "%Y_%m",
    "month": "%Y_%m",
    "week": "%Y_%m_%d",
    "day": "%Y_%m_%d",
    "hour": "%Y_%m_%d_%H",
}
_FINER: Final = ("%Y_%m_%d", "%Y_%m_%d_%H", "%Y_%m_%d_%H%M%S")


def default_name(table: str) -> str:
    """Return the name of the default partition."""
    return fitted(table, "default")


def time_names(table: str, every: Every, lower: datetime) -> Iterator[str]:
    """Yield names for a partition that begins at a wall time, the one of the rule first.

    The others are for a piece of a period, beside a partition that has the rule's name and other
    bounds.
    """
    chosen = _FORMATS[every]
    for pattern in (chosen, *(finer for finer in _FINER if len(finer) > len(chosen))):
        # not strftime: it writes years before 1000 with fewer digits on some platforms
        suffix = (
            pattern.replace("%Y", f"{lower.year:04d}")
            .replace("%m", f"{lower.month:02d}")
            .replace("%d", f"{lower.day:02d}")
            .replace("%H", f"{lower.hour:02d}")
            .replace("%M", f"{lower.minute:02d}")
            .replace("%S", f"{lower.second:02d}")
        )
        yield fitted(table, suffix)


def number_names(table: str, lower: int, upper: int) -> Iterator[str]:
    """Yield names for a partition of whole numbers: `_n<lower>`, of negative ones `_m<-lower>`."""
    first = f"m{-lower}" if lower < 0 else f"n{lower}"
    yield fitted(table, first)
    yield fitted(table, f"{first}_{f'm{-upper}' if upper < 0 else f'n{upper}'}")


def hash_name(table: str, modulus: int, remainder: int) -> str:
    """Return the name of a hash partition: `_h<remainder>`, as wide as the widest."""
    return fitted(table, f"h{remainder:0{len(str(modulus - 1))}d}")


def names(policy: Policy, lower: Bound, upper: Bound, wall: datetime | None) -> Iterator[str]:
    """Yield the names a range partition may have, best first.

    Parameters
    ----------
    policy : Policy
    lower, upper : Bound
    wall : datetime or None
        What the policy's clock shows at `lower`, for periods of time.

    """
    if policy.every is not None and wall is not None:
        yield from time_names(policy.table, policy.every, wall)
    elif isinstance(lower, int) and isinstance(upper, int):
        yield from number_names(policy.table, lower, upper)


def fitted(table: str, suffix: str) -> str:
    """Return `table_suffix`; of a table whose name is too long a part and a hash of the whole."""
    whole = f"{table}_{suffix}"
    if len(whole.encode()) <= LONGEST:
        return whole
    mark = hashlib.sha256(table.encode()).hexdigest()[:8]
    room = LONGEST - len(f"_{mark}_{suffix}".encode())
    short = table.encode()[:room].decode("utf-8", "ignore")
    return f"{short}_{mark}_{suffix}"
