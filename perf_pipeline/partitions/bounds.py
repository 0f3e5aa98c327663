"""Bounds as PostgreSQL writes them (`FOR VALUES FROM ... TO ...`), read and written; pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from perf_pipeline.partitions.model import Bound

_RANGE: Final = re.compile(r"^FOR VALUES FROM \((?P<lower>.*?)\) TO \((?P<upper>.*?)\)$")
_HASH: Final = re.compile(r"^FOR VALUES WITH \(modulus (\d+), remainder (\d+)\)$")


@dataclass(frozen=True)
class Read:
    """What a text of bounds says; `understood` is False for lists and keys of several columns."""

    understood: bool = True
    lower: Bound | None = None
    upper: Bound | None = None
    modulus: int | None = None
    remainder: int | None = None
    is_default: bool = False


@lru_cache(maxsize=65_536)  # a fleet of tables has the same months
def read(text: str | None) -> Read:
    """Return what `pg_get_expr(relpartbound)` says, in a session in UTC with ISO dates."""
    if text == "DEFAULT":
        return Read(is_default=True)
    match = _HASH.match(text or "")
    if match:
        return Read(modulus=int(match[1]), remainder=int(match[2]))
    match = _RANGE.match(text or "")
    if match:
        try:
            return Read(lower=_value(match["lower"]), upper=_value(match["upper"]))
        except ValueError:
            return Read(understood=False)
    return Read(understood=False)


def _value(text: str) -> Bound | None:
    if text in {"MINVALUE", "MAXVALUE"}:
        return None
    plain = text.strip("'")
    if plain in {"infinity", "-infinity"}:
        return None
    if re.fullmatch(r"-?\d+", plain):
        return int(plain)
    found = datetime.fromisoformat(plain)
    if found.utcoffset():
        raise ValueError(f"{text} is not in UTC")
    return found.replace(tzinfo=None)


def literal(bound: Bound, column_type: str | None) -> str:
    """Return a bound as the text of a literal of the column's type, whatever the session's zone."""
    if isinstance(bound, int):
        return str(bound)
    if column_type == "timestamptz":
        return bound.isoformat(sep=" ") + "+00"
    if column_type == "date":
        return date(bound.year, bound.month, bound.day).isoformat()
    return bound.isoformat(sep=" ")


def shown(lower: Bound | None, upper: Bound | None) -> str:
    """Return `[lower, upper)` for people."""

    def one(bound: Bound | None) -> str:
        if isinstance(bound, datetime):
            midnight = (bound.hour, bound.minute, bound.second, bound.microsecond) == (0, 0, 0, 0)
            return f"{bound:%Y-%m-%d}" if midnight else bound.isoformat(sep=" ")
        return "…" if bound is None else str(bound)

    return f"[{one(lower)}, {one(upper)})"
