"""The demo, run once for the tests that look at what it leaves."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).with_name("perf-pipeline")


def environment(home: Path) -> dict[str, str]:
    """Return an environment with nothing of the caller's that leads to servers or folders."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PERF_", "DAGSTER_", "PG")) and not name.endswith("_URL")
    }
    return {**kept, "PERF_HOME": str(home), "NO_COLOR": "1"}


@dataclass(frozen=True)
class Demo:
    """A finished `perf-pipeline demo --quick`."""

    home: Path
    summary: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Process:
    """A line of `ps`."""

    pid: int
    parent: int
    state: str
    command: str


def processes() -> dict[int, Process]:
    """Return every process that is not a zombie, by pid."""
    columns = ["ps", "-wweo", "pid=,ppid=,stat=,args="]
    listed = subprocess.run(columns, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        pid, parent, state, command = line.split(None, 3)
        if not state.startswith("Z"):
            found[int(pid)] = Process(int(pid), int(parent), state, command)
    return found


def family(pid: int) -> list[Process]:
    """Return a process and all that descend from it."""
    everyone = processes()
    members = [everyone[pid]]
    for member in members:  # grows while it is walked
        members += [other for other in everyone.values() if other.parent == member.pid]
    return members


def assert_gone(members: list[Process], within_s: float = 60.0) -> None:
    """Fail if one of these processes lives on."""
    deadline = time.monotonic() + within_s
    while left := [
        one for one in members if (now := processes().get(one.pid)) and now.command == one.command
    ]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def start_and_kill(home: Path) -> None:
    """Start the demo, kill it with SIGKILL while it sweeps under load; all it started must end."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [PROGRAM, "demo", "--quick"], env=environment(home), stdout=output, stderr=output
        )
        try:
            deadline = time.monotonic() + 240
            while not list(home.glob("load/*/pgbench.*")):
                assert process.poll() is None, "the demo ended before its load began"
                assert time.monotonic() < deadline, "the demo's load did not begin"
                time.sleep(0.1)
            time.sleep(5)  # some sweeps are in the store
            assert process.poll() is None, "the demo ended by itself"
            members = family(process.pid)
        finally:
            process.kill()
            process.wait()
    assert any("pgbench" in one.command for one in members)
    assert any("postgres" in one.command for one in members)
    assert_gone(members)


def run_demo(home: Path) -> dict[str, Any]:
    """Run `perf-pipeline demo --quick` to its end and return its summary."""
    done = subprocess.run(
        [PROGRAM, "demo", "--quick", "--json"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Run the demo as a user would, in a folder where an earlier run was killed in the middle."""
    home = Path(tempfile.mkdtemp(prefix="perf-pipeline-demo-"))
    home.chmod(0o711)
    start_and_kill(home)
    summary = run_demo(home)
    yield Demo(home, summary, summary["seconds"])
    shutil.rmtree(home)
