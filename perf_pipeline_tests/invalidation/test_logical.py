"""Capture from the write-ahead log: all that changed is told, and the disk is not filled."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.invalidation import drain, install, logical, looks, queue, stream
from perf_pipeline.invalidation.model import CacheType, Captured
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN

pytestmark = pytest.mark.server

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id integer PRIMARY KEY, tenant text, note text);
CREATE TABLE shop.items (id integer PRIMARY KEY, order_id integer NOT NULL);
CREATE TABLE shop.log (id integer, day integer, tenant text, PRIMARY KEY (id, day, tenant))
    PARTITION BY LIST (day);
CREATE TABLE shop.log_1 PARTITION OF shop.log FOR VALUES IN (1);
CREATE TABLE shop.log_2 PARTITION OF shop.log FOR VALUES IN (2);
CREATE TABLE shop.keyless (tenant text);
CREATE UNLOGGED TABLE shop.unlogged (id integer PRIMARY KEY, tenant text);
ALTER TABLE shop.orders REPLICA IDENTITY FULL;
ALTER TABLE shop.items REPLICA IDENTITY FULL;
"""


def cache(*captured: tuple[str, str], name: str = "c", **more: Any) -> CacheType:
    some = tuple(Captured(table, entity, per="logical") for table, entity in captured)
    return CacheType(name, some, debounce_s=0.0, **more)


ORDERS = cache(("shop.orders", "tenant"))


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, server_directory: Path
) -> Iterator[EmbeddedServer]:
    """Return a server that writes what logical decoding needs."""
    settings = {**FORGETFUL, "wal_level": "logical", "max_replication_slots": "4"}
    with EmbeddedServer(server_directory / "logical", pg_bin=PG_BIN, settings=settings) as server:
        yield server


