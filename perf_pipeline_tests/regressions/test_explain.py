"""Explaining: events, causes and their order, decomposition, incidents, identity, creep."""

import json
import math
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.regressions import events
from perf_pipeline.regressions.creep import with_creep
from perf_pipeline.regressions.events import Event
from perf_pipeline.regressions.explain import Cause, Onset, causes, mentions, to_json
from perf_pipeline.regressions.flips import with_flips
from perf_pipeline.regressions.identity import (
    LATE_DAYS,
    Sighting,
    belongs,
    earlier_sightings,
    finding_id,
)
from perf_pipeline.regressions.incidents import Member, group
from perf_pipeline.store.samples import HISTORY_SCHEMA, Plan, plan

AT = datetime(2025, 3, 3, 12)
DAY_OF_FLIPS = date(2025, 3, 3)
SECOND = timedelta(seconds=1)
TEXT = "SELECT * FROM hs.work_orders AS w WHERE w.customer_id = $1"
ONSET = Onset(
    "up",
    AT,
    AT + SECOND,
    AT - SECOND,
    AT + 2 * SECOND,
    AT - timedelta(minutes=1),
    AT + timedelta(minutes=1),
    TEXT,
)


def unknown(_name, _start, _end):
    return None


def dropped(name="hs.idx_customer", relation="hs.work_orders", start=AT, **more):
    return Event("index_dropped", name, relation, start, start + SECOND, "", **more)


def ranked(*found, onset=ONSET, scans=unknown, reads=unknown):
    return causes(onset, found, scans, reads)


# --- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM hs.work_orders", True),
        ('SELECT * FROM "hs"."work_orders"', True),
        ("select * from HS . Work_Orders w", True),
        ("SELECT * FROM work_orders, x", True),
        ("SELECT * FROM auto.work_orders", False),
        ("SELECT * FROM hs.work_orders_archive", False),
        ("SELECT * FROM old_work_orders", False),
        ("SELECT work_orders$1", False),
    ],
)
def test_a_relation_is_named_as_a_whole_word_with_its_schema_or_none(text, expected):
    assert mentions(text, "hs.work_orders") is expected


@given(st.text(max_size=40), st.text(min_size=1, max_size=10))
def test_any_text_and_any_name_are_compared_without_error(text, name):
    assert mentions(f"FROM {text}", f"hs.{name}") in {True, False}


# --- events --------------------------------------------------------------------------------------


def schema_row(**more):
    return {
        "ts": AT,
        "previous_ts": AT - SECOND,
        "kind": "index",
        "object_name": "hs.idx_customer",
        "relation_name": "hs.work_orders",
        "change": "dropped",
        "definition_before": "CREATE INDEX idx_customer ON hs.work_orders"
        " USING btree (customer_id, created_at DESC)",
        "definition_after": None,
        **more,
    }


def test_schema_changes_become_events_that_know_their_columns():
    event = events.schema_events([schema_row()])[0]
    assert (event.kind, event.relation, event.words) == (
        "index_dropped",
        "hs.work_orders",
        ("customer_id",),
    )
    column = schema_row(
        kind="column", object_name="hs.work_orders.note", change="altered", definition_after="text"
    )
    assert events.schema_events([column])[0].words == ("note",)
    table = schema_row(kind="table", object_name="hs.work_orders", relation_name=None)
    assert events.schema_events([table])[0].relation == "hs.work_orders"


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("CREATE INDEX i ON s.t USING btree (customer_id, x)", ("customer_id",)),
        ('CREATE UNIQUE INDEX i ON t USING hash ("Id")', ("id",)),
        ("CREATE INDEX i ON t USING btree (lower(email))", ("lower",)),
        ("invalid", ()),
        ("", ()),
    ],
)
def test_the_leading_column_of_a_definition(definition, expected):
    assert events.leading_column(definition) == expected


def test_a_setting_that_waits_for_a_restart_is_no_event():
    row = {
        "ts": AT,
        "previous_ts": AT - SECOND,
        "name": "work_mem",
        "value_before": "65536",
        "value_after": "4096",
        "unit": "kB",
        "pending_restart": False,
    }
    found = events.setting_events([row, {**row, "pending_restart": True}])
    assert [event.kind for event in found] == ["planner_setting_changed"]
    other = events.setting_events([{**row, "name": "log_min_duration_statement"}])
    assert [event.kind for event in other] == ["setting_changed"]


