"""One sentence that says what a finding's change of time is made of; pure."""

from collections.abc import Mapping
from typing import Any

#: A part of the change of time per call is named from this share on, a second one from the next.
NAMED_SHARE = 0.2
SECOND_SHARE = 0.25
#: The share of the total that is no longer "all" of it.
NEARLY_ALL = 0.9
#: Figures per call are told when they changed by this factor; planning when it changed by so much
#: of what execution did.
TOLD_RATIO = 1.5
TOLD_PLANNING = 0.1
#: A wait is told when its share of a statement's samples rose by so much.
TOLD_WAIT = 0.2

_PARTS = {
    "read": "reading blocks",
    "write": "writing blocks",
    "io": "reading and writing blocks",
    "jit": "compiling (JIT)",
    "rest": "computing and waits that nobody times",
}
#: Figures per call that explain a part, and those told besides, whatever the part.
_BY_PART = {
    "read": "blocks_read",
    "write": "blocks_written",
    "io": "blocks_read",
    "rest": "blocks",
    "untold": "blocks",
}
#: What is too little of a figure, per call, to be worth a word.
_LITTLE = {"wal_bytes": 100.0}
_UNITS = {
    "blocks_read": "blocks read",
    "blocks_written": "blocks written",
    "blocks": "blocks",
    "temp_blocks": "temporary blocks",
    "wal_bytes": "bytes of WAL",
}

Pair = Mapping[str, float]


def sentence(
    time: Mapping[str, Any] | None,
    direction: str,
    waits: Mapping[str, Any] | None = None,
) -> str | None:
    """Return what a change is made of, None when it could not be split.

    Parameters
    ----------
    time : Mapping or None
        As `decompose.decompose` returns it.
    direction : str
        `up` or `down`, of the time per call.
    waits : Mapping, optional
        As `waits.compare` returns it.

    Returns
    -------
    str or None
        For example: "97 % of the rise is time per call (0.41 -> 8.2 ms); of that 92 % is reading
        blocks: 3.1 -> 812 blocks read a call".

    """
    if time is None:
        return None
    clauses = [_calls_or_time(time, direction), *_within(time), *_besides(time), *_waits(waits)]
    return "; ".join(clauses)


def _calls_or_time(time: Mapping[str, Any], direction: str) -> str:
    change = time["change_ms_per_day"]
    of_calls, of_time = change["from_calls"], change["from_time_per_call"]
    total = of_calls + of_time
    calls, mean = time["calls_per_day"], time["per_call"]["exec_ms"]
    each = f"({_span(mean)} ms)"
    run = f"{'more' if of_calls > 0 else 'fewer'} calls ({_span(calls)} a day)"
    noun = "rise" if direction == "up" else "fall"
    rising = direction == "up"
    sign = 1 if rising else -1
    if of_time * sign <= 0:  # the level's own mean went the other way: few, uneven calls
        return f"time per call {each}, {run}"
    if total * sign <= 0:
        made = "fall" if rising else "rise"
        return (
            f"time per call {'rose' if rising else 'fell'} {each}, but {run} made the total {made}"
        )
    share = of_time / total
    if share > 1:
        opposed = f", with {run}" if abs(of_calls) > 0.05 * abs(of_time) else ""
        return f"all of the {noun} is time per call {each}{opposed}"
    rest = f", the rest is {run}" if share < NEARLY_ALL else ""
    return f"{_percent(share)} of the {noun} is time per call {each}{rest}"


def _within(time: Mapping[str, Any]) -> list[str]:
    parts = [part for part in time["parts"] if part["share"] >= NAMED_SHARE]
    told = parts[:1] + [part for part in parts[1:2] if part["share"] >= SECOND_SHARE]
    clauses = []
    for number, part in enumerate(told):
        name = _BY_PART.get(part["part"])
        amount = _changed(time, name) if name else None
        if part["part"] == "untold":
            clauses.append("its I/O is not timed" + (f": {amount}" if amount else ""))
            continue
        lead = "of that " if number == 0 else ""
        text = f"{lead}{_percent(part['share'])} is {_PARTS[part['part']]}"
        clauses.append(text + (f": {amount}" if amount else ""))
    return clauses


def _changed(time: Mapping[str, Any], name: str) -> str | None:
    pair: Pair | None = time["per_call"].get(name)
    if pair is None:
        return None
    low, high = sorted(pair.values())
    if high < _LITTLE.get(name, 0.1) or (low > 0 and high / low < TOLD_RATIO):
        return None
    return f"{_span(pair)} {_UNITS[name]} a call"


def _besides(time: Mapping[str, Any]) -> list[str]:
    told = [text for name in ("temp_blocks", "wal_bytes") if (text := _changed(time, name))]
    plan, mean = time["per_call"]["plan_ms"], time["per_call"]["exec_ms"]
    if plan is not None:
        change = plan["after"] - plan["before"]
        if abs(change) >= TOLD_PLANNING * abs(mean["after"] - mean["before"]) > 0:
            told.append(f"planning takes {_span(plan)} ms a call besides")
    return told


def _waits(waits: Mapping[str, Any] | None) -> list[str]:
    if not waits:
        return []
    for wait in waits["by_type"]:
        before, after = wait["before"], wait["after"]
        if wait["type"] == "running" or after is None or after - (before or 0.0) < TOLD_WAIT:
            continue
        known = (
            f"{_percent(before)} before"
            if before is not None
            else "before it was hardly ever seen at work"
        )
        return [f"{_percent(after)} of its samples wait for {wait['type']} ({known})"]
    return []


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _span(pair: Pair) -> str:
    return f"{short(pair['before'])} -> {short(pair['after'])}"


def about(value: float) -> str:
    """Return a number that is known within a few per cent: two significant digits."""
    return f"about {short(float(f'{value:.2g}'))}"


def short(value: float) -> str:
    """Return a number with three significant digits, whole from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
