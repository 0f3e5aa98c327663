"""The process that runs a command in a session of its own and ends all of it with its owner.

Run as a script with `python -I -S`, standard library only. Its standard input is a pipe whose other
end only the owner holds: end of file means that the owner stopped us or died, kill -9 included.
Exit status: the command's own, or 0 when the owner ended it.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

#: Seconds between looks at the owner, beside the pipe.
PATROL_SECONDS = 0.5


def group_lives(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(group: int, grace_seconds: float) -> None:
    """End a process group: interrupt, terminate after the grace, kill at last."""
    for number, seconds in ((signal.SIGINT, grace_seconds), (signal.SIGTERM, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
            if not group_lives(group):
                return
            time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def main(order: dict[str, Any]) -> int:
    """Run the command until it ends or the owner is gone; return the exit status."""
    # The terminal's Ctrl-C reaches the owner, who then closes the pipe: we act on that alone.
    # A handler that does nothing, not SIG_IGN, which the command would inherit.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    child = subprocess.Popen(
        order["command"], stdin=subprocess.DEVNULL, start_new_session=True, restore_signals=True
    )
    while child.poll() is None and not told:
        ready, _, _ = select.select([0], [], [], PATROL_SECONDS)
        if (ready and not os.read(0, 64)) or os.getppid() != order["owner"]:
            break
    status = child.poll()
    end(child.pid, order["grace_seconds"])
    return status if status is not None else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
