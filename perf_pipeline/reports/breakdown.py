"""What a finding's evidence holds, made ready to show; pure.

The evidence is JSON whose fields grow with what is measured ([findings](../../docs/findings.md)).
What is known by name is shown by name; anything else is shown by its own words. What is null was
not told by the server, and is said to be unknown: an absent figure is never a zero.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeGuard

from perf_pipeline.reports import units

#: Figures and other facts shown of one finding, characters of a text, levels of nesting.
MAX_ROWS = 24
MAX_FACTS = 12
MAX_TEXT = 300
MAX_DEPTH = 4
#: Parts whose sum is within this share of the whole are all of it.
WHOLE = 0.02

_NAMES = {
    "calls_per_day": "calls per day",
    "total_ms_per_day": "time per day",
    "exec_ms": "execution",
    "io_ms": "reading and writing blocks",
    "jit_ms": "JIT",
    "plan_ms": "planning",
    "rest_ms": "computing, and waits that nobody times",
    "read_ms": "reading blocks",
    "write_ms": "writing blocks",
    "untold": "I/O, computing and waits, not told apart",
    "wal_bytes": "WAL",
    "blocks": "shared blocks",
    "blocks_read": "shared blocks read",
    "blocks_dirtied": "shared blocks dirtied",
    "blocks_written": "shared blocks written",
    "local_blocks": "blocks of temporary tables",
    "wal_records": "WAL records",
    "temp_blocks": "temporary blocks",
    "samples_before": "samples before",
    "samples_after": "samples after",
    "began_between": "began between",
}
#: Of a call's time, but not part of its execution.
_BESIDE = {"exec_ms", "plan_ms"}
#: What of a part is told more finely by others.
_FINER = {"io_ms": ("read_ms", "write_ms")}
#: Told elsewhere on the page, or read by name.
_SILENT = {"leads", "summary", "feedback", "parts", "by_type", "incident"}


@dataclass(frozen=True)
class Figure:
    """A figure before and after the onset; `share` is its part of the rise of the whole."""

    name: str
    before: str
    after: str
    change: str
    share: float | None = None


@dataclass(frozen=True)
class Said:
    """What somebody said of a finding: `at` is an instant as text."""

    verdict: str
    by: str
    at: str
    reason: str


@dataclass(frozen=True)
class Breakdown:
    """A finding's evidence as a page shows it.

    Attributes
    ----------
    from_calls, from_time_per_call : float or None
        The change of time per day, split: ms.
    parts : tuple of Figure
        What a call's execution time consists of.
    figures : tuple of Figure
        All other figures before and after.
    facts : tuple of (name, text)
    unknown : tuple of str
        What the server does not tell.
    summary : str
        What the change is made of, in a sentence; empty where it could not be split.
    waits : tuple of Figure
        Shares of the samples in which the statement was seen to wait, or to run.
    said : Said or None
        What somebody said of the finding.

    """

    from_calls: float | None = None
    from_time_per_call: float | None = None
    parts: tuple[Figure, ...] = ()
    figures: tuple[Figure, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    summary: str = ""
    waits: tuple[Figure, ...] = ()
    said: Said | None = None

    @property
    def calls_share(self) -> float | None:
        """Part of the change that came with the number of calls; None where they work apart."""
        calls, each = self.from_calls, self.from_time_per_call
        if calls is None or each is None or calls * each < 0 or not calls + each:
            return None
        return calls / (calls + each)


@dataclass(frozen=True)
class _Pair:
    path: tuple[str, ...]
    before: float
    after: float


def breakdown(evidence: object, day: date | None = None) -> Breakdown:
    """Return what a finding's evidence says.

    Parameters
    ----------
    evidence : object
        The decoded JSON; what is no object says nothing.
    day : date, optional
        The report's day; instants on it show no date.

    """
    if not isinstance(evidence, Mapping):
        return Breakdown()
    pairs: list[_Pair] = []
    facts: list[tuple[str, str]] = []
    unknown: list[str] = []
    split: dict[str, float] = {}
    for path, value in _leaves(evidence):
        if path[-1] in _SILENT or path[0] in _SILENT:
            continue
        if isinstance(value, _Pair):
            pairs.append(value)
        elif path[-1] in {"from_calls", "from_time_per_call"} and _is_number(value):
            split[path[-1]] = float(value)
        elif value is None:
            # a whole group that is null did not happen; a figure of a group is not known
            unknown += [_name(path)] if len(path) > 1 else []
        elif (text := _text(path[-1], value, day)) is not None:
            facts.append((_name(path), text))
    whole = next((p for p in pairs if p.path[-2:] == ("per_call", "exec_ms")), None)
    parts = [p for p in pairs if p.path[-2:-1] == ("per_call",) and _is_part(p.path[-1])]
    names = {p.path[-1] for p in parts}
    finer = {coarse for coarse, fine in _FINER.items() if names.issuperset(fine)}
    parts = [p for p in parts if p.path[-1] not in finer]
    complete = whole is not None and all(
        math.isclose(sum(side), full, rel_tol=WHOLE)
        for side, full in (
            ([p.before for p in parts], whole.before),
            ([p.after for p in parts], whole.after),
        )
    )
    rise = whole.after - whole.before if whole is not None and complete else None
    # the store's JSON has an order of its own: the largest change comes first
    parts.sort(key=lambda p: (-abs(p.after - p.before), p.path))
    others = [p for p in pairs if p not in parts and p.path[-1] not in finer]
    summary = evidence.get("summary")
    return Breakdown(
        split.get("from_calls"),
        split.get("from_time_per_call"),
        tuple(_figure(p, rise) for p in parts[:MAX_ROWS]),
        tuple(_figure(p) for p in others[:MAX_ROWS]),
        tuple(facts[:MAX_FACTS]),
        tuple(dict.fromkeys(unknown[:MAX_ROWS])),
        summary[: 2 * MAX_TEXT] if isinstance(summary, str) else "",
        _waits(evidence.get("waits")),
        said(evidence),
    )


def why(evidence: object) -> str:
    """Return why findings are one incident: `cause`, `database`, `unstable`, `finding`, or ``."""
    known = evidence.get("incident") if isinstance(evidence, Mapping) else None
    found = known.get("why") if isinstance(known, Mapping) else None
    return found if isinstance(found, str) else ""


def said(evidence: object) -> Said | None:
    """Return what somebody said of a finding, None where nobody did."""
    known = evidence.get("feedback") if isinstance(evidence, Mapping) else None
    if not isinstance(known, Mapping) or not isinstance(known.get("verdict"), str):
        return None
    verdict, by, at, reason = (
        str(known.get(name) or "")[:MAX_TEXT] for name in ("verdict", "by", "at", "reason")
    )
    return Said(verdict, by, at, reason)


def _waits(waits: object) -> tuple[Figure, ...]:
    kinds = waits.get("by_type") if isinstance(waits, Mapping) else None
    found = []
    for kind in kinds[:MAX_ROWS] if isinstance(kinds, list) else []:
        if not isinstance(kind, Mapping):
            continue
        sides = [kind.get("before"), kind.get("after")]
        known = [float(side) for side in sides if _is_number(side)]
        if not known:
            continue
        event = f": {kind['event']}" if kind.get("event") else ""
        name = f"{kind.get('type') or 'not told'}{event}"[:MAX_TEXT]
        # a statement that was hardly ever seen at work has no shares
        shown = [units.percent(float(s)) if _is_number(s) else "unknown" for s in sides]
        points = (known[-1] - known[0]) * 100
        sign = "+" if points > 0 else ""
        change = f"{sign}{units.number(points)} points" if points else "none"
        change = change if len(known) > 1 else ""
        found.append(Figure(name, shown[0], shown[1], change))
    return tuple(found)


def _leaves(value: Mapping[Any, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    for key, item in value.items():
        here = (*path, str(key))
        if isinstance(item, Mapping) and set(item) == {"before", "after"}:
            if _is_number(item["before"]) and _is_number(item["after"]):
                yield here, _Pair(here, float(item["before"]), float(item["after"]))
            else:
                yield here, None
        elif isinstance(item, Mapping) and len(here) < MAX_DEPTH:
            yield from _leaves(item, here)
        else:
            yield here, item


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_part(name: str) -> bool:
    return name.endswith("_ms") and name not in _BESIDE


def _name(path: tuple[str, ...]) -> str:
    last = path[-1]
    known = _NAMES.get(last)
    if known is None:
        base = last.removesuffix("_ms").removesuffix("_bytes")
        known = units.clean(" ".join(base.replace("_", " ").split()))[:60]
    if path[-2:-1] == ("per_call",) and not _is_part(last):
        return f"{known} per call"
    if len(path) > 1 and path[-2] not in {"time", "per_call", "change_ms_per_day"}:
        group = units.clean(" ".join(path[-2].replace("_", " ").split()))[:60]
        return f"{group}: {known}"
    return known


def _value(name: str, value: float) -> str:
    if name.endswith("ms_per_day"):
        return units.duration(value)
    if name.endswith("_ms"):
        return units.ms(value)
    if name.endswith("bytes"):
        return units.size(value)
    if name.endswith(("_share", "_ratio")):
        return units.percent(value)
    return units.count(value)


def _figure(pair: _Pair, rise: float | None = None) -> Figure:
    name, change = pair.path[-1], pair.after - pair.before
    sign = "+" if change > 0 else ""
    return Figure(
        _name(pair.path),
        _value(name, pair.before),
        _value(name, pair.after),
        f"{sign}{_value(name, change)}" if change else "none",
        change / rise if rise else None,
    )


def _text(name: str, value: object, day: date | None) -> str | None:
    """Return a fact in words, None where there is nothing to say."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_number(value):
        return _value(name, float(value))
    if isinstance(value, str):
        return units.instant(value[:MAX_TEXT], day) or None
    if isinstance(value, list):
        shown = [text for item in value[:MAX_FACTS] if (text := _text(name, item, day))]
        joiner = " and " if len(value) == 2 else "; "
        return joiner.join(shown)[:MAX_TEXT] or None
    if isinstance(value, Mapping):
        inner = (
            f"{_name((str(key),))} {text}"
            for key, item in value.items()
            if (text := _text(str(key), item, day)) is not None
        )
        return ", ".join(inner)[:MAX_TEXT] or None
    return None
