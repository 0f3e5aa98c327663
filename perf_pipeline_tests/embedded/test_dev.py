"""What dev does while it runs: a server that was killed comes back at its address."""

import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import dev
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ServerStartError, UnreachableError
from perf_pipeline_tests.conftest import FORGETFUL

pytestmark = pytest.mark.server


def kill(server: EmbeddedServer) -> None:
    os.kill(server.start().pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while server.owner or server.running():
        assert time.monotonic() < deadline, "the killed server goes on"
        time.sleep(0.05)


def test_a_killed_server_comes_back_at_its_address(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        address = server.url()
        assert not dev.revive(server, address)
        kill(server)
        assert dev.revive(server, address)
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert "ended by itself" in capsys.readouterr().err


def test_a_load_is_started_again_and_waits_for_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Run:
        alive = True

        def running(self) -> bool:
            return self.alive

        def stop(self) -> None:
            self.alive = False

    started: list[Run] = []
    away = [True]

    def start() -> Run:
        if away[0]:
            raise UnreachableError("nobody there")
        started.append(Run())
        return started[-1]

    now = [100.0]
    monkeypatch.setattr(dev.time, "monotonic", lambda: now[0])
    load = dev.Load(start)  # type: ignore[arg-type]
    load.keep()
    assert started == []
    away[0] = False
    load.keep()
    assert started == []  # tried a moment ago
    now[0] += dev.LOAD_PAUSE_S
    load.keep()
    load.keep()
    assert len(started) == 1
    started[0].alive = False
    now[0] += dev.LOAD_PAUSE_S
    load.keep()
    assert len(started) == 2
    load.stop()
    assert not started[1].alive


def test_a_server_at_another_address_is_of_no_use_to_dagster(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        kill(server)
        with pytest.raises(ServerStartError, match="another port"):
            dev.revive(server, "postgresql://postgres@127.0.0.1:5/postgres")
