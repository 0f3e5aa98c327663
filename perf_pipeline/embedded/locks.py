"""File locks between processes: released by the kernel, however the holder ends."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from perf_pipeline.errors import BusyError


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def hold(path: Path, seconds: float, what: str) -> Iterator[None]:
    """Hold the lock on a file.

    Parameters
    ----------
    path : Path
        Made when absent, never removed (a removed file could be locked twice).
    seconds : float
        How long to wait for another holder.
    what : str
        What the holder does, for the message.

    Raises
    ------
    BusyError
        Another process held it all the time.

    """
    descriptor = _open(path)
    deadline = time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BusyError(
                        f"another process is still {what} (it holds {path}) after {seconds:.0f} s",
                        "wait for it, or end it, and try again",
                    ) from None
                time.sleep(0.02)
        try:
            yield
        finally:
            # Said aloud: a forked child may share this open file and outlive us.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock on a file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def watchdog_pid(path: Path) -> int | None:
    """Return the pid of the watchdog that holds a lock, None when nobody does."""
    if not is_held(path):
        return None
    try:
        return int(json.loads(path.read_text())["watchdog"])
    except (OSError, ValueError, KeyError):
        return None
