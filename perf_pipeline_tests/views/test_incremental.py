"""Incremental views equal their query after anything that can happen to their tables."""

import random
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres import connect
from perf_pipeline.views import catalog
from perf_pipeline.views.graph import Graph
from perf_pipeline.views.incremental import keep, setup
from perf_pipeline.views.model import Rollup, Step, ViewPolicy
from perf_pipeline.views.plan import Seen
from perf_pipeline.views.refresh import Refreshed, budget_of
from perf_pipeline_tests.views.support import ADDING, ANY, SHOP

pytestmark = pytest.mark.server

Connection = psycopg.Connection


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    server.ensure_database("views_incremental")
    found = server.url("views_incremental")
    with psycopg.connect(found) as connection:
        connection.execute(SHOP)
    yield found
    server.drop_database("views_incremental")


@pytest.fixture
def ours(url: str) -> Iterator[Connection]:
    """Return a session as a refresh has it, on an empty shop."""
    with connect.session(url, read_only=False, autocommit=True) as connection:
        catalog.install(connection, "shop")
        connection.execute("TRUNCATE shop.orders, shop.log")
        yield connection
        for row in connection.execute("SELECT view_name FROM perf_pipeline_meta.rollup").fetchall():
            setup.tear_down(connection, row[0], budget_of(ViewPolicy(row[0])))


@pytest.fixture
def app(url: str) -> Iterator[Connection]:
    """Return an application's session."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def refresh(connection: Connection, policy: ViewPolicy, *, by_hand: bool = False) -> Refreshed:
    reason = "asked for by hand" if by_hand else "a test"
    return keep.refresh(connection, Step(policy, "incremental", reason), Seen(Graph({})))


def differences(connection: Connection, policy: ViewPolicy) -> list[tuple[object, ...]]:
    """Return the rows in which a view and its query differ."""
    names = setup.known(connection, {policy.name: policy})[policy.name].names
    both = sql.SQL(
        "(TABLE {0} EXCEPT ALL TABLE {1}) UNION ALL (TABLE {1} EXCEPT ALL TABLE {0})"
    ).format(names.public, names.query)
    return connection.execute(both).fetchall()


def shaken(connection: Connection, chance: random.Random) -> None:
    """Change the orders in some way."""
    tenant = chance.randrange(4)
    day = chance.choice(["NULL", "'2026-01-01'", "'2026-01-02'", "'2026-02-01'"])
    total = chance.choice(["NULL", "1.50", "99.99", "0", "'NaN'"] + ["7.25"] * 10)
    status = chance.choice(["paid", "paid", "open"])
    statements = [
        "INSERT INTO shop.orders (tenant, day, customer, status, total, items)"
        f" SELECT {tenant}, {day}::date + g % 3, g, '{status}', {total}, g"
        " FROM generate_series(1, 9) AS g",
        "INSERT INTO shop.orders (tenant, day, customer, total)"
        f" VALUES ({tenant}, {day}, 1, {total})",
        f"UPDATE shop.orders SET day = {day}, total = total + 1"
        f" WHERE id % 5 = {chance.randrange(5)}",
        f"UPDATE shop.orders SET tenant = {tenant}, status = '{status}'"
        f" WHERE id % 7 = {chance.randrange(7)}",
        f"UPDATE shop.orders SET customer = customer WHERE tenant = {tenant}",
        f"DELETE FROM shop.orders WHERE id % 4 = {chance.randrange(4)}",
        f"DELETE FROM shop.orders WHERE tenant = {tenant} AND day IS NOT DISTINCT FROM {day}",
    ]
    kind = chance.random()
    if kind < 0.04:
        connection.execute("TRUNCATE shop.orders")
    elif kind < 0.15:
        with suppress(ZeroDivisionError), connection.transaction():
            connection.execute(chance.choice(statements))
            raise ZeroDivisionError
    elif kind < 0.3:
        with connection.transaction():
            for statement in chance.sample(statements, 3):
                connection.execute(statement)
            with suppress(ZeroDivisionError), connection.transaction():
                connection.execute(chance.choice(statements))
                raise ZeroDivisionError
    else:
        connection.execute(chance.choice(statements))


@pytest.mark.parametrize("rollup", [ADDING, ANY], ids=["adding", "any"])
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_its_query_after_any_history(
    ours: Connection, app: Connection, rollup: Rollup, seed: int
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=rollup)
    chance = random.Random(seed)
    assert refresh(ours, policy).method == "full"
    used = set()
    for _ in range(40):
        for _ in range(chance.randrange(4)):
            shaken(app, chance)
        used.add(refresh(ours, policy).method)
        assert differences(ours, policy) == []
    assert used >= ({"apply"} if rollup is ADDING else {"none"})