def test_restarts_upgrades_and_failovers_are_told_from_sweeps():
    sweep = {
        "ts": AT,
        "server_version_num": 170004,
        "system_identifier": 1,
        "timeline": 1,
        "postmaster_start": AT - timedelta(days=1),
        "in_recovery": False,
    }
    restart = {**sweep, "ts": AT + SECOND, "postmaster_start": AT}
    upgrade = {**restart, "ts": AT + 2 * SECOND, "server_version_num": 180001}
    failover = {**upgrade, "ts": AT + 3 * SECOND, "timeline": 2}
    quiet = {**failover, "ts": AT + 4 * SECOND}
    unknown_row = dict.fromkeys(sweep) | {"ts": AT + 5 * SECOND}
    found = events.server_events([sweep, restart, upgrade, failover, quiet, unknown_row])
    assert [event.kind for event in found] == [
        "server_restarted",
        "server_upgraded",
        "server_replaced",
    ]
    assert [event.end for event in found] == [AT + i * SECOND for i in (1, 2, 3)]


def test_analyzes_and_vacuums_become_events_of_their_table():
    row = {
        "ts": AT,
        "previous_ts": AT - SECOND,
        "schema_name": "hs",
        "table_name": "work_orders",
        "analyzes": 1,
        "vacuums": 2,
    }
    found = events.maintenance_events([row])
    assert [(e.kind, e.object) for e in found] == [
        ("table_analyzed", "hs.work_orders"),
        ("table_vacuumed", "hs.work_orders"),
    ]


# --- causes --------------------------------------------------------------------------------------


def test_the_index_of_the_statements_own_table_beats_everything_else():
    setting = Event("planner_setting_changed", "work_mem", None, AT, AT + SECOND, "")
    analyzed = Event("table_analyzed", "hs.work_orders", "hs.work_orders", AT, AT + SECOND, "")
    elsewhere = dropped("auto.idx_vehicle", "auto.vehicles")
    found = ranked(setting, elsewhere, analyzed, dropped())
    assert [c.object for c in found] == ["hs.idx_customer", "work_mem", "hs.work_orders"]


def test_naming_the_leading_column_beats_naming_the_table():
    by_column = ranked(dropped(words=("customer_id",)))[0]
    by_table = ranked(dropped(words=("created_at",)))[0]
    assert by_column.score > by_table.score
    assert "the statement names hs.work_orders and customer_id" in by_column.evidence


def test_an_index_nobody_scanned_is_an_unlikely_cause_and_one_in_use_a_likely_one():
    used = ranked(dropped(), scans=lambda *_: 12.5)[0]
    idle = ranked(dropped(), scans=lambda *_: 0.0)[0]
    open_question = ranked(dropped())[0]
    assert used.score > open_question.score > idle.score
    assert "the index was scanned 12.5 times a second before" in used.evidence
    assert "the index was not scanned before" in idle.evidence


def test_a_rise_of_sequential_reads_is_evidence_and_its_absence_counts_against():
    rose = ranked(dropped(), reads=lambda _n, start, _e: 10.0 if start < AT else 5000.0)[0]
    same = ranked(dropped(), reads=lambda *_: 10.0)[0]
    assert rose.score > ranked(dropped())[0].score > same.score
    assert any("rose from 10 to 5,000 rows a second" in line for line in rose.evidence)


def test_the_nearer_event_is_likelier_and_a_far_one_is_none():
    inside = ranked(dropped())[0].score
    wider = replace(ONSET, latest=AT + timedelta(seconds=3))
    just_after = ranked(dropped(start=AT + 2 * SECOND), onset=wider)[0].score
    assert 0 < just_after < inside
    assert ranked(dropped(start=AT + timedelta(minutes=1))) == []
    assert ranked(dropped(start=AT - timedelta(minutes=1))) == []


def test_without_a_text_the_relation_is_an_open_question_and_is_said_to_be():
    found = ranked(dropped(), onset=replace(ONSET, text=None))[0]
    assert 0 < found.score < ranked(dropped())[0].score
    assert any("no text" in line for line in found.evidence)


def test_an_index_created_explains_a_fall_more_than_a_rise():
    made = Event("index_created", "hs.i", "hs.work_orders", AT, AT + SECOND, "")
    fall = ranked(made, onset=replace(ONSET, direction="down"))[0].score
    assert fall > 2 * ranked(made)[0].score


