import re
from pathlib import Path

import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports.layouts import Layout, recognise

FOLDER = Path(__file__).parent / "layouts"


def relations(name: str, schema: str = "repo") -> dict[tuple[str, str], list[str]]:
    """Return tables and columns of one of the layouts."""
    text = (FOLDER / f"{name}.sql").read_text("utf-8")
    found = re.findall(r"CREATE (?:TYPE|TABLE) (\w+)(?: AS)? \((.*?)\n\);", text, re.DOTALL)
    return {(schema, table): re.findall(r"^    (\w+) ", body, re.M) for table, body in found}


@pytest.mark.parametrize(
    ("name", "version", "shown"),
    [
        ("powa_41", "4.1.4", "PoWA 4.1.4"),
        ("powa_42", "4.2.2", "PoWA 4.2.2"),
        ("powa_50", "5.2.0", "PoWA 5.2.0"),
        ("pg_profile_40", "4.0", "pg_profile 4.0"),
        ("pg_profile_42", "4.6", "pg_profile 4.6"),
        ("pg_profile_47", None, "pg_profile (no extension)"),
    ],
)
def test_each_layout_is_recognised(name: str, version: str | None, shown: str) -> None:
    program, _, variant = name.rpartition("_")
    extensions = {program: version} if version else {}
    found = recognise(relations(name), extensions, "db")
    assert found == Layout(program, "repo", version, variant)  # type: ignore[arg-type]
    assert found.name == shown


def test_a_database_without_a_repository_says_what_is_supported() -> None:
    with pytest.raises(ConfigurationError, match="db: no PoWA or pg_profile repository") as raised:
        recognise({}, {"powa": "3.2.0"}, "db")
    assert "powa 3.2.0" in raised.value.message
    assert "PoWA 4.1 to 5.2 and pg_profile 4.0 to 4.11" in raised.value.remedy


def test_two_repositories_need_a_choice() -> None:
    both = relations("powa_50") | relations("pg_profile_47", "profile")
    with pytest.raises(ConfigurationError, match="several repositories") as raised:
        recognise(both, {}, "db")
    assert "--repository" in raised.value.remedy
    assert recognise(both, {}, "db", "powa").program == "powa"
    assert recognise(both, {}, "db", "pg_profile").schema == "profile"
    with pytest.raises(ConfigurationError, match="no pg_profile repository"):
        recognise(relations("powa_50"), {}, "db", "pg_profile")


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("powa_41", "powa_statements_history_record", "total_exec_time"),
        ("powa_50", "powa_statements_history_current", None),
        ("pg_profile_42", "sample_statements", "toplevel"),
    ],
)
def test_a_layout_that_is_not_known_is_named(name: str, table: str, column: str | None) -> None:
    """PoWA 4.0, for one, keeps total_time."""
    tables = relations(name)
    if column is None:
        del tables["repo", table]
    else:
        tables["repo", table].remove(column)
    told = f"{table}.{column}" if column else table
    with pytest.raises(ConfigurationError, match=f"layout that is not known: {told} is missing"):
        recognise(tables, {"powa": "4.0.1", "pg_profile": "3.8"}, "db")
