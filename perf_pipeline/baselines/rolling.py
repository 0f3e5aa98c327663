"""Which executions of a load test say what is normal, and what they say; pure.

A row is an execution as `store.executions.read` returns it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final
from uuid import UUID

from perf_pipeline.baselines.judge_run import HISTORY, REQUIRED, Run, State
from perf_pipeline.baselines.run_work import Work
from perf_pipeline.store.load_tests import Thresholds

Row = Mapping[str, Any]

#: The described window: at most ten runs, none older than 30 days.
WINDOW: Final = timedelta(days=30)
#: INITIAL is the median of so many good executions: one alone may be a lucky one, for ever (a
#: quarter fewer false alarms than with one, in simulated histories).
INITIAL_RUNS: Final = 3
#: What a run is good in that nobody found worse: before there is a baseline, all that have data.
_GOOD: Final = (State.OK, State.NO_BASELINE)
_OPTIONAL: Final = ("cpu_percent", "memory_percent")


@dataclass(frozen=True, order=True)
class Line:
    """What may be compared: one test on one target, environment and major version."""

    test_id: int
    target: str
    environment: str
    server_major: int

    @classmethod
    def of(cls, row: Row) -> "Line":
        """Return the line of an execution or baseline."""
        return cls(row["test_id"], row["target"], row["environment"], row["server_major"])

    def as_dict(self) -> dict[str, Any]:
        """Return it as filters and parameters of SQL."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.target}, {self.environment}, PostgreSQL {self.server_major}"


def run_of(row: Row, work: Work | None = None) -> Run:
    """Return what was measured of an execution, or what a baseline holds.

    Parameters
    ----------
    row : Row
    work : Work, optional
        What its statements did.

    """
    told = row.get("metadata") or {}
    return Run(
        p95_ms=row["p95_ms"],
        p99_ms=row["p99_ms"],
        throughput_tps=row["throughput_tps"],
        transactions=row["transactions"],
        failed=row["failed"],
        cpu_percent=row["cpu_percent"],
        memory_percent=row["memory_percent"],
        completed=row.get("status", "COMPLETED") == "COMPLETED",
        reference=told.get("reference"),
        work=work,
        data_bytes=row.get("data_bytes"),
        not_restored=told.get("not_restored", ""),
    )


def good(rows: Iterable[Row], declared: UUID | None = None) -> list[Row]:
    """Return the executions that completed, were measured, and are not worse than normal.

    Parameters
    ----------
    rows : iterable of Row
    declared : UUID, optional
        An execution somebody declared normal, whatever its verdict.

    """
    return [
        row
        for row in rows
        if run_of(row).has_data and (row["state"] in _GOOD or row["execution_id"] == declared)
    ]


def members(rows: Sequence[Row], now: datetime, declared: UUID | None = None) -> list[Row]:
    """Return the executions a rolling baseline of this moment rests on, oldest first.

    Parameters
    ----------
    rows : sequence of Row
        Of one line, oldest first.
    now : datetime
    declared : UUID, optional
        As for `good`.

    """
    recent = (row for row in rows if now - WINDOW <= row["started_at"] <= now)
    return good(recent, declared)[-HISTORY:]


def open_regression(rows: Sequence[Row], declared: UUID | None = None) -> UUID | None:
    """Return the newest execution found worse that no good one followed; None: none is open.

    Parameters
    ----------
    rows : sequence of Row
        Of one line, oldest first.
    declared : UUID, optional
        As for `good`.

    """
    for row in reversed(rows):
        if row["execution_id"] == declared or row["state"] in _GOOD:
            return None
        if row["state"] == State.REGRESSED:
            found: UUID = row["execution_id"]
            return found
    return None


def neighbours(rows: Sequence[Row], execution_id: UUID) -> list[Row]:
    """Return the executions with data right before and right after one; re-runs are not asked.

    The one before counts only if it was found worse, or suspected.

    Parameters
    ----------
    rows : sequence of Row
        Of one line, oldest first, that one among them.
    execution_id : UUID

    """
    usable = [row for row in rows if row["execution_id"] == execution_id or run_of(row).has_data]
    place = next((n for n, row in enumerate(usable) if row["execution_id"] == execution_id), None)
    if place is None:
        return []
    earlier = usable[max(0, place - 1) : place]
    suspect = [row for row in earlier if row["state"] in (State.SUSPECTED, State.REGRESSED)]
    return [*suspect, *usable[place + 1 : place + 2]]


#: What of an execution may explain a change, beside the program under test.
_CONDITIONS: Final = ("config", "settings", "hardware")
#: Data that have grown or shrunk by more than this are other data.
_GROWN: Final = 0.1
#: Differences told of one execution.
_MOST_DIFFERENCES: Final = 20


def differences(before: Row, after: Row) -> dict[str, Any]:
    """Return in which settings, hardware, configuration, version and data two executions differ.

    Returns
    -------
    dict
        `settings.work_mem` and the like -> the two values (None where one has none), the first
        twenty by name.

    """
    found: dict[str, Any] = {}
    for part in _CONDITIONS:
        old, new = before[part], after[part]
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                found[f"{part}.{name}"] = [old.get(name), new.get(name)]
    for name in ("database_version", "connections", "concurrent_users"):
        if before[name] != after[name]:
            found[name] = [before[name], after[name]]
    sizes = [each["data_bytes"] for each in (before, after)]
    if None not in sizes and abs(sizes[1] - sizes[0]) > _GROWN * sizes[0]:
        found["data_bytes"] = sizes
    return dict(sorted(found.items())[:_MOST_DIFFERENCES])


def level(rows: Sequence[Row], thresholds: Thresholds) -> dict[str, Any]:
    """Return the columns of a baseline made of some executions.

    Each number is the median over the runs (of their p95s, and so on: the samples themselves are
    not kept), so that one run on a bad machine does not move it; failures are counted together.
    CPU and memory are of the runs that measured them.

    Parameters
    ----------
    rows : sequence of Row
        At least one, all with data, oldest first.
    thresholds : Thresholds

    """
    runs = [run_of(row) for row in rows]
    middle = {
        metric: median(value for run in runs if (value := run.value(metric)) is not None)
        for metric in REQUIRED
        if metric != "error_percent"
    }
    for metric in _OPTIONAL:
        values = [value for run in runs if (value := run.value(metric)) is not None]
        middle[metric] = median(values) if values else None  # type: ignore[assignment]
    return {
        **middle,
        "transactions": sum(row["transactions"] for row in rows),
        "failed": sum(row["failed"] for row in rows),
        "statistic": "single run" if len(rows) == 1 else "median of runs",
        "source_execution_id": rows[-1]["execution_id"],
        "source_execution_ids": [row["execution_id"] for row in rows],
        **asdict(thresholds),
    }
