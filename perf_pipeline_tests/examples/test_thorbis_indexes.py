"""Each index of the description is what the planner takes for the question it is for."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import catalogue, schema, thorbis
from perf_pipeline.postgres import sqlfiles
from perf_pipeline_tests.examples.plans import indexes
from perf_pipeline_tests.examples.thorbis import now

pytestmark = pytest.mark.server

#: Rows of the catalogue whose indexes are special, not keys.
FAMILIES = ("T-11", "T-12", "T-13", "T-14", "T-15", "T-16")
#: Index: the question. Tenant 101 is of home services, 102 a garage, 103 a restaurant, 104 a shop.
QUESTIONS = {
    "idx_tenant_mgmt_businesses_active_lookup": (
        "SELECT id FROM tenant_mgmt.businesses WHERE is_active ORDER BY created_at LIMIT 10"
    ),
    "idx_tenant_mgmt_businesses_subscription_status": (
        "SELECT id FROM tenant_mgmt.businesses WHERE subscription_status = 'trial' "
        "AND subscription_expires_at < now() + interval '9 days'"
    ),
    "idx_tenant_mgmt_subscription_metrics_active": (
        "SELECT api_calls FROM tenant_mgmt.subscription_metrics "
        "WHERE business_id = 101 AND metric_date >= CURRENT_DATE - 90"
    ),
    "idx_user_mgmt_profiles_business_active": (
        "SELECT email FROM user_mgmt.user_profiles "
        "WHERE business_id = 101 AND is_active AND role_level >= 3"
    ),
    "idx_user_mgmt_sessions_active": (
        "SELECT id FROM user_mgmt.user_sessions "
        "WHERE user_id = 501 AND is_active AND expires_at > now()"
    ),
    "idx_user_mgmt_activity_recent": (
        "SELECT activity_type FROM user_mgmt.user_activity "
        "WHERE user_id = 501 AND activity_timestamp >= now() - interval '7 days'"
    ),
    "idx_security_audit_logs_business_recent": (
        "SELECT details FROM security_mgmt.audit_logs "
        "WHERE business_id = 101 AND created_at >= now() - interval '30 days'"
    ),
    "idx_security_risk_assessments_active": (
        "SELECT risk_level FROM security_mgmt.risk_assessments "
        "WHERE business_id = 101 AND assessment_date >= CURRENT_DATE - 90"
    ),
    "idx_hs_work_orders_business_status_priority": (
        "SELECT id FROM hs.work_orders WHERE business_id = 101 AND status = 'pending' "
        "ORDER BY priority_level DESC, scheduled_date LIMIT 20"
    ),
    "idx_hs_work_orders_technician_schedule": (
        "SELECT id FROM hs.work_orders WHERE assigned_technician_id = 51 "
        "AND status IN ('scheduled', 'in_progress') AND scheduled_date <= CURRENT_DATE + 30"
    ),
    "idx_hs_work_orders_customer_history": (
        "SELECT title FROM hs.work_orders "
        "WHERE customer_id = 251 AND created_at >= now() - interval '2 years'"
    ),
    "idx_hs_technician_schedules_availability": (
        "SELECT shift_start FROM hs.technician_schedules WHERE technician_id = 51 "
        "AND schedule_date BETWEEN CURRENT_DATE AND CURRENT_DATE + 10 AND is_available"
    ),
    "idx_hs_schedule_blocks_technician_date": (
        "SELECT start_time, end_time FROM hs.schedule_blocks "
        "WHERE technician_id = 51 AND block_date >= CURRENT_DATE"
    ),
    "idx_hs_invoices_business_status_amount": (
        "SELECT id FROM hs.invoices WHERE business_id = 101 AND status = 'overdue' "
        "ORDER BY total_amount DESC LIMIT 20"
    ),
    "idx_hs_payments_business_date": (
        "SELECT amount FROM hs.payments "
        "WHERE business_id = 101 AND payment_date >= CURRENT_DATE - 365"
    ),
    "idx_auto_repair_orders_business_status_date": (
        "SELECT id FROM auto.repair_orders WHERE business_id = 102 AND status = 'scheduled'"
    ),
    "idx_auto_repair_orders_vehicle_history": (
        "SELECT id FROM auto.repair_orders "
        "WHERE vehicle_id = 251 AND created_at >= now() - interval '5 years'"
    ),
    "idx_auto_repair_orders_bay_schedule": (
        "SELECT id FROM auto.repair_orders WHERE assigned_bay_id = 3 AND status = 'in_progress' "
        "AND scheduled_start > now() - interval '1 day'"
    ),
    "idx_auto_vehicles_customer_active": (
        "SELECT make, model, model_year FROM auto.vehicles WHERE customer_id = 131 AND is_active"
    ),
    "idx_auto_service_history_vehicle_date": (
        "SELECT service_type FROM auto.service_history "
        "WHERE vehicle_id = 251 AND service_date >= CURRENT_DATE - 1095"
    ),
    "idx_auto_parts_inventory_low_stock": (
        "SELECT part_number FROM auto.parts_inventory "
        "WHERE business_id = 102 AND current_stock <= reorder_point"
    ),
    "idx_auto_parts_usage_analysis": (
        "SELECT repair_order_id FROM auto.parts_usage "
        "WHERE part_id = 2501 AND usage_date >= CURRENT_DATE - 365"
    ),
    "idx_rest_orders_business_status_time": (
        "SELECT table_id FROM rest.orders WHERE business_id = 103 AND status = 'placed' "
        "AND order_time >= CURRENT_DATE"
    ),
    "idx_rest_kitchen_tickets_station_priority": (
        "SELECT order_id FROM rest.kitchen_tickets WHERE kitchen_station_id = 101 "
        "AND status IN ('pending', 'in_progress') ORDER BY priority_level DESC, created_at"
    ),
    "idx_rest_order_items_kitchen_routing": (
        "SELECT order_id FROM rest.order_items WHERE kitchen_station_id = 101 "
        "AND status IN ('pending', 'preparing')"
    ),
    "idx_rest_reservations_date_time_party": (
        "SELECT guest_name FROM rest.reservations "
        "WHERE business_id = 103 AND reservation_date BETWEEN CURRENT_DATE AND CURRENT_DATE + 90"
    ),
    "idx_rest_tables_availability": (
        "SELECT table_number FROM rest.tables "
        "WHERE business_id = 103 AND is_available AND capacity >= 5 ORDER BY capacity LIMIT 1"
    ),
    "idx_rest_menu_items_category_availability": (
        "SELECT name FROM rest.menu_items WHERE business_id = 103 AND category_id = 2 "
        "AND is_available ORDER BY popularity_score DESC LIMIT 5"
    ),
    "idx_rest_inventory_critical_levels": (
        "SELECT name FROM rest.inventory "
        "WHERE business_id = 103 AND current_quantity <= minimum_quantity * 1.2"
    ),
    "idx_ret_transactions_business_date_total": (
        "SELECT total_amount FROM ret.transactions "
        "WHERE business_id = 104 AND transaction_date >= now() - interval '30 days'"
    ),
    "idx_ret_transaction_items_product_sales": (
        "SELECT sum(quantity_sold) FROM ret.transaction_items "
        "WHERE product_id = 2501 AND transaction_date >= now() - interval '90 days'"
    ),
    "idx_ret_daily_sales_summary_business": (
        "SELECT sum(total_revenue) FROM ret.daily_sales_summary "
        "WHERE business_id = 104 AND sales_date >= CURRENT_DATE - 730"
    ),
    "idx_ret_products_business_category_active": (
        "SELECT name FROM ret.products WHERE business_id = 104 AND category_id = 2 AND is_active"
    ),
    "idx_ret_inventory_low_stock_alerts": (
        "SELECT product_number FROM ret.inventory "
        "WHERE business_id = 104 AND current_stock <= reorder_level AND is_active"
    ),
    "idx_ret_product_variants_parent_active": (
        "SELECT variant_value FROM ret.product_variants "
        "WHERE parent_product_id = 2501 AND is_active"
    ),
    "idx_ret_loyalty_transactions_customer_points": (
        "SELECT sum(points_change) FROM ret.loyalty_transactions "
        "WHERE customer_id = 251 AND transaction_date >= now() - interval '1 year'"
    ),
    "idx_activity_stream_business_entity_date": (
        "SELECT payload FROM system_core.activity_stream WHERE business_id = 101 "
        "AND entity_type = 'invoice' AND entity_id = 77 AND created_at >= now() - interval '9 days'"
    ),
    "idx_activity_stream_user_recent": (
        "SELECT activity_type FROM system_core.activity_stream "
        "WHERE user_id = 501 AND created_at >= now() - interval '30 days'"
    ),
    "idx_notifications_recipient_unread": (
        "SELECT body FROM system_core.notifications WHERE recipient_id = 501 AND NOT is_read "
        "ORDER BY priority_level DESC, created_at DESC"
    ),
    "idx_notifications_business_type_date": (
        "SELECT body FROM system_core.notifications WHERE business_id = 101 "
        "AND notification_type = 'overdue' AND created_at >= now() - interval '30 days'"
    ),
    "idx_file_attachments_entity_type": (
        "SELECT file_name FROM system_core.file_attachments "
        "WHERE entity_type = 'invoice' AND entity_id = 77"
    ),
    "idx_comments_entity_active": (
        "SELECT body FROM system_core.comments "
        "WHERE entity_type = 'invoice' AND entity_id = 77 AND is_active"
    ),
    "idx_integration_sync_logs_status_date": (
        "SELECT records FROM system_core.integration_sync_logs WHERE integration_id = 51 "
        "AND sync_status = 'failed' AND sync_start_time >= now() - interval '7 days'"
    ),
}


@pytest.fixture(scope="module")
def many(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """Return a session on a database of many small tenants."""
    server.ensure_database("thorbis_many")
    url = server.url("thorbis_many")
    schema.apply(url)
    thorbis.generate(url, 200, 80, 7, now=now())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        yield connection
    server.drop_database("thorbis_many")


def test_every_described_index_has_a_question() -> None:
    named = [
        item.name.partition(".")[2]
        for row in catalogue.rows("thorbis")
        if row.row in FAMILIES
        for item in row.objects
        if item.kind == "index"
    ]
    assert sorted(QUESTIONS) == sorted(named)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_planner_takes_it(many: psycopg.Connection, name: str) -> None:
    assert indexes(many, QUESTIONS[name]) == {name}


def test_without_it_another_plan_is_told(many: psycopg.Connection) -> None:
    """The test above can fail: a plan without the index names another or none."""
    name = "idx_auto_parts_inventory_low_stock"
    with many.transaction(force_rollback=True):
        many.execute(f"DROP INDEX auto.{name}")
        assert name not in indexes(many, QUESTIONS[name])


# --- the named queries ------------------------------------------------------------------------


def plan(connection: psycopg.Connection, statement: str, values: dict[str, Any]) -> list[Any]:
    """Return the nodes of a plan that was carried out, from the top."""
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        row = cursor.fetchone()
    assert row is not None
    nodes = [row[0][0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return nodes


@pytest.mark.parametrize("tenant", [1, 2, 3, 4])
def test_revenue_reads_no_other_tenants_rows(many: psycopg.Connection, tenant: int) -> None:
    """T-20: each industry is entered by the tenant; no table is read whole."""
    values = {"business_id": tenant, "since": "2020-01-01"}
    nodes = plan(many, sqlfiles.load("thorbis/queries/industry_revenue").text, values)
    scans = [node for node in nodes if "Relation Name" in node]
    assert len(scans) == 4
    assert [node["Node Type"] for node in scans if node["Node Type"] == "Seq Scan"] == []
    entered = [node.get("Index Cond", "") for node in nodes if "Index Name" in node]
    assert [text for text in entered if f"business_id = {tenant}" not in text] == []


def rows_read(nodes: list[Any]) -> float:
    return sum(node["Actual Rows"] for node in nodes if "Index Name" in node)


def test_a_page_by_key_reads_a_page_and_one_by_number_all_before_it(
    many: psycopg.Connection,
) -> None:
    """T-19: the same rows, for 25 read instead of 25 and all that were skipped."""
    row = many.execute(
        "SELECT business_id, count(*) FROM hs.work_orders GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    tenant, orders = row
    skipped = orders - 30
    by_number = (
        "SELECT id, title, status, total_amount, created_at FROM hs.work_orders "
        "WHERE business_id = %(business_id)s ORDER BY created_at DESC, id DESC "
        f"LIMIT 25 OFFSET {skipped}"
    )
    before = many.execute(
        "SELECT created_at, id FROM hs.work_orders WHERE business_id = %s "
        "ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET %s",
        (tenant, skipped - 1),
    ).fetchone()
    assert before is not None
    by_key = sqlfiles.load("thorbis/queries/work_order_page").text
    values = {"business_id": tenant, "before_created_at": before[0], "before_id": before[1]}
    assert (
        many.execute(by_key, values).fetchall()
        == many.execute(by_number, {"business_id": tenant}).fetchall()  # type: ignore[arg-type]
    )
    assert rows_read(plan(many, by_key, values)) == 25
    assert rows_read(plan(many, by_number, values)) == 25 + skipped
    assert skipped > 100


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("dashboard", "idx_hs_work_orders_business_status_priority"),
        ("work_order_page", "idx_hs_work_orders_business_created"),
    ],
)
def test_a_plan_for_every_tenant_takes_the_index_too(
    many: psycopg.Connection, name: str, index: str
) -> None:
    """D-013: a plan made without the values; the partial index needs its condition in words."""
    text = sqlfiles.load(f"thorbis/queries/{name}").text
    places = {"business_id": "$1", "before_created_at": "$2", "before_id": "$3"}
    for place, number in places.items():
        text = text.replace(f"%({place})s", number)
    with many.transaction(force_rollback=True):
        many.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        types = "(bigint)" if name == "dashboard" else "(bigint, timestamptz, bigint)"
        values = "(1)" if name == "dashboard" else "(1, 'infinity', 1)"
        many.execute(f"PREPARE generic {types} AS {text}")  # type: ignore[arg-type]
        assert index in indexes(many, f"EXECUTE generic {values}")
        many.execute("DEALLOCATE generic")
