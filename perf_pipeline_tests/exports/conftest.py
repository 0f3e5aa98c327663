"""A store with two real sweeps of a real database, and what a drain of its caches did."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.invalidation import record as invalidated
from perf_pipeline.invalidation.figures import Drained, Left, Served
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import record as recording
from perf_pipeline.store import Store
from perf_pipeline_tests.servers.databases import Databases

STATEMENTS = 12
#: A table's name with all that a label's quoting can be broken by.
ODD = 'it\'s "a\\b"\n{x="1"} \N{SNOWMAN} #'


@dataclass(frozen=True)
class Swept:
    """What there is to export."""

    store: Store
    target: Target
    url: str


@pytest.fixture(scope="module")
def swept(server: EmbeddedServer, databases: Databases, shared_store: Store) -> Iterator[Swept]:
    """Return a store that has swept a database before and after some work."""
    databases.make(server, "exported")
    url = server.url("exported")
    target = Target("exported", "EXPORTED_URL", date(2026, 1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPORTED_URL", url)
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
            session.execute("CREATE TABLE items (id int PRIMARY KEY, n int)")
            session.execute(SQL("CREATE TABLE {} (n int)").format(Identifier(ODD)))
            recording.collect(target, shared_store)
            session.execute("INSERT INTO items SELECT g, g FROM generate_series(1, 1000) g")
            session.execute(SQL("INSERT INTO {} VALUES (1), (2)").format(Identifier(ODD)))
            for number in range(STATEMENTS):
                columns = ", ".join(["n"] * (number + 1))
                for _ in range(number + 1):
                    session.execute(f"SELECT {columns} FROM items WHERE id = 1")
            session.execute("SELECT pg_stat_force_next_flush()")
            session.execute("SELECT 1")
            recording.collect(target, shared_store)
    began = datetime.now(UTC) - timedelta(seconds=2)
    kept = Served(
        "dashboard", 9, 3, failed=1, staleness_p50_s=0.5, staleness_p99_s=2.0, staleness_max_s=2.5,
        process_s=0.25, slowest_s=0.25, calls=1, down="redis: away",
    )  # fmt: skip
    drained = Drained("exported", began, 1.0, "idle", 9, (kept,), left=Left(4, 1.5, 1))
    invalidated.add(shared_store, drained)
    yield Swept(shared_store, target, url)
    databases.drop(server, "exported")
