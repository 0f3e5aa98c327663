"""Indexes of partitioned tables: built part by part, resumed, rebuilt when their text changes."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import catalogue, partitioned, schema
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline_tests.examples.test_schema import shape

OPEN = ("menuca", "idx_orders_tenant_status_date")
FILE = "200_idx_orders_tenant_status_date.sql"
WHERE = "WHERE status IN ('pending', 'confirmed', 'preparing')"
PARTS = [f"menuca.orders_partition_{n}_idx_orders_tenant_status_date" for n in range(16)]


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> str:
    name = "menuca_empty"
    server.ensure_database(name)
    schema.apply(server.url(name), "menuca")
    return name


@pytest.fixture
def url(template: str, make_database: Callable[..., str]) -> str:
    return make_database(template)


def parts(url: str) -> dict[str, bool]:
    """Return the index's parts by name and whether each is usable."""
    with psycopg.connect(url) as connection:
        return {
            name: bool(item.facts["usable"])
            for (kind, name), item in catalogue.found(connection).items()
            if kind == "index" and name.endswith(f"_{OPEN[1]}")
        }


def test_a_part_that_is_missing_makes_the_file_run_without_a_drop() -> None:
    file = SqlFile(
        Path("i.sql"),
        "SELECT 1",
        {"transaction": "none", "index": "a.i", "build": partitioned.BY_PARTITION},
    )
    (action,) = schema.plan((file,), {}, {("a", "i"): False})
    assert action.drop_index is None
    (action,) = schema.plan((file,), {"i.sql": "0" * 64}, {("a", "i"): False})
    assert action.drop_index == ("a", "i")


@pytest.mark.server
def test_every_partition_has_its_part_under_a_name_that_says_so(url: str) -> None:
    assert parts(url) == dict.fromkeys(PARTS, True)


@pytest.mark.server
def test_a_build_that_was_cut_off_goes_on_where_it_stopped(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX menuca.idx_orders_tenant_status_date")
        connection.execute(
            "CREATE INDEX idx_orders_tenant_status_date ON ONLY menuca.orders "
            f"(tenant_id, status, placed_at DESC) {WHERE}"
        )
        for number in (3, 4):  # one attached, one not
            connection.execute(
                f"CREATE INDEX orders_partition_{number}_idx_orders_tenant_status_date "
                f"ON menuca.orders_partition_{number} (tenant_id, status, placed_at DESC) {WHERE}"
            )
        connection.execute(
            "ALTER INDEX menuca.idx_orders_tenant_status_date ATTACH PARTITION "
            "menuca.orders_partition_3_idx_orders_tenant_status_date"
        )
        kept = "SELECT (%s::regclass::oid, %s::regclass::oid)::text"
        before = connection.execute(kept, (PARTS[3], PARTS[4])).fetchone()
        # a third one is the leftover of a build that failed: not unique, as two rows show
        connection.execute("INSERT INTO menuca.tenants (id, name) VALUES (1, 'one')")
        connection.execute(
            "INSERT INTO menuca.restaurants (id, tenant_id, name) VALUES (1, 1, 'r')"
        )
        connection.execute(
            "INSERT INTO menuca.users (id, tenant_id, email, full_name) VALUES (1, 1, 'e', 'n')"
        )
        connection.execute(
            "INSERT INTO menuca.orders "
            "(tenant_id, restaurant_id, user_id, total_amount, commission_amount) "
            "SELECT 1, 1, 1, 10, 1 FROM generate_series(1, 2)"
        )
        row = connection.execute("SELECT tableoid::regclass::text FROM menuca.orders").fetchone()
        assert row is not None
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(
                f"CREATE UNIQUE INDEX CONCURRENTLY {row[0].removeprefix('menuca.')}_{OPEN[1]} "
                f"ON {row[0]} (tenant_id)"
            )
        assert schema.index_states(connection)[OPEN] is False
        assert schema.apply(url, "menuca").applied == (FILE,)
        assert schema.index_states(connection)[OPEN] is True
        assert connection.execute(kept, (PARTS[3], PARTS[4])).fetchone() == before
    assert parts(url) == dict.fromkeys(PARTS, True)
    assert schema.apply(url, "menuca").applied == ()


_KILLED = """
import os, signal, sys
import psycopg
from perf_pipeline.examples import schema

real, count = psycopg.Connection.execute, 0

def dying(self, query, *args, **kwargs):
    global count
    done = real(self, query, *args, **kwargs)
    text = query if isinstance(query, str) else query.as_string(self)
    if "INDEX CONCURRENTLY orders_partition_" in text:
        count += 1
        if count == 20:
            os.kill(os.getpid(), signal.SIGKILL)  # built, not attached, not recorded
    return done

psycopg.Connection.execute = dying
schema.apply(sys.argv[1], "menuca")
"""


@pytest.mark.server
def test_a_killed_apply_is_resumed(url: str, make_database: Callable[..., str]) -> None:
    killed = make_database()
    ended = subprocess.run([sys.executable, "-c", _KILLED, killed], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    resumed = schema.apply(killed, "menuca")
    # the first partitioned index was done, the fourth part of the second was not attached
    assert resumed.applied[0] == "203_idx_orders_analytics.sql"
    assert shape(killed) == shape(url)


@pytest.mark.server
def test_a_changed_text_makes_it_anew(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX menuca.idx_orders_tenant_status_date")
        connection.execute(
            "CREATE INDEX idx_orders_tenant_status_date ON menuca.orders (placed_at)"
        )
        connection.execute(
            "UPDATE perf_pipeline_meta.applied_file SET content_sha256 = repeat('0', 64) "
            "WHERE file_name = %s",
            (FILE,),
        )
    assert schema.apply(url, "menuca").applied == (FILE,)
    assert parts(url) == dict.fromkeys(PARTS, True)


@pytest.mark.server
def test_a_part_is_built_concurrently(url: str) -> None:
    with psycopg.connect(url) as connection:  # in a transaction, where it cannot be
        connection.execute("DROP INDEX menuca.idx_orders_tenant_placed")
        connection.execute(
            "CREATE INDEX idx_orders_tenant_placed ON ONLY menuca.orders (placed_at)"
        )
        with pytest.raises(psycopg.errors.ActiveSqlTransaction, match="CONCURRENTLY"):
            partitioned.build_parts(connection, ("menuca", "idx_orders_tenant_placed"))


@pytest.mark.server
def test_parts_are_attached_while_writers_hold_their_locks(url: str) -> None:
    whole = ("menuca", "idx_orders_tenant_placed")
    with psycopg.connect(url, autocommit=True) as connection, psycopg.connect(url) as writer:
        connection.execute("DROP INDEX menuca.idx_orders_tenant_placed")
        connection.execute(
            "CREATE INDEX idx_orders_tenant_placed ON ONLY menuca.orders (placed_at)"
        )
        for number in range(16):
            connection.execute(
                f"CREATE INDEX orders_partition_{number}_idx_orders_tenant_placed "
                f"ON menuca.orders_partition_{number} (placed_at)"
            )
        writer.execute("LOCK TABLE menuca.orders IN ROW EXCLUSIVE MODE")  # its partitions, too
        connection.execute("SET lock_timeout = '1s'")
        assert partitioned.build_parts(connection, whole) == 16
        assert schema.index_states(connection)[whole] is True


@pytest.mark.server
def test_a_name_that_would_be_cut_is_refused(url: str) -> None:
    name = "i" * 50
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE INDEX {name} ON ONLY menuca.orders (placed_at)")
        with pytest.raises(ConfigurationError, match=f"orders_partition_0_{name}"):
            partitioned.build_parts(connection, ("menuca", name))
