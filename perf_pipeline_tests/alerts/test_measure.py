"""Every metric is truly measured, over its window, and moves when the thing moves (D-115)."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.alerts.defaults import DEFAULTS
from perf_pipeline.alerts.measure import measure
from perf_pipeline.alerts.metrics import REGISTRY
from perf_pipeline.alerts.model import Alerts, Policy
from perf_pipeline.alerts.state import Measured
from perf_pipeline.snapshots.redact import text_hash
from perf_pipeline.store import Store, partitions, targets
from perf_pipeline.store.own import OWN_HASH, OWN_TEXT

pytestmark = pytest.mark.server

DAY = date(2026, 3, 4)
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)
TABLES = ("sweeps", "database", "statements", "activity", "connections", "resources", "tables",
          "replication", "host", "archiver")  # fmt: skip
_NUMBERS = itertools.count()


class Ledger:
    """Writes rows of a target of its own; whatever is not named is zero, or not told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = f"measured{next(_NUMBERS)}"
        self.target_id = targets.register(store, self.name)

    def put(self, table: str, at: datetime = AT, **values: Any) -> None:
        with self.store.begin() as connection:
            columns = connection.execute(
                "SELECT attname, atttypid::regtype::text FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND attnotnull"
                " AND NOT atthasdef AND attidentity = ''",
                (table,),
            ).fetchall()
            zero = {"text": "", "boolean": True, "date": DAY, "ledger.quality": "exact"}
            zero |= {"timestamp with time zone": at, "ledger.source": "collected", "jsonb": "[]"}
            row = {name: zero.get(kind, 0) for name, kind in columns}
            row |= {"target_id": self.target_id} if "target_id" in row else {}
            row |= values
            connection.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                    sql.Identifier(*table.split(".")),
                    sql.SQL(", ").join(map(sql.Identifier, row)),
                    sql.SQL(", ").join(map(sql.Placeholder, row)),
                ),
                row,
            )

    def sweep(self, at: datetime = AT) -> None:
        self.put("ledger.sweeps", at, previous_ts=at - FIVE, server_target_id=self.target_id,
                 server_version_num=180006)  # fmt: skip

    def measured(self, name: str, at: datetime = AT, **fields: Any) -> list[Measured]:
        given = {**DEFAULTS.get(name, {"warning": 1.0}), **fields}
        policy = Policy.model_validate({**given, "name": name, "metric": name})
        with self.store.begin() as connection:
            found = measure(connection, self.name, self.target_id, [policy], [at])
        return list(found.get(at, ()))

    def value(self, name: str, at: datetime = AT, **fields: Any) -> float | None:
        (one,) = self.measured(name, at, **fields)
        return one.value

    def clients(self, state: str, sessions: int, at: datetime = AT, **more: Any) -> None:
        self.put("ledger.activity", at, backend_type="client backend", state=state,
                 sessions=sessions, **more)  # fmt: skip


@pytest.fixture(scope="module")
def prepared(shared_store: Store) -> Store:
    with shared_store.begin() as connection:
        for table in TABLES:
            partitions.ensure(connection, DAY, table=("ledger", table))
        partitions.ensure(connection, DAY, table=("perf_mgmt", "findings"))
    return shared_store


@pytest.fixture
def ledger(prepared: Store) -> Ledger:
    made = Ledger(prepared)
    made.sweep()
    return made


def blocks(ledger: Ledger, much: bool) -> None:
    ledger.put("ledger.database", blks_hit=500 if much else 99_000, blks_read=1_000)


def statement(queryid: int, ledger: Ledger, calls: int, ms: float, **more: Any) -> None:
    ledger.put(
        "ledger.statements", queryid=queryid, calls=calls, total_exec_time=ms * calls, **more
    )


def slow(ledger: Ledger, much: bool) -> None:
    for number in range(11):
        statement(number, ledger, 101, 6_000.0 if much and number != 10 else 10.0)


def many_slow(ledger: Ledger, much: bool) -> None:
    for number in range(11):
        statement(number, ledger, 101 if much else 100, 2_001.0)


def active(ledger: Ledger, much: bool) -> None:
    ledger.clients("active", 90 if much else 9)
    ledger.clients("idle", 500)


def in_transaction(ledger: Ledger, much: bool) -> None:
    ledger.clients("idle in transaction", 6 if much else 5, oldest_xact_seconds=400.0)


def transaction(ledger: Ledger, much: bool) -> None:
    ledger.clients("active", 1, oldest_xact_seconds=301.0 if much else 299.0)
    ledger.put("ledger.activity", backend_type="autovacuum worker", oldest_xact_seconds=9_999.0)


