"""What menuca's functions, triggers and views do, on every version."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema

pytestmark = pytest.mark.server

#: Two tenants with two restaurants and two accounts each, and what can be ordered.
ROWS = """
INSERT INTO menuca.tenants (id, name) VALUES (1, 'one'), (2, 'two');
INSERT INTO menuca.restaurants (id, tenant_id, name)
VALUES (11, 1, 'a'), (12, 1, 'b'), (21, 2, 'c'), (22, 2, 'd');
INSERT INTO menuca.users (id, tenant_id, email, full_name)
VALUES (11, 1, 'a@x.test', 'A'), (12, 1, 'b@x.test', 'B'),
       (21, 2, 'a@x.test', 'C'), (22, 2, 'd@x.test', 'D');
INSERT INTO menuca.menus (id, tenant_id, restaurant_id, name)
VALUES (11, 1, 11, 'm'), (21, 2, 21, 'm');
"""


@pytest.fixture(scope="module")
def menuca(each_server: EmbeddedServer) -> Iterator[str]:
    """Return the URL of a database with the schema and no rows."""
    each_server.ensure_database("menuca_schema")
    schema.apply(each_server.url("menuca_schema"), "menuca")
    yield each_server.url("menuca_schema")
    each_server.drop_database("menuca_schema")


@pytest.fixture(scope="module")
def session(menuca: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(menuca) as connection:
        yield connection


@pytest.fixture
def db(session: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Return a session with a few rows whose transaction is rolled back."""
    session.execute("SET LOCAL timezone = 'America/New_York'")  # days are UTC all the same
    session.execute(ROWS)
    yield session
    session.rollback()


def add_items(db: psycopg.Connection, tenant: int, count: int) -> None:
    db.execute(
        "INSERT INTO menuca.menu_items (tenant_id, restaurant_id, menu_id, name, price) "
        "SELECT %(tenant)s, %(tenant)s * 10 + 1, %(tenant)s * 10 + 1, 'item', 1 "
        "FROM generate_series(1, %(count)s)",
        {"tenant": tenant, "count": count},
    )


