"""Upkeep on a real server: what is done, what is left, who waits, what the log says."""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from perf_pipeline.errors import BusyError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, maintenance_log
from perf_pipeline.upkeep import apply, look
from perf_pipeline.upkeep.apply import Done
from perf_pipeline.upkeep.model import DOINGS, Doing, require_policy
from perf_pipeline.upkeep.step import Step
from perf_pipeline.upkeep.work import Result
from perf_pipeline_tests.upkeep.shop import (
    BUDGET,
    OLD,
    bloat,
    fill,
    holding,
    invalid,
    one,
    target,
    until,
)

pytestmark = pytest.mark.server

Shop = Callable[..., tuple[Target, str]]


@pytest.fixture
def shop(
    make_database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Shop:
    """Return a function that makes a filled target; its name is the test's."""

    def make(rows: int = 6_000, **policy: Any) -> tuple[Target, str]:
        url = make_database()
        fill(url, rows)
        name = request.node.name.split("[")[0][5:30].strip("_")
        monkeypatch.setenv(f"{name.upper()}_URL", url)
        return target(name, **policy), url

    return make


def run(made: Target, store: Store, *doings: Doing, **more: Any) -> Done:
    chosen = {"seconds": 60.0, **more}
    return apply.run(made, require_policy(made), store, doings or DOINGS, budget=BUDGET, **chosen)


def outcomes(done: Done) -> dict[str, str]:
    return {f"{r.step.operation} {r.step.object_name}": r.outcome for r in done.results}


def logged(store: Store, made: Target) -> list[tuple[str, str, str, int | None]]:
    rows = maintenance_log.recent(store, made.name)
    return [(r["operation"], r["object"], r["outcome"], r["rows"]) for r in reversed(rows)]


def test_all_that_is_too_old_goes_and_nothing_else(shop: Shop, shared_store: Store) -> None:
    made, url = shop()
    with psycopg.connect(url, autocommit=True) as connection:
        due = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
        assert due > 3 * 500  # one batch is not enough
        done = run(made, shared_store, "cleanup")
        assert [(r.outcome, r.rows) for r in done.results] == [("done", due)]
        assert one(connection, "SELECT count(*) FROM app.t") == 6_000 - due
        assert one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}") == 0
    assert logged(shared_store, made) == [("rows.delete", "app.t", "done", due)]
    # nothing is due: no step, no row in the log
    assert run(made, shared_store, "cleanup").results == ()
    assert len(logged(shared_store, made)) == 1


def test_rows_that_are_locked_or_referred_to_stay(shop: Shop, shared_store: Store) -> None:
    made, url = shop()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE app.child (id bigint PRIMARY KEY REFERENCES app.t ON DELETE CASCADE);"
            f"INSERT INTO app.child SELECT id FROM app.t WHERE done AND {OLD} LIMIT 10"
        )
        oldest = one(connection, f"SELECT max(id) FROM app.t WHERE done AND {OLD}")
        with holding(url, f"SELECT 1 FROM app.t WHERE id = {oldest} FOR UPDATE"):
            started = time.monotonic()
            assert outcomes(run(made, shared_store, "cleanup")) == {"rows.delete app.t": "done"}
            assert time.monotonic() - started < 60  # the lock is held for ever
            assert one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}") == 11
        run(made, shared_store, "cleanup")
        assert one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}") == 10
        assert one(connection, "SELECT count(*) FROM app.child") == 10


def test_rows_go_with_those_they_belong_to_partition_by_partition(
    shop: Shop, shared_store: Store
) -> None:
    made, url = shop(
        100,
        retention=[
            {"table": "app.keys", "column": "at", "keep": "1 year"},
            {
                "table": "app.p",
                "column": "at",
                "keep": "30 days",
                "also": [{"table": "app.keys", "columns": {"id": "id", "at": "at"}}],
            },
        ],
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE app.keys (id bigint, at date, PRIMARY KEY (id, at));"
            "CREATE TABLE app.p (id bigint, at date, PRIMARY KEY (at, id),"
            " FOREIGN KEY (id, at) REFERENCES app.keys (id, at)) PARTITION BY RANGE (at);"
            "CREATE TABLE app.p_old PARTITION OF app.p"
            " FOR VALUES FROM (MINVALUE) TO ('2020-01-01');"
            "CREATE TABLE app.p_rest PARTITION OF app.p DEFAULT;"
            "INSERT INTO app.keys SELECT n, '2019-12-22'::date + n FROM generate_series(1, 20) n;"
            "INSERT INTO app.keys SELECT n, current_date - n FROM generate_series(21, 60) n;"
            "INSERT INTO app.p SELECT * FROM app.keys"
        )
        done = run(made, shared_store, "cleanup")
        # keys that events refer to stay for the rule of the events, and go with them
        assert outcomes(done) == {"rows.delete app.p_old": "done", "rows.delete app.p_rest": "done"}
        assert sum(r.rows or 0 for r in done.results) == 50
        assert one(connection, "SELECT count(*) FROM app.p") == 10
        assert one(connection, "SELECT count(*) FROM app.keys") == 10


