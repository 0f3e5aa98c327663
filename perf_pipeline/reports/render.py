"""Turn the facts of a report into one HTML page and into Markdown. Pure: same facts, same bytes."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from perf_pipeline.reports import arrange, cached, drawing, svg, units, words
from perf_pipeline.reports import page as pages
from perf_pipeline.reports.breakdown import Breakdown, breakdown
from perf_pipeline.reports.model import (
    Cause,
    Chart,
    Event,
    Finding,
    Incident,
    Report,
    ReportData,
)

#: Rows of the findings table in Markdown (Dagster's metadata pane) and its longest text.
MARKDOWN_ROWS = 20
MARKDOWN_LABEL = 72
MARKDOWN_CHART_WIDTH = 720


@dataclass(frozen=True)
class Limits:
    """How much detail a page shows; everything cut is said on the page.

    `text` is in bytes of the page, so that no text, however it is escaped, breaks the size.
    """

    charts: int
    cards: int
    rows: int
    changes: int
    text: int


#: Tried in turn until the page is small enough.
LADDER = (
    Limits(charts=12, cards=40, rows=300, changes=60, text=6_000),
    Limits(charts=6, cards=20, rows=200, changes=30, text=3_000),
    Limits(charts=3, cards=5, rows=100, changes=15, text=1_000),
    Limits(charts=1, cards=1, rows=20, changes=5, text=300),
)
#: Findings for which a reader of the store needs to fetch a series, and a query.
MAX_CHARTS = LADDER[0].charts
MAX_CARDS = LADDER[0].cards


@dataclass(frozen=True)
class Card:
    """A finding as the page shows it."""

    name: str
    finding: Finding
    #: SVG, its own texts escaped.
    chart: str
    events: tuple[Event, ...]
    text: str
    text_left: int
    detailed: bool
    breakdown: Breakdown
    #: Of the database's execution time of a day; None where that is not known.
    share: float | None
    #: Whether somebody acknowledged it.
    known: bool


@dataclass(frozen=True)
class Group:
    """An incident as the page shows it."""

    name: str
    incident: Incident
    cards: tuple[Card, ...]

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The likeliest causes."""
        return self.incident.causes[: arrange.MAX_CAUSES]

    @property
    def detailed(self) -> bool:
        """Whether any of its findings is shown in detail."""
        return any(card.detailed for card in self.cards)


def render(data: ReportData) -> Report:
    """Render a report.

    Parameters
    ----------
    data : ReportData
        In any order of its findings: the page sorts them.

    Returns
    -------
    Report
        HTML below `page.MAX_BYTES`: with many findings, charts and details are cut to the worst
        ones, and the page says so.

    """
    html = ""
    for limits in LADDER:
        html = page(data, limits)
        if len(html.encode()) < pages.MAX_BYTES:
            break
    html, digest = pages.hashed(html)
    return Report(
        day=data.day,
        html=html,
        markdown=markdown(data),
        content_hash=digest,
        findings=len(data.findings),
        incidents=len({finding.incident_id for finding in data.findings}),
        regressions=sum(
            f.severity in {"critical", "warning"} and not arrange.acknowledged(f)
            for f in data.findings
        ),
    )


def page(data: ReportData, limits: Limits) -> str:
    """Render the page with the given limits, the place of its hash filled with zeros."""
    order = {f.finding_id: i for i, f in enumerate(arrange.presented(data.findings))}
    incidents = arrange.incidents(data.findings)
    groups = _groups(incidents, 1, order, data, limits)
    known = _groups(
        arrange.incidents(data.findings, known=True), 1 + len(incidents), order, data, limits
    )
    gains = tuple(_card(f, order, data, limits) for f in arrange.improvements(data.findings))
    return pages.template(
        "report.html.j2",
        {
            "data": data,
            "day": data.day,
            "limits": limits,
            "headline": arrange.headline(data),
            "groups": groups,
            "known": known,
            "gains": gains,
            "cards": [card for group in groups + known for card in group.cards] + list(gains),
            "added": sum(
                f.added_ms_per_day
                for f in data.findings
                if f.severity not in {"improvement", "info"} and not arrange.acknowledged(f)
            ),
            "queries": dict(data.queries),
            "cached": cached.totals(data.cached),
            "cached_picture": cached.picture(data.cached, "cached-staleness"),
        },
    )


def _groups(
    incidents: Iterable[Incident],
    first: int,
    order: dict[str, int],
    data: ReportData,
    limits: Limits,
) -> tuple[Group, ...]:
    return tuple(
        Group(
            f"i{number}", incident, tuple(_card(f, order, data, limits) for f in incident.findings)
        )
        for number, incident in enumerate(incidents, first)
    )


