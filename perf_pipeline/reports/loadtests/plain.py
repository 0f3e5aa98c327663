"""Reports of load tests as plain values for JSON, with the described sections (B-42 to B-48)."""

from dataclasses import asdict
from typing import Any, Final

from perf_pipeline.reports.loadtests import health
from perf_pipeline.reports.loadtests.model import Line, RangeReport, Row, RunReport

_METRICS: Final = (
    *("mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "throughput_tps", "error_percent"),
    *("cpu_percent", "memory_percent", "disk_mb_per_s", "transactions", "failed", "skipped"),
)
_STATEMENT: Final = (
    *("query_hash", "query", "query_type", "calls", "total_ms", "mean_ms", "stddev_ms", "rows"),
    *("shared_blks_hit", "shared_blks_read", "temp_blks_written", "wal_bytes"),
)


def of_run(report: RunReport) -> dict[str, Any]:
    """Return the report of one execution: execution_summary, performance_metrics, and so on."""
    row = report.row
    told = row["comparison"] or {}
    return {
        "execution_summary": {
            "execution_id": row["execution_id"],
            "test": row["test_name"],
            "version": row["test_version"],
            "test_type": row["test_type"],
            "industry": row["industry"],
            "target": row["target"],
            "environment": row["environment"],
            "database_version": row["database_version"],
            "started_at": row["started_at"],
            "completed_at": row["completed_at"],
            "minutes": report.minutes,
            "status": row["status"],
            "health": report.health,
            "concurrent_users": row["concurrent_users"],
            "connections": row["connections"],
            "data_bytes": row["data_bytes"],
            "commit": row["commit_sha"],
            "branch": row["branch"],
            "rerun_of": row["rerun_of"],
            "settings": row["settings"],
            "hardware": row["hardware"],
        },
        "performance_metrics": {
            **{name: row[name] for name in _METRICS},
            "error_classes": row["error_classes"],
            "regression": row["is_regression"],
            "state": row["state"],
            "worst": row["worst"],
            "reason": told.get("reason"),
            "broken_limits": row["metadata"].get("broken_limits"),
            "room": [{**asdict(each), "share_left": each.share} for each in report.room],
        },
        "baseline_comparison": [dict(each) for each in report.compared],
        "improvements": [asdict(each) for each in report.better],
        "differs": told.get("differs") or {},
        "operations": [
            {**_without_id(each), "against": _changed(report, each["name"])}
            for each in report.facts.operations
        ],
        "query_analysis": [
            {
                **{name: each.row[name] for name in _STATEMENT},
                "impact": each.impact,
                "share": each.share,
                "against": asdict(each.against) if each.against else None,
            }
            for each in report.statements
        ],
        "recommendations": [each.as_dict() for each in report.advice],
        "trends": [asdict(each) for each in report.trends],
        "events": [dict(each) for each in report.facts.events],
        "generated_at": report.facts.generated_at,
    }


def _without_id(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "execution_id"}


def _changed(report: RunReport, name: str) -> dict[str, Any] | None:
    if report.facts.normal is None:
        return None
    return next((asdict(each) for each in report.operations if each.name == name), None)


def of_row(row: Row) -> dict[str, Any]:
    """Return an execution in one line of a table, with its health."""
    return {
        "execution_id": str(row["execution_id"]),
        "started_at": row["started_at"],
        "health": health.status(row),
        "test": f"{row['test_name']} {row['test_version']}",
        "target": row["target"],
        "environment": row["environment"],
        "state": row["state"],
        "p95_ms": row["p95_ms"],
        "throughput_tps": row["throughput_tps"],
        "error_percent": row["error_percent"],
        "commit": row["commit_sha"],
    }


def of_range(report: RangeReport) -> dict[str, Any]:
    """Return the report of a range."""
    return {
        "since": report.since,
        "before": report.before,
        "target": report.target,
        "status": report.status,
        "executions": report.executions,
        "left_out": report.left_out,
        "score_percent": report.score.percent,
        "health": dict(report.score.words),
        "industries": {
            name or None: {"healthy": each.healthy, "counted": each.counted}
            for name, each in report.industries.items()
        },
        "tests": [_line(line) for line in report.lines],
        "regressions": [_regression(row) for row in report.regressions],
        "improvements": [
            {"test": line.name, "where": line.place, **asdict(each)}
            for line, each in report.improvements
        ],
        "top_issues": [each.as_dict() for each in report.issues],
        "generated_at": report.generated_at,
    }


def _line(line: Line) -> dict[str, Any]:
    last = line.newest
    return {
        "test": last["test_name"],
        "version": last["test_version"],
        "target": last["target"],
        "environment": last["environment"],
        "server_major": last["server_major"],
        "runs": len(line.rows),
        "score_percent": line.score.percent,
        "health": line.health,
        "current": line.current,
        "newest": {
            "execution_id": last["execution_id"],
            "started_at": last["started_at"],
            "state": last["state"],
            **{name: last[name] for name in _METRICS},
        },
        "trends": [asdict(each) for each in line.trends],
        "recommendations": [each.as_dict() for each in line.advice],
    }


def _regression(row: Row) -> dict[str, Any]:
    return {
        "execution_id": row["execution_id"],
        "test": f"{row['test_name']} {row['test_version']}",
        "target": row["target"],
        "environment": row["environment"],
        "started_at": row["started_at"],
        "state": row["state"],
        "worst": row["worst"],
        "change_percent": row["change_percent"],
        "reason": (row["comparison"] or {}).get("reason"),
        "commit": row["commit_sha"],
    }
