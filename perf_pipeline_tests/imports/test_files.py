import gzip
from pathlib import Path

import polars as pl
import pytest

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.imports.files import batches, find, names

FRAME = pl.DataFrame({"ts": ["a", "b"], "query": ["SELECT 1;\n-- x, y", '"q"'], "calls": [1, None]})


def test_files_folders_and_patterns_are_found_once(tmp_path: Path) -> None:
    for name in ("a.csv", "b.parquet", "c.csv.gz", "notes.md", "deep/d.tsv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    everything = ["a.csv", "b.parquet", "c.csv.gz", "d.tsv"]
    assert [path.name for path in find([str(tmp_path)])] == everything
    patterns = [str(tmp_path / "*.csv"), str(tmp_path / "a.csv"), str(tmp_path / "**" / "*.tsv")]
    assert [path.name for path in find(patterns)] == ["a.csv", "d.tsv"]


def test_relative_patterns_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert [path.name for path in find(["*.csv"])] == ["a.csv"]


@pytest.mark.parametrize("pattern", ["nowhere.csv", "*.csv", "empty", ""])
def test_what_stands_for_no_file_is_told(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="stands for no file") as raised:
        find([str(tmp_path / pattern) if pattern else ""])
    assert "PoWA" in raised.value.remedy


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dump.sql").touch()
    with pytest.raises(ConfigurationError, match="neither CSV nor Parquet"):
        find([str(tmp_path / "dump.sql")])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_seen_in_the_header(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "x.csv"
    FRAME.write_csv(file, separator=separator, include_bom=True)
    assert names(file) == FRAME.columns
    read = pl.concat(batches(file, FRAME.columns))
    assert read["query"].to_list() == FRAME["query"].to_list()
    assert read["calls"].to_list() == ["1", None]


def test_packed_and_parquet_files_are_read(tmp_path: Path) -> None:
    packed, parquet = tmp_path / "x.csv.gz", tmp_path / "x.parquet"
    packed.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    FRAME.write_parquet(parquet)
    assert names(packed) == names(parquet) == FRAME.columns
    assert pl.concat(batches(packed, ["query"]))["query"].to_list() == FRAME["query"].to_list()
    assert pl.concat(batches(parquet, ["calls"]))["calls"].to_list() == [1, None]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv.gz", "x.csv"])
def test_what_is_not_what_its_name_says_is_told(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"\xff\xfe\x00nonsense")
    with pytest.raises(InputError, match=f"{name}: cannot be read"):
        names(file)


def test_a_row_of_another_length_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("ts,calls\na,1\nb,2,3\n")
    with pytest.raises(InputError, match=r"x.csv: cannot be read"):
        list(batches(file, ["ts"]))