@pytest.fixture
def url(running: EmbeddedServer) -> Iterator[str]:
    """Return a new database; its slots are dropped after the test."""
    running.ensure_database("shop")
    yield running.url("shop")
    with psycopg.connect(running.url("shop"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE database = current_database()"
        )
    running.drop_database("shop")


@pytest.fixture
def ours(url: str) -> Iterator[psycopg.Connection]:
    """Return our session."""
    with pg.session(url, read_only=False, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")  # a commit is on disk, and told, at once
        connection.execute(SHOP)
        yield connection


def told(connection: psycopg.Connection) -> set[str]:
    """Return the entities told since the last call, finished."""
    while stream.pump(connection).more:
        pass
    queue.fold(connection)
    due = queue.claim(connection, ORDERS)
    queue.finish(connection, due)
    return {each.entity for each in due}


def slots(connection: psycopg.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT slot_name FROM pg_replication_slots")]


def test_every_kind_of_change_is_told_and_what_was_undone_is_not(ours: psycopg.Connection) -> None:
    install.install(ours, "shop", [ORDERS])
    assert told(ours) == {"*"}  # nobody knows what changed before
    assert ours.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'perf%'").fetchone() == (
        0,
    )
    do = ours.execute
    do(
        "INSERT INTO shop.orders"
        " VALUES (1, 'a', ''), (2, 'b', ''), (3, NULL, ''), (4, 'ünï {x}', '')"
    )
    assert told(ours) == {"a", "b", "ünï {x}"}
    do("UPDATE shop.orders SET tenant = 'c' WHERE id = 1")
    assert told(ours) == {"a", "c"}  # where it was, and where it is
    do("UPDATE shop.orders SET note = repeat(md5(id::text), 3000) WHERE id = 2")
    assert told(ours) == {"b"}
    do("UPDATE shop.orders SET id = 9 WHERE id = 2")  # the long note is not sent again
    assert told(ours) == {"b"}
    do("UPDATE shop.orders SET tenant = NULL WHERE id = 9")
    assert told(ours) == {"b"}
    with ours.transaction() as undone:
        do("DELETE FROM shop.orders")
        raise psycopg.Rollback(undone)
    with ours.transaction():
        do("DELETE FROM shop.orders WHERE id = 1")
        with ours.transaction() as undone:
            do("DELETE FROM shop.orders WHERE id = 4")
            raise psycopg.Rollback(undone)
    assert told(ours) == {"c"}
    do("TRUNCATE shop.orders")
    assert told(ours) == {"*"}
    do("CREATE TABLE shop.other (id integer)")
    do("INSERT INTO shop.other VALUES (1)")
    assert told(ours) == set()


def test_partitions_and_paths(ours: psycopg.Connection) -> None:
    caches = [cache(("shop.log", "tenant"), ("shop.items", "order_id -> shop.orders.id : tenant"))]
    plan = install.install(ours, "shop", caches).plan
    assert any("shop.orders is captured, too" in note for note in plan.notes)
    assert told(ours) == {"*"}
    do = ours.execute
    do("INSERT INTO shop.log VALUES (1, 1, 'a'), (2, 2, 'b')")
    assert told(ours) == {"a", "b"}
    do("UPDATE shop.log SET day = 2 WHERE id = 1")  # to another partition
    assert told(ours) == {"a"}
    do(
        "UPDATE shop.log_2 SET tenant = 'z' WHERE id = 2"
    )  # by its own name; the key holds the tenant
    assert told(ours) == {"b", "z"}
    do("TRUNCATE shop.log_2")
    assert told(ours) == {"*"}
    do("CREATE TABLE shop.log_3 PARTITION OF shop.log FOR VALUES IN (3)")
    do("INSERT INTO shop.log VALUES (3, 3, 'new')")
    assert told(ours) == {"new"}
    do("INSERT INTO shop.log VALUES (4, 3, 'gone')")
    do("DROP TABLE shop.log_3")  # before it was read: nobody can tell whose rows these were
    assert told(ours) == {"*"}
    do("INSERT INTO shop.orders VALUES (1, 'p', '')")
    do("INSERT INTO shop.items VALUES (1, 1)")
    assert told(ours) == {"p"}
    do("UPDATE shop.orders SET tenant = 'q'")
    assert told(ours) == {"p", "q"}


@pytest.mark.parametrize(
    ("captured", "said"),
    [
        (("shop.keyless", "tenant"), "shop.keyless has no replica identity"),
        (("shop.unlogged", "tenant"), "shop.unlogged is not logged"),
        (("shop.plain", "tenant"), r"the replica identity \(id\) lacks tenant"),
        (("shop.parted", "tenant"), "shop.parted has no primary key"),
    ],
)
def test_a_table_whose_rows_do_not_tell_their_entity_is_refused(
    ours: psycopg.Connection, captured: tuple[str, str], said: str
) -> None:
    ours.execute(
        "CREATE TABLE shop.plain (id integer PRIMARY KEY, tenant text);"
        "CREATE TABLE shop.parted (tenant text) PARTITION BY LIST (tenant)"
    )
    with pytest.raises(logical.LogicalError, match=said):
        install.install(ours, "shop", [cache(captured)])
    assert slots(ours) == []
    ours.execute("INSERT INTO shop.keyless VALUES ('a')")
    ours.execute("UPDATE shop.keyless SET tenant = 'b'")  # nothing was published


def test_a_server_that_does_not_write_it_is_told(server: EmbeddedServer) -> None:
    server.ensure_database("shop_replica")
    with pg.session(server.url("shop_replica"), read_only=False, autocommit=True) as connection:
        connection.execute(SHOP)
        with pytest.raises(logical.LogicalError, match="wal_level is replica"):
            install.install(connection, "shop", [ORDERS])
    server.drop_database("shop_replica")


def test_what_was_read_but_not_forgotten_is_read_again(
    ours: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.install(ours, "shop", [ORDERS])
    assert told(ours) == {"*"}
    ours.execute("INSERT INTO shop.orders VALUES (1, 'a', '')")
    real = stream.query

    def killed(connection: Any, name: str, values: Any = None) -> Any:
        if name == "logical_advance":
            raise KeyboardInterrupt
        return real(connection, name, values)

    monkeypatch.setattr(stream, "query", killed)
    with pytest.raises(KeyboardInterrupt):
        stream.pump(ours)
    monkeypatch.undo()
    queue.fold(ours)
    assert [each.entity for each in queue.claim(ours, ORDERS, lease_s=0.0)] == ["a"]
    assert stream.pump(ours).changes == 1  # twice rather than never
    assert stream.pump(ours).changes == 0


def test_two_readers_and_a_transaction_that_nobody_sees_yet(
    ours: psycopg.Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.install(ours, "shop", [ORDERS])
    assert told(ours) == {"*"}
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", logical.READER)
        assert stream.pump(ours).busy
    ours.execute("INSERT INTO shop.orders VALUES (1, 'a', '')")
    # as with a standby that has not yet confirmed: in the write-ahead log, and invisible
    real, hidden = stream.query, True

    def query(connection: Any, name: str, values: Any = None) -> Any:
        found = real(connection, name, values)
        if name == "logical_visible" and hidden:
            found = [{**found[0], "from_xid": found[0]["from_xid"] - 100}]
        return found

    monkeypatch.setattr(stream, "query", query)
    monkeypatch.setattr(stream, "_VISIBLE_S", 0.05)
    assert stream.pump(ours).busy
    queue.fold(ours)
    assert queue.claim(ours, ORDERS) == []
    hidden = False
    assert told(ours) == {"a"}


def test_a_slot_that_holds_back_too_much_goes_and_nothing_is_lost(ours: psycopg.Connection) -> None:
    install.install(ours, "shop", [ORDERS])
    assert told(ours) == {"*"}
    before = slots(ours)
    logical.configure(ours, limit_bytes=100_000)
    assert slots(ours) == before
    ours.execute(
        "INSERT INTO shop.orders SELECT g, 'a', repeat('x', 100) FROM generate_series(1, 2000) AS g"
    )
    lag = logical.lag(ours)
    assert lag is not None
    assert lag.share > 1.0
    assert "holds back" in logical.worries(ours)[0]
    found = stream.pump(ours)
    assert "holds back" in found.gap
    assert told(ours) == {"*"}
    after = logical.lag(ours)
    assert after is not None
    assert (after.gaps, after.share < 1.0) == (1, True)
    assert len(slots(ours)) == 1
    assert slots(ours) != before
    # one that is gone, and one that a killed renewal left behind
    ours.execute("SELECT pg_drop_replication_slot(%s)", [after.slot])
    ours.execute(
        "SELECT pg_create_logical_replication_slot('perf_pipeline_inv_0123456789ab', 'pgoutput')"
    )
    assert "gone" in stream.pump(ours).gap
    assert told(ours) == {"*"}
    ours.execute("DROP PUBLICATION perf_pipeline_invalidation")
    ours.execute("INSERT INTO shop.orders VALUES (5000, 'b', '')")
    assert told(ours) == {"*"}
    assert len(slots(ours)) == 1


def test_what_the_publication_did_not_have_is_told_as_everything(ours: psycopg.Connection) -> None:
    install.install(ours, "shop", [ORDERS])
    told(ours)
    install.install(ours, "shop", [ORDERS, cache(("shop.items", "id"), name="d")])
    assert told(ours) == {"*"}  # the stream begins anew
    ours.execute("INSERT INTO shop.items VALUES (7, 1)")
    assert stream.pump(ours).entries == 1
    first = slots(ours)
    install.install(ours, "shop", [ORDERS, cache(("shop.items", "id"), name="d")])
    assert slots(ours) == first  # nothing to do


def test_a_worker_reads_it_and_the_sensors_look_sees_it(
    ours: psycopg.Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.execute(
        "CREATE TABLE shop.made (tenant text);"
        "CREATE FUNCTION shop.make(text[]) RETURNS TABLE (entity text, error text) LANGUAGE sql"
        " AS $$ INSERT INTO shop.made SELECT unnest($1) RETURNING NULL, NULL $$"
    )
    caches = [cache(("shop.orders", "tenant"), process="shop.make")]
    monkeypatch.setenv("SHOP_URL", url)
    target = Target(name="shop", url_env="SHOP_URL", history_start=date(2026, 1, 1))
    install.install(ours, "shop", caches)
    drain.drain(target, caches)
    assert not looks.has_work(target, caches)
    ours.execute("INSERT INTO shop.orders VALUES (1, 'a', '')")
    assert looks.has_work(target, caches)
    drain.drain(target, caches)
    assert ours.execute("SELECT tenant FROM shop.made").fetchall() == [("*",), ("a",)]
    assert not looks.has_work(target, caches)
    assert logical.worries(ours) == []


def test_nothing_is_left_behind(ours: psycopg.Connection) -> None:
    install.install(ours, "shop", [ORDERS])
    assert len(slots(ours)) == 1
    install.install(ours, "shop", [])
    assert slots(ours) == []
    install.install(ours, "shop", [ORDERS])
    install.uninstall(ours)
    assert slots(ours) == []
    assert ours.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)
    assert ours.execute(
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE nspname = 'perf_pipeline_meta'"
    ).fetchone() == (0,)


def test_a_transaction_larger_than_a_piece_is_read_whole(
    ours: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_FETCH", 100)
    install.install(ours, "shop", [ORDERS])
    told(ours)
    with ours.transaction():
        ours.execute(
            "INSERT INTO shop.orders"
            " SELECT g, (g % 300)::text, '' FROM generate_series(1, 2000) AS g"
        )
    ours.execute("INSERT INTO shop.orders VALUES (5000, 'b', '')")
    first = stream.pump(ours, most=500)
    assert (first.changes, first.entries, first.more) == (2000, 300, True)
    assert told(ours) == {*map(str, range(300)), "b"}
