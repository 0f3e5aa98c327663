"""Whoever reads raw days asks `store.ledger`, or says why the store alone is enough."""

import re

import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.reports import due
from perf_pipeline.snapshots import highlights
from perf_pipeline.store import partitions

#: Highlights are of the hour, or of changes of the week, before a sweep that was just taken.
FILES = [
    file
    for file in sqlfiles.folder("store")
    if file.path.parent.name == "store" and not file.path.name.startswith("highlight_")
]


def silent(text: str, header: dict[str, str]) -> bool:
    """Whether a statement reads a table whose days are archived, and does not say why."""
    tables = "|".join(partitions.DAILY)
    reads = re.search(rf"\b(FROM|JOIN|USING)\s+ledger\.({tables})\b", text, re.IGNORECASE)
    return bool(reads) and "ledger.archive" not in text and not header.get("hot only")


def test_every_reader_of_raw_days_says_why_the_store_is_enough() -> None:
    assert [file.path.name for file in FILES if silent(file.text, file.header)] == []


def test_a_silent_reader_would_be_noticed() -> None:
    text = "SELECT FROM x JOIN ledger.statements AS s USING (ts)"
    assert silent(text, {})
    assert not silent(text, {"hot only": "because"})
    assert not silent("SELECT FROM ledger.statements_hourly", {})


def test_what_is_asked_of_the_store_alone_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, days in (
        ("PERF_HOT_SWEEP_DAYS", due.LOOKBACK_DAYS + 7),
        ("PERF_HOT_DAYS", highlights.SPAN.days + 7),
    ):
        monkeypatch.setenv(name, str(days))
        with pytest.raises(ConfigurationError, match=name):
            settings.load()
        monkeypatch.delenv(name)
