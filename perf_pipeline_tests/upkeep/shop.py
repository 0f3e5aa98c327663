"""A target with rows that are too old, indexes that are bloated, and who stands in the way."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg

from perf_pipeline.postgres.lock_budget import LockBudget
from perf_pipeline.postgres.target import Target
from perf_pipeline.upkeep.model import Policy

#: Short, so that tests are.
BUDGET = LockBudget(first_ms=100, most_ms=200, total_s=0.6)

SCHEMA = """
CREATE EXTENSION pgstattuple;
CREATE SCHEMA app;
CREATE TABLE app.t (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    done boolean NOT NULL,
    x text NOT NULL
) WITH (autovacuum_enabled = off);
CREATE INDEX t_at ON app.t (at);
CREATE INDEX t_x ON app.t (x);
"""
#: A row each hour, back from now; every second is done.
FILL = """
INSERT INTO app.t (at, done, x)
SELECT now() - make_interval(hours => n), n %% 2 = 0, md5(n::text) FROM generate_series(1, %s) AS n
"""
#: Of 6,000 rows: 250 days; older than 90 days and done.
ROWS = 6_000
OLD = "at < now() - interval '90 days'"
POLICY: dict[str, Any] = {
    "reindex": {"minimum_mb": 0.1, "wait_seconds": 0.5},
    "cleanup": {"batch_rows": 500, "pause_ms": 0},
    "retention": [{"table": "app.t", "column": "at", "keep": "90 days", "only": {"done": True}}],
}


def policy(**more: Any) -> Policy:
    return Policy.model_validate({**POLICY, **more})


def target(name: str, **more: Any) -> Target:
    return Target(name, f"{name.upper()}_URL", date(2026, 1, 1), upkeep=policy(**more))


def fill(url: str, rows: int = ROWS) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute(FILL, (rows,))
        connection.execute("VACUUM ANALYZE app.t")


def bloat(connection: psycopg.Connection[Any]) -> None:
    """Leave every fifth row: the indexes are four fifths empty."""
    connection.execute("DELETE FROM app.t WHERE id % 5 <> 0")
    connection.execute("VACUUM (ANALYZE, INDEX_CLEANUP on, TRUNCATE off) app.t")


def one(connection: psycopg.Connection[Any], statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values or None).fetchone()
    assert row is not None
    return row[0]


def invalid(connection: psycopg.Connection[Any]) -> int:
    found: int = one(connection, "SELECT count(*) FROM pg_index WHERE NOT indisvalid")
    return found


def until(connection: psycopg.Connection[Any], condition: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not one(connection, f"SELECT {condition}"):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


@contextmanager
def holding(url: str, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction that has run a statement and does nothing more."""
    with psycopg.connect(url, application_name="holder") as connection:
        connection.execute(statement)  # type: ignore[call-overload]
        yield connection
        connection.rollback()
