"""Levels that move at an onset, habits, growth and changed plans: the pure rules."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.regressions import explain, plans, pressure, relations
from perf_pipeline.regressions.circumstances import BACK, hours_around, merged
from perf_pipeline.regressions.events import Event, refreshed_view
from perf_pipeline.regressions.timeline import Timeline

AT = datetime(2025, 3, 3, 12)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def series(levels, name="connections"):
    """One sample an hour, ending at AT + its offset."""
    return pressure.rates(
        {"name": name, "ts": AT + h * HOUR, "seconds": 3600.0, "amount": level * 3600.0}
        for h, level in levels.items()
    )


def moved(levels):
    rows = pressure.by_name(series(levels))
    return [e.kind for e in pressure.events(rows, AT, AT + HOUR, AT + DAY)]


def test_a_level_that_rises_or_falls_at_the_onset_is_told():
    assert moved({-1: 10, 0: 10, 2: 50, 3: 50}) == ["connections_rose"]
    assert moved({-1: 50, 0: 50, 2: 10, 3: 10}) == ["connections_fell"]
    assert moved({-1: 10, 0: 10, 2: 11, 3: 11}) == []


def test_what_rises_every_day_at_that_time_explains_nothing():
    assert moved({-22: 50, -21: 50, 0: 10, 2: 50, 3: 50}) == []
    assert moved({-22: 10, -21: 10, 0: 10, 2: 50, 3: 50}) == ["connections_rose"]


def test_little_of_anything_and_the_unknown_are_not_told():
    assert moved({0: 1, 2: 15}) == []  # five times as many, and still few
    assert moved({2: 90}) == []
    assert moved({0: 90}) == []
    assert moved({}) == []


NUMBER = st.one_of(st.none(), st.floats(0, 1e12))


@given(NUMBER, NUMBER, NUMBER, st.floats(1.01, 10), st.floats(0.1, 1e3))
def test_a_rise_turned_round_is_a_fall(before, after, earlier, ratio, floor):
    found = pressure.moved(before, after, None, ratio, floor)
    turned = {"rose": "fell", "fell": "rose", None: None}
    assert pressure.moved(after, before, None, ratio, floor) == turned[found]
    # knowing more never makes a cause of what was none
    assert pressure.moved(before, after, earlier, ratio, floor) in {found, None}


# --- neighbours ----------------------------------------------------------------------------------


def load(*rows):
    """Rows of (queryid, hours from AT, calls, ms)."""
    return pl.DataFrame(
        [(q, AT + h * HOUR, calls, ms) for q, h, calls, ms in rows],
        schema=dict(pressure.LOAD_SCHEMA),
        orient="row",
    )


SPAN = (AT, AT + HOUR, AT + DAY)


def neighbours(*rows, own=1, all_ms=2e6, known=lambda span: True, texts=None, busy=frozenset({2})):
    """One hour of each span is covered, where it is known."""
    covered = lambda span: (3600.0, all_ms) if known(span) else (0.0, 0.0)  # noqa: E731
    found = pressure.Load(load(*rows), {AT.date(): busy})
    return pressure.neighbours(found, own, SPAN, covered, texts or {})


def today(span):
    return span.end > AT - 12 * HOUR


def test_a_neighbour_is_called_more_often_and_not_merely_slower():
    calm, busy = (2, 0, 100, 1e4), (2, 3, 9000, 9e5)
    (event,) = neighbours(calm, busy, texts={2: "SELECT  x"}, known=today)
    assert (event.kind, event.object) == ("other_load_rose", "queryid 2")
    assert "calls 100 -> 9,000 an hour" in event.detail
    assert event.detail.endswith(": SELECT x")
    assert neighbours(calm, (2, 3, 100, 9e5)) == []  # slower
    assert neighbours(calm, busy, own=2) == []  # it is the one itself
    assert neighbours(calm, busy, all_ms=9e6) == []  # small
    assert neighbours(calm, busy, (2, 3 - 24, 9000, 9e5)) == []  # every day
    assert neighbours(calm, busy, known=lambda span: False) == []
    # of a statement that was not busy that day more may be known by chance: it does not count
    assert neighbours(calm, busy, busy=frozenset()) == []


def test_a_neighbour_that_comes_or_goes_is_told():
    (event,) = neighbours((2, 0, 9000, 9e5), (2, 3 - 24, 9000, 9e5))
    assert event.kind == "other_load_fell"
    (event,) = neighbours((2, 3, 9000, 9e5))
    assert event.kind == "other_load_rose"
    assert "calls 0 -> 9,000 an hour" in event.detail


def test_the_hours_that_are_compared_are_read_and_those_a_day_earlier():
    onset = AT + HOUR / 2
    (span,) = merged([(onset, onset)], AT + DAY)
    hours = hours_around([span])
    assert len(hours) == len(set(hours)) == 14
    near = [hour for hour in hours if hour > AT - 12 * HOUR]
    assert near == [AT + n * HOUR for n in range(-3, 4)]
    assert [hour + DAY for hour in hours if hour not in near] == near


# --- time ----------------------------------------------------------------------------------------


def happened(kind, hours, lasts=0.0):
    return Event(kind, "x", None, AT + (hours - lasts) * HOUR, AT + hours * HOUR, "")


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 30)), max_size=12))
def test_near_events_are_those_that_touch_the_span(spans):
    events = [happened("a", end, lasts) for end, lasts in spans]
    found = Timeline(events).near(AT, AT + HOUR, AT + 9 * HOUR)
    expected = [e for e in events if AT <= e.end < AT + 9 * HOUR and e.start <= AT + HOUR]
    key = lambda e: (e.end, e.start)  # noqa: E731
    assert sorted(found, key=key) == sorted(expected, key=key)


def test_what_happens_every_hour_is_habit_and_counts_less():
    hourly = [happened("table_analyzed", h) for h in range(-40, 2)]
    line = Timeline(hourly)
    assert line.habit(hourly[-1], AT) == 24
    assert line.habit(happened("other", 0), AT) == 0
    onset = explain.Onset("up", AT, AT + HOUR, AT, AT + HOUR, AT, AT + DAY, None)
    nothing = lambda *_: None  # noqa: E731
    (rare,) = explain.causes(onset, hourly[-1:], nothing, nothing)
    (usual,) = explain.causes(onset, hourly[-1:], nothing, nothing, line.habit)
    assert usual.score == pytest.approx(explain.HABITUAL * rare.score, abs=1e-3)
    assert any("happened 24 times in the day before" in text for text in usual.evidence)


def test_near_onsets_are_read_in_one_go():
    spans = merged([(AT, AT), (AT + DAY, AT + DAY), (AT + 30 * DAY, AT + 30 * DAY)], AT + 30 * DAY)
    assert len(spans) == 2
    assert spans[0] == (AT - BACK, AT + DAY + pressure.NEARBY)
    assert spans[1][1] == AT + 30 * DAY


# --- texts, tables, plans ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("REFRESH MATERIALIZED VIEW hs.mv", ("hs.mv", False)),
        ('  refresh materialized  view concurrently "a b" . "c"', ('"a b"."c"', True)),
        ("SELECT 'refresh materialized view x'", None),
        ("", None),
    ],
)
def test_a_refresh_is_recognised_by_its_text(text, expected):
    assert refreshed_view(text) == expected


def test_words_of_a_text_hold_the_names_of_its_tables():
    words = relations.words('SELECT 1 FROM hs.Work_Orders, "Odd ""Name""" WHERE x = $1')
    assert {"work_orders", 'Odd "Name"'} <= words


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ((50_000, 500), (90_000, 900), "table_grew"),
        ((90_000, 900), (50_000, 900), "table_shrank"),
        ((50_000, 2_000), (50_000, 4_000), "table_bloated"),
        ((50_000, 0), (50_000, 4_000), None),  # never analyzed before
        ((100, 1), (5_000, 40), None),
        ((50_000, 500), (50_000, 700), None),
    ],
)
def test_growth_needs_a_factor_and_a_size(old, new, kind):
    rows = [
        {"ts": AT + h * HOUR, "name": "s.t", "n_live_tup": n, "relpages": pages}
        for h, (n, pages) in ((0, old), (2, new))
    ]
    tables = pl.DataFrame(rows, schema=dict(relations.TABLES), orient="row")
    found = relations.growth(tables, ["s.t"], AT, AT + HOUR, AT + DAY)
    assert [event.kind for event in found] == ([kind] if kind else [])
    assert relations.growth(tables, ["s.other"], AT, AT + HOUR, AT + DAY) == []


