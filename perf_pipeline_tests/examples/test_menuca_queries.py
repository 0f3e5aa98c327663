"""Menuca's queries and load: index use by plan, no tenant sees another's, the load keeps order."""

import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import menuca, schema
from perf_pipeline.examples.menuca_kit import Size
from perf_pipeline.loadtests import pgbench
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile

pytestmark = pytest.mark.server

#: Partitions large enough that an index is worth its while.
SIZE = Size(tenants=100, orders_per_restaurant=200, items_per_restaurant=20, users_per_tenant=24)
#: A chain: restaurants 20, 103 and 104.
TENANT = 20
QUERIES = sqlfiles.folder("menuca/queries")
LOADS = sqlfiles.folder("menuca/load")

SINCE = datetime.now(UTC) - timedelta(days=40)


def parameters(tenant: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "restaurant_id": tenant,
        "since": SINCE,
        "email": f"user{(tenant - 1) * SIZE.users_per_tenant + 7}@example.test",
        "wanted": '{"cuisine": "Thai", "loyalty": {"points": 3}}',
        "before_placed_at": "infinity",
        "before_id": 2**63 - 1,
    }


def build(server: EmbeddedServer) -> str:
    """Make the database if needed and return its name; nobody stays connected to it."""
    name = "menuca_queries"
    server.ensure_database(name)
    schema.apply(server.url(name), "menuca")
    menuca.generate(
        server.url(name),
        SIZE.tenants,
        SIZE.orders_per_restaurant,
        items_per_restaurant=SIZE.items_per_restaurant,
        users_per_tenant=SIZE.users_per_tenant,
    )
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) menuca.orders")  # an index alone answers then
        connection.execute("ANALYZE menuca.restaurant_analytics")
    return name


@pytest.fixture(scope="module")
def db(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """Return a session on a copy that cannot write."""
    name = f"{build(server)}_read"
    server.ensure_database(name, build(server))
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def text(name: str) -> Any:
    return sqlfiles.load(f"menuca/queries/{name}").text


def rows(db: psycopg.Connection, name: str, tenant: int) -> list[tuple[Any, ...]]:
    with psycopg.ClientCursor(db) as cursor:
        return cursor.execute(text(name), parameters(tenant)).fetchall()


def plan(db: psycopg.Connection, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a statement's plan."""
    with psycopg.ClientCursor(db) as cursor:
        found = cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values).fetchone()
    assert found is not None
    nodes: list[dict[str, Any]] = []

    def visit(node: dict[str, Any]) -> None:
        nodes.append(node)
        for child in node.get("Plans", []):
            visit(child)

    visit(found[0][0]["Plan"])
    return nodes


# --- plans ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "index", "alone"),
    [
        ("open_orders", "idx_orders_tenant_status_date", False),
        ("menu", "idx_menu_items_restaurant_available", False),
        ("open_commissions", "idx_commissions_restaurant_date", False),
        ("restaurant_days", "idx_orders_analytics", True),
        ("find_user", "idx_users_active_email", False),
        ("order_page", "idx_orders_tenant_placed", False),
        ("analytics", "idx_restaurant_analytics_unique", False),
    ],
)
def test_a_query_uses_its_index(db: psycopg.Connection, name: str, index: str, alone: bool) -> None:
    nodes = plan(db, text(name), parameters(TENANT))
    used = {node["Index Name"]: node["Node Type"] for node in nodes if "Index Name" in node}
    (own,) = [key for key in used if key.endswith(index)]
    assert (used[own] == "Index Only Scan") == alone
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    if "orders" in index:  # a tenant's rows are in one partition
        assert len({node["Relation Name"] for node in nodes if "Relation Name" in node}) == 1


def test_configurations_are_searched_by_their_index(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url(build(server))) as connection:
        # 120 restaurants fit into a few pages, which the planner rather reads
        connection.execute(
            "INSERT INTO menuca.restaurants (tenant_id, name, configuration) "
            "SELECT 1, 'more', jsonb_build_object('cuisine', 'C' || n, "
            "'loyalty', jsonb_build_object('points', n % 5)) FROM generate_series(1, 5000) AS n"
        )
        connection.execute("ANALYZE menuca.restaurants")
        nodes = plan(connection, text("find_restaurants"), parameters(TENANT))
        connection.rollback()
    (node,) = [node for node in nodes if "Index Name" in node]
    assert node["Index Name"] == "idx_restaurants_config_gin"
    assert "configuration @>" in node["Index Cond"]


