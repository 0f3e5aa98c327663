"""The process that starts the postmaster, and stops it when the owner is gone.

Run as a script with `python -I -S`: standard library only, so that it starts in a few ms and works
for any user. Its standard input is a pipe whose other end only the owner holds: end of file means
that the owner stopped us, or died by whatever means. Its standard output tells the owner the
postmaster's pid, once. Its exit status is 0 after a stop asked for, 1 when the postmaster ended by
itself, 2 when another watchdog holds the lock or the postmaster could not be executed.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

#: Seconds a fast shutdown may take (it ends with a checkpoint) before the immediate one, and the
#: immediate one before SIGKILL. The next start recovers from either.
FAST_SECONDS = 30.0
IMMEDIATE_SECONDS = 5.0

#: The server's log is kept in two files of at most about this size.
LOG_BYTES = 8 * 2**20

#: Seconds between looks at the owner (beside the pipe) and at the log's size.
PATROL_SECONDS = 1.0


def take_lock(path: str) -> int | None:
    """Take the lock that says "this server is supervised", None when another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + 2
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)  # somebody probes whether it is held
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"watchdog": os.getpid()}).encode(), 0)
            return descriptor


def trim_log(path: str) -> None:
    """Move a log that has grown too big to `<path>.1` and empty it (the server appends)."""
    with contextlib.suppress(OSError):  # a full disk must not end the watch
        if Path(path).stat().st_size > LOG_BYTES:
            shutil.copyfile(path, path + ".1")
            os.truncate(path, 0)


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop the postmaster: fast, then immediate, then by force."""
    for number, seconds in (
        (signal.SIGINT, FAST_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_SECONDS),
        (signal.SIGKILL, IMMEDIATE_SECONDS),
    ):
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(seconds)
            return


def was_removed(path: str, lock: int) -> bool:
    """Return whether the lock file, hence the server's directory, was removed or replaced."""
    try:
        found = Path(path).lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not os.path.samestat(found, os.fstat(lock))


def watch(server: "subprocess.Popen[bytes]", order: dict[str, Any], lock: int, wakeup: int) -> None:
    """Return when the postmaster ended, owner or directory are gone, or we are told to stop."""
    told = False

    def on_term(_number: int, _frame: object) -> None:
        nonlocal told
        told = True

    signal.signal(signal.SIGTERM, on_term)
    while not told and server.poll() is None:
        ready, _, _ = select.select([0, wakeup], [], [], PATROL_SECONDS)
        if wakeup in ready:
            os.read(wakeup, 512)
        # The parent's pid is the second evidence: a forked child of the owner may hold the pipe.
        if (0 in ready and not os.read(0, 64)) or os.getppid() != order["owner"]:
            return
        if was_removed(order["lock"], lock):
            return
        trim_log(order["log"])


def forget(path: str, pid: int) -> None:
    """Remove the endpoint file of our postmaster; in a directory made anew it is another's."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        if json.loads(Path(path).read_text())["pid"] == pid:
            Path(path).unlink()


def main(order: dict[str, Any]) -> int:
    """Start the postmaster, watch, stop it, tidy up; return the exit status."""
    # Handlers that do nothing, not SIG_IGN, which the postmaster would inherit.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    lock = take_lock(order["lock"])
    if lock is None:
        return 2
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    drop: dict[str, Any] = {}
    if order["uid"] is not None:
        drop = {"user": order["uid"], "group": order["gid"], "extra_groups": []}
    try:
        server = subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=order["environment"],
            start_new_session=True,
            umask=0o077,
            restore_signals=True,
            **drop,
        )
    except (OSError, subprocess.SubprocessError) as error:
        os.write(log, f"cannot run {order['command'][0]}: {error}\n".encode())
        return 2
    os.close(log)
    with contextlib.suppress(OSError):  # the owner may be gone already
        os.write(1, f"{server.pid}\n".encode())
    watch(server, order, lock, reading)
    ended_by_itself = server.poll() is not None
    forget(order["endpoint"], server.pid)
    if not ended_by_itself:
        stop(server)
    return int(ended_by_itself)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
