"""Reads of whole days are planned without nested loops, whatever the statistics say."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, frames, migrate, partitions

pytestmark = pytest.mark.server

SPAN: dict[str, Any] = {
    "target_id": 1,
    "start": datetime(2026, 1, 1, tzinfo=UTC),
    "end": datetime(2026, 1, 3, tzinfo=UTC),
    "first": date(2026, 1, 1),
    "last": date(2026, 1, 2),
    "own_text": "",
}


def plan(connection: psycopg.Connection) -> str:
    text = sqlfiles.load("store/report_statements").text
    query = psycopg.ClientCursor(connection).mogrify(text, SPAN)
    return "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query}").fetchall())


def test_new_partitions_are_read_without_a_nested_loop(make_database: Callable[..., str]) -> None:
    with Store(make_database()) as store:
        migrate.upgrade(store)
        with store.begin() as connection:
            partitions.ensure(connection, SPAN["first"], SPAN["last"])
        with store.begin() as connection:
            # what the planner does by itself with partitions it knows nothing of
            assert "Nested Loop" in plan(connection)
            connection.execute(sqlfiles.load("store/plan_for_spans").text)
            assert "Nested Loop" not in plan(connection)


def test_every_span_read_sets_it_for_its_own_transaction_only(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look(connection: psycopg.Connection, *_: object) -> None:
        row = connection.execute("SHOW enable_nestloop").fetchone()
        seen.append(row[0] if row else "")

    monkeypatch.setattr(frames, "read_in", look)
    with Store(make_database()) as store:
        frames.read(store, "anything", {}, {})
        with store.begin() as connection:
            look(connection)
    assert seen == ["off", "on"]
