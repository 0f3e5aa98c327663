"""Turn a month of availability into HTML and Markdown. Pure: same facts, same bytes."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from perf_pipeline.reports import bars, units
from perf_pipeline.reports import page as pages
from perf_pipeline.reports.availability.model import Month

#: Outages listed, the longest.
LISTED: Final = 100
MARKDOWN_ROWS: Final = 10
#: Of the time so far less than this was looked at: what is told is told of a part.
LEAST_OBSERVED: Final = 0.95


@dataclass(frozen=True)
class MonthReport:
    """One rendered month."""

    day: date
    html: str
    markdown: str
    content_hash: str


def span(value: timedelta) -> str:
    """Return a time as a reader takes it, a negative one with its sign."""
    sign = "-" if value < timedelta() else ""
    return sign + units.duration(1000.0 * abs(value).total_seconds())


def headline(month: Month) -> str:
    """Return the month in one sentence."""
    place = f"{month.target}, {month.first:%Y-%m}"
    if month.share is None:
        return f"Nothing is known of {place}: nobody looked"
    away = f"away for {span(month.whole.away)}" if month.whole.away else "never found away"
    so_far = "" if month.over else " so far"
    if month.left < timedelta():
        return (
            f"{place}: {away}{so_far}, {span(-month.left)} longer than the {span(month.budget)} "
            f"that {month.promised:g} % leaves"
        )
    return f"{place}: {away}{so_far}; {span(month.left)} of {span(month.budget)} are left"


def doubts(month: Month) -> tuple[str, ...]:
    """Return what a reader has to know of how much can be told."""
    found = []
    if month.share is not None and month.observed < LEAST_OBSERVED:
        found.append(
            f"Somebody looked at {units.percent(month.observed)} of the time; of the rest nobody "
            "knows, and it is counted neither way."
        )
    if month.whole.looks:
        apart = month.whole.seen / month.whole.looks
        found.append(f"A look every {span(apart)} on average: what was shorter is not seen.")
    if month.whole.restarts:
        found.append(f"The server was started anew {units.plural(month.whole.restarts, 'time')}.")
    return tuple(found)


def percent(month: Month) -> str:
    """Return the share in which it was there, with as many digits as the promise needs."""
    return units.NONE if month.share is None else f"{month.share:.3f} %"


def render(month: Month) -> MonthReport:
    """Render a month."""
    values = [
        (day, 1000.0 * seen.away.total_seconds() if seen.seen else None) for day, seen in month.days
    ]
    marks = [seen.outages for _, seen in month.days]
    longest = sorted(month.whole.stretches, key=lambda each: (-each.length, each.start))
    shown = sorted(longest[:LISTED], key=lambda each: each.start)
    title = f"Time away on each day of {month.first:%Y-%m}: {span(month.whole.away)} in all"
    html = pages.template(
        "availability.html.j2",
        {
            "month": month,
            "headline": headline(month),
            "doubts": doubts(month),
            "percent": percent(month),
            "spent": units.percent(month.spent),
            "chart": bars.days(values, marks, title, "a") if values else "",
            "outages": [(each, units.naive(each.start), span(each.length)) for each in shown],
            "more": month.whole.outages - len(shown),
            "span": span,
        },
    )
    html, digest = pages.hashed(html)
    return MonthReport(month.first, html, markdown(month), digest)


def markdown(month: Month) -> str:
    """Return the month for an event in Dagster."""
    lines = [f"**{pages.plain(headline(month))}.**", ""]
    lines += ["| | |", "|---|---|"]
    lines += [
        f"| there | {percent(month)}, promised {month.promised:g} % |",
        f"| away | {span(month.whole.away)} of {span(month.budget)} |",
        f"| outages | {month.whole.outages}, the longest {span(month.whole.longest)} |",
        f"| looked at | {units.percent(month.observed)} of the time |",
        "",
    ]
    longest = sorted(month.whole.stretches, key=lambda each: (-each.length, each.start))
    if longest:
        lines += ["| outage, UTC | lasted | why |", "|---|---|---|"]
        lines += [
            f"| {each.start:%Y-%m-%d %H:%M:%S} | {span(each.length)} | "
            f"{pages.plain(pages.cut(each.reason, 200))} |"
            for each in longest[:MARKDOWN_ROWS]
        ]
        if len(longest) > MARKDOWN_ROWS:
            lines.append(f"\n{len(longest) - MARKDOWN_ROWS} more")
        lines.append("")
    return "\n".join([*lines, *doubts(month)])
