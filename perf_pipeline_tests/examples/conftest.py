from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline_tests.examples import thorbis


@pytest.fixture(scope="session")
def thorbis_template(server: EmbeddedServer) -> str:
    """Return the name of a database with the schema and a little data."""
    return thorbis.build(server)


@pytest.fixture
def thorbis_url(thorbis_template: str, make_database: Callable[..., str]) -> str:
    """Return the URL of a copy of the small thorbis database."""
    return make_database(thorbis_template)


@pytest.fixture(scope="session")
def shared(server: EmbeddedServer, thorbis_template: str) -> psycopg.Connection:
    """Return a session on a copy that no test changes."""
    server.ensure_database("thorbis_shared", thorbis_template)
    with psycopg.connect(server.url("thorbis_shared"), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET default_transaction_read_only = on")
        yield connection
