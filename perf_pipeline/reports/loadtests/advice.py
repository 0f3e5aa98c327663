"""What to do about an execution: each rule a pure function that shows its evidence.

The described rules (B-49 to B-54) and their limits, each strict. What was not measured is told,
never good; "everything is well" (B-54) is said only where every rule could look.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from perf_pipeline.reports.loadtests import health

Row = Mapping[str, Any]

#: A statement that takes longer a call (ms) is slow (B-50).
SLOW_QUERY_MS: Final = 1000.0
SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
#: Statements named in a recommendation.
_NAMED: Final = 3


@dataclass(frozen=True)
class Advice:
    """One recommendation.

    Attributes
    ----------
    category : str
        `RESPONSE_TIME`, `QUERY_PERFORMANCE`, `RESOURCE_USAGE`, `ERROR_RATE`, `REGRESSION`,
        `NO_DATA` or `OPTIMIZATION`.
    severity : str
        One of `SEVERITIES`.
    text : str
    actions : tuple of str
        What to do, the first thing first.
    evidence : mapping
        The figures it rests on, by name.

    """

    category: str
    severity: str
    text: str
    actions: tuple[str, ...]
    evidence: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the described JSON: category, severity, text, action items, evidence."""
        return {
            "category": self.category,
            "severity": self.severity,
            "text": self.text,
            "action_items": list(self.actions),
            "evidence": dict(self.evidence),
        }


def response_time(row: Row, queries: Sequence[Row]) -> Advice | None:
    """B-49: p95 above 1000 ms."""
    value = row["p95_ms"]
    if value is None or value <= health.P95_MS:
        return None
    return Advice(
        "RESPONSE_TIME",
        "HIGH",
        f"95 % of the transactions took up to {value:,.0f} ms; the limit is "
        f"{health.P95_MS:,.0f} ms.",
        (
            "look at the operations and statements that took longest, below",
            "look at their plans (EXPLAIN with ANALYZE and BUFFERS, on a copy)",
            "check whether an index serves their conditions and their order",
        ),
        {"p95_ms": value, "limit_ms": health.P95_MS, **_heaviest(queries)},
    )


def slow_queries(row: Row, queries: Sequence[Row]) -> Advice | None:
    """B-50: any statement that takes over 1000 ms a call; how many."""
    slow = [
        each for each in queries if each["mean_ms"] is not None and each["mean_ms"] > SLOW_QUERY_MS
    ]
    if not slow:
        return None
    one = len(slow) == 1
    slow.sort(key=lambda each: (-each["mean_ms"], each["query_hash"]))
    return Advice(
        "QUERY_PERFORMANCE",
        "MEDIUM",
        f"{len(slow)} statement{'' if one else 's'} took more than {SLOW_QUERY_MS:,.0f} ms a call "
        "on average.",
        (
            "begin with the one that took most time in all",
            "look whether it reads far more blocks than it returns rows",
        ),
        {
            "statements": len(slow),
            "limit_ms": SLOW_QUERY_MS,
            "slowest": [_query(each) for each in slow[:_NAMED]],
        },
    )


def cpu(row: Row, queries: Sequence[Row]) -> Advice | None:
    """B-51: CPU above 80 %."""
    value = row["cpu_percent"]
    if value is None or value <= health.CPU_PERCENT:
        return None
    return Advice(
        "RESOURCE_USAGE",
        "HIGH",
        f"The processors were busy for {value:.0f} % of the time; the limit is "
        f"{health.CPU_PERCENT:.0f} %. The load's own generator is part of it, where it runs on "
        "the same machine.",
        (
            "put a pool between clients and server, if sessions outnumber processors",
            "make the statements cheaper that took most time, below",
            "let replicas answer what only reads",
        ),
        {
            "cpu_percent": value,
            "limit_percent": health.CPU_PERCENT,
            "connections": row["connections"],
            **_heaviest(queries),
        },
    )


def memory(row: Row, queries: Sequence[Row]) -> Advice | None:
    """B-52: memory above 85 %."""
    value = row["memory_percent"]
    if value is None or value <= health.MEMORY_PERCENT:
        return None
    spilled = sum(each["temp_blks_written"] or 0 for each in queries)
    return Advice(
        "RESOURCE_USAGE",
        "MEDIUM",
        f"{value:.0f} % of the machine's memory was in use; the limit is "
        f"{health.MEMORY_PERCENT:.0f} %.",
        (
            "check work_mem times sessions, maintenance_work_mem and shared_buffers against "
            "what the machine has",
            "lower the number of sessions, or pool them",
        ),
        {
            "memory_percent": value,
            "limit_percent": health.MEMORY_PERCENT,
            "work_mem": row["settings"].get("work_mem"),
            "shared_buffers": row["settings"].get("shared_buffers"),
            "temporary_blocks_written": spilled,
        },
    )


def errors(row: Row, queries: Sequence[Row]) -> Advice | None:
    """B-53: more than 5 % of the transactions failed."""
    value = row["error_percent"]
    if value is None or value <= health.ERROR_PERCENT:
        return None
    return Advice(
        "ERROR_RATE",
        "CRITICAL",
        f"{value:.1f} % of the transactions failed; the limit is {health.ERROR_PERCENT:.0f} %.",
        (
            "look at the classes of errors, below, and at the server's log of that time",
            "serialization failures and deadlocks: shorten transactions, take rows in one order",
        ),
        {
            "error_percent": value,
            "limit_percent": health.ERROR_PERCENT,
            "failed": row["failed"],
            "classes": dict(row["error_classes"]),
        },
    )


