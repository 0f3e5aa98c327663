"""Reports of load tests as one HTML page or as Markdown. Pure: same facts, same bytes."""

import base64
from dataclasses import dataclass
from typing import Any, Final

from perf_pipeline.reports import page as pages
from perf_pipeline.reports import units
from perf_pipeline.reports.loadtests import pictures, say
from perf_pipeline.reports.loadtests.model import Line, RangeReport, Row, RunReport
from perf_pipeline.reports.loadtests.trend import MINIMUM

MARKDOWN_ROWS: Final = 10
MARKDOWN_WIDTH: Final = 720
_LABEL: Final = 90


@dataclass(frozen=True)
class Limits:
    """How much a page shows; everything cut is said on the page. `text` is in bytes."""

    rows: int
    charts: int
    events: int
    text: int


LADDER: Final = (
    Limits(rows=200, charts=20, events=200, text=4_000),
    Limits(rows=80, charts=8, events=60, text=1_500),
    Limits(rows=30, charts=3, events=20, text=400),
)


def _smallest(render: Any, report: Any) -> str:
    made = ""
    for limits in LADDER:
        made = render(report, limits)
        if len(made.encode()) < pages.MAX_BYTES:
            break
    return pages.hashed(made)[0]


def run_html(report: RunReport) -> str:
    """Render the report of one execution as one page below `page.MAX_BYTES`."""
    return _smallest(_run_page, report)


def range_html(report: RangeReport) -> str:
    """Render the report of a range as one page below `page.MAX_BYTES`."""
    return _smallest(_range_page, report)


def levels(report: RunReport) -> list[tuple[float, str]]:
    """Return what of p95 is normal, by each baseline that the verdict looked at."""
    return [
        (each["p95_ms"], f"{each['baseline_type']} {units.ms(each['p95_ms'])}")
        for each in report.facts.baselines
    ]


def _run_page(report: RunReport, limits: Limits) -> str:
    row = report.row
    told = row["comparison"] or {}
    events = list(report.facts.events)
    cut = max(0, len(events) - limits.events)
    half = limits.events // 2
    shown = events if not cut else events[:half] + events[-half:]
    changed = {each.name: each for each in report.operations}
    return pages.template(
        "loadtest.html.j2",
        {
            "report": report,
            "row": row,
            "say": say,
            "limits": limits,
            "headline": say.run_headline(report),
            "latency": pictures.latency(report.facts, "latency"),
            "throughput": pictures.throughput(report.facts, "throughput"),
            "history": pictures.history(
                report.facts.history,
                "history",
                marked=row["execution_id"],
                levels=levels(report),
            ),
            "reason": told.get("reason") or "",
            "differs": say.differing(row),
            "broken": row["metadata"].get("broken_limits") or [],
            "changed": changed if report.facts.normal is not None else {},
            "gone": [each for each in report.operations if each.verdict == "gone"],
            "events": [(each["ts"], *say.event(each)) for each in shown],
            "events_cut": len(events) - len(shown),
            "conditions": _conditions(row),
        },
    )


def _conditions(row: Row) -> list[tuple[str, str]]:
    """Return under what the run ran, in words."""
    found = [
        ("PostgreSQL", str(row["database_version"])),
        ("Sessions", units.count(row["connections"])),
        ("Users", units.count(row["concurrent_users"])),
        ("Size of the database", units.size(row["data_bytes"])),
        ("Commit", row["commit_sha"] or units.NONE),
        ("Branch", row["branch"] or units.NONE),
    ]
    found += [(name.replace("_", " "), str(v)) for name, v in sorted(row["hardware"].items())]
    return [*found, *((name, str(v)) for name, v in sorted(row["settings"].items()))]


def _range_page(report: RangeReport, limits: Limits) -> str:
    return pages.template(
        "loadtests.html.j2",
        {
            "report": report,
            "say": say,
            "limits": limits,
            "headline": say.range_headline(report),
            "charts": [
                pictures.history(line.rows, f"h{number}")
                for number, line in enumerate(report.lines[: limits.charts])
            ],
            "minimum": MINIMUM,
        },
    )


