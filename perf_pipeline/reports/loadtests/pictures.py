"""Pictures of load tests: one run over its time, and a test over its runs; pure."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from perf_pipeline.reports import lines, units
from perf_pipeline.reports.lines import Line, Mark
from perf_pipeline.reports.loadtests import health
from perf_pipeline.reports.loadtests.model import Facts, Row

#: Percentile -> how its line is drawn: told apart by width and dashes as well.
_LEVELS: Final = (
    ("p50", "dot", 1.5, False),
    ("p95", "old", 2.5, False),
    ("p99", "event", 1.5, True),
)


def latency(facts: Facts, name: str, width: int | None = None) -> str:
    """Draw p50, p95 and p99 over the time of a run; empty where none was measured."""
    drawn = [
        Line(level, _series(facts, "response_time", level), colour, thick, dashed)
        for level, colour, thick, dashed in _LEVELS
    ]
    whole = ", ".join(f"{level} {units.ms(facts.row[f'{level}_ms'])}" for level, *_ in _LEVELS)
    return lines.over_time(
        drawn,
        show=units.ms,
        title=f"Latency over the time of the run; of the whole run {whole}",
        name=name,
        stretches=stages(facts),
        width=width,
    )


def throughput(facts: Facts, name: str, width: int | None = None) -> str:
    """Draw the transactions a second of a run that succeeded and that failed."""
    failed = _series(facts, "throughput", "failed")
    drawn = [Line("ok", _series(facts, "throughput", "transactions"), "old", 2.5)]
    if any(value for _, value in failed):
        drawn.append(Line("failed", failed, "new", 1.5, dashed=True))
    return lines.over_time(
        drawn,
        show=units.count,
        title="Transactions a second over the time of the run; of what was measured "
        f"{units.number(facts.row['throughput_tps'])}, {units.count(facts.row['failed'])} failed",
        name=name,
        stretches=stages(facts),
        width=width,
    )


def stages(facts: Facts) -> list[tuple[datetime, str]]:
    """Return where each stage of a run began, with its users."""
    return [
        (units.naive(row["ts"]), f"{row['stage']}: {row['value']:,.0f} users")
        for row in facts.metrics
        if row["metric_type"] == "connections" and row["name"] == "users"
    ]


def _series(facts: Facts, kind: str, name: str) -> list[tuple[datetime, float | None]]:
    return [
        (units.naive(row["ts"]), row["value"])
        for row in facts.metrics
        if row["metric_type"] == kind and row["name"] == name
    ]


def history(
    rows: Sequence[Row],
    name: str,
    *,
    metric: str = "p95_ms",
    marked: object = None,
    levels: Sequence[tuple[float, str]] = (),
    width: int | None = None,
) -> str:
    """Draw a metric of one test over its runs.

    Parameters
    ----------
    rows : sequence of Mapping
        Executions of one test, oldest first.
    name : str
        Prefix of ids.
    metric : str
    marked : object
        The id of the execution to point out.
    levels : sequence of (float, str)
        What is normal.
    width : int, optional

    """
    known = [row for row in rows if row[metric] is not None and row["status"] == "COMPLETED"]
    if not known:
        return ""
    bad = [row for row in known if health.status(row) in health.BAD]
    points = [(units.naive(row["started_at"]), row[metric]) for row in known]
    # runs of one instant are one point of a line
    once = [(ts, max(v for _, v in group)) for ts, group in groupby(points, key=lambda p: p[0])]
    shown = units.ms if metric.endswith("_ms") else units.count
    marks = [Mark(units.naive(row["started_at"]), row[metric], "▲") for row in bad]
    marks += [
        Mark(units.naive(row["started_at"]), row[metric], "●")
        for row in known
        if row["execution_id"] == marked and row not in bad
    ]
    label = metric.removesuffix("_ms").removesuffix("_tps")
    return lines.over_time(
        [Line(label, once, "dot", 1.5), Line("", points, "old", dots=True)],
        show=shown,
        title=f"{label} of {units.plural(len(known), 'run')}, from {shown(known[0][metric])} to "
        f"{shown(known[-1][metric])}; {units.plural(len(bad), 'run')} not well",
        name=name,
        marks=marks,
        levels=levels,
        width=width,
    )
