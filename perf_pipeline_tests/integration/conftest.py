"""The demo, run once for the tests that look at what it leaves."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).with_name("perf-pipeline")


def environment(home: Path) -> dict[str, str]:
    """Return an environment with nothing of the caller's that leads to servers or folders."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PERF_", "DAGSTER_", "PG")) and not name.endswith("_URL")
    }
    return {**kept, "PERF_HOME": str(home), "NO_COLOR": "1"}


@dataclass(frozen=True)
class Demo:
    """A finished `perf-pipeline demo --quick`."""

    home: Path
    summary: dict[str, Any]
    seconds: float


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Run the demo as a user would, in a process of its own; its folder stays for others to use."""
    home = Path(tempfile.mkdtemp(prefix="perf-pipeline-demo-"))
    home.chmod(0o711)
    done = subprocess.run(
        [PROGRAM, "demo", "--quick", "--json"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    yield Demo(home, summary, summary["seconds"])
    shutil.rmtree(home)
