"""Texts, tags and reports go with the months they are about, and not before."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from perf_pipeline.store import Store, forget, targets
from perf_pipeline.store.forget import Forgotten
from perf_pipeline.store.retention import Policy
from perf_pipeline_tests.store.filling import add_row

TODAY = date(2026, 11, 21)
POLICY = Policy(hot_days=14, hot_sweep_days=92, archive_days=400, hourly_months=13, daily_months=37)
FIRST = date(2023, 10, 1)  # of the daily rollups that are kept
MONDAY = date(2026, 11, 16)
OLD = datetime(2023, 9, 30, tzinfo=UTC)

pytestmark = pytest.mark.server


@pytest.fixture
def session(store: Store) -> Iterator[psycopg.Connection]:
    with psycopg.connect(store.url, autocommit=True) as connection:
        yield connection


def add_text(session: psycopg.Connection, target_id: int, key: int, seen: datetime) -> None:
    """Give the statement whose user, database and number are `key` a text."""
    session.execute("INSERT INTO ledger.query_texts VALUES (%s, 'SELECT', %s)", [str(key), seen])
    session.execute(
        "INSERT INTO ledger.statement_texts (target_id, dbid, userid, queryid, text_hash)"
        " VALUES (%(t)s, %(k)s, %(k)s, %(k)s, %(k)s::text)",
        {"t": target_id, "k": key},
    )


def values(session: psycopg.Connection, table: str, column: str) -> list[object]:
    found = session.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall()
    return [value for (value,) in found]


def test_a_text_stays_as_long_as_anything_names_its_statement(
    store: Store, session: psycopg.Connection
) -> None:
    shop, other = targets.register(store, "shop"), targets.register(store, "other")
    naming = [
        ("ledger", "statements_daily"),
        ("ledger", "statements_hourly"),
        ("ledger", "statements"),
        ("perf_mgmt", "findings"),
        ("perf_mgmt", "slow_queries"),
        ("perf_mgmt", "feedback"),
        ("perf_mgmt", "analytics_query_baselines"),
    ]
    with store.begin() as connection:
        for key, (schema, table) in enumerate(naming, 1):
            same = {"target_id": shop, "userid": key, "dbid": key, "queryid": key, "week": MONDAY}
            add_row(connection, schema, table, MONDAY, same)
    for key in range(1, len(naming) + 2):
        add_text(session, shop, key, OLD)
    add_text(session, shop, 20, OLD + timedelta(days=1))
    add_text(session, other, 21, OLD)  # of the same store
    assert forget.run(store, POLICY, TODAY, texts=True, batch=1) == Forgotten(2, 2, 0, 0)
    stay = [*range(1, len(naming) + 1), 20]
    assert values(session, "ledger.statement_texts", "queryid") == stay
    assert values(session, "ledger.query_texts", "text_hash::int") == stay
    assert forget.run(store, POLICY, TODAY, texts=True) == Forgotten()


def test_an_archive_that_is_kept_longer_keeps_the_texts(
    store: Store, session: psycopg.Connection
) -> None:
    add_text(session, targets.register(store, "shop"), 1, OLD)
    longer = Policy(14, 92, 36_500, 13, 37)
    assert forget.run(store, longer, TODAY, texts=True) == Forgotten()
    assert forget.run(store, POLICY, TODAY, texts=False) == Forgotten()
    assert forget.run(store, POLICY, TODAY, texts=True) == Forgotten(1, 1, 0, 0)


def test_tags_and_reports_go_by_age_in_batches(store: Store, session: psycopg.Connection) -> None:
    shop = targets.register(store, "shop")
    for age in range(-2, 3):
        seen = OLD + timedelta(days=1 + age)
        session.execute(
            "INSERT INTO ledger.statement_tags VALUES (%s, 1, 1, %s, '{}', %s, %s)",
            [shop, age, OLD - timedelta(days=900), seen],
        )
        session.execute(
            "INSERT INTO perf_mgmt.reports VALUES (%s, %s, 'regressions', '', '', '')",
            [shop, FIRST + timedelta(days=age)],
        )
    assert forget.run(store, POLICY, TODAY, texts=True, batch=1) == Forgotten(0, 0, 2, 2)
    assert values(session, "ledger.statement_tags", "queryid") == [0, 1, 2]
    assert values(session, "perf_mgmt.reports", "day")[0] == FIRST
