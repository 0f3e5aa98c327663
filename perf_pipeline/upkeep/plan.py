"""Make a plan: read the catalog, ask the pure modules. Nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.upkeep import analyze, batches, catalog, cleanup, orphan_search, orphans, reindex
from perf_pipeline.upkeep.model import DOINGS, Doing, Policy
from perf_pipeline.upkeep.step import Step

#: Seconds in which measurements of bloat begin.
MEASURE_SECONDS: Final = 120.0
#: From here on a session can be told to hand in its statistics.
FLUSH_MAJOR: Final = 15


@dataclass(frozen=True)
class Plan:
    """What is to be done to one target now, in this order.

    Attributes
    ----------
    target : str
    made_at : datetime
        Aware.
    steps : tuple of Step
    notes : tuple of str
        What could not be looked at, and why.

    """

    target: str
    made_at: datetime
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def todo(self) -> tuple[Step, ...]:
        """The steps that `apply` does."""
        return tuple(step for step in self.steps if step.todo)


def joined(target: Target, plans: Sequence[Plan]) -> Plan:
    """Return plans made one after the other as one."""
    return Plan(
        target.name,
        plans[0].made_at if plans else datetime.now(UTC),
        tuple(step for each in plans for step in each.steps),
        tuple(note for each in plans for note in each.notes),
    )


def make(
    connection: psycopg.Connection[Any],
    target: Target,
    policy: Policy,
    store: Store | None,
    doings: Sequence[Doing] = DOINGS,
) -> Plan:
    """Return the plan for some kinds of upkeep.

    Parameters
    ----------
    connection : psycopg.Connection
        To the target, in autocommit.
    target : Target
    policy : Policy
    store : Store or None
        What its sweeps know of bloat saves measurements.
    doings : sequence of str
        In this order.

    """
    now = datetime.now(UTC)
    about = catalog.server(connection)
    steps: list[Step] = []
    notes: list[str] = []
    for doing in doings:
        if doing == "analyze":
            if about["major"] >= FLUSH_MAJOR:
                # what this very session changed counts, too
                connection.execute("SELECT /* perf-pipeline */ pg_stat_force_next_flush()")
            tables = catalog.rows(connection, "tables")
            steps += analyze.plan(tables, policy.analyze, about["major"])
        elif doing == "reindex":
            steps += _indexes(connection, target, policy, store, about, notes, now)
        elif doing == "cleanup" and policy.retention:
            wanted = cleanup.plan(
                policy.retention,
                catalog.leaves(connection, policy.retention),
                catalog.rows(connection, "references"),
                now,
            )
            # a partition without a row that is too old is no step
            steps += [
                step
                for step in wanted
                if not step.todo
                or batches.is_due(connection, policy.retention[step.detail["rule"]], step)
            ]
        elif doing == "orphans" and policy.relationships is not None:
            rule = policy.relationships
            try:
                found = orphan_search.search(connection, rule)
            except ConfigurationError as error:  # the others are planned all the same
                steps.append(orphans.wrong(rule.table, str(error)))
                continue
            notes += found.notes
            steps += orphans.plan(found.summary, rule.table, rule.minimum_age_minutes)
    return Plan(target.name, now, tuple(steps), tuple(notes))


def _indexes(
    connection: psycopg.Connection[Any],
    target: Target,
    policy: Policy,
    store: Store | None,
    about: catalog.Row,
    notes: list[str],
    now: datetime,
) -> list[Step]:
    indexes = catalog.rows(connection, "indexes")
    chosen = reindex.candidates(indexes, policy.reindex)
    known = catalog.known_bloat(store, target.name, now) if store is not None else {}
    bloat = catalog.bloat(
        connection, chosen, known, about, policy.reindex.bloat_percent, MEASURE_SECONDS
    )
    unknown = sum(row["relid"] not in bloat for row in chosen)
    if unknown and about["pgstattuple_schema"] is None:
        notes.append(
            f"the bloat of {unknown} indexes is not known: CREATE EXTENSION pgstattuple, "
            "which pg_monitor may use"
        )
    elif unknown:
        notes.append(f"the bloat of {unknown} indexes could not be measured this time")
    free = catalog.free_space(chosen, about)
    return [
        *reindex.leftovers(indexes),
        *reindex.plan(chosen, bloat, free, policy.reindex),
    ]
