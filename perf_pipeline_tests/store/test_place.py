"""Files of the archive: a folder, and a bucket over its real protocol."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ArchiveError, ConfigurationError, UnreachableError
from perf_pipeline.store import place
from perf_pipeline_tests.store.bucket_server import bucket_server

NAME = "statements/target=a/day=2026-11-21/0f.parquet"


@pytest.fixture(params=["folder", "file", "s3"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[place.Place]:
    if request.param != "s3":
        folder = tmp_path / "a b"
        yield place.open_place(folder.as_uri() if request.param == "file" else str(folder))
        return
    with bucket_server() as (endpoint, _):
        credentials(monkeypatch, endpoint)
        yield place.open_place("s3://bucket/some/prefix")


def credentials(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Set the variables that the services' own tools read, too."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)


def test_a_file_is_written_read_listed_and_deleted(opened: place.Place) -> None:
    assert opened.sizes() == {}
    opened.put(NAME, b"one")
    opened.put(NAME, b"three")
    assert opened.get(NAME) == b"three"
    assert opened.sizes() == {NAME: 5}
    local = opened.local(NAME)
    assert local is None or local.read_bytes() == b"three"
    opened.delete(NAME)
    opened.delete(NAME)
    assert opened.sizes() == {}
    with pytest.raises(ConfigurationError, match=r"0f\.parquet is not there") as caught:
        opened.get(NAME)
    assert "PERF_ARCHIVE_URL" in caught.value.remedy


def test_a_file_of_a_folder_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.open_place(str(tmp_path))
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle))[1])
    folder.put(NAME, b"whole")
    assert len(synced) == 5  # the file, its folder, and each one above, for they may be new
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("pulled plug")))
    with pytest.raises(ArchiveError, match=r"4 bytes.*could not be written: pulled plug"):
        folder.put(NAME, b"half")
    assert folder.get(NAME) == b"whole"
    assert len(folder.sizes()) == 1


def test_deleting_leaves_no_empty_folders(tmp_path: Path) -> None:
    folder = place.open_place(str(tmp_path))
    other = NAME.replace("target=a", "target=b")
    folder.put(NAME, b"1")
    folder.put(other, b"2")
    folder.delete(NAME)
    assert sorted(p.name for p in (tmp_path / "statements").iterdir()) == ["target=b"]
    folder.delete(other)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://host/x", "s4://bucket", "postgresql://x"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not served"):
        place.open_place(url)


def test_a_bucket_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigurationError, match="needs the package obstore") as caught:
        place.open_place("s3://bucket")
    assert "object-store" in caught.value.remedy


def test_a_bucket_that_refuses_us_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with bucket_server() as (endpoint, _):
        credentials(monkeypatch, endpoint)
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        with pytest.raises(UnreachableError, match="archive s3://bucket"):
            place.open_place("s3://bucket").put(NAME, b"")


def test_the_archive_is_under_home_unless_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert place.current().url == str(settings.current().home_dir / "archive")
    monkeypatch.setenv("PERF_ARCHIVE_URL", str(tmp_path / "elsewhere"))
    settings.current.cache_clear()
    assert place.current().url == str(tmp_path / "elsewhere")
