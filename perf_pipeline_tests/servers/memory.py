"""Where a test session keeps its files: in memory where there is room, for a disk costs more.

What tests make is thrown away, and most of it is databases: hundreds of small files each, which a
file system on a disk makes, grows and removes at several times the processor time of one in memory.
Everything that asks `tempfile` for a folder, in this process or one it starts, gets it here.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

#: Linux' file system in memory.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108

#: Free there at least: the servers of a session on three workers hold less than half of this.
NEEDED_BYTES = 4 << 30

_PREFIX = "perf-pipeline-session-"

#: A folder younger than this may be one whose maker has not locked it yet.
_YOUNG_SECONDS = 60.0


class Room:
    """This session's folder, held by a lock until `close`, or until the process ends."""

    def __init__(self, base: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        self.folder.chmod(0o1777)  # as /tmp: servers run as users of their own
        self._held = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def use(self) -> None:
        """Have this process and those it starts make their temporary files here."""
        os.environ["TMPDIR"] = str(self.folder)
        tempfile.tempdir = None  # asks the environment anew

    def close(self, *, keep: bool = False) -> None:
        """Give the folder up; kept ones go when the next session begins."""
        os.close(self._held)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def take(base: Path = SHARED_MEMORY, needed: int = NEEDED_BYTES) -> Room | None:
    """Make a folder for this session, None where there is not room enough.

    Folders whose sessions have ended, killed ones too, are removed first.
    """
    if not os.access(base, os.W_OK | os.X_OK):
        return None
    for left in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _unused(left) as unused:
            if unused:
                shutil.rmtree(left)
    return Room(base) if shutil.disk_usage(base).free >= needed else None


@contextlib.contextmanager
def _unused(folder: Path) -> Iterator[bool]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if time.time() - folder.stat().st_ctime < _YOUNG_SECONDS:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
