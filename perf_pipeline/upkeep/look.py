"""Look at a target without changing it: advice, orphans."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import replicas
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.upkeep import catalog, distance, findings, orphan_search, plan
from perf_pipeline.upkeep.distance import Pace
from perf_pipeline.upkeep.findings import Finding
from perf_pipeline.upkeep.model import Doing, Policy, Relationships
from perf_pipeline.upkeep.orphan_search import Search
from perf_pipeline.upkeep.plan import Plan
from perf_pipeline.upkeep.work import LOOK_MS


@dataclass(frozen=True)
class Advice:
    """What a person should look at, and how indexes are used.

    Attributes
    ----------
    findings : tuple of Finding
        Of tables and the server, the severest first; then of indexes, the largest first.
    usage : list of dict
        A row per index, the largest first.
    xid_age : int
        Transactions since the oldest id of the database.
    xid_pace : Pace or None
        How fast the server uses them up; None: no sweep measured it.

    """

    findings: tuple[Finding, ...]
    usage: list[dict[str, Any]]
    xid_age: int
    xid_pace: Pace | None = None

    @property
    def xid_percent(self) -> float:
        """How much of what there is of transaction ids that is."""
        return 100.0 * self.xid_age / distance.WRAPAROUND

    @property
    def xid_days(self) -> float | None:
        """How many days the rest lasts at the measured pace; None: it was not measured."""
        return distance.days_left(self.xid_age, self.xid_pace)


@contextmanager
def session(target: Target) -> Iterator[psycopg.Connection[Any]]:
    """Open a read-only session that may look for two minutes."""
    url = target.maintenance_url()
    with pg.session(url, limits=_limits(), read_only=True, autocommit=True) as connection:
        yield connection


def _limits() -> pg.Limits:
    limits = pg.Limits.from_settings()
    return replace(limits, statement_timeout_ms=max(limits.statement_timeout_ms, LOOK_MS))


def planned(target: Target, policy: Policy, store: Store | None, doings: Sequence[Doing]) -> Plan:
    """Return the plan of some kinds of upkeep."""
    with session(target) as connection:
        return plan.make(connection, target, policy, store, doings)


def advice(target: Target, store: Store | None = None) -> Advice:
    """Return what is to say of indexes, dead rows and transaction ids.

    Parameters
    ----------
    target : Target
    store : Store, optional
        What sweeps measured; without it nothing is said of days.

    """
    now = datetime.now(UTC)
    paces = distance.paces(store, target.name, now) if store is not None else {}
    with session(target) as connection:
        about = catalog.server(connection)
        indexes = catalog.rows(connection, "indexes")
        tables = catalog.rows(connection, "tables")
        horizon = catalog.rows(connection, "horizon")
        (lag,) = catalog.rows(connection, "lag")
        database = connection.info.dbname
    return Advice(
        (
            *findings.of_tables(tables, about, horizon, database, paces),
            *findings.of_indexes(indexes, now, has_standbys=lag["lag_bytes"] is not None),
        ),
        findings.usage(indexes),
        about["database_xid_age"],
        paces.get(distance.XIDS),
    )


def orphans(target: Target, rule: Relationships) -> Search:
    """Return what is wrong with the relationships of a target; a fresh replica is asked first."""
    if not target.replicas:
        with session(target) as connection:
            return orphan_search.search(connection, rule)
    return replicas.read(
        target, lambda connection: orphan_search.search(connection, rule), limits=_limits()
    )
