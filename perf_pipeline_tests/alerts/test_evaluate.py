"""Levels, hysteresis, duration, absence, incidents, and how often they are told: pure."""

import dataclasses
import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.alerts.evaluate import clear_of, level_of, step
from perf_pipeline.alerts.model import RANK
from perf_pipeline.alerts.state import Incident, State, Told
from perf_pipeline_tests.alerts.support import FIVE, START, Story, policy, value

NUMBERS = st.one_of(st.none(), st.floats(0, 200, allow_nan=False))


def test_a_threshold_is_passed_beyond_it() -> None:
    above = policy()
    assert level_of(above, 50.0, "ok") == "ok"
    assert level_of(above, 50.1, "ok") == "warning"
    assert level_of(above, 80.1, "ok") == "critical"


def test_a_ratio_is_bad_below_its_threshold() -> None:
    """The source had it the other way round: 99 was critical, 80 nothing (D-115)."""
    below = policy("cache_hit_ratio_percent", warning=95.0, critical=90.0)
    assert [level_of(below, each, "ok") for each in (99.0, 95.0, 94.9, 90.0, 80.0)] == [
        *("ok", "ok", "warning", "warning", "critical")
    ]


def test_a_level_ends_only_some_way_back() -> None:
    story = Story([policy()])
    story.series([51.0, 49.0, 47.4])
    assert [state.level for state in story.states.values()] == ["ok"]
    story = Story([policy()])
    story.series([51.0, 49.0])
    assert [state.level for state in story.states.values()] == ["warning"]


def test_where_a_warning_ends_can_be_said() -> None:
    assert level_of(policy(clear=20.0), 21.0, "warning") == "warning"
    assert level_of(policy(clear=20.0), 20.0, "warning") == "ok"


@given(NUMBERS.filter(lambda n: n is not None), st.sampled_from(["ok", "warning", "critical"]))
def test_what_holds_never_makes_a_level_lower(number: float, held: Any) -> None:
    """Hysteresis can only keep a level; a fresh look never says more than a held one."""
    for each in (policy(), policy("cache_hit_ratio_percent", warning=95.0, critical=90.0)):
        fresh, kept = level_of(each, number, "ok"), level_of(each, number, held)
        assert RANK[fresh] <= RANK[kept] <= max(RANK[held], RANK[fresh])


def test_no_data_is_neither_well_nor_a_breach() -> None:
    story = Story([policy()])
    story.at(START, [])
    assert story.states["active_connections", ""].level == "no_data"
    assert not story.incidents
    story.at(START + FIVE, [value(None, START + FIVE)])
    story.at(START + 2 * FIVE, [value(float("nan"), START + 2 * FIVE)])
    assert story.states["active_connections", ""].level == "no_data"
    assert not story.messages


def test_too_few_samples_are_no_data() -> None:
    story = Story([policy(minimum_samples=20)])
    story.at(START, [value(99.0, samples=19)])
    assert story.states["active_connections", ""].level == "no_data"
    story.at(START + FIVE, [value(99.0, START + FIVE, samples=20)])
    assert story.states["active_connections", ""].level == "critical"


def test_old_evidence_is_no_data() -> None:
    story = Story([policy()])
    story.at(START, [value(99.0)])
    story.at(START + timedelta(minutes=15), [value(99.0)])
    assert story.states["active_connections", ""].level == "critical"
    story.at(START + timedelta(minutes=16), [value(99.0)])
    assert story.states["active_connections", ""].level == "no_data"


def test_an_incident_is_not_over_because_nobody_can_tell() -> None:
    story = Story([policy()])
    story.series([99.0, None, None, None])
    assert [incident.level for incident in story.open] == ["critical"]
    assert story.kinds == ["opened"]
    later = START + 4 * FIVE
    story.at(later, [value(1.0, later)])
    assert story.open == []
    assert story.kinds == ["opened", "resolved"]


def test_what_is_no_longer_measured_ends_after_its_time_and_is_told_as_that_once() -> None:
    story = Story([policy(unmeasured_minutes=60)])
    story.series([99.0, None, None])
    assert "no data since 2026-03-04 12:05" in story.open[0].members[0].told
    hour = timedelta(hours=1)
    story.at(START + hour, [])
    assert len(story.open) == 1
    for more in range(3):
        story.at(START + FIVE + hour + more * FIVE, [])
    assert story.open == []
    assert story.kinds == ["opened", "resolved"]
    said = story.messages[-1]
    assert said.title == "[shop] ENDED: no longer measured: " + story.messages[0].title[17:]
    assert "whether it is well is not known" in said.body
    later = START + 2 * hour
    story.at(later, [value(99.0, later)])
    assert [each.opened_at for each in story.open] == [later]
    assert "no longer" not in story.open[0].title


