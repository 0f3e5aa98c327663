"""A small shop, and what views of it a test may declare."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import psycopg

from perf_pipeline.postgres.target import Target
from perf_pipeline.views.model import Rollup, ViewPolicy

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant integer NOT NULL,
    day date,
    customer integer NOT NULL,
    status text NOT NULL DEFAULT 'paid',
    total numeric(10, 2),
    items integer
);
CREATE TABLE shop.log (tenant integer NOT NULL, at timestamptz NOT NULL, weight numeric)
    PARTITION BY LIST (tenant);
CREATE TABLE shop.log_1 PARTITION OF shop.log FOR VALUES IN (1);
CREATE TABLE shop.log_2 PARTITION OF shop.log FOR VALUES IN (2);
CREATE VIEW shop.paid AS SELECT * FROM shop.orders WHERE status = 'paid';
CREATE MATERIALIZED VIEW shop.daily AS
    SELECT tenant, day, count(*) AS orders, sum(total) AS revenue
    FROM shop.paid GROUP BY tenant, day;
CREATE UNIQUE INDEX daily_key ON shop.daily (tenant, day);
CREATE MATERIALIZED VIEW shop.tenants AS
    SELECT tenant, sum(revenue) AS revenue FROM shop.daily GROUP BY tenant;
"""

ADDING = Rollup(
    "shop.orders",
    (("tenant", "tenant"), ("day", "day")),
    (
        ("orders", "count(*)"),
        ("priced", "count(total)"),
        ("revenue", "sum(total)"),
        ("average", "avg(total)"),
        ("items", "sum(items)"),
    ),
    "status = 'paid'",
)
ANY = replace(
    ADDING,
    measures=(*ADDING.measures, ("customers", "count(DISTINCT customer)"), ("top", "max(total)")),
)
PARTED = Rollup(
    "shop.log",
    (("tenant", "tenant"),),
    (("lines", "count(*)"), ("weight", "sum(weight)"), ("mean", "avg(weight)")),
)


def target(name: str = "shop", database: str = "SHOP_URL") -> Target:
    """Return a target whose URL is in the environment."""
    return Target(name, database, date(2026, 1, 1))


def view(name: str = "shop.daily", **changes: object) -> ViewPolicy:
    """Return a view's declaration."""
    return ViewPolicy(name, **changes)  # type: ignore[arg-type]


def make_shop(make_database: Callable[[], str]) -> str:
    """Make a database with the shop and return its URL."""
    url = make_database()
    with psycopg.connect(url) as connection:
        connection.execute(SHOP)
    return url
