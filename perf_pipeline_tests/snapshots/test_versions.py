"""On every supported PostgreSQL: two sweeps tell exactly what was done, with pg_monitor alone."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import doctor, sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import collect, texts
from perf_pipeline.snapshots.record import SweepRecord
from perf_pipeline.snapshots.record import collect as record
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.conftest import shown

pytestmark = pytest.mark.server

WATCHER = "versions_watcher"


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


@pytest.fixture
def watcher_url(target_url: str, admin: psycopg.Connection) -> Iterator[str]:
    """Return a URL of a role that has pg_monitor and nothing else."""
    admin.execute(f"CREATE ROLE {WATCHER} LOGIN PASSWORD 'w'")
    admin.execute(f"GRANT pg_monitor TO {WATCHER}")
    yield psycopg.conninfo.make_conninfo(target_url, user=WATCHER, password="w")
    admin.execute(f"DROP ROLE {WATCHER}")


def sweep(target: Target, store: Store) -> SweepRecord:
    return record(target, store, text_budget=texts.Budget(minimum_seconds=0))


def ledger(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def known_work(
    session: psycopg.Connection, start: int, first_takes: str
) -> dict[str, tuple[int, int]]:
    """Do the same things with other numbers; return calls and rows of each statement.

    The first call of each statement takes some seconds: before 17 it is the longest time, which the
    server still knows at the second sweep, that proves an interval exact.
    """

    def times(count: int) -> Iterator[tuple[int, str]]:
        for n in range(count):
            yield start + n, "0.00" if n else first_takes

    session.execute("SET enable_seqscan = off")
    for n, s in times(7):
        session.execute(f"SELECT n FROM app.orders, pg_sleep({s}) WHERE id = {n}")
    for n, s in times(5):
        session.execute(f"INSERT INTO app.orders SELECT {n + 1000}, 'new', {n} FROM pg_sleep({s})")
    for n, s in times(3):
        session.execute(f"UPDATE app.orders SET n = n + 1 FROM pg_sleep({s}) WHERE id = {n + 20}")
    for n, s in times(2):
        session.execute(f"DELETE FROM app.orders USING pg_sleep({s}) WHERE id = {n + 30}")
    for n, s in times(1):
        numbers = f"generate_series({n * 100}, {n * 100 + 39})"
        session.execute(f"INSERT INTO app.other SELECT {numbers} FROM pg_sleep({s})")
    return {
        "SELECT n FROM app.orders, pg_sleep($1) WHERE id = $2": (7, 7),
        "INSERT INTO app.orders SELECT $1, $2, $3 FROM pg_sleep($4)": (5, 5),
        "UPDATE app.orders SET n = n + $1 FROM pg_sleep($2) WHERE id = $3": (3, 3),
        "DELETE FROM app.orders USING pg_sleep($1) WHERE id = $2": (2, 2),
        "INSERT INTO app.other SELECT generate_series($1, $2) FROM pg_sleep($3)": (1, 40),
    }


def test_two_sweeps_tell_exactly_what_was_done_between_them(
    store: Store,
    target: Target,
    target_url: str,
    watcher_url: str,
    each_major: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWEPT_URL", watcher_url)
    with psycopg.connect(target_url, autocommit=True) as session:
        known_work(session, 1, "0.03")
        before = session.info.backend_pid
    shown(target_url, before)
    first = sweep(target, store)
    with psycopg.connect(target_url, autocommit=True) as session:
        done = known_work(session, 50, "0.00")
        session.execute("CREATE INDEX orders_n ON app.orders (n)")
        session.execute(f"ALTER ROLE {WATCHER} SET work_mem = '7MB'")
        worker = session.info.backend_pid
    shown(target_url, worker)
    second = sweep(target, store)
    sweep(target, store)  # nothing was done: nothing more may be told

    told = ledger(
        store,
        "SELECT q.query, s.calls, s.rows, s.quality::text FROM ledger.statements AS s"
        " JOIN ledger.statement_texts USING (target_id, userid, dbid, queryid)"
        " JOIN ledger.query_texts AS q USING (text_hash)"
        " WHERE q.query ~ '^(SELECT|INSERT|UPDATE|DELETE) .*app[.]'",
    )
    assert sorted(row[:3] for row in told) == sorted((text, *done[text]) for text in done)
    # before 17, after a few calls both extremes may have moved: nothing proves the entry then
    assert {row[3] for row in told} <= ({"exact"} if each_major >= 17 else {"exact", "lower_bound"})
    assert ledger(
        store,
        "SELECT table_name, n_tup_ins, n_tup_upd, n_tup_del, quality::text, ts = (SELECT ts FROM"
        " ledger.sweeps ORDER BY ts LIMIT 1 OFFSET 1) FROM ledger.tables ORDER BY table_name",
    ) == [("orders", 5, 3, 2, "exact", True), ("other", 40, 0, 0, "exact", True)]
    assert ledger(
        store, "SELECT index_name, idx_scan, idx_tup_read, quality::text FROM ledger.indexes"
    ) == [("orders_pkey", 12, 12, "exact")]
    # the catalogs' own rows are counted, too
    ((inserted, updated, deleted),) = ledger(
        store,
        "SELECT sum(tup_inserted), sum(tup_updated), sum(tup_deleted) FROM ledger.database",
    )
    assert inserted >= 45
    assert updated >= 3
    assert deleted >= 2
    assert ledger(
        store, "SELECT name, value_before, value_after, unit FROM ledger.settings_changes"
    ) == [("work_mem", "8192", "7168", "kB")]
    assert ledger(store, "SELECT kind, object_name, change FROM ledger.schema_changes") == [
        ("index", "app.orders_n", "created")
    ]
    sweeps = ledger(
        store,
        "SELECT previous_ts, quality::text, server_version_num / 10000 FROM ledger.sweeps"
        " ORDER BY ts",
    )
    assert sweeps == [
        (None, "first_seen", each_major),
        (first.ts, "exact", each_major),
        (second.ts, "exact", each_major),
    ]
    assert second.notes == ()


@pytest.mark.usefixtures("every_sign")
def test_every_family_of_the_version_is_read_with_pg_monitor_alone(
    watcher_url: str, each_major: int
) -> None:
    with pg.session(watcher_url) as connection:
        swept = collect.sweep(connection)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM app.orders")
    assert swept.notes == ()
    claimed = {source.name for source in SOURCES if _claims(source.name, each_major)}
    assert {source.name for source in swept.sources} == claimed
    assert set(swept.frames) == claimed | {"schema_objects"}
    assert swept.observation.sees_all
    assert swept.observation.system_identifier
    assert swept.frames["statements"].height > 0
    assert swept.frames["schema_objects"]["definition"].null_count() == 0
    knows_since = swept.frames["statements"]["stats_since"].null_count() == 0
    assert knows_since == (each_major >= 17)


def _claims(name: str, major: int) -> bool:
    file = sqlfiles.load(f"snapshots/{name}", major)
    there = file.header.get("extension", "pg_stat_statements") == "pg_stat_statements"
    return file.minimum_version <= major and there


def test_doctor_finds_nothing_to_remedy(
    watcher_url: str, admin: psycopg.Connection, each_major: int
) -> None:
    admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # granted up to 14
    aspects = {aspect.name: aspect for aspect in doctor.examine(watcher_url)}
    # a busy machine may take longer than 50 ms to connect
    wrong = {name for name, aspect in aspects.items() if aspect.status != "ok"} - {"reachable"}
    assert wrong == set(), [aspects[name] for name in wrong]
    assert aspects["version"].detail.startswith(f"PostgreSQL {each_major}.")
    assert WATCHER in aspects["privileges"].detail
