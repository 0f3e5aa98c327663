"""What tests of the systems' caches share: a system that captures, and what it tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from perf_pipeline.components.catalog import declared_caches
from perf_pipeline.invalidation import install, queue
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.sinks import SinkPolicy
from perf_pipeline.postgres.target import Target

Connection = psycopg.Connection[Any]


def declared(system: str) -> tuple[Target, tuple[CacheType, ...]]:
    """Return a system's target and cache types, which wait for nothing here."""
    target, caches = declared_caches(system)
    return target, tuple(replace(each, debounce_s=0.0, max_wait_s=0.0) for each in caches)


def policies(system: str) -> dict[str, SinkPolicy]:
    """Return the cache types of a system with their policies in Redis."""
    _, caches = declared_caches(system)
    return {cache.name: sink for cache in caches for sink in cache.sinks if sink.kind == "redis"}


@contextmanager
def captured(url: str, system: str) -> Iterator[Connection]:
    """Capture a database's changes as declared; forget that all was asked for when it began."""
    with psycopg.connect(url, autocommit=True) as connection:
        install.install(connection, system, declared(system)[1])
        told(connection)
        yield connection


def told(connection: Connection) -> set[tuple[str, str]]:
    """Return cache types and entities that wait; none wait afterwards."""
    queue.fold(connection)
    return set(
        connection.execute(
            "DELETE FROM perf_pipeline_meta.invalidation_queue RETURNING cache_type, entity"
        ).fetchall()
    )
