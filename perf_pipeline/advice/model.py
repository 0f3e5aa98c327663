"""What a piece of advice is, and what a target declares for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perf_pipeline.postgres.target import Target

Severity = Literal["critical", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
#: What advice is about; each is a kind of finding a person can ask for alone.
Area = Literal["statements", "indexes", "settings", "connections", "vacuum"]
AREAS: Final[tuple[Area, ...]] = ("statements", "indexes", "settings", "connections", "vacuum")


@dataclass(frozen=True)
class Advice:
    """One thing a person may do, and why.

    Attributes
    ----------
    area, kind : str
        `indexes`, `missing_index`; with `object_name` what makes it the same advice tomorrow.
    object_name : str
        `schema.table`, a setting, an application, a statement's number.
    severity : str
    evidence : str
        What was measured, with figures and the span they are of.
    figures : Mapping
        The same for a program.
    gain, cost : str
        What is to be expected of it, and what it costs.
    statement : str
        Exactly what to run or set; never run by us.
    verify : str
        How to see afterwards whether it was worth it.

    """

    area: Area
    kind: str
    object_name: str
    severity: Severity
    evidence: str
    gain: str
    cost: str
    statement: str
    verify: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it for printing."""
        return {
            "area": self.area,
            "kind": self.kind,
            "object": self.object_name,
            "severity": self.severity,
            "evidence": self.evidence,
            "gain": self.gain,
            "cost": self.cost,
            "statement": self.statement,
            "verify": self.verify,
            "figures": dict(self.figures),
        }


def in_order(found: list[Advice]) -> list[Advice]:
    """Return the severest first; within a severity as they were found."""
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))


class _Part(BaseModel):
    """A part of the policy: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(_Part):
    """One of the pools a system's clients use."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="As PgBouncer shows it.")]
    connections: Annotated[int, Field(gt=0, description="Sessions of the server, at most.")]
    minimum: Annotated[int, Field(ge=0, description="Sessions kept open.")] = 0
    timeout_ms: Annotated[
        int, Field(gt=0, description="How long a client waits for one of them.")
    ] = 30_000
    idle_s: Annotated[int, Field(gt=0, description="An idle session is closed after so long.")] = (
        300
    )
    lifetime_s: Annotated[
        int, Field(gt=0, description="A session is opened anew after so long.")
    ] = 3600
    server: Annotated[
        Literal["primary", "replica"], Field(description="Where its sessions go.")
    ] = "primary"
    priority: Literal["high_frequency", "high", "medium", "low"] = "medium"
    applications: Annotated[
        tuple[str, ...],
        Field(description="application_name of its clients; by it its use is measured."),
    ] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.minimum > self.connections:
            raise ValueError(
                f"pool {self.name!r}: minimum {self.minimum} is above connections "
                f"{self.connections}: lower one or raise the other"
            )
        return self


class Pools(_Part):
    """All pools, and what they may have together."""

    primary_ceiling: Annotated[
        int, Field(gt=0, description="Sessions all pools may have of the primary together.")
    ] = 100
    replica_ceiling: Annotated[int, Field(gt=0, description="The same of a replica.")] = 50
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _together(self) -> Self:
        names = [pool.name for pool in self.pools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"pools {', '.join(twice)} are declared twice: rename one of each")
        for server, ceiling in (
            ("primary", self.primary_ceiling),
            ("replica", self.replica_ceiling),
        ):
            total = sum(pool.connections for pool in self.pools if pool.server == server)
            if total > ceiling:
                raise ValueError(
                    f"the pools of the {server} have {total} connections together, more than the "
                    f"ceiling of {ceiling}: lower one, or raise {server}_ceiling"
                )
        return self


class Policy(_Part):
    """What a target declares for advice; each part may be left out."""

    expected_settings: Annotated[
        dict[str, str],
        Field(
            description="Settings as they are meant to be, as written in postgresql.conf. What "
            "differs is told of, never changed.",
            examples=[{"random_page_cost": "1.1", "work_mem": "256MB"}],
        ),
    ] = {}
    memory_gb: Annotated[
        float | None,
        Field(
            gt=0.0,
            description="Memory of the server's machine, GiB; needed where it is not our own.",
        ),
    ] = None
    business_days: Annotated[
        int,
        Field(
            ge=1,
            description="Days of the longest cycle of work: an index that was not used for less "
            "may be for the end of the month.",
        ),
    ] = 35
    pools: Pools | None = None


def policy_of(target: Target) -> Policy:
    """Return what a target declares for advice; what is left out is the default."""
    return target.advice if isinstance(target.advice, Policy) else Policy()