def test_causes_are_json_with_an_iso_instant():
    parsed = json.loads(to_json(ranked(dropped(), scans=lambda *_: 1.0)))
    assert set(parsed[0]) == {"kind", "object", "at", "score", "evidence"}
    assert datetime.fromisoformat(parsed[0]["at"]).utcoffset() == timedelta(0)
    assert to_json([]) == "[]"


# --- incidents -----------------------------------------------------------------------------------


def member(name, *, score=0.0, thing="i", onset=AT, added=1.0, dbid=1, kind="index_dropped"):
    found = [Cause(kind, thing, AT, score, ())] if score else []
    return Member(name, dbid, "up", onset, added, found)


def names(found):
    return {name: incident.incident_id for name, incident in found.items()}


def leads(found):
    return [name for name, incident in found.items() if incident.leads]


def test_findings_with_one_cause_are_one_incident_and_the_best_fit_leads():
    found = group("t", [member("a", score=0.6), member("b", score=0.9), member("c")], {1: 100})
    ids = names(found)
    assert ids["a"] == ids["b"] != ids["c"]
    assert leads(found) == ["b", "c"]
    assert [found[n].why for n in "abc"] == ["cause", "cause", "finding"]


def test_an_incident_costs_what_its_findings_cost():
    found = group("t", [member("a", score=0.9, added=5.0), member("b", score=0.8, added=-2.0)], {})
    assert {(i.findings, i.added_ms_per_day) for i in found.values()} == {(2, 3.0)}


def test_an_unlikely_common_cause_groups_nothing():
    found = names(group("t", [member("a", score=0.2), member("b", score=0.2)], {1: 100}))
    assert found["a"] != found["b"]


def test_a_fifth_of_a_database_changing_in_one_hour_is_one_incident():
    some = [member(name, onset=AT + timedelta(minutes=i)) for i, name in enumerate("abc")]
    assert len(set(names(group("t", some, {1: 15})).values())) == 1
    assert len(set(names(group("t", some, {1: 16})).values())) == 3
    assert len(set(names(group("t", some[:2], {1: 2})).values())) == 2


def test_an_hour_of_a_database_is_counted_from_its_first_change_not_from_the_clock():
    some = [member(n, onset=AT + timedelta(minutes=50 + 5 * i)) for i, n in enumerate("abc")]
    assert len(set(names(group("t", some, {1: 15})).values())) == 1
    later = [*some[:2], member("c", onset=AT + timedelta(minutes=110))]
    assert len(set(names(group("t", later, {1: 15})).values())) == 3


def test_a_database_event_takes_in_those_with_causes_of_their_own():
    own = [member(n, score=0.9, thing=n) for n in "ab"]
    found = group("t", [*own, member("c"), member("d")], {1: 20})
    assert {i.why for i in found.values()} == {"database"}
    assert len(set(names(found).values())) == 1


def test_a_database_event_is_named_by_the_cause_that_most_have():
    most = [member(n, score=0.5, kind="planner_setting_changed", thing="work_mem") for n in "abc"]
    found = group("t", [*most, member("d")], {1: 20})
    assert {i.why for i in found.values()} == {"cause"}
    alone = group("t", most[:1], {1: 20})
    assert set(names(alone).values()) == set(names(found).values())


def test_what_moved_is_dated_by_the_first_onset_and_so_keeps_its_name():
    early = member("a", score=0.4, kind="disk_waits_rose", thing="")
    late = replace(
        member("b", score=0.4, kind="disk_waits_rose", thing="", onset=AT + 59 * 60 * SECOND),
        causes=[Cause("disk_waits_rose", "", AT + 60 * 60 * SECOND, 0.4, ())],
    )
    both = names(group("t", [early, late], {1: 100}))
    assert both["a"] == both["b"] == names(group("t", [early], {1: 100}))["a"]
    apart = replace(late, onset=AT + 61 * 60 * SECOND)
    assert len(set(names(group("t", [early, apart], {1: 100})).values())) == 2


def test_an_unstable_statement_is_an_incident_of_its_own():
    flips = replace(member("a", score=0.9), unstable="a")
    found = group("t", [flips, member("b", score=0.9)], {1: 100})
    assert found["a"].incident_id != found["b"].incident_id
    assert found["a"].why == "unstable"


