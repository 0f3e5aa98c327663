"""What is true at the instant of a sweep: waits, clients, resources; kept, and shown."""

from contextlib import ExitStack

import psycopg
import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import highlights, intervals
from perf_pipeline.snapshots import record as recording
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.sessions import SECRET, client, swept, waiting

pytestmark = pytest.mark.server


def test_who_stands_before_us_in_the_queue_is_in_the_way(
    target_url: str, admin: psycopg.Connection
) -> None:
    with ExitStack() as stack:
        reader, other, ddl, next_reader = (
            stack.enter_context(client(target_url, name))
            for name in ("reader", "reader 2", "ddl", "next")
        )
        for each in (reader, other):
            each.execute("SELECT 1 FROM app.orders LIMIT 1")
        stack.enter_context(
            waiting(
                admin,
                (ddl, "LOCK TABLE app.orders IN ACCESS EXCLUSIVE MODE"),
                (next_reader, "SELECT 1 FROM app.orders LIMIT 1"),
            )
        )
        waits = swept(target_url).frames["locks"].sort("blocker_pid").to_dicts()
        pids = sorted(each.info.backend_pid for each in (reader, other))
    behind = [row for row in waits if row["application_name"] == "ddl"]
    assert [row["blocker_pid"] for row in behind] == pids
    assert {(row["blockers"], row["blocker_mode"]) for row in behind} == {(2, "AccessShareLock")}
    (queued,) = (row for row in waits if row["application_name"] == "next")
    assert queued["blocker_application_name"] == "ddl"
    assert queued["blocker_mode"] is None
    assert (queued["depth"], queued["behind_root"]) == (2, 2)


def test_a_long_queue_has_a_row_for_each_that_waits(
    target_url: str, admin: psycopg.Connection
) -> None:
    with ExitStack() as stack:
        first, *queue = (stack.enter_context(client(target_url, f"{n}")) for n in range(7))
        first.execute("UPDATE app.orders SET n = 1 WHERE id = 1")
        update = "UPDATE app.orders SET n = 2 WHERE id = 1"
        stack.enter_context(waiting(admin, *((each, update) for each in queue)))
        rows = swept(target_url).frames["locks"].to_dicts()
    # the second waits for the first, all others for the second, and behind one another
    assert sorted(row["blockers"] for row in rows) == [1, 1, 2, 3, 4, 5]
    assert sorted(row["depth"] for row in rows) == [1, 2, 2, 2, 2, 2]
    assert {row["behind_root"] for row in rows} == {6}
    assert all(row["blocker_mode"] for row in rows)


def test_without_waits_and_commands_nothing_is_asked(target_url: str) -> None:
    found = swept(target_url)
    assert {"locks", "progress", "replication", "slots"}.isdisjoint(found.frames)
    assert {"connections", "resources"} <= set(found.frames)
    assert found.notes == ()


def test_clients_by_application_and_state(target_url: str, admin: psycopg.Connection) -> None:
    with ExitStack() as stack:
        for number in range(60):
            # a name of its own each, and one of every character there is room for
            name = f"{number:02}" + "x" * 61 if number else "pool"
            stack.enter_context(psycopg.connect(target_url, application_name=name))
        idle = [stack.enter_context(client(target_url, "pool")) for _ in range(3)]
        idle[0].execute("SELECT 1")
        found = swept(target_url)
    rows = found.frames["connections"]
    pool = {row["state"]: row for row in rows.filter(application_name="pool").to_dicts()}
    assert pool["idle"]["sessions"] == 3
    assert pool["idle in transaction"]["sessions"] == 1
    assert pool["idle"]["client"] == "127.0.0.1"
    assert 0 <= pool["idle"]["mean_state_seconds"] <= pool["idle"]["longest_state_seconds"] < 60
    # ours is not among them, `admin` is
    assert rows["sessions"].sum() == 64
    assert rows.height == 51
    assert rows.filter(application_name="(others)")["sessions"].to_list() == [12]
    taken = {row["resource"]: row for row in found.frames["resources"].to_dicts()}
    assert 64 <= taken["connections"]["used"] < taken["connections"]["capacity"] == 100
    assert taken["reserved connections"] == {
        "resource": "reserved connections",
        "used": None,
        "capacity": 3,
    }
    assert 0 < taken["transaction ids"]["used"] < taken["transaction ids"]["capacity"]


