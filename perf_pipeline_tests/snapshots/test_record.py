import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import record, texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.store import Store, state, targets
from perf_pipeline_tests.snapshots.conftest import flush

pytestmark = pytest.mark.server

NO_WAIT = texts.Budget(minimum_seconds=0)


def ledger(store: Store, query: str, *values: object) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]


def work(admin: psycopg.Connection, times: int = 1, first_takes: str = "0.00") -> None:
    """Run the statement.

    Before 17 an interval is exact where the server still knows the longest time of before, say.
    """
    for number in range(times):
        admin.execute(
            f"SELECT count(*) FROM app.orders, pg_sleep({'0.00' if number else first_takes})"
            " WHERE n > 3 AND state = 'x'"
        )


def counted(store: Store) -> list[tuple[int, str]]:
    """Return calls and quality of the workload's statement in each interval."""
    return ledger(
        store,
        "SELECT s.calls, s.quality::text FROM ledger.statements s"
        " JOIN ledger.statement_texts USING (target_id, userid, dbid, queryid)"
        " JOIN ledger.query_texts q USING (text_hash)"
        " WHERE q.query LIKE 'SELECT count(*) FROM app.orders%%' ORDER BY s.ts",
    )


def test_first_sweep_then_intervals(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    work(admin, 5, first_takes="0.03")
    first = collect(target, store, text_budget=NO_WAIT)
    assert (first.first, first.quality, first.previous_ts) == (True, "first_seen", None)
    assert first.rows["statements"] == first.rows["database"] == 0
    work(admin, 3)
    flush(admin)
    second = collect(target, store, text_budget=NO_WAIT)
    work(admin, 4)
    flush(admin)
    third = collect(target, store, text_budget=NO_WAIT)
    assert counted(store) == [(3, "exact"), (4, "exact")]
    assert (second.previous_ts, third.previous_ts) == (first.ts, second.ts)
    assert not second.first
    assert second.quality == "exact"
    sweeps = ledger(
        store,
        "SELECT ts, previous_ts, source::text, quality::text, connect_ms > 0, database_ms > 0,"
        " duration_ms >= database_ms, temp_bytes, rows_written FROM ledger.sweeps ORDER BY ts",
    )
    assert [row[0] for row in sweeps] == [first.ts, second.ts, third.ts]
    assert sweeps[1][1:] == (
        first.ts, "collected", "exact", True, True, True, 0, sum(second.rows.values())
    )  # fmt: skip
    database = ledger(store, "SELECT xact_commit, database_bytes FROM ledger.database ORDER BY ts")
    assert len(database) == 2
    assert sum(row[0] for row in database) >= 1  # the server tells at most once a second
    assert database[0][1] > 1_000_000


def test_tables_and_indexes(store: Store, target: Target, admin: psycopg.Connection) -> None:
    collect(target, store)
    for _ in range(3):
        admin.execute("SET enable_seqscan = off")
        admin.execute("SELECT * FROM app.orders WHERE id = 7")
    admin.execute("DELETE FROM app.orders WHERE id = 8")
    flush(admin)
    collect(target, store)
    rows = ledger(store, "SELECT table_name, idx_scan, n_tup_del, quality::text FROM ledger.tables")
    assert rows == [("orders", 4, 1, "exact")]
    sizes = "SELECT toast_pages, index_pages, last_vacuum, last_analyze FROM ledger.tables"
    assert ledger(store, sizes) == [(0, 2, None, None)]
    rows = ledger(store, "SELECT index_name, idx_scan, is_unique FROM ledger.indexes")
    assert rows == [("orders_pkey", 4, True)]
    # dropping an index takes its scans out of the server's own sum: no reset, no negative
    admin.execute("ALTER TABLE app.orders DROP CONSTRAINT orders_pkey")
    admin.execute("SELECT count(*) FROM app.orders")
    flush(admin)
    collect(target, store)
    rows = ledger(
        store,
        "SELECT idx_scan, seq_scan > 0, quality::text FROM ledger.tables ORDER BY ts DESC LIMIT 1",
    )
    assert rows == [(0, True, "exact")]
    changes = ledger(
        store, "SELECT kind, object_name, relation_name, change, definition_before"
        " FROM ledger.schema_changes WHERE kind = 'index'",
    )  # fmt: skip
    assert [row[:4] for row in changes] == [("index", "app.orders_pkey", "app.orders", "dropped")]
    assert changes[0][4].startswith("CREATE UNIQUE INDEX orders_pkey")


def test_when_a_table_was_looked_after_last(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    first = collect(target, store)
    admin.execute("VACUUM ANALYZE app.orders")
    flush(admin)
    collect(target, store)
    query = "SELECT vacuum_count, analyze_count, last_vacuum, last_analyze FROM ledger.tables"
    ((vacuums, analyses, vacuumed, analyzed),) = ledger(store, query)
    assert (vacuums, analyses) == (1, 1)
    assert first.ts < vacuumed <= analyzed <= datetime.now(UTC)


def test_settings_changes(store: Store, target: Target, admin: psycopg.Connection) -> None:
    name = admin.info.dbname
    first = collect(target, store)
    admin.execute(f"ALTER DATABASE \"{name}\" SET work_mem = '7MB'")
    collect(target, store)
    rows = ledger(store, "SELECT name, value_after, unit, previous_ts FROM ledger.settings_changes")
    assert rows == [("work_mem", "7168", "kB", first.ts)]
    assert collect(target, store).rows["settings_changes"] == 0


def test_a_setting_with_a_password_is_shown_as_changed_only(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    name = admin.info.dbname
    admin.execute(f"ALTER DATABASE \"{name}\" SET search_path = 'postgres://u:hunter2@h/d'")
    collect(target, store)
    admin.execute(f"ALTER DATABASE \"{name}\" SET search_path = 'host=h password = hunter2'")
    collect(target, store)
    rows = ledger(store, "SELECT value_before, value_after FROM ledger.settings_changes")
    assert len(rows) == 2
    assert all("hidden, fingerprint" in row[1] for row in rows)
    assert "hunter2" not in str(rows)


def test_texts_are_redacted_stored_once_and_rate_limited(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store, text_budget=NO_WAIT)
    work(admin)
    admin.execute("COMMENT ON TABLE app.orders IS 'token=hunter2 mail bob@example.org'")
    collect(target, store)
    stored = [row[0] for row in ledger(store, "SELECT query FROM ledger.query_texts")]
    assert "COMMENT ON TABLE app.orders IS ?" in stored
    assert not any("hunter2" in text or "bob@" in text for text in stored)
    admin.execute("SELECT 'new', n FROM app.orders LIMIT 1")
    collect(target, store)  # the default waits ten minutes
    assert len(ledger(store, "SELECT query FROM ledger.query_texts")) == len(stored)
    admin.execute("SELECT 'new', n FROM app.orders LIMIT 1")
    collect(target, store, text_budget=NO_WAIT)
    assert len(ledger(store, "SELECT query FROM ledger.query_texts")) > len(stored)


def test_a_role_that_leaves_traces_learns_to_leave_them_out(
    store: Store, target: Target, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch,
    target_url: str,
) -> None:  # fmt: skip
    admin.execute("CREATE ROLE watcher LOGIN PASSWORD 'w'")
    try:
        admin.execute("GRANT pg_monitor TO watcher")
        url = psycopg.conninfo.make_conninfo(target_url, user="watcher", password="w")
        monkeypatch.setenv("SWEPT_URL", url)
        for _ in range(3):
            collect(target, store, text_budget=NO_WAIT)
        final = collect(target, store, text_budget=NO_WAIT)
        left = ledger(
            store,
            "SELECT q.query FROM ledger.statements s"
            " JOIN ledger.statement_texts USING (target_id, userid, dbid, queryid)"
            " JOIN ledger.query_texts q USING (text_hash) WHERE s.ts = %s",
            final.ts,
        )
        # what every client does too: nothing tells ours from theirs
        assert {row[0].split()[0] for row in left} <= {"BEGIN", "ROLLBACK"}
    finally:
        admin.execute("DROP ROLE watcher")


def test_two_collectors_one_wins(
    store: Store, target: Target, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(target, store, text_budget=NO_WAIT)
    work(admin, 5)
    barrier = threading.Barrier(2)
    real = record.sweep

    def together(*args: Any, **kwargs: Any) -> Any:
        swept = real(*args, **kwargs)
        barrier.wait(timeout=30)  # both have read the same state and swept
        return swept

    monkeypatch.setattr(record, "sweep", together)
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(collect(target, store, text_budget=NO_WAIT).quality)
        except BusyError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["<class 'perf_pipeline.errors.BusyError'>", "exact"]
    monkeypatch.setattr(record, "sweep", real)
    assert counted(store) == [(5, "first_seen")]
    assert ledger(store, "SELECT count(*) FROM ledger.sweeps") == [(2,)]


def test_a_family_that_failed_catches_up_later(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    first = collect(target, store)
    work(admin, 2)
    admin.execute("ALTER FUNCTION pg_stat_statements(boolean) RENAME TO hidden_away")
    flush(admin)
    try:
        partial = collect(target, store)
    finally:
        admin.execute("ALTER FUNCTION hidden_away(boolean) RENAME TO pg_stat_statements")
    assert any("statements left out" in note for note in partial.notes)
    assert partial.rows["statements"] == 0
    assert partial.rows["database"] == 1
    work(admin, 3)
    collect(target, store, text_budget=NO_WAIT)
    assert [calls for calls, _ in counted(store)] == [5]
    instants = load(store).instants
    assert instants["statements"] == instants[state.EVIDENCE]
    assert first.ts < partial.ts


def load(store: Store) -> state.State:
    target_id = targets.find(store, "swept")
    assert target_id is not None
    with store.begin() as connection:
        return state.load(connection, target_id)


def test_a_statistics_reset_is_marked_and_counted_from(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    work(admin, 10)
    collect(target, store, text_budget=NO_WAIT)
    admin.execute("SELECT pg_stat_statements_reset()")
    work(admin, 12)
    swept = collect(target, store, text_budget=NO_WAIT)
    assert swept.quality == "reset"
    assert counted(store) == [(12, "reset")]
    assert any("statement statistics were reset at" in note for note in swept.notes)


def test_a_gap(store: Store, target: Target, admin: psycopg.Connection) -> None:
    collect(target, store)
    work(admin, 2)
    swept = collect(target, store, expected_seconds=1e-6, text_budget=NO_WAIT)
    assert swept.quality == "gap"
    assert counted(store) == [(2, "gap")]


def test_a_clock_that_goes_back_does_not_stop_the_ledger(
    store: Store, target: Target, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record.sweep

    def ahead(*args: Any, **kwargs: Any) -> Any:
        from dataclasses import replace

        swept = real(*args, **kwargs)
        later = swept.observation.ts + timedelta(days=2)
        return replace(swept, observation=replace(swept.observation, ts=later))

    monkeypatch.setattr(record, "sweep", ahead)
    first = collect(target, store)
    assert first.ts.date() > datetime.now(UTC).date()
    monkeypatch.setattr(record, "sweep", real)
    work(admin, 2)
    second = collect(target, store, text_budget=NO_WAIT)
    assert (second.quality, second.previous_ts) == ("gap", None)
    assert any("clock went back" in note for note in second.notes)
    third = collect(target, store, text_budget=NO_WAIT)
    assert third.quality == "exact"
    assert counted(store) == [(2, "gap")]


def test_a_repeated_instant_moves_by_a_microsecond(store: Store, target: Target) -> None:
    done = collect(target, store)
    target_id = targets.find(store, "swept") or 0
    with store.begin() as connection:
        free = record._free_instant(connection, target_id, done.ts, done.ts)
    assert free == done.ts + timedelta(microseconds=1)


def test_another_server_behind_the_same_name(
    store: Store, target: Target, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    collect(target, store, text_budget=NO_WAIT)
    work(admin, 5)
    real = record.sweep

    def other(*args: Any, **kwargs: Any) -> Any:
        swept = real(*args, **kwargs)
        return replace(swept, observation=replace(swept.observation, system_identifier=1))

    monkeypatch.setattr(record, "sweep", other)
    swept = collect(target, store)
    assert swept.quality == "reset"
    # samples are true whoever answered
    samples = {source.ledger_table for source in SOURCES if source.kind == "sample"}
    assert {name for name, n in swept.rows.items() if n} - samples == set()
    work(admin, 2)
    assert collect(target, store, text_budget=NO_WAIT).quality == "exact"
    assert counted(store) == [(2, "exact")]


def test_a_silent_server_is_given_up(
    store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pg, "most_seconds", lambda _: 0.5)
    real = record.sweep
    stopped: list[int] = []

    def silent(session: psycopg.Connection, **kwargs: Any) -> Any:
        stopped.append(session.info.backend_pid)
        os.kill(stopped[0], signal.SIGSTOP)
        return real(session, **kwargs)

    monkeypatch.setattr(record, "sweep", silent)
    try:
        with pytest.raises(UnreachableError, match=r"no answer within 0\.5 s"):
            collect(target, store)
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert ledger(store, "SELECT count(*) FROM ledger.sweeps") == [(0,)]


def test_unreachable_and_unset_targets(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Target("nowhere", "NOWHERE_URL", date(2026, 1, 1))
    with pytest.raises(ConfigurationError, match="NOWHERE_URL is not set"):
        collect(nowhere, store)
    monkeypatch.setenv("NOWHERE_URL", "postgresql://x@127.0.0.1:1/x")
    with pytest.raises(UnreachableError):
        collect(nowhere, store, limits=pg.Limits(1000, 100, 2))


def test_the_size_is_read_every_ten_minutes(
    store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int | None] = []
    real = record.sweep

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["known_bytes"])
        return real(*args, **kwargs)

    monkeypatch.setattr(record, "sweep", watched)
    collect(target, store)
    collect(target, store)
    monkeypatch.setattr(record, "SIZE_SECONDS", 0.0)
    collect(target, store)
    assert seen[0] is None
    assert isinstance(seen[1], int)
    assert seen[2] is None


def test_nothing_is_written_twice_into_the_state(store: Store, target: Target) -> None:
    collect(target, store)
    before = load(store).instants
    collect(target, store)
    after = load(store).instants
    assert after["settings"] == before["settings"]
    assert after["schema_objects"] == before["schema_objects"]
    assert after["statements"] > before["statements"]
    assert isinstance(load(store).frames["statements"], pl.DataFrame)


def test_a_family_whose_state_is_gone_starts_again(store: Store, target: Target) -> None:
    for _ in range(2):
        collect(target, store)
    with store.begin() as connection:
        connection.execute("DELETE FROM ledger.state WHERE family = 'tables'")
    # else its unchanged answer would be taken for the one that is not there
    collect(target, store)
    assert "tables" in load(store).frames


def test_many_targets_at_once(
    store: Store, make_database: Callable[..., str], server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    chosen = []
    for number in range(3):
        url = make_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        monkeypatch.setenv(f"MANY{number}_URL", url)
        chosen.append(Target(f"many{number}", f"MANY{number}_URL", date(2026, 1, 1)))
    failures: list[BaseException] = []

    def run(one: Target) -> None:
        try:
            for _ in range(3):
                collect(one, store)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ledger(store, "SELECT count(*), count(DISTINCT target_id) FROM ledger.sweeps") == [
        (9, 3)
    ]
