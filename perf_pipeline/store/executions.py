"""Load tests and their executions: recorded once, whole or not at all, never overwritten.

Whoever runs load writes here; whoever judges it reads here. An execution is known by an id that its
maker chooses (a uuid), so that recording it again after a crash changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import polars as pl
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.postgres.copy import Schema
from perf_pipeline.store.engine import Store
from perf_pipeline.store.load_tests import (
    Execution,
    LoadTest,
    Thresholds,
    one_of,
)
from perf_pipeline.terms import ENVIRONMENTS, INDUSTRIES, TEST_TYPES

__all__ = ["Execution", "LoadTest", "Thresholds", "get", "read", "record_execution", "record_test"]

#: State of an execution nobody has judged yet, where states are asked for.
UNJUDGED: Final = "UNJUDGED"

#: Columns of `Recorded.transactions`, `.metrics`, `.queries`; those not given are NULL.
TRANSACTIONS: Final[Schema] = {
    "name": pl.String,
    "transactions": pl.Int64,
    "failed": pl.Int64,
    "skipped": pl.Int64,
    "mean_ms": pl.Float64,
    "p50_ms": pl.Float64,
    "p95_ms": pl.Float64,
    "p99_ms": pl.Float64,
    "max_ms": pl.Float64,
}
METRICS: Final[Schema] = {
    "ts": pl.Datetime("us"),
    "metric_type": pl.String,
    "name": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "context": pl.String,
}
QUERIES: Final[Schema] = {
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "query_hash": pl.String,
    "query": pl.String,
    "query_type": pl.String,
    "tables": pl.List(pl.String),
    "calls": pl.Int64,
    "total_ms": pl.Float64,
    "min_ms": pl.Float64,
    "max_ms": pl.Float64,
    "stddev_ms": pl.Float64,
    "rows": pl.Int64,
    "shared_blks_hit": pl.Int64,
    "shared_blks_read": pl.Int64,
    "shared_blks_dirtied": pl.Int64,
    "shared_blks_written": pl.Int64,
    "temp_blks_read": pl.Int64,
    "temp_blks_written": pl.Int64,
    "io_read_ms": pl.Float64,
    "io_write_ms": pl.Float64,
    "wal_bytes": pl.Int64,
}
_CHILDREN: Final = {
    "transactions": ("execution_transactions", TRANSACTIONS),
    "metrics": ("performance_metrics", METRICS),
    "queries": ("query_performance", QUERIES),
}


def record_test(store: Store, test: LoadTest) -> int:
    """Keep a version of a load test and return its number.

    Description, tags, thresholds, environments and the active flag may be changed later; what the
    test does (type, industry, schema, config) may not, because its baselines rest on it.

    Parameters
    ----------
    store : Store
    test : LoadTest

    Raises
    ------
    InputError
        This version is known with another definition, or a value is not one of those described.

    """
    one_of("test_type", test.test_type, TEST_TYPES)
    if test.industry is not None:
        one_of("industry", test.industry, INDUSTRIES)
    for environment in test.environments:
        one_of("environment", environment, ENVIRONMENTS)
    if not test.name or not test.version or not test.environments:
        raise InputError(
            f"load test {test.name!r} {test.version!r} lacks a name, version or environment",
            "give all three",
        )
    params = {each.name: getattr(test, each.name) for each in fields(test)}
    params["baseline_thresholds"] = Jsonb(asdict(params.pop("thresholds")))
    params["config"] = Jsonb(dict(test.config))
    params |= {"environments": list(test.environments), "tags": list(test.tags)}
    rows = store.rows("execution_test_save", params)
    if not rows:
        raise InputError(
            f"load test {test.name!r} version {test.version!r} is known with another definition",
            "give the changed test a new version: baselines of the old one do not hold for it",
        )
    return int(rows[0]["test_id"])


def load_tests(
    store: Store, name: str | None = None, version: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Return the recorded load tests, of one name the newest first."""
    return store.rows("execution_tests", {"name": name, "version": version})


def record_execution(
    store: Store,
    execution: Execution,
    *,
    transactions: pl.DataFrame | None = None,
    metrics: pl.DataFrame | None = None,
    queries: pl.DataFrame | None = None,
) -> bool:
    """Keep an execution with all that was measured, in one transaction.

    Parameters
    ----------
    store : Store
    execution : Execution
        A new one; or the end, or a newer state, of one that is recorded as RUNNING.
    transactions, metrics, queries : polars.DataFrame, optional
        Columns of `TRANSACTIONS`, `METRICS` (ts naive UTC; context as JSON text) and `QUERIES`
        (texts redacted, `query_hash` 64 characters). Not for a running execution.

    Returns
    -------
    bool
        Whether it was written; False when this execution had ended before: nothing changes then.

    Raises
    ------
    InputError
        A frame has a column that is not known, or the id belongs to another test or target.
    ConfigurationError
        No such test, or it may not run in this environment.

    """
    children = {"transactions": transactions, "metrics": metrics, "queries": queries}
    given = {name: frame for name, frame in children.items() if frame is not None}
    if execution.status == "RUNNING" and given:
        raise InputError(
            f"execution {execution.execution_id} is running and has {', '.join(given)} already",
            "record them with its end",
        )
    prepared = {name: _prepared(name, frame, execution) for name, frame in given.items()}
    with store.begin() as connection:
        saved = connection.execute(
            sqlfiles.load("store/execution_save").text, _params(execution)
        ).fetchone()
        if saved is None:
            _explain(connection, execution)
            return False
        for name, frame in prepared.items():
            copy.write_frame(connection, ("perf_mgmt", _CHILDREN[name][0]), frame)
    return True


