"""`monitoring.system_metrics`: how busy a target and its machine were (T-36)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from perf_pipeline.store import Store, partitions, targets

pytestmark = pytest.mark.server

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def put(connection: psycopg.Connection, table: str, target_id: int, **values: Any) -> None:
    row = {"target_id": target_id, "ts": AT, **values}
    partitions.ensure(connection, date(2026, 3, 4), table=("ledger", table))
    columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    connection.execute(f"INSERT INTO ledger.{table} ({columns}) VALUES ({places})", row)  # type: ignore[call-overload]


def sweep(connection: psycopg.Connection, target_id: int, server: int | None) -> None:
    put(
        connection, "sweeps", target_id, previous_ts=AT - FIVE, source="collected",
        quality="exact", server_version_num=180006, server_target_id=server,
    )  # fmt: skip


def database(connection: psycopg.Connection, target_id: int, hit: int, read: int) -> None:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'ledger.database'::regclass"
        " AND attnum > 0 AND attnotnull AND attname NOT IN ('target_id', 'ts', 'quality')"
    ).fetchall()
    values = {**dict.fromkeys((name for (name,) in rows), 0), "blks_hit": hit, "blks_read": read}
    put(connection, "database", target_id, quality="exact", **values)


def shown(connection: psycopg.Connection, target: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT * FROM monitoring.system_metrics WHERE target = %s", (target,)
        ).fetchone()
    assert row is not None
    return row


def test_an_interval_is_told_from_what_the_sweeps_met(shared_store: Store) -> None:
    holder, other = (targets.register(shared_store, name) for name in ("holder", "other"))
    with shared_store.begin() as connection:
        for target_id, hit in ((holder, 9), (other, 3)):
            sweep(connection, target_id, holder)
            database(connection, target_id, hit, 1)
        put(
            connection, "host", holder, quality="exact", cpu_user_seconds=60,
            cpu_system_seconds=30, cpu_idle_seconds=200, cpu_iowait_seconds=10,
            disk_read_bytes=3_000_000, disk_write_bytes=500_000, memory_total_bytes=1_000,
            memory_available_bytes=250,
        )  # fmt: skip
        for state, wait, sessions in (("active", "", 2), ("active", "Lock", 3), ("idle", "", 9)):
            put(
                connection, "activity", holder, backend_type="client backend", state=state,
                wait_event_type=wait, wait_event=wait, sessions=sessions,
            )  # fmt: skip
        put(
            connection, "checkpointer", holder, process="checkpointer", quality="exact",
            checkpoints_timed=2, checkpoints_requested=1, checkpoints_done=1,
        )  # fmt: skip
        found, beside = shown(connection, "holder"), shown(connection, "other")
    assert found["cpu_percent"] == pytest.approx(30)
    assert found["memory_percent"] == pytest.approx(75)
    assert (found["disk_read_mb"], found["disk_write_mb"]) == (3, 0.5)
    assert (found["active_connections"], found["waiting_connections"]) == (5, 3)
    assert float(found["cache_hit_ratio"]) == 0.9
    assert (found["checkpoints"], found["checkpoints_per_hour"]) == (1, 12)
    # the machine is the same, the database another; of its sessions nothing was read
    assert beside["cpu_percent"] == pytest.approx(30)
    assert float(beside["cache_hit_ratio"]) == 0.75
    assert beside["active_connections"] is None


def test_what_was_not_told_is_absent(shared_store: Store) -> None:
    alone = targets.register(shared_store, "alone")
    with shared_store.begin() as connection:
        sweep(connection, alone, None)
        database(connection, alone, 0, 0)
        # a session whose state is hidden from the role of the sweep
        for kind, state in (("", ""), ("client backend", "active")):
            put(
                connection, "activity", alone, backend_type=kind, state=state,
                wait_event_type="", wait_event="", sessions=1,
            )  # fmt: skip
        found = shown(connection, "alone")
    told = {name for name, value in found.items() if value is not None}
    assert told == {"target", "recorded_at", "quality"}