def test_a_record_is_read_from_its_months_by_tenant(db: psycopg.Connection) -> None:
    values = {**parameters(TENANT), "since": datetime.now(UTC) - timedelta(days=1)}
    read = {
        node["Relation Name"]
        for node in plan(db, text("audit_trail"), values)
        if "Relation Name" in node
    }
    begin, end = values["since"], datetime.now(UTC) + timedelta(days=93)
    # this month and those made ahead, none of the years before
    assert f"audit_logs_{begin:%Y_%m}" in read
    assert all(f"audit_logs_{begin:%Y_%m}" <= name <= f"audit_logs_{end:%Y_%m}" for name in read)


def test_pages_are_not_sorted(db: psycopg.Connection) -> None:
    for before in ("infinity", "2026-01-01"):
        values = {**parameters(TENANT), "before_placed_at": before}
        nodes = plan(db, text("order_page"), values)
        assert [node["Node Type"] for node in nodes] == ["Limit", "Index Scan"]


def test_the_plan_test_can_fail(db: psycopg.Connection) -> None:
    without = text("open_orders").replace("tenant_id = %(tenant_id)s", "user_id = %(tenant_id)s")
    nodes = plan(db, without, parameters(TENANT))
    assert len({node["Relation Name"] for node in nodes if "Relation Name" in node}) == 16


# --- what they show -------------------------------------------------------------------------


def test_open_orders_are_all_of_the_tenant_newest_first(db: psycopg.Connection) -> None:
    expected = db.execute(
        "SELECT id, placed_at FROM menuca.orders WHERE tenant_id = %s AND NOT status = ANY "
        "('{on_the_way,delivered,cancelled}')",
        (TENANT,),
    ).fetchall()
    expected.sort(key=lambda row: (row[1], row[0]), reverse=True)
    assert expected
    assert [row[0] for row in rows(db, "open_orders", TENANT)] == [row[0] for row in expected]


def test_pages_show_every_order_once(db: psycopg.Connection) -> None:
    shown: list[int] = []
    values = parameters(TENANT)
    with psycopg.ClientCursor(db) as cursor:
        while page := cursor.execute(text("order_page"), values).fetchall():
            assert len(page) <= 25
            shown += [row[0] for row in page]
            values |= {"before_id": page[-1][0], "before_placed_at": page[-1][4]}
    expected = db.execute(
        "SELECT id FROM menuca.orders WHERE tenant_id = %s ORDER BY placed_at DESC, id DESC",
        (TENANT,),
    ).fetchall()
    assert shown == [row[0] for row in expected]
    assert len(shown) > 200


def test_days_of_a_restaurant_agree_with_the_view(db: psycopg.Connection) -> None:
    since = datetime.now(UTC).date() - timedelta(days=29)
    with psycopg.ClientCursor(db) as cursor:
        days = cursor.execute(
            text("restaurant_days"), {**parameters(TENANT), "since": since}
        ).fetchall()
    viewed = [
        (row[1], row[2], row[3], row[4], row[5])
        for row in rows(db, "analytics", TENANT)
        if row[0] == TENANT and row[1] >= since
    ]
    assert days == viewed
    assert len(days) > 5


# --- tenants --------------------------------------------------------------------------------

#: Where the rows of a query come from, and how its first column names them.
OWNERS = {
    "open_orders": "SELECT id, tenant_id FROM menuca.orders",
    "order_page": "SELECT id, tenant_id FROM menuca.orders",
    "menu": "SELECT id, tenant_id FROM menuca.menu_items",
    "open_commissions": "SELECT c.id, r.tenant_id FROM menuca.commissions AS c "
    "JOIN menuca.restaurants AS r ON r.id = c.restaurant_id",
    "find_user": "SELECT id, tenant_id FROM menuca.users",
    "analytics": "SELECT id, tenant_id FROM menuca.restaurants",
    "audit_trail": "SELECT id, tenant_id FROM menuca.audit_logs",
}


@pytest.mark.parametrize("name", OWNERS)
def test_no_other_tenants_row_appears(db: psycopg.Connection, name: str) -> None:
    owner = dict(db.execute(OWNERS[name]).fetchall())  # type: ignore[call-overload]
    shown = 0
    for tenant in range(1, SIZE.tenants + 1, 3):
        found = rows(db, name, tenant)
        shown += len(found)
        assert {owner[row[0]] for row in found} <= {tenant}
    assert shown > 20