def test_an_incident_keeps_its_name_when_more_findings_join_and_differs_by_target():
    first = group("t", [member("a", score=0.9)], {})["a"].incident_id
    assert (
        group("t", [member("a", score=0.9), member("b", score=0.95)], {})["a"].incident_id == first
    )
    assert group("u", [member("a", score=0.9)], {})["a"].incident_id != first


# --- flips ---------------------------------------------------------------------------------------


def flips(*moves, day=DAY_OF_FLIPS, series=1):
    """Rows of (days before the end of the day, old level, new level)."""
    end = datetime.combine(day + timedelta(days=1), datetime.min.time())
    return pl.DataFrame(
        [
            {
                "as_of": day,
                "series": series,
                "change_ts": end - timedelta(days=ago),
                "direction": "up" if new > old else "down",
                "old_level": float(old),
                "new_level": float(new),
            }
            for ago, old, new in moves
        ]
    )


TO_AND_FRO = [(25, 1, 4), (20, 4, 1), (15, 1, 4), (10, 4, 1), (5, 1, 4.2)]


def test_more_than_three_changes_to_and_fro_are_flips():
    found = with_flips(flips(*TO_AND_FRO))
    assert found["flips"].to_list() == [0, 0, 0, 4, 5]
    assert found["flips_since"].n_unique() == 1


def test_a_level_that_is_new_is_no_flip():
    higher = [*TO_AND_FRO[:4], (5, 1, 8)]
    assert with_flips(flips(*higher))["flips"].to_list() == [0, 0, 0, 4, 0]


def test_two_rises_in_a_row_and_old_changes_begin_anew():
    rising = [(25, 1, 4), (20, 4, 1), (15, 1, 4), (10, 4, 5), (5, 5, 1)]
    assert with_flips(flips(*rising))["flips"].sum() == 0
    old = [(34, 1, 4), (31, 4, 1), (15, 1, 4), (10, 4, 1), (5, 1, 4)]
    assert with_flips(flips(*old))["flips"].sum() == 0


def test_an_accepted_change_and_another_series_begin_anew():
    accepted = flips(*TO_AND_FRO).with_columns(
        direction=pl.when(pl.col("change_ts") == pl.col("change_ts").min())
        .then(pl.lit("accepted"))
        .otherwise("direction")
    )
    assert with_flips(accepted)["flips"].to_list() == [0, 0, 0, 0, 4]
    both = pl.concat([flips(*TO_AND_FRO[:2]), flips(*TO_AND_FRO[2:], series=2)])
    assert with_flips(both)["flips"].sum() == 0


def test_no_changes_have_no_flips():
    assert with_flips(flips(*TO_AND_FRO).clear()).columns[-2:] == ["flips_since", "flips"]


# --- identity ------------------------------------------------------------------------------------

DAY = date(2025, 3, 3)
SEEN = Sighting(DAY, "collected", (1, 2, 3, True), "up", AT, timedelta(hours=1), 1e-9)


def test_a_change_seen_before_keeps_its_first_onset_as_its_name():
    later = replace(SEEN, as_of=DAY + timedelta(days=2), onset=AT + timedelta(hours=3))
    between = replace(SEEN, as_of=DAY + timedelta(days=1), onset=AT + timedelta(hours=1))
    first = earlier_sightings(later, [between, SEEN, later], 0.01)[0]
    assert first is SEEN
    assert finding_id("t", "m", first) == finding_id("t", "m", SEEN)
    assert finding_id("t", "m", later) != finding_id("t", "m", SEEN)


@pytest.mark.parametrize(
    "other",
    [
        {"direction": "down"},
        {"source": "generated"},
        {"key": (1, 2, 4, True)},
        {"onset": AT - timedelta(hours=7)},
        {"p_value": 0.02},
        {"as_of": DAY - timedelta(days=LATE_DAYS)},
        {"as_of": DAY + timedelta(days=1)},
    ],
)
def test_what_differs_is_another_change(other):
    assert earlier_sightings(SEEN, [replace(SEEN, as_of=DAY - timedelta(days=1))], 0.01)
    different = replace(SEEN, **{"as_of": DAY - timedelta(days=1), **other})
    assert earlier_sightings(SEEN, [different], 0.01) == []


