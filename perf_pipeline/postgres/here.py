"""Whether a server runs on this machine, so that what is seen here is true of it."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psutil

#: A process begins a moment before it notes its start, and clocks count in ticks.
SESSION_TOLERANCE: Final = timedelta(seconds=5)
POSTMASTER_TOLERANCE: Final = timedelta(seconds=15)


def is_here(proof: Mapping[str, Any]) -> bool:
    """Whether the session's server process is a process of this machine.

    Parameters
    ----------
    proof : Mapping
        `pid`, `backend_start`, `postmaster_start` (naive UTC), `client`, `server`: as
        `sql/snapshots/host.sql` tells them.

    """
    if proof["client"] != proof["server"]:
        return False
    try:
        session = psutil.Process(proof["pid"])
        postmaster = psutil.Process(session.ppid())
        return _is_server(session, proof["backend_start"], SESSION_TOLERANCE) and _is_server(
            postmaster, proof["postmaster_start"], POSTMASTER_TOLERANCE
        )
    except (psutil.Error, OSError):
        return False


def _is_server(process: psutil.Process, start: datetime, tolerance: timedelta) -> bool:
    began = datetime.fromtimestamp(process.create_time(), UTC).replace(tzinfo=None)
    return process.name().startswith("postgres") and abs(began - start) <= tolerance


def free_bytes(path: str | None) -> int | None:
    """Return the bytes a server may still write to the disk of a folder; None: not seen."""
    if path is None:
        return None
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
