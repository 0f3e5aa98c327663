"""From facts to what is said of one execution, and of all of a range; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from perf_pipeline.reports.loadtests import against, health, issues
from perf_pipeline.reports.loadtests.advice import advise
from perf_pipeline.reports.loadtests.against import Against
from perf_pipeline.reports.loadtests.model import (
    MOST_EXECUTIONS,
    TOP_STATEMENTS,
    Facts,
    Line,
    RangeReport,
    Row,
    RunReport,
    Statement,
)
from perf_pipeline.reports.loadtests.trend import METRICS, Trend, trend
from perf_pipeline.store.load_tests import is_superseded, superseded

#: Metric of the whole run -> the threshold's name, and whether more of it is worse.
_WHOLE: Final = {
    "p95_ms": ("response_time_percent", True),
    "p99_ms": ("response_time_percent", True),
    "throughput_tps": ("throughput_percent", False),
}
#: Of a test's definition without thresholds.
_DEFAULTS: Final = {"response_time_percent": 20.0, "throughput_percent": 15.0}


def run_report(facts: Facts) -> RunReport:
    """Return what is said of one execution."""
    row = facts.row
    limit = _threshold(row, "response_time_percent")
    compared = tuple((row["comparison"] or {}).get("rows") or ())
    changed = against.statements(facts.statements, facts.normal_statements, limit)
    total = sum(each["total_ms"] for each in facts.statements)
    earlier = [each for each in facts.history if _is_source(each, facts.normal)]
    return RunReport(
        facts,
        health.status(row),
        tuple(health.room(row)),
        tuple(advise(row, facts.statements)),
        compared,
        tuple(each for each in _whole(row, earlier) if each.verdict == "better"),
        tuple(against.operations(facts.operations, facts.normal_operations, limit)),
        tuple(
            Statement(
                each,
                issues.impact(each["mean_ms"]),
                each["total_ms"] / total if total else None,
                changed[tuple(each[name] for name in against.KEY)] if facts.normal else None,
            )
            for each in facts.statements[:TOP_STATEMENTS]
        ),
        trends(facts.history),
    )


def _threshold(row: Row, name: str) -> float:
    return float((row["baseline_thresholds"] or {}).get(name) or _DEFAULTS[name])


def _is_source(row: Row, normal: Row | None) -> bool:
    return normal is not None and row["execution_id"] in normal["source_execution_ids"]


def _whole(row: Row, earlier: Sequence[Row]) -> list[Against]:
    return [
        against.against(
            metric,
            row[metric],
            [each[metric] for each in earlier],
            _threshold(row, threshold),
            more_is_worse=more_is_worse,
        )
        for metric, (threshold, more_is_worse) in _WHOLE.items()
    ]


def trends(rows: Sequence[Row]) -> tuple[Trend, ...]:
    """Return the trends of a test over executions that completed; re-runs are left out.

    A re-run is of the same program as what it repeats, and asked for where something was bad.
    """
    usable = [row for row in rows if row["status"] == "COMPLETED" and row["rerun_of"] is None]
    return tuple(
        trend(metric, [(row["started_at"], row[metric]) for row in usable]) for metric in METRICS
    )


def line_key(row: Row) -> tuple[Any, ...]:
    """Return what executions are compared within: test, target, environment, major version."""
    return (
        row["test_name"],
        row["test_version"],
        row["target"],
        row["environment"],
        row["server_major"],
        row["test_id"],
    )


def range_report(
    rows: Sequence[Row],
    statements: Sequence[Row],
    since: datetime,
    before: datetime,
    target: str | None,
    generated_at: datetime,
) -> RangeReport:
    """Return what is said of the executions of a range.

    Parameters
    ----------
    rows : sequence of Mapping
        All of the range, in any order; the newest `MOST_EXECUTIONS` are looked at.
    statements : sequence of Mapping
        Of these executions, with `target` and `test_name`.
    since, before : datetime
    target : str or None
        None: all.
    generated_at : datetime

    """
    chosen = newest(rows)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in chosen:
        groups.setdefault(line_key(row), []).append(row)
    of_run: dict[Any, list[Row]] = {}
    for each in statements:
        of_run.setdefault(each["execution_id"], []).append(each)
    old = superseded(chosen)
    lines = [_line(group, of_run, old) for group in groups.values()]
    lines.sort(
        key=lambda line: (
            not line.current,
            health.WORDS.index(line.health),
            line.name,
            line.place,
        )
    )
    return RangeReport(
        since,
        before,
        target,
        tuple(lines),
        health.score(chosen),
        tuple(row for row in reversed(chosen) if row["state"] in {"REGRESSED", "SUSPECTED"}),
        tuple((line, t) for line in lines for t in line.trends if t.verdict == "better"),
        tuple(issues.rank(statements)),
        len(rows) - len(chosen),
        generated_at,
    )


def newest(rows: Sequence[Row]) -> list[Row]:
    """Return the executions of a range that are looked at, oldest first."""
    ordered = sorted(rows, key=lambda row: (row["started_at"], str(row["execution_id"])))
    return ordered[-MOST_EXECUTIONS:]


def _line(
    rows: Sequence[Row],
    statements: Mapping[Any, Sequence[Row]],
    old: set[tuple[str, str, str, str]],
) -> Line:
    found = Line(tuple(rows), health.score(rows), "", trends(rows), ())
    last = found.newest
    return Line(
        found.rows,
        found.score,
        health.status(last),
        found.trends,
        tuple(advise(last, statements.get(last["execution_id"]))),
        last["test_is_active"] and not is_superseded(last, old),
    )
