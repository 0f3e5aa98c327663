"""Availability as the collection sees it: what looks tell, and how little."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.postgres.promises import Promises
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import availability
from perf_pipeline.snapshots.availability import WINDOW, reading
from perf_pipeline.store import Store, targets
from perf_pipeline.store.looks import LONGEST, Look, observe

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)


def looks(found: str, *, step: timedelta = STEP, started: datetime | None = None) -> list[Look]:
    """Return looks that end a step before now: `+` found it there, `-` away, ` ` did not look."""
    first = NOW - step * len(found)
    return [
        {"ts": first + step * n, "there": sign == "+", "postmaster_start": started}
        for n, sign in enumerate(found)
        if sign != " "
    ]


def test_time_belongs_to_what_a_look_found() -> None:
    seen = observe(looks("++--+-+"), NOW)
    assert (seen.there, seen.away) == (4 * STEP, 3 * STEP)
    assert (seen.outages, seen.longest) == (2, 2 * STEP)
    assert observe([], NOW).seen == timedelta()


def test_a_silence_is_nobodys() -> None:
    silent = observe(looks("++" + " " * 50 + "+"), NOW)
    assert silent.there == 2 * STEP  # the second look's time is not known
    assert LONGEST == 3 * STEP
    assert observe(looks("+  +"), NOW).there == 4 * STEP


def test_a_server_started_anew_between_two_looks_is_a_restart() -> None:
    before, after = looks("++++")[:2], looks("++++", started=NOW - 3 * STEP)[2:]
    old = [{**look, "postmaster_start": NOW - timedelta(days=9)} for look in before]
    assert observe([*old, *after], NOW).restarts == 1
    assert observe(old, NOW).restarts == 0


def test_a_day_without_a_miss_does_not_show_three_nines() -> None:
    day = reading(observe(looks("+" * 288), NOW), 99.9)
    assert day.value is None
    assert "takes 83 h to show" in day.detail
    assert day.figures["observed_hours"] == pytest.approx(24.0)
    four_days = reading(observe(looks("+" * 4 * 288), NOW), 99.9)
    assert four_days.value == 100.0
    assert reading(observe(looks("+" * 288), NOW), 99.0).value == 100.0


def test_a_miss_beyond_the_budget_is_told_at_once() -> None:
    budget = WINDOW * 0.001  # 43 minutes: 8 looks
    assert budget > 8 * STEP
    assert reading(observe(looks("+" + 8 * "-"), NOW), 99.9).value is None
    spent = reading(observe(looks("+" + 9 * "-"), NOW), 99.9)
    assert spent.value == pytest.approx(10.0)
    assert spent.figures["longest_outage_minutes"] == 45.0


@given(st.text(alphabet="+- ", max_size=60))
def test_no_time_is_invented(found: str) -> None:
    seen = observe(looks(found), NOW)
    assert seen.there >= timedelta()
    assert seen.away >= timedelta()
    assert seen.seen <= STEP * len(found)
    assert seen.longest <= STEP * len(found)
    assert (seen.outages == 0) == ("-" not in found)


@pytest.mark.server
def test_a_failed_sweep_is_an_outage_only_where_nobody_gets_in(store: Store) -> None:
    def target(name: str) -> Target:
        promises = Promises(availability_percent=99.9)
        return Target(name, f"{name.upper()}_URL", date(2026, 1, 1), promises=promises)

    answers = {"down": "connection refused", "locked": None}
    names = availability.note(
        store,
        [target("down"), target("locked")],
        NOW,
        threads=2,
        budget_s=5.0,
        probe=lambda each: answers[each.name],
    )
    assert names == ["down"]
    assert availability.note(store, [], NOW, threads=1, budget_s=1.0) == []
    target_id = targets.register(store, "down")
    found = availability.read(store, target("down"), target_id, NOW + STEP)
    assert found.figures["away_minutes"] == 5.0
    assert found.figures["outages"] == 1
    # noted again: the same look
    availability.note(
        store, [target("down")], NOW, threads=1, budget_s=5.0, probe=lambda _: "refused"
    )
    assert availability.read(store, target("down"), target_id, NOW + STEP).figures == found.figures


def test_a_closed_port_is_away_and_a_wrong_name_is_our_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWAY_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    away = availability.away(Target("away", "AWAY_URL", date(2026, 1, 1)))
    assert away is not None
    assert "refused" in away
    assert availability.away(Target("unset", "UNSET_URL", date(2026, 1, 1))) is None
