"""One demo or dev at a time in a folder, and what is wrong with the folder or the port."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perf_pipeline.embedded import dev, example
from perf_pipeline.errors import BusyError, ConfigurationError, UnreachableError
from perf_pipeline.settings import Settings


def test_a_second_one_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from perf_pipeline.embedded import example\n"
    code += "with example._alone(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with (
            pytest.raises(BusyError, match=f"process {other.pid}"),
            example.house(Settings(home=tmp_path)),
        ):
            pytest.fail("the house must not open")
        other.kill()  # the kernel lets go of the lock
    with example._alone(tmp_path):
        assert json.loads((tmp_path / "house.lock").read_text()) == {"pid": os.getpid()}


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"PERF_HOME=.*Not a directory"),
        example.house(Settings(home=tmp_path / "file" / "home")),
    ):
        pytest.fail("the house must not open")


def test_a_server_for_dagster_that_is_not_there_is_named() -> None:
    with pytest.raises(UnreachableError, match=r"DAGSTER_PG_URL: .*refused"):
        example._require_reachable("DAGSTER_PG_URL", "postgresql+psycopg2://x@127.0.0.1:5/dagster")


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"--port {port} is no TCP port"):
        dev.require_free(port)
