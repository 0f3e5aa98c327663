"""A Redis for the session, emptied for each test; and one that may be killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_pipeline_tests.servers.caches import RedisServer


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a running Redis, one for the session."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(running_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """Return the session's Redis, empty; PERF_REDIS_URL leads to it."""
    with running_redis.client() as client:
        client.flushall()
    monkeypatch.setenv("PERF_REDIS_URL", running_redis.url)
    return running_redis


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Return a Redis of the test's own, to be killed; PERF_REDIS_URL leads to it."""
    server = RedisServer(tmp_path / "redis").start()
    monkeypatch.setenv("PERF_REDIS_URL", server.url)
    yield server
    server.stop()
