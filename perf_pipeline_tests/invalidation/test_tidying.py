"""Log and queue stay small whatever snapshot is held; nothing is lost, and nobody waits for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from perf_pipeline.invalidation import catalog, queue, tidying
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline_tests.invalidation.support import worker

pytestmark = pytest.mark.server

Connection = psycopg.Connection[Any]

CACHE = CacheType("c", debounce_s=0.0, max_wait_s=0.0)
#: Instants at which log 1 and log 0 are idle, and one at which neither is.
EVEN = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
ODD = datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
TURN = datetime(2026, 1, 1, 0, 1, 59, tzinfo=UTC)
CYCLES, ENTITIES = 8, 1_000


@pytest.fixture
def url(make_database: Callable[..., str]) -> str:
    found = make_database()
    with worker(found) as connection:
        catalog.install(connection, "tidy")
        for table in ("log_0", "log_1", "queue"):
            # what a busy server's vacuum may not do either, while the snapshot is held
            connection.execute(
                f"ALTER TABLE perf_pipeline_meta.invalidation_{table} SET (autovacuum_enabled=off)"
            )
    return found


def cycle(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO perf_pipeline_meta.invalidation_log_0 (cache_type, entity)"
        " SELECT 'c', n::text FROM generate_series(1, %s) AS n",
        [ENTITIES],
    )
    queue.fold(connection)
    batch = queue.claim(connection, CACHE)
    assert queue.finish(connection, batch).done == ENTITIES


def size(connection: Connection) -> int:
    depth = queue.log_depth(connection)
    return depth.log_bytes + depth.queue_bytes


@pytest.mark.parametrize("tidied", [True, False])
def test_an_old_snapshot_costs_nothing(url: str, tidied: bool) -> None:
    with worker(url) as connection, worker(url) as old, old.transaction():
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM pg_class")
        largest = 0
        for _ in range(CYCLES):
            cycle(connection)
            largest = max(largest, size(connection))
            if tidied:
                for at in (EVEN, ODD):
                    queue.tidy(connection, at=at)
        # one cycle more than what lets the queue be emptied
        bound = tidying.REWRITE_BYTES + 3 * ENTITIES * tidying.ROW_BYTES
        assert (largest < bound) == tidied, largest


def test_a_queue_with_few_live_rows_is_written_anew(url: str) -> None:
    with worker(url) as connection, worker(url) as old, old.transaction():
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM pg_class")
        connection.execute("SELECT perf_pipeline_meta.invalidate('d', 'kept', 'why')")
        queue.fold(connection)
        kept = queue.claim(connection, CacheType("d", debounce_s=0.0), lease_s=600)
        for _ in range(CYCLES):
            cycle(connection)
        before = queue.log_depth(connection).queue_bytes
        assert queue.tidy(connection).rewritten
        assert queue.log_depth(connection).queue_bytes < before / 10
        assert queue.finish(connection, kept).done == 1, "the lease is kept"


def test_only_the_idle_log_is_emptied(url: str) -> None:
    with worker(url) as connection:
        for table in ("log_0", "log_1", "bulk_0", "bulk_1"):
            connection.execute(
                f"INSERT INTO perf_pipeline_meta.invalidation_{table} (rule_id, entity)"
                " VALUES (1, 'a')"
            )
        assert queue.tidy(connection, at=EVEN).emptied == (), "they hold entries"
        queue.fold(connection)
        assert queue.tidy(connection, at=TURN).emptied == ()
        assert queue.tidy(connection, at=EVEN).emptied == (
            "invalidation_log_1",
            "invalidation_bulk_1",
        )
        assert queue.tidy(connection, at=ODD).emptied == (
            "invalidation_log_0",
            "invalidation_bulk_0",
        )
        assert queue.tidy(connection, at=ODD).emptied == ()


def test_an_open_transaction_keeps_its_entries(url: str) -> None:
    with worker(url) as connection, worker(url) as other:
        with other.transaction():
            for log in (0, 1):
                other.execute(
                    f"INSERT INTO perf_pipeline_meta.invalidation_log_{log} (cache_type, entity)"
                    f" VALUES ('c', '{log}')"
                )
            assert queue.fold(connection).taken == 0
            assert [queue.tidy(connection, at=at).emptied for at in (EVEN, ODD)] == [(), ()]
        assert queue.fold(connection).taken == 2
        assert [due.entity for due in queue.claim(connection, CACHE)] == ["0", "1"]


def test_a_dump_makes_nobody_wait(url: str) -> None:
    with worker(url) as connection, worker(url) as dump:
        with dump.transaction():
            dump.execute("LOCK TABLE perf_pipeline_meta.invalidation_log_0 IN ACCESS SHARE MODE")
            cycle(connection)
            assert queue.tidy(connection, at=ODD).emptied == ()
        assert queue.tidy(connection, at=ODD).emptied == ("invalidation_log_0",)
