"""Helpers of the embedded server's tests: owners in processes of their own, files, waiting."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import perf_pipeline
from perf_pipeline.embedded import locks, process

#: Starts a server in argv[1], tells about it, then does what argv[2] says until killed.
OWNER = """
import json, os, resource, signal, sys, time
from pathlib import Path
from perf_pipeline.embedded.server import EmbeddedServer
# a suite run by nohup, or by a script with `&`, has them ignored, which children inherit
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
limit = int(os.environ.get("FILE_SIZE_LIMIT", "0"))
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
forgetful = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
server = EmbeddedServer(Path(sys.argv[1]), settings=forgetful)
found = server.start()
told = {"pid": found.pid, "port": found.port, "owner": server.owner, "uid": os.geteuid(),
        "data_directory": str(found.data_directory), "url": server.url()}
if sys.argv[2] == "fork":
    told["child"] = os.fork()
    if told["child"] == 0:
        server.stop()  # not the child's to stop
        time.sleep(60)
        os._exit(0)
print(json.dumps(told), flush=True)
if sys.argv[2] != "leave":
    sys.stdin.read()
if sys.argv[2] == "stop":
    server.stop()
"""

#: Where a Python finds its own library, when it does not know.
LIBRARIES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Owner:
    """A process that starts the server of a directory and keeps it until its input ends."""

    def __init__(
        self,
        directory: Path,
        then: str = "stop",
        *,
        python: str = sys.executable,
        environment: dict[str, str] | None = None,
        **identity: Any,
    ) -> None:
        kept = {name: os.environ[name] for name in ("PATH", *LIBRARIES) if name in os.environ}
        imports = [str(Path(perf_pipeline.__file__).parents[1]), *filter(None, sys.path)]
        self.process = subprocess.Popen(
            [python, "-c", OWNER, str(directory), then],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd="/",
            env={**kept, "PYTHONPATH": os.pathsep.join(imports), **(environment or {})},
            **identity,
        )

    def told(self) -> dict[str, Any]:
        """Return what the process says of its server."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else ""
        return json.loads(line)

    def end(self) -> str:
        """Let the process end by itself; return its standard error."""
        _, errors = self.process.communicate("", timeout=60)
        return errors

    def kill(self) -> None:
        """Kill the process with -9."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process.wait()


@contextlib.contextmanager
def owner(directory: Path, then: str = "stop", **options: Any) -> Iterator[Owner]:
    """Run an `Owner` that does not outlive the test."""
    running = Owner(directory, then, **options)
    try:
        yield running
    finally:
        running.kill()


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Return whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    return process.arguments(pid) != []


def kill_watchdog(directory: Path) -> None:
    """Kill the watchdog of a directory's server with -9, wait until its lock is free."""
    lock = directory / "watchdog.lock"
    pid = locks.watchdog_pid(lock)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not locks.is_held(lock))


def link(source: str, target: str) -> None:
    """Link a file when everybody may read it, else copy it: for trees another user will read."""
    if Path(source).stat().st_mode & 0o004:
        with contextlib.suppress(OSError):
            Path(target).hardlink_to(source)
            return
    shutil.copy(source, target)
    Path(target).chmod(0o755)
