"""Turn the facts of a week or month into HTML and Markdown. Pure: same facts, same bytes."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from perf_pipeline.reports import bars, units, words
from perf_pipeline.reports import page as pages
from perf_pipeline.reports.comparison import render as comparison
from perf_pipeline.reports.period import MONTHLY
from perf_pipeline.reports.period.model import (
    LIMITS,
    Day,
    Limit,
    Outcome,
    PeriodData,
    PeriodReport,
    Trend,
)

MARKDOWN_ROWS: Final = 10
MARKDOWN_LABEL: Final = 72
MARKDOWN_WIDTH: Final = 720
#: A trend is told when it moves a value by this share of its mean over 30 days.
TOLD_TREND: Final = 0.05

_TITLES: Final = {"weekly": "Weekly report", "monthly": "Monthly report"}


@dataclass(frozen=True)
class Limits:
    """How much a page shows; everything cut is said on the page. `text` is in bytes."""

    rows: int
    changes: int
    changed: int


LADDER: Final = (
    Limits(rows=200, changes=60, changed=25),
    Limits(rows=80, changes=20, changed=15),
    Limits(rows=20, changes=5, changed=5),
)


@dataclass(frozen=True)
class Sla:
    """A service level over the days: how many kept it, and the worst."""

    name: str
    limit: str
    measured: int
    kept: int
    worst: str
    worst_day: str


def title(data: PeriodData) -> str:
    """Return what the page is: `Weekly report`, `Monthly report`."""
    return _TITLES[data.period.kind]


def level(limit: Limit, value: float | None) -> str:
    """Return a figure of a service level in words."""
    return units.percent(value) if limit.unit == "share" else units.ms(value)


def slas(days: Sequence[Day]) -> tuple[Sla, ...]:
    """Return on how many days each service level was kept."""
    found = []
    for limit in LIMITS:
        known = [(getattr(day, limit.name), day.day) for day in days]
        measured = [(value, day) for value, day in known if value is not None]
        worst = (min if limit.above else max)(measured, default=None)
        word = "above" if limit.above else "below"
        found.append(
            Sla(
                limit.text,
                f"{word} {level(limit, limit.limit)}",
                len(measured),
                sum(bool(limit.kept(value)) for value, _ in measured),
                level(limit, worst[0]) if worst else units.NONE,
                worst[1].isoformat() if worst else "",
            )
        )
    return tuple(found)


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many regressions were found, resolved, and are open at the end.

    Those that somebody called expected, or false, count in none of these.
    """
    counted = [outcome for outcome in outcomes if outcome.counts]
    return {
        "found": sum(outcome.found for outcome in counted),
        "resolved": sum(outcome.state == "resolved" for outcome in counted),
        "open": sum(outcome.state == "open" for outcome in counted),
        "said": len(outcomes) - len(counted),
    }


def headline(data: PeriodData) -> str:
    """Return the period in one sentence."""
    place = f"{data.target}, {data.period}"
    if data.source is None:
        return f"Nothing is known of {place}: no sweep and no rollup"
    judged = sum(day.judged for day in data.days)
    if not judged and not data.outcomes:
        return f"No verdict for {place}: the findings of none of its days were computed"
    amounts = counts(data.outcomes)
    told = (
        f"{units.plural(amounts['found'], 'regression')} found, {amounts['resolved']} resolved,"
        f" {amounts['open']} open at the end"
        if any(outcome.counts for outcome in data.outcomes)
        else "no regression found, none was open"
    )
    if amounts["said"]:
        told += f", {amounts['said']} expected or false"
    change = ""
    if data.comparison is not None:
        a, b = data.comparison.totals
        more = comparison.relative(a.exec_ms, b.exec_ms)
        if more != units.NONE:
            change = f"; execution time {more} against the {_before(data)} before"
    return f"{place}: {told}{change}"


def _before(data: PeriodData) -> str:
    return "month" if data.period.kind == MONTHLY else "week"


def trend(value: Trend | None, kind: str, mean: float | None) -> str:
    """Return a trend in words; empty where there is none to tell."""
    if value is None or not mean:
        return ""
    share = value.per_day * 30 / mean
    if abs(share) < TOLD_TREND:
        return f"steady over {value.days} days"
    if not value.clear:
        return f"no clear trend over {value.days} days"
    sign = "+" if value.per_day > 0 else ""
    figure = units.size(value.per_day) if kind == "bytes" else units.duration(value.per_day)
    text = f"{sign}{figure} a day over {value.days} days"
    if value.doubling_days is not None and value.doubling_days < 3650:
        text += f"; at this rate doubled in {units.count(round(value.doubling_days))} days"
    return text


def render(data: PeriodData) -> PeriodReport:
    """Render a weekly or monthly report: HTML below `page.MAX_BYTES`."""
    html = ""
    for limits in LADDER:
        html = _page(data, limits)
        if len(html.encode()) < pages.MAX_BYTES:
            break
    html, digest = pages.hashed(html)
    amounts = counts(data.outcomes)
    return PeriodReport(
        data.period.first,
        html,
        markdown(data),
        digest,
        amounts["found"],
        amounts["resolved"],
        amounts["open"],
    )


