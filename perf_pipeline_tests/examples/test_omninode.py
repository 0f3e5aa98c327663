"""omninode filled, asked and under load."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import omninode, schema
from perf_pipeline.examples.omninode_data import Size
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.production import ProductionError
from perf_pipeline_tests.examples.plans import body, indexes
from perf_pipeline_tests.examples.test_schema import shape

pytestmark = pytest.mark.server

SIZE, SEED = Size(events=20_000, days=40), 7
TEMPLATE = "omninode_small"
LOADS = sqlfiles.folder("omninode/load")


@cache
def now() -> datetime:
    """Return the running hour, the same to the end: some statements look at the last day."""
    return datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> str:
    """Return the name of a database with the schema and a little data."""
    server.ensure_database(TEMPLATE)
    url = server.url(TEMPLATE)
    schema.apply(url, "omninode")
    before = shape(url)
    made = omninode.generate(url, SIZE.events, SIZE.days, SEED, now=now())
    assert made.created
    assert shape(url) == before  # keys, indexes and their parts are back
    return TEMPLATE


@pytest.fixture(scope="module")
def shared(server: EmbeddedServer, template: str) -> Iterator[psycopg.Connection]:
    """Return a session on a copy that no test changes."""
    server.ensure_database(f"{TEMPLATE}_shared", template)
    with psycopg.connect(server.url(f"{TEMPLATE}_shared"), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        return {
            f"{space}.{table}": len(connection.execute(f"SELECT FROM {space}.{table}").fetchall())
            for space, table in omninode.TABLES
        }


# --- filling --------------------------------------------------------------------------------


def test_the_same_again_is_left_as_it_is(server: EmbeddedServer, template: str) -> None:
    url = server.url(template)
    again = omninode.generate(url, SIZE.events, SIZE.days, SEED, now=now() + timedelta(days=1))
    assert not again.created
    assert again.rows == counts(url)
    assert again.rows["omninode.hook_events"] == SIZE.events
    assert schema.apply(url, "omninode").applied == ()


def test_other_data_and_the_same_again(template: str, make_database: Callable[..., str]) -> None:
    url = make_database(template)
    first = omninode.generate(url, SIZE.events, SIZE.days, SEED, now=now())
    # before the first partition of the schema: they are made, though events wait in the default one
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT * FROM omninode.batch_insert_hook_events(%s)",
            (
                '[{"id": "00000000-0000-0000-0000-000000000001", "source": "s", "action": "a",'
                ' "created_at": "2023-06-01T00:00:00Z"}]',
            ),
        )
    other = omninode.generate(url, 500, 60, now=datetime(2023, 6, 15))
    assert (first.created, other.created) == (False, True)
    with psycopg.connect(url) as connection:
        months = connection.execute(
            "SELECT DISTINCT tableoid::regclass::text FROM omninode.hook_events ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in months] == [f"omninode.hook_events_2023_0{m}" for m in (4, 5, 6)]
    again = omninode.generate(url, SIZE.events, SIZE.days, SEED, now=now())
    assert again.created
    assert again.content_sha256 == first.content_sha256 != other.content_sha256
    assert again.rows == counts(url)


def test_production_is_refused(template: str, make_database: Callable[..., str]) -> None:
    url = make_database(template)
    before = counts(url)
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET perf_pipeline.environment = 'production'")  # type: ignore[call-overload]
    with pytest.raises(ProductionError, match=name):
        omninode.generate(url, 500, replace=True)
    assert counts(url) == before


def test_the_summary_is_of_the_rows_that_were_made(shared: psycopg.Connection) -> None:
    row = shared.execute(
        "SELECT sum(total_events), (SELECT count(*) FROM omninode.event_metrics WHERE created_at"
        " >= date_trunc('hour', now()) - interval '30 days') FROM omninode.performance_summary"
    ).fetchone()
    assert row is not None
    assert row[0] == row[1] > 0


def test_poison_is_where_it_can_be_seen(shared: psycopg.Connection) -> None:
    for view in ("dead_letter_events", "stranded_events"):
        row = shared.execute(f"SELECT count(*) FROM omninode.{view}").fetchone()  # type: ignore[call-overload]
        assert row is not None
        assert 5 <= row[0] <= 60
    row = shared.execute(
        "SELECT max(length(last_error)) FROM omninode.dead_letter_events"
    ).fetchone()
    assert row is not None
    assert row[0] > 2704


# --- what the statements use ----------------------------------------------------------------

QUERIES: dict[str, tuple[dict[str, Any], str]] = {
    "resource_history": (
        {"resource": "ticket", "resource_id": "r1"},
        "idx_hook_events_resource_lookup",
    ),
    "event_page": (
        {"before_created_at": "infinity", "before_id": "ffffffff-ffff-ffff-ffff-ffffffffffff"},
        "idx_hook_events_created_at",
    ),
    "errors_by_source": ({"since": "2020-01-01"}, "idx_hook_events_error_analysis"),
    "events_of_type": ({"type": "github.created"}, "idx_hook_events_payload_type"),
    "hour_of_attempts": ({"hour": now() - timedelta(days=2)}, "idx_event_metrics_time_buckets"),
    "times_of_successes": (
        {"since": now() - timedelta(days=20), "until": now()},
        "idx_event_metrics_performance_analysis",
    ),
    "failures_per_minute": (
        {"event_type": "sign_in", "since": now() - timedelta(days=1)},
        "idx_security_audit_failure_patterns",
    ),
    "client_history": ({"ip_address": "10.0.0.7"}, "idx_security_audit_client_tracking"),
    "long_sessions": ({"service_name": "audit"}, "idx_service_sessions_duration"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_uses_its_index_and_finds_rows(shared: psycopg.Connection, name: str) -> None:
    parameters, index = QUERIES[name]
    statement = sqlfiles.load(f"omninode/queries/{name}").text
    assert index in indexes(shared, statement, parameters)
    assert shared.execute(statement, parameters).fetchall()


def test_every_query_is_tried() -> None:
    told = {"index_usage", "slow_statements", "table_statistics"}
    names = {file.path.stem for file in sqlfiles.folder("omninode/queries")}
    assert names == {*QUERIES, *told}


def test_pages_show_every_event_once_in_order(shared: psycopg.Connection) -> None:
    statement = sqlfiles.load("omninode/queries/event_page").text
    cursor: dict[str, Any] = dict(QUERIES["event_page"][0])
    shown: list[Any] = []
    for _ in range(20):
        page = shared.execute(statement, cursor).fetchall()
        shown += [row[0] for row in page]
        cursor = {"before_created_at": page[-1][6], "before_id": page[-1][0]}
    expected = shared.execute(
        "SELECT id FROM omninode.hook_events ORDER BY created_at DESC, id DESC LIMIT 500"
    ).fetchall()
    assert shown == [row[0] for row in expected]


def test_the_claim_uses_the_queue(shared: psycopg.Connection) -> None:
    queue = (
        "FROM omninode.hook_events AS e WHERE NOT e.processed AND e.retry_count < 10"
        " AND (e.claimed_until IS NULL OR e.claimed_until < clock_timestamp())"
        " ORDER BY e.created_at LIMIT limit_count FOR UPDATE SKIP LOCKED"
    )
    text = " ".join(sqlfiles.load("omninode/schema/310_get_pending_events").text.split())
    assert queue in text  # what is planned here is what the function does
    queue = f"SELECT e.id {queue.replace('limit_count', '100')}"
    assert "idx_hook_events_processing_queue" in indexes(shared, queue)


def test_what_is_told_of_indexes_and_tables_is_of_the_whole(shared: psycopg.Connection) -> None:
    usage = shared.execute(sqlfiles.load("omninode/queries/index_usage").text).fetchall()
    by_name = {row[0]: row for row in usage}
    assert len(by_name) == len(usage)
    assert {"idx_hook_events_processing_queue", "hook_events_pkey"} <= set(by_name)
    assert by_name["hook_events_pkey"][6] in {"CONSTRAINT", "ACTIVE", "FOUND_NOTHING"}
    tables = shared.execute(sqlfiles.load("omninode/queries/table_statistics").text).fetchall()
    assert {name for _, name in omninode.TABLES} <= {row[0] for row in tables}


def test_slow_statements_are_of_this_database_and_no_ddl(
    server: EmbeddedServer, template: str
) -> None:
    statement = sqlfiles.load("omninode/queries/slow_statements").text
    with psycopg.connect(server.url(template), autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE hook_events_copy AS SELECT 1 AS a")
        connection.execute("SELECT count(*) AS told FROM omninode.hook_events")
        found = [row[1] for row in connection.execute(statement).fetchall()]
        again = [row[1] for row in connection.execute(statement).fetchall()]
    assert 1 <= len(found) <= 10
    assert not [text for text in found + again if "perf-pipeline" in text or "CREATE" in text]


# --- the load -------------------------------------------------------------------------------

LOAD_INDEX = {
    "resource_history": "idx_hook_events_resource_lookup",
    "event_page": "idx_hook_events_created_at",
    "errors_by_source": "idx_hook_events_error_analysis",
    "event_attempts": "idx_event_metrics_event_id",
    "failures_per_minute": "idx_security_audit_failure_patterns",
    "client_history": "idx_security_audit_client_tracking",
    "open_sessions": "idx_service_sessions_service_time",
}
#: What the others call is planned above, or finds its rows by key.
CALLS = {"deliver_events", "process_events", "performance_window"}


def test_weights_add_up_to_100_and_every_script_is_tried() -> None:
    assert sum(int(file.header["weight"]) for file in LOADS) == 100
    assert {file.path.stem for file in LOADS} == {*LOAD_INDEX, *CALLS}


@pytest.mark.parametrize(("name", "index"), LOAD_INDEX.items())
def test_a_load_script_uses_its_index(shared: psycopg.Connection, name: str, index: str) -> None:
    values = {"resource": 5, "minutes": 60, "host": 7, "service": 1, "kind": 2}
    statement = body(sqlfiles.load(f"omninode/load/{name}").text, values)
    assert index in indexes(shared, statement)


def test_what_is_delivered_is_processed_by_one_worker_each(
    template: str, make_database: Callable[..., str]
) -> None:
    url = make_database(template)
    values = {"resource": 5, "kind": 1, "replay": 3, "took": 20, "client_id": 1}
    deliver, process = (
        body(sqlfiles.load(f"omninode/load/{name}").text, values)
        for name in ("deliver_events", "process_events")
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE omninode.hook_events SET processed = true")
        first, second = (connection.execute(deliver).fetchone() for _ in range(2))  # type: ignore[call-overload]
        assert (first, second) == ((5, 0, 0, 0), (4, 0, 1, 0))  # the fifth came again
        measured = 0
        while (done := connection.execute(process).rowcount) > 0:  # type: ignore[call-overload]
            measured += done
        row = connection.execute(
            "SELECT count(*) FILTER (WHERE processed), count(*) FILTER (WHERE retry_count = 10),"
            " sum(retry_count), count(*) FROM omninode.hook_events"
            " WHERE payload ->> 'type' = 'github.updated' AND source = 'github'"
            " AND created_at > now() - interval '1 minute'"
        ).fetchone()
    assert row is not None
    processed, dead, retries, every = row
    assert every == 9
    assert processed + dead == 9
    assert measured == processed + retries
