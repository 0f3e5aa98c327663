"""When what a database has a limited number of runs out; pure.

Rows of `perf_mgmt.capacity_daily` in, one forecast per thing out, the most urgent first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final

import numpy as np

from perf_pipeline.capacity.model import Forecast, Policy, Priority, Scaling, Severity
from perf_pipeline.capacity.trend import LEAST_DAYS, Kind, left, trend

Row = Mapping[str, Any]

#: Until when there are partitions: days, not a level that grows.
PARTITIONS: Final = "partitions"
#: What is brought down again by vacuum: only its rises say how fast it goes.
_SAWTOOTH: Final = frozenset({"transaction ids", "multixact ids"})
#: A server uses all its buffers and is well; how many are taken is no sign of need (D-126).
_FULL_IS_WELL: Final = frozenset({"shared buffers", "dirty shared buffers"})
#: Less than this taken: ids that no trend of a month's brings near are not a person's concern.
_QUIET_PERCENT: Final = 1.0

#: From which percentage on a resource is urgent, how soon, G-77.
LEVELS: Final[tuple[tuple[float, Priority, str], ...]] = (
    (90.0, "CRITICAL", "24 hours"),
    (80.0, "HIGH", "1 week"),
    (70.0, "MEDIUM", "1 month"),
)
_WHAT: Final[Mapping[str, str]] = {
    "connections": "pool connections (PgBouncer) before raising max_connections: each costs memory",
    "disk": "add disk, or move what is old: perf-pipeline partitions plan, store archive",
    "transaction ids": "VACUUM (FREEZE) the tables with the oldest ids; end what holds them back",
    "multixact ids": "VACUUM (FREEZE) the tables with the oldest multixacts",
    "replication slots": "drop slots nobody reads, or raise max_replication_slots (restart)",
    "WAL senders": "raise max_wal_senders (restart)",
    "autovacuum workers": "raise autovacuum_max_workers, and autovacuum_vacuum_cost_limit with it",
    "parallel workers": "raise max_parallel_workers, or let fewer statements run in parallel",
    "prepared transactions": "COMMIT PREPARED or ROLLBACK PREPARED what was left behind",
    "sequence": "ALTER TABLE ... ALTER COLUMN ... TYPE bigint on a copy of the column, in batches; "
    "a sequence of a bigint column: ALTER SEQUENCE ... AS bigint",
    PARTITIONS: "create the next partitions: perf-pipeline partitions apply",
}


def forecasts(
    rows: Iterable[Row], today: date, policy: Policy, *, free_bytes: float | None = None
) -> list[Forecast]:
    """Return a forecast of each thing.

    Parameters
    ----------
    rows : iterable of Mapping
        Of `sql/store/capacity_history.sql`: day, resource, object, used, capacity, unit; sorted by
        resource, object, day.
    today : date
        What was last seen longer than a week before is left out: it is gone.
    policy : Policy
    free_bytes : float, optional
        Of the disk the database lies on: with it, its own growth has a limit, too.

    """
    found = []
    for (resource, name), group in groupby(rows, lambda row: (row["resource"], row["object"])):
        series = list(group)
        if (today - series[-1]["day"]).days > LEAST_DAYS:
            continue
        found.append(_forecast(resource, name, series, policy, free_bytes))
    order = {"critical": 0, "warning": 1, "ok": 2}
    return sorted(
        found,
        key=lambda each: (
            order[each.severity],
            each.left.earliest
            if each.left is not None and each.left.earliest is not None
            else float("inf"),
            -(each.percent or 0.0),
            each.name,
        ),
    )


def _forecast(
    resource: str, name: str, series: Sequence[Row], policy: Policy, free_bytes: float | None
) -> Forecast:
    last = series[-1]
    used, capacity = float(last["used"]), last["capacity"]
    if resource == PARTITIONS:
        urgency, note = _by_days(used, policy)
        return Forecast(resource, name, used, None, "days", None, None, urgency, note)
    notes = []
    if resource == "database" and free_bytes is not None:
        capacity = used + free_bytes
        notes.append("its limit is what the disk has left")
    kind: Kind = "sawtooth" if resource in _SAWTOOTH else "level"
    day = np.array([row["day"].toordinal() for row in series], dtype=np.float64)
    value = np.array([row["used"] for row in series], dtype=np.float64)
    line = trend(day, value, kind)
    if line is None:
        notes.append(f"not enough data: {len(series)} of {LEAST_DAYS} days")
    else:
        notes += [line.note] if line.note else []
        notes += ["if vacuum froze nothing"] if kind == "sawtooth" else []
    until = left(line, capacity) if line is not None and capacity is not None else None
    severity: Severity = "ok"
    if resource not in _FULL_IS_WELL:
        severity = _severity(used, capacity, None if until is None else until.expected, policy)
        if severity == "ok" and until is not None and _within(until.earliest, policy.error_days):
            # it may be that soon, but most likely is not
            severity = "warning"
    elif capacity is not None:
        notes.append("a full cache is well: it is not counted as need")
        until = None
    if severity != "ok" and kind == "sawtooth" and (used / capacity if capacity else 1.0) < 0.5:
        severity = "ok"  # freezing comes long before
    return Forecast(
        resource, name, used, capacity, last["unit"], line, until, severity, "; ".join(notes)
    )


def _within(days: float | None, limit: float) -> bool:
    return days is not None and days <= limit


def _severity(used: float, capacity: float | None, days: float | None, policy: Policy) -> Severity:
    if capacity is not None and used >= capacity:
        return "critical"
    if _within(days, policy.error_days):
        return "critical"
    return "warning" if _within(days, policy.warn_days) else "ok"


def _by_days(days: float, policy: Policy) -> tuple[Severity, str]:
    note = f"rows find a partition for {days:.1f} days"
    if days <= 0.0:
        return "critical", "no partition for rows of now"
    if days <= min(1.0, policy.error_days):
        return "critical", note
    return ("warning" if days <= policy.error_days else "ok"), note


def told(found: Sequence[Forecast], most: int) -> list[Forecast]:
    """Return what is worth a row: all but quiet sequences, at most so many."""
    worth = [
        each
        for each in found
        if each.severity != "ok"
        or each.resource != "sequence"
        or (each.percent or 0.0) >= _QUIET_PERCENT
    ]
    return worth[:most]


def scaling(found: Iterable[Forecast]) -> list[Scaling]:
    """Return how urgent more of each resource is, by how much of it is taken now (G-77).

    What has no limit, or is well when it is full, has no percentage and is left out.
    """
    rows = []
    for each in found:
        percent = each.percent
        if percent is None or each.resource in _FULL_IS_WELL or each.resource == "database":
            continue
        if each.resource == "sequence" and percent <= LEVELS[-1][0]:
            continue
        priority, within = next(
            ((name, soon) for above, name, soon in LEVELS if percent > above),
            ("LOW", "when there is time"),
        )
        what = _WHAT.get(each.resource, "look who uses it")
        rows.append(
            Scaling(each.name, percent, priority, within, what if priority != "LOW" else "enough")
        )
    return sorted(rows, key=lambda row: (-row.percent, row.resource))
