"""What dev does while it runs: a server that was killed comes back at its address."""

import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import dev
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ServerStartError
from perf_pipeline_tests.conftest import FORGETFUL

pytestmark = pytest.mark.server


def kill(server: EmbeddedServer) -> None:
    os.kill(server.start().pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
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


def test_a_server_at_another_address_is_of_no_use_to_dagster(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        kill(server)
        with pytest.raises(ServerStartError, match="another port"):
            dev.revive(server, "postgresql://postgres@127.0.0.1:5/postgres")
