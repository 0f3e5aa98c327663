"""What a load test and one run of it are."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from perf_pipeline.errors import InputError
from perf_pipeline.terms import ENVIRONMENTS

STATUSES: Final = ("RUNNING", "COMPLETED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Thresholds:
    """Which change is too much (a warning; twice as much is critical).

    The first three are the described ones. CPU and memory have a limit of ours: they are shares
    of what the machine has, so points and not percent, and 15 of them are about what separates
    a machine at work from one at its described limits (80 and 90 %).
    """

    response_time_percent: float = 20.0
    throughput_percent: float = 15.0
    error_rate_points: float = 5.0
    resource_points: float = 15.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise InputError(
                    f"threshold {each.name} = {value!r} is not a positive number",
                    "give the change that is too much, in percent or points",
                )

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "Thresholds":
        """Take the thresholds of a test's definition; those not named keep their default.

        Raises
        ------
        InputError
            A name is unknown, or a value no positive number.

        """
        known = {each.name for each in fields(cls)}
        for name in values:
            if name not in known:
                raise InputError(
                    f"threshold {name!r} is unknown", f"known: {', '.join(sorted(known))}"
                )
        return cls(**values)  # type: ignore[arg-type]  # checked above


@dataclass(frozen=True)
class LoadTest:
    """One version of a load test. What it does may not change under one version."""

    name: str
    version: str
    test_type: str = "LOAD"
    industry: str | None = None
    target_schema: str | None = None
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    #: Where it may run; production only when it is named.
    environments: Sequence[str] = ("development", "staging")
    is_active: bool = True
    tags: Sequence[str] = ()
    created_by: str | None = None


@dataclass(frozen=True)
class Execution:
    """One run of a load test. Times of latencies in ms; None: not measured.

    `transactions` succeeded, `failed` did not (`error_classes` counts them by SQLSTATE or word),
    `skipped` were never begun. `settings` and `hardware` are what the server and its machine really
    had. `rerun_of` names the execution whose result this one is to confirm. `metadata` may tell, as
    `broken_limits`, which absolute limits of the test it did not keep, a sentence each.
    """

    execution_id: UUID
    test_id: int
    target: str
    environment: str
    status: str
    server_version_num: int
    database_version: str
    started_at: datetime
    completed_at: datetime | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    connections: int | None = None
    concurrent_users: int | None = None
    data_bytes: int | None = None
    transactions: int | None = None
    failed: int | None = None
    skipped: int | None = None
    error_classes: Mapping[str, int] = field(default_factory=dict)
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    throughput_tps: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    disk_mb_per_s: float | None = None
    rerun_of: UUID | None = None
    run_id: str | None = None
    commit_sha: str | None = None
    branch: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("environment", self.environment, ENVIRONMENTS)
        one_of("status", self.status, STATUSES)
        for name in ("started_at", "completed_at"):
            when = getattr(self, name)
            if when is not None and when.tzinfo is None:
                raise InputError(f"{name} {when} has no time zone", "use datetimes in UTC")
        if (self.status == "RUNNING") != (self.completed_at is None):
            raise InputError(
                f"status {self.status!r} with completed_at {self.completed_at}",
                "a running execution has no end, every other one has",
            )
        if self.completed_at is not None and self.completed_at < self.started_at:
            raise InputError(
                f"completed_at {self.completed_at} lies before started_at {self.started_at}",
                "swap them",
            )
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
                raise InputError(
                    f"{each.name} = {value!r} is no measurement",
                    "leave out what was not measured",
                )
        known = [v for v in (self.p50_ms, self.p95_ms, self.p99_ms, self.max_ms) if v is not None]
        if known != sorted(known):
            raise InputError(
                f"percentiles {known} do not rise", "give p50_ms, p95_ms, p99_ms, max_ms in ms"
            )


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return what versions are sorted by: numbers as numbers (1.10 after 1.9), then words."""
    parts = re.findall(r"\d+|[^\d.]+", version)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def superseded(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Return the tests that a newer version has followed in the same place; pure.

    Parameters
    ----------
    rows : sequence of Mapping
        Executions as `executions.read` returns them.

    Returns
    -------
    set of (name, version, target, environment)

    """
    newest: dict[tuple[str, str, str], str] = {}
    seen = {_place(row) for row in rows}
    for name, version, target, environment in seen:
        known = newest.get((name, target, environment))
        if known is None or version_order(version) > version_order(known):
            newest[name, target, environment] = version
    return {
        (name, version, target, environment)
        for name, version, target, environment in seen
        if newest[name, target, environment] != version
    }


def is_superseded(row: Mapping[str, Any], among: set[tuple[str, str, str, str]]) -> bool:
    """Return whether the version of an execution's test is one of those."""
    return _place(row) in among


def _place(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return row["test_name"], row["test_version"], row["target"], row["environment"]


def one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is not one of those described.

    Raises
    ------
    InputError
        Names the field, the value, and the words.

    """
    if value not in allowed:
        raise InputError(f"{name} {value!r} is unknown", f"one of {', '.join(allowed)}")
