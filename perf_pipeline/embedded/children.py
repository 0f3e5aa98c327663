"""Child processes that cannot outlive us, whatever ends us."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

_KEEPER = Path(__file__).with_name("keeper.py")


class Child:
    """A command in a session of its own, ended with this process, even by kill -9.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    environment : Mapping, optional
        Default: ours.
    output : file or int, optional
        Where its output goes; default: ours.
    grace_seconds : float
        How long it may take to end after an interrupt.

    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int | None = None,
        grace_seconds: float = 15.0,
    ) -> None:
        order = {
            "command": list(command),
            "owner": os.getpid(),
            "grace_seconds": grace_seconds,
        }
        self._grace_seconds = grace_seconds
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
        )

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self._keeper.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status."""
        return self._keeper.wait(timeout)

    def stop(self) -> int:
        """End the command and all it started; return the exit status."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        return self._keeper.wait(self._grace_seconds + 15)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
