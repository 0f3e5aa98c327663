"""Backups and what is promised of recovery, as a target's YAML declares them."""

from pathlib import Path
from typing import Annotated

import dagster as dg
from pydantic import Field

from perf_pipeline.recovery.model import GOALS, Policy, Tenant


class RecoveryTenant(dg.Model, dg.Resolvable):
    """Whose rows the drill of one tenant brings back."""

    column: Annotated[str, Field(min_length=1, description="Column that names a tenant.")]
    value: Annotated[str | int, Field(description="A tenant with rows.")]


class Recovery(dg.Model, dg.Resolvable):
    """Base backups of this target, and drills that prove what is promised of its recovery."""

    folder: Annotated[
        str | None,
        Field(description="Where backups lie; default `recovery/<target>` in PERF_HOME."),
    ] = None
    rate_mb: Annotated[
        int, Field(description="Most megabytes a second a backup reads, 1 to 1024; 100.")
    ] = 100
    compress: Annotated[
        int, Field(description="gzip level of backups, 0 (plain files) to 9; 1.")
    ] = 1
    keep: Annotated[int, Field(description="Backups kept; 2.")] = 2
    tenant: Annotated[
        RecoveryTenant | None, Field(description="Default: no drill of one tenant.")
    ] = None
    full_minutes: Annotated[float, Field(description="Promised for the whole database; 240.")] = (
        GOALS["full"] / 60
    )
    point_in_time_minutes: Annotated[
        float, Field(description="Promised for a moment of the last day; 15.")
    ] = GOALS["point_in_time"] / 60
    tenant_minutes: Annotated[
        float, Field(description="Promised for the rows of one tenant; 30.")
    ] = GOALS["tenant"] / 60
    failover_seconds: Annotated[
        float, Field(description="Promised until a standby takes writes; 60.")
    ] = GOALS["failover"]
    backup_cron: Annotated[
        str, Field(description="When a base backup is taken, as cron in UTC; Sundays at 01:40.")
    ] = "40 1 * * 0"
    drill_cron: Annotated[
        str, Field(description="When all is drilled, as cron in UTC; the first of a month, 05:10.")
    ] = "10 5 1 * *"

    def policy(self) -> Policy:
        """Return the declaration as the domain knows it.

        Raises
        ------
        ConfigurationError
            A number is out of its range.

        """
        return Policy(
            folder=Path(self.folder) if self.folder else None,
            rate_mb=self.rate_mb,
            compress=self.compress,
            keep=self.keep,
            tenant=Tenant(self.tenant.column, str(self.tenant.value)) if self.tenant else None,
            goals={
                "full": self.full_minutes * 60,
                "point_in_time": self.point_in_time_minutes * 60,
                "tenant": self.tenant_minutes * 60,
                "failover": self.failover_seconds,
            },
        )