def run_markdown(report: RunReport) -> str:
    """Return one execution in short: headline, figures, comparison, operations, advice, picture."""
    row = report.row
    parts = [f"**{pages.plain(say.run_headline(report))}.**"]
    parts.append(
        _table(
            ("metric", "value", "room to the limit"),
            [
                (
                    say.metric(name),
                    say.value(name, row[name]),
                    next(
                        (units.percent(each.share) for each in report.room if each.metric == name),
                        "",
                    ),
                )
                for name in say.METRICS
            ],
        )
    )
    if report.compared:
        parts.append(
            _table(
                ("against", "metric", "now", "normal", "change", "outcome"),
                [
                    (
                        each["baseline_type"],
                        say.metric(each["metric"]),
                        say.value(each["metric"], each["current"]),
                        say.value(each["metric"], each["baseline"]),
                        say.change(each),
                        each["outcome"],
                    )
                    for each in report.compared
                ],
            )
        )
    changed = [each for each in report.operations if each.verdict in {"worse", "better", "gone"}]
    if changed:
        parts.append(
            _table(
                ("operation", "p95", "normal", "change", ""),
                [
                    (
                        each.name,
                        units.ms(each.current),
                        units.ms(each.normal),
                        say.relative(each.change),
                        say.verdict(each),
                    )
                    for each in changed[:MARKDOWN_ROWS]
                ],
            )
        )
    if report.statements:
        parts.append(
            _table(
                ("statement", "calls", "per call", "of the time", "impact", "change"),
                [
                    (
                        pages.code((each.row["query"] or each.row["query_hash"])[:_LABEL]),
                        units.count(each.row["calls"]),
                        units.ms(each.row["mean_ms"]),
                        units.percent(each.share),
                        each.impact,
                        say.relative(each.against.change) if each.against else units.NONE,
                    )
                    for each in report.statements
                ],
            )
        )
    parts.append(_advice(report.advice))
    parts += _picture(pictures.latency(report.facts, "latency", MARKDOWN_WIDTH), "latency")
    return "\n\n".join(parts) + "\n"


def range_markdown(report: RangeReport) -> str:
    """Return a range in short: headline, one row a test, regressions, slow statements."""
    parts = [f"**{pages.plain(say.range_headline(report))}.**"]
    if report.lines:
        parts.append(
            _table(
                ("test", "where", "runs", "health", "healthy", "p95", "trend of p95"),
                [
                    (
                        pages.plain(line.name),
                        pages.plain(line.place),
                        units.count(len(line.rows)),
                        say.word(line.health),
                        score(line),
                        units.ms(line.newest["p95_ms"]),
                        pages.plain(say.trend(say.metric_trend(line, "p95_ms"))),
                    )
                    for line in report.lines[:MARKDOWN_ROWS]
                ],
            )
        )
        left = len(report.lines) - MARKDOWN_ROWS
        if left > 0:
            parts.append(f"… and {units.plural(left, 'more test')} in the full report.")
    if report.issues:
        parts.append(
            _table(
                ("slow statement", "calls", "per call", "in all", "impact"),
                [
                    (
                        pages.code((each.query or each.query_hash)[:_LABEL]),
                        units.count(each.calls),
                        units.ms(each.mean_ms),
                        units.duration(each.total_ms),
                        each.impact,
                    )
                    for each in report.issues[:MARKDOWN_ROWS]
                ],
            )
        )
    if report.lines:
        first = report.lines[0]
        parts += _picture(
            pictures.history(first.rows, "history", width=MARKDOWN_WIDTH), f"p95 of {first.name}"
        )
    return "\n\n".join(parts) + "\n"


def score(line: Line | RangeReport) -> str:
    """Return how many were healthy, in words."""
    found = line.score
    if found.percent is None:
        return units.NONE
    return f"{found.healthy} of {found.counted}"


def _advice(advice: Any) -> str:
    return "\n".join(
        f"- {each.severity} {each.category}: {pages.plain(each.text)}" for each in advice
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])


def _picture(svg: str, what: str) -> list[str]:
    if not svg:
        return []
    encoded = base64.b64encode(svg.encode()).decode()
    return [f"![{pages.plain(what)}](data:image/svg+xml;base64,{encoded})"]