def test_who_is_not_measured_stays_beside_what_is_and_zero_keeps_it() -> None:
    two = [
        policy(cause="connections", unmeasured_minutes=10),
        policy("idle_in_transaction", warning=5.0, critical=None, cause="connections"),
        policy("probe_ms", unmeasured_minutes=0),
    ]
    story = Story(two)
    at = START
    for sweep in range(5):
        at = START + sweep * FIVE
        rows = [value(99.0), value(99.0, name="probe_ms")] if not sweep else []
        story.at(at, [*rows, value(9.0, at, "idle_in_transaction")])
    assert {each.cause: len(each.members) for each in story.open} == {
        "connections": 2,
        "probe_ms": 1,
    }
    at += FIVE
    story.at(at, [value(1.0, at, "idle_in_transaction")])
    assert [each.cause for each in story.open] == ["probe_ms"]
    (ended,) = (each for each in story.incidents.values() if each.over)
    assert ended.title.startswith("no longer measured: ")


def test_edited_thresholds_count_at_the_next_look() -> None:
    """Also where the next evidence is a day away."""
    story = Story([policy(clear_minutes=5.0)])
    story.at(START, [value(60.0)])
    for warning, level in ((70.0, "ok"), (55.0, "warning"), (None, "ok"), (59.9, "warning")):
        story.policies = [policy(clear_minutes=5.0, warning=warning)]
        story.at(START + FIVE, [value(60.0)])
        assert story.states["active_connections", ""].level == level
    story.policies = [policy(warning=55.0, critical=59.0, for_minutes=10.0)]
    story.at(START + FIVE, [value(60.0)])
    assert story.states["active_connections", ""].level == "warning"


def test_a_breach_has_to_last() -> None:
    story = Story([policy(for_minutes=10)])
    story.series([60.0, 60.0, 10.0, 60.0, 60.0])
    assert story.open == []
    later = START + 5 * FIVE
    story.at(later, [value(60.0, later)])
    assert len(story.open) == 1


def test_looking_often_at_one_sweep_does_not_make_it_last() -> None:
    story = Story([policy(for_minutes=10)])
    for minute in range(15):
        story.at(START + timedelta(minutes=minute), [value(60.0)])
    assert story.open == []


def test_evaluated_again_nothing_changes() -> None:
    story = Story([policy()])
    story.at(START, [value(99.0)])
    states, kinds = dict(story.states), list(story.kinds)
    for minute in (0, 1, 2):
        made = story.at(START + timedelta(minutes=minute), [value(99.0)])
        assert not made.changed
    assert (story.states, story.kinds) == (states, kinds)


def test_critical_is_told_at_once_and_once() -> None:
    story = Story([policy()])
    for minute, number in enumerate((60.0, 90.0, 60.0, 90.0, 60.0, 90.0)):
        at = START + timedelta(minutes=minute)
        story.at(at, [value(number, at)])
    assert story.kinds == ["opened", "worse"]


def test_one_message_in_fifteen_minutes() -> None:
    """The source told the same at every call (D-060, D-115)."""
    story = Story([policy(remind_minutes=0.0)])
    for minute in range(120):
        at = START + timedelta(minutes=minute)
        story.at(at, [value(60.0, at)])
    assert story.kinds == ["opened"]


def test_reminders_end_when_somebody_has_it() -> None:
    story = Story([policy(remind_minutes=60.0)])
    for minute in range(0, 130, 5):
        at = START + timedelta(minutes=minute)
        story.at(at, [value(60.0, at)])
    assert story.kinds == ["opened", "reminder", "reminder"]
    story.incidents = {
        key: dataclasses.replace(each, status="acknowledged")
        for key, each in story.incidents.items()
    }
    for minute in range(130, 400, 5):
        at = START + timedelta(minutes=minute)
        story.at(at, [value(60.0, at)])
    assert story.kinds == ["opened", "reminder", "reminder"]
    assert [each.status for each in story.open] == ["acknowledged"]


def test_to_and_fro_is_told_as_flapping_once() -> None:
    story = Story([policy(frequency_minutes=5.0, remind_minutes=0.0)])
    story.series([99.0, 1.0] * 24)
    told = story.kinds
    assert told.count("flapping") == 1
    assert len(told) <= 8
    assert any(each.flapping for each in story.open)
    began = START + 48 * FIVE
    for place in range(30):
        at = began + place * FIVE
        story.at(at, [value(1.0, at)])
    assert story.open == []
    assert story.kinds[-1] == "resolved"


