"""The postmaster as a process: is it alive, is it ours, end it, forget a dead one."""

import os
import re
import signal
import stat
import subprocess
import time
from itertools import pairwise
from pathlib import Path

from perf_pipeline.errors import ServerStartError

#: Where Linux shows processes; absent on macOS, where `ps` tells.
_PROC = Path("/proc")

#: A pid no machine gives out (Linux stops at 2^22, macOS at 99,998).
_NO_PID = 2**31 - 1


def postmaster_pid(data: Path) -> int | None:
    """Return the pid in `postmaster.pid`, None when there is none."""
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def is_ready(pid: int, data: Path) -> bool:
    """Return whether that postmaster says in `postmaster.pid` that it takes connections."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def is_postmaster(pid: int, data: Path) -> bool:
    """Return whether a process is a living PostgreSQL server of this data directory.

    A zombie and a stranger who got the pid later are not.
    """
    words = arguments(pid)
    if not words or not words[0].endswith("postgres"):
        return False
    if any(pair == ("-D", str(data)) for pair in pairwise(words)):
        return True
    # Started by hand, with the folder named in another way: a postmaster works in its data.
    try:
        return (_PROC / str(pid) / "cwd").readlink() == data
    except OSError:
        return False


def arguments(pid: int) -> list[str]:
    """Return a process's program and arguments, none when it is gone or a zombie."""
    if (_PROC / "self" / "cmdline").exists():
        try:
            raw = (_PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return []
        return os.fsdecode(raw).rstrip("\0").split("\0") if raw else []
    shown = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)],
        capture_output=True,
        timeout=10,
        check=False,
    )
    status, _, text = os.fsdecode(shown.stdout).strip().partition(" ")
    if status.startswith("Z") or not text:
        return []
    # Folders with blanks in them: our own options are the landmarks.
    program, *rest = re.split(r" (?=-[Dc] )", text.strip())
    return [program, *(word for option in rest for word in option.split(" ", 1))]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def disarm(pid: int, data: Path) -> None:
    """Make a dead server's `postmaster.pid` name nobody when its pid is still in use.

    PostgreSQL refuses to start while any process of the same user has the pid written there: a
    zombie, or a stranger who got the number. The file stays, only its pid changes, because its
    shared memory key lets PostgreSQL see orphaned backends, which must not meet a second server.

    Raises
    ------
    ServerStartError
        The file is a link to another one.

    """
    if not _exists(pid):
        return
    path = data / "postmaster.pid"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "r+b") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise ServerStartError(f"{path} is not a plain file", f"remove {path}")
        _, _, rest = file.read().partition(b"\n")
        file.seek(0)
        file.write(f"{_NO_PID}\n".encode() + rest)
        file.truncate()


def end(pid: int, data: Path) -> None:
    """Stop a postmaster that no watchdog watches: fast, then immediate, then by force.

    Raises
    ------
    ServerStartError
        It is still there after SIGKILL.

    """
    for number, seconds in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if not is_postmaster(pid, data):
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while is_postmaster(pid, data) and time.monotonic() < deadline:
            time.sleep(0.02)
    if is_postmaster(pid, data):
        raise ServerStartError(
            f"the server process {pid} of {data} does not end",
            f"end process {pid} by hand, then start again",
        )
