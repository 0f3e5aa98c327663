"""Locks and long commands as a sweep meets them, on every version."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline_tests.snapshots.sessions import SECRET, client, swept, until, waiting

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


def test_a_chain_of_waits_with_its_root(target_url: str, admin: psycopg.Connection) -> None:
    with ExitStack() as stack:
        root, middle, last, third = (
            stack.enter_context(client(target_url, name)) for name in ("root", "mid", "last", "3rd")
        )
        root.execute("UPDATE app.orders SET n = 1 WHERE id = 1")
        middle.execute("LOCK TABLE app.other IN SHARE MODE")
        stack.enter_context(
            waiting(
                admin,
                (middle, f"UPDATE app.orders SET state = '{SECRET}' WHERE id = 1"),
                (last, f"INSERT INTO app.other SELECT 7 WHERE '{SECRET}' <> ''"),
                (third, "UPDATE app.orders SET n = 3 WHERE id = 1"),
            )
        )
        found = swept(target_url)
        pids = {name: c.info.backend_pid for name, c in (("root", root), ("mid", middle))}
    assert found.notes == ()
    assert SECRET not in repr(found.frames["locks"].to_dicts())
    waits = {row["application_name"]: row for row in found.frames["locks"].to_dicts()}
    assert set(waits) == {"mid", "last", "3rd"}
    for row in waits.values():
        assert (row["root_pid"], row["behind_root"], row["is_cycle"]) == (pids["root"], 3, False)
        assert 0 <= row["waited_seconds"] < 60
        # a statement gets its queryid when its tables are locked and known
        assert (row["queryid"] is None) == (row["locktype"] == "relation")
        assert row["blocker_queryid"] is not None
        assert row["backend_type"] == row["blocker_backend_type"] == "client backend"
        assert row["blocker_xact_seconds"] >= row["waited_seconds"] >= 0
    middle_row, last_row, third_row = waits["mid"], waits["last"], waits["3rd"]
    assert middle_row["depth"] == 1
    assert middle_row["blocker_application_name"] == "root"
    assert middle_row["blocker_state"] == "idle in transaction"
    assert middle_row["blocker_state_seconds"] >= 0
    assert (middle_row["locktype"], middle_row["relation_name"]) == ("transactionid", "orders")
    assert last_row["depth"] == third_row["depth"] == 2
    assert last_row["blocker_pid"] == third_row["blocker_pid"] == pids["mid"]
    assert last_row["blocker_state"] == "active"
    assert (last_row["mode"], last_row["blocker_mode"]) == ("RowExclusiveLock", "ShareLock")
    assert (last_row["schema_name"], last_row["relation_name"]) == ("app", "other")
    assert (third_row["locktype"], third_row["relation_name"]) == ("tuple", "orders")


def test_a_prepared_transaction_is_in_the_way(target_url: str, admin: psycopg.Connection) -> None:
    admin.execute("BEGIN; UPDATE app.orders SET n = 1 WHERE id = 1")
    admin.execute(f"PREPARE TRANSACTION '{SECRET}'")
    try:
        with (
            client(target_url, "waits") as waits,
            waiting(admin, (waits, "UPDATE app.orders SET n = 2 WHERE id = 1")),
        ):
            found = swept(target_url).frames["locks"]
    finally:
        admin.execute(f"ROLLBACK PREPARED '{SECRET}'")
    (row,) = found.to_dicts()
    assert SECRET not in repr(row)
    assert (row["blocker_pid"], row["root_pid"], row["depth"]) == (0, 0, 1)
    assert row["blocker_state"] == "prepared transaction"
    assert row["blocker_mode"] == "ExclusiveLock"
    assert row["blocker_xact_seconds"] >= 0


def test_a_vacuum_and_an_index_build_in_progress(
    target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute(
        "CREATE FUNCTION app.slowly(int) RETURNS int LANGUAGE plpgsql IMMUTABLE"
        " AS 'BEGIN PERFORM pg_sleep(10); RETURN $1; END'"
    )
    admin.execute(
        "CREATE TABLE app.long AS SELECT g AS id, repeat('x', 900) AS s"
        " FROM generate_series(1, 3000) g"
    )
    admin.execute("DELETE FROM app.long WHERE id % 2 = 0")
    with (
        psycopg.connect(target_url, autocommit=True) as vacuum,
        psycopg.connect(target_url, autocommit=True) as build,
        ThreadPoolExecutor(2) as pool,
    ):
        vacuum.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 20")
        try:
            pool.submit(vacuum.execute, "VACUUM app.long")
            pool.submit(build.execute, "CREATE INDEX slow ON app.orders (app.slowly(id))")
            until(
                admin,
                "SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE heap_blks_scanned > 0)"
                " AND EXISTS (SELECT FROM pg_stat_progress_create_index)",
            )
            found = swept(target_url)
            pids = {"vacuum": vacuum.info.backend_pid, "create index": build.info.backend_pid}
        finally:
            for each in (vacuum, build):
                admin.execute("SELECT pg_cancel_backend(%s)", [each.info.backend_pid])
    assert found.notes == ()
    rows = {row["command"]: row for row in found.frames["progress"].to_dicts()}
    assert {command: row["pid"] for command, row in rows.items()} == pids
    for row, table in ((rows["vacuum"], "long"), (rows["create index"], "orders")):
        assert (row["schema_name"], row["relation_name"]) == ("app", table)
        assert row["unit"] == "blocks"
        assert row["backend_type"] == "client backend"
        assert row["seconds"] >= 0
    assert rows["vacuum"]["phase"] == "scanning heap"
    assert 0 < rows["vacuum"]["done"] <= rows["vacuum"]["total"]
    assert rows["vacuum"]["rounds"] == 0
    assert rows["create index"]["phase"].startswith("building index")
