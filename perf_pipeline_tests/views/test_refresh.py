"""Refreshing on a real server: what changed, in order, one by one, and all or nothing."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, maintenance_log
from perf_pipeline.views import catalog, queue
from perf_pipeline.views.model import ViewPolicy
from perf_pipeline.views.run import Outcome, look, run
from perf_pipeline_tests.conftest import PG_BIN
from perf_pipeline_tests.servers.counters import until_collected, until_ended, until_ours_ended
from perf_pipeline_tests.servers.crashes import session_again, until_noticed
from perf_pipeline_tests.views.support import ADDING, SHOP, target, view

pytestmark = pytest.mark.server

DAILY, TENANTS = view("shop.daily"), view("shop.tenants")
BOTH = (TENANTS, DAILY)


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> Iterator[str]:
    name = "views_refresh"
    server.ensure_database(name)
    with psycopg.connect(server.url(name)) as connection:
        connection.execute(SHOP)
        connection.execute(
            "INSERT INTO shop.orders (tenant, day, customer, total)"
            " SELECT g % 3, '2026-01-01'::date + g % 5, g, g FROM generate_series(1, 60) AS g"
        )
    yield name
    server.drop_database(name)


@pytest.fixture
def shop(
    template: str, make_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Target:
    monkeypatch.setenv("SHOP_URL", make_database(template))
    return target()


@pytest.fixture
def app(shop: Target) -> Iterator[psycopg.Connection]:
    with psycopg.connect(shop.url(), autocommit=True) as connection:
        yield connection


def said(outcomes: list[Outcome]) -> dict[str, tuple[str, str]]:
    return {each.name: (each.status, each.method) for each in outcomes}


def write(app: psycopg.Connection, statement: str) -> None:
    """Write, and tell the counters at once as a session that ends does."""
    with psycopg.connect(app.info.dsn, password=app.info.password, autocommit=True) as other:
        other.execute(statement)  # type: ignore[call-overload]
        writer = other.info.backend_pid
    until_ended(app, writer)
    until_collected(app)


def settle(app: psycopg.Connection) -> None:
    """Have what our sessions did be in the counters."""
    until_ours_ended(app)


def content(app: psycopg.Connection, name: str) -> list[tuple[object, ...]]:
    return app.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # type: ignore[call-overload]


def test_only_what_changed_is_refreshed_in_order(
    shop: Target, shared_store: Store, app: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(run(shared_store, shop, BOTH)) == {
        "shop.daily": ("refreshed", "concurrently"),
        "shop.tenants": ("refreshed", "refresh"),
    }
    settle(app)
    if app.info.server_version < 150_000:
        # what the first view's refresh wrote was told after the second one's
        assert said(run(shared_store, shop, BOTH))["shop.daily"] == ("unchanged", "none")
        settle(app)
    assert set(said(run(shared_store, shop, BOTH)).values()) == {("unchanged", "none")}
    kept = ViewPolicy("shop.kept", rollup=ADDING)
    run(shared_store, shop, [kept])
    with monkeypatch.context() as blind:
        # one statement says so of incremental views: nothing else is read
        blind.setattr(catalog, "see", lambda *_: pytest.fail("it looked at everything"))
        assert said(run(shared_store, shop, [kept])) == {"shop.kept": ("unchanged", "none")}
    write(app, "UPDATE shop.orders SET total = total + 1 WHERE tenant = 1")
    assert {status for status, _ in said(run(shared_store, shop, BOTH)).values()} == {"refreshed"}
    write(
        app, "INSERT INTO shop.orders (tenant, day, customer, status) VALUES (1, NULL, 1, 'open')"
    )
    assert said(run(shared_store, shop, [DAILY]))["shop.daily"][0] == "refreshed"
    write(app, "TRUNCATE shop.orders")
    run(shared_store, shop, BOTH)
    assert content(app, "shop.daily") == []
    rows = maintenance_log.recent(shared_store, "shop", operation="view.refresh", limit=9)
    assert {row["outcome"] for row in rows} == {"done"}
    assert len([row for row in rows if row["object"] == "shop.daily"]) == 4
    assert rows[0]["rows"] == 0


def test_what_the_counters_cannot_tell_is_a_doubt(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    run(shared_store, shop, [DAILY])
    write(app, "SELECT pg_stat_reset()")
    (outcome,) = run(shared_store, shop, [DAILY])
    assert outcome.status == "refreshed"
    assert "began anew" in outcome.why
    app.execute("CREATE OR REPLACE VIEW shop.paid AS SELECT * FROM shop.orders WHERE status = 'x'")
    (outcome,) = run(shared_store, shop, [DAILY])
    assert "definition" in outcome.why
    assert content(app, "shop.daily") == []


def test_asked_for_often_refreshed_once(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    run(shared_store, shop, BOTH)
    for _ in range(5):
        app.execute("SELECT perf_pipeline_meta.request_refresh('shop.tenants', 'an import')")
    with app.transaction(force_rollback=True):
        app.execute("SELECT perf_pipeline_meta.request_refresh('shop.daily')")
    (asked,) = queue.probe(shop, datetime.now(UTC))
    assert (asked.view, asked.requests, asked.due, asked.reasons) == (
        "shop.tenants",
        5,
        True,
        ("an import",),
    )
    outcomes = run(shared_store, shop, BOTH)
    assert said(outcomes)["shop.tenants"] == ("refreshed", "refresh")
    assert said(outcomes)["shop.daily"] == ("unchanged", "none")
    assert [each.answered for each in outcomes if each.name == "shop.tenants"] == [5]
    assert queue.probe(shop, datetime.now(UTC)) == []
    with pytest.raises(psycopg.errors.WrongObjectType, match="neither"):
        app.execute("SELECT perf_pipeline_meta.request_refresh('shop.orders')")


def test_who_asks_needs_two_grants_and_lends_no_rights(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    run(shared_store, shop, [DAILY])
    function = "perf_pipeline_meta.request_refresh"
    name = f"importer_{uuid.uuid4().hex[:8]}"
    app.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA shop TO {name}")
    url = psycopg.conninfo.make_conninfo(shop.url(), user=name, password="p")
    denied = pytest.raises(psycopg.errors.InsufficientPrivilege)
    try:
        with psycopg.connect(url, autocommit=True) as importer:
            for grant in ("USAGE ON SCHEMA perf_pipeline_meta", f"EXECUTE ON FUNCTION {function}"):
                with denied:
                    importer.execute(f"SELECT {function}('shop.daily')")
                app.execute(f"GRANT {grant} TO {name}")
            row = importer.execute(f"SELECT {function}('shop.daily', 'import')").fetchone()
            assert row is not None
            with pytest.raises(psycopg.errors.WrongObjectType, match="neither"):
                importer.execute(f"SELECT {function}('shop.orders')")
            queue_of = "perf_pipeline_meta.mv_refresh_queue"
            for statement in (
                f"INSERT INTO {queue_of} (view_name, requested_by) VALUES ('shop.daily', 'you')",
                f"SELECT reason FROM {queue_of}",
                f"UPDATE {queue_of} SET view_name = 'shop.tenants'",
                f"DELETE FROM {queue_of}",
                "SELECT spec FROM perf_pipeline_meta.rollup",
                "SELECT FROM shop.daily",
            ):
                with denied:
                    importer.execute(statement)
        asked = app.execute(
            f"SELECT request_id, view_name, reason, requested_by FROM {queue_of}"
        ).fetchall()
        assert asked == [(row[0], "shop.daily", "import", name)]
    finally:
        app.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_records_are_made_whole_or_not_at_all(
    shop: Target, app: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    *most, last = sqlfiles.folder("views/meta")
    broken = [*most, replace(last, text="SELECT 1 / 0")]
    with monkeypatch.context() as half:
        half.setattr(sqlfiles, "folder", lambda name: broken)
        with pytest.raises(psycopg.errors.DivisionByZero):
            catalog.install(app, shop.name)
    assert app.execute("SELECT to_regnamespace('perf_pipeline_meta')").fetchone() == (None,)
    catalog.install(app, shop.name)
    assert catalog.is_installed(app)


def test_records_of_an_earlier_version_are_brought_up_to_date(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    run(shared_store, shop, [DAILY])
    app.execute(
        "ALTER FUNCTION perf_pipeline_meta.request_refresh SECURITY DEFINER;"
        "DROP FUNCTION perf_pipeline_meta.has_changes;"
        "REVOKE ALL (view_name, reason, request_id) ON perf_pipeline_meta.mv_refresh_queue"
        " FROM PUBLIC; REVOKE ALL (view_name) ON perf_pipeline_meta.rollup FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION perf_pipeline_meta.request_refresh TO pg_monitor;"
        "SELECT perf_pipeline_meta.request_refresh('shop.daily', 'before')"
    )
    # what is there goes on to be seen, and the next run mends it
    assert [each.reasons for each in queue.probe(shop, datetime.now(UTC))] == [("before",)]
    (outcome,) = run(shared_store, shop, [DAILY])
    assert outcome.answered == 1
    held = (
        "SELECT p.prosecdef, has_function_privilege('pg_monitor', p.oid, 'EXECUTE'),"
        " has_column_privilege('pg_monitor', 'perf_pipeline_meta.mv_refresh_queue', 'reason',"
        " 'INSERT'), has_column_privilege('pg_monitor', 'perf_pipeline_meta.rollup', 'view_name',"
        " 'SELECT') FROM pg_proc AS p"
        " WHERE p.oid = 'perf_pipeline_meta.request_refresh'::regproc"
    )
    assert app.execute(held).fetchone() == (False, True, True, True)


def test_a_request_that_comes_during_the_refresh_is_not_taken_for_answered(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    run(shared_store, shop, [DAILY])
    app.execute("SELECT perf_pipeline_meta.request_refresh('shop.daily', 'before')")
    with psycopg.connect(shop.url()) as late:
        late.execute("SELECT perf_pipeline_meta.request_refresh('shop.daily', 'late')")
        (outcome,) = run(shared_store, shop, [DAILY])
        assert outcome.answered == 1
    (asked,) = queue.probe(shop, datetime.now(UTC))
    assert asked.reasons == ("late",)


def test_a_held_lock_is_waited_for_within_the_budget_and_the_others_go_on(
    shop: Target, shared_store: Store, app: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shared_store, shop, BOTH)
    held = view("shop.daily", lock_ms=100, seconds=0.5)
    app.execute("CREATE MATERIALIZED VIEW shop.counted AS SELECT count(*) AS n FROM shop.orders")
    with psycopg.connect(shop.url()) as other:
        other.execute("REFRESH MATERIALIZED VIEW shop.daily")
        start = time.monotonic()
        outcomes = run(shared_store, shop, (held, TENANTS, view("shop.counted")), force=True)
        assert time.monotonic() - start < 60  # it is held for ever
    found = {each.name: each for each in outcomes}
    assert found["shop.daily"].status == "blocked"
    assert "pid" in found["shop.daily"].why
    with psycopg.connect(shop.url()) as other:
        other.execute("LOCK TABLE shop.orders")
        (behind,) = run(shared_store, shop, [held], force=True)
    # who holds what the view reads is named, too
    assert (behind.status, "AccessExclusiveLock" in behind.why) == ("blocked", True)
    monkeypatch.setenv("PERF_LOCK_TIMEOUT_MS", "50")
    settings.current.cache_clear()
    with psycopg.connect(shop.url()) as other:
        other.execute("LOCK TABLE perf_pipeline_meta.mv_refresh_state")
        with pytest.raises(BusyError, match="what is known of its views is locked: pid"):
            run(shared_store, shop, [held])
    assert found["shop.tenants"].status == "waits"
    assert found["shop.counted"].status == "refreshed"
    monkeypatch.delenv("PERF_LOCK_TIMEOUT_MS")
    settings.current.cache_clear()
    # left alone for a minute, then tried again
    (later,) = run(shared_store, shop, [held])
    assert later.status in {"unchanged", "waits"}
    (now,) = run(shared_store, shop, [held], force=True)
    assert now.status == "refreshed"


def test_what_is_blocked_lets_the_others_go_first_and_is_tried_again(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    app.execute("CREATE MATERIALIZED VIEW shop.zones AS SELECT count(*) AS n FROM shop.orders")
    held = view("shop.daily", lock_ms=100, fresh_minutes=0.001)  # it goes first
    policies = (held, TENANTS, view("shop.zones"))
    run(shared_store, shop, policies)
    told: list[str] = []
    with psycopg.connect(shop.url()) as other:
        other.execute("REFRESH MATERIALIZED VIEW shop.daily")

        def notify(outcome: Outcome) -> None:
            told.append(outcome.name)
            other.rollback()

        outcomes = run(shared_store, shop, policies, force=True, notify=notify)
    # what rests on the blocked one comes after it
    assert told == ["shop.zones", "shop.daily", "shop.tenants"]
    assert [each.name for each in outcomes] == ["shop.daily", "shop.zones", "shop.tenants"]
    assert {each.status for each in outcomes} == {"refreshed"}
    assert outcomes[0].waited_ms >= 90.0
    rows = maintenance_log.recent(shared_store, "shop", object_name="shop.daily", limit=2)
    assert [row["outcome"] for row in rows] == ["done", "blocked"]


def test_all_that_is_blocked_shares_one_budget(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    names = [f"shop.held_{n}" for n in range(4)]
    for name in names:
        app.execute(f"CREATE MATERIALIZED VIEW {name} AS SELECT 1 AS n")  # type: ignore[call-overload]
    with psycopg.connect(shop.url()) as other:
        for name in names:
            other.execute(f"TABLE {name}")  # type: ignore[call-overload]
        start = time.monotonic()
        outcomes = run(
            shared_store,
            shop,
            [view(name, lock_ms=100) for name in names],
            force=True,
            lock_seconds=0.5,
        )
        took = time.monotonic() - start
    assert {each.status for each in outcomes} == {"blocked"}
    # each for itself would have waited 30 s
    assert took < 20.0
    found = catalog.states(app, names)
    assert {found[name].failures for name in names} == {1}


def test_a_refresh_that_takes_too_long_is_cut_off_and_changes_nothing(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    app.execute(
        "CREATE MATERIALIZED VIEW shop.slow AS"
        " SELECT count(*) AS n, CASE WHEN count(*) > 60 THEN (SELECT 1 FROM pg_sleep(9)) END AS s"
        " FROM shop.orders"
    )
    app.execute("INSERT INTO shop.orders (tenant, customer) VALUES (1, 1)")
    slow = view("shop.slow", blocking_seconds=0.2)
    first, second = run(shared_store, shop, [slow, DAILY])
    assert (first.name, first.status, second.status) == ("shop.daily", "refreshed", "failed")
    assert "blocking_seconds" in second.remedy
    assert app.execute("SELECT n FROM shop.slow").fetchone() == (60,)
    rows = maintenance_log.recent(shared_store, "shop", object_name="shop.slow", limit=1)
    assert rows[0]["outcome"] == "failed"


def test_a_refresh_sorts_in_the_memory_of_maintenance(shop: Target) -> None:
    with catalog.session(shop) as session:
        for given, maintenance, used in (
            ("4MB", "32MB", "32MB"),
            ("4MB", "1GB", "64MB"),
            ("128MB", "32MB", "128MB"),
        ):
            with session.transaction():
                session.execute(f"SET LOCAL work_mem = '{given}'")  # type: ignore[call-overload]
                session.execute(f"SET LOCAL maintenance_work_mem = '{maintenance}'")  # type: ignore[call-overload]
                catalog.rows(session, "memory")
                assert session.execute("SHOW work_mem").fetchone() == (used,)


def test_two_at_once_do_not_refresh_twice(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    with catalog.session(shop) as session, session.transaction():
        catalog.rows(session, "refresh_lock", {"view": "shop.daily"})
        (outcome,) = run(shared_store, shop, [DAILY])
    assert outcome.status == "blocked"
    assert "another refresh" in outcome.why


@pytest.mark.parametrize("policy", [DAILY, ViewPolicy("shop.kept", rollup=ADDING)])
def test_a_refresh_whose_session_is_killed_leaves_everything_as_it_was(
    shop: Target, shared_store: Store, app: psycopg.Connection, policy: ViewPolicy
) -> None:
    run(shared_store, shop, [policy])
    before = content(app, policy.name)
    app.execute("INSERT INTO shop.orders (tenant, customer, total) VALUES (9, 9, 9)")
    outcomes: list[Outcome] = []
    with psycopg.connect(shop.url()) as other:
        # the refresh waits at its last statements: everything else is done
        other.execute("LOCK TABLE perf_pipeline_meta.mv_refresh_state IN SHARE MODE")
        thread = threading.Thread(
            target=lambda: outcomes.extend(run(shared_store, shop, [policy], force=True))
        )
        thread.start()
        _killed(app, thread)
        thread.join(60)
    assert [each.status for each in outcomes] == ["failed"]
    assert "connection was lost" in outcomes[0].why
    assert content(app, policy.name) == before
    (again,) = run(shared_store, shop, [policy], force=True)
    assert again.status == "refreshed"
    assert (9, 1) in app.execute(f"SELECT tenant, orders FROM {policy.name}").fetchall()  # type: ignore[call-overload]


def test_a_server_that_crashes_during_a_refresh(
    server_directory: Path, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ViewPolicy("shop.kept", rollup=ADDING)
    with EmbeddedServer(server_directory / "crash", pg_bin=PG_BIN) as mine:
        mine.ensure_database("shop")
        monkeypatch.setenv("SHOP_URL", mine.url("shop"))
        with psycopg.connect(mine.url("shop"), autocommit=True) as app:
            app.execute(SHOP)
            insert = "INSERT INTO shop.orders (tenant, customer, total) VALUES (9, 9, 9)"
            app.execute(insert)
            run(shared_store, target(), [DAILY, kept])
            app.execute(insert)
            outcomes: list[Outcome] = []
            with suppress(psycopg.OperationalError), psycopg.connect(mine.url("shop")) as other:
                # the refresh waits at its last statements: everything else is done
                other.execute("LOCK TABLE perf_pipeline_meta.rollup IN SHARE MODE")
                thread = threading.Thread(
                    target=lambda: outcomes.extend(run(shared_store, target(), [kept]))
                )
                thread.start()
                _killed(app, thread, kill=True)
                thread.join(60)
        assert [each.status for each in outcomes] == ["failed"]
        session_again(mine.url("shop")).close()
        again = run(shared_store, target(), [DAILY, kept], force=True)
        assert {each.status for each in again} == {"refreshed"}
        with psycopg.connect(mine.url("shop"), autocommit=True) as app:
            for name in ("shop.kept", "shop.daily"):
                rows = app.execute(f"SELECT tenant, orders FROM {name}").fetchall()  # type: ignore[call-overload]
                assert rows == [(9, 2)]


def _killed(app: psycopg.Connection, thread: threading.Thread, *, kill: bool = False) -> None:
    """End the refresh's session as soon as it waits for a lock; with kill -9 the server crashes."""
    while thread.is_alive():
        row = app.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'perf-pipeline:views' AND wait_event_type = 'Lock'"
        ).fetchone()
        if row and kill:
            os.kill(row[0], signal.SIGKILL)
            until_noticed(app)
            return
        # gone, and its locks with it, not only told to go
        if row and app.execute("SELECT pg_terminate_backend(%s, 60000)", row).fetchone():
            return
        thread.join(0.02)


