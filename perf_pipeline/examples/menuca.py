"""The menuca example system: what it is made of and how to fill it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg

from perf_pipeline.examples import fill
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.menuca_data import chunks
from perf_pipeline.examples.menuca_kit import Size
from perf_pipeline.examples.thorbis_kit import Chunk
from perf_pipeline.postgres import sqlfiles

SYSTEM = "menuca"

#: Every table the generator fills, parents first.
TABLES: tuple[tuple[str, str], ...] = (
    ("menuca", "tenants"),
    ("menuca", "restaurants"),
    ("menuca", "opening_hours"),
    ("menuca", "delivery_areas"),
    ("menuca", "menus"),
    ("menuca", "menu_items"),
    ("menuca", "users"),
    ("menuca", "orders"),
    ("menuca", "order_items"),
    ("menuca", "commissions"),
    ("menuca", "audit_logs"),
)
#: Generated records go back a year; the load writes into the months after.
_BEFORE, _AHEAD = timedelta(days=366), timedelta(days=92)


def generate(
    url: str,
    tenants: int = 1000,
    orders_per_restaurant: int = 100,
    seed: int = 1,
    *,
    items_per_restaurant: int = 30,
    users_per_tenant: int = 24,
    now: datetime | None = None,
    replace: bool = False,
) -> Generated:
    """Fill the menuca tables (M-04) and refresh the materialized view over them.

    Parameters
    ----------
    url : str
        A database with the menuca schema; never one marked as production.
    tenants : int
        Companies; every tenth has three restaurants, the others one.
    orders_per_restaurant : int
        Mean; restaurants differ (log-normal, sigma 0.7).
    seed : int
        Same seed, size and `now`: the same rows.
    items_per_restaurant, users_per_tenant : int
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
    size = Size(tenants, orders_per_restaurant, items_per_restaurant, users_per_tenant)
    make: partial[Iterator[Chunk]] = partial(chunks, size, seed)
    return fill.fill(
        url,
        SYSTEM,
        TABLES,
        size.parameters(seed),
        make,
        now=now,
        replace=replace,
        prepare=_make_months,
        finish=_refresh,
    )


def _make_months(connection: psycopg.Connection, reference: datetime) -> None:
    moment = reference.replace(tzinfo=UTC)
    connection.execute(
        sqlfiles.load("menuca/maintenance/audit_log_months").text,
        {"since": moment - _BEFORE, "until": moment + _AHEAD},
    )


def _refresh(connection: psycopg.Connection) -> None:
    connection.execute(sqlfiles.load("menuca/maintenance/refresh_restaurant_analytics").text)
