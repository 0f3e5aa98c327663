"""A migrated store."""

from collections.abc import Callable, Iterator

import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.store import Store, migrate


@pytest.fixture(scope="module")
def store_template(server: EmbeddedServer) -> Iterator[str]:
    """Return the name of a database with an up-to-date, empty store."""
    name = "store_template"
    server.ensure_database(name)
    with Store(server.url(name)) as store:
        migrate.upgrade(store)
    yield name
    server.drop_database(name)


@pytest.fixture
def store(make_database: Callable[..., str], store_template: str) -> Iterator[Store]:
    """Return an empty store."""
    with Store(make_database(store_template)) as made:
        yield made