def forget_details(store: Store, before: datetime, *, batch: int = 50) -> int:
    """Delete what was measured second by second, and per statement, in runs that are long over.

    The executions themselves stay, with percentiles, verdicts and baselines. One transaction for
    `batch` of them: a killed run goes on where it stopped.

    Parameters
    ----------
    store : Store
    before : datetime
        Aware: runs that began earlier.
    batch : int

    Returns
    -------
    int
        Rows deleted.

    """
    deleted = 0
    while True:
        (done,) = store.rows("execution_forget_details", {"before": before, "batch": batch})
        deleted += int(done["rows"])
        if done["executions"] < batch:
            return deleted


def _params(execution: Execution) -> dict[str, object]:
    values = {each.name: getattr(execution, each.name) for each in fields(execution)}
    return {n: Jsonb(dict(v)) if isinstance(v, Mapping) else v for n, v in values.items()}


def _prepared(name: str, frame: pl.DataFrame, execution: Execution) -> pl.DataFrame:
    schema = _CHILDREN[name][1]
    unknown = [column for column in frame.columns if column not in schema]
    if unknown:
        raise InputError(f"{name}: column {unknown[0]!r} is unknown", f"known: {', '.join(schema)}")
    typed = frame.cast({c: schema[c] for c in frame.columns})
    if "tables" in frame.columns:
        # an array as PostgreSQL writes it; JSON quotes an element the same way
        typed = typed.with_columns(
            pl.col("tables").map_elements(
                lambda names: (
                    "{" + ", ".join(json.dumps(n, ensure_ascii=False) for n in names) + "}"
                ),
                return_dtype=pl.String,
            )
        )
    return typed.with_columns(execution_id=pl.lit(str(execution.execution_id)))


def _explain(connection: psycopg.Connection, execution: Execution) -> None:
    """Say why an execution was not written; nothing when it had ended before."""
    recorded = read_in(connection, execution_id=execution.execution_id)
    known = recorded[0] if recorded else None
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            sqlfiles.load("store/execution_test_environments").text,
            {"test_id": execution.test_id},
        )
        test = cursor.fetchone()
    if test is None:
        raise ConfigurationError(
            f"load test number {execution.test_id} is not recorded", "record the test first"
        )
    if known is None:
        raise ConfigurationError(
            f"load test {test['name']!r} may not run in {execution.environment!r}",
            f"it may run in {', '.join(test['environments'])}",
        )
    same = ("test_id", "target", "environment", "server_version_num", "started_at")
    for name in same:
        if known[name] != getattr(execution, name):
            raise InputError(
                f"execution {execution.execution_id} is recorded with {name} {known[name]!r}, "
                f"not {getattr(execution, name)!r}",
                "give every execution an id of its own",
            )


def _filters(**chosen: object) -> dict[str, object]:
    names = (
        *("execution_id", "test_id", "target", "environment", "server_major", "rerun_of"),
        *("since", "before", "states", "newest"),
    )
    return {**dict.fromkeys(names), "ended": False, **chosen}


def read(store: Store, **chosen: object) -> Sequence[Mapping[str, Any]]:
    """Return executions with their test and verdict, oldest first.

    Parameters
    ----------
    store : Store
    **chosen
        Any of `execution_id`, `test_id`, `target`, `environment`, `server_major`, `rerun_of`,
        `since` and `before` (of their start), `states` (a list; `UNJUDGED` for none), `ended`
        (only those that have), `newest` (at most so many).

    """
    with store.begin() as connection:
        return read_in(connection, **chosen)


def read_in(connection: psycopg.Connection, **chosen: object) -> Sequence[Mapping[str, Any]]:
    """Do as `read` does, inside a transaction of the caller's."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load("store/executions").text, _filters(**chosen))
        return cursor.fetchall()


def get(connection: psycopg.Connection, execution_id: UUID) -> Mapping[str, Any]:
    """Return one execution.

    Raises
    ------
    InputError
        It is not recorded.

    """
    rows = read_in(connection, execution_id=execution_id)
    if not rows:
        raise InputError(
            f"execution {execution_id} is not recorded",
            "take the id from perf_mgmt.test_executions",
        )
    return rows[0]