def pair(before, after):
    return {"before": before, "after": after}


def judged(blocks, rows=(4.0, 4.1), temp=(0.0, 0.0), uses=(), events=()):
    each = {
        name: None if values is None else pair(*values)
        for name, values in {"blocks": blocks, "rows": rows, "temp_blocks": temp}.items()
    }
    return plans.judge({"per_call": each}, uses, events)


USE = plans.Use(
    "s.t",
    {"seq_scan": 0.0, "seq_tup_read": 0.0, "idx_scan": 40.0},
    {"seq_scan": 9.0, "seq_tup_read": 9e4, "idx_scan": 0.1},
)


def test_other_blocks_for_as_many_rows_are_another_plan():
    found = judged((3.1, 812.0), temp=(0.0, 90.0), uses=[USE])
    assert found == {
        "changed": True,
        "evidence": [
            "3.1 -> 812 blocks a call for as many rows (4 -> 4.1)",
            "0 -> 90 temporary blocks a call",
            "s.t: 0 -> 90,000 rows read sequentially a second, 40 -> 0.1 index scans",
        ],
    }
    assert judged((812.0, 3.1))["changed"]


@pytest.mark.parametrize(
    ("blocks", "rows"), [((3.1, 812.0), (4.0, 900.0)), ((3.1, 5.0), (4.0, 4.0)), ((90, 90), (1, 1))]
)
def test_more_rows_or_few_blocks_are_no_other_plan(blocks, rows):
    assert judged(blocks, rows, uses=[USE]) == {"changed": False, "evidence": []}


def test_what_is_not_known_and_what_grew_is_no_other_plan():
    assert judged(None) is None
    assert judged((3.1, 812.0), rows=None) is None
    assert plans.judge(None, [], []) is None
    grew = Event("table_grew", "s.t", "s.t", AT, AT, "1 -> 9 rows")
    found = judged((3.1, 812.0), events=[grew])
    assert not found["changed"]
    assert found["evidence"][1] == "but s.t changed: 1 -> 9 rows"
    assert plans.event(found, 1, AT, AT) == []


# --- documentation -------------------------------------------------------------------------------


def test_the_documented_weights_are_those_of_the_program():
    page = Path(__file__).parents[2] / "docs" / "findings.md"
    told = {}
    for line in page.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[1].replace(".", "").isdigit():
            for kind in cells[0].replace("`", "").split(", "):
                told[kind] = (float(cells[1]), float(cells[2]))
    assert told == explain.KIND_WEIGHT
