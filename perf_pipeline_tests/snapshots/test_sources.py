from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline.snapshots import sources
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.snapshots.sources import Source, attempt, due
from perf_pipeline.vocabulary import STATS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def headed(**header: str) -> SqlFile:
    return SqlFile(
        Path("x.sql"), "SELECT 1", {key.replace("_", " "): v for key, v in header.items()}
    )


class Made(Source):
    """A source whose SQL file is made up."""

    def __init__(self, **header: str) -> None:
        super().__init__("made", {"n": pl.Int64()}, "sample", "tables")
        object.__setattr__(self, "header", {"minimum_version": "14", **header})

    def file(self, major: int) -> SqlFile:
        return headed(**self.header)  # type: ignore[attr-defined]


def at(ago: timedelta) -> Observation:
    return Observation(NOW - ago, 180000)


@pytest.mark.parametrize(
    ("cadence", "seconds"),
    [
        ("every sweep", 0),
        ("every 15 minutes", 900),
        ("every hour", 3600),
        ("every 2 hours", 7200),
        ("every day", 86400),
    ],
)
def test_a_cadence_is_read_from_the_header(cadence: str, seconds: int) -> None:
    assert sources.every_seconds(headed(cadence=cadence)) == seconds


def test_a_header_nobody_understands_is_refused() -> None:
    assert sources.every_seconds(headed()) == 0
    assert sources.scope(headed()) == "database"
    assert sources.scope(headed(scope="instance")) == "instance"
    for cadence in ("now and then", "every ten minutes", "every"):
        with pytest.raises(ConfigurationError, match=cadence):
            sources.every_seconds(headed(cadence=cadence))
    with pytest.raises(ConfigurationError, match="cluster"):
        sources.scope(headed(scope="cluster"))


def test_every_source_has_headers_that_are_understood() -> None:
    for source in SOURCES:
        assert source.stats in STATS
        assert (source.kind == "counters") == (source.family is not None)
        for major in range(sqlfiles.MINIMUM_MAJOR, sqlfiles.NEWEST_TESTED_MAJOR + 2):
            assert source.every_seconds(major) >= 0
            assert source.is_instance_wide(major) in {True, False}
    assert len({source.name for source in SOURCES}) == len(SOURCES)


@pytest.mark.parametrize(
    ("minutes", "is_due"),
    [(0, False), (10, False), (14, False), (14.6, True), (16, True), (-1, True)],
)
def test_due_after_its_cadence_or_a_little_before(minutes: float, is_due: bool) -> None:
    made = Made(cadence="every 15 minutes")
    seen = {"made": at(timedelta(minutes=minutes))}
    assert (due([made], seen, NOW, 18, holds_server=True) == [made]) is is_due


def test_every_sweep_means_every_sweep() -> None:
    made = Made()
    assert due([made], {"made": at(timedelta(0))}, NOW, 18, holds_server=True) == [made]
    assert due([made], {}, NOW, 18, holds_server=False) == [made]


def test_what_failed_is_tried_again_after_its_cadence() -> None:
    made = Made(cadence="every hour")
    seen = {"made": at(timedelta(hours=5)), attempt("made"): at(timedelta(minutes=5))}
    assert due([made], seen, NOW, 18, holds_server=True) == []
    seen[attempt("made")] = at(timedelta(minutes=61))
    assert due([made], seen, NOW, 18, holds_server=True) == [made]


def test_a_server_without_it_has_no_such_source() -> None:
    newer = Made(minimum_version="16")
    assert due([newer], {}, NOW, 15, holds_server=True) == []
    assert due([newer], {}, NOW, 16, holds_server=True) == [newer]
    extended = Made(extension="pgstattuple")
    assert due([extended], {}, NOW, 16, holds_server=True) == []
    assert due([extended], {}, NOW, 16, holds_server=True, extensions={"pgstattuple"}) == [extended]


def test_what_is_the_servers_is_read_by_the_holder_alone() -> None:
    wide = Made(scope="instance")
    assert due([wide], {}, NOW, 16, holds_server=False) == []
    assert due([wide], {}, NOW, 16, holds_server=True) == [wide]


def test_without_its_sign_a_source_has_nothing_to_read() -> None:
    made = Made(only_with="lock waits")
    assert due([made], {}, NOW, 16, holds_server=True, signs=["slots", "lock waits"]) == [made]
    assert due([made], {}, NOW, 16, holds_server=True, signs=["slots"]) == []
    # the signs could not be read: there may be something
    assert due([made], {}, NOW, 16, holds_server=True, signs=None) == [made]
    assert due([Made()], {}, NOW, 16, holds_server=True, signs=[]) != []


def test_every_sign_a_source_asks_for_is_one_that_is_given() -> None:
    given = sqlfiles.load("snapshots/signs").text
    for source in SOURCES:
        for major in range(sqlfiles.MINIMUM_MAJOR, sqlfiles.NEWEST_TESTED_MAJOR + 1):
            sign = source.file(major).header.get("only with")
            assert sign is None or f"'{sign}'" in given
