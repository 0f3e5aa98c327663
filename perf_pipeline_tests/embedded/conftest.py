"""Fixtures of the embedded server's own tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_pipeline.embedded import place
from perf_pipeline.embedded.server import EmbeddedServer


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
