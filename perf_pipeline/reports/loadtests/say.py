"""What reports of load tests say in words: headlines, verdicts, figures; pure."""

from typing import Any, Final

from perf_pipeline.reports import units
from perf_pipeline.reports.loadtests import health
from perf_pipeline.reports.loadtests.advice import worst
from perf_pipeline.reports.loadtests.against import Against
from perf_pipeline.reports.loadtests.model import Line, RangeReport, Row, RunReport
from perf_pipeline.reports.loadtests.trend import MINIMUM, Trend

METRICS: Final = {
    "mean_ms": "Mean",
    "p50_ms": "p50",
    "p95_ms": "p95",
    "p99_ms": "p99",
    "max_ms": "Slowest",
    "throughput_tps": "Transactions a second",
    "error_percent": "Errors",
    "cpu_percent": "CPU",
    "memory_percent": "Memory",
}
_HEALTH: Final = {
    "REGRESSION": "regression",
    "HIGH_ERROR_RATE": "too many errors",
    "SLOW_RESPONSE": "too slow",
    "HIGH_CPU": "CPU too busy",
    "LIMIT_BROKEN": "a limit of the test broke",
    "SUSPECTED": "suspected",
    "FAILED": "failed",
    "NO_DATA": "not measured",
    "CANCELLED": "cancelled",
    "UNJUDGED": "not judged",
    "NO_BASELINE": "no baseline yet",
    "RUNNING": "running",
    "HEALTHY": "healthy",
}
_SIGN: Final = {"REGRESSION": "▲", "HEALTHY": "✓"}
_VERDICT: Final = {
    "worse": "worse",
    "better": "better",
    "same": "as usual",
    "few runs": "too few runs to tell",
    "new": "not in the baseline",
    "gone": "only in the baseline",
    "no data": "not measured",
}
#: Of a relative change; an interval that reaches further (100 times, 100 points) says nothing.
_FACTOR_FROM: Final = 9.0
_BEYOND: Final = 100.0
_EVENTS: Final = {
    "TEST_STARTED": "started",
    "STAGE_STARTED": "stage",
    "SAMPLED": "so far",
    "STAGE_ENDED": "stage ended",
    "TEST_COMPLETED": "completed",
    "TEST_FAILED": "failed",
    "TEST_CANCELLED": "cancelled",
    "JUDGED": "judged",
}


def metric(name: str) -> str:
    """Return a metric's name for people."""
    return METRICS.get(name, name)


def value(name: str, figure: float | None) -> str:
    """Return a metric's figure in words."""
    if name.endswith("_ms"):
        return units.ms(figure)
    if name.endswith("_percent"):
        return units.NONE if figure is None else units.percent(figure / 100)
    return units.number(figure)


def word(status: str) -> str:
    """Return a health status in words, with a sign that needs no colour."""
    sign = _SIGN.get(status) or ("△" if status in health.BAD else "◇")
    return f"{sign} {_HEALTH[status]}"


def badge(status: str) -> str:
    """Return the badge's class of a health status."""
    if status == health.HEALTHY:
        return "improvement"
    if status in {"REGRESSION", "HIGH_ERROR_RATE", "FAILED"}:
        return "critical"
    return "warning" if status in health.BAD or status == "NO_DATA" else "info"


def severity(text: str) -> str:
    """Return the badge's class of a recommendation's severity."""
    return {"CRITICAL": "critical", "HIGH": "critical", "MEDIUM": "warning"}.get(text, "info")


def verdict(found: Against | None) -> str:
    """Return what is said of a figure beside what was normal; empty: nothing to compare with."""
    return "" if found is None else _VERDICT[found.verdict]


def change(row: Row) -> str:
    """Return the change of a row of the judge's comparison."""
    amount = row["change"]
    if amount is None:
        return units.NONE
    unit = (
        " points" if row["metric"] in {"error_percent", "cpu_percent", "memory_percent"} else " %"
    )
    return f"{'+' if amount > 0 else ''}{units.number(amount)}{unit}"


def relative(amount: float | None) -> str:
    """Return a relative change in percent, signed; from ten times on as a factor."""
    if amount is None:
        return units.NONE
    if amount >= _FACTOR_FROM:
        return units.factor(1 + amount)
    return f"{'+' if amount > 0 else ''}{units.percent(amount)}"


def trend(found: Trend) -> str:
    """Return a trend in words, with its interval or why there is none."""
    if found.verdict == "not enough runs":
        return f"not enough runs for a trend ({found.runs} of {MINIMUM})"
    if found.verdict == "all at once":
        return "no trend: all runs began at once"
    show = _points if found.points else relative
    low, high = (_bound(found, each) for each in (found.low, found.high))
    told = f"{show(found.change)} over {units.duration(found.days * 86_400_000)}"
    interval = f"95 % interval {low} to {high}, {found.runs} runs"
    if found.is_told:
        return f"{'gets worse' if found.verdict == 'worse' else 'gets better'}: {told} ({interval})"
    return f"no trend shown: {told} ({interval})"