def test_what_begins_again_while_it_flaps_says_so_and_another_cause_is_no_recovery() -> None:
    story = Story([policy()])
    story.series([60.0, 10.0] * 12)
    told = [message.title.split(":")[0] for message in story.messages]
    assert told == ["[shop] WARNING", "[shop] RESOLVED", "[shop] WARNING, FLAPPING"]
    moved = Story([policy()])
    moved.at(START, [value(60.0)])
    moved.policies = [policy(cause="pool")]
    later = START + 4 * FIVE
    moved.at(later, [value(61.0, later)])
    assert [each.cause for each in moved.open] == ["pool"]
    assert "ENDED: now in another incident: active_connections" in moved.messages[-1].title


def test_what_has_one_cause_is_one_incident() -> None:
    """A plan that flips under 14 statements is one page."""
    found = policy("regressions", warning=0.5, critical=1.5, hysteresis_percent=0.0)
    story = Story([found])
    rows = [
        value(1.0 + (n == 3), name="regressions", subject=f"f{n}", cause="regression:index-dropped")
        for n in range(14)
    ]
    story.at(START, [*rows, value(1.0, name="regressions", subject="x", cause="regression:other")])
    assert sorted(len(each.members) for each in story.open) == [1, 14]
    assert story.kinds == ["opened", "opened"]
    assert story.messages[0].level == "critical"
    assert "and 4 more" in story.messages[0].body


def test_an_event_that_left_the_window_is_over() -> None:
    found = policy("regressions", warning=0.5, critical=1.5)
    story = Story([found])
    story.at(START, [value(2.0, name="regressions", subject="f", cause="c")])
    story.at(START + timedelta(days=2), [])
    assert story.open == []
    assert ("regressions", "f") not in story.states


def test_policies_of_one_cause_share_an_incident() -> None:
    both = [
        policy(cause="connections"),
        policy("connection_usage_percent", cause="connections"),
    ]
    story = Story(both)
    story.at(START, [value(60.0), value(90.0, name="connection_usage_percent")])
    (incident,) = story.open
    assert incident.level == "critical"
    assert [member.policy for member in incident.members] == [
        *("connection_usage_percent", "active_connections")
    ]
    later = START + FIVE
    story.at(later, [value(60.0, later), value(1.0, later, "connection_usage_percent")])
    assert [each.level for each in story.open] == ["warning"]


def test_one_members_answer_is_not_anothers() -> None:
    """The source told the answer of one metric beside another (D-116)."""
    story = Story([policy(), policy("database_size_gb")])
    story.at(START, [value(60.0, told="pool"), value(60.0, name="database_size_gb")])
    said = {each.members[0].policy: each.members[0].told for each in story.open}
    assert said == {"active_connections": "pool", "database_size_gb": ""}


def test_a_policy_that_is_gone_ends_its_incident() -> None:
    story = Story([policy()])
    story.at(START, [value(60.0)])
    story.policies = []
    story.at(START + timedelta(hours=1), [])
    assert story.open == []
    assert story.states == {}
    assert story.kinds == ["opened", "resolved"]
    assert "ENDED: no longer watched: active_connections" in story.messages[-1].title


def test_a_drizzle_of_incidents_is_a_few_messages_an_hour() -> None:
    found = policy("regressions", warning=0.5, critical=1.5)
    story = Story([found])
    rows = []
    for minute in range(60):
        at = START + timedelta(minutes=minute)
        for n in range(7):
            subject = f"f{minute}-{n}"
            rows.append(value(1.0, at, "regressions", subject, cause=subject))
        story.at(at, rows)
    assert len(story.messages) <= 4 * 6 + 2
    assert all(each.told.count for each in story.open if each.opened_at < START + 45 * FIVE / 5)


