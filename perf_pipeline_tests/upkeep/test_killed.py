"""Killed anywhere, nothing lost; and standbys, which wait for nobody and are waited for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.store import Store, maintenance_log, migrate
from perf_pipeline.upkeep import apply
from perf_pipeline.upkeep.model import Doing, require_policy
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN
from perf_pipeline_tests.servers.crashes import session_again, until_noticed
from perf_pipeline_tests.snapshots.test_replication import base_backup, follow
from perf_pipeline_tests.upkeep.mortal import NAME
from perf_pipeline_tests.upkeep.shop import (
    BUDGET,
    OLD,
    bloat,
    fill,
    invalid,
    one,
    target,
    until,
)

pytestmark = pytest.mark.server

SLOW_DELETE = """
CREATE FUNCTION app.slowly() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(0.001); RETURN OLD; END $$;
CREATE TRIGGER slowly BEFORE DELETE ON app.t FOR EACH ROW EXECUTE FUNCTION app.slowly()
"""


@pytest.fixture(scope="module")
def own_server(server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a server that may crash."""
    settings = {**FORGETFUL, "synchronous_commit": "on"}  # what was committed must survive
    with EmbeddedServer(server_directory / "upkeep", pg_bin=PG_BIN, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def log_store(server: EmbeddedServer) -> Iterator[Store]:
    """Return a store that does not crash with the target."""
    server.ensure_database("upkeep_log")
    with Store(server.url("upkeep_log")) as opened:
        migrate.upgrade(opened)
        yield opened
    server.drop_database("upkeep_log")


@pytest.fixture
def url(own_server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a filled, bloated target on it."""
    name = f"killed_{request.node.name.encode().hex()[-12:]}"
    own_server.ensure_database(name)
    fill(own_server.url(name), 10_000)
    with psycopg.connect(own_server.url(name), autocommit=True) as connection:
        bloat(connection)
    yield own_server.url(name)
    own_server.drop_database(name)


class Mortal:
    """Process that forks what may be killed; `said` has its lines."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def start(self, doing: Doing) -> int:
        self._input.write(f"{doing}\n")
        self._input.flush()
        return int(self._output.readline())

    def ended(self) -> list[str]:
        """Return what it said to its end."""
        lines = []
        while not lines or not lines[-1].startswith("ended"):
            line = self._output.readline().strip()
            assert line, "the process that forks is gone"
            lines.append(line)
        return lines

    @property
    def _input(self) -> IO[str]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def _output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout


@pytest.fixture
def mortal(url: str, log_store: Store) -> Iterator[Mortal]:
    environment = {**os.environ, "MORTAL_URL": url, "MORTAL_STORE": log_store.url}
    process = subprocess.Popen(
        [sys.executable, "-m", "perf_pipeline_tests.upkeep.mortal"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
    )
    with process:
        yield Mortal(process)
        assert process.stdin is not None
        process.stdin.close()


def again(url: str, store: Store, monkeypatch: pytest.MonkeyPatch, *doings: Doing) -> apply.Done:
    monkeypatch.setenv("MORTAL_URL", url)
    made = target(NAME)
    return apply.run(made, require_policy(made), store, doings, budget=BUDGET)


def worker_pid(connection: psycopg.Connection[Any]) -> int:
    """Return the server process that does upkeep in this database."""
    until(
        connection,
        "count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'perf-pipeline:upkeep'",
    )
    pid: int = one(
        connection,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'perf-pipeline:upkeep'",
    )
    return pid


Kill = Callable[[int, int], None]


def process(child: int, backend: int) -> None:
    """Kill our process: the server finds out by itself."""
    os.kill(child, signal.SIGKILL)


def server(child: int, backend: int) -> None:
    """Kill a server process: the server ends all sessions and recovers."""
    os.kill(backend, signal.SIGKILL)


@pytest.mark.parametrize("kill", [process, server])
def test_a_rebuild_that_is_killed_is_made_again_and_leaves_no_index(
    kill: Kill,
    url: str,
    mortal: Mortal,
    log_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    # a session whose lock the rebuild waits for, with its new index half built
    held = psycopg.connect(url)
    request.addfinalizer(held.close)
    held.execute("INSERT INTO app.t (at, done, x) VALUES (now(), false, 'z')")
    with psycopg.connect(url, autocommit=True) as connection:
        child = mortal.start("reindex")
        until(connection, "count(*) > 0 FROM pg_index WHERE NOT indisvalid")
        backend = worker_pid(connection)
        kill(child, backend)
        if kill is server:
            until_noticed(connection)
    said = mortal.ended()
    assert ("ended 9" in said) == (kill is process)
    held.close()
    with session_again(url) as connection:
        # within two seconds the server noticed that nobody waits for an answer any more
        until(
            connection,
            "count(*) = 0 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'perf-pipeline:upkeep'",
        )
        done = again(url, log_store, monkeypatch, "reindex")
        assert {r.outcome for r in done.results} == {"done"}
        assert invalid(connection) == 0
        names = {row[0] for row in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace"
            " AND relkind = 'i'")}  # fmt: skip
        assert names == {"t_pkey", "t_at", "t_x"}
        assert again(url, log_store, monkeypatch, "reindex").results == ()
    outcomes = {row["outcome"] for row in maintenance_log.recent(log_store, NAME, limit=10)}
    assert "running" not in outcomes
    assert ("killed" in outcomes) or kill is server
    assert done.closed == (1 if kill is process else 0)


@pytest.mark.parametrize("kill", [process, server])
def test_a_delete_that_is_killed_loses_no_row_and_goes_on(
    kill: Kill, url: str, mortal: Mortal, log_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SLOW_DELETE)
        due = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
        others = one(connection, f"SELECT count(*) FROM app.t WHERE NOT (done AND {OLD})")
        assert due > 600
        child = mortal.start("cleanup")
        # the first batch is there, the second is at work
        until(connection, f"count(*) < {due} FROM app.t WHERE done AND {OLD}")
        kill(child, worker_pid(connection))
        if kill is server:
            until_noticed(connection)
    mortal.ended()
    with session_again(url) as connection:
        left = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
        assert 0 < left < due
        connection.execute("DROP TRIGGER slowly ON app.t")
        until(
            connection,
            "count(*) = 0 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'perf-pipeline:upkeep'",
        )
        done = again(url, log_store, monkeypatch, "cleanup")
        left = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
        assert left == 0
        assert (done.rows or 0) > 0
        assert one(connection, "SELECT count(*) FROM app.t") == others


def test_a_server_that_is_gone_is_told_as_such(url: str, mortal: Mortal, log_store: Store) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SLOW_DELETE)
        due = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
        mortal.start("cleanup")
        backend = worker_pid(connection)
        until(connection, f"count(*) < {due} FROM app.t WHERE done AND {OLD}")
        connection.execute("SELECT pg_terminate_backend(%s)", (backend,))
    (said, _) = mortal.ended()
    assert "UnreachableError" in said
    assert "run it again" in said
    (row, *_) = maintenance_log.recent(log_store, NAME, limit=1)
    assert row["outcome"] == "failed"


# -- standbys


@pytest.fixture(scope="module")
def standby(own_server: EmbeddedServer, server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a hot standby that feeds back what its queries still need."""
    folder = server_directory / "upkeep_standby"
    backup = base_backup(own_server, folder, "-R")
    _, said = backup.communicate(timeout=60)
    assert backup.returncode == 0, said
    follow(own_server, folder)
    settings = {
        **FORGETFUL,
        "hot_standby_feedback": "on",
        "wal_receiver_status_interval": "1s",
        "wal_retrieve_retry_interval": "100ms",
    }
    with EmbeddedServer(folder, pg_bin=PG_BIN, settings=settings) as running:
        yield running


def test_a_standby_that_falls_behind_is_waited_for_and_not_for_ever(
    url: str, standby: EmbeddedServer, log_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORTAL_URL", url)
    patient = {"batch_rows": 100, "most_lag_mb": 0.2, "most_lag_wait_seconds": 0.5}
    made = target(NAME, cleanup=patient)

    def clean(**more: Any) -> apply.Done:
        return apply.run(made, require_policy(made), log_store, ("cleanup",), budget=BUDGET, **more)

    with (
        psycopg.connect(url, autocommit=True) as connection,
        psycopg.connect(standby.url(), autocommit=True) as there,
    ):
        connection.execute("SET synchronous_commit = on")
        until(connection, "count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
        there.execute("SELECT pg_wal_replay_pause()")
        until(there, "pg_get_wal_replay_pause_state() = 'paused'")
        connection.execute(
            "CREATE TABLE app.w AS SELECT md5(n::text) FROM generate_series(1, 9999) n"
        )
        started = time.monotonic()
        (result,) = clean().results
        assert time.monotonic() - started < 60  # the standby waits for ever
        assert result.outcome == "blocked"
        assert "MB behind" in result.note
        there.execute("SELECT pg_wal_replay_resume()")
        until(connection, "max(pg_current_wal_lsn() - replay_lsn) < 1000 FROM pg_stat_replication")
        # it goes on where it was
        (result,) = clean().results
        assert (result.outcome, (result.rows or 0) > 0) == ("done", True)


def test_a_query_on_a_standby_stops_nothing_and_is_named(
    url: str, standby: EmbeddedServer, log_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = url.rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as connection:
        caught_up = one(connection, "SELECT pg_current_wal_lsn()")
        until(connection, f"max(replay_lsn) >= '{caught_up}' FROM pg_stat_replication")
        with psycopg.connect(standby.url(database)) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM app.t")
            until(connection, "count(backend_xmin) = 1 FROM pg_stat_replication")
            started = time.monotonic()
            done = again(url, log_store, monkeypatch, "cleanup", "reindex")
            # the rebuild does not wait for what runs elsewhere
            assert time.monotonic() - started < 60
            assert {r.outcome for r in done.results} == {"done"}
            assert any(who.startswith("standby") for who in done.held_back)
            assert invalid(connection) == 0
            # and the reader has what it began with
            assert one(reader, "SELECT count(*) FROM app.t") > 0


def test_a_standby_itself_is_not_kept_up(
    url: str, standby: EmbeddedServer, log_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = url.rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as connection:
        written = one(connection, "SELECT pg_current_wal_lsn()")
        until(connection, f"max(replay_lsn) >= '{written}' FROM pg_stat_replication")
    with pytest.raises(apply.UnsupportedServerError, match="standby"):
        again(standby.url(database), log_store, monkeypatch, "analyze")
