"""The folder in memory: used by what comes after, given back, and taken from nobody who lives."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from perf_pipeline_tests.servers import memory


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_YOUNG_SECONDS", -1.0)
    monkeypatch.setenv("TMPDIR", os.environ.get("TMPDIR", tempfile.gettempdir()))
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)


def test_temporary_files_are_made_in_it_by_children_too(tmp_path: Path) -> None:
    room = memory.take(tmp_path, needed=1)
    assert room is not None
    room.use()
    assert tempfile.gettempdir() == str(room.folder)
    asks = "import tempfile; print(tempfile.gettempdir())"
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(room.folder)
    room.close()
    assert not room.folder.exists()


def test_without_room_there_is_none(tmp_path: Path) -> None:
    assert memory.take(tmp_path, needed=1 << 60) is None
    assert memory.take(tmp_path / "absent", needed=1) is None


def test_what_ended_sessions_left_goes_and_what_is_held_stays(tmp_path: Path) -> None:
    held = memory.take(tmp_path, needed=1)
    kept = memory.take(tmp_path, needed=1)
    assert held is not None
    assert kept is not None
    (kept.folder / "file").touch()
    kept.close(keep=True)
    assert kept.folder.exists()
    third = memory.take(tmp_path, needed=1)
    assert third is not None
    assert set(tmp_path.iterdir()) == {held.folder, third.folder}
    held.close()
    third.close()


def test_one_just_made_is_left_until_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_YOUNG_SECONDS", 3600.0)
    kept = memory.take(tmp_path, needed=1)
    assert kept is not None
    kept.close(keep=True)
    other = memory.take(tmp_path, needed=1)
    assert other is not None
    assert kept.folder.exists()
    other.close()
