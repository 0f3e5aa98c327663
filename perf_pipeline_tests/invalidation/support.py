"""A small clinic whose changes are captured, and helpers to look at log and queue."""

from typing import Any

import psycopg
from psycopg.abc import Query

from perf_pipeline.invalidation import install, queue
from perf_pipeline.invalidation.model import CacheType, Captured

CLINIC = """
CREATE SCHEMA clinic;
CREATE TABLE clinic.patients (id integer PRIMARY KEY, name text NOT NULL DEFAULT '');
CREATE TABLE clinic.visits (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id integer REFERENCES clinic.patients ON DELETE CASCADE ON UPDATE CASCADE,
    note text NOT NULL DEFAULT '',
    facts jsonb,
    seen_on date
);
CREATE TABLE clinic.lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id bigint REFERENCES clinic.visits ON DELETE CASCADE,
    code text NOT NULL DEFAULT ''
);
CREATE TABLE clinic.readings (patient_id integer, at integer NOT NULL, value numeric)
    PARTITION BY RANGE (at);
CREATE TABLE clinic.readings_1 PARTITION OF clinic.readings FOR VALUES FROM (0) TO (100);
CREATE TABLE clinic.readings_2 PARTITION OF clinic.readings FOR VALUES FROM (100) TO (200)
    PARTITION BY RANGE (at);
CREATE TABLE clinic.readings_2a PARTITION OF clinic.readings_2 FOR VALUES FROM (100) TO (150);
CREATE TABLE clinic.settings (name text PRIMARY KEY, value text);
"""

#: Everything of a patient, a summary of visits per row, and prices that concern everybody.
DASHBOARD = CacheType(
    "dashboard",
    (
        Captured("clinic.visits", "patient_id"),
        Captured("clinic.lines", "visit_id -> clinic.visits.id : patient_id"),
        Captured("clinic.readings", "patient_id"),
        Captured("clinic.settings", "*"),
    ),
    debounce_s=0.0,
    max_wait_s=0.0,
)


def run(url: str, *statements: Query) -> None:
    """Run statements as an application would, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def worker(url: str) -> psycopg.Connection[Any]:
    """Open a worker's session."""
    return psycopg.connect(url, autocommit=True)


def installed(url: str, *caches: CacheType) -> None:
    """Capture, and forget that everything was asked for when it began."""
    with worker(url) as connection:
        install.install(connection, "clinic", caches)
        forget(connection)


def forget(connection: psycopg.Connection[Any]) -> None:
    """Empty log and queue."""
    queue.fold(connection)
    connection.execute("DELETE FROM perf_pipeline_meta.invalidation_queue")


def logged(connection: psycopg.Connection[Any]) -> int:
    """Return how many entries the log holds."""
    return queue.log_depth(connection).entries


def waiting(connection: psycopg.Connection[Any], cache_type: str = "dashboard") -> dict[str, int]:
    """Fold, and return the entities of a cache type in the queue with their changes; empty it."""
    queue.fold(connection)
    rows = connection.execute(
        "DELETE FROM perf_pipeline_meta.invalidation_queue WHERE cache_type = %s"
        " RETURNING entity, changes",
        [cache_type],
    ).fetchall()
    return dict(rows)
