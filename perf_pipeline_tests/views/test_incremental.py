"""Incremental views equal their query after anything that can happen to their tables."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import connect, sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudgetError
from perf_pipeline.views import catalog
from perf_pipeline.views.graph import Graph
from perf_pipeline.views.incremental import keep, setup, strategy, ways
from perf_pipeline.views.incremental.names import Names
from perf_pipeline.views.incremental.strategy import Changes, Costs, Strategy
from perf_pipeline.views.model import Rollup, Step, ViewPolicy
from perf_pipeline.views.plan import Seen
from perf_pipeline.views.refresh import Refreshed, budget_of
from perf_pipeline_tests.views.support import ADDING, ANY, PARTED, SHOP

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


def refresh(
    connection: Connection, policy: ViewPolicy, *, by_hand: bool = False, alone: bool = True
) -> Refreshed:
    """Refresh; where nobody else writes, the short look must say what the long one says."""
    if alone:
        assert quick(connection, policy) == (doubt(connection, policy) == "")
    reason = "asked for by hand" if by_hand else "a test"
    return keep.refresh(connection, Step(policy, "incremental", reason), Seen(Graph({})))


def quick(connection: Connection, policy: ViewPolicy) -> bool:
    """Whether one statement finds that there is nothing to do."""
    return keep.unchanged(connection, [policy], datetime.now(UTC)) == {policy.name}


def doubt(connection: Connection, policy: ViewPolicy) -> str:
    """Return what the long look says is to be done; empty: nothing."""
    return keep.see(connection, [policy], Seen(Graph({}))).dirty.get(policy.name, "not set up")


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


@pytest.fixture
def any_way(monkeypatch: pytest.MonkeyPatch) -> random.Random:
    """Let chance choose among the ways that are allowed, not their cost."""
    chance = random.Random(1)
    chosen: list[Strategy] = []

    def choose(changes: Changes, costs: Costs, *, adds_up: bool, doubt: str = "") -> Strategy:
        way = strategy.choose(changes, costs, adds_up=adds_up, doubt=doubt)
        if doubt or changes.everything or way == "none":
            return way
        if changes.groups is None:
            exact = adds_up and not changes.inexact
            chosen.append(chance.choice(["recompute", "full", *["apply"] * exact]))
        return chosen[-1]  # the groups were counted: asked again

    monkeypatch.setattr(keep, "choose", choose)
    return chance


def forced(monkeypatch: pytest.MonkeyPatch, way: Strategy, first: Callable[[], object]) -> None:
    """Let the next refreshes take one way, and something happen after their instant."""

    def choose(changes: Changes, costs: Costs, *, adds_up: bool, doubt: str = "") -> Strategy:
        first()
        found = strategy.choose(changes, costs, adds_up=adds_up, doubt=doubt)
        return found if doubt or changes.everything or found == "none" else way

    monkeypatch.setattr(keep, "choose", choose)


@pytest.mark.parametrize("rollup", [ADDING, ANY], ids=["adding", "any"])
def test_it_equals_its_query_after_any_history(
    ours: Connection, app: Connection, rollup: Rollup, any_way: random.Random
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=rollup)
    refresh(ours, policy)
    used = set()
    for _ in range(50):
        for _ in range(any_way.randrange(4)):
            shaken(app, any_way)
        used.add(refresh(ours, policy).method)
        assert differences(ours, policy) == []
    assert used == {"full", "recompute", "none"} | ({"apply"} if rollup is ADDING else set())


@pytest.mark.parametrize("way", ["apply", "recompute", "full"])
def test_each_way_moves_rows_among_groups_with_and_without_null_keys(
    ours: Connection, app: Connection, monkeypatch: pytest.MonkeyPatch, way: Strategy
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ADDING)
    refresh(ours, policy)
    forced(monkeypatch, way, lambda: None)
    for statement in (
        "INSERT INTO shop.orders (tenant, day, customer, total)"
        " VALUES (1, NULL, 1, 5), (1, '2026-01-01', 1, 7), (2, NULL, 1, NULL)",
        "UPDATE shop.orders SET day = '2026-01-01' WHERE tenant = 1 AND day IS NULL",
        "UPDATE shop.orders SET day = NULL WHERE tenant = 1",
        "DELETE FROM shop.orders WHERE tenant = 2",
        "UPDATE shop.orders SET status = 'open'",
    ):
        app.execute(statement)  # type: ignore[call-overload]
        assert refresh(ours, policy).method == way
        assert differences(ours, policy) == []
    assert app.execute("SELECT count(*) FROM shop.by_day").fetchone() == (0,)


@pytest.mark.parametrize("way", ["apply", "recompute", "full"])
def test_what_commits_during_a_refresh_is_in_the_next_one(
    ours: Connection, app: Connection, monkeypatch: pytest.MonkeyPatch, way: Strategy
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ADDING)
    insert = "INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1), (2, 1, 1)"
    app.execute(insert)
    refresh(ours, policy)
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    forget = ways.forget

    def late(connection: Connection, names: Names) -> int:
        app.execute(insert)
        return forget(connection, names)

    with monkeypatch.context() as patch:
        forced(patch, way, lambda: None)
        patch.setattr(ways, "forget", late)
        assert refresh(ours, policy).method == way
    orders = "SELECT tenant, orders FROM shop.by_day ORDER BY 1"
    assert app.execute(orders).fetchall() == [(1, 2), (2, 1)]
    refresh(ours, policy)
    assert app.execute(orders).fetchall() == [(1, 3), (2, 2)]


def test_a_table_that_is_truncated_after_the_instant_of_a_refresh(
    ours: Connection, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ADDING)
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1), (2, 1, 1)")
    refresh(ours, policy)
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    todo = ["TRUNCATE shop.orders"]
    # TRUNCATE is seen by transactions that began before it: its rows are gone, its mark is not
    forced(monkeypatch, "recompute", lambda: todo and app.execute(todo.pop()))  # type: ignore[call-overload]
    assert refresh(ours, policy).method == "full"
    assert differences(ours, policy) == []


def test_keys_that_cannot_be_null_and_partitions_written_directly(
    ours: Connection, app: Connection
) -> None:
    policy = ViewPolicy("shop.by_tenant", rollup=PARTED)
    refresh(ours, policy)
    names = setup.known(ours, {policy.name: policy})[policy.name].names
    assert not names.nullable
    # with our rights, so not for tables of others
    lent = "SELECT has_function_privilege('pg_monitor', %s, 'EXECUTE')"
    for event in ("insert", "update", "delete", "truncate"):
        function = names.function(event).as_string(ours) + "()"
        assert ours.execute(lent, [function]).fetchone() == (False,)
    # an average of decimals without a fixed scale cannot be kept by adding up
    assert [measure.kind for measure in names.measures] == ["rows", "sum", "other"]
    app.execute("INSERT INTO shop.log VALUES (1, now(), 1), (2, now(), 2.50)")
    app.execute("INSERT INTO shop.log_2 VALUES (2, now(), 'NaN')")
    refresh(ours, policy)
    assert differences(ours, policy) == []
    assert app.execute("SELECT tenant, lines FROM shop.by_tenant ORDER BY 1").fetchall() == [
        (1, 1),
        (2, 2),
    ]
    app.execute("DELETE FROM shop.log_2 WHERE weight = 'NaN'")
    # rows that go to another partition, and rows that a partition's own statement changes
    app.execute("UPDATE shop.log SET tenant = 2 WHERE tenant = 1")
    refresh(ours, policy)
    assert differences(ours, policy) == []
    app.execute("UPDATE shop.log_2 SET weight = 8 WHERE weight = 1")
    refresh(ours, policy)
    assert differences(ours, policy) == []
    app.execute("CREATE TABLE shop.log_3 (LIKE shop.log)")
    app.execute("INSERT INTO shop.log_3 VALUES (3, now(), 3)")
    app.execute("ALTER TABLE shop.log ATTACH PARTITION shop.log_3 FOR VALUES IN (3)")
    done = refresh(ours, policy)
    assert (done.method, done.note) == ("full", "a table it reads did not capture its changes")
    assert differences(ours, policy) == []
    app.execute("INSERT INTO shop.log_3 VALUES (3, now(), 4)")
    refresh(ours, policy)
    assert differences(ours, policy) == []
    app.execute("ALTER TABLE shop.log DETACH PARTITION shop.log_3")
    assert "added, taken away" in refresh(ours, policy).note
    assert differences(ours, policy) == []
    app.execute("DROP TABLE shop.log_3")
    app.execute("TRUNCATE shop.log_1")
    refresh(ours, policy)
    assert differences(ours, policy) == []


def test_columns_that_come_to_be_null(ours: Connection, app: Connection) -> None:
    measures = (("n", "count(*)"), ("customers", "count(customer)"), ("paid", "sum(total)"))
    rollup = Rollup("shop.orders", (("t", "tenant"),), measures)
    policy = ViewPolicy("shop.by_tenant", rollup=rollup)
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1), (2, 2, 2)")
    refresh(ours, policy)
    kept = setup.known(ours, {policy.name: policy})[policy.name]
    assert kept.never_null == {"id", "tenant", "customer", "status"}
    assert not kept.names.nullable
    try:
        app.execute("ALTER TABLE shop.orders ALTER customer DROP NOT NULL")
        app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, NULL, 1)")
        refresh(ours, policy, by_hand=True)
        assert differences(ours, policy) == []
        app.execute("ALTER TABLE shop.orders ALTER tenant DROP NOT NULL")
        app.execute("INSERT INTO shop.orders (tenant, total) VALUES (NULL, 1), (NULL, 2)")
        for _ in range(2):
            refresh(ours, policy)
            assert differences(ours, policy) == []
            app.execute("INSERT INTO shop.orders (tenant, total) VALUES (NULL, 1)")
    finally:
        app.execute(
            "TRUNCATE shop.orders;"
            "ALTER TABLE shop.orders ALTER customer SET NOT NULL, ALTER tenant SET NOT NULL"
        )


def test_what_cannot_be_captured_is_noticed(ours: Connection, app: Connection) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ADDING)
    refresh(ours, policy)
    with app.transaction():
        app.execute("SET LOCAL session_replication_role = replica")  # triggers fire all the same
        app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    assert refresh(ours, policy).method == "apply"
    app.execute("ALTER TABLE shop.orders DISABLE TRIGGER USER")
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    done = refresh(ours, policy)
    assert (done.method, done.note) == ("full", "a table it reads did not capture its changes")
    assert differences(ours, policy) == []
    app.execute("ALTER TABLE shop.orders DISABLE TRIGGER USER")
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    # killed, or blocked, when it had seen to it that what comes next is captured
    setup.arm(ours, setup.known(ours, {policy.name: policy})[policy.name], budget_of(policy))
    assert refresh(ours, policy).method == "full"
    assert differences(ours, policy) == []
    app.execute("VACUUM FULL shop.orders")
    assert "written anew" in refresh(ours, policy).note
    assert differences(ours, policy) == []
    app.execute("ALTER TABLE shop.orders SET UNLOGGED")
    for said in ("written anew", "is unlogged"):
        assert said in refresh(ours, policy).note
    app.execute("ALTER TABLE shop.orders SET LOGGED")
    refresh(ours, policy)
    app.execute("DROP VIEW shop.by_day")
    assert "was dropped" in refresh(ours, policy).note
    assert differences(ours, policy) == []
    app.execute("CREATE TABLE shop.other AS TABLE shop.by_day")
    app.execute("CREATE OR REPLACE VIEW shop.by_day AS TABLE shop.other")
    assert "something else is read" in refresh(ours, policy).note
    assert differences(ours, policy) == []
    app.execute("DROP TABLE shop.other")


def test_one_statement_finds_that_nothing_changed_and_waits_for_nobody(
    ours: Connection, app: Connection, url: str
) -> None:
    policies = [ViewPolicy("shop.by_day", rollup=ADDING), ViewPolicy("shop.by", rollup=PARTED)]
    for policy in policies:
        refresh(ours, policy)
    ours.execute("SET synchronous_commit = on")
    at = datetime.now(UTC)
    noted = "SELECT count(*) FROM perf_pipeline_meta.mv_refresh_state WHERE checked_at = %s"
    assert keep.unchanged(ours, policies, at) == {"shop.by_day", "shop.by"}
    assert app.execute(noted, [at]).fetchone() == (2,)
    assert ours.execute("SHOW synchronous_commit").fetchone() == ("on",)
    with psycopg.connect(url) as writer:
        # what is not committed cannot be read yet, and is found when it is
        writer.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
        writer.execute("TRUNCATE shop.log_1")
        assert keep.unchanged(ours, policies, at) == {"shop.by_day", "shop.by"}
    assert keep.unchanged(ours, policies, at) == set()
    for policy in policies:
        refresh(ours, policy)
    app.execute("SELECT perf_pipeline_meta.request_refresh('shop.by')")
    assert keep.unchanged(ours, policies, at) == {"shop.by_day"}
    assert keep.unchanged(ours, [ViewPolicy("shop.daily")], at) == set()
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE perf_pipeline_meta.mv_refresh_state")
        ours.execute("SET lock_timeout = '50ms'")
        assert keep.unchanged(ours, policies, at) == set()
        ours.execute("RESET lock_timeout")
    assert keep.unchanged(ours, policies, at) == {"shop.by_day"}
    # as after a restored dump: tables have other numbers
    app.execute("UPDATE perf_pipeline_meta.rollup SET members = ARRAY['1'::oid]")
    assert keep.unchanged(ours, policies, at) == set()
    refresh(ours, policies[0])
    assert quick(ours, policies[0])


def test_what_was_captured_too_little_is_computed_instead(
    ours: Connection, app: Connection
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ADDING)
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    refresh(ours, policy)
    names = setup.known(ours, {policy.name: policy})[policy.name].names
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    ours.execute(sql.SQL("UPDATE {} SET pp_rows = -5").format(names.changes))
    done = refresh(ours, policy)
    assert (done.method, done.note) == ("full", "what was captured did not add up")
    assert differences(ours, policy) == []


def test_writers_go_on_while_it_is_refreshed(
    ours: Connection, app: Connection, url: str, any_way: random.Random
) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ANY)
    refresh(ours, policy)
    stop, wrong = threading.Event(), list[BaseException]()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            with psycopg.connect(url, autocommit=True) as mine:
                while not stop.is_set():
                    with suppress(psycopg.errors.DeadlockDetected):
                        shaken(mine, chance)
        except BaseException as error:
            wrong.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    for _ in range(25):
        with suppress(LockBudgetError):
            refresh(ours, policy, alone=False)
    stop.set()
    for writer in writers:
        writer.join()
    assert wrong == []
    refresh(ours, policy)
    assert differences(ours, policy) == []


def test_a_reader_in_the_way_is_gone_around(ours: Connection, app: Connection, url: str) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ANY)
    refresh(ours, policy)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM shop.by_day")
        app.execute(
            "INSERT INTO shop.orders (tenant, customer, total)"
            " SELECT g % 3, g, g FROM generate_series(1, 50) AS g"
        )
        done = refresh(ours, policy, by_hand=True)
        assert done.method == "full"
        assert done.seconds < 20.0  # the reader stays for ever
    assert differences(ours, policy) == []
    generations = ours.execute("SELECT generation FROM perf_pipeline_meta.rollup").fetchall()
    assert generations == [(1,)]


@pytest.mark.parametrize(
    ("rollup", "why"),
    [
        (replace(ADDING, source="shop.nothing"), "is no table"),
        (replace(ADDING, source="shop.paid"), "is no table"),
        (replace(ADDING, where="stat = 'x'"), 'column "stat" does not exist'),
        (replace(ADDING, where="day < current_date"), "not immutable"),
        (replace(ADDING, group_by=(("at", "now()::date"),)), "not immutable"),
        (replace(ADDING, measures=(("n", "count(*) + random()"),)), "random()"),
        (replace(ADDING, measures=(("n", "max((SELECT max(at) FROM shop.log))"),)), "shop.log"),
        (replace(ADDING, measures=()), "at least one"),
        (replace(ADDING, measures=(("n", "count("),)), "syntax error"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    ours: Connection, rollup: Rollup, why: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        refresh(ours, ViewPolicy("shop.refused", rollup=rollup))
    assert why in str(caught.value)
    for query in (
        "SELECT count(*) FROM perf_pipeline_meta.rollup",
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.orders'::regclass",
    ):
        assert ours.execute(query).fetchone() == (0,)  # type: ignore[call-overload]


def test_our_own_tables_are_no_change_of_the_schema(ours: Connection) -> None:
    text = sqlfiles.load("snapshots/schema_objects").text

    def objects() -> set[str]:
        return {row[3] for row in ours.execute(text).fetchall()}

    before = objects()
    refresh(ours, ViewPolicy("shop.by_day", rollup=ADDING))
    assert {name.rpartition(".")[0] for name in objects() - before} == {"shop"}
    assert any(name.startswith("shop.") for name in before)


def test_another_table_in_the_place_of_the_source(ours: Connection, app: Connection) -> None:
    policy = ViewPolicy("shop.by_day", rollup=ADDING)
    insert = "INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)"
    app.execute(insert)
    refresh(ours, policy)
    # as where a table is converted: filled beside it, then the names are exchanged
    app.execute("CREATE TABLE shop.new (LIKE shop.orders INCLUDING ALL)")
    app.execute("ALTER TABLE shop.orders RENAME TO old; ALTER TABLE shop.new RENAME TO orders")
    app.execute("CREATE VIEW shop.above AS TABLE shop.by_day")
    try:
        with pytest.raises(ConfigurationError, match=r"view shop\.above depends on view"):
            refresh(ours, policy)
        app.execute("DROP VIEW shop.above")
        for rows in (1, 2):
            app.execute(insert)
            refresh(ours, policy)
            assert differences(ours, policy) == []
            assert app.execute("SELECT orders FROM shop.by_day").fetchall() == [(rows,)]
        setup.tear_down(ours, policy.name, budget_of(policy))
    finally:
        app.execute("DROP TABLE shop.orders CASCADE; ALTER TABLE shop.old RENAME TO orders")
    left = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.orders'::regclass"
    assert app.execute(left).fetchone() == (0,)


def test_a_name_that_is_taken_is_refused(ours: Connection) -> None:
    with pytest.raises(ConfigurationError, match="is not kept by us"):
        refresh(ours, ViewPolicy("shop.daily", rollup=ADDING))


def test_another_declaration_is_made_anew_and_can_be_taken_away(
    ours: Connection, app: Connection
) -> None:
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (1, 1, 1)")
    refresh(ours, ViewPolicy("shop.by_day", rollup=ADDING))
    other = ViewPolicy("shop.by_day", rollup=replace(ADDING, where="total > 5"))
    assert keep.see(ours, [other], Seen(Graph({}))).dirty == {}
    assert refresh(ours, other).method == "full"
    assert app.execute("SELECT count(*) FROM shop.by_day").fetchone() == (0,)
    assert setup.tear_down(ours, "shop.by_day", budget_of(other))
    assert not setup.tear_down(ours, "shop.by_day", budget_of(other))
    left = ours.execute(
        "SELECT count(*) FROM pg_class AS c WHERE c.relname ~ '^rollup_[0-9]'"
    ).fetchone()
    assert left == (0,)
