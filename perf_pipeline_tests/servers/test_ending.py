"""A server whose session is killed ends; one whose session goes on is left alone."""

import os
import signal
import subprocess
import sys
import time

from perf_pipeline_tests.servers.ending import ending_with_us

SESSION = """
import os, signal, subprocess
from perf_pipeline_tests.servers.ending import ending_with_us
server = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
with ending_with_us(server.pid):
    print(server.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def running(pid: int) -> bool:
    """Look with `ps`: an orphan nobody has waited for is there still, and ended."""
    asked = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return state != "" and not state.startswith("Z")


def test_it_ends_with_a_killed_session() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", SESSION], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    pid = int(killed.stdout)
    deadline = time.monotonic() + 30
    while running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_is_left_alone_otherwise() -> None:
    with subprocess.Popen(["sleep", "600"]) as server:
        with ending_with_us(server.pid):
            pass
        assert server.poll() is None
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
