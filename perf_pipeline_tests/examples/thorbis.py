"""The small thorbis database the tests of this folder and of loadtests share."""

from datetime import UTC, datetime

import psycopg

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema, thorbis
from perf_pipeline.examples.thorbis_kit import Size

SIZE = Size(businesses=32, orders_per_business=400)
SEED = 7
TEMPLATE = "thorbis_small"


def now() -> datetime:
    """Return midnight of today: the queries compare with the server's date."""
    return datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def build(server: EmbeddedServer) -> str:
    """Make the template database if needed and return its name."""
    server.ensure_database(TEMPLATE)
    schema.apply(server.url(TEMPLATE))
    thorbis.generate(
        server.url(TEMPLATE), SIZE.businesses, SIZE.orders_per_business, SEED, now=now()
    )
    return TEMPLATE


def add_jobs(url: str, number: int = 60_000) -> None:
    """Give one tenant so many more jobs that looking through all of them takes its time."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(
            """
            INSERT INTO hs.work_orders (business_id, customer_id, title, total_amount)
            SELECT c.business_id, c.id, 'Boiler service', 1
            FROM (SELECT * FROM hs.customers ORDER BY id LIMIT 1) AS c, generate_series(1, %s)
            """,
            [number],
        )
        session.execute("ANALYZE hs.work_orders")