def test_a_function_that_reads_a_table_nobody_told_of(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    app.execute(
        "CREATE FUNCTION shop.total() RETURNS bigint STABLE LANGUAGE sql"
        " AS 'SELECT count(*) FROM shop.log'"
    )
    app.execute("CREATE MATERIALIZED VIEW shop.hidden AS SELECT shop.total() AS n")
    hidden = view("shop.hidden")
    run(shared_store, shop, [hidden])
    (outcome,) = run(shared_store, shop, [hidden])
    assert outcome.status == "refreshed"
    assert "shop.total()" in outcome.why
    declared = view("shop.hidden", reads=("shop.log",))
    run(shared_store, shop, [declared])
    (outcome,) = run(shared_store, shop, [declared])
    assert outcome.status == "unchanged"
    write(app, "INSERT INTO shop.log VALUES (2, now(), 1)")  # into a partition
    (outcome,) = run(shared_store, shop, [declared])
    assert (outcome.status, outcome.why) == ("refreshed", "1 rows written to shop.log")


def test_every_table_that_is_not_there_is_told_and_the_others_go_on(
    shop: Target, shared_store: Store, app: psycopg.Connection
) -> None:
    policies = (
        view("shop.daily", reads=("shop.nothing", "shop.log", "shop.neither")),
        view("shop.tenants"),
        view("shop.gone"),
        ViewPolicy("shop.kept", rollup=replace(ADDING, source="shop.nowhere")),
        ViewPolicy("shop.joined", rollup=replace(ADDING, source="shop.paid")),
        view("shop.zones"),
    )
    app.execute("CREATE MATERIALIZED VIEW shop.zones AS SELECT count(*) AS n FROM shop.orders")
    found = {each.name: each for each in run(shared_store, shop, policies)}
    assert found["shop.daily"].why == (
        "shop.daily reads shop.nothing, shop.neither: there is no such table"
    )
    assert "shop.nowhere" in found["shop.kept"].why
    assert "shop.paid (a view: name the tables below it)" in found["shop.joined"].why
    assert {name: each.status for name, each in found.items()} == {
        "shop.daily": "missing",
        "shop.tenants": "waits",
        "shop.gone": "missing",
        "shop.kept": "missing",
        "shop.joined": "missing",
        "shop.zones": "refreshed",
    }


def test_a_plan_changes_nothing_not_even_our_tables(shop: Target, app: psycopg.Connection) -> None:
    with catalog.pg.session(shop.url(), read_only=True, autocommit=True) as session:
        made, _ = look(session, shop, (*BOTH, ViewPolicy("shop.kept", rollup=ADDING)))
    assert {step.action for step in made.steps} == {"concurrently", "refresh", "incremental"}
    assert app.execute("SELECT to_regnamespace('perf_pipeline_meta')").fetchone() == (None,)