def test_only_what_is_bloated_is_rebuilt_and_only_once(shop: Shop, shared_store: Store) -> None:
    made, url = shop(20_000, retention=[])
    with psycopg.connect(url, autocommit=True) as connection:
        bloat(connection)
        connection.execute("CREATE INDEX fresh ON app.t (x, at)")
        files = "SELECT oid FROM pg_class WHERE relname = %s"
        fresh, before = one(connection, files, "fresh"), one(connection, files, "t_x")
        done = run(made, shared_store, "reindex")
        found = outcomes(done)
        assert found["index.reindex app.t_x"] == "done"
        assert "index.reindex app.fresh" not in found
        assert done.saved_bytes > 500_000
        assert one(connection, files, "fresh") == fresh
        assert one(connection, files, "t_x") != before
        assert invalid(connection) == 0
    assert run(made, shared_store, "reindex").results == ()
    (row,) = maintenance_log.recent(shared_store, made.name, object_name="app.t_x")
    assert row["bytes"] == row["detail"]["bytes_before"] - row["detail"]["bytes_after"]


def test_without_a_measurement_nothing_is_rebuilt_and_that_is_said(
    shop: Shop, shared_store: Store
) -> None:
    made, url = shop(20_000, retention=[])
    with psycopg.connect(url, autocommit=True) as connection:
        bloat(connection)
        connection.execute("DROP EXTENSION pgstattuple")
    done = run(made, shared_store, "reindex")
    assert done.results == ()
    assert "CREATE EXTENSION pgstattuple" in done.plan.notes[0]


def test_a_leftover_goes_and_somebodys_invalid_index_is_only_told(
    shop: Shop, shared_store: Store
) -> None:
    made, url = shop(100, retention=[])
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("t_x_ccnew", "mine"):
            connection.execute(f"CREATE INDEX {name} ON app.t (x)")
            connection.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass",
                (f"app.{name}",),
            )
        done = run(made, shared_store, "reindex")
        assert outcomes(done) == {"index.drop_leftover app.t_x_ccnew": "done"}
        assert invalid(connection) == 1
    found = {(f.kind, f.object_name) for f in look.advice(made).findings}
    assert ("invalid_index", "app.mine") in found


