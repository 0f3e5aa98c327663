"""Each index of the description is what the planner takes for the question it is for."""

from collections.abc import Iterator

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import catalogue, schema, thorbis
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
