"""A real replica with `hot_standby_feedback` reads while partitions come and go."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import UnsupportedServerError
from perf_pipeline.partitions import apply
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN
from perf_pipeline_tests.partitions.conftest import Shop, months_ago
from perf_pipeline_tests.snapshots.sessions import until
from perf_pipeline_tests.snapshots.test_replication import base_backup, caught_up, follow

pytestmark = pytest.mark.server
SLOT = "partitions_standby"
OLD, THIS, NEXT = (months_ago(n) for n in (5, 0, -1))


@pytest.fixture(scope="module")
def replica(default_server: EmbeddedServer, server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a hot standby that lets its readers end before it goes on."""
    folder = server_directory / "partitions_replica"
    backup = base_backup(default_server, folder, "-R", "-C", "-S", SLOT)
    _, said = backup.communicate(timeout=60)
    assert backup.returncode == 0, said
    follow(default_server, folder)
    settings = {
        **FORGETFUL,
        "wal_retrieve_retry_interval": "100ms",
        "hot_standby_feedback": "on",
        "wal_receiver_status_interval": "1",
        "max_standby_streaming_delay": "-1",
    }
    with EmbeddedServer(folder, pg_bin=PG_BIN, settings=settings) as server:
        yield server
    with psycopg.connect(default_server.url(), autocommit=True) as primary:
        until(primary, f"SELECT NOT active FROM pg_replication_slots WHERE slot_name = '{SLOT}'")
        primary.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])


def test_its_readers_stop_nothing_and_lose_nothing(replica: EmbeddedServer, shop: Shop) -> None:
    shop.partition(OLD[0], OLD[1], f"events_{OLD[2]}")
    shop.fill(OLD[0], 50)
    policy = shop.old(fill_gaps=False)
    url = replica.url(shop.name)
    caught_up(shop.connection)
    counted = "SELECT count(*) FROM app.events"
    with psycopg.connect(url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute(counted).fetchone() == (50,)
        feedback = "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE xmin IS NOT NULL)"
        until(shop.connection, feedback)
        # the primary waits for nobody there
        report = shop.run(policy)
        assert [(d.kind, d.outcome) for d in report.done] == [
            ("create", "done"),
            ("create", "done"),
            ("archive", "done"),
            ("detach", "done"),
            ("drop", "done"),
        ]
        assert [d.detail.get("how") for d in report.done if d.kind == "detach"] == ["concurrently"]
        shop.fill(THIS[0], 5)
        assert shop.one(counted) == 5
        # the reader sees what its snapshot has, to its end
        assert reader.execute(counted).fetchone() == (50,)
    caught_up(shop.connection)
    with psycopg.connect(url) as reader:
        assert reader.execute(counted).fetchone() == (5,)
        found = reader.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'app.events'::regclass"
        )
        assert found.fetchone() == (2,)


def test_a_replica_itself_is_refused(replica: EmbeddedServer, shop: Shop) -> None:
    caught_up(shop.connection)
    for detail in (True, False):
        with pytest.raises(UnsupportedServerError, match="replica"):
            apply.look_and_plan(
                shop.store, shop.name, replica.url(shop.name), [shop.policy()], detail=detail
            )
