"""Generated history: deterministic, kept apart from real sweeps, and true to its story."""

from datetime import date, timedelta

import numpy as np
import psycopg
import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import history, ledger_rows, simulate, story
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, archive, ledger, place, targets
from perf_pipeline.store.retention import Policy

END = date(2025, 3, 31)
STATEMENTS = simulate.statements()


def content(store: Store) -> dict[str, list[tuple]]:
    with store.begin() as connection:
        return {
            table: connection.execute(
                f"SELECT t::text FROM ledger.{table} AS t ORDER BY 1"
            ).fetchall()
            for table in (*history.TABLES, "query_texts", "statement_texts")
        }


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    line = ledger_rows.timeline(END - timedelta(days=9), END, timedelta(hours=1))
    told = story.happenings(END - timedelta(days=9), END)
    first, _ = ledger_rows.statement_rows(line, STATEMENTS, told, 5)
    again, _ = ledger_rows.statement_rows(line, STATEMENTS, told, 5)
    other, _ = ledger_rows.statement_rows(line, STATEMENTS, told, 6)
    assert first.equals(again)
    assert not first.equals(other)


def test_one_statement_more_changes_none_of_the_others():
    line = ledger_rows.timeline(END, END, timedelta(hours=1))
    some, _ = ledger_rows.statement_rows(line, STATEMENTS[1:], [], 5)
    more, _ = ledger_rows.statement_rows(line, STATEMENTS, [], 5)
    kept = more.filter(more["queryid"] != STATEMENTS[0].queryid)
    assert kept.equals(some)


@pytest.mark.parametrize("step", history.STEPS)
def test_every_interval_of_a_day_ends_on_that_day(step):
    line = ledger_rows.timeline(END, END, step)
    assert len(line.ends) == timedelta(days=1) // step
    assert {ts.date() for ts in line.ends} == {END}


def test_an_effect_shows_from_its_onset_on_and_a_drift_grows():
    line = ledger_rows.timeline(END - timedelta(days=59), END, timedelta(hours=1))
    told = story.happenings(END - timedelta(days=59), END)
    assert len(told) == len(story.STORY)
    _, did = ledger_rows.statement_rows(line, STATEMENTS, told, 1)
    for truth in story.truths(told, {s.name: s.queryid for s in STATEMENTS}):
        factor = did[truth.statement].factor
        before = np.array([ts <= truth.onset for ts in line.ends])
        assert (factor[before] == 1.0).all()
        assert factor[-1] == pytest.approx(truth.factor)
    drift = did["day_plan"].factor
    assert (np.diff(drift) >= 0).all()
    assert (drift[(drift > 1.0) & (drift < 2.2)]).size > 0


def test_a_short_history_tells_only_what_has_quiet_days_before_it():
    assert story.happenings(END - timedelta(days=6), END) == []
    told = story.happenings(END - timedelta(days=20), END)
    assert [h.kind for _, h in told] == ["index_dropped", "planner_setting_changed"]


@pytest.mark.server
def test_running_it_twice_leaves_the_same_rows_and_a_shorter_one_no_remains(store):
    made = history.generate(store, "demo", 20, END, 3)
    once = content(store)
    assert history.generate(store, "demo", 20, END, 3) == made
    assert content(store) == once
    assert made.sweeps == len(once["sweeps"]) == 480
    assert {t.cause_kind for t in made.truths} == {"index_dropped", "planner_setting_changed"}
    history.generate(store, "demo", 2, END, 3)
    assert len(content(store)["sweeps"]) == 48


@pytest.mark.server
def test_real_sweeps_are_never_overwritten_nor_followed(store):
    made = history.generate(store, "demo", 2, END, 3)
    with store.begin() as connection:
        connection.execute(
            "UPDATE ledger.sweeps SET source = 'collected'"
            " WHERE ts = (SELECT max(ts) FROM ledger.sweeps)"
        )
    before = content(store)
    with pytest.raises(ConfigurationError, match=r"real sweeps from 2025-03-31 23:55"):
        history.generate(store, "demo", 2, END, 3)
    assert content(store) == before
    ends_before = history.generate(store, "demo", 2, seed=3)
    assert ends_before.end == made.end - timedelta(days=1)


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 1001}, {"seed": -1}])
def test_numbers_out_of_range_are_named(wrong):
    # refused before the store is touched
    with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))}="):
        history.generate(None, "demo", **{"end": END, **wrong})
    with pytest.raises(ConfigurationError, match="step="):
        history.generate(None, "demo", end=END, step=timedelta(minutes=7))


@pytest.mark.server
def test_every_text_is_a_statement_of_the_example_database(shared: psycopg.Connection):
    for number, file in enumerate(sqlfiles.folder(simulate.FOLDER)):
        shared.execute(f"PREPARE history_{number} AS {file.text}")
    assert number == len(STATEMENTS) - 1


def test_statements_have_names_ids_and_texts_of_their_own():
    assert len({s.queryid for s in STATEMENTS}) == len({s.text for s in STATEMENTS}) == 24
    assert all(not s.text.startswith("--") for s in STATEMENTS)


def test_spans_tell_what_a_target_has(store: Store):
    assert history.spans(store, "nobody") == {}
    made = history.generate(store, "thorbis", days=9, end=END)
    held = history.spans(store, "thorbis")
    assert set(held) == {"generated"}
    # an interval belongs to the day of its end
    assert made.first <= held["generated"]["first_ts"].date()
    assert held["generated"]["last_ts"].date() <= made.end


def test_history_that_was_archived_is_replaced_all_the_same(store: Store) -> None:
    end = date(2026, 6, 30)
    history.generate(store, "thorbis", 3, end)
    before = history.spans(store, "thorbis")
    archive.run(store, place.current(), Policy.from_settings(), end + timedelta(days=100))
    assert history.spans(store, "thorbis") == before
    history.generate(store, "thorbis", 2, end)
    target_id = targets.find(store, "thorbis")
    days = ledger.read(store, "sweeps", target_id)["ts"].dt.date()
    assert sorted(days.unique()) == [end - timedelta(days=1), end]
    assert ledger.read(store, "statements", target_id)["ts"].dt.date().n_unique() == 2
