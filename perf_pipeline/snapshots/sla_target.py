"""Service levels that only the target itself can tell: queries timed on it, and its tenants.

Nothing is written, and each statement is bounded by the session's limits. What the role may not
read is not measured.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import Final

import psycopg
from psycopg import errors as pg_errors

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.promises import Promises, TimedQuery
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.service_levels import Reading

#: A query runs so often, and the median counts: the first may have to read from disk.
RUNS: Final = 5
#: A query is given up after so many times what is promised: it is missed by twice then.
PATIENCE: Final = 4.0

_FIRST_WORD: Final = re.compile(r"\A((?:\s|--[^\n]*\n|/\*.*?\*/)*\w+)", re.DOTALL)


def marked(text: str) -> str:
    """Return a statement with our mark after its first word, as all of ours carry it (pure)."""
    return _FIRST_WORD.sub(r"\1 /* perf-pipeline */", text, count=1)


def read(target: Target) -> dict[str, Reading]:
    """Measure `analytics_time` and `tenants`, as far as they are promised, in one session.

    Parameters
    ----------
    target : Target

    Returns
    -------
    dict of str to Reading
        Without value where the target cannot be reached or refuses.

    """
    promises = target.promises
    found: dict[str, Reading] = {}
    if not promises.asks_target:
        return found
    try:
        with pg.session(target.url(), limits=_limits(promises)) as connection:
            if promises.analytics_ms is not None:
                found["analytics_time"] = analytics(connection, promises)
            if promises.tenants is not None:
                found["tenants"] = tenants(connection, str(promises.tenants_table))
    except PerfPipelineError as error:
        lost = Reading(None, error.message)
        return {"analytics_time": lost, "tenants": lost, **found}
    except psycopg.Error:
        lost = Reading(None, "the connection was lost")
        return {"analytics_time": lost, "tenants": lost, **found}
    return found


def _limits(promises: Promises) -> pg.Limits:
    usual = pg.Limits.from_settings()
    if promises.analytics_ms is None:
        return usual
    patience = max(1, int(PATIENCE * promises.analytics_ms))
    return replace(usual, statement_timeout_ms=min(usual.statement_timeout_ms, patience))


def analytics(connection: psycopg.Connection, promises: Promises) -> Reading:
    """Return the reading of the queries for analysis: the slowest one's median.

    Parameters
    ----------
    connection : psycopg.Connection
        Read-only, outside a transaction.
    promises : Promises

    """
    limit = promises.analytics_ms or 0.0
    values: dict[str, float] = {}
    missing = []
    for query in promises.analytics:
        try:
            values[query.name] = timed(connection, query)
        except pg_errors.QueryCanceled:
            # given up: it takes longer than that
            values[query.name] = max(PATIENCE * limit, limit)
        except psycopg.Error as error:
            if connection.broken:
                raise
            missing.append(f"{query.name}: {str(error).splitlines()[0]}")
    figures: Mapping[str, float | int | None] = {
        f"{query.name}_ms": values.get(query.name) for query in promises.analytics
    }
    if not values:
        return Reading(None, "; ".join(missing), figures=figures)
    slowest = max(values, key=lambda name: values[name])
    return Reading(
        values[slowest],
        f"by {slowest}, the median of {RUNS} runs",
        tuple(missing),
        figures,
    )


def timed(connection: psycopg.Connection, query: TimedQuery) -> float:
    """Return the median time of a query in ms, its rows read; rolls back what it did."""
    text = marked(query.sql)
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        try:
            # bound on the server, where one statement is one: a second is refused
            connection.execute(text, query.parameters or None, prepare=True).fetchall()
        finally:
            connection.rollback()
        taken.append((time.perf_counter() - started) * 1000.0)
    return median(taken)


def tenants(connection: psycopg.Connection, table: str) -> Reading:
    """Return the reading of how many tenants there are: the rows the planner counts on."""
    row = connection.execute(
        sqlfiles.load("catalog/estimated_rows").text, {"table": table}
    ).fetchone()
    connection.rollback()
    if row is None:
        return Reading(None, f"there is no table {table}")
    if row[0] is None:
        return Reading(None, f"{table} was never analyzed; run ANALYZE {table}")
    return Reading(float(row[0]), f"in {table}, as the planner estimates")
