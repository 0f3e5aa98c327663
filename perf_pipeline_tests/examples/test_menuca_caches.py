"""What menuca's caches are told, by which change, and that its application then sees the truth."""

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest
from click.testing import CliRunner

from perf_pipeline import cli, settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema
from perf_pipeline.invalidation import drain, install
from perf_pipeline.invalidation.client import CacheClient, Limits
from perf_pipeline.store import Store
from perf_pipeline_tests.examples.caches import Connection, captured, declared, policies, told
from perf_pipeline_tests.examples.menuca import build, fill
from perf_pipeline_tests.examples.test_menuca_schema import ROWS
from perf_pipeline_tests.servers.caches import RedisServer

pytestmark = pytest.mark.server

ORDER = (
    "INSERT INTO menuca.orders (id, tenant_id, restaurant_id, user_id, total_amount,"
    " commission_amount) VALUES (1, 1, 11, 11, 10, 1)"
)
ITEM = (
    "INSERT INTO menuca.menu_items (id, tenant_id, restaurant_id, menu_id, name, price)"
    " VALUES (1, 1, 11, 11, 'soup', 5)"
)
OWED = (
    "INSERT INTO menuca.commissions (id, restaurant_id, commission_day, orders, amount)"
    " VALUES (1, 11, '2026-01-01', 1, 1)"
)


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    name = "menuca_caches"
    server.ensure_database(name)
    schema.apply(server.url(name), "menuca")
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(scope="module")
def session(url: str) -> Iterator[Connection]:
    with captured(url, "menuca") as connection:
        connection.execute(ROWS)
        yield connection


@pytest.fixture
def db(session: Connection) -> Iterator[Connection]:
    """Return a session whose transaction is rolled back, so that tests share the rows."""
    with session.transaction(force_rollback=True):
        told(session)
        yield session


@pytest.mark.parametrize(
    ("before", "change", "concerned"),
    [
        (ITEM, "UPDATE menuca.menu_items SET price = 6", {("menuItems", "11")}),
        (ITEM, "DELETE FROM menuca.menu_items", {("menuItems", "11")}),
        ("", "TRUNCATE menuca.commissions", {("commissions", "*")}),
        (
            "",
            "UPDATE menuca.restaurants SET name = 'z' WHERE id = 12",
            {("restaurants", "1")},
        ),
        (
            "",
            "INSERT INTO menuca.opening_hours VALUES (2, 21, 1, '09:00', '10:00')",
            {("restaurants", "2")},
        ),
        ("", "UPDATE menuca.users SET full_name = 'z' WHERE id = 21", {("users", "21")}),
        (
            "",
            "UPDATE menuca.users SET role = 'owner' WHERE id IN (11, 21)",
            {("users", "11"), ("users", "21"), ("sessions", "11"), ("sessions", "21")},
        ),
        (ORDER, "UPDATE menuca.orders SET status = 'preparing'", {("orders", "11")}),
        (OWED, "UPDATE menuca.commissions SET amount = 2", {("commissions", "1")}),
        ("", "UPDATE menuca.users SET full_name = 'x' WHERE id = 999", set()),
        (
            "",
            "SELECT perf_pipeline_meta.invalidate('rateLimits', '10.0.0.1')",
            {("rateLimits", "10.0.0.1")},
        ),
    ],
)
def test_a_change_concerns_whom_it_concerns(
    db: Connection, before: str, change: str, concerned: set[tuple[str, str]]
) -> None:
    if before:
        db.execute(before)
        told(db)
    db.execute(change)
    assert told(db) == concerned
    assert told(db) == set()


@pytest.mark.parametrize(
    ("before", "change", "concerned"),
    [
        (
            ITEM,
            "UPDATE menuca.menu_items SET tenant_id = 2, restaurant_id = 21, menu_id = 21",
            {("menuItems", "11"), ("menuItems", "21")},
        ),
        (  # from one partition to another
            ORDER,
            "UPDATE menuca.orders SET tenant_id = 2, restaurant_id = 21, user_id = 21",
            {("orders", "11"), ("orders", "21")},
        ),
        (
            OWED,
            "UPDATE menuca.commissions SET restaurant_id = 21",
            {("commissions", "1"), ("commissions", "2")},
        ),
        (  # what a restaurant owes goes with it
            "INSERT INTO menuca.restaurants (id, tenant_id, name) VALUES (99, 1, 'n')",
            "UPDATE menuca.restaurants SET tenant_id = 2 WHERE id = 99",
            {
                ("restaurants", "1"),
                ("restaurants", "2"),
                ("commissions", "1"),
                ("commissions", "2"),
            },
        ),
    ],
)
def test_what_moves_concerns_both_sides(
    db: Connection, before: str, change: str, concerned: set[tuple[str, str]]
) -> None:
    """D-043: told was the new side only."""
    db.execute(before)
    told(db)
    db.execute(change)
    assert told(db) == concerned


