"""A real Redis (or Valkey) of a test's own, on a free port of this machine."""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from perf_pipeline_tests.servers.ending import ending_with_us
from perf_pipeline_tests.servers.ports import free_port

#: What PERF_REDIS_SERVER of the caller names, else what is installed.
BINARY = (
    os.environ.get("PERF_REDIS_SERVER")
    or shutil.which("redis-server")
    or shutil.which("valkey-server")
)
REQUIRED = os.environ.get("PERF_REDIS_REQUIRED") == "1"


class RedisServer:
    """One server process; `start` after `kill` or `stop` begins it again on the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        if BINARY is None:
            reason = (
                "no Redis is on this machine and none could be had (scripts/redis gets Debian's"
                " package; PERF_REDIS_SERVER names another)"
            )
            if REQUIRED:
                pytest.fail(f"PERF_REDIS_REQUIRED=1, and {reason}")
            pytest.skip(reason)
        self.binary = BINARY
        self.folder, self.options, self.port = folder, options, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._watched = ExitStack()

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a client of one command, closed by the caller."""
        return redis.Redis.from_url(self.url, socket_timeout=20)

    def start(self) -> "RedisServer":
        """Begin, and wait until it answers."""
        self.folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
             str(self.folder), "--save", "", "--daemonize", "no", *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._watched.enter_context(ending_with_us(self.process.pid))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with self.client() as client:
                    client.ping()
                return self
            except redis.exceptions.RedisError:
                time.sleep(0.02)
        raise AssertionError(f"Redis does not answer, exit code {self.process.poll()}")

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._watched.close()
            self.process = None

    stop = kill  # nothing of a test's cache is worth writing
