"""The endpoint file, the locks, the log, the probe's reading of messages."""

import os
import threading
from pathlib import Path

import pytest

from perf_pipeline.embedded import endpoint, locks, probe, watchdog
from perf_pipeline.embedded.endpoint import Endpoint
from perf_pipeline.embedded.probe import State
from perf_pipeline.errors import BusyError


def test_round_trip(tmp_path: Path) -> None:
    first = Endpoint("127.0.0.1", 5433, "po st", "p@ss/:?", 7, tmp_path, tmp_path / "data")
    endpoint.write(first)
    assert endpoint.read(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["endpoint.json"]
    assert first.url("a b") == "postgresql://po%20st:p%40ss%2F%3A%3F@127.0.0.1:5433/a%20b"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"host": "x"}', "\0"])
def test_damaged_file_is_no_endpoint(tmp_path: Path, text: str) -> None:
    (tmp_path / "endpoint.json").write_text(text)
    assert endpoint.read(tmp_path) is None


def test_file_of_another_directory_is_no_endpoint(tmp_path: Path) -> None:
    endpoint.write(Endpoint("127.0.0.1", 1, "u", "p", 7, tmp_path, tmp_path / "data"))
    (tmp_path / "copy").mkdir()
    (tmp_path / "endpoint.json").rename(tmp_path / "copy" / "endpoint.json")
    assert endpoint.read(tmp_path / "copy") is None


def test_private_write_replaces_a_link_instead_of_following_it(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "file").symlink_to(tmp_path / "victim")
    old = os.umask(0)
    try:
        endpoint.write_private(tmp_path / "file", "new")
    finally:
        os.umask(old)
    assert (tmp_path / "victim").read_text() == "untouched"
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        endpoint.write_private(tmp_path / "file", "\ud800")
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_lock_excludes_threads_and_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not locks.is_held(path)
    with locks.hold(path, 1, "testing"):
        assert locks.is_held(path)
        failures = []

        def other() -> None:
            with (
                pytest.raises(BusyError, match="still testing") as refused,
                locks.hold(path, 0.05, "testing"),
            ):
                pass
            failures.append(refused.value)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(failures) == 1
    assert not locks.is_held(path)
    with locks.hold(path, 0, "testing"):
        pass


def test_lock_file_is_never_a_link(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError), locks.hold(tmp_path / "lock", 0, "testing"):
        pass
    assert not (tmp_path / "victim").exists()


def test_lock_without_a_watchdogs_name(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert locks.watchdog_pid(path) is None
    with locks.hold(path, 0, "testing"):
        assert locks.watchdog_pid(path) is None


def test_log_is_kept_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watchdog.trim_log(str(log))  # none yet
    monkeypatch.setattr(watchdog, "LOG_BYTES", 100)
    log.write_text("x" * 100)
    watchdog.trim_log(str(log))
    assert log.stat().st_size == 100
    with log.open("a") as server:  # the server's, open all the time
        server.write("y")
        server.flush()
        watchdog.trim_log(str(log))
        assert log.read_text() == ""
        server.write("z")
    assert log.read_text() == "z"
    assert (tmp_path / "server.log.1").read_text() == "x" * 100 + "y"


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ('FATAL:  password authentication failed for user "postgres"', State.REFUSED),
        ("FATAL:  sorry, too many clients already", State.FULL),
        ("FATAL:  remaining connection slots are reserved for roles with SUPERUSER", State.FULL),
        ("FATAL:  the database system is starting up", State.BUSY),
        ("FATAL:  the database system is shutting down", State.BUSY),
        ("FATAL:  the database system is not yet accepting connections", State.BUSY),
        ("connection refused", State.ABSENT),
        ("timeout expired", State.ABSENT),
    ],
)
def test_what_a_refusal_means(message: str, state: State) -> None:
    assert probe.classify(message) is state
