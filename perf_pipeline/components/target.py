"""`PostgresTarget`: one YAML block, one watched database, and every asset that follows from it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

import dagster as dg
from pydantic import BaseModel, Field, PrivateAttr

from perf_pipeline.advice.model import Policy as AdvicePolicy
from perf_pipeline.alerts.model import Alerts
from perf_pipeline.capacity.model import Policy as CapacityPolicy
from perf_pipeline.components.events import Events
from perf_pipeline.components.invalidation import Cache, cache_types
from perf_pipeline.components.levels import ServiceLevels
from perf_pipeline.components.limits import RegressionLimits
from perf_pipeline.components.modules import Module, module_definitions, writers
from perf_pipeline.components.partitions import PartitionPolicy, declared_policies
from perf_pipeline.components.recovery import Recovery
from perf_pipeline.components.replicas import Replica, declared
from perf_pipeline.components.views import View, policies
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import defs as invalidation_defs
from perf_pipeline.invalidation.event_model import EventQueue
from perf_pipeline.invalidation.events_defs import queue_definitions
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.partitions.defs import target_partition_definitions
from perf_pipeline.partitions.model import Policy as PartitionPolicyDeclared
from perf_pipeline.postgres.promises import Promises
from perf_pipeline.postgres.replicas import Replica as ReplicaDeclared
from perf_pipeline.postgres.target import Target
from perf_pipeline.recovery import defs as recovery_defs
from perf_pipeline.recovery.model import Policy as RecoveryPolicy
from perf_pipeline.replicas import defs as replicas_defs
from perf_pipeline.upkeep.model import Policy
from perf_pipeline.views import lineage
from perf_pipeline.views.defs import view_definitions
from perf_pipeline.views.model import ViewPolicy

#: Prefix of asset keys, part of Dagster op names and of pool names: letters, digits, underscores.
_NAME = r"^[a-z][a-z0-9_]{0,38}$"
#: What Dagster takes as an owner.
_OWNER = r"^(team:.+|[^@\s]+@[^@\s]+\.[^@\s]+)$"
#: Groups and prefixes of our own; a target of this name would be mixed up with them.
_RESERVED = frozenset({"fleet", "platform", "bench", "default"})


def _day(context: dg.ResolutionContext, value: str) -> date:
    try:
        return date.fromisoformat(context.resolve_value(value, as_type=str))
    except ValueError as error:
        raise ConfigurationError(
            f"history_start: {value!r} is not a day ({error})", 'write it as "YYYY-MM-DD"'
        ) from error


def _policy(_: dg.ResolutionContext, value: Policy | None) -> Policy | None:
    """Take the block as it was read: it holds no templates."""
    return value


def _advice(_: dg.ResolutionContext, value: AdvicePolicy | None) -> AdvicePolicy | None:
    """Take the block as it was read: it holds no templates."""
    return value


def _capacity(_: dg.ResolutionContext, value: CapacityPolicy | None) -> CapacityPolicy | None:
    """Take the block as it was read: it holds no templates."""
    return value


def _alerts(_: dg.ResolutionContext, value: Alerts | None) -> Alerts | None:
    """Take the block as it was read: it holds no templates."""
    return value


class PostgresTarget(dg.Component, dg.Model, dg.Resolvable):
    """One watched PostgreSQL database and every asset that follows from it."""

    name: Annotated[
        str,
        Field(
            pattern=_NAME,
            description="Short name: prefix of the asset keys and name of the asset group. "
            "Lower-case letters, digits and underscores, a letter first.",
            examples=["thorbis"],
        ),
    ]
    url_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="Name of the environment variable with the connection URL. The variable "
            "is read when a connection is opened, never while definitions load, so that no "
            "secret is shown in the UI.",
            examples=["THORBIS_URL"],
        ),
    ]
    history_start: Annotated[
        date,
        dg.Resolver(_day, model_field_type=str),
        Field(
            description="First UTC day of the daily partitions, as YYYY-MM-DD. Set it once: "
            "moving it hides or adds partitions.",
            examples=["2026-01-01"],
        ),
    ]
    description: Annotated[
        str, Field(description="What this database is for; shown on each of its assets.")
    ] = ""
    owners: Annotated[
        Sequence[Annotated[str, Field(pattern=_OWNER)]],
        Field(description="Owners of the assets: e-mail addresses or `team:<name>`."),
    ] = ()
    budget_percent: Annotated[
        float | None,
        Field(
            gt=0.0,
            le=100.0,
            description="Percent of this database's time that its sweeps may cost, 0.2 unless "
            "PERF_BUDGET_PERCENT says otherwise. Sweeps that cost more become fewer by themselves.",
        ),
    ] = None
    regression_limits: Annotated[
        RegressionLimits | None,
        Field(
            description="Limits of size that a change must reach to be a finding, a warning, "
            "critical; what is left out is as described in docs/regressions.md."
        ),
    ] = None
    service_levels: Annotated[
        ServiceLevels | None,
        Field(
            description="Service levels that are checked; what is left out is as described in "
            "docs/service-levels.md."
        ),
    ] = None
    partitions: Annotated[
        Sequence[PartitionPolicy],
        Field(
            description="Which tables are kept partitioned, and how: see docs/partitions.md. The "
            "role of `url_env`, or of the variable of that name with _MAINTENANCE behind it where "
            "that is set, must own them."
        ),
    ] = ()
    views: Annotated[
        Sequence[View],
        Field(
            description="Materialized and incremental views that are kept fresh; "
            "docs/views.md describes each field."
        ),
    ] = ()
    event_queue: Annotated[
        Events | None,
        Field(
            description="The functions of a queue of events that the application keeps in this "
            "database: it is watched and worked on; see docs/invalidation.md."
        ),
    ] = None
    invalidation: Annotated[
        Sequence[Cache],
        Field(
            description="Cached values that follow the database's changes, by type: "
            "docs/invalidation.md describes each field."
        ),
    ] = ()
    replicas: Annotated[
        Sequence[Replica],
        Field(
            description="Streaming replicas that what only reads may go to, by role "
            "(docs/replicas.md)."
        ),
    ] = ()
    modules: Annotated[
        Sequence[Module],
        Field(
            description="Other parts of the system that write this database's tables: external "
            "assets, so that the graph shows whose table it is that a view reads."
        ),
    ] = ()
    recovery: Annotated[
        Recovery | None,
        Field(
            description="Base backups, and drills that prove what is promised of recovery "
            "(docs/recovery.md); none while this is left out."
        ),
    ] = None
    embedded_database: Annotated[
        str | None,
        Field(
            description="For the examples shipped with perf-pipeline: the database of the "
            "embedded server to use while the variable of `url_env` is unset."
        ),
    ] = None

    upkeep: Annotated[
        Any,  # Dagster refuses models with Annotated fields here; the schema has the policy's own
        dg.Resolver(_policy, model_field_type=Policy | None),
        Field(
            description="What is kept up of this database, when, and within which limits: "
            "statistics, indexes, rows that are too old, relationships that lead nowhere. "
            "Nothing is, while this is left out."
        ),
    ] = None

    advice: Annotated[
        Any,  # as of `upkeep`
        dg.Resolver(_advice, model_field_type=AdvicePolicy | None),
        Field(
            description="Settings as they are meant to be, the machine's memory, the longest cycle "
            "of work, the pools of connections: what advice compares with. docs/advice.md "
            "describes each field."
        ),
    ] = None

    capacity: Annotated[
        Any,  # as of `upkeep`
        dg.Resolver(_capacity, model_field_type=CapacityPolicy | None),
        Field(
            description="From how many days left on something that runs out is told, how a system "
            "spreads its users over shards, and by what one tenant's load is told from another's. "
            "docs/capacity.md describes each field."
        ),
    ] = None
    alerts: Annotated[
        Any,
        dg.Resolver(_alerts, model_field_type=Alerts | None),
        Field(
            description="What is alerted about, whom it is told, and what is done about it; see "
            "docs/alerts.md. The default policies hold, while this is left out."
        ),
    ] = None

    _declared_in: Path | None = PrivateAttr(default=None)

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Make the component from its YAML and remember the file (called by Dagster)."""
        component = super().load(attributes, context)
        files = [context.path / name for name in ("defs.yaml", "defs.yml")]
        component._declared_in = next((f for f in files if f.is_file()), context.path)
        return component

    @property
    def declared_in(self) -> str:
        """Where the YAML lies, for messages."""
        return str(self._declared_in) if self._declared_in else "a PostgresTarget made in Python"

    def view_policies(self) -> tuple[ViewPolicy, ...]:
        """Return what this block declares of views.

        Raises
        ------
        ConfigurationError
            Two of them would be one asset.

        """
        return policies(self.name, self.views)

    def cache_types(self) -> tuple[CacheType, ...]:
        """Return what this block declares of cached values.

        Raises
        ------
        ConfigurationError
            One contradicts itself, or two share a name.

        """
        return cache_types(self.name, self.invalidation)

    def target(self) -> Target:
        """Return the target this block declares."""
        return Target(
            name=self.name,
            url_env=self.url_env,
            history_start=self.history_start,
            embedded_database=self.embedded_database,
            description=self.description,
            owners=tuple(self.owners),
            budget_percent=self.budget_percent,
            regression_limits=self.regression_limits.declared() if self.regression_limits else (),
            promises=self.service_levels.declared() if self.service_levels else Promises(),
            upkeep=self.upkeep,
            capacity=self.capacity,
            alerts=self.alerts,
            advice=self.advice,
            replicas=self.replica_servers(),
        )

    def partition_policies(self) -> tuple[PartitionPolicyDeclared, ...]:
        """Return what its tables are to be partitioned into.

        Raises
        ------
        ConfigurationError
            A policy is wrong, or two are of one table.

        """
        return declared_policies(self.partitions)

    def replica_servers(self) -> tuple[ReplicaDeclared, ...]:
        """Return the declared replicas.

        Raises
        ------
        ConfigurationError
            Two have one name.

        """
        return declared(self.name, self.replicas)

    def recovery_policy(self) -> RecoveryPolicy | None:
        """Return what is declared of backups and recovery, None where nothing is.

        Raises
        ------
        ConfigurationError
            A number is out of its range.

        """
        return self.recovery.policy() if self.recovery else None

    def events(self) -> EventQueue | None:
        """Return the application's event queue, None where none is declared."""
        return self.event_queue.declared() if self.event_queue else None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the target's assets and checks; no server is contacted (called by Dagster).

        Raises
        ------
        ConfigurationError
            The name is taken by another target or by a group of ours.

        """
        others = context.component_tree.get_all_components(of_type=PostgresTarget)
        require_distinct([*others, *([] if self in others else [self])])
        target = self.target()
        written = None
        if self._declared_in is not None:
            written = lineage.load(lineage.file_of(self._declared_in, self.name))
        return dg.Definitions.merge(
            target_definitions(target),
            view_definitions(
                target,
                self.view_policies(),
                written,
                {
                    **writers(target, self.modules),
                    **invalidation_defs.made_tables(target, self.cache_types()),
                },
            ),
            module_definitions(target, self.modules),
            target_partition_definitions(target, self.partition_policies()),
            queue_definitions(target, self.events()),
            replicas_defs.target_definitions(target),
            recovery_defs.target_definitions(
                target,
                self.recovery_policy(),
                self.recovery.backup_cron if self.recovery else "",
                self.recovery.drill_cron if self.recovery else "",
            ),
            invalidation_defs.target_definitions(
                target, self.cache_types(), written.kinds if written is not None else ()
            ),
        )


def require_distinct(components: Sequence[PostgresTarget]) -> None:
    """Refuse two targets of one name, and names we use ourselves.

    Raises
    ------
    ConfigurationError
        Names the target and both files.

    """
    seen: dict[str, PostgresTarget] = {}
    for component in components:
        if component.name in _RESERVED:
            raise ConfigurationError(
                f"{component.declared_in}: target name {component.name!r} is reserved",
                "give the target another name",
            )
        first = seen.setdefault(component.name, component)
        if first is not component:
            raise ConfigurationError(
                f"target {component.name!r} is declared twice: "
                f"in {first.declared_in} and in {component.declared_in}",
                "give one of them another name; the name is the prefix of its asset keys",
            )
