import re
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline_tests.examples.thorbis import SIZE

pytestmark = pytest.mark.server

TENANT = 5
QUERIES = sqlfiles.folder("thorbis/queries")
LOADS = sqlfiles.folder("thorbis/load")
FIRST_PAGE = {"business_id": TENANT, "before_created_at": "infinity", "before_id": 2**63 - 1}


def query(name: str) -> Any:
    return sqlfiles.load(f"thorbis/queries/{name}").text


def indexes(connection: psycopg.Connection, statement: str, parameters: dict[str, Any]) -> set[str]:
    """Return the indexes a statement's plan uses."""
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        row = cursor.fetchone()
    assert row is not None
    found: set[str] = set()

    def visit(node: dict[str, Any]) -> None:
        if "Index Name" in node:
            found.add(node["Index Name"])
        for child in node.get("Plans", []):
            visit(child)

    visit(row[0][0]["Plan"])
    return found


def ids_of(connection: psycopg.Connection, tenant: int) -> set[int]:
    rows = connection.execute("SELECT id FROM hs.work_orders WHERE business_id = %s", (tenant,))
    return {row[0] for row in rows}


# --- T-18 -----------------------------------------------------------------------------------


def test_dashboard_shows_what_a_careful_reader_would_pick(shared: psycopg.Connection) -> None:
    shown = shared.execute(query("dashboard"), {"business_id": TENANT}).fetchall()
    rank = {"low": 0, "normal": 1, "high": 2, "urgent": 3}
    every = shared.execute(
        "SELECT id, priority_level::text, created_at, business_id, status::text, scheduled_date "
        "FROM hs.work_orders"
    ).fetchall()
    today = datetime.now(UTC).date()
    expected = sorted(
        (
            row
            for row in every
            if row[3] == TENANT and row[4] == "pending" and row[5] is not None and row[5] >= today
        ),
        key=lambda row: (-rank[row[1]], row[2], row[0]),
    )
    assert len(expected) > 10
    assert [row[0] for row in shown] == [row[0] for row in expected]


def test_dashboard_uses_its_index(shared: psycopg.Connection) -> None:
    used = indexes(shared, query("dashboard"), {"business_id": TENANT})
    assert "idx_hs_work_orders_business_status_priority" in used


@pytest.mark.parametrize("tenant", range(1, SIZE.businesses + 1, 4))
def test_no_other_tenants_row_appears(shared: psycopg.Connection, tenant: int) -> None:
    own = ids_of(shared, tenant)
    for name, parameters in (("dashboard", {}), ("work_order_page", FIRST_PAGE)):
        shown = shared.execute(query(name), {**parameters, "business_id": tenant}).fetchall()
        assert shown
        assert {row[0] for row in shown} <= own


def test_the_isolation_test_can_fail(shared: psycopg.Connection) -> None:
    leaking = query("dashboard").replace("WHERE w.business_id = %(business_id)s\n  AND ", "WHERE ")
    leaking = leaking.replace("c.business_id = %(business_id)s\n  AND ", "")
    assert "%(" not in leaking
    assert not {row[0] for row in shared.execute(leaking).fetchall()} <= ids_of(shared, TENANT)


@pytest.mark.parametrize(
    "file", [*QUERIES, *LOADS], ids=lambda file: f"{file.path.parent.name}-{file.path.stem}"
)
def test_every_statement_names_its_tenant(file: SqlFile) -> None:
    tenant = r"%\(business_id\)s" if file in QUERIES else ":business"
    body = re.sub(r"^(--|\\set).*$", "", file.text, flags=re.MULTILINE)
    tables = re.findall(r"(?:FROM|UPDATE|JOIN) (?:hs|auto|rest|ret)\.\w+", body)
    filters = re.findall(rf"business_id = {tenant}", body)
    assert len(filters) == len(tables)
    assert tables or "INSERT INTO" in body


@pytest.mark.parametrize("file", sqlfiles.folder("thorbis/loadtests"), ids=lambda f: f.path.stem)
def test_every_operation_begins_with_a_tenant(file: SqlFile) -> None:
    body = re.sub(r"^--.*$", "", file.text, flags=re.MULTILINE)
    entered = re.findall(r"(?:business_id = |VALUES\s*\(\s*|SELECT\s+):random_tenant", body)
    assert entered
    assert "random_tenant" in file.header["parameters"]


# --- T-19 -----------------------------------------------------------------------------------