@pytest.mark.parametrize(
    ("age_days", "grade", "before", "expected"),
    [
        (2, 0, [0], True),  # fresh: known or not
        (3, 0, [], True),  # shows late
        (3, 0, [0], False),  # known
        (13, 0, [], True),
        (14, 0, [], False),  # too old to be news
        (13, 1, [0, 0], True),  # grew past a limit
        (20, 2, [0, 1], True),
        (20, 1, [1, 0], False),  # was above it before
    ],
)
def test_a_change_belongs_to_the_day_it_is_fresh_late_or_grown(age_days, grade, before, expected):
    midnight = datetime(2025, 3, 4)
    own = replace(SEEN, onset=midnight - timedelta(days=age_days, hours=12), grade=grade)
    earlier = [replace(own, as_of=DAY - timedelta(days=1), grade=was) for was in before]
    assert belongs(own, earlier) is expected


# --- creep ---------------------------------------------------------------------------------------


def step(hour, size, *, half=0.02, direction="up", series=1, level=1.0):
    return {
        "as_of": DAY,
        "series": series,
        "change_ts": AT + timedelta(hours=hour),
        "direction": direction,
        "relative_change": size,
        "relative_change_low": math.expm1(math.log1p(size) - half),
        "relative_change_high": math.expm1(math.log1p(size) + half),
        "p_value": 1e-6 * (hour + 1),
        "old_level": level,
        "new_level": level * (1 + size),
        "n_before": 50 + hour,
        "n_after": 30,
    }


def test_small_rises_add_up_against_the_level_before_the_first():
    rows = [step(0, 0.08), step(40, 0.09, level=1.08), step(90, 0.1, level=1.1772)]
    found = with_creep(pl.DataFrame(rows)).to_dicts()
    assert [row["steps"] for row in found] == [1, 2, 3]
    last = found[-1]
    assert last["relative_change"] == pytest.approx(1.08 * 1.09 * 1.1 - 1)
    width = math.log1p(last["relative_change"]) - math.log1p(last["relative_change_low"])
    assert width == pytest.approx(0.02 * math.sqrt(3))
    assert (last["since"], last["old_level"], last["n_before"]) == (AT, 1.0, 50)
    assert last["p_value"] == pytest.approx(91e-6)


def test_a_large_rise_a_fall_and_another_series_start_anew():
    rows = [step(0, 0.9), step(20, 0.08), step(40, -0.08, direction="down"), step(60, 0.08)]
    rows.append(step(80, 0.08, series=2))
    found = with_creep(pl.DataFrame(rows))
    assert found["steps"].to_list() == [1] * 5
    assert found["since"].to_list() == found["change_ts"].to_list()


def test_no_changes_give_no_rows_with_the_columns():
    empty = pl.DataFrame([step(0, 0.1)]).clear()
    assert with_creep(empty).columns == [*empty.columns, "steps", "since"]


# --- source and grain ----------------------------------------------------------------------------


def history(*rows):
    return pl.DataFrame(list(rows), schema=dict(HISTORY_SCHEMA), orient="row")


def span(day, source="collected", origin="sweep", hours=24):
    return (origin, day, source, hours)


def test_72_hours_with_data_decide_the_grain():
    days = [DAY + timedelta(days=i) for i in range(5)]
    found = plan(history(*[span(day) for day in days]), days)
    assert [p.grain for p in found] == ["sweep"] * 2 + ["hour"] * 3


def test_two_looks_a_week_apart_are_two_hours_not_a_week():
    days = [DAY, DAY + timedelta(days=7)]
    found = plan(history(*[span(day, hours=1) for day in days]), days)
    assert [p.grain for p in found] == ["sweep", "sweep"]


def test_days_kept_as_rollups_only_count_as_history():
    old = [span(DAY - timedelta(days=i), origin="hour") for i in range(1, 4)]
    assert plan(history(*old, span(DAY, hours=1)), [DAY])[0].grain == "hour"


def test_real_sweeps_win_over_generated_ones_and_know_nothing_of_them():
    before = [span(DAY - timedelta(days=i), "generated") for i in range(1, 20)]
    rows = history(*before, span(DAY), span(DAY, "generated"), span(DAY, "imported"))
    assert plan(rows, [DAY]) == [Plan(DAY, "collected", "sweep")]
    assert plan(rows, [DAY - timedelta(days=1)]) == [
        Plan(DAY - timedelta(days=1), "generated", "hour")
    ]


def test_a_day_without_data_is_left_out_and_one_without_raw_rows_uses_hours():
    rows = history(span(DAY, origin="hour"))
    assert plan(rows, [DAY, DAY + timedelta(days=1)]) == [Plan(DAY, "collected", "hour")]
