"""What is measured of a target's service levels, from wherever it is told; nothing is judged."""

from collections.abc import Set
from datetime import datetime, timedelta

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import (
    availability,
    service_levels,
    sla,
    sla_load,
    sla_statements,
    sla_target,
)
from perf_pipeline.snapshots.service_levels import Reading
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store


def read(
    store: Store, target: Target, wanted: Set[str], now: datetime
) -> tuple[datetime | None, dict[str, Reading]]:
    """Measure the wanted levels of a target.

    Parameters
    ----------
    store : Store
    target : Target
        Asked itself only where `analytics_time` or `tenants` is wanted.
    wanted : set of str
        Names of levels (`service_levels.levels`).
    now : datetime
        Aware.

    Returns
    -------
    tuple of datetime and dict
        The newest sweep, None when there never was one; and the readings by name.

    """
    target_id = targets.find(store, target.name)
    rows = store.rows("newest_sweep", {"target_id": target_id})
    if not rows or target_id is None:
        return None, {}
    newest: datetime = rows[0]["ts"]
    figures = sla.measure(store, target.name, newest - timedelta(hours=1), newest)
    found = {
        **service_levels.of_hour(figures),
        **_of_statements(store, target, target_id, wanted, newest, now),
        **_of_load(store, target, target_id, wanted, newest, now),
    }
    if wanted & {"analytics_time", "tenants"}:
        found |= sla_target.read(target)
    if "availability" in wanted:
        found["availability"] = availability.read(store, target, target_id, now)
    return newest, found


def _of_statements(
    store: Store,
    target: Target,
    target_id: int,
    wanted: Set[str],
    newest: datetime,
    now: datetime,
) -> dict[str, Reading]:
    found = {}
    if "response_time" in wanted:
        parts = target.promises.response_parts
        start = newest - sla_statements.PARTS_SPAN
        statements = sla_statements.read(store, target_id, start, newest)
        executions = sla_load.read(store, target.name, now)
        found["response_time"] = sla_statements.response(
            sla_statements.of_parts(statements, parts),
            sla_load.responses(executions, parts, now),
            sla_load.RESPONSE_SPAN.days,
        )
    if "bulk_time" in wanted:
        start = newest - sla_statements.BULK_SPAN
        statements = sla_statements.read(store, target_id, start, newest)
        found["bulk_time"] = sla_statements.bulk(statements, target.promises.bulk_rows)
    return found


def _of_load(
    store: Store,
    target: Target,
    target_id: int,
    wanted: Set[str],
    newest: datetime,
    now: datetime,
) -> dict[str, Reading]:
    found: dict[str, Reading] = {}
    if not wanted & {"peak_p95", "throughput", "users"}:
        return found
    promises = target.promises
    found["peak_p95"], busiest = sla_statements.peak(store, target_id, newest)
    executions = sla_load.read(store, target.name, now)
    if promises.throughput_tps is not None:
        found["throughput"] = sla_load.throughput(executions, busiest, promises.throughput_tps)
    if promises.concurrent_users is not None:
        found["users"] = sla_load.users(executions, promises.concurrent_users)
    return found
