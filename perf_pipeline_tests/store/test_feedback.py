"""What people say of findings: kept, taken back, and what follows for the changes seen."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.store import Store, feedback, progress, targets
from perf_pipeline.store.feedback import Verdict

AT = datetime(2025, 3, 3, 12)
SAID = Verdict(
    finding_id="f1",
    incident_id="i1",
    whole_incident=False,
    verdict="expected",
    given_by="ann",
    given_at=datetime(2025, 3, 5, 9),
    reason="",
    userid=10,
    dbid=5,
    queryid=100,
    toplevel=True,
    metric="mean_exec_time",
    direction="up",
    onset=AT,
    tolerance_seconds=60.0,
    old_level=1.0,
    new_level=2.0,
    severity="critical",
    cause_kind=None,
)


def said(**more):
    return Verdict(**{**vars(SAID), **more})


def changes(*rows):
    """Rows of (series, seconds from AT, direction)."""
    return pl.DataFrame(
        [(date(2025, 3, 3), s, AT + timedelta(seconds=at), d) for s, at, d in rows],
        schema={
            "as_of": pl.Date,
            "series": pl.UInt32,
            "change_ts": pl.Datetime("us"),
            "direction": pl.String,
        },
        orient="row",
    )


SAMPLES = pl.DataFrame(
    {
        "series": [1, 1, 2],
        "userid": [10, 10, 10],
        "dbid": [5, 5, 5],
        "queryid": [100, 100, 200],
        "toplevel": [True, True, True],
    },
    schema_overrides={"series": pl.UInt32},
)


def test_an_expected_change_is_neither_a_rise_nor_a_fall_and_a_false_one_is_gone():
    seen = changes((1, 30, "up"), (1, 500, "up"), (2, 0, "up"))
    accepted = feedback.settled(seen, SAMPLES, [SAID])
    assert accepted["direction"].to_list() == ["accepted", "up", "up"]
    gone = feedback.settled(seen, SAMPLES, [said(verdict="false")])
    assert gone.equals(seen[1:])


@pytest.mark.parametrize(
    "other", [{"queryid": 200}, {"direction": "down"}, {"onset": AT - timedelta(minutes=2)}]
)
def test_another_statement_direction_or_time_is_another_change(other):
    seen = changes((1, 30, "up"))
    assert feedback.settled(seen, SAMPLES, [said(**other)]).equals(seen)


def test_an_acknowledged_change_is_left_as_it_is():
    seen = changes((1, 30, "up"))
    assert feedback.settled(seen, SAMPLES, [said(verdict="acknowledged")]).equals(seen)


def test_of_two_words_on_near_changes_the_nearer_counts():
    seen = changes((1, 50, "up"))
    later = said(onset=AT + timedelta(seconds=55), verdict="false")
    assert feedback.settled(seen, SAMPLES, [SAID, later]).is_empty()
    assert feedback.settled(seen, SAMPLES, [later, SAID]).is_empty()


@given(
    st.lists(
        st.tuples(st.integers(1, 2), st.integers(-300, 300), st.sampled_from(["up", "down"])),
        max_size=6,
    ),
    st.lists(st.integers(-300, 300), max_size=3),
)
def test_the_columns_stay_and_no_row_is_made(rows, onsets):
    seen = changes(*rows)
    words = [said(onset=AT + timedelta(seconds=s)) for s in onsets]
    left = feedback.settled(seen, SAMPLES, words)
    assert left.schema == seen.schema
    assert left.drop("direction").equals(seen.drop("direction"))


# --- names ---------------------------------------------------------------------------------------


def row(finding, incident):
    return {"finding_id": finding, "incident_id": incident}


def test_a_beginning_means_a_finding_or_a_whole_incident_or_nothing():
    rows = [row("aaaa1", "cccc1"), row("aaab1", "cccc1")]
    assert feedback.meant(rows, "aaaa") == ([rows[0]], False)
    assert feedback.meant(rows, "cccc") == (rows, True)
    assert feedback.meant(rows, "aaa") is None
    assert feedback.meant([], "aaaa") is None
    both = [row("cccc9", "dddd1"), row("aaaa1", "cccc1")]
    assert feedback.meant(both, "cccc") is None


# --- what is said of a run -----------------------------------------------------------------------


def test_a_day_tells_what_it_left_out_and_that_it_was_said_later():
    days = [date(2025, 3, 3) + timedelta(days=i) for i in range(5)]
    lines = feedback.notes([SAID, said(verdict="acknowledged")], days, 3)
    assert [line.split(":")[0] for line in lines] == ["2025-03-03", "2025-03-04", "2025-03-05"]
    assert lines[0] == (
        "2025-03-03: f1 is not told: expected, says ann on 2025-03-05 09:00 UTC, after the day"
    )
    assert not lines[2].endswith("after the day")


# --- the store -----------------------------------------------------------------------------------


@pytest.mark.server
def test_the_newest_word_counts_and_the_others_stay(store: Store) -> None:
    target = targets.register(store, "shop")
    _finding(store, target, "f" * 16, "e" * 16)
    for verdict in ("acknowledged", "expected"):
        feedback.give(store, "shop", "ffff", verdict, given_by="ann", reason="planned")
    (word,) = feedback.current(store, target)
    assert (word.verdict, word.given_by, word.reason) == ("expected", "ann", "planned")
    assert (word.key, word.onset, word.tolerance_seconds) == ((10, 5, 100, True), AT, 6 * 60.0)
    assert word.cause_kind == "index_dropped"
    feedback.give(store, "shop", "ffff", "cleared", given_by="bob", reason="")
    assert feedback.current(store, target) == []
    history = store.rows("feedback_history", {"target_id": target, "findings": ["f" * 16]})
    assert [h["verdict"] for h in history] == ["cleared", "expected", "acknowledged"]


@pytest.mark.server
def test_a_finding_that_is_no_longer_told_can_still_be_cleared(store: Store) -> None:
    target = targets.register(store, "shop")
    _finding(store, target, "f" * 16, "e" * 16)
    feedback.give(store, "shop", "eeee", "false", given_by="ann", reason="")
    with store.begin() as connection:
        connection.execute("DELETE FROM perf_mgmt.findings")
    assert feedback.current(store, target)[0].whole_incident
    feedback.give(store, "shop", "ffff", "cleared", given_by="ann", reason="")
    assert feedback.current(store, target) == []


@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "message"), [("fff", "too short"), ("abcdef", "is no finding"), ("", "too short")]
)
def test_a_name_that_means_nothing_is_refused(store: Store, name: str, message: str) -> None:
    target = targets.register(store, "shop")
    _finding(store, target, "f" * 16, "e" * 16)
    with pytest.raises(InputError, match=message):
        feedback.give(store, "shop", name, "false", given_by="ann", reason="")
    with pytest.raises(InputError, match="one of acknowledged"):
        feedback.give(store, "shop", "ffff", "maybe", given_by="ann", reason="")


@pytest.mark.server
def test_days_from_the_onset_on_are_due_again_until_it_is_cleared(store: Store) -> None:
    target = targets.register(store, "shop")
    other = targets.register(store, "barn")
    _finding(store, target, "f" * 16, "e" * 16)
    days = [date(2025, 3, 2) + timedelta(days=i) for i in range(3)]
    with store.begin() as connection:
        for number in (target, other):
            for day in days:
                connection.execute(
                    "INSERT INTO perf_mgmt.day_progress (target_id, day, stage, covered, version)"
                    " VALUES (%s, %s, 'rollup', %s, 7)",
                    (number, day, day),
                )
    for name in ("shop", "barn"):
        noted = progress.inputs(store, name, days[0], days[-1])
        covered = {day: datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days}
        progress.finish(store, name, "findings", covered, noted)
        assert progress.stale(store, name) == {}
    feedback.give(store, "shop", "ffff", "expected", given_by="ann", reason="")
    assert progress.stale(store, "shop") == dict.fromkeys(days[1:], ("findings",))
    assert progress.stale(store, "barn") == {}
    feedback.give(store, "shop", "ffff", "cleared", given_by="ann", reason="")
    assert progress.stale(store, "shop") == {}
    with store.begin() as connection:
        view = connection.execute(
            "SELECT pg_get_viewdef('perf_mgmt.day_inputs'::regclass)"
        ).fetchone()
    assert view is not None
    assert f"day + {progress.WINDOW_DAYS})" in view[0]


def _finding(store: Store, target: int, finding_id: str, incident_id: str) -> None:
    with store.begin() as connection:
        connection.execute(
            "CREATE TABLE perf_mgmt.findings_any PARTITION OF perf_mgmt.findings DEFAULT"
        )
        connection.execute(
            "INSERT INTO perf_mgmt.findings VALUES (%s, '2025-03-03', %s, %s, true, 10, 5, 100,"
            " true, 'mean_exec_time', 'sweep', %s, 'up', 1, 2, 1, 0.9, 1.1, 0, 0, 1, 'all',"
            " 'critical', '', 10, 10, %s, %s)",
            (
                target,
                finding_id,
                incident_id,
                "2025-03-03T12:00:00Z",
                '[{"kind": "index_dropped"}]',
                '{"began_between": ["2025-03-03T11:59:00+00:00", "2025-03-03T12:00:00+00:00"]}',
            ),
        )
