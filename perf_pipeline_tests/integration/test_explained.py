"""A real server under load: what findings say of it, and what they say after feedback."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.baselines.build import build
from perf_pipeline.postgres.target import Target
from perf_pipeline.regressions import verdicts
from perf_pipeline.regressions.find import find
from perf_pipeline.snapshots import record
from perf_pipeline.snapshots.text_budget import Budget
from perf_pipeline.store import Store, feedback, happenings, targets
from perf_pipeline_tests.regressions import ledger

pytestmark = pytest.mark.server

LOOK_UP = "SELECT note FROM app.orders WHERE customer = %s"
COUNT_UP = "UPDATE app.counters SET n = n + 1 WHERE id = %s"
COUNT_BUSY = "SELECT count(*) FROM app.busy WHERE note LIKE %s"
FINDINGS = "perf_mgmt.findings"
NO_WAIT = Budget(minimum_seconds=0, maximum_share=1.0)


@dataclass
class Shop:
    """A database, one client and our sweeps of it."""

    target: Target
    store: Store
    client: psycopg.Connection
    number: int = 0
    began: date = field(default_factory=lambda: datetime.now(UTC).date())

    def sweep(self, times: int, work: Callable[[int], None]) -> None:
        """Work and sweep in turns."""
        for _ in range(times):
            for _ in range(20):
                self.number += 1
                work(self.number)
            self.client.execute("SELECT pg_stat_force_next_flush()")
            self.client.execute("SELECT 1")
            record.collect(self.target, self.store, expected_seconds=20, text_budget=NO_WAIT)

    def look_up(self, number: int) -> None:
        self.client.execute(LOOK_UP, [number % 10_000])

    def until_found(
        self,
        text: str,
        work: Callable[[int], None],
        dated: Callable[[dict[str, Any]], bool] = lambda row: True,
    ) -> list[dict[str, Any]]:
        """Work and sweep until a statement is found; a busy machine makes it take longer.

        So it does with the onset: what was before and after is told apart once it is `dated` well.
        """
        for _ in range(5):
            self.sweep(8, work)
            rows = self.found(text)
            if rows and dated(rows[0]):
                break
        return rows

    def found(self, text: str) -> list[dict[str, Any]]:
        """Find, and return what is found of a statement, the newest onset first."""
        today = datetime.now(UTC).date()
        find(self.store, self.target.name, self.began, today)
        number = targets.register(self.store, self.target.name)
        rows = verdicts.listed(self.store, number, today, today)
        return [dict(row) for row in rows if text in (row["query"] or "")]


@pytest.fixture
def shop(
    make_database: Callable[..., str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    url = make_database()
    monkeypatch.setenv("SHOP_URL", url)
    with psycopg.connect(url, autocommit=True) as client:
        client.execute("CREATE EXTENSION pg_stat_statements")
        client.execute("CREATE SCHEMA app")
        client.execute("CREATE TABLE app.orders (id int PRIMARY KEY, customer int, note text)")
        add_orders(client, 1, 30_000)
        client.execute("CREATE INDEX orders_customer ON app.orders (customer)")
        client.execute("CREATE TABLE app.counters (id int PRIMARY KEY, n int)")
        client.execute("INSERT INTO app.counters VALUES (1, 0), (2, 0)")
        # what is told after VACUUM has counted would be counted twice
        client.execute("SELECT pg_stat_force_next_flush()")
        client.execute("VACUUM ANALYZE app.orders")
        target = Target("shop", "SHOP_URL", datetime.now(UTC).date() - timedelta(days=1))
        yield Shop(target, store, client)


def add_orders(client: psycopg.Connection, first: int, last: int) -> None:
    client.execute(
        # later orders are of other customers: a look-up finds as many rows as before
        "INSERT INTO app.orders"
        " SELECT g, mod(g, 10000) + CASE WHEN g > 30000 THEN 10000 ELSE 0 END, 'note ' || g"
        " FROM generate_series(%s::int, %s::int) AS g",
        [first, last],
    )


def test_a_dropped_index_is_explained_and_what_is_said_of_it_is_heeded(shop: Shop) -> None:
    shop.sweep(16, shop.look_up)
    shop.client.execute("DROP INDEX app.orders_customer")
    shop.sweep(4, shop.look_up)
    (row,) = shop.until_found(
        "FROM app.orders", shop.look_up, lambda row: row["evidence"]["plan"]["changed"]
    )
    assert (row["direction"], row["severity"], row["is_new"]) == ("up", "critical", True)
    first = row["causes"][0]
    assert (first["kind"], first["object"]) == ("index_dropped", "app.orders_customer")
    told = " ".join(first["evidence"])
    assert "the index was scanned" in told
    assert "sequential reads of app.orders rose" in told
    # the server counted what shows another plan: many more blocks for the same three rows
    plan = row["evidence"]["plan"]
    assert plan["changed"], row["evidence"]
    assert "blocks a call for as many rows (3 -> 3)" in plan["evidence"][0]
    assert plan["evidence"][-1].startswith("app.orders: 0 ->")
    assert "plan_changed" in [cause["kind"] for cause in row["causes"]]
    summary = row["evidence"]["summary"]
    assert "of the rise is time per call" in summary
    assert "blocks a call" in summary
    each = row["evidence"]["time"]["per_call"]
    assert each["blocks"]["after"] > 20 * each["blocks"]["before"]
    assert each["plan_ms"] is None  # track_planning is off: not known, not zero
    assert row["evidence"]["incident"]["why"] == "cause"

    _say(shop, row, "false")
    assert shop.found("FROM app.orders") == []
    rules = verdicts.precision_of(shop.store, 1)
    judged = [rule for rule in rules if rule["precision"] is not None]
    assert [(r["cause_kind"], r["severity"], r["false"]) for r in judged] == [
        ("index_dropped", "critical", 1)
    ]
    assert judged[0]["precision"] == 0.0

    _say(shop, row, "expected")
    assert shop.found("FROM app.orders") == []
    today = datetime.now(UTC).date()
    repeated = []
    for _ in range(2):
        build(shop.store, "shop", shop.began, today)
        find(shop.store, "shop", shop.began, today)
        repeated.append(ledger.rows(shop.store, FINDINGS))
    assert repeated[0] == repeated[1]

    # what comes later is compared with the level that is expected
    add_orders(shop.client, 30_001, 250_000)
    (later,) = shop.until_found("FROM app.orders", shop.look_up)
    assert later["onset"] > row["onset"]
    assert later["old_level"] > 5 * row["old_level"]
    assert "table_grew" in [cause["kind"] for cause in later["causes"]]
    assert not later["evidence"]["plan"]["changed"]

    _say(shop, row, "cleared")
    assert row["finding_id"] in [found["finding_id"] for found in shop.found("FROM app.orders")]


def _say(shop: Shop, row: dict[str, Any], verdict: str) -> None:
    name = row["finding_id"][:10]
    feedback.give(shop.store, "shop", name, verdict, given_by="ann", reason="a test")


def test_waiting_for_locks_is_explained_by_who_is_in_the_way(shop: Shop) -> None:
    url = shop.target.url()

    def count_up(_: int) -> None:
        shop.client.execute(COUNT_UP, [1])

    shop.sweep(16, count_up)
    with psycopg.connect(url, application_name="nightly") as blocker:
        for _ in range(8):
            blocker.execute(COUNT_UP, [1])
            blocked = threading.Thread(target=count_up, args=(0,))
            blocked.start()
            _until_waiting(blocker)
            record.collect(shop.target, shop.store, expected_seconds=20)
            blocker.commit()
            blocked.join()
            shop.client.execute("SELECT pg_stat_force_next_flush()")
            shop.client.execute("SELECT 1")
    record.collect(shop.target, shop.store, expected_seconds=20)
    (row,) = shop.found("UPDATE app.counters")
    first = row["causes"][0]
    assert first["kind"] == "lock_waits_rose"
    assert any("of nightly in the way" in line for line in first["evidence"])
    waits = row["evidence"]["waits"]
    assert waits["by_type"][0]["type"] == "Lock"
    assert "% of its samples wait for Lock" in row["evidence"]["summary"]


def test_a_refresh_a_deploy_and_a_setting_are_named_by_the_statements_they_concern(
    shop: Shop,
) -> None:
    shop.client.execute("CREATE MATERIALIZED VIEW app.busy AS SELECT id, note FROM app.orders")
    shop.client.execute("ANALYZE app.busy")

    def work(number: int) -> None:
        shop.look_up(number)
        if number % 4 == 0:
            shop.client.execute(COUNT_BUSY, [f"%{number}"])

    shop.sweep(16, work)
    add_orders(shop.client, 30_001, 130_000)
    shop.client.execute("REFRESH MATERIALIZED VIEW app.busy")
    happenings.add(
        shop.store, "shop", "deploy", "web 4.2", datetime.now(UTC), detail="by hand", source="ann"
    )
    (row,) = shop.until_found("FROM app.busy", work)
    named = {cause["kind"]: cause for cause in row["causes"]}
    assert named["view_refreshed"]["object"] == "app.busy"
    assert "the statement names app.busy" in " ".join(named["view_refreshed"]["evidence"])
    assert named["deploy"]["object"] == "web 4.2"

    database = shop.client.info.dbname
    for setting in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
        shop.client.execute(
            sql.SQL("ALTER DATABASE {} SET {} = off").format(
                sql.Identifier(database), sql.Identifier(setting)
            )
        )
    with psycopg.connect(shop.target.url(), autocommit=True) as shop.client:
        (row,) = shop.until_found("FROM app.orders", work)
    settings = [c["object"] for c in row["causes"] if c["kind"] == "planner_setting_changed"]
    assert settings == ["enable_bitmapscan", "enable_indexonlyscan", "enable_indexscan"]
    assert row["causes"][0]["kind"] == "planner_setting_changed"
    assert row["evidence"]["plan"]["changed"]


def _until_waiting(blocker: psycopg.Connection) -> None:
    """Wait until a session waits for a lock of this one, and a while for its time to count."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
    while blocker.execute(query, [blocker.info.backend_pid]).fetchone() != (1,):
        time.sleep(0.005)
    time.sleep(0.03)