@pytest.mark.parametrize("name", ["menu", "open_commissions", "restaurant_days"])
def test_another_tenants_restaurant_shows_nothing(db: psycopg.Connection, name: str) -> None:
    with psycopg.ClientCursor(db) as cursor:
        mine, foreign = (
            cursor.execute(
                text(name), {**parameters(TENANT), "restaurant_id": restaurant}
            ).fetchall()
            for restaurant in (103, 7)
        )
    assert mine
    assert foreign == []


@pytest.mark.parametrize("name", OWNERS)
def test_the_isolation_test_can_fail(db: psycopg.Connection, name: str) -> None:
    owner = dict(db.execute(OWNERS[name]).fetchall())  # type: ignore[call-overload]
    leaking = re.sub(r"(\w+\.)?(tenant_id|restaurant_id) = %\(\w+\)s", "true", text(name))
    leaking = leaking.replace("email = %(email)s", "true")
    with psycopg.ClientCursor(db) as cursor:
        found = cursor.execute(leaking, parameters(TENANT)).fetchall()
    assert not {owner[row[0]] for row in found} <= {TENANT}


@pytest.mark.parametrize(
    "file", [*QUERIES, *LOADS], ids=lambda file: f"{file.path.parent.name}-{file.path.stem}"
)
def test_every_statement_names_its_tenant_or_says_why_not(file: SqlFile) -> None:
    tenant = r"%\(tenant_id\)s" if file in QUERIES else ":tenant"
    body = re.sub(r"^(--|\\set).*$", "", file.text, flags=re.MULTILINE)
    tables = re.findall(r"(?:FROM|UPDATE|JOIN) menuca\.(?!commissions)\w+", body)
    filters = re.findall(rf"tenant_id = {tenant}\b", body)
    assert tables
    if file.header.get("scope", "").startswith("all tenants: "):
        assert filters == []
    else:
        assert len(filters) == len(tables)


def test_only_what_serves_all_is_for_all_tenants() -> None:
    of_all = {file.path.stem for file in (*QUERIES, *LOADS) if "scope" in file.header}
    assert of_all == {"find_restaurants"}


def test_a_thousand_tenants_fill_all_partitions_alike(db: psycopg.Connection) -> None:
    counted = db.execute(
        "SELECT r, count(*) FROM generate_series(1, 1000) AS t, generate_series(0, 15) AS r "
        "WHERE satisfies_hash_partition('menuca.orders'::regclass, 16, r, t::bigint) GROUP BY r"
    ).fetchall()
    assert len(counted) == 16
    assert sum(count for _, count in counted) == 1000
    assert max(count for _, count in counted) < 1.5 * 1000 / 16


# --- the load -------------------------------------------------------------------------------


def test_weights_add_up_to_a_hundred() -> None:
    assert sum(script.weight for script in pgbench.scripts("menuca/load")) == 100


def test_the_load_keeps_the_data_in_order(
    server: EmbeddedServer, make_database: Callable[..., str], tmp_path: Path
) -> None:
    copy = make_database(build(server))
    count = "SELECT count(*) FROM menuca.orders"
    with psycopg.connect(copy, autocommit=True) as connection:
        before = connection.execute(count).fetchone()
        done = subprocess.run(
            [
                *(str(binaries.find().program("pgbench")), "-n", "-M", "prepared"),
                *("-c", "4", "-t", "300", "--random-seed=3"),
                *(f"-D{name}={value}" for name, value in SIZE.variables().items()),
                *(
                    word
                    for script in pgbench.scripts("menuca/load")
                    for word in ("-f", f"{script.path}@{script.weight}")
                ),
                copy,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "processed: 1200/1200" in done.stdout
        after = connection.execute(count).fetchone()
        assert before is not None
        assert after is not None
        assert 30 < after[0] - before[0] < 120
        wrong = connection.execute(
            "SELECT o.id FROM menuca.orders AS o LEFT JOIN LATERAL ("
            " SELECT sum(i.quantity * i.unit_price) AS total FROM menuca.order_items AS i"
            " WHERE i.tenant_id = o.tenant_id AND i.order_id = o.id) AS l ON true "
            "WHERE l.total IS DISTINCT FROM o.total_amount"
        ).fetchall()
        assert wrong == []