def resource(name: str) -> Callable[[Ledger, bool], None]:
    def put(ledger: Ledger, much: bool) -> None:
        ledger.put("ledger.resources", resource=name, used=91 if much else 10, capacity=100)

    return put


def applications(ledger: Ledger, much: bool) -> None:
    ledger.clients("active", 60)
    for name, sessions in (("bridge-1", 55 if much else 5), ("psql", 700)):
        ledger.put("ledger.connections", application_name=name, state="active", sessions=sessions)


def size(ledger: Ledger, much: bool) -> None:
    ledger.put("ledger.database", database_bytes=101 * 10**9 if much else 10**9)


def dead(ledger: Ledger, much: bool) -> None:
    for number in range(6):
        ledger.put("ledger.tables", relid=number, table_name=f"t{number}", n_live_tup=900,
                   n_dead_tup=101 if much or number else 0)  # fmt: skip


def lag(ledger: Ledger, much: bool) -> None:
    for seconds in (0.1, 301.0 if much else 1.0):
        ledger.put("ledger.replication", direction="sends", replay_lag_seconds=seconds)


def disk(ledger: Ledger, much: bool) -> None:
    ledger.put("ledger.host", disk_total_bytes=100, disk_free_bytes=4 if much else 50)


def processors(ledger: Ledger, much: bool) -> None:
    times = (90.0, 5.0, 5.0) if much else (10.0, 10.0, 80.0)
    names = ("cpu_user_seconds", "cpu_system_seconds", "cpu_idle_seconds")
    ledger.put("ledger.host", **dict(zip(names, times, strict=True)))


def logged(ledger: Ledger, operation: str, outcome: str, seconds: float, thing: str) -> None:
    with ledger.store.begin() as connection:
        connection.execute(
            "INSERT INTO maintenance.maintenance_log"
            " (target, operation, object, outcome, started_at, finished_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (ledger.name, operation, thing, outcome, AT - timedelta(seconds=seconds), AT),
        )


def refreshes(ledger: Ledger, much: bool) -> None:
    for number in range(11):
        logged(ledger, "view.refresh", "done", 3.0 if much else 0.5, f"app.v{number}")


def operations(ledger: Ledger, much: bool) -> None:
    logged(ledger, "index.reindex", "failed" if much else "done", 1.0, "app.i")


def noted(name: str, low: float, high: float) -> Callable[[Ledger, bool], None]:
    def put(ledger: Ledger, much: bool) -> None:
        # two parts of one reading: their sum, or the least of them
        for subject, number in (("a", high if much else low), ("b", 7.0)):
            ledger.put("monitoring.measurements", target=ledger.name, metric=name, subject=subject,
                       ts=AT, value=number)  # fmt: skip

    return put


def archiving(ledger: Ledger, much: bool) -> None:
    """The archive is full: the last attempt failed, the last that succeeded was 25 minutes ago."""
    ledger.put(
        "ledger.archiver", last_archived_time=AT - 5 * FIVE, failed_count=4 * much,
        last_failed_time=AT - FIVE * (1 if much else 9), last_failed_wal="00000001",
    )  # fmt: skip


def finding(ledger: Ledger, much: bool) -> None:
    ledger.put(
        "perf_mgmt.findings", day=DAY, finding_id=f"f{ledger.name}", incident_id="dropped",
        metric="mean_exec_time", grain="sweep", onset=AT - FIVE, direction="up", old_level=1.0,
        new_level=9.0, severity="critical" if much else "warning", policy="p",
        causes='[{"kind": "index_dropped", "object": "app.i"}]',
    )  # fmt: skip


def execution(ledger: Ledger, much: bool) -> None:
    execution_id, test = uuid4(), f"test of {ledger.name}"
    with ledger.store.begin() as connection:
        columns = connection.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = 'perf_mgmt.performance_tests'::regclass"
            " AND attnum > 0 AND attnotnull AND NOT atthasdef AND attidentity = ''"
        ).fetchall()
        known = {"test_id": uuid4(), "name": test, "version": 1, "test_type": "LOAD",
                 "industry": "RETAIL"}  # fmt: skip
        row = {name: known.get(name, "{}") for (name,) in columns}
        connection.execute(
            sql.SQL("INSERT INTO perf_mgmt.performance_tests ({}) VALUES ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
            ),
            row,
        )
        connection.execute(
            "INSERT INTO perf_mgmt.test_executions (execution_id, test_id, target, environment,"
            " status, server_version_num, database_version, started_at, completed_at, transactions,"
            " failed, p95_ms, p99_ms, max_ms, state, judged_at) SELECT %s, test_id, %s, 'staging',"
            " 'COMPLETED', 180006, '18', %s, %s, 90, %s, %s, 9999, 9999, %s, %s"
            " FROM perf_mgmt.performance_tests WHERE name = %s",
            (
                *(execution_id, ledger.name, AT - FIVE, AT - FIVE, 10 if much else 0),
                *(1_500.0 if much else 100.0, "REGRESSED" if much else "OK", AT, test),
            ),
        )


