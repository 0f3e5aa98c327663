"""From rows to facts: coverage, events, what could be judged, windows, bands, causes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports import assemble, coverage
from perf_pipeline.reports.model import Point, SchemaChange, SettingChange

DAY = date(2026, 11, 21)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


def sweep(
    minute: float, previous: float | None, quality: str = "exact", **more: Any
) -> dict[str, Any]:
    def at(value: float) -> datetime:
        return MIDNIGHT + timedelta(minutes=value)

    row = {
        "ts": at(minute),
        "previous_ts": None if previous is None else at(previous),
        "source": "collected",
        "quality": quality,
        "connect_ms": 2.0,
        "database_ms": 10.0,
        "duration_ms": 20.0,
        "sweep_temp_bytes": 0,
        "rows_read": 5,
        "rows_written": 1,
        "notes": "",
        "server_version_num": 180000,
        "previous_version_num": 180000,
        "timeline": 1,
        "previous_timeline": 1,
        "postmaster_start": at(-9999),
        "statements_stats_reset": at(-9999),
        "database_stats_reset": None,
        "statements_dealloc": 4,
        "previous_dealloc": 1,
        "active_time": None,
    }
    return row | more


def naive(minute: float) -> datetime:
    return datetime(2026, 11, 21) + timedelta(minutes=minute)


def full_day(step: int = 60) -> list[dict[str, Any]]:
    return [sweep(m, m - step) for m in range(0, 1440, step)]


def test_a_full_day_has_no_gap() -> None:
    found = coverage.coverage(full_day(), DAY)
    assert found.gaps == ()
    assert found.exact_seconds == 23 * 3600  # the first interval ends at midnight
    assert (found.sweeps, found.database_ms, found.connect_ms) == (24, 240.0, 2.0)
    assert found.dealloc == 24 * 3
    assert found.qualities == (("exact", 24),)


def test_connecting_is_the_95th_percentile_as_percentile_cont_has_it() -> None:
    rows = [sweep(m, m - 5, connect_ms=float(m)) for m in range(5, 105, 5)]
    assert coverage.coverage(rows, DAY).connect_ms == pytest.approx(95.25)
    assert coverage.coverage([sweep(5, 0, connect_ms=None)], DAY).connect_ms is None


def test_gaps_are_named_with_their_reason() -> None:
    rows = [
        sweep(65, 5, "first_seen"),
        sweep(70, 65),
        sweep(75, 70, "reset"),
        sweep(80, 75, "gap"),
        sweep(85, 80, "gap"),
        sweep(90, 85),
        sweep(150, 90),
        *(sweep(m, m - 5) for m in range(155, 1440, 5)),
    ]
    rows[0]["previous_ts"] = None
    found = coverage.coverage(rows, DAY).gaps
    assert [(g.start, g.end) for g in found] == [
        (naive(0), naive(65)),
        (naive(70), naive(75)),
        (naive(75), naive(85)),
        (naive(90), naive(150)),
    ]
    assert found[0].why == "no sweep"
    assert "reset" in found[1].why
    assert "no sweep in between" in found[3].why


def test_a_day_that_ends_early_says_so() -> None:
    found = coverage.coverage(full_day()[:12], DAY).gaps
    assert [(g.start, g.end, g.why) for g in found] == [
        (naive(660), naive(1440), "no sweep until the end of the day")
    ]


def test_no_sweeps_cover_nothing() -> None:
    assert coverage.coverage([], DAY) == coverage.Coverage()


def test_restarts_resets_failovers_and_upgrades_are_events() -> None:
    rows = [
        sweep(5, 0, postmaster_start=MIDNIGHT + timedelta(minutes=3)),
        sweep(10, 5, statements_stats_reset=MIDNIGHT + timedelta(minutes=7)),
        sweep(15, 10, timeline=2, server_version_num=190000),
        sweep(20, 15),
    ]
    found = coverage.restarts(rows)
    assert [(e.ts, e.kind) for e in found] == [
        (naive(3), "server_restarted"),
        (naive(7), "statistics_reset"),
        (naive(15), "failover"),
        (naive(15), "server_upgraded"),
    ]
    assert coverage.restarts([sweep(5, None)]) == ()


def test_the_database_is_summed_over_the_intervals_that_saw_it() -> None:
    seen = {
        "active_time": 10.0,
        "xact_commit": 1,
        "xact_rollback": 2,
        "blks_hit": 3,
        "blks_read": 4,
        "deadlocks": 5,
        "temp_bytes": 6,
    }
    rows = [sweep(m, m - 5, **seen, database_bytes=m) for m in (5, 10)] + [sweep(15, 10)]
    found = coverage.database(rows, 15.0)
    assert (found.active_ms, found.blks_hit, found.database_bytes) == (20.0, 6, 10)
    assert coverage.database([sweep(5, 0)], 1.0).active_ms is None


def test_days_take_one_source() -> None:
    assert assemble.day_source(["generated", "collected", "imported"]) == "collected"
    assert assemble.day_source(["generated"]) == "generated"
    assert assemble.day_source([]) is None


def test_causes_are_read_from_whatever_is_there() -> None:
    raw = [
        {"kind": "b", "object": "y", "score": 0.5, "evidence": "one line"},
        {"kind": "a", "object": None, "at": "2026-11-21T12:00:00", "score": 0.9, "evidence": [1]},
        "nonsense",
        {},
    ]
    found = assemble.causes(raw)
    assert [(c.kind, c.score, c.evidence) for c in found] == [
        ("a", 0.9, ("1",)),
        ("b", 0.5, ("one line",)),
        ("", 0.0, ()),
    ]
    assert assemble.causes(None) == assemble.causes({"kind": "a"}) == ()


def test_changes_are_events_in_words() -> None:
    schema = SchemaChange(
        naive(5), naive(0), "index", "hs.i", "hs.t", "dropped", "CREATE INDEX", None
    )
    setting = SettingChange(naive(3), naive(0), "work_mem", "4096", None, "kB", False)
    found = assemble.change_events([schema], [setting])
    assert [(e.ts, e.kind, e.what) for e in found] == [
        (naive(3), "setting_changed", "setting work_mem changed from 4096 kB to not set"),
        (naive(5), "index_dropped", "index hs.i dropped"),
    ]


def test_a_window_holds_the_samples_around_the_onset() -> None:
    points = [Point(naive(m), 1.0) for m in range(1000)]
    found = assemble.window(points, naive(500))
    assert (found[0].ts, found[-1].ts) == (naive(350), naive(799))
    assert assemble.window([], naive(0)) == ()


def test_bands_take_the_finest_tier_of_each_hour() -> None:
    rows = [
        {"tier": "all", "slot": 0, "low": 1.0, "high": 2.0},
        {"tier": "hour_of_day", "slot": 10, "low": 3.0, "high": 4.0},
        # 2026-11-21 is a Saturday: the sixth day of a week that begins on Monday
        {"tier": "hour_of_week", "slot": 5 * 24 + 11, "low": 5.0, "high": 6.0},
    ]
    found = assemble.bands(rows, naive(9 * 60 + 30), naive(11 * 60 + 30))
    assert [(b.start.hour, b.low) for b in found] == [(9, 1.0), (10, 3.0), (11, 5.0)]
    assert found[-1].end >= naive(11 * 60 + 30)
    assert assemble.bands([], naive(0), naive(60)) == ()


@given(st.lists(st.integers(0, 1439), min_size=1, max_size=50, unique=True))
def test_exact_time_and_gaps_never_exceed_the_day(minutes: list[int]) -> None:
    minutes = sorted(minutes)
    rows = [sweep(minutes[0], minutes[0] - 30)]
    rows += [sweep(b, a) for a, b in pairwise(minutes)]
    found = coverage.coverage(rows, DAY)
    assert 0 <= found.exact_seconds <= 86_400
    empty = [g for g in found.gaps if "in between" not in g.why]
    lost = sum((g.end - g.start).total_seconds() for g in empty)
    # what is after the last sweep may be too short to be called a gap
    assert found.exact_seconds + lost <= 86_400
    assert all(g.start < g.end for g in found.gaps)