def test_shared_buffers_are_told_about_where_pg_buffercache_is(
    target_url: str, admin: psycopg.Connection
) -> None:
    assert "shared_buffers" not in swept(target_url).frames
    admin.execute("CREATE EXTENSION pg_buffercache")
    found = swept(target_url)
    assert found.notes == ()
    has_summary = admin.info.server_version >= 160_000
    assert ("shared_buffers" in found.frames) == has_summary
    if has_summary:
        rows = {row["resource"]: row for row in found.frames["shared_buffers"].to_dicts()}
        taken, dirty = rows["shared buffers"], rows["dirty shared buffers"]
        # 256 MB of 8 kB
        assert taken["capacity"] == dirty["capacity"] == 32_768
        assert 0 < dirty["used"] <= taken["used"] <= 32_768
        assert intervals.compute(found, {}, {}).rows["resources"].height == 11


def test_what_a_role_cannot_see_is_absent_not_zero(
    target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE ROLE blind LOGIN PASSWORD 'blind'")
    try:
        found = swept(psycopg.conninfo.make_conninfo(target_url, user="blind", password="blind"))
    finally:
        admin.execute("DROP ROLE blind")
    taken = dict(found.frames["resources"].select("resource", "used").iter_rows())
    assert taken["connections"] is None
    assert taken["transaction ids"] > 0
    assert found.frames["connections"].select("state", "sessions").rows() == [("", 1)]


def test_what_a_sweep_met_is_kept_and_shown(
    store: Store, target: Target, target_url: str, admin: psycopg.Connection
) -> None:
    with (
        client(target_url, "root") as root,
        client(target_url, "waits") as waits,
    ):
        root.execute("UPDATE app.orders SET n = 1 WHERE id = 1")
        with waiting(admin, (waits, f"UPDATE app.orders SET state = '{SECRET}' WHERE id = 1")):
            admin.execute("SELECT pg_create_physical_replication_slot('kept', true)")
            try:
                record = recording.collect(target, store)
            finally:
                admin.execute("SELECT pg_drop_replication_slot('kept')")
    assert record.rows["locks"] == 1
    assert record.rows["slots"] == 1
    shown = {
        name: highlights.read(store, target.name, name, record.ts) for name in highlights.PARTS
    }
    assert SECRET not in repr(shown)
    activity = shown["activity"]
    (wait,) = activity.tables["lock_waits"]
    assert (wait["application"], wait["blocker"], wait["relation"]) == (
        "waits",
        "root",
        "app.orders",
    )
    assert wait["blocker_state"] == "idle in transaction"
    assert activity.figures["most_sessions_behind_one"] == 1
    assert (activity.figures["longest_lock_wait_s"] or 0) > 0
    assert activity.figures["max_connections"] == 100
    assert 3 <= (activity.figures["server_clients"] or 0) < 100
    used = activity.figures["connections_used_percent"]
    assert used == activity.figures["server_clients"]
    assert {"root", "waits"} <= {row["application"] for row in activity.tables["connections"]}
    (slot,) = shown["replication"].tables["slots"]
    assert (slot["slot"], slot["active"], slot["type"]) == ("kept", False, "physical")
    assert shown["replication"].figures["inactive_slots"] == 1
    assert (shown["replication"].figures["wal_kept_by_slots_bytes"] or 0) >= 0
    assert {row["resource"] for row in shown["server"].tables["resources"]} >= {"connections"}