def _card(finding: Finding, order: dict[str, int], data: ReportData, limits: Limits) -> Card:
    place = order[finding.finding_id]
    name, chart = f"f{place + 1}", ""
    events: tuple[Event, ...] = ()
    if place < limits.charts and finding.chart is not None and finding.chart.points:
        events = marked(finding)
        chart = _draw(finding, data.day, name)
    text = pages.cut(finding.statement.text, limits.text)
    shown = len(text) - 2 if text.endswith(" …") else len(text)
    length = max(finding.statement.text_length, len(finding.statement.text or ""))
    left = length - shown if text.endswith(" …") else 0
    detailed = place < limits.cards
    return Card(
        name,
        finding,
        chart,
        events,
        text,
        max(0, left),
        detailed,
        breakdown(finding.evidence, data.day) if detailed else Breakdown(),
        share_of_day(finding, data),
        arrange.acknowledged(finding),
    )


def share_of_day(finding: Finding, data: ReportData) -> float | None:
    """Return a finding's added time as a share of the execution time of a whole day.

    The day's execution time is scaled to 24 hours by the time that exact intervals cover, and
    counts what statements called by clients took; None where no time is covered.
    """
    if not (data.coverage.exact_seconds > 0 and data.total_ms > 0):
        return None
    whole = data.total_ms / min(data.coverage.exact_seconds, 86_400.0) * 86_400.0
    return finding.added_ms_per_day / whole


def marked(finding: Finding) -> tuple[Event, ...]:
    """Return the events the finding's chart marks, in the order it numbers them."""
    if finding.chart is None:
        return ()
    return svg.marked_events(finding.chart, finding.onset)


def _draw(
    finding: Finding,
    day: date,
    name: str,
    palette: drawing.Palette = drawing.INLINE,
    width: int | None = None,
) -> str:
    chart = finding.chart or Chart(())
    old, new = (words.level(finding.metric, v) for v in (finding.old_level, finding.new_level))
    onset = units.clock(finding.onset, day)
    happened = "; ".join(
        f"{event.what} by {units.clock(event.ts, day)}" for event in marked(finding)
    )
    return svg.time_series(
        chart,
        onset=finding.onset,
        levels=(finding.old_level, finding.new_level),
        metric=finding.metric,
        name=name,
        title=f"{words.metric_name(finding.metric)} of {words.label(finding.statement)}",
        description=f"{units.plural(len(chart.points), 'sample')}. Around {old} before {onset} UTC,"
        f" around {new} after it: {words.change(finding)}."
        + (f" Events: {happened}." if happened else ""),
        palette=palette,
        width=width,
    )


def markdown(data: ReportData) -> str:
    """Return the report in short: headline, table of findings, picture of the worst one."""
    headline = arrange.headline(data)
    lead = pages.plain(headline.lead)
    if headline.label:
        rest = f": {pages.code(headline.label)} {pages.plain(headline.tail)}"
    else:
        rest = pages.plain(headline.tail)
    cause = f"; likely cause: {pages.plain(headline.cause)}" if headline.cause else ""
    parts = [f"**{lead}**{rest}{cause}."]
    findings = arrange.presented(data.findings)
    if findings:
        parts.append(_markdown_table(findings[:MARKDOWN_ROWS], data.day))
        left = len(findings) - MARKDOWN_ROWS
        if left > 0:
            parts.append(f"… and {units.plural(left, 'more finding')} in the full report.")
        pictured = next((f for f in findings if f.chart and f.chart.points), None)
        if pictured is not None:
            picture = _draw(pictured, data.day, "f1", drawing.FIXED, MARKDOWN_CHART_WIDTH)
            encoded = base64.b64encode(picture.encode()).decode()
            parts.append(f"![series of the worst finding](data:image/svg+xml;base64,{encoded})")
    covered = units.percent(data.coverage.exact_seconds / 86_400)
    parts.append(
        f"{units.plural(data.coverage.sweeps, 'sweep')}, {covered} of the day exact;"
        f" {units.count(data.judgement.unjudged)} of"
        f" {units.plural(data.judgement.statements, 'statement')} without enough data to judge."
    )
    return "\n\n".join(parts) + "\n"


def _markdown_table(findings: Iterable[Finding], day: date) -> str:
    lines = [
        "| severity | statement | since (UTC) | before → after | change | added per day |",
        "|---|---|---|---:|---:|---:|",
    ]
    for finding in findings:
        cells = (
            pages.plain(finding.severity),
            pages.code(words.label(finding.statement, MARKDOWN_LABEL)),
            units.clock(finding.onset, day),
            f"{words.level(finding.metric, finding.old_level)} →"
            f" {words.level(finding.metric, finding.new_level)}",
            pages.plain(words.change(finding)),
            units.signed_duration(finding.added_ms_per_day),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
