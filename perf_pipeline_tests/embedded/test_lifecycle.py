"""Death of every participant, at every moment: the next start works, nothing is left running."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import endpoint, locks, place, process
from perf_pipeline.embedded import server as server_module
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError, ServerStartError
from perf_pipeline_tests.conftest import FORGETFUL
from perf_pipeline_tests.embedded.support import alive, kill_watchdog, owner, wait_until

pytestmark = pytest.mark.server


def remember(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET synchronous_commit = on")  # survives a killed server
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def remembers(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def stopped(directory: Path, pid: int) -> bool:
    """Return whether a server ended and left no endpoint, within a few seconds."""
    return wait_until(lambda: not alive(pid) and endpoint.read(directory) is None)


def test_second_process_attaches_without_owning(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        with owner(made) as second:
            told = second.told()
            assert told["pid"] == server.start().pid
            assert told["owner"] is False
            assert second.end() == ""
        assert server.running()


def test_owner_that_ends_stops_the_server(made: Path) -> None:
    with owner(made, "leave") as first:
        told = first.told()
        assert first.end() == ""  # no warning at exit, either
        assert stopped(made, told["pid"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_owner_killed(made: Path, number: signal.Signals) -> None:
    with owner(made) as first:
        told = first.told()
        assert alive(told["pid"])
        os.killpg(first.process.pid, number)  # the whole group, as Ctrl-C does
        assert stopped(made, told["pid"])
    log = (made / "server.log").read_text()
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log


def test_forked_child_neither_stops_nor_keeps_the_server(made: Path) -> None:
    with owner(made, "fork") as first:
        told = first.told()
        assert EmbeddedServer(made).running()
        first.process.kill()
        assert stopped(made, told["pid"])
        os.kill(told["child"], signal.SIGKILL)


def test_directory_removed_under_a_living_server(directory: Path) -> None:
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        pid = server.start().pid
        shutil.rmtree(directory)
        with EmbeddedServer(directory, settings=FORGETFUL) as fresh:
            assert fresh.owner
            assert wait_until(lambda: not alive(pid))
            assert fresh.running()  # the first one's watchdog took nothing from it


def test_postmaster_killed(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        remember(server.url())
        first = server.start()
        with psycopg.connect(server.url()):  # a backend that must see its postmaster go
            os.kill(first.pid, signal.SIGKILL)
        second = server.start()
        assert second.pid != first.pid
        assert server.owner
        assert remembers(server.url())
    assert not alive(second.pid)


def test_watchdog_killed_the_owner_still_stops(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        found = server.start()
        kill_watchdog(made)
        assert server.running()
    assert stopped(made, found.pid)


def test_owner_and_watchdog_killed(made: Path) -> None:
    with owner(made) as first:
        told = first.told()
        remember(told["url"])
        first.process.send_signal(signal.SIGSTOP)  # so that it cannot react
        kill_watchdog(made)
        first.kill()
        assert remembers(told["url"])  # an orphan
        with EmbeddedServer(made, settings=FORGETFUL) as server:
            assert server.owner
            assert not alive(told["pid"])
            assert remembers(server.url())


def test_orphan_is_stopped_by_force(made: Path) -> None:
    with owner(made) as first:
        told = first.told()
        kill_watchdog(made)
        first.kill()
        EmbeddedServer(made).stop()
        assert alive(told["pid"])
        EmbeddedServer(made).stop(force=True)
        assert stopped(made, told["pid"])


def test_everybody_killed_leaves_a_stale_endpoint(made: Path) -> None:
    with owner(made) as first:
        told = first.told()
        remember(told["url"])
        kill_watchdog(made)
        os.kill(told["pid"], signal.SIGKILL)
        first.kill()
    assert endpoint.read(made) is not None
    assert not EmbeddedServer(made).running()
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        assert remembers(server.url())


@pytest.mark.parametrize("kind", ["stranger", "zombie"])
def test_pid_in_use_by_another(made: Path, kind: str) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        found = server.start()
        remember(server.url())
        kill_watchdog(made)
        os.kill(found.pid, signal.SIGKILL)
        drop = place.identity(made).drop()
        command = ["sleep", "60"] if kind == "stranger" else ["true"]
        other = subprocess.Popen(command, cwd="/", **drop)
        try:
            assert wait_until(lambda: alive(other.pid) is (kind == "stranger"))
            path = found.data_directory / "postmaster.pid"
            _, _, rest = path.read_text().partition("\n")
            path.write_text(f"{other.pid}\n{rest}")
            server.start()
            assert remembers(server.url())
            assert alive(other.pid) is (kind == "stranger")
        finally:
            other.kill()
            other.wait()


def test_two_starts_at_once(directory: Path) -> None:
    with owner(directory) as first, owner(directory) as second:
        tales = [first.told(), second.told()]
        assert tales[0]["pid"] == tales[1]["pid"]
        assert sorted(tale["owner"] for tale in tales) == [False, True]
        for who in sorted((first, second), key=lambda o: o is (first, second)[tales[1]["owner"]]):
            assert who.end() == ""
    assert stopped(directory, tales[0]["pid"])


def test_start_waits_for_a_server_that_is_stopping(made: Path) -> None:
    with owner(made) as first:
        told = first.told()
        remember(told["url"])
        first.process.kill()
        with EmbeddedServer(made, settings=FORGETFUL) as server:
            assert server.owner or wait_until(lambda: not alive(told["pid"]))
            server.start()
            assert remembers(server.url())


def test_killed_while_making_the_data(directory: Path) -> None:
    with owner(directory) as first:
        assert wait_until(lambda: any(directory.glob(".initdb-*/data/base")))
        first.kill()
    assert not (directory / "data").exists()
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        assert server.running()


def test_disk_full_while_making_the_data(directory: Path) -> None:
    limit = {"FILE_SIZE_LIMIT": str(256 * 1024)}  # one file's, for want of a small disk
    with owner(directory, environment=limit) as first:
        assert "initdb failed" in first.end()
    assert not (directory / "data").exists()
    assert not list(directory.glob(".initdb-*"))
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        assert server.running()


def test_incomplete_data(directory: Path) -> None:
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "PG_VERSION").write_text("18\n")
    with pytest.raises(ServerStartError, match="not a complete PostgreSQL data directory"):
        EmbeddedServer(directory).start()


def test_data_of_another_major(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        data = server.start().data_directory
    (data / "PG_VERSION").write_text("13\n")
    with pytest.raises(ConfigurationError, match="made by PostgreSQL 13") as refused:
        server.start()
    assert "PERF_PG_BIN" in refused.value.remedy


def test_broken_data_shows_the_log(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        data = server.start().data_directory
    (data / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(ServerStartError, match=r"ended while starting(.|\n)*FATAL"):
        server.start()
    assert not locks.is_held(made / "watchdog.lock")


@pytest.mark.parametrize("how", ["file lost", "changed inside"])
def test_password_lost(made: Path, how: str) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        remember(server.url())
        if how == "changed inside":
            with psycopg.connect(server.url()) as connection:
                connection.execute("ALTER ROLE postgres PASSWORD 'another'")
    if how == "file lost":
        (made / "password").unlink()
    with server:
        assert remembers(server.url())


def test_endpoint_file_removed_under_a_living_server(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        first = server.start()
        (made / "endpoint.json").unlink()
        assert EmbeddedServer(made).start() == first
        assert server.running()


def test_copied_folder_does_not_touch_the_first_server(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        first = server.start()
        copy = made.parent / "copy"
        copy.mkdir(mode=0o711)
        for name in ("endpoint.json", "password", "port"):
            (copy / name).write_text((made / name).read_text())
        with EmbeddedServer(copy, settings=FORGETFUL) as other:
            assert other.start().pid != first.pid
            assert other.start().port != first.port
        assert server.start() == first


def test_server_that_hangs(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    monkeypatch.setattr(server_module, "START_SECONDS", 0.5)
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        found = server.start()
        os.kill(found.pid, signal.SIGSTOP)
        try:
            assert not server.running()
            with pytest.raises(ServerStartError, match="does not answer"):
                EmbeddedServer(made).start()
        finally:
            os.kill(found.pid, signal.SIGCONT)
        assert server.running()


def test_start_while_another_starts_for_ever(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setattr(server_module, "LOCK_SECONDS", 0.2)
    directory.mkdir(mode=0o711)
    with (
        locks.hold(directory / "start.lock", 1, "testing"),
        pytest.raises(BusyError, match=r"start\.lock"),
    ):
        EmbeddedServer(directory).start()


def test_interrupted_while_starting(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    def interrupt(_endpoint: object) -> None:
        raise KeyboardInterrupt

    server = EmbeddedServer(directory, settings=FORGETFUL)
    with monkeypatch.context() as patch:
        patch.setattr("perf_pipeline.embedded.probe.state", interrupt)
        with pytest.raises(KeyboardInterrupt):
            server.start()
    assert not locks.is_held(directory / "watchdog.lock")
    assert not server.owner
    data = directory / "data"
    pid = process.postmaster_pid(data)
    assert pid is None
    with server:
        assert server.running()


def test_endpoint_says_where_the_data_are(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        found = server.start()
        written = json.loads((made / "endpoint.json").read_text())
        assert written["data_directory"] == str(found.data_directory)
        assert written["pid"] == found.pid
        assert process.postmaster_pid(found.data_directory) == found.pid
