"""Whose pid is it: a postmaster of ours, a stranger's, nobody's."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perf_pipeline.embedded import process
from perf_pipeline.errors import ServerStartError

SLEEP = "import time; time.sleep(60)"


def test_a_postmaster_is_known_by_its_data(tmp_path: Path) -> None:
    command = ["/x/postgres", "-c", SLEEP, "-D", str(tmp_path / "data"), "-c", "x"]
    with subprocess.Popen(command, executable=sys.executable) as pretender:
        try:
            deadline = time.monotonic() + 60
            while not process.arguments(pretender.pid) and time.monotonic() < deadline:
                time.sleep(0.01)  # exec has begun, the kernel shows the arguments a moment later
            assert process.is_postmaster(pretender.pid, tmp_path / "data")
            assert not process.is_postmaster(pretender.pid, tmp_path / "dat")
            assert not process.is_postmaster(os.getpid(), tmp_path / "data")
            assert not process.is_postmaster(pretender.pid, tmp_path / "data-old")
            process.end(pretender.pid, tmp_path / "dat")  # not of that data: untouched
            assert pretender.poll() is None
        finally:
            pretender.kill()


def test_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On macOS `ps` tells; here a stand-in with its format."""
    monkeypatch.setattr(process, "_PROC", tmp_path / "no-proc")
    script = "#!/bin/sh\nfor pid; do :; done\n"
    script += '[ "$pid" = 7 ] && echo "Ss   /p q/postgres -D /a b/data -c x"\n'
    script += '[ "$pid" = 8 ] && echo "Z+   (postgres)"\nexit 0\n'
    (tmp_path / "ps").write_text(script)
    (tmp_path / "ps").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert process.is_postmaster(7, Path("/a b/data"))
    assert not process.is_postmaster(7, Path("/a"))
    assert process.arguments(8) == []
    assert process.arguments(9) == []


def test_pid_file_of_a_dead_server_names_nobody_but_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "postmaster.pid"
    process.disarm(os.getpid(), tmp_path)  # no file
    path.write_text(
        f"{os.getpid()}\n{tmp_path}\n1700000000\n5432\n\n127.0.0.1\n  123  456\nready\n"
    )
    _, _, rest = path.read_text().partition("\n")
    assert process.is_ready(os.getpid(), tmp_path)
    process.disarm(os.getpid(), tmp_path)
    pid, _, kept = path.read_text().partition("\n")
    assert kept == rest
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not process.is_ready(os.getpid(), tmp_path)


def test_pid_file_of_a_dead_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    path = tmp_path / "postmaster.pid"
    path.write_text(f"{gone.pid}\nrest\n")
    process.disarm(gone.pid, tmp_path)
    assert process.postmaster_pid(tmp_path) == gone.pid


def test_pid_file_that_is_a_link_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("1\n")
    (tmp_path / "postmaster.pid").hardlink_to(tmp_path / "victim")
    with pytest.raises(ServerStartError, match="not a plain file"):
        process.disarm(os.getpid(), tmp_path)
    assert (tmp_path / "victim").read_text() == "1\n"


@pytest.mark.parametrize("text", ["", "x", "\n", "x\n1"])
def test_damaged_pid_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "postmaster.pid").write_text(text)
    assert process.postmaster_pid(tmp_path) is None