def _page(data: PeriodData, limits: Limits) -> str:
    known = [day for day in data.days if day.sweeps or day.exec_ms is not None]
    sizes = [day.database_bytes for day in data.days if day.database_bytes is not None]
    times = [day.exec_ms for day in data.days if day.exec_ms is not None]
    return pages.template(
        "period.html.j2",
        {
            "data": data,
            "title": title(data),
            "headline": headline(data),
            "counts": counts(data.outcomes),
            "limits": limits,
            "chart": _chart(data, "p") if known else "",
            "known": known,
            "judged": sum(day.judged for day in data.days),
            "slas": slas(data.days),
            "changed": _changed(data, limits),
            "tally": comparison.tally(data.comparison) if data.comparison else {},
            "relative": comparison.relative,
            "sizes": sizes,
            "size_trend": trend(data.size_trend, "bytes", _mean(sizes)),
            "time_trend": trend(data.time_trend, "ms", _mean(times)),
            "before": _before(data),
            "extremes": _extremes(data),
            "calibration": _calibration(data),
            "monthly": data.period.kind == MONTHLY,
            "queries": dict(data.queries),
        },
    )


def _calibration(data: PeriodData) -> str:
    """Return how right the detector is here, in a sentence; empty where it was not measured."""
    found = data.calibration
    if found is None:
        return ""
    parts = []
    if found.false_alarms is not None:
        rate, low, high = (units.number(value) for value in found.false_alarms)
        alarms = f"{rate} false alarms per 1,000 statements and days"
        parts.append(f"{alarms} (95 % interval {low} to {high})")
    if found.found:
        told = ", ".join(f"{units.percent(s)} of those {units.factor(f)}" for f, s in found.found)
        parts.append(f"of injected rises it finds {told}")
    return f"On this history up to {found.as_of}, the detector makes {'; '.join(parts)}."


def _extremes(data: PeriodData) -> tuple[str, str] | None:
    """Return the least and the largest execution time of a day in words, None for too few."""
    known = sorted((day.exec_ms, day.day) for day in data.days if day.exec_ms is not None)
    if len(known) < 2:
        return None
    low, high = known[0], known[-1]
    return f"{units.duration(low[0])} on {low[1]}", f"{units.duration(high[0])} on {high[1]}"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _changed(data: PeriodData, limits: Limits) -> list[dict[str, Any]]:
    """Return the statements whose cost changed most against the period before."""
    found = data.comparison
    if found is None:
        return []
    client = found.statements.filter(pl.col("toplevel"))
    return [
        {"row": row, "statement": found.statement(row), "verdict": comparison.verdict(row)}
        for row in client.head(limits.changed).to_dicts()
    ]


def _chart(data: PeriodData, name: str, width: int | None = None) -> str:
    values = [(day.day, day.exec_ms) for day in data.days]
    marks = [day.found for day in data.days]
    told = "; ".join(f"{day}: {units.duration(value)}" for day, value in values)
    found = "; ".join(f"{day.day}: {day.found}" for day in data.days if day.found)
    told = f"Execution time by day. {told}." + (f" Regressions found: {found}." if found else "")
    return bars.days(values, marks, told, name, width)


def markdown(data: PeriodData) -> str:
    """Return the report in short: headline, regressions, cost, a picture."""
    parts = [f"**{pages.plain(headline(data))}.**"]
    rows = data.outcomes[:MARKDOWN_ROWS]
    if rows:
        lines = [
            "| regression | severity | first told | size | added per day | at the end |",
            "|---|---|---|---:|---:|---|",
        ]
        for outcome in rows:
            finding = outcome.finding
            cells = (
                pages.code(words.label(finding.statement, MARKDOWN_LABEL)),
                pages.plain(finding.severity),
                outcome.first_told.isoformat(),
                pages.plain(words.change(finding)),
                units.signed_duration(finding.added_ms_per_day),
                pages.plain(outcome.said if not outcome.counts else outcome.state),
            )
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines))
        if len(data.outcomes) > len(rows):
            left = len(data.outcomes) - len(rows)
            parts.append(f"… and {units.count(left)} more in the full report.")
    if data.top:
        lines = ["| statement | calls | total | share |", "|---|---:|---:|---:|"]
        lines += [
            f"| {pages.code(words.label(cost.statement, MARKDOWN_LABEL))} |"
            f" {units.count(cost.calls)} | {units.duration(cost.total_ms)} |"
            f" {units.percent(cost.share)} |"
            for cost in data.top[:5]
        ]
        parts.append("\n".join(lines))
        picture = base64.b64encode(_chart(data, "p", MARKDOWN_WIDTH).encode()).decode()
        parts.append(f"![execution time by day](data:image/svg+xml;base64,{picture})")
    kept = "; ".join(
        f"{pages.plain(sla.name)}: kept on {sla.kept} of {sla.measured} days"
        for sla in slas(data.days)
    )
    judged = sum(day.judged for day in data.days)
    parts.append(
        f"{units.percent(data.covered)} of the time exact; {judged} of"
        f" {units.plural(len(data.days), 'day')} judged. {kept}."
    )
    return "\n\n".join(parts) + "\n"
