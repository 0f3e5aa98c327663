"""Every row of the capability list is told of, and everything that answers one exists."""

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from perf_pipeline import cli
from perf_pipeline.definitions import defs
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import catalogue, coverage
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store

ROOT = Path(__file__).resolve().parents[2]


def named(kind: str) -> list[tuple[str, str]]:
    """Return (row, name) of everything of a kind that some row names."""
    return [
        (row.row, name)
        for section in coverage.rows().values()
        for row in section
        for name in row.lists.get(kind, ())
    ]


def absent(kind: str, existing: set[str]) -> list[tuple[str, str]]:
    asked = named(kind)
    assert asked, f"no row names a thing of the kind {kind}"
    return [(row, name) for row, name in asked if name not in existing]


def test_the_page_is_as_the_catalogues_say() -> None:
    assert coverage.main(["--check"]) == 0, "run `make coverage`"


def test_a_page_out_of_date_is_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "page", lambda: tmp_path / "coverage.md")
    assert coverage.main(["--check"]) == 1
    assert "make coverage" in capsys.readouterr().err
    assert coverage.main([]) == 0
    assert coverage.main(["--check"]) == 0
    assert coverage.main(["--chekc"]) == 2


def test_all_324_rows_are_there() -> None:
    found = {name: len(section) for name, section in coverage.rows().items()}
    assert found.pop("faults") == 138
    assert sum(found.values()) == 324
    # words alone answer nothing: of each row something is there to be looked for
    rows = [row for section in coverage.rows().values() for row in section]
    assert [row.row for row in rows if not (row.objects or any(row.lists.values()))] == []


def test_a_missing_row_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = catalogue.rows
    monkeypatch.setattr(catalogue, "rows", lambda name: whole(name)[1:])
    with pytest.raises(ConfigurationError, match=r"thorbis\.yaml.*T-01"):
        coverage.rows()


def test_a_catalogue_nobody_shows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "files", lambda: (*coverage.SECTIONS, "new"))
    with pytest.raises(ConfigurationError, match="differ: new"):
        coverage.rows()


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({"tests": ["t"]}, "built"),
        ({"elsewhere": "e"}, "built"),
        ({"tests": ["t"], "not_yet": "n"}, "partly"),
        ({"not_yet": "n"}, "not yet"),
    ],
)
def test_the_state_of_a_row(entry: dict[str, object], state: str) -> None:
    assert catalogue.parse("X-01", {"what": "w", **entry}).state == state


def test_a_row_is_one_line_of_a_table() -> None:
    row = catalogue.parse("T-01", {"what": "a|b <c>\nd", "assets": ["a/b"], "not_yet": "n"})
    page = coverage.render({"thorbis": [row]})
    assert "| T-01 | a\\|b &lt;c> d | partly | asset `a/b`; *not yet:* n |\n" in page


# --- what is named exists -------------------------------------------------------------------


def test_assets_checks_and_automation_are_defined() -> None:
    repository = defs().get_repository_def()
    graph = repository.asset_graph
    assert absent("assets", {key.to_user_string() for key in graph.get_all_asset_keys()}) == []
    checks = {f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys}
    assert absent("checks", checks) == []
    automation = {each.name for each in (*repository.schedule_defs, *repository.sensor_defs)}
    assert absent("automation", automation | set(repository.job_names)) == []


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield " ".join((*path, name))
            yield from commands(command, (*path, name))


def test_commands_are_commands() -> None:
    assert absent("commands", set(commands(cli.cli))) == []


@cache
def functions(file: Path) -> set[str]:
    return {
        node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize(("row", "name"), named("tests"))
def test_a_test_is_a_file_or_a_function_of_it(row: str, name: str) -> None:
    path, _, function = name.partition("::")
    assert (ROOT / path).is_file(), f"{row}: no file {path}"
    assert not function or (function.startswith("test_") and function in functions(ROOT / path))


@pytest.mark.parametrize(("row", "name"), named("code"))
def test_code_can_be_imported(row: str, name: str) -> None:
    module, _, attribute = name.partition(":")
    assert module.startswith("perf_pipeline."), row
    assert not attribute or hasattr(importlib.import_module(module), attribute)


def test_files_and_statements_are_in_the_repository() -> None:
    assert [pair for pair in named("files") if not (ROOT / pair[1]).exists()] == []
    for _, name in named("statements"):
        assert sqlfiles.load(name).purpose


@pytest.mark.server
def test_objects_of_the_store_are_there(shared_store: Store) -> None:
    with shared_store.begin() as connection:
        rows = connection.execute(
            "SELECT s.nspname || '.' || o.name FROM pg_namespace AS s JOIN ("
            "SELECT relnamespace, relname FROM pg_class UNION ALL "
            "SELECT pronamespace, proname FROM pg_proc UNION ALL "
            "SELECT typnamespace, typname FROM pg_type) AS o (schema, name) ON o.schema = s.oid"
        ).fetchall()
    assert absent("store", {name for (name,) in rows}) == []
