"""Service levels that only load shows: transactions a second, users, response of each industry.

A database that is asked for ten transactions a second tells nothing of a thousand. What was borne
counts; what was asked for and not borne is a miss; what nobody asked for is not measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from perf_pipeline.snapshots.service_levels import Reading
from perf_pipeline.store.engine import Store

#: Older load tests say nothing of the database as it is.
SPAN: Final = timedelta(days=30)
#: Response times are of a part as it is used: more lately.
RESPONSE_SPAN: Final = timedelta(days=7)
#: More failed transactions, in percent, and what was borne is not worth its number.
MOST_ERRORS: Final = 1.0

Execution = Mapping[str, Any]


def read(store: Store, target_name: str, now: datetime) -> Sequence[Execution]:
    """Return the completed load tests of a target in `SPAN`, the newest first."""
    return store.rows("sla_executions", {"target": target_name, "since": now - SPAN})


def asked_tps(execution: Execution) -> float | None:
    """Return the transactions a second that a run's users ask for; None: as many as they get.

    A user waits `think_time_ms` after each transaction, so that many users ask for users / wait.
    """
    think = execution["think_time_ms"]
    if not think:
        return None
    return float(execution["concurrent_users"]) / (float(think) / 1000.0)


def throughput(executions: Iterable[Execution], busiest_tps: float | None, limit: float) -> Reading:
    """Return the reading of transactions a second (pure).

    Parameters
    ----------
    executions : iterable of Mapping
        As `read` returns.
    busiest_tps : float or None
        The most that ordinary use had between two sweeps.
    limit : float
        Promised.

    """
    borne = busiest_tps or 0.0
    where = "in ordinary use" if busiest_tps else ""
    enough_asked = False
    for each in executions:
        if each["throughput_tps"] is None or (each["error_percent"] or 0.0) > MOST_ERRORS:
            continue
        asked = asked_tps(each)
        enough_asked |= asked is None or asked >= limit
        if each["throughput_tps"] > borne:
            borne = float(each["throughput_tps"])
            where = f"in the load test {each['test_name']} of {each['started_at']:%Y-%m-%d}"
    figures = {"most_tps": borne or None}
    if borne >= limit or enough_asked:
        return Reading(borne, where, figures=figures)
    seen = f"{borne:,.4g} tps were seen ({where})" if borne else "none was seen"
    return Reading(
        None,
        f"nobody asked for {limit:,g} tps in {SPAN.days} days; {seen}",
        figures=figures,
    )


def users(executions: Iterable[Execution], limit: int) -> Reading:
    """Return the reading of simultaneous users: the most of a run that kept its limits (pure)."""
    borne, failed, where = 0, 0, ""
    for each in executions:
        count = int(each["concurrent_users"] or 0)
        if each["broken_limits"] or (each["error_percent"] or 0.0) > MOST_ERRORS:
            failed = max(failed, count)
        elif count > borne:
            borne = count
            where = f"in the load test {each['test_name']} of {each['started_at']:%Y-%m-%d}"
    figures = {"most_users": borne or None}
    if borne >= limit:
        return Reading(float(borne), where, figures=figures)
    if failed >= limit:
        tried = f"were borne; a load test with {failed:,} broke its limits"
        return Reading(float(borne), tried, figures=figures)
    seen = f"the largest that kept its limits had {borne:,}" if borne else "there was none"
    return Reading(
        None, f"no load test had {limit:,} users in {SPAN.days} days; {seen}", figures=figures
    )


def responses(
    executions: Iterable[Execution], parts: Iterable[str], now: datetime
) -> dict[str, float]:
    """Return the p95 in ms of the newest load test of each part that is an industry (pure)."""
    industries = {part.upper(): part for part in parts}
    found: dict[str, float] = {}
    for each in executions:  # newest first
        part = industries.get(each["industry"] or "")
        recent = now - each["started_at"] <= RESPONSE_SPAN
        if part is not None and recent and each["p95_ms"] is not None:
            found.setdefault(part, float(each["p95_ms"]))
    return found
