"""The highlights of an hour, read back from real sweeps."""

from datetime import timedelta

import psycopg
import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import highlights
from perf_pipeline.snapshots.record import SweepRecord, collect
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.store import Store
from perf_pipeline.vocabulary import STATS
from perf_pipeline_tests.snapshots.conftest import flush

SECRET = "s3cret-of-a-customer"


@pytest.fixture
def swept(store: Store, target: Target, admin: psycopg.Connection) -> SweepRecord:
    admin.execute("SELECT pg_stat_statements_reset()")
    collect(target, store)
    for number in range(30):
        admin.execute("SELECT count(*) FROM app.orders WHERE n > %s", (number,), prepare=False)
    admin.execute("SELECT id FROM app.orders WHERE id = 7 /*controller='orders',action='show'*/")
    admin.execute(f"SELECT id FROM app.orders WHERE state = '{SECRET}'")
    admin.execute("INSERT INTO app.other SELECT generate_series(1, 40)")
    admin.execute("DROP INDEX app.orders_state")
    flush(admin)
    return collect(target, store)


@pytest.mark.server
def test_highlights_of_real_sweeps(store: Store, target: Target, swept: SweepRecord) -> None:
    assert (
        set(highlights.PARTS)
        == set(STATS)
        == {source.stats for source in SOURCES} | {"schema_objects"}
    )
    found = {name: highlights.read(store, target.name, name, swept.ts) for name in STATS}

    assert SECRET not in repr(found)
    statements = found["statements"]
    top = statements.tables["top_statements"]
    texts = {str(row["statement"]): row for row in top}
    assert texts["SELECT count(*) FROM app.orders WHERE n > $1"]["calls"] == 30
    assert statements.figures["calls"] >= 32
    assert 0 < (statements.figures["p95_estimate_ms"] or 0) < 60_000
    assert texts["SELECT id FROM app.orders WHERE id = $1"]["tags"] == (
        "action=show controller=orders"
    )
    shares = [float(row["share_percent"] or 0) for row in top]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 100.1

    tables = {row["table"]: row for row in found["tables"].tables["busiest_tables"]}
    assert int(tables["app.orders"]["seq_rows"] or 0) >= 100
    assert tables["app.other"]["rows_written"] == 40
    assert found["tables"].figures["rows_written"] >= 40

    indexes = {row["index"]: row for row in found["indexes"].tables["busiest_indexes"]}
    assert indexes["app.orders_pkey"]["scans"] >= 1

    assert indexes["app.orders_pkey"]["fetched_percent"] is not None
    assert tables["app.orders"]["total_pages"] >= 1
    assert statements.figures["statements_slower_than_1_s"] == 0

    database = found["database"].figures
    assert 0 < (database["cache_hit_ratio"] or 0) <= 1
    assert (database["transactions_per_s"] or 0) > 0
    assert (database["database_bytes"] or 0) > 1_000_000
    assert database["deadlocks"] == 0

    assert (found["activity"].figures["client_sessions"] or 0) >= 1

    (change,) = found["schema_objects"].tables["changes_of_7_days"]
    assert (change["change"], change["object"]) == ("dropped", "app.orders_state")
    assert str(change["seen"]).endswith(" UTC")


@pytest.mark.server
def test_a_span_without_sweeps_shows_nothing_it_does_not_know(
    store: Store, target: Target, swept: SweepRecord
) -> None:
    long_ago = swept.ts - timedelta(days=10)
    found = {name: highlights.read(store, target.name, name, long_ago) for name in STATS}
    assert all(not rows for each in found.values() for rows in each.tables.values())
    assert set(found["database"].figures.values()) == {None}
    assert found["statements"].figures["p95_estimate_ms"] is None
    assert found["statements"].figures["calls"] == 0


def test_figures_of_a_table_are_short() -> None:
    row = {
        "statement": "SELECT",
        "tags": None,
        "queryid": "1",
        "calls": 3,
        "total_ms": 12345.678,
        "mean_ms": 0.0123456,
        "share": 1 / 3,
        "rows": 4,
        "hit_share": 0.98765,
        "all_slow": 1,
        "all_calls": 9,
        "all_ms": 37037.034,
    }
    (shown,) = highlights.statements([row]).tables["top_statements"]
    assert (shown["total_ms"], shown["mean_ms"], shown["share_percent"]) == (
        12350.0,
        0.01235,
        33.33,
    )
    assert "all_calls" not in shown
    assert "tags" not in shown
    both = highlights.statements([row, row | {"tags": "action=show"}]).tables["top_statements"]
    assert [shown["tags"] for shown in both] == ["", "action=show"]