def add_order(db: psycopg.Connection, restaurant: int, placed: datetime, **values: Any) -> int:
    row = db.execute(
        "INSERT INTO menuca.orders (tenant_id, restaurant_id, user_id, total_amount, "
        "commission_amount, placed_at, status, delivered_at) VALUES (%(tenant)s, %(restaurant)s, "
        "%(tenant)s * 10 + 1, %(total)s, %(commission)s, %(placed)s, "
        "%(status)s::menuca.order_status, "
        "CASE WHEN %(status)s::text = 'delivered' THEN %(placed)s::timestamptz END) RETURNING id",
        {
            "tenant": restaurant // 10,
            "restaurant": restaurant,
            "placed": placed,
            "total": 20,
            "commission": 2,
            "status": "delivered",
            **values,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


# --- tables ---------------------------------------------------------------------------------


def test_orders_take_ids_and_land_in_their_tenants_partition(db: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    ids = [add_order(db, restaurant, now) for restaurant in (11, 21, 12)]
    assert len(set(ids)) == 3
    rows = db.execute(
        "SELECT tenant_id, count(DISTINCT tableoid) FROM menuca.orders GROUP BY tenant_id"
    ).fetchall()
    assert dict(rows) == {1: 1, 2: 1}


@pytest.mark.parametrize(("restaurant", "user"), [(21, 11), (11, 21)])
def test_an_order_cannot_name_what_is_another_tenants(
    db: psycopg.Connection, restaurant: int, user: int
) -> None:
    insert = (
        "INSERT INTO menuca.orders (tenant_id, restaurant_id, user_id, total_amount, "
        "commission_amount) VALUES (1, %s, %s, 1, 0)"
    )
    db.execute(insert, (11, 11))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute(insert, (restaurant, user))


def test_the_day_of_an_order_is_a_utc_day(db: psycopg.Connection) -> None:
    add_order(db, 11, datetime(2026, 3, 1, 0, 30, tzinfo=UTC))  # 28 February in New York
    assert db.execute("SELECT order_day FROM menuca.orders").fetchall() == [(date(2026, 3, 1),)]


def test_an_address_is_active_once_per_tenant(db: psycopg.Connection) -> None:
    db.execute("UPDATE menuca.users SET status = 'deleted' WHERE id = 11")
    again = "INSERT INTO menuca.users (tenant_id, email, full_name) VALUES (1, 'a@x.test', 'again')"
    db.execute(again)
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(again)


def test_every_table_says_what_a_row_is(db: psycopg.Connection) -> None:
    rows = db.execute(
        "SELECT relname, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class "
        "WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition "
        "AND relnamespace = 'menuca'::regnamespace"
    ).fetchall()
    assert len(rows) == 15
    assert [name for name, comment in rows if not comment.startswith("One row per ")] == []


# --- partitions of months -------------------------------------------------------------------


def make(db: psycopg.Connection, parent: str, month: str) -> str:
    row = db.execute(
        "SELECT menuca.create_monthly_partition(%s::regclass, %s::date)", (parent, month)
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_months_up_to_three_ahead_are_there(db: psycopg.Connection) -> None:
    ahead = datetime.now(UTC) + timedelta(days=85)
    for moment in (datetime(2024, 1, 1, tzinfo=UTC), datetime.now(UTC), ahead):
        row = db.execute(
            "INSERT INTO menuca.audit_logs (tenant_id, action, table_name, record_id, created_at) "
            "VALUES (1, 'update', 'orders', 1, %s) RETURNING tableoid::regclass::text",
            (moment,),
        ).fetchone()
        assert row == (f"menuca.audit_logs_{moment:%Y_%m}",)


def test_a_month_is_made_once_from_any_of_its_days(db: psycopg.Connection) -> None:
    assert make(db, "menuca.audit_logs", "2099-12-31") == "audit_logs_2099_12"
    assert make(db, "menuca.audit_logs", "2099-12-01") == "audit_logs_2099_12"
    row = db.execute(
        "SELECT pg_get_expr(c.relpartbound, c.oid), "
        "(SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid), "
        "(SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f') "
        "FROM pg_class c WHERE c.oid = 'menuca.audit_logs_2099_12'::regclass"
    ).fetchone()
    # midnight of UTC, told in New York; the key and the index by tenant; tenant and account
    assert row == (
        "FOR VALUES FROM ('2099-11-30 19:00:00-05') TO ('2099-12-31 19:00:00-05')",
        2,
        2,
    )


def test_names_that_need_quotes_are_kept(db: psycopg.Connection) -> None:
    db.execute('CREATE SCHEMA "My Own"')
    db.execute(
        'CREATE TABLE "My Own"."Big Table" (id int, "At" timestamptz) PARTITION BY RANGE ("At")'
    )
    assert make(db, '"My Own"."Big Table"', "2026-02-03") == "Big Table_2026_02"
    db.execute("""INSERT INTO "My Own"."Big Table" VALUES (1, '2026-02-28 23:59Z')""")


@pytest.mark.parametrize(
    ("prepare", "parent", "message"),
    [
        ("SELECT 1", "menuca.users", "menuca.users is not partitioned by a range"),
        ("SELECT 1", "menuca.orders", "menuca.orders is not partitioned by a range"),
        (
            "CREATE TABLE menuca.audit_logs_2099_12 (id int)",
            "menuca.audit_logs",
            "menuca.audit_logs_2099_12 is there, but not as the partition",
        ),
        (
            "CREATE TABLE menuca.audit_logs_2099_12 PARTITION OF menuca.audit_logs "
            "FOR VALUES FROM ('2099-12-02Z') TO ('2100-01-01Z')",
            "menuca.audit_logs",
            "menuca.audit_logs_2099_12 is there, but not as the partition",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    db: psycopg.Connection, prepare: str, parent: str, message: str
) -> None:
    db.execute(prepare)  # type: ignore[call-overload]
    with pytest.raises(psycopg.ProgrammingError, match=message):
        make(db, parent, "2099-12-01")


# --- the materialized view ------------------------------------------------------------------


def refresh(db: psycopg.Connection) -> bool:
    row = db.execute("SELECT menuca.refresh_restaurant_analytics()").fetchone()
    assert row is not None
    return bool(row[0])


def test_days_of_restaurants_are_summed_and_nobody_is_left_out(db: psycopg.Connection) -> None:
    today = datetime.now(UTC).replace(hour=12, minute=0)
    first = today - timedelta(days=30)
    add_order(db, 11, today)
    add_order(db, 11, today.replace(hour=0, minute=1), total=30, commission=3)
    add_order(db, 11, today.replace(hour=23, minute=59), status="cancelled")
    add_order(db, 12, first.replace(hour=0, minute=0, second=0, microsecond=0))
    add_order(db, 12, first - timedelta(days=1))
    assert refresh(db) is False
    rows = db.execute("SELECT * FROM menuca.restaurant_analytics ORDER BY 1, 2, 3").fetchall()
    assert [tuple(map(str, row)) for row in rows] == [
        ("1", "11", str(today.date()), "2", "50.00", "5.00", "25.00"),
        ("1", "12", str(first.date()), "1", "20.00", "2.00", "20.00"),
        ("2", "21", str(first.date()), "0", "0", "0", "None"),
        ("2", "22", str(first.date()), "0", "0", "0", "None"),
    ]


def test_a_refresh_without_a_change_moves_no_row(db: psycopg.Connection) -> None:
    add_order(db, 11, datetime.now(UTC))
    refresh(db)
    places = "SELECT restaurant_id, ctid::text FROM menuca.restaurant_analytics ORDER BY 1"
    before = db.execute(places).fetchall()
    assert refresh(db) is True
    assert db.execute(places).fetchall() == before
    db.execute("SET LOCAL timezone = 'Pacific/Kiritimati'")  # 14 hours ahead
    refresh(db)
    assert db.execute(places).fetchall() == before
    add_order(db, 21, datetime.now(UTC))
    refresh(db)
    assert db.execute(places).fetchall() != before


# --- routes, what is slow, alerts -----------------------------------------------------------


def test_a_query_is_routed_to_a_role(db: psycopg.Connection) -> None:
    kinds = ["write", "analytics", "reporting", "other", None]
    rows = db.execute("SELECT menuca.route_query(k) FROM unnest(%s::text[]) AS k", (kinds,))
    assert [row[0] for row in rows] == ["primary", "analytics", "reporting", "primary", "primary"]


def test_table_metrics_know_every_table_whatever_its_name(db: psycopg.Connection) -> None:
    db.execute('CREATE TABLE menuca."with a space" (id int)')
    rows = db.execute(
        "SELECT table_name, total_bytes FROM menuca.performance_metrics "
        "WHERE schema_name = 'menuca'"
    ).fetchall()
    names = {name for name, _ in rows}
    assert {"with a space", "users", "orders_partition_3", "audit_logs_2024_01"} <= names
    assert not names & {"orders", "audit_logs"}
    assert dict(rows)["users"] > 0


def test_slow_statements_are_those_above_the_limit(menuca: str) -> None:
    with psycopg.connect(menuca, autocommit=True) as db:
        db.execute("SELECT pg_sleep(0.05) AS slow_one")
        listed = "SELECT calls, mean_ms FROM menuca.slow_statements(%s) WHERE query LIKE %s"
        found = db.execute(listed, (40, "SELECT pg_sleep%slow_one")).fetchall()
        assert [row[0] for row in found] == [1]
        assert found[0][1] > 50
        assert db.execute(listed, (10_000, "SELECT pg_sleep%slow_one")).fetchall() == []
        shown = "SELECT query LIKE %s, mean_ms > 1000 FROM menuca.slow_queries"
        assert set(db.execute(shown, ("SELECT pg_sleep%slow_one",))) <= {(False, True)}


def test_the_extension_can_be_updated_below_the_view(db: psycopg.Connection) -> None:
    row = db.execute(
        "SELECT count(*) FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid "
        "WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class <> d.refobjid "
        "AND d.refobjid = 'public.pg_stat_statements'::regclass"
    ).fetchone()
    assert row == (0,)


def test_alerts_count_clients_alone_and_say_what_is_not_available(menuca: str) -> None:
    with psycopg.connect(menuca) as db:  # within one transaction the same sessions are seen
        counted = db.execute(
            "SELECT 100.0 * count(*) / current_setting('max_connections')::int "
            "FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchone()
        rows = db.execute("SELECT * FROM menuca.check_performance_alerts()").fetchall()
    assert counted is not None
    assert [row[0] for row in rows] == ["slow_queries", "high_connections", "high_cpu"]
    assert [row[3] for row in rows] == [False, False, False]
    assert rows[0][1:3] == (0.0, 10.0)
    assert rows[1][1] == pytest.approx(float(counted[0]))
    assert rows[2][1] is None
    assert rows[2][4].startswith("not available")


def test_an_alert_that_fires_is_announced(menuca: str) -> None:
    # eleven slow statements are too many to run: the limits are put lower, the rule is the same
    with (
        psycopg.connect(menuca, autocommit=True) as listener,
        psycopg.connect(menuca) as db,
    ):
        text = db.execute(
            "SELECT pg_get_functiondef('menuca.check_performance_alerts()'::regprocedure)"
        ).fetchone()
        assert text is not None
        lowered = text[0].replace("slow_statements(2000)", "slow_statements(0)")
        lowered = lowered.replace("s.calls > 100", "s.calls >= 1").replace(
            "10::double", "0::double"
        )
        db.execute("SELECT 1 AS counted")
        db.execute(lowered)
        listener.execute("LISTEN performance_alert")
        rows = db.execute("SELECT * FROM menuca.check_performance_alerts()").fetchall()
        db.execute(text[0])
        db.commit()
        heard = [json.loads(n.payload) for n in listener.notifies(timeout=60, stop_after=1)]
    assert [row[0] for row in rows if row[3]] == ["slow_queries"]
    assert [(told["type"], told["threshold"]) for told in heard] == [("slow_queries", 0)]
