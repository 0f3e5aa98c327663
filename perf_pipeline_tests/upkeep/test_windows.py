from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perf_pipeline.upkeep.model import Operation, Policy, Window
from perf_pipeline.upkeep.windows import Run, decide, failures, in_order, status_rows, succeeded

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)  # a Sunday
Outcome = Literal["success", "failure", "canceled", "active"]


def run(outcome: Outcome, hours_ago: float = 1.0) -> Run:
    began = NOW - timedelta(hours=hours_ago)
    ended = None if outcome == "active" else began + timedelta(minutes=6)
    return Run(outcome, began, ended)


def operation(name: str = "reindex", **more: Any) -> Operation:
    return Operation(**{"name": name, "does": "reindex", "cron": "0 4 * * 0", **more})


def verdict(made: Operation, **runs: list[Run]) -> str:
    return decide(made, runs, NOW).verdict


def test_three_failures_cut_off_and_one_success_resets() -> None:
    failed = [run("failure", hours) for hours in (1, 2, 3)]
    assert verdict(operation(), reindex=failed[:2]) == "go"
    assert verdict(operation(), reindex=failed) == "cut off"
    # canceled runs neither count nor reset
    assert verdict(operation(), reindex=[failed[0], run("canceled"), *failed[1:]]) == "cut off"
    assert verdict(operation(), reindex=[run("success"), *failed]) == "go"
    assert failures([run("active"), *failed]) == 3


def test_a_dependency_must_have_succeeded_within_a_day_and_waiting_is_no_failure() -> None:
    after = operation(depends_on=("orphans",))
    assert verdict(after) == "waiting"
    assert verdict(after, orphans=[run("success", 23)]) == "go"
    assert verdict(after, orphans=[run("success", 25)]) == "waiting"
    assert verdict(after, orphans=[run("failure", 1), run("success", 2)]) == "waiting"
    assert verdict(after, orphans=[run("active", 0), run("success", 2)]) == "go"
    assert not succeeded([], NOW)


def test_disabled_and_active() -> None:
    assert verdict(operation(enabled=False)) == "disabled"
    assert verdict(operation(), reindex=[run("active")]) == "active"


def test_what_ran_since_it_was_due_is_done() -> None:
    due = NOW - timedelta(hours=2)
    assert decide(operation(), {"reindex": [run("failure", 1)]}, NOW, due).verdict == "done"
    assert decide(operation(), {"reindex": [run("success", 3)]}, NOW, due).verdict == "go"


def test_a_window_over_midnight() -> None:
    night = Window(days=("sat",), begins="22:00", ends="05:00")
    assert night.covers(NOW) == datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert night.covers(NOW + timedelta(hours=1)) is None
    assert night.covers(NOW - timedelta(hours=6)) is not None
    assert night.covers(NOW - timedelta(hours=7)) is None
    assert night.covers(NOW - timedelta(days=1)) is None  # Friday's night
    decision = decide(operation(windows=(night,)), {}, NOW)
    assert (decision.verdict, decision.until) == ("go", datetime(2026, 11, 22, 5, tzinfo=UTC))
    assert verdict(operation(windows=(Window(begins="05:00", ends="06:00"),))) == "outside"
    assert Window(begins="00:00", ends="24:00").covers(NOW) is not None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(0, 23), st.integers(1, 23)
)
def test_a_window_is_open_as_long_as_it_says(moment: datetime, begins: int, hours: int) -> None:
    ends = (begins + hours) % 24
    window = Window(begins=f"{begins:02}:00", ends=f"{ends:02}:00")
    closes = window.covers(moment)
    since = (moment - moment.replace(hour=begins, minute=0, second=0, microsecond=0)) % timedelta(1)
    assert (closes is not None) == (since < timedelta(hours=hours))
    if closes is not None:
        assert timedelta() < closes - moment <= timedelta(hours=hours)


def test_order_by_priority_but_after_what_it_depends_on() -> None:
    made = [
        operation("c", priority=1, depends_on=("b",)),
        operation("a", priority=2),
        operation("b", priority=9),
    ]
    assert [each.name for each in in_order(made)] == ["a", "b", "c"]


def test_status_shows_what_a_person_asks() -> None:
    made = [operation(depends_on=("orphans",)), operation("orphans", priority=1)]
    runs = {"orphans": [run("failure", n) for n in (1, 2, 3)], "reindex": [run("success", 1)]}
    tick = NOW + timedelta(days=7)
    first, second = status_rows(
        made, runs, NOW, {"reindex": ("0 4 * * 0",)}, {"reindex": tick, "orphans": tick}
    )
    assert (first["operation"], first["state"], first["failures"]) == ("orphans", "cut off", 3)
    assert first["next_run"] is None
    assert (second["state"], second["last_minutes"], second["next_run"]) == ("waiting", 6.0, tick)


def test_what_is_only_watched_is_never_said_to_have_been_stopped() -> None:
    made = [Operation(name="reports", job="weekly_reports")]
    failed = {"reports": [run("failure", n) for n in (1, 2, 3)]}
    tick = NOW + timedelta(days=1)
    (row,) = status_rows(made, failed, NOW, {}, {"reports": tick})
    assert (row["state"], row["next_run"]) == ("failing", tick)
    (row,) = status_rows(made, {"reports": failed["reports"][:2]}, NOW, {}, {"reports": tick})
    assert (row["state"], row["reason"]) == ("watched", None)


@pytest.mark.parametrize(
    "operations",
    [
        [{"name": "a", "does": "reindex", "cron": "0 4 * * 0", "depends_on": ["b"]}],
        [{"name": "a", "does": "reindex"}],
        [{"name": "a", "job": "x", "cron": "0 4 * * 0"}],
        [{"name": "a", "does": "reindex", "job": "x", "cron": "0 4 * * 0"}],
        [{"name": "a", "does": "cleanup", "cron": "0 4 * * 0"}],
        [{"name": "a", "does": "orphans", "cron": "0 4 * * 0"}],
        [{"name": n, "job": n, "depends_on": [m]} for n, m in (("a", "b"), ("b", "a"))],
        [{"name": "a", "job": "x"}, {"name": "a", "job": "y"}],
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(operations: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"operations": operations})
