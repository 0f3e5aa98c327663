"""What a target declares of its capacity, and what a forecast is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perf_pipeline.postgres.target import Target

Severity = Literal["ok", "warning", "critical"]
Priority = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]


class _Part(BaseModel):
    """A part of the policy: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shards(_Part):
    """Where a system tells how its users are spread over shards."""

    distribution: Annotated[
        str,
        Field(pattern=r"^[^.\s]+\.[^.\s]+$", description="View with one row per shard."),
    ]
    balance: Annotated[
        str,
        Field(
            pattern=r"^[^.\s]+\.[^.\s]+$",
            description="Function without arguments that judges it, one row per shard: shard_id, "
            "users, estimated_mb, performance_score, imbalance (HIGH, MEDIUM, LOW), advice.",
        ),
    ]


class Reported(_Part):
    """The table in which the application reports how each tenant was served."""

    relation: Annotated[
        str, Field(pattern=r"^[^.\s]+\.[^.\s]+$", description="Table or view, schema.name.")
    ]
    tenant: Annotated[str, Field(description="Column that names the tenant.")]
    at: Annotated[str, Field(description="Column of the moment of a report (timestamptz).")]
    load: Annotated[
        str, Field(description="Column of how much was done: transactions, say; NULL: unknown.")
    ]
    response_ms: Annotated[
        str, Field(description="Column of the mean time of a response, ms; NULL: not measured.")
    ]


class Tenants(_Part):
    """By what one tenant's load is told from another's."""

    by: Annotated[
        Literal["role", "application", "schema", "reported"],
        Field(
            description="role: each tenant has a database role of its own; application: its "
            "sessions say so in application_name; schema: its tables have a schema of its own; "
            "reported: the application keeps a table of how each was served."
        ),
    ]
    reported: Annotated[
        Reported | None, Field(description="That table; with `by: reported` alone.")
    ] = None
    pattern: Annotated[
        str,
        Field(
            description="Regular expression a name has to match to be a tenant's; its first group, "
            "where it has one, is the tenant."
        ),
    ] = r".+"
    share_percent: Annotated[
        float,
        Field(gt=0.0, le=100.0, description="Of all tenants' load, what one may have."),
    ] = 50.0

    @model_validator(mode="after")
    def _reported(self) -> Self:
        if (self.by == "reported") != (self.reported is not None):
            raise ValueError(
                "tenants: `by: reported` and the block `reported` belong together: give both, or "
                "tell tenants apart by role, application or schema"
            )
        return self


class Policy(_Part):
    """What a target declares of its capacity; each part may be left out."""

    warn_days: Annotated[
        float, Field(gt=0.0, description="Days left from which a warning is given.")
    ] = 30.0
    error_days: Annotated[float, Field(ge=0.0, description="Days left from which it is late.")] = (
        7.0
    )
    shards: Shards | None = None
    tenants: Tenants | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.error_days >= self.warn_days:
            raise ValueError(
                f"error_days {self.error_days:g} is not below warn_days {self.warn_days:g}: "
                "a warning comes first"
            )
        return self


def policy_of(target: Target) -> Policy:
    """Return what a target declares of its capacity; what is left out is the default."""
    return target.capacity if isinstance(target.capacity, Policy) else Policy()


@dataclass(frozen=True)
class Trend:
    """How a series moves.

    Attributes
    ----------
    slope, low, high : float
        Units a day, and the 90 % interval of it.
    level : float
        Where the series is on its last day, without that day's noise.
    days : int
        Days with a value.
    span : int
        Days from the first to the last one.
    note : str
        What else to know; empty: nothing.

    """

    slope: float
    low: float
    high: float
    level: float
    days: int
    span: int
    note: str = ""


@dataclass(frozen=True)
class Left:
    """Days until a limit is reached; None: not within ten years, or not at all.

    Attributes
    ----------
    expected : float or None
    earliest : float or None
        By the fast end of the interval.
    latest : float or None
        By the slow end.

    """

    expected: float | None
    earliest: float | None
    latest: float | None


@dataclass(frozen=True)
class Forecast:
    """When one thing runs out.

    Attributes
    ----------
    resource, object_name : str
        What it is: `disk`, `connections`, `transaction ids`, `sequence`, `partitions`, ...
    used, capacity : float
        On the newest day; capacity None: no limit is known.
    unit : str
    trend : Trend or None
        None: not enough data.
    left : Left or None
        Days until it is full; None: not enough data, or no limit.
    severity : str
    note : str

    """

    resource: str
    object_name: str
    used: float
    capacity: float | None
    unit: str
    trend: Trend | None
    left: Left | None
    severity: Severity
    note: str

    @property
    def percent(self) -> float | None:
        """How much of it is taken."""
        return None if self.capacity is None else 100.0 * self.used / self.capacity

    @property
    def name(self) -> str:
        """What it is, in words."""
        return f"{self.resource} {self.object_name}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return the forecast for printing; None where nothing is known."""
        found, left = self.trend, self.left
        return {
            "resource": self.resource,
            "object": self.object_name,
            "used": self.used,
            "capacity": self.capacity,
            "unit": self.unit,
            "percent": None if self.percent is None else round(self.percent, 2),
            "per_day": _four(found.slope if found else None),
            "per_day_low": _four(found.low if found else None),
            "per_day_high": _four(found.high if found else None),
            "days_left": _days(left.expected if left else None),
            "days_left_earliest": _days(left.earliest if left else None),
            "days_left_latest": _days(left.latest if left else None),
            "days_of_data": found.days if found else None,
            "severity": self.severity,
            "note": self.note,
        }


def _four(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _days(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


@dataclass(frozen=True)
class Scaling:
    """What to do about a resource, and how soon (G-77)."""

    resource: str
    percent: float
    priority: Priority
    within: str
    advice: str

    def as_dict(self) -> Mapping[str, Any]:
        """Return it for printing."""
        return {
            "resource": self.resource,
            "percent": round(self.percent, 1),
            "priority": self.priority,
            "within": self.within,
            "advice": self.advice,
        }
