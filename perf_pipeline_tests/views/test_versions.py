"""Views on each major version: in order, only what changed, concurrently, and incrementally."""

from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.store import Store
from perf_pipeline.views.model import ViewPolicy
from perf_pipeline.views.run import run
from perf_pipeline_tests.upkeep.shop import until
from perf_pipeline_tests.views.support import ADDING, ANY, PARTED, make_shop, target, view

pytestmark = pytest.mark.server

MATERIALIZED = (view("shop.tenants"), view("shop.daily"))
KEPT = tuple(
    ViewPolicy(f"shop.{name}", rollup=rollup)
    for name, rollup in (("adding", ADDING), ("any", ANY), ("parted", PARTED))
)
#: The same queries, computed anew.
ADDED = (
    "SELECT tenant, day, count(*), count(total), sum(total), avg(total), sum(items)"
    " FROM shop.orders WHERE status = 'paid' GROUP BY tenant, day"
)
LOGGED = "SELECT tenant, count(*), sum(weight), avg(weight) FROM shop.log GROUP BY tenant"


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


def test_views_follow_their_sources(
    make_database: Callable[..., str], shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_shop(make_database)
    monkeypatch.setenv("SHOP_URL", url)
    policies = (*MATERIALIZED, *KEPT)

    def refreshed() -> dict[str, str]:
        return {each.name: each.method for each in run(shared_store, target(), policies)}

    with psycopg.connect(url, autocommit=True) as app:

        def write(*statements: str) -> None:
            for statement in statements:
                app.execute(statement)  # type: ignore[call-overload]

        write(
            "INSERT INTO shop.orders (tenant, day, customer, total, items)"
            " SELECT g % 4, '2026-01-01'::date + g % 9, g, g, g FROM generate_series(1, 900) AS g",
            "INSERT INTO shop.log SELECT 1 + g % 2, now(), g FROM generate_series(1, 99) AS g",
        )
        assert refreshed() == {
            "shop.daily": "concurrently",
            "shop.tenants": "refresh",
            "shop.adding": "full",
            "shop.any": "full",
            "shop.parted": "full",
        }
        assert _equal(app)
        # a session that ends tells its counters
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("UPDATE shop.orders SET total = total + 1 WHERE tenant = 1")
        until(app, "pg_stat_get_tuples_updated('shop.orders'::regclass) > 0")
        found = refreshed()
        assert found["shop.daily"] == "concurrently"
        assert found["shop.adding"] in {"apply", "recompute", "full"}
        assert found["shop.parted"] == "none"
        assert _equal(app)
        write("DELETE FROM shop.log_1", "TRUNCATE shop.orders")
        assert refreshed()["shop.adding"] == "full"
        assert _equal(app)
        assert app.execute("SELECT count(*) FROM shop.tenants").fetchone() == (0,)


def _equal(app: psycopg.Connection) -> bool:
    """Whether the incremental views are what their queries say."""
    shared = "tenant, day, orders, priced, revenue, average, items"
    pairs = (
        (f"SELECT {shared} FROM shop.adding", ADDED),
        (f"SELECT {shared} FROM shop.any", ADDED),
        ("TABLE shop.parted", LOGGED),
    )
    return all(
        app.execute(f"({a} EXCEPT ALL {b}) UNION ALL ({b} EXCEPT ALL {a})").fetchall() == []  # type: ignore[call-overload]
        for a, b in pairs
    )
