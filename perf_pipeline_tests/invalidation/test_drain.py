"""A worker serves what is due: all of it, once, whatever fails beside it."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import (
    BusyError,
    ConfigurationError,
    PerfPipelineError,
    UnreachableError,
)
from perf_pipeline.invalidation import catalog, drain, pace, queue, serve, worker_session
from perf_pipeline.invalidation.figures import Drained, Served
from perf_pipeline.invalidation.model import CacheType, Due
from perf_pipeline.postgres.target import Target

pytestmark = pytest.mark.server

#: What a processing function did is a row of `app.done`; entities may be told to fail.
APP = """
CREATE SCHEMA app;
CREATE TABLE app.facts (id text PRIMARY KEY, value integer NOT NULL);
CREATE TABLE app.kept (id text PRIMARY KEY, value integer);
CREATE TABLE app.done (
    call bigint, entity text, at timestamptz DEFAULT clock_timestamp(), backend integer);
CREATE TABLE app.bad (entity text PRIMARY KEY, how text NOT NULL);
CREATE SEQUENCE app.calls;
CREATE FUNCTION app.refresh(entities text[]) RETURNS TABLE (entity text, error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    call bigint := nextval('app.calls');
    wrong text := (SELECT min(b.how) FROM app.bad AS b WHERE b.entity = ANY (entities));
BEGIN
    IF wrong = 'raise' THEN
        RAISE EXCEPTION 'poison';
    ELSIF wrong = 'sleep' THEN
        PERFORM pg_sleep(30);
    ELSIF wrong = 'wait' THEN
        PERFORM pg_advisory_xact_lock(77);
    END IF;
    INSERT INTO app.kept AS k
    SELECT e.id, f.value
    FROM unnest(entities) AS e (id) LEFT JOIN app.facts AS f ON f.id = e.id
    ON CONFLICT (id) DO UPDATE SET value = excluded.value;
    INSERT INTO app.done SELECT call, e.id, clock_timestamp(), pg_backend_pid()
    FROM unnest(entities) AS e (id);
    RETURN QUERY SELECT b.entity, 'refused' FROM app.bad AS b
    WHERE b.entity = ANY (entities) AND b.how = 'refuse';
END
$$;
"""
CACHE = CacheType("kept", debounce_s=0.0, max_wait_s=0.0, process="app.refresh")
TARGET = Target("app", "APP_URL", date(2026, 1, 1))


@pytest.fixture(scope="module")
def made(server: EmbeddedServer) -> Iterator[str]:
    server.ensure_database("drain_app")
    url = server.url("drain_app")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(APP)
        catalog.install(connection, "app")
    yield url
    server.drop_database("drain_app")


@pytest.fixture
def db(made: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv("APP_URL", made)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE app.facts, app.kept, app.done, app.bad,"
            " perf_pipeline_meta.invalidation_log_0, perf_pipeline_meta.invalidation_log_1,"
            " perf_pipeline_meta.invalidation_queue, perf_pipeline_meta.invalidation_dead"
        )
        yield connection


class Told:
    """A sink that remembers, and fails as it is told to."""

    name = "told"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.heard: list[str] = []
        self.kept_when_heard: dict[str, int] = {}
        self.wrong: dict[str, str] = {}
        self.down = ""
        self._connection = connection

    def invalidate(self, cache_type: str, batch: Sequence[Due]) -> dict[str, str]:
        if self.down:
            raise PerfPipelineError(self.down)
        self.heard += [due.entity for due in batch]
        self.kept_when_heard.update(
            self._connection.execute("SELECT id, value FROM app.kept").fetchall()
        )
        return self.wrong


def until(db: psycopg.Connection[Any], condition: str) -> None:
    deadline = time.monotonic() + 30
    while db.execute(f"SELECT {condition}").fetchone() != (True,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ask(db: psycopg.Connection[Any], *entities: str, cache_type: str = "kept") -> None:
    for entity in entities:
        db.execute("SELECT perf_pipeline_meta.invalidate(%s, %s, 'test')", (cache_type, entity))


def done(db: psycopg.Connection[Any]) -> list[str]:
    rows = db.execute("SELECT entity FROM app.done ORDER BY call, entity").fetchall()
    return [row[0] for row in rows]


def left(db: psycopg.Connection[Any]) -> dict[str, Any]:
    rows = db.execute(
        "SELECT entity, last_error FROM perf_pipeline_meta.invalidation_queue"
    ).fetchall()
    return dict(rows)


def work(*caches: CacheType, **more: Any) -> Drained:
    return drain.drain(TARGET, caches or (CACHE,), **more)


def of(drained: Drained, cache_type: str = "kept") -> Served:
    return next(each for each in drained.served if each.cache_type == cache_type)


def test_what_is_due_is_served_once_and_counted(db: psycopg.Connection[Any]) -> None:
    db.execute("INSERT INTO app.facts SELECT n, n FROM generate_series(1, 5) AS n")
    ask(db, "1", "2", "3", "2", "2")
    drained = work()
    assert done(db) == ["1", "2", "3"]
    assert left(db) == {}
    assert (drained.ended, drained.folded) == ("idle", 5)
    served = of(drained)
    assert (served.changes, served.refreshed, served.avoided) == (5, 3, 2)
    assert served.staleness_p50_s is not None
    assert 0 <= served.staleness_p50_s <= served.staleness_p99_s <= served.staleness_max_s  # type: ignore[operator]
    assert not work().worked


def test_what_waits_for_its_debounce_is_left_alone(db: psycopg.Connection[Any]) -> None:
    ask(db, "1")
    patient = replace(CACHE, debounce_s=3600.0, max_wait_s=7200.0)
    assert work(patient).refreshed == 0
    assert left(db) == {"1": None}


def test_a_poison_entry_costs_only_itself(db: psycopg.Connection[Any]) -> None:
    """D-101: one that makes the whole call fail, one that the function names."""
    db.execute("INSERT INTO app.bad VALUES ('7', 'raise'), ('9', 'refuse')")
    ask(db, *map(str, range(20)))
    drained = work()
    assert set(map(str, range(20))) - set(done(db)) == {"7"}
    assert left(db) == {"7": "poison", "9": "refused"}
    assert (of(drained).refreshed, of(drained).failed) == (18, 2)


def test_who_fails_too_often_is_set_aside(db: psycopg.Connection[Any]) -> None:
    db.execute("INSERT INTO app.bad VALUES ('7', 'raise')")
    ask(db, "7")
    drained = work(replace(CACHE, max_attempts=1))
    assert of(drained).dead == 1
    assert left(db) == {}
    dead = db.execute("SELECT entity, last_error FROM perf_pipeline_meta.invalidation_dead")
    assert dead.fetchall() == [("7", "poison")]


def test_a_slow_entry_is_found_and_the_others_are_served(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "CALL_S", 0.4)
    monkeypatch.setattr(serve, "_LEAST_CALL_S", 0.2)
    db.execute("INSERT INTO app.bad VALUES ('2', 'sleep')")
    ask(db, *map(str, range(4)))
    drained = work()
    assert sorted(done(db)) == ["0", "1", "3"]
    assert "timeout" in left(db)["2"]
    assert of(drained).slowest_s >= 0.2


def test_a_lease_that_ends_gives_the_rest_back(db: psycopg.Connection[Any]) -> None:
    ask(db, "1", "2")
    with worker_session.session(TARGET) as connection:
        queue.fold(connection)
        claimed = queue.claim(connection, CACHE, 10, 60.0)
        tally = serve.Tally("kept")
        over = serve.Lease(time.monotonic())
        assert serve.serve(connection, CACHE, (), claimed, over, tally) == []
    assert done(db) == []
    assert (tally.refreshed, tally.failed) == (0, 0)
    assert work().refreshed == 2  # at once: nobody waits for the lease


def test_a_function_that_is_not_there_kills_nothing(db: psycopg.Connection[Any]) -> None:
    ask(db, "1")
    wrong = replace(CACHE, process="app.gone", max_attempts=1)
    drained = work(wrong)
    assert drained.down == (
        "kept: app.gone cannot be called: function app.gone(text[]) does not exist",
    )
    assert work().refreshed == 1


def test_who_is_in_the_way_is_tried_again_and_never_dies(
    db: psycopg.Connection[Any], made: str
) -> None:
    ask(db, "1", "2")
    db.execute("INSERT INTO app.kept VALUES ('1', 0)")
    with psycopg.connect(made) as other:
        other.execute("SELECT FROM app.kept WHERE id = '1' FOR UPDATE")
        drained = work(replace(CACHE, max_attempts=1))
    assert of(drained).dead == 0
    assert "lock timeout" in left(db)["1"]
    assert done(db) == ["2"]


def test_a_change_while_it_is_served_is_served_again(
    db: psycopg.Connection[Any], made: str
) -> None:
    """D-099: the change commits while the function runs, and after it has read."""
    db.execute("INSERT INTO app.facts VALUES ('1', 1)")
    ask(db, "1")
    with worker_session.session(TARGET) as connection, psycopg.connect(made) as writer:
        queue.fold(connection)
        claimed = queue.claim(connection, CACHE, 10, 60.0)
        writer.execute("UPDATE app.facts SET value = 2")
        writer.execute("SELECT perf_pipeline_meta.invalidate('kept', '1')")
        tally = serve.Tally("kept")
        serve.serve(connection, CACHE, (), claimed, serve.Lease(time.monotonic() + 60), tally)
        assert db.execute("SELECT value FROM app.kept").fetchone() == (1,)
        writer.commit()
    assert work().refreshed == 1
    assert db.execute("SELECT value FROM app.kept").fetchone() == (2,)


def test_an_outer_cache_is_told_after_the_commit(db: psycopg.Connection[Any]) -> None:
    db.execute("INSERT INTO app.facts VALUES ('1', 1)")
    ask(db, "1", "2")
    told = Told(db)
    told.wrong = {"2": "no room"}
    drained = work(make_sinks=lambda *_: [told])
    assert told.heard == ["1", "2"]
    assert told.kept_when_heard["1"] == 1  # seen by another session: committed
    assert left(db) == {"2": "no room"}
    assert (of(drained).refreshed, of(drained).failed) == (1, 1)


def test_a_sink_that_is_down_keeps_everything_due(db: psycopg.Connection[Any]) -> None:
    ask(db, "1", "2")
    db.execute("INSERT INTO app.bad VALUES ('2', 'refuse')")
    told = Told(db)
    told.down = "refused"
    quick = replace(CACHE, max_attempts=1)
    drained = work(quick, make_sinks=lambda *_: [told])
    assert drained.down == ("kept: told: refused",)
    assert left(db) == {"1": None}  # no attempt is counted; what the function refused is dead
    told.down = ""
    assert work(make_sinks=lambda *_: [told]).refreshed == 1


def test_a_sink_declared_wrong_concerns_its_cache_type_alone(db: psycopg.Connection[Any]) -> None:
    ask(db, "1")
    ask(db, "2", cache_type="outer")

    def make(cache: CacheType, _: object) -> list[Told]:
        if cache.name == "outer":
            raise ConfigurationError("no URL is set")
        return []

    drained = work(CACHE, replace(CACHE, name="outer"), make_sinks=make)
    assert (of(drained).refreshed, drained.down) == (1, ("outer: no URL is set",))
    assert left(db) == {"2": None}
    leased = "SELECT count(*) FROM perf_pipeline_meta.invalidation_queue WHERE lease_id IS NOT NULL"
    assert db.execute(leased).fetchone() == (0,)


def test_entries_nobody_declares_stay_and_are_told(db: psycopg.Connection[Any]) -> None:
    """D-102."""
    ask(db, "1", cache_type="timeline")
    assert work().refreshed == 0
    assert work().unknown == 1
    assert left(db) == {"1": "unknown cache type"}


def test_cache_types_take_turns(db: psycopg.Connection[Any]) -> None:
    small = replace(CACHE, batch=2)
    ask(db, "a1", "a2", "a3", "a4")
    ask(db, "b1", "b2", cache_type="other")
    work(small, replace(small, name="other"))
    assert done(db) == ["a1", "a2", "b1", "b2", "a3", "a4"]


def test_several_workers_share_and_do_nothing_twice(db: psycopg.Connection[Any]) -> None:
    """D-100."""
    db.execute(
        "INSERT INTO perf_pipeline_meta.invalidation_log_0 (cache_type, entity)"
        " SELECT 'kept', n FROM generate_series(1, 500) AS n"
    )
    found: list[Drained] = []
    small = replace(CACHE, batch=10)
    threads = [
        threading.Thread(target=lambda: found.append(work(small, idle_s=0.3))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(int, done(db))) == list(range(1, 501))
    assert sum(each.refreshed for each in found) == 500
    backends = db.execute("SELECT count(DISTINCT backend) FROM app.done").fetchone()
    assert backends is not None
    assert backends[0] > 1


def test_sessions_of_one_drain_share_its_batches(db: psycopg.Connection[Any]) -> None:
    ask(db, *(str(n) for n in range(60)), "100")
    db.execute("INSERT INTO app.bad VALUES ('100', 'wait')")
    cache = replace(CACHE, batch=20)
    drained = []
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(77)")  # whoever has 100 waits; the other goes on
        worker = threading.Thread(
            target=lambda: drained.append(
                drain.drain(TARGET, [cache], sessions=2, idle_s=None, budget_s=2)
            )
        )
        worker.start()
        until(db, "(SELECT count(*) >= 30 FROM app.done)")
    worker.join()
    served = db.execute(
        "SELECT count(*), count(DISTINCT entity), count(DISTINCT backend) FROM app.done"
    )
    assert served.fetchone() == (61, 61, 2)
    assert (drained[0].refreshed, drained[0].left.waiting) == (61, 0)
    assert drained[0].served[0].calls >= 4


def test_a_session_beside_that_is_lost_is_told(db: psycopg.Connection[Any]) -> None:
    ask(db, "1")
    db.execute("INSERT INTO app.bad VALUES ('1', 'wait')")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            drain.drain(TARGET, [CACHE], sessions=2, idle_s=None, budget_s=30)
        except UnreachableError as error:
            failed.append(error)

    workers = (
        "FROM pg_stat_activity WHERE application_name LIKE '%:invalidation'"
        " AND datname = current_database()"
    )
    worker = threading.Thread(target=work)
    db.execute("SELECT pg_advisory_lock(77)")
    worker.start()
    until(db, f"(SELECT count(*) = 2 {workers})")
    db.execute(f"SELECT pg_terminate_backend(pid) {workers}")
    db.execute("SELECT pg_advisory_unlock(77)")
    worker.join()
    assert len(failed) == 1
    assert "was lost" in str(failed[0])


def test_an_application_writes_while_a_batch_is_served(
    db: psycopg.Connection[Any], made: str
) -> None:
    """D-103: the batch is held up; the application's write needs no lock that it holds."""
    db.execute("INSERT INTO app.bad VALUES ('1', 'wait')")
    ask(db, "1", "2")
    with psycopg.connect(made) as gate, psycopg.connect(made, autocommit=True) as writer:
        gate.execute("SELECT pg_advisory_xact_lock(77)")
        # the worker's lock timeout is as short as usual: it is given up, tried again, held up
        worker = threading.Thread(target=work)
        worker.start()
        while not db.execute(
            "SELECT FROM pg_stat_activity WHERE application_name LIKE '%invalidation'"
            " AND wait_event = 'advisory' AND datname = current_database()"
        ).fetchall():
            assert worker.is_alive()
        writer.execute("SET lock_timeout = '1ms'")
        writer.execute("INSERT INTO app.facts VALUES ('1', 1)")
        ask(writer, "1")
    worker.join(60)
    assert "2" in done(db)


def test_a_fold_that_takes_too_long_is_done_in_parts(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(db, "1", "2", "3")
    tried: list[int] = []
    real = queue.fold

    def fold(connection: Any, *, most: int, **more: Any) -> queue.Folded:
        tried.append(most)
        if most > 20_000:
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = '1ms'")
                connection.execute("SELECT pg_sleep(20)")
        return real(connection, most=most, **more)

    monkeypatch.setattr(queue, "fold", fold)
    assert work().refreshed == 3
    assert tried == [200_000, 50_000, 12_500]


def test_who_holds_the_queue_for_too_long_is_told(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def claim(connection: Any, *_: Any) -> list[Due]:
        raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")

    monkeypatch.setattr(queue, "claim", claim)
    with pytest.raises(BusyError, match="could not be had in time"):
        work()


def test_told_to_stop_it_stops_and_gives_back(db: psycopg.Connection[Any]) -> None:
    ask(db, *map(str, range(10)))
    stop = threading.Event()
    stop.set()
    drained = work(stop=stop)
    assert (drained.ended, drained.refreshed) == ("stopped", 0)
    db.execute("INSERT INTO app.bad VALUES ('3', 'raise')")
    with pytest.raises(KeyboardInterrupt):
        work(make_sinks=lambda *_: [Interrupted()])
    leased = "SELECT count(*) FROM perf_pipeline_meta.invalidation_queue WHERE lease_id IS NOT NULL"
    assert db.execute(leased).fetchone() == (0,)
    assert work().refreshed == 9


class Interrupted:
    """A sink in which Ctrl-C arrives."""

    name = "interrupted"

    def invalidate(self, cache_type: str, batch: Sequence[Due]) -> dict[str, str]:
        raise KeyboardInterrupt


def test_the_time_that_is_given_is_kept(db: psycopg.Connection[Any]) -> None:
    ask(db, "1")
    drained = work(budget_s=0.0)
    assert (drained.ended, drained.refreshed) == ("budget", 0)
    drained = work(budget_s=0.3, idle_s=None)
    assert (drained.ended, drained.refreshed) == ("budget", 1)


def test_a_lost_connection_is_told_and_nothing_is_lost(
    db: psycopg.Connection[Any], made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "LEASE_S", 0.0)  # it ends at once
    monkeypatch.setattr(serve, "_NO_TIME_S", -60.0)
    monkeypatch.setattr(serve, "_call", lambda *_: {})
    ask(db, "1")

    class Killer:
        name = "killer"

        def invalidate(self, cache_type: str, batch: Sequence[Due]) -> dict[str, str]:
            db.execute(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
                " WHERE application_name LIKE '%invalidation' AND datname = current_database()"
            )
            return {}

    with pytest.raises(UnreachableError, match="connection to the target was lost"):
        work(make_sinks=lambda *_: [Killer()])
    assert list(left(db)) == ["1"]
    assert work().refreshed == 1


def test_without_a_queue_it_says_what_to_do(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_URL", server.url("postgres"))
    with pytest.raises(ConfigurationError, match="no queue") as caught:
        work()
    assert "invalidation install" in caught.value.remedy


def test_everything_is_an_entity_of_its_own(db: psycopg.Connection[Any]) -> None:
    db.execute("SELECT perf_pipeline_meta.invalidate('kept')")
    assert work().refreshed == 1
    assert done(db) == ["*"]


def test_a_slow_batch_makes_the_next_one_smaller() -> None:
    cache = pace.Pace(CACHE, serve.Tally("kept"), CACHE.batch, CACHE.batch)
    cache.learned(1000, 5.0)
    assert cache.limit == 100
    cache.learned(100, 0.01)
    assert cache.limit == 200
    for _ in range(5):
        cache.learned(cache.limit, 0.01)
    assert cache.limit == CACHE.batch