def test_ten_thousand_rows_concern_a_restaurant_once(db: Connection) -> None:
    db.execute(
        "INSERT INTO menuca.menu_items (tenant_id, restaurant_id, menu_id, name, price)"
        " SELECT 1, 11, 11, 'item', 1 FROM generate_series(1, 10000)"
    )
    [logged] = db.execute(
        "SELECT (SELECT count(*) FROM perf_pipeline_meta.invalidation_log_0)"
        " + (SELECT count(*) FROM perf_pipeline_meta.invalidation_log_1)"
    ).fetchall()
    assert logged == (1,)
    assert told(db) == {("menuItems", "11")}


def test_a_writer_needs_no_right_to_the_notes(db: Connection) -> None:
    db.execute("CREATE ROLE menuca_cook")
    db.execute("GRANT USAGE ON SCHEMA menuca TO menuca_cook")
    db.execute("GRANT SELECT, UPDATE ON menuca.users TO menuca_cook")
    db.execute("SET LOCAL ROLE menuca_cook")
    db.execute("UPDATE menuca.users SET full_name = 'x' WHERE id = 11")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
        db.execute("SELECT perf_pipeline_meta.invalidate('users')")
    db.execute("RESET ROLE")
    assert told(db) == {("users", "11")}


def test_keys_and_times_are_the_described_ones() -> None:
    """M-17 to M-24."""
    found = policies("menuca")
    parts = {"session_id": "s"}
    named = {name: (policy.key_of("7", parts), policy.ttl_s) for name, policy in found.items()}
    assert named == {
        "menuItems": ("menuca:menuItems:{7}", 1800),
        "restaurants": ("menuca:restaurants:{7}", 3600),
        "users": ("menuca:users:{7}", 900),
        "sessions": ("menuca:sessions:{7}:s", 900),
        "orders": ("menuca:orders:{7}", 60),
        "commissions": ("menuca:commissions:{7}", 300),
        "rateLimits": ("menuca:rateLimits:{7}", 3600),
    }
    limits = Limits()
    assert (limits.l1_keys, limits.l1_ttl_s) == (10_000, 300)  # M-16


def test_its_application_sees_a_new_price(
    session: Connection, url: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENUCA_URL", url)
    target, caches = declared("menuca")

    def menu() -> list[str]:
        rows = session.execute("SELECT price::text FROM menuca.menu_items WHERE restaurant_id = 11")
        return [row[0] for row in rows]

    session.execute(ITEM)
    drain.drain(target, caches)
    session.execute("LISTEN cache_invalidation")
    no_l1 = Limits(l1_keys=0)
    with CacheClient(policies("menuca"), no_l1, listen=False) as client:
        assert client.get("menuItems", "11", menu) == ["5.00"]
        session.execute("UPDATE menuca.menu_items SET price = 6")
        assert client.get("menuItems", "11", menu) == ["5.00"]
        done = drain.drain(target, caches)
        assert done.down == ()
        assert client.get("menuItems", "11", menu) == ["6.00"]
    [note] = session.notifies(timeout=20, stop_after=1)
    assert note.payload == '{"c": "menuItems", "e": ["11"]}'  # M-25
    session.execute("UNLISTEN *")
    session.execute("DELETE FROM menuca.menu_items")


def test_where_no_redis_is_the_queue_empties_all_the_same(
    session: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENUCA_URL", url)
    target, caches = declared("menuca")
    session.execute("UPDATE menuca.users SET full_name = full_name")
    done = drain.drain(target, caches)
    assert (done.down, done.left.waiting) == ((), 0)


def test_a_person_sees_hits_and_who_is_not_told(
    url: str,
    session: Connection,
    shared_store: Store,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MENUCA_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)

    def status(*more: str) -> str:
        settings.current.cache_clear()
        command = ["invalidation", "status", "--target", "menuca", *more]
        return CliRunner().invoke(cli.cli, command).output

    with CacheClient(policies("menuca"), Limits(l1_keys=0), listen=False) as client:
        for _ in range(4):
            client.get("users", "11", lambda: "A")
    assert "hits, users: 75.0 % of 4 looks (0 in the process, 3 in Redis), 0 late" in status()
    assert json.loads(status("--json"))["hits"]["users"]["misses"] == 1
    monkeypatch.setenv("PERF_REDIS_URL", "redis://127.0.0.1:1")
    assert "hits: not known: Redis of PERF_REDIS_URL" in status()
    monkeypatch.delenv("PERF_REDIS_URL")
    assert "not told: redis: PERF_REDIS_URL is not set" in status()


def test_caches_are_told_that_all_is_new_and_not_row_by_row(
    server: EmbeddedServer, make_database: Callable[..., str]
) -> None:
    """Filling turns triggers off for the rows, and on again as they were."""
    filled = make_database(build(server))
    with captured(filled, "menuca") as connection:
        fill(filled, replace=True)
        names = {"commissions", "menuItems", "orders", "restaurants", "sessions", "users"}
        assert told(connection) == {(name, "*") for name in names}
        assert install.look(connection, declared("menuca")[1]).steps == ()
        connection.execute("UPDATE menuca.users SET full_name = 'x' WHERE id = 1")
        assert told(connection) == {("users", "1")}
