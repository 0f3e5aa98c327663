"""A store, targets and Dagster instances for tests of the wiring."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store


@pytest.fixture
def store(
    store_template: str, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """Return an empty store, which is also the one that PERF_STORE_URL names."""
    url = make_database(store_template)
    monkeypatch.setenv("PERF_STORE_URL", url)
    settings.current.cache_clear()
    with Store(url) as opened:
        yield opened


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return an instance that is forgotten after the test."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def shop(make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return a target that can be swept."""
    url = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE TABLE item (id integer PRIMARY KEY, name text)")
    monkeypatch.setenv("SHOP_URL", url)
    return Target("shop", "SHOP_URL", date.today() - timedelta(days=90))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def today() -> date:
    """Return the current UTC day."""
    return datetime.now(UTC).date()


def table_of(metadata: dict[str, dg.MetadataValue], name: str) -> list[dict[str, object]]:
    """Return the rows of a table in an event's metadata."""
    value = metadata[name]
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]
