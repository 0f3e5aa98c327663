"""docs/families.md says what the SQL files say."""

import re
from pathlib import Path

from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.snapshots.sources import Source, scope
from perf_pipeline.store import partitions

DOC = Path(__file__).resolve().parents[2] / "docs" / "families.md"
HEAD = "| family | shown on | read | of | only where | from | grant | table of `ledger` |"


def line(source: Source) -> str:
    """Return the family's line of the table."""
    newest = source.file(sqlfiles.NEWEST_TESTED_MAJOR)
    oldest = min(file.minimum_version for file in variants(source))
    only = [f"extension {newest.header['extension']}"] if "extension" in newest.header else []
    only += [newest.header["only with"]] if "only with" in newest.header else []
    cells = [
        source.name,
        source.stats,
        newest.header.get("cadence", "every sweep"),
        scope(newest),
        ", ".join(only),
        str(oldest),
        newest.header.get("grant", "none"),
        source.ledger_table,
    ]
    return f"| {' | '.join(cells)} |"


def variants(source: Source) -> list[sqlfiles.SqlFile]:
    """Return a family's files, one for each version on which the statement changed."""
    name = re.compile(rf"{source.name}(\.pg\d+)?\.sql")
    return [file for file in sqlfiles.folder("snapshots") if name.fullmatch(file.path.name)]


def test_the_table_of_families_is_true() -> None:
    text = DOC.read_text("utf-8").splitlines()
    start = text.index(HEAD)
    written = text[start + 2 : start + 2 + len(SOURCES)]
    assert written == [line(source) for source in SOURCES]
    assert not text[start + 2 + len(SOURCES)].startswith("|")


def test_variants_of_a_family_say_the_same_of_it() -> None:
    for source in SOURCES:
        said = {
            tuple(sorted((k, v) for k, v in file.header.items() if k in {"cadence", "scope"}))
            for file in variants(source)
        }
        assert len(said) == 1, source.name


def test_every_table_is_partitioned_by_day() -> None:
    assert {source.ledger_table for source in SOURCES} <= set(partitions.DAILY)