def test_pages_show_every_row_once_in_order(thorbis_url: str) -> None:
    with psycopg.connect(thorbis_url) as connection:
        # sixty rows of one instant: pages must not lose or repeat any of them
        connection.execute(
            "INSERT INTO hs.work_orders (business_id, customer_id, title, total_amount, created_at)"
            " SELECT business_id, id, 'tie', 1, now() - interval '100 days'"
            " FROM hs.customers, generate_series(1, 60) WHERE id = 51"
        )
        row = connection.execute("SELECT business_id FROM hs.customers WHERE id = 51").fetchone()
        assert row is not None
        tenant = row[0]
        shown: list[tuple[Any, ...]] = []
        cursor = {**FIRST_PAGE, "business_id": tenant}
        while page := connection.execute(query("work_order_page"), cursor).fetchall():
            assert len(page) <= 25
            shown += page
            cursor |= {"before_id": page[-1][0], "before_created_at": page[-1][4]}
        expected = connection.execute(
            "SELECT id FROM hs.work_orders WHERE business_id = %s "
            "ORDER BY created_at DESC, id DESC",
            (tenant,),
        ).fetchall()
    assert [row[0] for row in shown] == [row[0] for row in expected]
    assert len(shown) > 100


@pytest.mark.parametrize("before", ["infinity", "2026-01-01"])
def test_pages_use_the_keyset_index_without_sorting(
    shared: psycopg.Connection, before: str
) -> None:
    parameters = {**FIRST_PAGE, "before_created_at": before}
    used = indexes(shared, query("work_order_page"), parameters)
    assert used == {"idx_hs_work_orders_business_created"}


# --- T-20 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tenant", "industry"),
    [(1, "home_services"), (2, "automotive"), (3, "restaurant"), (4, "retail")],
)
def test_revenue_of_a_tenant(shared: psycopg.Connection, tenant: int, industry: str) -> None:
    parameters = {"business_id": tenant, "since": datetime(2020, 1, 1, tzinfo=UTC)}
    rows = shared.execute(query("industry_revenue"), parameters).fetchall()
    assert rows[0][0] == industry
    assert len(rows) == 4
    assert [row[1:] for row in rows[1:]] == [(0, 0, 0)] * 3  # no rows is 0, and comes last (D-011)
    source = {
        "home_services": "hs.invoices WHERE status = 'paid'",
        "automotive": "auto.invoices WHERE status = 'paid'",
        "restaurant": "rest.orders WHERE status = 'completed'",
        "retail": "ret.transactions WHERE payment_status = 'completed'",
    }[industry]
    expected = shared.execute(
        f"SELECT sum(total_amount), count(*), round(avg(total_amount), 2) FROM {source} "
        f"AND business_id = {tenant}"
    ).fetchone()
    assert rows[0][1:] == expected


def test_revenue_since_now_is_zero_everywhere(shared: psycopg.Connection) -> None:
    parameters = {"business_id": 1, "since": datetime(2999, 1, 1, tzinfo=UTC)}
    rows = shared.execute(query("industry_revenue"), parameters).fetchall()
    assert [row[1:] for row in rows] == [(0, 0, 0)] * 4


# --- the load scripts -----------------------------------------------------------------------

LOAD_INDEX = {
    "dashboard": "idx_hs_work_orders_business_status_priority",
    "work_order_page": "idx_hs_work_orders_business_created",
    "customer_history": "idx_hs_work_orders_customer_history",
    "technician_schedule": "idx_hs_work_orders_technician_schedule",
    "overdue_invoices": "idx_hs_invoices_business_status_amount",
    "start_work_order": "idx_hs_work_orders_business_status_priority",
    "complete_work_order": "idx_hs_work_orders_business_status_priority",
    "pay_invoice": "idx_hs_invoices_business_status_amount",
}


def test_weights_add_up_to_100() -> None:
    assert sum(int(file.header["weight"]) for file in LOADS) == 100


@pytest.mark.parametrize(("name", "index"), LOAD_INDEX.items())
def test_a_load_script_uses_its_index(shared: psycopg.Connection, name: str, index: str) -> None:
    text = sqlfiles.load(f"thorbis/load/{name}").text
    k = (TENANT - 1) // 4
    values = {
        "business": TENANT,
        "customer": k * SIZE.customers_per_business + 1,
        "technician": k * SIZE.technicians_per_business + 1,
        "days": 30,
        "rank": 2,
    }
    body = re.sub(r"^\\set.*$", "", text, flags=re.MULTILINE)
    body = re.sub(r"(?<!:):(\w+)", lambda match: str(values[match[1]]), body.replace("%", "%%"))
    body = re.sub(r"^--.*$", "", body, flags=re.MULTILINE)
    assert index in indexes(shared, body, {})
