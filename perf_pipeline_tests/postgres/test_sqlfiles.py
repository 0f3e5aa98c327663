from pathlib import Path

import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles

FILES = sorted(sqlfiles.root().rglob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(sqlfiles.root())))
def test_every_file_has_a_header_and_a_name_that_fits(path: Path) -> None:
    file = sqlfiles.parse(path)
    assert file.purpose
    assert 14 <= file.minimum_version <= 18
    variant = sqlfiles._VARIANT.match(path.name)
    assert variant is not None
    assert int(variant["major"] or file.minimum_version) == file.minimum_version
    if variant["major"]:
        assert (path.parent / f"{variant['name']}.sql").exists()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sqlfiles, "root", lambda: tmp_path)
    (tmp_path / "things").mkdir()
    sqlfiles.load.cache_clear()
    yield tmp_path / "things"  # type: ignore[misc]
    sqlfiles.load.cache_clear()


def put(folder: Path, name: str, version: int = 14) -> None:
    (folder / name).write_text(
        f"-- purpose: p of {name}\n-- minimum version: {version}\nSELECT 1\n"
    )


def test_the_newest_variant_that_fits_is_chosen(folder: Path) -> None:
    for name, version in (("a.sql", 14), ("a.pg15.sql", 15), ("a.pg17.sql", 17), ("ab.sql", 14)):
        put(folder, name, version)
    chosen = {
        major: sqlfiles.load("things/a", major).path.name for major in (14, 15, 16, 17, 18, 19)
    }
    assert chosen == {
        14: "a.sql", 15: "a.pg15.sql", 16: "a.pg15.sql", 17: "a.pg17.sql", 18: "a.pg17.sql",
        19: "a.pg17.sql",
    }  # fmt: skip


def test_what_is_missing_is_named(folder: Path) -> None:
    put(folder, "new.pg17.sql", 17)
    with pytest.raises(ConfigurationError, match="no SQL file 'things/new' for PostgreSQL 16"):
        sqlfiles.load("things/new", 16)
    with pytest.raises(ConfigurationError, match="no SQL file 'things/none'"):
        sqlfiles.load("things/none")
    (folder / "bare.sql").write_text("-- purpose: p\nSELECT 1\n")
    with pytest.raises(ConfigurationError, match=r"bare\.sql: header line '-- minimum version"):
        sqlfiles.load("things/bare")
