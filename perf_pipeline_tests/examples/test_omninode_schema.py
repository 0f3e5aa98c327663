"""What the functions, views and indexes of omninode do, on every version."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema
from perf_pipeline.postgres import sqlfiles

pytestmark = pytest.mark.server

NAME = "omninode_empty"


@pytest.fixture(scope="module")
def filled_schema(each_server: EmbeddedServer) -> Iterator[str]:
    """Return the URL of a database with the schema and no row."""
    each_server.ensure_database(NAME)
    schema.apply(each_server.url(NAME), "omninode")
    yield each_server.url(NAME)
    each_server.drop_database(NAME)


@pytest.fixture
def db(filled_schema: str) -> Iterator[psycopg.Connection]:
    """Return a transaction that ends without a trace."""
    with psycopg.connect(filled_schema) as connection:
        connection.execute("SET timezone = 'America/New_York'")  # nothing may depend on it
        yield connection
        connection.rollback()


def one(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return row[0] if len(row) == 1 else row


def event(**said: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "source": "shop", "action": "created", **said}


def deliver(connection: psycopg.Connection, *events: Any) -> tuple[Any, ...]:
    """Return (inserted, updated, unchanged, rejected) and the reasons, in order."""
    found = one(
        connection, "SELECT * FROM omninode.batch_insert_hook_events(%s)", json.dumps(events)
    )
    assert found[0] == len(events) == sum(found[1:5])
    return (*found[1:5], [reject["reason"] for reject in found[5]])


# --- rows that no index may refuse ----------------------------------------------------------


def test_no_index_keeps_a_row_out(db: psycopg.Connection) -> None:
    long = "".join(uuid.uuid4().hex for _ in range(1000))  # 32 kB that do not compress
    db.execute(
        "INSERT INTO omninode.event_metrics (event_id, processing_time_ms, kafka_publish_success,"
        " error_message) VALUES (gen_random_uuid(), 1, false, %s)",
        (long,),
    )
    db.execute(
        "INSERT INTO omninode.security_audit_log (event_type, success, client_info)"
        " VALUES ('sign_in', false, %s)",
        (json.dumps({"ip_address": f"not an address {long}"}),),
    )
    assert deliver(db, event(payload={"type": long}, processing_errors=[long]))[0] == 1


# --- partitions -----------------------------------------------------------------------------


def test_each_event_is_in_the_month_of_its_utc_day(db: psycopg.Connection) -> None:
    last = event(created_at="2024-12-31T23:59:59Z")
    first = event(created_at="2024-12-31T19:00:00-05:00")  # 2025 begins
    odd = event(created_at="1999-01-01T00:00:00")
    deliver(db, last, first, odd)
    where = dict(db.execute("SELECT id::text, tableoid::regclass::text FROM omninode.hook_events"))
    assert where == {
        last["id"]: "omninode.hook_events_2024_12",
        first["id"]: "omninode.hook_events_2025_01",
        odd["id"]: "omninode.hook_events_default",
    }


def test_now_and_next_month_have_a_partition(db: psycopg.Connection) -> None:
    for months in (0, 1):
        at = f"now() + interval '{months} months'"
        deliver(db, event(created_at=one(db, f"SELECT ({at})::text")))
    assert one(db, "SELECT count(*) FROM omninode.hook_events_default") == 0


def test_a_month_is_made_once_whatever_day_names_it(db: psycopg.Connection) -> None:
    make = "SELECT omninode.create_monthly_partition('omninode.hook_events', %s)::text"
    assert one(db, make, "2031-12-15") == "omninode.hook_events_2031_12"
    assert one(db, make, "2031-12-01") == "omninode.hook_events_2031_12"
    db.execute("SET LOCAL timezone = 'UTC'")
    bounds = one(
        db,
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s",
        "hook_events_2031_12",
    )
    assert bounds == "FOR VALUES FROM ('2031-12-01 00:00:00+00') TO ('2032-01-01 00:00:00+00')"


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE omninode.hook_events_2031_12 (a integer)",
        "CREATE TABLE omninode.hook_events_2031_12 PARTITION OF omninode.hook_events"
        " FOR VALUES FROM ('2031-12-15Z') TO ('2032-01-15Z')",
    ],
    ids=["no partition", "other bounds"],
)
def test_a_name_is_no_proof_of_a_partition(db: psycopg.Connection, made: str) -> None:
    db.execute(made)  # type: ignore[call-overload]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="hook_events_2031_12"):
        one(db, "SELECT omninode.create_monthly_partition('omninode.hook_events', '2031-12-01')")


# --- delivery -------------------------------------------------------------------------------


def test_a_bare_event_gets_what_it_does_not_say(db: psycopg.Connection) -> None:
    said = event(processing_errors=None, processed=None, retry_count=None, payload=None)
    assert deliver(db, said) == (1, 0, 0, 0, [])
    row = one(
        db,
        "SELECT processed, processing_errors, retry_count, payload, created_at = now()"
        " FROM omninode.hook_events WHERE id = %s",
        said["id"],
    )
    assert row == (False, [], 0, {}, True)


def test_what_cannot_be_taken_is_told_and_keeps_nothing_back(db: psycopg.Connection) -> None:
    bad: list[tuple[Any, str]] = [
        (7, "not an object"),
        ({"source": "shop", "action": "created"}, "id is missing"),
        (event(id="17"), "id is no UUID"),
        (event(source=""), "source is missing or longer than 200"),
        (event(action=None), "action is missing or longer than 200"),
        (event(resource="r" * 201), "resource is longer than 200"),
        (event(resource_id="r" * 201), "resource_id is longer than 200"),
        (event(created_at="2024-13-45T00:00:00"), "created_at is no moment"),
        (event(created_at="infinity"), "created_at is no moment"),
        (event(processed="yes"), "processed is no boolean"),
        (event(processing_errors="no"), "processing_errors is no array"),
        (event(retry_count=-1), "retry_count is no count"),
        (event(retry_count=1e9), "retry_count is no count"),
        (event(retry_count="3"), "retry_count is no count"),
    ]
    reasons = [reason for _, reason in bad]
    events = [event(), *(item for item, _ in bad), event()]
    assert deliver(db, *events) == (2, 0, 0, len(bad), reasons)


@pytest.mark.parametrize("events", ["7", "null", '{"id": 1}'])
def test_a_batch_that_is_no_array_is_an_error(db: psycopg.Connection, events: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not an array"):
        db.execute("SELECT omninode.batch_insert_hook_events(%s)", (events,))


def test_an_id_is_one_event_whichever_month_it_comes_with(db: psycopg.Connection) -> None:
    said = event(created_at="2024-03-01T00:00:00Z", payload={"n": 1})
    assert deliver(db, said)[:3] == (1, 0, 0)
    assert deliver(db, said)[:3] == (0, 0, 1)
    # months later, with another payload, and processed: its state moves, what happened stays
    later = {**said, "created_at": "2024-07-01T00:00:00Z", "payload": {"n": 2}, "processed": True}
    assert deliver(db, later)[:3] == (0, 1, 0)
    assert deliver(db, {**said, "processed": False})[:3] == (0, 0, 1)
    rows = db.execute("SELECT payload, processed FROM omninode.hook_events").fetchall()
    assert rows == [({"n": 1}, True)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute(
            "INSERT INTO omninode.hook_events (id, source, action, created_at)"
            " VALUES (%s, 'shop', 'created', '2024-09-01Z')",
            (said["id"],),
        )


def test_an_id_that_comes_twice_in_a_batch_is_one_event(db: psycopg.Connection) -> None:
    said = event(payload={"n": 1})
    again = {
        **said,
        "retry_count": 3,
        "processing_errors": ["e"],
        "payload": {"n": 2},
        "created_at": "2024-05-05T00:00:00Z",
    }
    assert deliver(db, said, again, {**said, "processing_errors": None})[:3] == (1, 0, 2)
    row = one(
        db,
        "SELECT payload, retry_count, processing_errors, created_at = '2024-05-05Z'"
        " FROM omninode.hook_events",
    )
    assert row == ({"n": 1}, 3, ["e"], True)


def test_two_deliveries_of_one_event_at_once_lose_nothing(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    schema.apply(url, "omninode")
    said = event(payload={"n": 1})
    with (
        psycopg.connect(url) as first,
        psycopg.connect(url, autocommit=True) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        assert deliver(first, said)[:3] == (1, 0, 0)
        waiting = pool.submit(deliver, second, {**said, "processed": True, "payload": {"n": 2}})
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = %s"
        )
        with psycopg.connect(url, autocommit=True) as watcher:
            while one(watcher, blocked, second.info.backend_pid) == 0:
                assert not waiting.done()
        first.commit()
        assert waiting.result(timeout=30)[:3] == (0, 1, 0)
        rows = second.execute("SELECT payload, processed FROM omninode.hook_events").fetchall()
    assert rows == [({"n": 1}, True)]


# --- claims ---------------------------------------------------------------------------------

CLAIM = "SELECT id::text, created_at FROM omninode.get_pending_events(%s, %s, %s::interval)"


def test_a_claim_is_one_workers_until_its_lease_ends(db: psycopg.Connection) -> None:
    old = event(created_at="2024-02-01T00:00:00Z")  # long stranded, still to be processed
    deliver(db, old, event(), event())
    assert one(db, "SELECT count(*) FROM omninode.stranded_events") == 1
    first = db.execute(CLAIM, (2, "a", "1 minute")).fetchall()
    assert first[0][0] == old["id"]  # oldest first
    second = db.execute(CLAIM, (2, "b", "-1 second")).fetchall()
    assert len({row[0] for row in first + second}) == 3
    assert db.execute(CLAIM, (2, "c", "1 minute")).fetchall() == second  # whose lease has ended
    finish = "SELECT omninode.finish_event(%s, %s, %s, %s)"
    assert one(db, finish, *second[0], "b", None) is False  # overtaken
    assert one(db, finish, *second[0], "c", None) is True
    assert one(db, finish, *second[0], "c", None) is False  # once
    assert one(db, "SELECT count(*) FROM omninode.hook_events WHERE processed") == 1


def test_two_workers_at_once_share_no_event(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    schema.apply(url, "omninode")
    with psycopg.connect(url) as one_worker, psycopg.connect(url) as other:
        deliver(one_worker, *(event() for _ in range(6)))
        one_worker.commit()
        mine = one_worker.execute(CLAIM, (4, "a", "1 minute")).fetchall()
        other.execute("SET LOCAL lock_timeout = '1s'")
        theirs = other.execute(CLAIM, (4, "b", "1 minute")).fetchall()  # waits for nobody
        assert (len(mine), len(theirs)) == (4, 2)
        assert not {row[0] for row in mine} & {row[0] for row in theirs}


def test_an_event_that_always_fails_becomes_a_dead_letter(db: psycopg.Connection) -> None:
    deliver(db, event())
    for attempt in range(1, 12):
        claimed = db.execute(CLAIM, (1, "a", "1 minute")).fetchall()
        if attempt == 11:
            assert claimed == []
            break
        one(db, "SELECT omninode.finish_event(%s, %s, 'a', %s)", *claimed[0], f"error {attempt}")
    letter = one(db, "SELECT retry_count, last_error FROM omninode.dead_letter_events")
    assert letter == (10, "error 10")
    assert one(db, "SELECT cardinality(processing_errors) FROM omninode.hook_events") == 10


# --- times ----------------------------------------------------------------------------------


def measured(connection: psycopg.Connection, at: str, *attempts: tuple[float, bool | None]) -> None:
    for took, success in attempts:
        connection.execute(
            "INSERT INTO omninode.event_metrics (event_id, processing_time_ms,"
            " kafka_publish_success, created_at)"
            " VALUES (gen_random_uuid(), %s, %s, %s::timestamptz)",
            (took, success, at),
        )


def test_an_empty_window_has_no_times_and_no_rate(db: psycopg.Connection) -> None:
    assert one(db, "SELECT * FROM omninode.get_performance_metrics()") == (0, 0, None, None, None)
    measured(db, "now", (5.0, None))
    found = one(
        db, "SELECT * FROM omninode.get_performance_metrics(now() - interval '1 hour', 'infinity')"
    )
    assert found == (1, 1, None, None, None)


def test_times_are_of_successes_and_the_rate_of_known_outcomes(db: psycopg.Connection) -> None:
    attempts = [(10.0, True), (20.0, True), (5000.0, False), (9000.0, None)]
    measured(db, "2024-05-05T12:30:00Z", *attempts)
    found = one(db, "SELECT * FROM omninode.get_performance_metrics('2024-05-05Z', '2024-05-06Z')")
    assert found == (4, 1, 15.0, pytest.approx(19.5), Decimal("33.33"))


def test_the_summary_counts_all_and_times_successes_hour_by_hour(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    schema.apply(url, "omninode")
    with psycopg.connect(url) as connection:
        at = one(connection, "SELECT date_trunc('hour', now()) - interval '1 day 1 second'")
        measured(connection, str(at), (10.0, True), (20.0, True), (5000.0, False), (9000.0, None))
        # the oldest hour is whole: it begins 30 days before the running one did
        edge = one(connection, "SELECT date_trunc('hour', now()) - interval '30 days'")
        measured(connection, str(edge), (1.0, True))
        measured(connection, str(edge - timedelta(seconds=1)), (1.0, True))
        connection.execute("SELECT omninode.refresh_performance_summary()")
        rows = connection.execute(
            "SELECT total_events, avg_processing_ms, p95_processing_ms, successful_events,"
            " failed_events, unknown_events FROM omninode.performance_summary ORDER BY hour DESC"
        ).fetchall()
    assert rows == [(4, 15.0, 19.5, 2, 1, 1), (1, 1.0, 1.0, 1, 0, 0)]


# --- the pool and the cleanup ---------------------------------------------------------------


def test_the_pool_counts_the_bridge_and_everybody(
    db: psycopg.Connection, filled_schema: str
) -> None:
    def seen() -> dict[str, Any]:
        db.execute("SELECT pg_stat_clear_snapshot()")
        rows = db.execute("SELECT * FROM omninode.monitor_connection_pool()").fetchall()
        assert {status for _, _, status in rows} == {"ok"}
        return {name: int(value) for name, value, _ in rows}

    def clients() -> set[int]:
        """Return who was there at the last look: sessions of tests before may still be leaving."""
        clients = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return {pid for (pid,) in db.execute(clients)}

    before = seen()
    assert before["total_connections"] == len(clients())
    with (
        psycopg.connect(filled_schema, application_name="omninode_bridge_1") as bridge,
        psycopg.connect(filled_schema, application_name="omninodeXbridge1") as other,
    ):
        after = seen()
        there = clients()
        assert there >= {each.info.backend_pid for each in (db, bridge, other)}
    assert after["bridge_connections"] == before["bridge_connections"] + 1
    assert after["total_connections"] == len(there)
    assert after["active_connections"] == before["active_connections"]


@pytest.mark.parametrize(
    ("slots", "status"), [(10_000, "ok"), (1.2, "warning"), (1.05, "critical")]
)
def test_a_server_that_fills_up_is_told(db: psycopg.Connection, slots: float, status: str) -> None:
    # the function with another number of slots for each client there is
    text = sqlfiles.load("omninode/schema/330_monitor_connection_pool").text
    most = "current_setting('max_connections')::numeric"
    assert most in text
    db.execute(text.replace(most, f"{slots} * count(*)"))  # type: ignore[call-overload]
    found = dict(db.execute("SELECT metric_name, status FROM omninode.monitor_connection_pool()"))
    assert found["server_utilization_percent"] == status
    assert found["total_connections"] == ("ok" if status == "ok" else "warning")
    assert found["bridge_share_percent"] == found["active_connections"] == "ok"


def test_cleanup_goes_batch_by_batch_and_takes_the_key_along(db: psycopg.Connection) -> None:
    old = [event(created_at="2024-02-01T00:00:00Z", processed=True) for _ in range(5)]
    kept = [event(processed=True), event(created_at="2024-02-01T00:00:00Z")]
    deliver(db, *old, *kept)
    measured(db, "2024-02-01Z", *[(1.0, True)] * 3)
    measured(db, "now", (1.0, True))
    clean = "SELECT table_name, deleted, more FROM omninode.cleanup_old_data_optimized(2)"
    seen = [db.execute(clean).fetchall() for _ in range(3)]
    assert [{name: rest for name, *rest in calls} for calls in seen] == [
        {"event_metrics": [2, True], "hook_events": [2, True]},
        {"event_metrics": [1, False], "hook_events": [2, True]},
        {"event_metrics": [0, False], "hook_events": [1, False]},
    ]
    left = {row[0] for row in db.execute("SELECT id::text FROM omninode.hook_events")}
    assert left == {item["id"] for item in kept}
    assert one(db, "SELECT count(*) FROM omninode.hook_event_keys") == 2
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="batch_size is 0"):
        db.execute("SELECT * FROM omninode.cleanup_old_data_optimized(0)")
