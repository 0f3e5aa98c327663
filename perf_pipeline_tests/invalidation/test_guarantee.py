"""Once the queue is empty, the cache equals the truth for every entity, whatever was killed.

Eight writers (processes) make at least 10,000 operations, three workers drain beside them, and
application processes, workers, sessions, PostgreSQL and Redis are killed meanwhile, workers also
paused for longer than their lease. HISTORY_SEED repeats the choices of a run (not how its processes
interleave), HISTORY_TOTAL makes it longer.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.invalidation import install, logical, queue, stream
from perf_pipeline.invalidation.client import CacheClient, Limits
from perf_pipeline.postgres import connect as pg
from perf_pipeline_tests.conftest import PG_BIN
from perf_pipeline_tests.invalidation import history
from perf_pipeline_tests.servers.caches import RedisServer
from perf_pipeline_tests.servers.ports import free_port

pytestmark = pytest.mark.server

#: A bound for a hang, s.
DEADLINE_S = 200.0
SETTINGS = {
    "wal_level": "logical",
    "max_replication_slots": "4",
    "synchronous_commit": "on",  # what was committed must outlive a killed server
    "fsync": "off",  # but not a killed machine
    "deadlock_timeout": "50ms",
    "max_wal_size": "256MB",
}


class History:
    """A running history: forks writers and workers, and kills them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.counts = folder / "counts"
        self.counts.write_bytes(bytes(8 * history.WRITERS))
        self.helper = subprocess.Popen(
            [sys.executable, "-m", "perf_pipeline_tests.invalidation.history"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "HISTORY_URL": url,
                "HISTORY_COUNTS": str(self.counts),
            },
        )
        self.writers: dict[int, int] = {}
        self.workers: list[int] = []

    def fork(self, *words: object) -> int:
        """Return the number of a new process."""
        assert self.helper.stdin is not None
        assert self.helper.stdout is not None
        self.helper.stdin.write(" ".join(map(str, words)) + "\n")
        self.helper.stdin.flush()
        return int(self.helper.stdout.readline())

    @property
    def operations(self) -> int:
        """Operations made so far, by all writers."""
        data = self.counts.read_bytes()
        return sum(int.from_bytes(data[i : i + 8], sys.byteorder) for i in range(0, len(data), 8))

    def close(self) -> None:
        """End every process."""
        for process in (*self.writers.values(), *self.workers):
            kill(process)
        self.helper.communicate(timeout=60)


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def until(what: str, true: Callable[[], bool], told: Callable[[], object] = str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen {told()}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a server of its own, to be killed."""
    # writers and workers go on with its URL when it is started again
    folder, port = server_directory / "guarantee", free_port()
    with EmbeddedServer(folder, pg_bin=PG_BIN, settings=SETTINGS, port=port) as server:
        yield server


@contextmanager
def prepared(server: EmbeddedServer, name: str) -> Iterator[str]:
    """Make a database with the schema, captured; drop it and its slot afterwards."""
    server.ensure_database(name)
    url = server.url(name)
    with pg.session(url, read_only=False, autocommit=True) as connection:
        connection.execute(history.SCHEMA)
        install.install(connection, name, history.CACHES)
    try:
        yield url
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            until("the slot is free", lambda: no_slots(connection))
        server.drop_database(name)


def no_slots(connection: psycopg.Connection) -> bool:
    with suppress(psycopg.errors.ObjectInUse):
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE database = current_database()"
        )
        return True
    return False


def is_idle(url: str) -> bool:
    """Whether nothing is left in the write-ahead log, the log and the queue."""
    with pg.session(url, autocommit=True) as connection:
        if stream.is_waiting(connection):
            return False
        left = queue.log_depth(connection).entries + sum(
            row.entries + row.dead for row in queue.depth(connection)
        )
        return left == 0


def left(url: str) -> object:
    """Return what is left, for a message."""
    with pg.session(url, autocommit=True) as connection:
        return (
            logical.lag(connection),
            queue.log_depth(connection),
            queue.depth(connection),
            connection.execute(
                "SELECT pid, application_name, state, wait_event, now() - xact_start, query"
                " FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchall(),
        )


def wrong(url: str) -> list[str]:
    """Return the entities whose cached values are not the truth, of each cache."""
    found = []
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT * FROM t.truth").fetchall()
        true = {row[0]: [int(each) for each in row] for row in rows}
        for cache in ("cache", "streamed"):
            kept = connection.execute(f"SELECT * FROM t.{cache}").fetchall()  # type: ignore[call-overload]
            values = {row[0]: [int(each) for each in row] for row in kept}
            found += [f"{cache} {p}" for p in true if values.get(p) != true[p]]
    with CacheClient({"totals": history.SINK}, Limits(l1_keys=0), listen=False) as client:
        for patient, row in true.items():
            if client.get("totals", str(patient), lambda row=row: row) != row:  # type: ignore[misc]
                found.append(f"redis {patient}")
    return found


def run(
    server: EmbeddedServer, cache: RedisServer, url: str, running: History, chance: random.Random
) -> dict[str, int]:
    """Let a history run to its end, killing; return what was killed how often."""
    total = int(os.environ.get("HISTORY_TOTAL", 10_000))
    for slot in range(history.WRITERS):
        running.writers[slot] = running.fork("writer", slot, chance.randrange(2**31), total)
    running.workers = [running.fork("worker") for _ in range(3)]
    at = {"server": [total // 3, 2 * total // 3], "redis": [total // 4, total // 2]}
    killed = dict.fromkeys(("writer", "worker", "session", "pause", "server", "redis"), 0)
    stopped: list[tuple[float, int]] = []
    next_ones: list[str] = []
    deadline = time.monotonic() + DEADLINE_S
    while running.operations < total or not all(killed.values()):
        assert time.monotonic() < deadline, f"{running.operations} operations in {DEADLINE_S} s"
        time.sleep(0.15)
        for what in ("server", "redis"):
            if at[what] and running.operations >= at[what][0]:
                at[what].pop(0)
                killed[what] += 1
                if what == "redis":
                    cache.kill()
                    cache.start()
                else:
                    crash(server)
        for ends, paused in [each for each in stopped if each[0] < time.monotonic()]:
            stopped.remove((ends, paused))
            go_on(paused)
        if not next_ones:  # each kind soon, however few turns there are
            next_ones = [*("writer", "worker", "session") * 2, "pause"]
            chance.shuffle(next_ones)
        what = next_ones.pop()
        killed[what] += 1
        if what == "session":
            terminate(url)
        elif what == "pause":  # beyond its lease: others take over what it has
            paused = chance.choice(running.workers)
            with suppress(ProcessLookupError):
                os.kill(paused, signal.SIGSTOP)
            stopped.append((time.monotonic() + 3.0, paused))
        elif what == "worker":
            place = chance.randrange(len(running.workers))
            kill(running.workers[place])
            running.workers[place] = running.fork("worker")
        else:
            slot = chance.randrange(history.WRITERS)
            kill(running.writers[slot])
            running.writers[slot] = running.fork("writer", slot, chance.randrange(2**31), total)
    for _, paused in stopped:
        go_on(paused)
    until("the writers end", lambda: not any(alive(p) for p in running.writers.values()))
    return killed


def go_on(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def crash(server: EmbeddedServer) -> None:
    """Kill the server as a machine's out-of-memory killer would, and start it again."""
    pid = int((server.directory / "data" / "postmaster.pid").read_text().split()[0])
    kill(pid)
    until("the server is gone", lambda: not alive(pid))
    server.start()


def terminate(url: str) -> None:
    """End one session of whoever it is."""
    with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() ORDER BY random() LIMIT 1"
        )


