"""The thorbis example system: what it is made of and how to fill it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import psycopg

from perf_pipeline.examples import fill
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.thorbis_data import chunks
from perf_pipeline.examples.thorbis_kit import Chunk, Size
from perf_pipeline.postgres import sqlfiles

SYSTEM = "thorbis"

#: Every table of the system that holds data, parents first.
TABLES: tuple[tuple[str, str], ...] = (
    ("tenant_mgmt", "businesses"),
    ("tenant_mgmt", "subscription_metrics"),
    ("user_mgmt", "user_profiles"),
    ("user_mgmt", "user_sessions"),
    ("user_mgmt", "user_activity"),
    ("security_mgmt", "audit_logs"),
    ("security_mgmt", "risk_assessments"),
    ("hs", "customers"),
    ("hs", "technicians"),
    ("hs", "technician_schedules"),
    ("hs", "work_orders"),
    ("hs", "schedule_blocks"),
    ("hs", "invoices"),
    ("hs", "payments"),
    ("auto", "customers"),
    ("auto", "vehicles"),
    ("auto", "repair_orders"),
    ("auto", "invoices"),
    ("auto", "diagnostics"),
    ("auto", "parts_inventory"),
    ("auto", "parts_usage"),
    ("auto", "service_history"),
    ("auto", "messages"),
    ("rest", "kitchen_stations"),
    ("rest", "tables"),
    ("rest", "menu_items"),
    ("rest", "orders"),
    ("rest", "order_items"),
    ("rest", "kitchen_tickets"),
    ("rest", "reservations"),
    ("rest", "pos_transactions"),
    ("rest", "inventory"),
    ("rest", "customers"),
    ("ret", "products"),
    ("ret", "inventory"),
    ("ret", "product_variants"),
    ("ret", "customers"),
    ("ret", "transactions"),
    ("ret", "transaction_items"),
    ("ret", "loyalty_transactions"),
    ("ret", "daily_sales_summary"),
    ("system_core", "activity_stream"),
    ("system_core", "notifications"),
    ("system_core", "file_attachments"),
    ("system_core", "comments"),
    ("system_core", "integrations"),
    ("system_core", "integration_sync_logs"),
    ("monitoring", "business_performance_metrics"),
)
#: Those that only load fills: history no statement of the example looks for.
LEFT_EMPTY = frozenset(
    {
        ("auto", "diagnostics"),
        ("auto", "messages"),
        ("rest", "pos_transactions"),
    }
)


def generate(
    url: str,
    businesses: int = 100,
    orders_per_business: int = 1000,
    seed: int = 1,
    *,
    now: datetime | None = None,
    replace: bool = False,
) -> Generated:
    """Fill the thorbis tables (T-51): tenants of four industries, each with its own kind of orders.

    Parameters
    ----------
    url : str
        A database with the thorbis schema; never one marked as production.
    businesses : int
        Tenants, a quarter in each industry.
    orders_per_business : int
        Mean; tenants differ (log-normal, sigma 0.7).
    seed : int
        Same seed, size and `now`: the same rows.
    now : datetime, optional
        Naive UTC; orders lie in the 365 days before. Default: this minute.
    replace : bool
        Also overwrite rows of other origin, and fresh data of the same parameters.

    Returns
    -------
    Generated
        `rows` per table; `created` False when the data was there already.

    Raises
    ------
    ProductionError, ConfigurationError, BusyError
        As `fill.fill`.

    """
    size = Size(businesses, orders_per_business)
    make: partial[Iterator[Chunk]] = partial(chunks, size, seed)
    return fill.fill(
        url,
        SYSTEM,
        TABLES,
        size.parameters(seed),
        make,
        now=now,
        replace=replace,
        prepare=_months,
        finish=_refresh,
    )


def _months(connection: psycopg.Connection, reference: datetime) -> None:
    connection.execute(
        sqlfiles.load("thorbis/data/months").text,
        {"since": reference - timedelta(days=60), "until": reference},
    )


def _refresh(connection: psycopg.Connection) -> None:
    connection.execute(sqlfiles.load("thorbis/data/refresh_business_performance_daily").text)
