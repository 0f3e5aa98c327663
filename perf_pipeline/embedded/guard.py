"""The owner's end of the watchdog: start it, hear from it, dismiss it."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from perf_pipeline.embedded import watchdog
from perf_pipeline.errors import ConfigurationError, ServerStartError

#: Seconds a dismissed watchdog may take: its own limits, and some.
DISMISS_SECONDS = watchdog.FAST_SECONDS + 3 * watchdog.IMMEDIATE_SECONDS


class Guard:
    """One watchdog and, through it, one postmaster; both end when this process does.

    Parameters
    ----------
    order : dict
        What `watchdog.main` reads, without `owner`: `command`, `environment`, `uid`, `gid`, `log`,
        `lock`, `endpoint`.

    """

    def __init__(self, order: dict[str, Any]) -> None:
        if not sys.executable:
            raise ConfigurationError(
                "this process does not know its Python interpreter (sys.executable is empty)",
                "start the embedded server from an ordinary Python process",
            )
        self._lock = Path(order["lock"])
        text = json.dumps({**order, "owner": os.getpid()})
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )

    def alive(self) -> bool:
        """Return whether the watchdog, hence the postmaster, still runs."""
        return self._process.poll() is None

    def postmaster(self, deadline: float) -> int | None:
        """Return the postmaster's pid, None when it was not started before the deadline."""
        pipe = self._process.stdout
        if pipe is None:
            return None
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        told = pipe.readline() if ready else b""
        return int(told) if told else None

    def dismiss(self) -> int:
        """Have the server stopped, wait for it; return the watchdog's exit status.

        Negative: the watchdog was killed, and the server may still run.

        Raises
        ------
        ServerStartError
            It takes longer than `DISMISS_SECONDS`.

        """
        self._close()
        try:
            return self._process.wait(DISMISS_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ServerStartError(
                f"the embedded server (lock {self._lock}) does not stop",
                f"end process {self._process.pid} by hand",
            ) from error

    def disown(self) -> None:
        """Let go in a forked child: only the parent owns the server."""
        self._close()
        self._process.returncode = 0  # not our child, nothing to reap

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
