"""Materialized and incremental views as a target's YAML declares them."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import dagster as dg
from pydantic import Field

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.views.model import MOVES, Moves, Rollup, ViewPolicy

_NAME = r"^[^.\s]+\.[^.\s]+$"


class Incremental(dg.Model, dg.Resolvable):
    """A view kept as groups of the rows of one table."""

    source: Annotated[
        str, Field(pattern=_NAME, description="The table, `schema.name`; may be partitioned.")
    ]
    group_by: Annotated[
        Mapping[str, str],
        Field(
            min_length=1,
            description="Column of the view: expression over a row of the source; immutable.",
            examples=[{"tenant_id": "tenant_id", "day": "order_day"}],
        ),
    ]
    measures: Annotated[
        Mapping[str, str],
        Field(
            min_length=1,
            description="Column of the view: aggregate. count, sum and avg of whole or decimal "
            "numbers are kept by adding up what changed, others by computing a group again.",
            examples=[{"orders": "count(*)", "revenue": "sum(total_amount)"}],
        ),
    ]
    where: Annotated[
        str, Field(description="Condition on a row of the source; default: every row counts.")
    ] = ""


class View(dg.Model, dg.Resolvable):
    """One view that is kept fresh."""

    name: Annotated[str, Field(pattern=_NAME, description="`schema.name` of the view.")]
    fresh_minutes: Annotated[
        float,
        Field(ge=1.0, description="The goal: no older than so many minutes; 60."),
    ] = 60.0
    schedule: Annotated[
        str, Field(description="When it is looked at, as cron in UTC; default: only on request.")
    ] = ""
    moves: Annotated[
        str | None,
        Field(
            description="When its content changes by the clock alone: never, hour, day or month. "
            "A view that reads the clock and does not say so is refreshed every time."
        ),
    ] = None
    reads: Annotated[
        Sequence[str],
        Field(description="Tables it reads through functions, which the catalog cannot tell."),
    ] = ()
    lock_ms: Annotated[
        int, Field(ge=100, le=2_000, description="Longest wait for a lock in milliseconds; 500.")
    ] = 500
    seconds: Annotated[
        float, Field(gt=0.0, description="Most seconds a refresh may take; 600.")
    ] = 600.0
    blocking_seconds: Annotated[
        float,
        Field(
            gt=0.0,
            description="Most seconds that readers may wait where no unique index lets them go "
            "on during a refresh; 10.",
        ),
    ] = 10.0
    at_least_hours: Annotated[
        float,
        Field(gt=0.0, description="Refreshed so often though nothing is seen to change; 24."),
    ] = 24.0
    report: Annotated[
        bool,
        Field(
            description="Its first 20 rows are an asset that follows each refresh, "
            "`<target>/report/<view>`: whoever sees the asset sees them."
        ),
    ] = False
    incremental: Annotated[
        Incremental | None,
        Field(description="Kept as a rollup table of one table's rows; default: materialized."),
    ] = None

    def policy(self) -> ViewPolicy:
        """Return the declaration as the domain knows it.

        Raises
        ------
        ConfigurationError
            `moves` is no word of ours.

        """
        moves: Moves | None = next((each for each in MOVES if each == self.moves), None)
        if moves is None and self.moves is not None:
            raise ConfigurationError(
                f"view {self.name}: moves is {self.moves!r}", f"use one of {', '.join(MOVES)}"
            )
        rollup = None
        if self.incremental is not None:
            rollup = Rollup(
                self.incremental.source,
                tuple(self.incremental.group_by.items()),
                tuple(self.incremental.measures.items()),
                self.incremental.where,
            )
        return ViewPolicy(
            self.name,
            fresh_minutes=self.fresh_minutes,
            schedule=self.schedule,
            moves=moves,
            reads=tuple(self.reads),
            lock_ms=self.lock_ms,
            seconds=self.seconds,
            blocking_seconds=self.blocking_seconds,
            at_least_hours=self.at_least_hours,
            rollup=rollup,
            report=self.report,
        )


def policies(target: str, declared: Sequence[View]) -> tuple[ViewPolicy, ...]:
    """Return the policies of a target's views.

    Raises
    ------
    ConfigurationError
        Two views have one name, or one last part of it: their assets would be one.

    """
    found = tuple(view.policy() for view in declared)
    seen: dict[str, str] = {}
    for policy in found:
        if policy.short in seen:
            raise ConfigurationError(
                f"target {target!r}: views {seen[policy.short]} and {policy.name} would be one "
                f"asset, {target}/matview/{policy.short}",
                "declare one of them, or rename one",
            )
        seen[policy.short] = policy.name
    return found
