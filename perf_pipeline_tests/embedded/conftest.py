"""Fixtures of the embedded server's own tests."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_pipeline.embedded import place
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline_tests.conftest import FORGETFUL


@pytest.fixture(scope="session")
def stopped_server() -> Iterator[Path]:
    """Return the directory of a server with data, not running: a copy is quicker than initdb."""
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-tests-")).resolve()
    folder.chmod(0o711)
    with EmbeddedServer(folder / "server", settings=FORGETFUL):
        pass
    yield folder / "server"
    shutil.rmtree(folder)


@pytest.fixture
def made(directory: Path, stopped_server: Path) -> Path:
    """Return `directory` with the data of a server that was stopped cleanly."""
    subprocess.run(["cp", "-a", stopped_server, directory], check=True)
    return directory


@pytest.fixture
def directory() -> Iterator[Path]:
    """Return a folder, not yet made, that the server's user may enter; nothing survives in it."""
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-tests-")).resolve()
    folder.chmod(0o711)
    yield folder / "server"
    EmbeddedServer(folder / "server").stop(force=True)
    shutil.rmtree(folder)


@pytest.fixture
def state_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the one folder in which folders of ours may stand in for closed ones."""
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-state-")).resolve()
    folder.chmod(0o711)
    monkeypatch.setattr(place, "STATE_FOLDERS", (folder,))
    yield folder
    shutil.rmtree(folder)