def worst(row: Row) -> dict[str, Row]:
    """Return, by metric, the gravest comparison of the verdict that counts; pure."""
    found: dict[str, Row] = {}
    for each in (row["comparison"] or {}).get("rows") or ():
        counts = each["outcome"] in {"WARNING", "CRITICAL"} and each["proven"] is not False
        known = found.get(each["metric"])
        if counts and (known is None or abs(each["change"]) > abs(known["change"])):
            found[each["metric"]] = each
    return found


def regression(row: Row, queries: Sequence[Row]) -> Advice | None:
    """Ours: the verdict says it is worse than normal, or may be."""
    state = row["state"]
    if state not in {"REGRESSED", "SUSPECTED"}:
        return None
    told = row["comparison"] or {}
    differs = told.get("differs") or {}
    sure = state == "REGRESSED"
    first = (
        f"compare with what differs from the run before: {', '.join(sorted(differs)[:5])}"
        if differs
        else "look at what changed in code, data and schema since the run before: settings, "
        "hardware and configuration are the same"
    )
    again = "run it again (--rerun-of): one run cannot tell a bad machine from a regression"
    return Advice(
        "REGRESSION",
        "CRITICAL" if sure and row["worst"] == "CRITICAL" else "HIGH" if sure else "MEDIUM",
        f"Worse than normal: {told.get('reason')}."
        if sure
        else f"Perhaps worse than normal, not confirmed yet: {told.get('reason')}.",
        (first, *(() if sure else (again,))),
        {"state": state, "worst": row["worst"], "differs": differs},
    )


RULES: Final[tuple[Callable[[Row, Sequence[Row]], Advice | None], ...]] = (
    *(errors, regression, response_time, cpu, slow_queries, memory),
)
#: Metric -> what cannot be said without it; CPU and memory are known of servers on this machine.
_NEEDED: Final = {
    "p95_ms": "response time",
    "error_percent": "error rate",
    "throughput_tps": "throughput",
    "cpu_percent": "CPU",
    "memory_percent": "memory",
}


def unknown(row: Row, queries: Sequence[Row] | None) -> list[str]:
    """Return what was not measured of an execution."""
    missing = [name for metric, name in _NEEDED.items() if row[metric] is None]
    zero = [m for m in ("p95_ms", "throughput_tps") if row[m] is not None and row[m] <= 0]
    missing += [_NEEDED[metric] for metric in zero]
    return [*missing, *(["statements"] if not queries else [])]


def advise(row: Row, queries: Sequence[Row] | None) -> list[Advice]:
    """Apply every rule to one execution.

    Parameters
    ----------
    row : Mapping
        As `executions.read` returns it.
    queries : sequence of Mapping or None
        Rows of perf_mgmt.query_performance of it; None or empty: not known.

    Returns
    -------
    list of Advice
        Gravest first. Without metrics NO_DATA alone; what some rules could not look at is told
        beside what the others found, and then nothing is called well.

    """
    required = [row[metric] for metric in ("p95_ms", "throughput_tps")]
    measured = row["error_percent"] is not None and all(
        value is not None and value > 0 for value in required
    )
    missing = unknown(row, queries)
    if row["status"] != "COMPLETED" or not measured:
        return [_no_data(row, missing)]
    found = [each for rule in RULES if (each := rule(row, queries or ())) is not None]
    if missing:
        found.append(_partly(missing))
    elif not found:
        found.append(_well(row))
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))


def _no_data(row: Row, missing: Sequence[str]) -> Advice:
    reason = row["metadata"].get("reason")
    if row["status"] == "RUNNING":
        return Advice(
            "NO_DATA",
            "LOW",
            "It has not ended; nothing can be said yet.",
            ("wait for its end; if its process has died, run it again",),
            {"status": row["status"]},
        )
    return Advice(
        "NO_DATA",
        "HIGH",
        f"Nothing can be said: it ended as {row['status']} without {', '.join(missing)}."
        + (f" It told: {reason}" if reason else ""),
        ("find out why it was not measured", "run it again"),
        {"status": row["status"], "missing": list(missing), "reason": reason},
    )


def _partly(missing: Sequence[str]) -> Advice:
    return Advice(
        "NO_DATA",
        "LOW",
        f"Not measured, so not judged: {', '.join(missing)}.",
        (
            "CPU and memory are known where the server runs on the machine of the load test",
            "statements are known where the target is swept before and after (pg_stat_statements)",
        ),
        {"missing": list(missing)},
    )


def _well(row: Row) -> Advice:
    nearest = health.room(row)[0]
    return Advice(
        "OPTIMIZATION",
        "LOW",
        f"Everything measured is within its limits; nearest to one is {nearest.metric}, with "
        f"{nearest.share:.0%} of it left.",
        ("keep it as it is",),
        {each.metric: each.value for each in health.room(row)},
    )


def _query(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("query_hash", "calls", "mean_ms", "total_ms")}


def _heaviest(queries: Sequence[Row]) -> dict[str, Any]:
    if not queries:
        return {}
    top = sorted(queries, key=lambda each: (-each["total_ms"], each["query_hash"]))[:_NAMED]
    return {"heaviest_statements": [_query(each) for each in top]}
