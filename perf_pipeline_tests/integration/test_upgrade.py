"""A store that the first revision's program filled goes on: read, swept, rolled up, reported.

Its rows and the state of its last sweep were written by that program, on PostgreSQL 18.
"""

import base64
import io
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from alembic import command

from perf_pipeline.postgres.target import Target
from perf_pipeline.reports.build import build
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, ledger, migrate, partitions, targets

pytestmark = pytest.mark.server

WRITTEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "store" / "data" / "revision_0001.json").read_text("utf-8")
)
TABLES = ("sweeps", "statements", "tables", "indexes", "database", "activity")


@pytest.fixture
def target_url(make_database: Callable[..., str]) -> str:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE TABLE orders (id int PRIMARY KEY)")
        admin.execute("INSERT INTO orders SELECT generate_series(1, 100)")
    return url


@pytest.fixture
def old_store(make_database: Callable[..., str], target_url: str) -> Iterator[Store]:
    """Yield a store at revision 0001, with rows, partitions, and the state of a last sweep."""
    with Store(make_database()) as store:
        with store.engine.begin() as connection:
            config = migrate._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
        assert migrate.status(store).current == "0001"
        target_id = targets.register(store, "swept")
        with store.begin() as connection:
            for table in (*TABLES, "statements_hourly"):
                rows = WRITTEN[table]
                for day in {
                    date.fromisoformat((row.get("ts") or row["hour"])[:10]) for row in rows
                }:
                    partitions.ensure(connection, day, table=("ledger", table))
                connection.execute(
                    f"INSERT INTO ledger.{table}"
                    f" SELECT * FROM jsonb_populate_recordset(NULL::ledger.{table}, %s::jsonb)",
                    (json.dumps([{**row, "target_id": target_id} for row in rows]),),
                )
            for family, (ts, packed) in WRITTEN["state"].items():
                frame = pl.read_ipc(io.BytesIO(base64.b64decode(packed)))
                buffer = io.BytesIO()
                of_this_server(family, frame, target_url).write_ipc(buffer, compression="zstd")
                connection.execute(
                    "INSERT INTO ledger.state VALUES (%s, %s, %s, %s, %s)",
                    (target_id, family, ts, frame.height, buffer.getvalue()),
                )
        yield store


def of_this_server(family: str, frame: pl.DataFrame, url: str) -> pl.DataFrame:
    """Let a state's keys be those of the tests' server: its counters are compared with it."""
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        found = connection.execute(
            "SELECT (SELECT system_identifier FROM pg_control_system()) AS system_identifier,"
            " (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,"
            " pg_postmaster_start_time() AT TIME ZONE 'UTC' AS postmaster_start,"
            " current_setting('server_version_num')::int AS server_version_num,"
            " (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS datid,"
            " 'orders'::regclass::oid::bigint AS relid,"
            " 'orders_pkey'::regclass::oid::bigint AS indexrelid"
        ).fetchone()
        assert found is not None
    evidence = ("system_identifier", "timeline", "postmaster_start", "server_version_num")
    names = {
        "evidence": evidence,
        "database": ("datid",),
        "tables": ("relid",),
        "indexes": ("relid", "indexrelid"),
    }.get(family, ())
    return frame.with_columns(
        pl.lit(found[name]).cast(frame.schema[name]).alias(name) for name in names
    )


def test_a_store_of_the_first_revision_goes_on(
    old_store: Store, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = old_store
    assert migrate.upgrade(store).up_to_date
    target_id = targets.find(store, "swept")
    assert target_id is not None
    for table in TABLES:
        assert ledger.read(store, table, target_id).height == len(WRITTEN[table])

    # hours are kept, and can be rolled up again
    day = datetime.fromisoformat(WRITTEN["statements"][0]["ts"]).date()
    assert {(row["queryid"], row["calls"], row["exact"]) for row in hours(store)} == {
        (row["queryid"], row["calls"], row["exact_intervals"] == row["intervals"])
        for row in WRITTEN["statements_hourly"]
    }
    roll_up(store, "swept", day, day)
    assert {row["queryid"] for row in hours(store)} == {
        row["queryid"] for row in WRITTEN["statements"]
    }

    monkeypatch.setenv("SWEPT_URL", target_url)
    target = Target("swept", "SWEPT_URL", date(2026, 1, 1))
    first = collect(target, store)
    assert not first.first
    assert first.quality in {"exact", "gap", "reset"}
    assert not [note for note in first.notes if "another server" in note]
    with psycopg.connect(target_url, autocommit=True) as admin:
        admin.execute("SELECT count(*) FROM orders")
    second = collect(target, store)
    assert second.quality == "exact"
    today = second.ts.date()
    (report,) = build(store, "swept", today, today)
    assert report.html
    (report,) = build(store, "swept", day, day)
    assert report.html


def hours(store: Store) -> list[dict[str, Any]]:
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT to_jsonb(h) FROM ledger.statements_hourly AS h ORDER BY hour, queryid"
        ).fetchall()
    return [row[0] for row in rows]
