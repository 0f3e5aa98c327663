"""Whatever ends a sweep, at whatever moment: every call is in the ledger once."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import psycopg.sql
import pytest

from perf_pipeline.embedded import endpoint
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, UnreachableError
from perf_pipeline.postgres import connect
from perf_pipeline.store import Store, migrate, state
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN
from perf_pipeline_tests.servers.ports import free_port
from perf_pipeline_tests.snapshots.exactness import Counted
from perf_pipeline_tests.snapshots.proxy import Proxy
from perf_pipeline_tests.snapshots.steps import at_step

pytestmark = pytest.mark.server


@pytest.fixture
def counted(
    store: Store, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Counted:
    return Counted(store, make_database(), monkeypatch)


def database(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


class Mortal:
    """The program of `mortal.py`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, step: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()

    def end(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def collect(self, step: int) -> str:
        self.begin(step)
        return self.end()


@contextlib.contextmanager
def mortal(counted: Counted) -> Iterator[Mortal]:
    environment = {
        **os.environ,
        "MORTAL_STORE": counted.store.url,
        "SWEPT_URL": counted.url,
        "POLARS_MAX_THREADS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "perf_pipeline_tests.snapshots.mortal"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Mortal(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_collector_killed_at_any_step(counted: Counted) -> None:
    with mortal(counted) as collector:
        for step in count(1):
            counted.work(1)
            said = collector.collect(step)
            counted.work(2)
            counted.sweep()
            counted.require_exact()
            if said == "survived":
                break
            assert said == "killed"
    assert step > 20  # reading the state, the target, writing, and the texts
    counted.require_chain()
    counted.require_nothing_held()


def refused(counted: Counted, says: str) -> bool:
    """Sweep, and return whether that was refused: for this reason, with a remedy."""
    try:
        counted.sweep()
    except UnreachableError as error:
        text = str(error)
    else:
        return False
    assert re.match(rf"(store|target 'swept').*{says}.*remedy: ", text, re.DOTALL), text
    return True


@pytest.mark.parametrize("side", ["store", "target"])
def test_a_connection_cut_at_any_step(side: str, counted: Counted, server: EmbeddedServer) -> None:
    name = database(counted.store.url if side == "store" else counted.url)
    says = "the connection was lost" if side == "store" else "the sweep broke off"
    broken = 0

    def cut() -> None:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
                " WHERE datname = %s AND backend_type = 'client backend'",
                [name],
            )

    for step in count(1, 3):
        counted.work(1)
        with at_step(step, cut, name) as steps:
            broken += refused(counted, says)
        counted.work(1)
        counted.sweep()
        counted.require_exact()
        if len(steps) < step:
            break
    counted.require_chain()
    counted.require_nothing_held()
    assert broken >= 1


@pytest.fixture(scope="module")
def frail(server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a server that tests may restart and crash, with an empty store to copy.

    What it committed it keeps (`synchronous_commit`), as long as the machine does not crash.
    """
    knobs = {**FORGETFUL, "synchronous_commit": "on"}
    # its URLs are known before it is restarted: the port is its own all the time
    folder, port = server_directory / "frail", free_port()
    with EmbeddedServer(folder, pg_bin=PG_BIN, settings=knobs, port=port) as running:
        running.ensure_database("store_template")
        with Store(running.url("store_template")) as opened:
            migrate.upgrade(opened)
        yield running


def restart(server: EmbeddedServer) -> None:
    server.stop()
    server.start()


def stop_immediately(server: EmbeddedServer) -> None:
    """End it without a checkpoint, as `pg_ctl stop -m immediate` does: the next start recovers."""
    _end(server, signal.SIGQUIT)


def kill(server: EmbeddedServer) -> None:
    """End it as a crash does."""
    _end(server, signal.SIGKILL)


def _end(server: EmbeddedServer, how: signal.Signals) -> None:
    found = endpoint.read(server.directory)
    assert found is not None
    os.kill(found.pid, how)
    while server.running():
        pass
    server.start()


@pytest.fixture
def made(frail: EmbeddedServer) -> Iterator[Callable[..., str]]:
    """Return a function that makes a database on the frail server and returns its URL."""
    names: list[str] = []

    def make(template: str | None = None) -> str:
        names.append(f"frail_{len(names)}")
        frail.ensure_database(names[-1], template)
        return frail.url(names[-1])

    yield make
    for name in names:
        frail.drop_database(name)


@pytest.mark.parametrize("end", [restart, stop_immediately, kill])
def test_a_target_that_restarts_in_the_middle(
    end: Callable[[EmbeddedServer], None],
    frail: EmbeddedServer,
    made: Callable[..., str],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted(store, made(), monkeypatch)
    broken = 0
    for step in count(1):
        counted.work(1)
        with at_step(step, lambda: end(frail), database(counted.url)) as steps:
            broken += refused(counted, "the sweep broke off")
        if len(steps) < step:
            break
        if end is kill:  # its counters were in memory only, and what they saw since the sweep
            counted.forgotten()
        counted.work(2)
        after = counted.sweep()
        assert after.quality == ("exact" if end is restart else "reset")
        assert "the server was restarted" in after.notes
        counted.require_exact()
    assert broken >= 1
    counted.require_chain()


@pytest.mark.parametrize(("end", "first"), [(restart, 2), (stop_immediately, 5), (kill, 8)])
def test_a_store_that_restarts_in_the_middle(
    end: Callable[[EmbeddedServer], None],
    first: int,
    frail: EmbeddedServer,
    made: Callable[..., str],
    make_database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Store(made("store_template")) as store:
        counted = Counted(store, make_database(), monkeypatch)
        with at_step(0, lambda: None, database(store.url)) as steps:
            counted.sweep()
        broken = 0
        for step in range(first, len(steps) + 1, 8):
            counted.work(1)
            with at_step(step, lambda: end(frail), database(store.url)):
                broken += refused(counted, "the connection was lost")
            counted.work(2)
            counted.sweep()
            counted.require_exact()
        assert broken >= 2
        counted.require_chain()


#: Tables that one sweep writes, in their order; texts come after the commit.
WRITTEN = {"state": 1, "sweeps": 1, "statements": 1, "database": 1, "statement_texts": 0}


@pytest.mark.parametrize("table", WRITTEN)
def test_a_store_without_room(table: str, counted: Counted) -> None:
    with psycopg.connect(counted.store.url, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE 'could not extend file: No space left' USING ERRCODE = '53100'; END $$"
        )
        named = psycopg.sql.Identifier("ledger", table)
        full = psycopg.sql.SQL(
            "CREATE TRIGGER no_room BEFORE INSERT ON {} EXECUTE FUNCTION no_room()"
        ).format(named)
        admin.execute(full)
        counted.work(1)
        with psycopg.connect(counted.url, autocommit=True) as session:
            session.execute("SELECT 'a statement whose text is wanted'")
        assert refused(counted, "it has no room for this: could not extend file")
        admin.execute(psycopg.sql.SQL("DROP TRIGGER no_room ON {}").format(named))
    counted.work(2)
    counted.sweep()
    counted.require_exact()
    counted.require_chain()
    counted.require_nothing_held()
    assert len(counted.rows("SELECT FROM ledger.sweeps")) == 4 - WRITTEN[table]


def test_a_network_that_swallows_what_is_sent_to_the_target(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        counted.work(1)
        with (
            monkeypatch.context() as impatient,
            Proxy(counted.url) as proxy,
            at_step(step, proxy.hang, database(counted.url)),
        ):
            impatient.setattr(connect, "most_seconds", lambda _=None: 0.4)
            impatient.setenv("SWEPT_URL", proxy.url)
            assert refused(counted, r"no answer within 0\.4 s")
        counted.work(1)
        counted.sweep()
        counted.require_exact()
    counted.require_chain()
    counted.require_nothing_held()


def test_a_network_that_swallows_what_is_sent_to_the_store(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "SILENT_COPY_MS", 100)
    direct = counted.store
    name = database(direct.url)
    with at_step(0, lambda: None, name) as steps:
        counted.sweep()
    for step in range(6, len(steps), 9):
        counted.work(1)
        with (
            monkeypatch.context() as forsaken,
            Proxy(direct.url) as proxy,
            Store(proxy.url, patience_s=0.3) as behind,
        ):
            # this sweep's session alone: the next one may take its time between two statements
            forsaken.setattr(state, "HELD_MS", 1_000)
            counted.store = behind
            with at_step(step, proxy.hang, name):
                refused(counted, r"no answer within 0\.3 s")
            forsaken.undo()
            # the server still has the session, and with it the locks, until it notices, too
            counted.store = direct
            counted.work(1)
            counted.sweep()
            counted.require_exact()
    counted.require_chain()
    counted.require_nothing_held()


def test_of_two_collectors_one_wins_and_the_other_says_so(counted: Counted) -> None:
    reading, writing = database(counted.url), database(counted.store.url)
    with at_step(0, lambda: None, writing) as steps:
        counted.sweep()
    copying = steps.index("_start_copy_gen") + 1  # it holds the lock by then
    named = r"target 'swept': another collector \(process \d+ on \S+\) swept it at 20"
    said: list[str] = []
    with mortal(counted) as other:
        counted.work(1)
        with (
            at_step(1, lambda: said.append(other.collect(0)), reading),
            pytest.raises(BusyError, match=named),
        ):
            counted.sweep()
        assert said == ["survived"]
        counted.work(1)
        counted.require_exact(unswept=1)

        def start() -> None:
            other.begin(0)
            _wait_for_a_waiter(counted.store.url)

        with at_step(copying, start, writing):
            counted.sweep()
        assert re.match(f"BusyError: {named}", other.end())
    counted.require_exact()
    counted.require_chain()
    counted.require_nothing_held()


def _wait_for_a_waiter(url: str) -> None:
    """Wait until a session waits for a lock."""
    with psycopg.connect(url, autocommit=True) as admin:
        deadline = time.monotonic() + 60
        waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        while admin.execute(waits, [database(url)]).fetchone() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_collectors_that_race(counted: Counted) -> None:
    said: list[str] = []
    with contextlib.ExitStack() as running:
        others = [running.enter_context(mortal(counted)) for _ in range(2)]
        for _ in range(3):
            counted.work(1)
            for other in others:
                other.begin(0)
            said += [other.end() for other in others]
            counted.sweep()
            counted.require_exact()
    assert {text.split(":")[0] for text in said} <= {"survived", "BusyError"}
    assert said.count("survived") >= 3
    counted.require_chain()
    counted.require_nothing_held()