#: Of each metric: what makes it move, its value where little is wrong and where much is, and
#: fields of the policy. A metric that is missing here fails the test below.
MOVES: dict[str, tuple[Callable[[Ledger, bool], None], float, float, dict[str, Any]]] = {
    "cache_hit_ratio_percent": (blocks, 99.0, 100 / 3, {}),
    "avg_query_duration_ms": (slow, 10.0, 10 * 6_000 / 11 + 10 / 11, {}),
    "slow_queries_per_minute": (slow, 0.0, 202.0, {}),
    "slow_statements": (many_slow, 0.0, 11.0, {}),
    "active_connections": (active, 9.0, 90.0, {}),
    "idle_in_transaction": (in_transaction, 5.0, 6.0, {}),
    "longest_transaction_seconds": (transaction, 299.0, 301.0, {}),
    "connection_usage_percent": (resource("connections"), 10.0, 91.0, {}),
    "transaction_ids_percent": (resource("transaction ids"), 10.0, 91.0, {}),
    "application_connections": (applications, 5.0, 55.0, {"parameters": {"application": "bri%"}}),
    "application_active_connections": (
        *(applications, 5.0, 55.0),
        {"parameters": {"application": "bridge%"}},
    ),
    "database_size_gb": (size, 1.0, 101.0, {}),
    "tables_with_dead_rows": (dead, 5.0, 6.0, {}),
    "replication_lag_seconds": (lag, 1.0, 301.0, {}),
    "probe_ms": (noted("probe_ms", 3.0, 4_500.0), 10.0, 4_507.0, {}),
    "unreadable_replicas": (noted("unreadable_replicas", 0.0, 1.0), 7.0, 8.0, {}),
    "archive_failing_minutes": (archiving, 0.0, 25.0, {}),
    "cpu_percent": (processors, 20.0, 95.0, {}),
    "disk_used_percent": (disk, 50.0, 96.0, {}),
    "view_refresh_ms": (refreshes, 500.0, 3_000.0, {}),
    "slow_view_refreshes": (refreshes, 0.0, 11.0, {}),
    "failed_operations": (operations, 0.0, 1.0, {}),
    "pending_cache_invalidations": (
        *(noted("pending_cache_invalidations", 3.0, 1_200.0), 10.0, 1_207.0, {}),
    ),
    "oldest_cache_invalidation_seconds": (
        *(noted("oldest_cache_invalidation_seconds", 3.0, 1_900.0), 10.0, 1_907.0, {}),
    ),
    "orphaned_relationships": (noted("orphaned_relationships", 1.0, 600.0), 8.0, 607.0, {}),
    "partition_headroom_days": (noted("partition_headroom_days", 3.0, 0.0), 3.0, 0.0, {}),
    "regressions": (finding, 1.0, 2.0, {}),
    "load_test_regression": (execution, 0.0, 1.0, {}),
    "load_test_p95_ms": (execution, 100.0, 1_500.0, {}),
    "load_test_error_percent": (execution, 0.0, 10.0, {}),
}


def test_every_metric_is_moved_here() -> None:
    assert set(MOVES) | {"sweep_age_minutes", "unreachable_seconds"} == set(REGISTRY)


def test_every_default_is_a_policy_of_a_metric() -> None:
    made = {policy.name: policy for policy in Alerts().resolved()}
    assert set(made) == set(DEFAULTS)
    assert {policy.metric for policy in made.values()} <= set(REGISTRY)


@pytest.mark.parametrize("name", MOVES)
def test_a_metric_moves_when_the_thing_moves(prepared: Store, name: str) -> None:
    move, little, much, fields = MOVES[name]
    for is_much, expected in ((False, little), (True, much)):
        ledger = Ledger(prepared)
        ledger.sweep()
        assert all(each.value is None for each in ledger.measured(name, **fields)), "before"
        move(ledger, is_much)
        assert ledger.value(name, **fields) == pytest.approx(expected)
        # and a year later nothing is known of it
        later = AT + timedelta(days=365)
        assert ledger.measured(name, later, **fields) == []


