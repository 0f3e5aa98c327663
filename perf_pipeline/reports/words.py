"""How things are said: labels of statements, levels with their unit, changes, causes."""

import re
from datetime import date

from perf_pipeline.reports import units
from perf_pipeline.reports.model import Cause, Finding, Statement

#: Longest label of a statement in a headline or table, in characters.
LABEL = 88

#: metric -> (name, unit, word for a rise, word for a fall)
_METRICS = {
    "mean_exec_time": ("mean time per call", "ms", "slower", "faster"),
    "latency_ms": ("mean latency", "ms", "slower", "faster"),
    "p95_ms": ("95th percentile of latency", "ms", "slower at p95", "faster at p95"),
    "throughput": ("throughput", "/s", "more throughput", "less throughput"),
    "error_rate": ("error rate", "share", "more errors", "fewer errors"),
}
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_SELECT_LIST = re.compile(r"^(SELECT(?:\s+DISTINCT)?)\s.+?\s(FROM\s)", re.IGNORECASE)
#: Zeros at the end of a fraction, its point with them if nothing else is left.
_LAST_ZEROS = re.compile(r"\.0+(?!\d)|(?<=\.\d)0+(?!\d)|(?<=\.\d\d)0+(?!\d)")
#: Tier of a baseline -> which samples it rests on.
_TIERS = {
    "hour_of_week": "at this hour of the week",
    "hour_of_day": "at this hour of the day",
    "all": "at any hour",
    "initial": "in the first samples",
}
#: What can happen to a thing: the end of a cause's kind.
_HAPPENED = {
    *("created", "dropped", "altered", "changed", "renamed", "analyzed", "vacuumed"),
    *("restarted", "upgraded", "replaced", "refreshed", "bloated", "grew", "shrank"),
}
#: Causes that lie in the statement itself.
_OF_ITSELF = {"plan_changed"}


def label(statement: Statement, limit: int = LABEL) -> str:
    """Return one line that names a statement: white space folded, comments and lists cut.

    Parameters
    ----------
    statement : Statement
    limit : int
        Longest result, in characters.

    """
    if not statement.text or not statement.text.strip():
        return f"statement {statement.queryid}"
    # nothing past the first few kilobytes can reach the label
    text = statement.text[: 64 * limit]
    line = " ".join(_COMMENT.sub(" ", text).split()) or " ".join(text.split())
    if len(line) > limit:
        line = _SELECT_LIST.sub(r"\1 … \2", line, count=1)
    line = units.clean(line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def tags(statement: Statement) -> str:
    """Return a statement's tags in one line: `action=edit|show controller=orders`; may be empty."""
    return " ".join(f"{key}={'|'.join(values)}" for key, values in statement.tags)


def unit(metric: str) -> str:
    """Return the unit of a metric's values: `ms`, `/s`, `share`, or nothing when unknown."""
    return _METRICS[metric][1] if metric in _METRICS else ""


def metric_name(metric: str) -> str:
    """Return a metric's name in words: `mean latency`."""
    known = _METRICS.get(metric)
    return known[0] if known else units.clean(" ".join(metric.replace("_", " ").split()))[:40]


def level(metric: str, value: float | None) -> str:
    """Return a value of a metric with its unit."""
    kind = unit(metric)
    if kind == "ms":
        return units.ms(value)
    if kind == "share":
        return units.percent(value)
    return f"{units.number(value)}{kind}" if value is not None else units.NONE


def tick(metric: str, value: float) -> str:
    """Return a round value of an axis with its unit, without the zeros of `level`."""
    return _LAST_ZEROS.sub("", level(metric, value))


def tier(name: str | None) -> str:
    """Return which samples a tier of the baseline rests on."""
    return _TIERS.get(name or "", (name or "").replace("_", " "))


def _ratio(change: float, direction: str) -> float:
    ratio = 1 + change
    if direction == "up":
        return ratio
    return 1 / ratio if ratio > 0 else float("inf")


def factor(finding: Finding) -> str:
    """Return how many times more (or, on the way down, less) the new level is."""
    return units.factor(_ratio(finding.relative_change, finding.direction))


def factor_interval(finding: Finding) -> str:
    """Return the 90 % interval of `factor`, smaller end first."""
    ends = sorted(
        _ratio(change, finding.direction)
        for change in (finding.relative_change_low, finding.relative_change_high)
    )
    return "\N{EN DASH}".join(units.factor(end) for end in ends)


def level_interval(finding: Finding) -> str:
    """Return the 90 % interval of the new level: the old one by the interval of the change."""
    ends = (
        level(finding.metric, finding.old_level * (1 + change))
        for change in (finding.relative_change_low, finding.relative_change_high)
    )
    return " to ".join(ends)


def change(finding: Finding) -> str:
    """Return the change in words: how many times slower, faster, more or less."""
    plain = metric_name(finding.metric)
    _, _, rise, fall = _METRICS.get(finding.metric, ("", "", f"more {plain}", f"less {plain}"))
    return f"{factor(finding)} {rise if finding.direction == 'up' else fall}"


def cause(likely: Cause, day: date | None = None) -> str:
    """Return a cause in words: `index idx_orders_customer dropped by 12:04:09`.

    Parameters
    ----------
    likely : Cause
        A `kind` such as `index_dropped` is read as the thing and what happened to it.
    day : date, optional
        The report's day; instants on it show no date.

    """
    words = likely.kind.replace("_", " ").strip()
    thing, _, happened = words.rpartition(" ")
    # its object is the statement itself, which stands beside it
    target = "" if likely.kind in _OF_ITSELF else units.clean(" ".join(likely.object.split()))
    if thing and happened in _HAPPENED and target:
        words = f"{thing} {target} {happened}"
    elif target:
        words = f"{words} {target}" if words else target
    when = units.instant(likely.at, day)
    # an event is seen at the end of the interval it lies in
    return f"{words} by {when}".strip() if when else words
