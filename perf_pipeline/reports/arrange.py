"""Order and group findings: which comes first, what belongs together, what the headline is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from perf_pipeline.reports import breakdown, units, words
from perf_pipeline.reports.model import SEVERITIES, Cause, Finding, Incident, ReportData

#: Causes shown for an incident, and evidence lines for a cause.
MAX_CAUSES = 5
MAX_EVIDENCE = 6


@dataclass(frozen=True)
class Headline:
    """The report in one sentence, in parts so that a page can set the statement apart."""

    lead: str
    label: str = ""
    tail: str = ""
    cause: str = ""

    @property
    def text(self) -> str:
        """The whole sentence."""
        middle = f": {self.label} {self.tail}" if self.label else self.tail
        cause = f"; likely cause: {self.cause}" if self.cause else ""
        return f"{self.lead}{middle}{cause}."


def merge_causes(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """Return the causes of several findings as one list: each once, at its best score."""
    best: dict[tuple[str, str, str], Cause] = {}
    for item in (item for finding in findings for item in finding.causes):
        key = (item.kind, item.object, item.at or "")
        known = best.get(key)
        if known is None:
            best[key] = item
            continue
        evidence = tuple(dict.fromkeys((*known.evidence, *item.evidence)))
        best[key] = replace(known, score=max(known.score, item.score), evidence=evidence)
    return tuple(sorted(best.values(), key=lambda c: (-c.score, c.kind, c.object, c.at or "")))


def _order(finding: Finding) -> tuple[int, float, str]:
    rank = SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else 0
    return (rank, -abs(finding.added_ms_per_day), finding.finding_id)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings worst first, then by the time they add to a day."""
    return tuple(sorted(findings, key=_order))


def acknowledged(finding: Finding) -> bool:
    """Whether somebody has said that they know of a finding."""
    said = breakdown.said(finding.evidence)
    return said is not None and said.verdict == "acknowledged"


def incidents(findings: Iterable[Finding], *, known: bool = False) -> tuple[Incident, ...]:
    """Group findings by incident, worst first; improvements are left to their own section.

    Parameters
    ----------
    findings : Iterable of Finding
    known : bool
        Those that somebody acknowledged, instead of all others.

    """
    groups: dict[str, list[Finding]] = {}
    for finding in ordered(findings):
        if finding.severity != "improvement" and acknowledged(finding) == known:
            groups.setdefault(finding.incident_id, []).append(finding)
    made = (Incident(key, tuple(group), merge_causes(group)) for key, group in groups.items())
    return tuple(sorted(made, key=lambda i: (*_order(i.findings[0])[:2], i.incident_id)))


def title(incident: Incident, day: date | None = None) -> str:
    """Return what an incident is: its likeliest cause, or what its findings have in common."""
    cause = words.cause(incident.causes[0], day) if incident.causes else ""
    kind = breakdown.why(incident.findings[0].evidence)
    if kind == "database":
        amount = units.plural(len(incident.findings), "statement")
        whole = f"The database as a whole changed, {amount} within an hour"
        return f"{whole}: {cause}" if cause else whole
    if kind == "unstable":
        return "An unstable statement: its time per call flips between levels"
    return cause or "Cause unknown"


def improvements(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the improvements, largest saving first."""
    return tuple(finding for finding in ordered(findings) if finding.severity == "improvement")


def presented(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return all findings in the order of the report: open incidents, known ones, improvements."""
    findings = tuple(findings)
    groups = incidents(findings) + incidents(findings, known=True)
    return tuple(f for group in groups for f in group.findings) + improvements(findings)


def _tally(findings: Iterable[Finding]) -> str:
    found = list(findings)
    amounts = {
        severity: sum(finding.severity == severity for finding in found) for severity in SEVERITIES
    }
    parts = []
    if amounts["critical"]:
        parts.append(units.plural(amounts["critical"], "critical regression"))
    if amounts["warning"]:
        kind = "warning" if amounts["critical"] else "regression warning"
        parts.append(units.plural(amounts["warning"], kind))
    if amounts["info"] and not parts:
        parts.append(units.plural(amounts["info"], "change") + " below every alarm limit")
    if not parts:
        parts.append(f"No regression, {units.plural(amounts['improvement'], 'improvement')}")
    return " and ".join(parts)


def headline(data: ReportData) -> Headline:
    """Return the report's headline: the worst finding, or openly why there is none."""
    place = f"{data.target} on {data.day.isoformat()}"
    fresh = [f for f in data.findings if f.severity == "improvement" or not acknowledged(f)]
    known = len(data.findings) - len(fresh)
    if known and not any(f.severity != "improvement" for f in fresh):
        tail = f"; {units.plural(len(fresh), 'improvement')}" if fresh else ""
        what = units.plural(known, "acknowledged regression")
        return Headline(f"Nothing new in {place}", tail=f": {what}{tail}")
    if fresh:
        worst = presented(fresh)[0]
        causes = next((i.causes for i in incidents(fresh) if worst in i.findings), worst.causes)
        started = units.clock(worst.onset, data.day)
        besides = f", {known} more acknowledged," if known else ""
        return Headline(
            f"{_tally(fresh)}{besides} in {place}",
            words.label(worst.statement),
            f"is {words.change(worst)} since {started} UTC",
            words.cause(causes[0], data.day) if causes else "",
        )
    if not data.coverage.sweeps and not data.judgement.statements:
        return Headline(f"No verdict for {place}", tail=": no statistics were collected that day")
    judged = data.judgement.statements - data.judgement.unjudged
    if judged <= 0:
        return Headline(f"No verdict for {place}", tail=": no statement had enough data to judge")
    return Headline(
        f"No regression found in {place}",
        tail=f": {units.plural(judged, 'statement')} judged,"
        f" {units.percent(1 - data.judgement.unjudged_share)} of the execution time",
    )
