"""The thorbis example system: what it is made of and how to fill it."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from perf_pipeline.examples import fill
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.thorbis_data import chunks
from perf_pipeline.examples.thorbis_kit import Chunk, Size

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
    ("auto", "vehicles"),
    ("auto", "repair_orders"),
    ("auto", "invoices"),
    ("auto", "diagnostics"),
    ("auto", "parts"),
    ("auto", "messages"),
    ("rest", "orders"),
    ("rest", "order_items"),
    ("rest", "pos_transactions"),
    ("rest", "inventory_items"),
    ("rest", "customers"),
    ("ret", "transactions"),
    ("ret", "products"),
)
#: Those that only load fills: history no statement of the example looks for.
LEFT_EMPTY = frozenset(
    {
        ("auto", "diagnostics"),
        ("auto", "messages"),
        ("rest", "order_items"),
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
    return fill.fill(url, SYSTEM, TABLES, size.parameters(seed), make, now=now, replace=replace)