@given(
    st.lists(st.tuples(NUMBERS, st.integers(1, 30)), min_size=1, max_size=40),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 60),
)
@settings(max_examples=100)
def test_properties_of_any_history(
    history: list[tuple[float | None, int]], lasting: int, clearing: int, frequency: int
) -> None:
    one = policy(
        for_minutes=float(lasting),
        clear_minutes=float(clearing),
        frequency_minutes=float(frequency),
        remind_minutes=0.0,
    )
    story = Story([one])
    now = START
    for number, minutes in history:
        now += timedelta(minutes=minutes)
        made = story.at(now, [value(number, now)] if number is not None else [])
        (state,) = made.states.values()
        # no data is its own state, and only that
        assert (state.level == "no_data") is (number is None)
        # at most one incident of a cause at a time; it is there exactly while the state alarms
        assert len(story.open) == (1 if state.alarm else 0)
        assert all(each.level == state.alarm for each in story.open)
        # what was evaluated is kept as it was
        assert State.from_json(json.loads(json.dumps(state.as_json()))) == state
        again = story.at(now, [value(number, now)] if number is not None else [])
        assert not again.messages
        assert again.states == made.states
    keys = [message.key for message in story.messages]
    assert len(keys) == len(set(keys))
    per_incident = defaultdict(list)
    for message in story.messages:
        per_incident[message.incident_id].append(message)
    for told in per_incident.values():
        assert told[0].kind == "opened"
        assert sum(each.kind == "worse" for each in told) <= 1
        usual = [each.at for each in told if each.kind != "worse"]
        assert all(b - a >= timedelta(minutes=frequency) for a, b in itertools.pairwise(usual))
    # what began and was told is told as ended, once there was time for it
    later = now + timedelta(days=2)
    for _ in range(3):
        later += timedelta(hours=2)
        story.at(later, [value(0.0, later)])
    assert story.open == []
    for told in per_incident.values():
        last = [m for m in story.messages if m.incident_id == told[0].incident_id][-1]
        assert last.kind == "resolved"


def _history(story: Story, at: datetime, numbers: Sequence[float], step: timedelta) -> datetime:
    for number in numbers:
        story.at(at, [value(number, at)])
        at += step
    return at


@given(
    st.integers(-3 * 1440, 3 * 1440).filter(lambda minutes: minutes),
    st.lists(st.sampled_from([10.0, 60.0, 90.0]), min_size=1, max_size=12),
    st.sampled_from([10.0, 60.0, 90.0]),
)
@settings(max_examples=40)
def test_a_clock_that_steps_neither_silences_nor_storms(
    minutes: int, before: list[float], after: float
) -> None:
    """Set back or forward by days, with whatever went before: the limits hold from there on."""
    one = policy(for_minutes=5.0, clear_minutes=5.0, remind_minutes=0.0)
    story = Story([one])
    stopped = _history(story, START, before, FIVE)
    told = len(story.messages)
    began = stopped + timedelta(minutes=minutes)
    # half an hour of one value: twice what any limit of this policy lasts
    finish = _history(story, began, [after] * 7, FIVE)
    assert [each.level for each in story.open] == (
        [] if after == 10.0 else ["warning" if after == 60.0 else "critical"]
    )
    assert len(story.messages) - told <= 3
    assert len({message.key for message in story.messages}) == len(story.messages)
    for each in story.open:
        assert RANK[each.told.level or "ok"] >= RANK[each.level]
    for each in story.incidents.values():
        if each.incident_id in {m.incident_id for m in story.messages[told:]}:
            assert each.opened_at <= (each.resolved_at or finish)
    assert not any("(-" in message.body for message in story.messages)


def test_an_old_incident_ahead_of_the_clock_is_not_the_latest() -> None:
    """It would be, and each look would open another of its cause, which the store refuses."""
    story = Story([policy()])
    _history(story, START, [60.0, 10.0, 10.0], 3 * FIVE)
    back = START - timedelta(days=1)
    for place in range(12):
        at = back + place * FIVE
        story.at(at, [value(60.0, at)])
        assert len(story.open) == 1


@given(st.permutations(range(12)))
@settings(max_examples=20)
def test_the_order_of_values_does_not_matter(order: list[int]) -> None:
    found = policy("regressions", warning=0.5, critical=1.5)
    rows = [
        value(float(1 + n % 2), name="regressions", subject=f"f{n}", cause=f"c{n % 4}")
        for n in range(12)
    ]
    first, second = Story([found]), Story([found])
    made = first.at(START, rows)
    assert second.at(START, [rows[n] for n in order]) == made


@pytest.mark.parametrize("name", ["active_connections", "cache_hit_ratio_percent"])
def test_where_a_level_ends_lies_on_its_good_side(name: str) -> None:
    limits = (50.0, 80.0) if name == "active_connections" else (80.0, 50.0)
    each = policy(name, warning=limits[0], critical=limits[1])
    for level in ("warning", "critical"):
        assert level_of(each, clear_of(each, level), level) != level  # type: ignore[arg-type]


def test_a_state_is_moved_by_evidence_alone() -> None:
    state = step(policy(), value(60.0), None, START)
    assert state is not None
    assert step(policy(), value(60.0), state, START + FIVE) == state


def test_what_was_told_is_kept_as_it_was() -> None:
    told = Told("critical", START, 3, 2, True, False)
    assert Told.from_json(json.loads(json.dumps(told.as_json()))) == told
    assert Incident.__dataclass_params__.frozen  # type: ignore[attr-defined]
