"""Whether a statement's plan changed, as far as its statistics show it; pure.

No server tells the plan of a past execution. What another plan does differently shows in what a
call costs: it visits other blocks for the same rows, spills where it did not, reads a table
sequentially where an index was used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf_pipeline.regressions.events import Event
from perf_pipeline.regressions.summary import short

#: Blocks a call changed by this factor and by so many: the height of two indexes is less.
BLOCKS_RATIO = 2.0
LEAST_BLOCKS = 8.0
#: As many rows: within this factor, or too few to compare.
SAME_ROWS = 1.25
FEW_ROWS = 0.1
#: A table's use flips when rows read sequentially a second change by this factor, at least so many
#: of them, and index scans a second change to the contrary.
FLIP_RATIO = 3.0
FLIP_ROWS = 100.0
#: The data changed, not the plan.
DATA = ("table_grew", "table_shrank", "table_bloated")

Rates = Mapping[str, float]


@dataclass(frozen=True)
class Use:
    """How a table was used before and after; counters per second, None where not known."""

    name: str
    before: Rates | None
    after: Rates | None


def judge(
    time: Mapping[str, Any] | None, uses: Iterable[Use], events: Iterable[Event]
) -> dict[str, Any] | None:
    """Say whether the plan changed at an onset, and what shows it.

    Parameters
    ----------
    time : Mapping or None
        As `decompose.decompose` returns it.
    uses : Iterable of Use
        Of the tables the statement names.
    events : Iterable of Event
        What coincides with the onset: where a table grew, its size explains the blocks.

    Returns
    -------
    dict or None
        `changed` and `evidence`, lines for a reader; None where blocks or rows of a call are not
        known.

    """
    if time is None:
        return None
    each = time["per_call"]
    blocks, rows = each["blocks"], each["rows"]
    if blocks is None or rows is None:
        return None
    jumped = _differs(blocks, BLOCKS_RATIO, LEAST_BLOCKS)
    same = max(rows.values()) <= FEW_ROWS or not _differs(rows, SAME_ROWS, 0.0)
    if not jumped or not same:
        return {"changed": False, "evidence": []}
    evidence = [f"{_span(blocks)} blocks a call for as many rows ({_span(rows)})"]
    grown = [event for event in events if event.kind in DATA]
    if grown:
        evidence += [f"but {event.object} changed: {event.detail}" for event in grown]
        return {"changed": False, "evidence": evidence}
    spilled = each["temp_blocks"]
    if spilled is not None and _differs(spilled, BLOCKS_RATIO, LEAST_BLOCKS):
        evidence.append(f"{_span(spilled)} temporary blocks a call")
    evidence += [line for use in uses if (line := _flip(use))]
    return {"changed": True, "evidence": evidence}


def event(judged: Mapping[str, Any] | None, queryid: int, start: Any, end: Any) -> Sequence[Event]:
    """Return a changed plan as an event at its onset: a cause where nothing explains it."""
    if judged is None or not judged["changed"]:
        return []
    detail = "; ".join(judged["evidence"])
    return [Event("plan_changed", f"queryid {queryid}", None, start, end, detail)]


def _differs(pair: Mapping[str, float], ratio: float, least: float) -> bool:
    low, high = sorted(pair.values())
    return high - low >= least and high > 0 and high >= ratio * low


def _flip(use: Use) -> str | None:
    if use.before is None or use.after is None:
        return None
    old, new = use.before, use.after
    down, up = sorted((old["seq_tup_read"], new["seq_tup_read"]))
    if up < FLIP_ROWS or up < FLIP_RATIO * down:
        return None
    to_sequential = new["seq_tup_read"] > old["seq_tup_read"]
    fewer = new["idx_scan"] < old["idx_scan"]
    if to_sequential != fewer:
        return None
    return (
        f"{use.name}: {short(old['seq_tup_read'])} -> {short(new['seq_tup_read'])} rows read"
        f" sequentially a second, {short(old['idx_scan'])} -> {short(new['idx_scan'])} index scans"
    )


def _span(pair: Mapping[str, float]) -> str:
    return f"{short(pair['before'])} -> {short(pair['after'])}"
