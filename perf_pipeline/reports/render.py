"""Turn the facts of a report into one HTML page and into Markdown. Pure: same facts, same bytes."""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape

import jinja2

from perf_pipeline.reports import arrange, svg, units, words
from perf_pipeline.reports.model import (
    Cause,
    Chart,
    Event,
    Finding,
    Incident,
    Report,
    ReportData,
)

#: A page must open at once and travel by mail.
MAX_BYTES = 1_000_000
#: Rows of the findings table in Markdown (Dagster's metadata pane) and its longest text.
MARKDOWN_ROWS = 20
MARKDOWN_LABEL = 72
MARKDOWN_CHART_WIDTH = 720

_HASH_PLACE = '<code id="content-hash">{}</code>'
_NO_HASH = "0" * 64


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


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perf_pipeline.reports", "templates"),
        autoescape=True,
        # every text that a template prints, whoever wrote the template
        finalize=lambda value: units.clean(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ms=units.ms,
        duration=units.duration,
        signed=units.signed_duration,
        count=units.count,
        percent=units.percent,
        bytes=units.size,
        probability=units.probability,
        clock=units.clock,
        clean=units.clean,
        label=words.label,
        tags=words.tags,
        cut=cut,
    )
    environment.globals.update(
        level=words.level,
        metric_name=words.metric_name,
        tier=words.tier,
        factor=words.factor,
        factor_interval=words.factor_interval,
        level_interval=words.level_interval,
        change=words.change,
        cause=words.cause,
        plural=units.plural,
        sparkline=svg.sparkline,
        max_evidence=arrange.MAX_EVIDENCE,
    )
    return environment


def cut(text: str | None, limit: int) -> str:
    """Return the beginning of a text that needs at most `limit` bytes on the page.

    Parameters
    ----------
    text : str or None
        Cleaned here: controls and reordering marks become visible.
    limit : int
        Bytes after escaping, in UTF-8, the mark of the cut not counted.

    """
    shown = units.clean((text or "")[:limit]).strip()
    whole = len(text or "") <= limit
    while len(escape(shown).encode()) > limit:
        whole, shown = False, shown[: max(0, min(len(shown) - 1, len(shown) * 7 // 8))]
    return shown if whole else f"{shown.rstrip()} …"


def content_hash(html: str) -> str:
    """Return the SHA-256 of a page, its own place in it filled with zeros."""
    pattern = re.escape(_HASH_PLACE).replace(r"\{\}", "[0-9a-f]{64}")
    blank = re.sub(pattern, _HASH_PLACE.format(_NO_HASH), html)
    return hashlib.sha256(blank.encode()).hexdigest()


def render(data: ReportData) -> Report:
    """Render a report.

    Parameters
    ----------
    data : ReportData
        In any order of its findings: the page sorts them.

    Returns
    -------
    Report
        HTML below `MAX_BYTES`: with many findings, charts and details are cut to the worst ones,
        and the page says so.

    """
    html = ""
    for limits in LADDER:
        html = page(data, limits)
        if len(html.encode()) < MAX_BYTES:
            break
    digest = content_hash(html)
    html = html.replace(_HASH_PLACE.format(_NO_HASH), _HASH_PLACE.format(digest))
    return Report(
        day=data.day,
        html=html,
        markdown=markdown(data),
        content_hash=digest,
        findings=len(data.findings),
        incidents=len({finding.incident_id for finding in data.findings}),
        regressions=sum(f.severity in {"critical", "warning"} for f in data.findings),
    )


def page(data: ReportData, limits: Limits) -> str:
    """Render the page with the given limits, the place of its hash filled with zeros."""
    order = {f.finding_id: i for i, f in enumerate(arrange.presented(data.findings))}
    groups = tuple(
        Group(
            f"i{number}", incident, tuple(_card(f, order, data, limits) for f in incident.findings)
        )
        for number, incident in enumerate(arrange.incidents(data.findings), 1)
    )
    gains = tuple(_card(f, order, data, limits) for f in arrange.improvements(data.findings))
    template = _environment().get_template("report.html.j2")
    return template.render(
        data=data,
        day=data.day,
        limits=limits,
        headline=arrange.headline(data),
        groups=groups,
        gains=gains,
        cards=[card for group in groups for card in group.cards] + list(gains),
        added=sum(
            f.added_ms_per_day for f in data.findings if f.severity not in {"improvement", "info"}
        ),
        queries=dict(data.queries),
        no_hash=_NO_HASH,
    )


def _card(finding: Finding, order: dict[str, int], data: ReportData, limits: Limits) -> Card:
    place = order[finding.finding_id]
    name, chart = f"f{place + 1}", ""
    events: tuple[Event, ...] = ()
    if place < limits.charts and finding.chart is not None and finding.chart.points:
        events = marked(finding)
        chart = _draw(finding, data.day, name)
    text = cut(finding.statement.text, limits.text)
    shown = len(text) - 2 if text.endswith(" …") else len(text)
    length = max(finding.statement.text_length, len(finding.statement.text or ""))
    left = length - shown if text.endswith(" …") else 0
    return Card(name, finding, chart, events, text, max(0, left), place < limits.cards)


def marked(finding: Finding) -> tuple[Event, ...]:
    """Return the events the finding's chart marks, in the order it numbers them."""
    if finding.chart is None:
        return ()
    return svg.marked_events(finding.chart, finding.onset)


def _draw(
    finding: Finding,
    day: date,
    name: str,
    palette: svg.Palette = svg.INLINE,
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
    lead = _plain(headline.lead)
    if headline.label:
        rest = f": {_code(headline.label)} {_plain(headline.tail)}"
    else:
        rest = _plain(headline.tail)
    cause = f"; likely cause: {_plain(headline.cause)}" if headline.cause else ""
    parts = [f"**{lead}**{rest}{cause}."]
    findings = arrange.presented(data.findings)
    if findings:
        parts.append(_markdown_table(findings[:MARKDOWN_ROWS], data.day))
        left = len(findings) - MARKDOWN_ROWS
        if left > 0:
            parts.append(f"… and {units.plural(left, 'more finding')} in the full report.")
        pictured = next((f for f in findings if f.chart and f.chart.points), None)
        if pictured is not None:
            picture = _draw(pictured, data.day, "f1", svg.FIXED, MARKDOWN_CHART_WIDTH)
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
            _plain(finding.severity),
            _code(words.label(finding.statement, MARKDOWN_LABEL)),
            units.clock(finding.onset, day),
            f"{words.level(finding.metric, finding.old_level)} →"
            f" {words.level(finding.metric, finding.new_level)}",
            _plain(words.change(finding)),
            units.signed_duration(finding.added_ms_per_day),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    folded = escape(" ".join(units.clean(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", folded)


def _code(text: str) -> str:
    """Return text as a code span that nothing in it can end."""
    folded = " ".join(units.clean(text).split()).replace("|", r"\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", folded)), default=0) + 1)
    pad = " " if folded.startswith("`") or folded.endswith("`") else ""
    return f"{fence}{pad}{folded}{pad}{fence}"