def _bound(found: Trend, amount: float | None) -> str:
    """Return an end of an interval; one beyond all reason as none."""
    if amount is None or abs(amount) > _BEYOND:
        return "without bound"
    return _points(amount) if found.points else relative(amount)


def _points(amount: float | None) -> str:
    if amount is None:
        return units.NONE
    return f"{'+' if amount > 0 else ''}{units.number(amount)} points"


def run_headline(report: RunReport) -> str:
    """Return one execution in one sentence."""
    row = report.row
    test = f"{row['test_name']} {row['test_version']} on {row['target']}"
    if row["status"] != "COMPLETED":
        reason = row["metadata"].get("reason")
        told = f"{test}: {_HEALTH[report.health]}"
        return f"{told}: {reason}" if reason else told
    figures = (
        f"p95 {units.ms(row['p95_ms'])}, {units.number(row['throughput_tps'])} transactions a "
        f"second, {value('error_percent', row['error_percent'])} errors"
    )
    worse = ", ".join(f"{metric(name)} {change(each)}" for name, each in worst(row).items())
    told = f"{test}: {_HEALTH[report.health]}"
    return f"{told}; {figures}" + (f"; against normal {worse}" if worse else "")


def differing(row: Row) -> list[tuple[str, str, str]]:
    """Return in what an execution differs from the one before it: name, before, after."""
    found = (row["comparison"] or {}).get("differs") or {}
    return [
        (name, *(_condition(name, each) for each in values))
        for name, values in sorted(found.items())
    ]


def _condition(name: str, figure: object) -> str:
    if figure is None:
        return "not known"
    if name.endswith("_bytes") and isinstance(figure, int | float):
        return units.size(figure)
    return str(figure)


def range_headline(report: RangeReport) -> str:
    """Return a range in one sentence."""
    place = f" on {report.target}" if report.target else ""
    if not report.lines:
        return f"No load test ran{place}"
    lines = report.current
    bad = sum(line.health in health.BAD for line in lines)
    unknown = sum(line.health not in health.BAD and line.health != health.HEALTHY for line in lines)
    told = (
        f"{units.plural(report.executions, 'execution')} of "
        f"{units.plural(len(report.lines), 'load test')}{place}: "
        f"{bad} not well, {unknown} not known, {len(lines) - bad - unknown} healthy"
    )
    if len(lines) < len(report.lines):
        told = f"{told}, {len(report.lines) - len(lines)} no longer in use"
    drifts = sum(t.verdict == "worse" for line in lines for t in line.trends[:1])
    return f"{told}; p95 of {drifts} gets worse" if drifts else told


INDUSTRIES: Final = {
    "HOME_SERVICES": "home services",
    "RESTAURANT": "restaurants",
    "AUTOMOTIVE": "automotive",
    "RETAIL": "retail",
    "": "none named",
}


def event(row: Row) -> tuple[str, str]:
    """Return an event's name and details in words."""
    detail: dict[str, Any] = row["detail"]
    kind = row["event_type"]
    parts = []
    if kind == "TEST_STARTED":
        parts = [
            f"{detail.get('scenario')} {detail.get('version')}, {detail.get('test_type')}",
            f"{detail.get('users')} users in {detail.get('stages')} stages",
            f"{detail.get('seconds')} s",
        ]
    elif kind == "STAGE_STARTED":
        parts = [f"{detail.get('name')}: {detail.get('users')} users for {detail.get('seconds')} s"]
    elif kind == "SAMPLED":
        parts = [
            f"{detail.get('stage')} at {units.number(detail.get('at_s'))} s",
            f"{units.number(detail.get('tps'))} transactions a second",
            f"mean {units.ms(detail.get('latency_ms'))}",
        ]
        if detail.get("failed"):
            parts.append(f"{detail['failed']} failed")
    elif kind in {"STAGE_ENDED", "TEST_COMPLETED"}:
        parts = [
            f"{units.count(detail.get('transactions'))} transactions",
            f"{units.count(detail.get('failed'))} failed",
            f"p95 {units.ms(detail.get('p95_ms'))}",
        ]
        parts += list(detail.get("broken_limits") or ())
    elif kind == "JUDGED":
        parts = [str(detail.get("state")), str(detail.get("reason"))]
    else:
        parts = [str(detail.get("reason"))]
    return _EVENTS[kind], ", ".join(parts)


def metric_trend(line: Line, name: str) -> Trend:
    """Return the trend of one metric of a test."""
    return next(each for each in line.trends if each.metric == name)
