"""Servers of other makers that end with the test session, whatever ends that."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

#: Waits for the end of a pipe that nobody but its maker holds open, then ends the server.
_WATCH = 'read -r _; kill -KILL "$0" 2>/dev/null'


@contextmanager
def ending_with_us(pid: int) -> Iterator[None]:
    """Have a process killed where this one is killed within the block."""
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, str(pid)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        watcher.kill()  # before the pipe ends: the pid may be another's by now
        watcher.wait()
        if watcher.stdin is not None:
            watcher.stdin.close()
