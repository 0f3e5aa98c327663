"""Two intervals of a real store: days from the rollups, hours around an instant from the ledger."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.reports.comparison import build, read, render
from perf_pipeline.reports.comparison.model import Comparison
from perf_pipeline.snapshots import rollup, rollup_relations
from perf_pipeline.store import Store, migrate, targets
from perf_pipeline_tests.reports.test_build import (
    DAY,
    NEW,
    ONSET,
    SLOW,
    START,
    STEADY,
    fill,
    mean,
    reset_at,
    times,
)


def rolled(store: Store, **options: bool) -> int:
    target_id = fill(store, **options)
    rollup.roll_up(store, "thorbis", START.date(), DAY)
    rollup_relations.roll_up(store, "thorbis", START.date(), DAY)
    return target_id


def half_rolled(store: Store) -> None:
    """Leave one of the two days without its rollup."""
    fill(store)
    with store.begin() as connection:
        connection.execute("DELETE FROM ledger.statements_daily WHERE day = %s", (START.date(),))


def by_id(data: Comparison) -> dict[int, dict[str, object]]:
    return {row["queryid"]: row for row in data.statements.to_dicts()}


@pytest.mark.server
def test_two_days_from_their_rollups(store: Store) -> None:
    rolled(store)
    a, b = build.days("2026-11-20"), build.days("2026-11-21")
    data = build.compare(store, "thorbis", a, b)
    rows = by_id(data)
    assert rows[NEW]["state"] == "new"
    means = [mean(SLOW, ts) for ts in times() if ts.date() == DAY]
    assert rows[SLOW]["mean_b"] == pytest.approx(sum(means) / len(means))
    # the first sweep has no interval; one sweep was missed, its time belongs to the next
    assert data.a.seconds == 95 * 900
    assert data.b.seconds == 96 * 900
    assert data.b.database["xact_commit"] == 95 * 100
    assert data.statement(data.statements.row(0, named=True)).text is not None
    assert "hs.idx" in render.html(data)


@pytest.mark.server
def test_the_spread_of_the_baseline_says_what_is_usual(store: Store) -> None:
    rolled(store)
    data = build.compare(store, "thorbis", build.days("2026-11-20"), build.days("2026-11-21"))
    rows = by_id(data)
    # the baseline of both is made with a spread of 0.1; only one changed
    assert (rows[SLOW]["verdict"], rows[STEADY]["verdict"]) == ("beyond", "within")


@pytest.mark.server
def test_before_and_after_an_instant_read_the_ledger_itself(store: Store) -> None:
    rolled(store)
    instant = ONSET - timedelta(minutes=5)  # between two sweeps
    a, b = build.around(instant.replace(tzinfo=UTC), 6)
    data = build.compare(store, "thorbis", a, b)
    row = by_id(data)[SLOW]
    before = [mean(SLOW, ts) for ts in times() if a.start + timedelta(minutes=15) <= ts <= a.end]
    after = [mean(SLOW, ts) for ts in times() if b.start + timedelta(minutes=15) <= ts <= b.end]
    assert data.a.sweeps == len(before)
    assert row["mean_a"] == pytest.approx(sum(before) / len(before))
    assert row["mean_b"] == pytest.approx(sum(after) / len(after))
    assert "the interval that began before its start is left out" in data.b.notes
    assert row["calls_day_a"] == pytest.approx(100 * 96)
    assert ONSET not in [reset_at()]
    assert "2026-11-21 12:00:00 to 18:00:00" in render.headline(data)


@pytest.mark.server
def test_the_same_bytes_whatever_the_order_of_rows(
    store: Store, make_database: Callable[..., str]
) -> None:
    rolled(store)
    spans = [
        (build.days("2026-11-20"), build.days("2026-11-21")),
        build.around(ONSET, 6),
    ]
    pages = [render.html(build.compare(store, "thorbis", *pair)) for pair in spans]
    assert pages == [render.html(build.compare(store, "thorbis", *pair)) for pair in spans]
    with Store(make_database()) as other:
        migrate.upgrade(other)
        rolled(other, shuffled=True)
        assert pages == [render.html(build.compare(other, "thorbis", *pair)) for pair in spans]


@pytest.mark.server
def test_the_printed_query_returns_a_sides_statements(store: Store) -> None:
    rolled(store)
    data = build.compare(store, "thorbis", build.days("2026-11-20"), build.days("2026-11-21"))
    html = render.html(data)
    texts = [unescape(text) for text in re.findall(r"<code>(-- purpose.*?)</code>", html, re.S)]
    assert len(texts) == 2
    with store.begin() as connection:
        amounts = [len(connection.execute(text.encode()).fetchall()) for text in texts]
    assert amounts == [data.a.statements.height, data.b.statements.height] == [2, 3]


@pytest.mark.server
def test_a_day_without_its_rollup_is_told(store: Store) -> None:
    half_rolled(store)
    with pytest.raises(InputError, match="2026-11-20 has sweeps, but nothing"):
        build.compare(store, "thorbis", build.days("2026-11-20"), build.days("2026-11-21"))
    with pytest.raises(InputError, match="no sweep is known of 2026-10-01"):
        build.compare(store, "thorbis", build.days("2026-10-01"), build.days("2026-11-21"))
    with pytest.raises(InputError, match="no sweep is known of 2026-10-01 00"):
        build.compare(store, "thorbis", *build.around(datetime(2026, 10, 1, 1), 1))
    week = build.days("2026-11-20..2026-11-22")
    later = build.days("2026-11-30")
    with pytest.raises(InputError, match="2026-11-30"):
        build.compare(store, "thorbis", week, later)
    with pytest.raises(ConfigurationError, match="nowhere"):
        build.compare(store, "nowhere", week, later)


@pytest.mark.server
def test_a_range_leaves_out_what_is_not_known_and_says_so(store: Store) -> None:
    half_rolled(store)
    # the day before is swept but not rolled up, the day after was never swept
    span = build.whole_days(START.date(), DAY + timedelta(days=1))
    target_id = targets.find(store, "thorbis")
    assert target_id is not None
    side = read.side(store, target_id, span)
    assert side.seconds == 96 * 900
    assert side.notes == (
        "swept, but not rolled up and left out: 2026-11-20",
        "without any data: 2026-11-22",
    )


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-11-07..2026-11-01", "2026-11-01 - 2026-11-02"]
)
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        build.days(text)


def test_spans_are_half_open() -> None:
    span = build.days("2026-11-01..2026-11-07")
    assert (span.first, span.last) == (date(2026, 11, 1), date(2026, 11, 7))
    assert (span.seconds, str(span)) == (7 * 86_400, "2026-11-01 to 2026-11-07")
    for hours in (0, -1, 24 * 40):
        with pytest.raises(InputError, match="hours cannot be compared"):
            build.around(ONSET, hours)


def test_overlapping_spans_are_refused() -> None:
    with pytest.raises(InputError, match="overlap"):
        build.compare(
            None,  # type: ignore[arg-type]
            "thorbis",
            build.days("2026-11-01..2026-11-07"),
            build.days("2026-11-07"),
        )
