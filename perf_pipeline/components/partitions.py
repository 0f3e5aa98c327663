"""Partition policies as a target's YAML declares them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import dagster as dg
from pydantic import Field

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions.model import Bound, Policy, Span


class PartitionPolicy(dg.Model, dg.Resolvable):
    """What the partitions of one table shall be: by time, by whole numbers, or by hash."""

    parent: Annotated[
        str, Field(description="The partitioned table, as schema.table.", examples=["app.events"])
    ]
    column: Annotated[
        str, Field(description="The column it is partitioned by; one column.", examples=["at"])
    ]
    every: Annotated[
        Literal["hour", "day", "week", "month", "quarter", "year"] | None,
        Field(description="Length of a partition by time. Set this, step, or modulus."),
    ] = None
    step: Annotated[int | None, Field(description="Length of a partition by whole numbers.")] = None
    modulus: Annotated[int | None, Field(description="Count of hash partitions.")] = None
    premake: Annotated[
        int, Field(description="Partitions kept ready after the current one; 2 unless said.")
    ] = 2
    headroom_days: Annotated[
        float | None,
        Field(
            description="Days that the partitions which are ready must last, by the rate at which "
            "they fill (whole numbers) and by how far rows lie ahead of the clock (time)."
        ),
    ] = None
    start: Annotated[
        str | int | None,
        Field(
            description="Where the first partition begins: YYYY-MM-DD (in timezone) or a number. "
            "Default: at the oldest one there is."
        ),
    ] = None
    retention: Annotated[
        str | None,
        Field(
            description="How old a partition's upper bound must be for `then`: `7 years`, "
            "`18 months`, `30 days`.",
            examples=["7 years"],
        ),
    ] = None
    retention_count: Annotated[
        int | None, Field(description="The same for whole numbers: values behind the highest.")
    ] = None
    then: Annotated[
        Literal["keep", "detach", "archive", "archive_then_drop"],
        Field(
            description="What happens to old partitions. Nothing is ever dropped that the archive "
            "does not hold, read back and compared."
        ),
    ] = "keep"
    default: Annotated[
        Literal["leave", "ensure"],
        Field(description="`ensure` makes a default partition; `leave` takes it as it is."),
    ] = "leave"
    drain: Annotated[
        bool, Field(description="Move rows of the default partition where they belong.")
    ] = True
    fill_gaps: Annotated[
        bool, Field(description="Make partitions that are missing before the current one.")
    ] = True
    timezone: Annotated[
        str, Field(description="In which days and months begin; UTC unless said.")
    ] = "UTC"

    def declared(self) -> Policy:
        """Return the policy.

        Raises
        ------
        ConfigurationError
            Names the field, its value and what to write.

        """
        where = f"partition policy of {self.parent}"
        retention = Span.parse(self.retention, f"{where}: retention") if self.retention else None
        values = self.model_dump(exclude={"start", "retention"})
        return Policy(**values, retention=retention, start=self._start(where))

    def _start(self, where: str) -> Bound | None:
        if self.start is None or isinstance(self.start, int):
            return self.start
        try:
            return datetime.fromisoformat(self.start)
        except ValueError as error:
            raise ConfigurationError(
                f"{where}: start {self.start!r} is no day", 'write it as "YYYY-MM-DD"'
            ) from error


def declared_policies(policies: Sequence[PartitionPolicy]) -> tuple[Policy, ...]:
    """Return the policies of one target.

    Raises
    ------
    ConfigurationError
        One is wrong, or two are of one table.

    """
    found: dict[str, Policy] = {}
    for declared in policies:
        policy = declared.declared()
        if policy.parent in found:
            raise ConfigurationError(
                f"partition policy of {policy.parent}: it is declared twice", "remove one of them"
            )
        found[policy.parent] = policy
    return tuple(found.values())
