"""A child and all it started end with its owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from perf_pipeline.embedded.children import Child

# a command that starts a child of its own, writes both pids, and waits
FAMILY = (
    "import subprocess,sys,os,time;"
    "c=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']);"
    "open(sys.argv[1]+'.tmp','w').write(f'{os.getpid()} {c.pid}');"
    "os.rename(sys.argv[1]+'.tmp',sys.argv[1]);"
    "time.sleep(60)"
)


def wait_for(path: Path) -> list[int]:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [int(pid) for pid in path.read_text().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # an orphan not yet reaped by its new parent is dead all the same
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "the family lives on"
        time.sleep(0.05)


def test_stop_ends_the_whole_family(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with Child([sys.executable, "-c", FAMILY, str(pids)], grace_seconds=3) as child:
        family = wait_for(pids)
        assert all(alive(pid) for pid in family)
        assert child.poll() is None
    assert_gone(family)


def test_exit_status_is_the_commands() -> None:
    child = Child([sys.executable, "-c", "raise SystemExit(7)"])
    assert child.wait(20) == 7
    child.stop()


def test_killed_owner_takes_the_family_along(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys,time;from perf_pipeline.embedded.children import Child;"
            f"c=Child([sys.executable,'-c',{FAMILY!r},sys.argv[1]],grace_seconds=3);time.sleep(60)",
            str(pids),
        ]
    )
    family = wait_for(pids)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert_gone(family)