def test_a_role_that_may_not_is_never_told_that_it_was_done(
    shop: Shop, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, url = shop(retention=[])
    with psycopg.connect(url) as writer:  # which hands in its statistics as it ends
        writer.execute("UPDATE app.t SET x = x || 'y'")
    with psycopg.connect(url, autocommit=True) as connection:
        until(connection, "pg_stat_get_mod_since_analyze('app.t'::regclass) > 0")
        connection.execute(
            "DO $$ BEGIN CREATE ROLE upkeep_guest LOGIN PASSWORD 'guest' IN ROLE pg_monitor;"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            "GRANT USAGE ON SCHEMA app TO upkeep_guest"
        )
    guest = psycopg.conninfo.make_conninfo(url, user="upkeep_guest", password="guest")
    monkeypatch.setenv(f"{made.url_env}_MAINTENANCE", guest)
    done = run(made, shared_store, "analyze")
    assert outcomes(done) == {"table.analyze app.t": "skipped"}
    assert "may not analyze" in done.results[0].note
    # asked for all the same: the server warns and says success
    told = attempt(made, shared_store, done.plan.steps[0])
    assert (told.outcome, "was not analyzed" in told.note) == ("failed", True)
    assert [row[2] for row in logged(shared_store, made)] == ["skipped", "failed"]


def attempt(made: Target, store: Store, step: Step) -> Result:
    """Do a step whatever its plan says."""
    policy = require_policy(made)
    with (
        maintenance_log.MaintenanceLog(store, made.name) as log,
        apply.work.session(made, policy, made.maintenance_url(), log, BUDGET, 120.0) as worker,
    ):
        apply._do(worker, Step(step.operation, step.object_name, "", True, step.detail))
        return worker.results[-1]


def test_a_held_table_is_waited_for_within_the_budget_and_the_rest_goes_on(
    shop: Shop, shared_store: Store
) -> None:
    made, url = shop()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE app.other AS SELECT 1 AS n FROM generate_series(1, 1000);"
            "UPDATE app.t SET x = x"
        )
    with holding(url, "LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE"):
        started = time.monotonic()
        done = run(made, shared_store, "cleanup", "reindex", "analyze")
        assert time.monotonic() - started < 60  # it is held for ever
    found = outcomes(done)
    assert found["table.analyze app.other"] == "done"
    assert found["table.analyze app.t"] == "blocked"
    assert found["rows.delete app.t"] == "blocked"
    assert all("holder" in r.note for r in done.of("blocked"))
    assert {row[2] for row in logged(shared_store, made)} == {"done", "blocked"}


def test_a_long_transaction_stops_a_rebuild_before_it_begins_or_soon(
    shop: Shop, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, url = shop(20_000, retention=[])
    with psycopg.connect(url, autocommit=True) as connection:
        bloat(connection)
        with psycopg.connect(url) as writer:  # which hands in its statistics as it ends
            writer.execute("UPDATE app.t SET x = x WHERE id % 10 = 0")
        until(connection, "pg_stat_get_mod_since_analyze('app.t'::regclass) > 0")
        writes = "INSERT INTO app.t (at, done, x) VALUES (now(), false, 'z')"
        with holding(url, writes):
            monkeypatch.setattr(apply, "OLD_SECONDS", 0.0)
            done = run(made, shared_store, "reindex", "analyze")
            assert {r.outcome for r in done.results[:-1]} == {"blocked"}
            assert "not begun" in done.results[0].note
            assert "holder" in done.results[0].note
            assert outcomes(done)["table.analyze app.t"] == "done"
            assert invalid(connection) == 0
            # one that came in just before: the rebuild waits for it, and leaves again
            monkeypatch.setattr(apply, "OLD_SECONDS", 60.0)
            monkeypatch.setattr(apply, "_REMOVAL_SECONDS", 0.3)
            step = look.planned(made, require_policy(made), None, ("reindex",)).todo[0]
            assert attempt(made, shared_store, step).outcome == "blocked"
            # what it began cannot go while that transaction is open, and is no success
            assert invalid(connection) == 1
        monkeypatch.setattr(apply, "OLD_SECONDS", 5.0)
        found = outcomes(run(made, shared_store, "reindex"))
        assert any(name.startswith("index.drop_leftover") for name in found)
        assert set(found.values()) == {"done"}
        assert invalid(connection) == 0


def test_a_full_disk_leaves_the_old_index_and_no_other(shop: Shop, shared_store: Store) -> None:
    made, url = shop(20_000, retention=[], reindex={"minimum_mb": 0.1, "indexes": ["app.full"]})
    with psycopg.connect(url, autocommit=True) as connection:
        # as the server says it when a write finds no room
        connection.execute(
            "CREATE FUNCTION app.f(x text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
            " IF current_setting('app.no_room', true) = 'on' THEN RAISE EXCEPTION"
            " 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';"
            " END IF; RETURN x; END $$"
        )
        connection.execute('CREATE INDEX "full" ON app.t (app.f(x))')
        bloat(connection)
        connection.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.no_room = on',"
            " current_database()); END $$"
        )
        done = run(made, shared_store, "reindex", "analyze")
        assert outcomes(done)["index.reindex app.full"] == "failed"
        assert "disk is full" in done.results[0].note
        assert invalid(connection) == 0
        assert one(
            connection, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'app.full'::regclass"
        )


