"""Killed with -9 before its statements, the process or the server: same end, no row lost."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.partitions import apply, archive, proofs
from perf_pipeline.store import Store, maintenance_log
from perf_pipeline.store.place import Folder
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN
from perf_pipeline_tests.partitions.conftest import SCHEMA, Shop, months_ago
from perf_pipeline_tests.partitions.mortal import POLICIES, TARGET
from perf_pipeline_tests.servers.crashes import session_again, until_noticed

pytestmark = pytest.mark.server
#: Every so many statements: 1 takes half a minute, and was run when this was written.
STRIDE = int(os.environ.get("KILL_STRIDE", "7"))
OLD, LAST, THIS, NEXT = (months_ago(n) for n in (5, 1, 0, -1))


def prepare(url: str) -> None:
    """Make a table with a default partition that has rows, one without; both with an old month."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(SCHEMA)
        connection.execute(
            "CREATE TABLE app.events_default PARTITION OF app.events DEFAULT;"
            "CREATE TABLE app.plain (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);"
            "CREATE TABLE app.other (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at)"
        )
        shop = Shop(TARGET, url, None, None, connection)  # type: ignore[arg-type]
        shop.partition(OLD[0], OLD[1], f"events_{OLD[2]}")
        shop.fill(OLD[0], 100)
        shop.fill(LAST[0], 50)
        shop.fill(THIS[0], 20)
        connection.execute(
            f"CREATE TABLE app.plain_old PARTITION OF app.plain"
            f" FOR VALUES FROM ('{OLD[0]}+00') TO ('{OLD[1]}+00');"
            f"INSERT INTO app.plain SELECT '{OLD[0]}+00', n FROM generate_series(1, 30) AS n"
        )


def assert_whole(url: str, store: Store, files: Folder) -> None:
    """Everything that was there is there, in the database or proven in the archive."""
    with psycopg.connect(url, autocommit=True) as connection:

        def one(query: str) -> Any:
            row = connection.execute(query).fetchone()
            assert row is not None
            return row[0]

        assert one("SELECT count(*) FROM app.events") == 70
        assert one("SELECT count(*) FROM app.events_default") == 0
        assert one("SELECT count(*) FROM app.plain") == 0
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace"
            " AND relkind = 'r' AND relname <> 'customers' AND NOT EXISTS"
            " (SELECT FROM pg_inherits WHERE inhrelid = pg_class.oid AND NOT inhdetachpending)"
        ).fetchall()
        assert tables == []
        assert one("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'perf%'") == 0
        assert one("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'perf%'") == 0
        assert one("SELECT bool_and(tgenabled <> 'D') IS NOT FALSE FROM pg_trigger")
    proven = proofs.of_target(store, TARGET, dropped=True)
    assert sorted(proof.row_count for proof in proven) == [30, 100]
    assert all(proof.dropped_at is not None for proof in proven)
    for proof in proven:
        read = sum(archive.read_checked(files, file).height for file in proof.files)
        assert read == proof.row_count
    _, plans = apply.look_and_plan(store, TARGET, url, POLICIES)
    gaps = {step.kind for plan in plans.values() for step in plan.steps}
    assert gaps == set()
    outcomes = {row["outcome"] for row in maintenance_log.recent(store, TARGET, limit=10_000)}
    assert "running" not in outcomes
    assert {"done", "killed"} <= outcomes or "failed" in outcomes


class Mortal:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, whom: str, number: int) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{whom} {number}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "archive")


@pytest.fixture
def start(store: Store, files: Folder) -> Iterator[Callable[[str], Mortal]]:
    started: list[subprocess.Popen[str]] = []

    def begin(url: str) -> Mortal:
        environment = {
            **os.environ,
            "MORTAL_STORE": store.url,
            "MORTAL_TARGET": url,
            "MORTAL_FILES": files.url,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "perf_pipeline_tests.partitions.mortal"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return Mortal(process)

    yield begin
    for process in started:
        process.communicate(timeout=120)


@pytest.mark.parametrize("large", ["", "1"])
def test_the_process_killed_before_its_statements(
    make_database: Callable[..., str],
    store: Store,
    files: Folder,
    start: Callable[[str], Mortal],
    monkeypatch: pytest.MonkeyPatch,
    large: str,
) -> None:
    monkeypatch.setenv("MORTAL_LARGE", large)
    url = make_database()
    prepare(url)
    mortal = start(url)
    said = []
    for number in range(1, 500, STRIDE):
        said.append(mortal("process", number))
        if said[-1] != "killed":
            break
    # a backend of a dead client may still hold the lock of the one maintainer for a moment
    while said[-1].startswith("BusyError"):
        said.append(mortal("process", 0))
    assert said[-1] == "survived", said
    assert said.count("killed") > 25 // STRIDE
    assert_whole(url, store, files)


def test_the_server_killed_before_its_changes(
    server_directory: Path, store: Store, files: Folder, start: Callable[[str], Mortal]
) -> None:
    settings = {**FORGETFUL, "synchronous_commit": "on"}  # what was committed must survive
    with EmbeddedServer(server_directory / "mortal", pg_bin=PG_BIN, settings=settings) as server:
        server.ensure_database("shop")
        url = server.url("shop")
        prepare(url)
        mortal = start(url)
        said = []
        for number in range(1, 100, STRIDE):
            with psycopg.connect(url, autocommit=True) as other:
                said.append(mortal("server", number))
                if said[-1] == "survived":
                    break
                until_noticed(other)
            session_again(url).close()
        assert said[-1] == "survived", said
        assert len(said) > 8 // STRIDE
        assert_whole(url, store, files)