def test_the_cache_equals_the_truth_after_any_history(
    running: EmbeddedServer, own_redis: RedisServer, tmp_path: Path
) -> None:
    seed = int(os.environ.get("HISTORY_SEED", random.randrange(2**31)))
    sys.stdout.write(f"HISTORY_SEED={seed}\n")
    total = int(os.environ.get("HISTORY_TOTAL", 10_000))
    with prepared(running, "history") as url:
        made = History(url, tmp_path)
        try:
            killed = run(running, own_redis, url, made, random.Random(seed))
            until("everything is served", lambda: is_idle(url), lambda: left(url))
        finally:
            made.close()
        assert made.operations >= total
        sys.stdout.write(f"{made.operations} operations, killed {killed}\n")
        assert wrong(url) == [], f"HISTORY_SEED={seed}"
        assert min(killed.values()) > 0


@pytest.fixture(scope="module")
def small(running: EmbeddedServer) -> Iterator[str]:
    """Return a database for short histories."""
    with prepared(running, "mutants") as url:
        yield url


def rounds(url: str, made: History, mutant: str, most: int) -> int:
    """Return in which of some short histories a worker leaves something wrong; 0: in none."""
    # two: what one folds, the other has claimed
    made.workers = [made.fork("worker", *[mutant][: bool(mutant)]) for _ in range(2)]
    done = made.operations
    try:
        for number in range(1, most + 1):
            done += 200
            writers = [made.fork("writer", slot, number * 10 + slot, done) for slot in range(4)]
            until("the writers end", lambda w=writers: not any(map(alive, w)))  # type: ignore[misc]
            until("everything is served", lambda: is_idle(url), lambda: left(url))
            done = made.operations
            if wrong(url):
                return number
        return 0
    finally:
        for worker in made.workers:
            kill(worker)
        until("the workers are gone", lambda: not any(map(alive, made.workers)))


def test_a_worker_that_is_wrong_is_noticed(
    small: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    made = History(small, tmp_path)
    try:
        found = {mutant: rounds(small, made, mutant, 30) for mutant in history.MUTANTS}
        assert rounds(small, made, "", 1) == 0  # and one that is right is not
    finally:
        made.close()
    sys.stdout.write(f"{found}\n")
    assert min(found.values()) > 0, found