def test_who_waits_for_a_statement_goes_first(
    shop: Shop, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "OLD_SECONDS", 3_600.0)  # it begins however long that takes
    made, url = shop(20_000, retention=[], reindex={"minimum_mb": 0.1, "wait_seconds": 120})
    with psycopg.connect(url, autocommit=True) as connection:
        bloat(connection)
        step = look.planned(made, require_policy(made), None, ("reindex",)).todo[0]
        results: list[Result] = []
        with holding(url, "INSERT INTO app.t (at, done, x) VALUES (now(), false, 'z')") as holder:
            # the rebuild waits for the holder, a schema change for the rebuild
            work = threading.Thread(
                target=lambda: results.append(attempt(made, shared_store, step))
            )
            work.start()
            end = time.monotonic() + 60
            while not invalid(connection) and time.monotonic() < end:
                time.sleep(0.02)
            with psycopg.connect(url, autocommit=True) as ddl:
                started = time.monotonic()
                ddl.execute("ALTER TABLE app.t ALTER x SET STATISTICS 50")
                # the budget and a look on a busy machine, not the 120 s the rebuild may wait
                assert time.monotonic() - started < 60
            holder.rollback()
            work.join(timeout=120)
        assert results[0].outcome == "blocked"
        assert "waited for it longer" in results[0].note
        assert results[0].seconds < 100
    run(made, shared_store, "reindex")
    with psycopg.connect(url, autocommit=True) as connection:
        assert invalid(connection) == 0


class Writer:
    """An application's session that writes all the time in a block, and counts what it waits.

    Its `lock_timeout` is the budget: the server itself measures each wait and refuses the write
    that waits longer, however busy the machine is.
    """

    def __init__(self, url: str) -> None:
        self.writes = 0
        self.refused: list[str] = []
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"SET lock_timeout = {BUDGET.most_ms}")  # type: ignore[call-overload]
            while not self._stop.is_set():
                try:
                    connection.execute("INSERT INTO app.t (at, done, x) VALUES (now(), false, 'w')")
                    connection.execute("UPDATE app.t SET x = x || 'u' WHERE id = 1")
                except psycopg.errors.LockNotAvailable as error:
                    self.refused.append(str(error))
                self.writes += 1


def test_writers_beside_it_never_wait_longer_than_the_budget(
    shop: Shop, shared_store: Store
) -> None:
    made, url = shop(20_000)
    with psycopg.connect(url, autocommit=True) as connection:
        bloat(connection)
    with Writer(url) as writer:
        done = run(made, shared_store)
    assert {r.step.operation for r in done.of("done")} >= {"rows.delete", "index.reindex"}
    assert writer.writes > 0
    assert writer.refused == []


def test_a_writer_that_waits_longer_is_seen(shop: Shop) -> None:
    _, url = shop(100)
    with Writer(url) as writer, holding(url, "LOCK TABLE app.t IN SHARE MODE"):
        end = time.monotonic() + 20
        while not writer.refused and time.monotonic() < end:
            time.sleep(0.01)
    assert writer.refused


def test_time_that_is_over_leaves_the_rest_to_the_next_run(shop: Shop, shared_store: Store) -> None:
    made, url = shop(cleanup={"batch_rows": 10, "pause_ms": 50})
    done = run(made, shared_store, "cleanup", seconds=0.3)
    (result,) = done.results
    assert result.outcome in ("done", "skipped")
    assert "the time of this run is over" in result.note
    with psycopg.connect(url) as connection:
        left = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
    assert left > 0
    made = target(made.name)
    assert run(made, shared_store, "cleanup").rows == left


def test_one_upkeep_at_a_time(shop: Shop, shared_store: Store) -> None:
    made, url = shop(100)
    with (
        holding(url, f"SELECT pg_advisory_lock({apply.work._LOCK_KEY})"),
        pytest.raises(BusyError, match="another upkeep"),
    ):
        run(made, shared_store)


def test_the_next_may_begin_before_the_server_saw_the_last_one_leave(
    shop: Shop, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = shop(100)
    open_still: list[psycopg.Connection[Any]] = []
    with monkeypatch.context() as slow:
        slow.setattr(psycopg.Connection, "close", lambda self: open_still.append(self))
        run(made, shared_store, "analyze")
        assert open_still
        run(made, shared_store, "analyze")
    for each in open_still:
        each.close()