def test_the_age_of_sweeps(ledger: Ledger) -> None:
    assert ledger.value("sweep_age_minutes") == 0
    assert ledger.value("sweep_age_minutes", AT + timedelta(hours=2)) == 120
    assert ledger.measured("sweep_age_minutes", AT - FIVE) == []


def test_how_long_a_target_is_away(ledger: Ledger) -> None:
    """By probes and sweeps; a sweep right after a probe went another way."""
    name, half = "unreachable_seconds", timedelta(seconds=30)
    assert ledger.value(name) == 0
    for place in (1, 2, 3):
        at = AT + place * half
        ledger.put("monitoring.unreached", target=ledger.name, ts=at, reason="pool: refused")
        (found,) = ledger.measured(name, at)
        assert (found.value, found.told) == (30 * place, "pool: refused")
    ledger.sweep(AT + 3 * half + timedelta(seconds=5))
    assert ledger.value(name, AT + 4 * half) == 90
    ledger.put("monitoring.measurements", target=ledger.name, metric="probe_ms", ts=AT + 4 * half)
    assert ledger.value(name, AT + 4 * half) == 0
    assert ledger.measured(name, AT + timedelta(hours=2)) == []


def test_a_ratio_is_of_the_whole_window(ledger: Ledger) -> None:
    ledger.sweep(AT - FIVE)
    ledger.put("ledger.database", AT, blks_hit=1_000, blks_read=0)
    ledger.put("ledger.database", AT - FIVE, blks_hit=0, blks_read=1_000)
    assert ledger.value("cache_hit_ratio_percent") == 100
    assert ledger.value("cache_hit_ratio_percent", window_minutes=10.0) == 50


def test_sessions_are_the_most_within_the_window(ledger: Ledger) -> None:
    ledger.sweep(AT - FIVE)
    ledger.clients("active", 70, AT - FIVE)
    ledger.clients("active", 3)
    assert ledger.value("active_connections") == 3
    assert ledger.value("active_connections", window_minutes=10.0) == 70


def test_hidden_sessions_are_not_counted_as_none(ledger: Ledger) -> None:
    ledger.put("ledger.activity", AT, backend_type="", sessions=9)
    for name in ("active_connections", "idle_in_transaction", "longest_transaction_seconds"):
        assert ledger.value(name) is None


def test_our_own_statements_do_not_count(ledger: Ledger) -> None:
    with ledger.store.begin() as connection:
        connection.execute(
            "INSERT INTO ledger.query_texts (text_hash, query, first_seen) VALUES (%s, %s, now())"
            " ON CONFLICT DO NOTHING",
            (OWN_HASH, OWN_TEXT),
        )
    ledger.put("ledger.statement_texts", queryid=77, text_hash=OWN_HASH)
    statement(77, ledger, 1_000, 9_000.0)
    statement(1, ledger, 1_000, 2.0)
    assert ledger.value("avg_query_duration_ms") == 2
    assert ledger.value("slow_queries_per_minute") == 0
    assert ledger.value("slow_statements") == 0
    assert text_hash(OWN_TEXT) == OWN_HASH


def test_no_slow_statement_is_told_only_where_statements_are_counted(ledger: Ledger) -> None:
    for name in ("slow_queries_per_minute", "slow_statements"):
        assert all(each.value is None for each in ledger.measured(name))
    with ledger.store.begin() as connection:
        connection.execute(
            "UPDATE ledger.sweeps SET statements_dealloc = 0 WHERE target_id = %s",
            (ledger.target_id,),
        )
    for name in ("slow_queries_per_minute", "slow_statements"):
        assert ledger.value(name) == 0


def test_what_has_one_cause_is_grouped(ledger: Ledger) -> None:
    finding(ledger, much=True)
    (one,) = ledger.measured("regressions")
    assert one.cause == "regression:dropped"
    assert one.told.endswith("likely cause: index_dropped app.i")


def test_many_instants_at_once_are_as_one_after_the_other(ledger: Ledger) -> None:
    """What a simulation measures is what the sensor measures."""
    for place in range(1, 5):
        ledger.sweep(AT - place * FIVE)
    for place in range(5):
        ledger.clients("active", 10 * place, AT - place * FIVE)
    policies = [each for each in Alerts().active() if each.metric == "active_connections"]
    ends = [AT - place * timedelta(minutes=1) for place in range(30)]
    with ledger.store.begin() as connection:
        together = measure(connection, ledger.name, ledger.target_id, policies, ends)
        apart = {
            end: measure(connection, ledger.name, ledger.target_id, policies, [end]).get(end, [])
            for end in ends
        }
    assert {end: together.get(end, []) for end in ends} == apart
    assert isinstance(psycopg.Pipeline.is_supported(), bool)
