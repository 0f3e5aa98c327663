"""Which reports are due: closed days at once, today hourly, a failure later."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports.due import (
    CURRENT_DAY_EVERY,
    RETRY_AFTER,
    DueRange,
    Failure,
    plan,
)
from perf_pipeline.store.progress import DayState

TODAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def state(day: int, *, covered: timedelta | None = None, target: str = "shop") -> DayState:
    newest = datetime(2026, 3, day, 12, tzinfo=UTC)
    return DayState(target, newest.date(), newest, None if covered is None else newest - covered)


def due_ranges(states: list[DayState], today: date) -> list[DueRange]:
    ranges, waiting = plan(states, today, {}, NOON)
    assert waiting == []
    return ranges


def test_nothing_is_due_when_nothing_is_new() -> None:
    assert due_ranges([], TODAY) == []


def test_a_closed_day_is_due_for_a_single_sweep() -> None:
    assert due_ranges([state(9, covered=timedelta(seconds=1))], TODAY) == [
        DueRange("shop", date(2026, 3, 9), date(2026, 3, 9))
    ]


def test_the_current_day_is_due_once_and_then_hourly() -> None:
    assert due_ranges([state(10)], TODAY)
    assert due_ranges([state(10, covered=CURRENT_DAY_EVERY)], TODAY)
    assert not due_ranges([state(10, covered=CURRENT_DAY_EVERY - timedelta(seconds=1))], TODAY)


def test_a_day_to_come_is_never_due() -> None:
    assert due_ranges([state(11)], TODAY) == []


def test_the_earliest_contiguous_range_of_each_target_comes_first() -> None:
    states = [state(4), state(2), state(3), state(6), state(1, target="yard")]
    assert due_ranges(states, TODAY) == [
        DueRange("shop", date(2026, 3, 2), date(2026, 3, 4)),
        DueRange("yard", date(2026, 3, 1), date(2026, 3, 1)),
    ]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 12)), unique=True))
def test_repeated_looks_get_every_due_day_done_once(days: list[tuple[str, int]]) -> None:
    left = {(target, date(2026, 3, day)) for target, day in days}
    expected = {(target, day) for target, day in left if day <= TODAY}
    done: list[tuple[str, date]] = []
    for _ in range(40):
        states = [state(day.day, target=target) for target, day in left]
        ranges = due_ranges(states, TODAY)
        if not ranges:
            break
        for each in ranges:
            length = (each.last - each.first).days + 1
            done += [(each.target, each.first + timedelta(days=n)) for n in range(length)]
        left -= set(done)
    assert sorted(done) == sorted(expected)


def failure(first: int, last: int, *, ago: timedelta = timedelta(minutes=1)) -> Failure:
    return Failure(date(2026, 3, first), date(2026, 3, last), NOON - ago)


def days(first: int, last: int) -> list[DueRange]:
    return [DueRange("shop", date(2026, 3, first), date(2026, 3, last))]


def test_a_day_that_failed_alone_waits_and_newer_days_go_on() -> None:
    states = [state(4), state(5), state(6)]
    ranges, waiting = plan(states, TODAY, {"shop": [failure(4, 4)]}, NOON)
    assert ranges == days(5, 6)
    (one,) = waiting
    assert (one.day, one.until) == (date(2026, 3, 4), NOON + timedelta(minutes=29))


def test_a_failure_is_forgotten_in_time_and_is_the_targets_own() -> None:
    states = [state(1), state(1, target="yard")]
    failures = {
        "shop": [failure(1, 1, ago=RETRY_AFTER - timedelta(seconds=1))],
        "yard": [failure(1, 1, ago=RETRY_AFTER)],
    }
    ranges, waiting = plan(states, TODAY, failures, NOON)
    assert [each.target for each in ranges] == ["yard"]
    assert [each.target for each in waiting] == ["shop"]


def test_a_range_that_failed_is_tried_in_halves() -> None:
    states = [state(day) for day in range(1, 9)]
    ranges, waiting = plan(states, TODAY, {"shop": [failure(1, 8)]}, NOON)
    assert (ranges, waiting) == (days(1, 4), [])
    ranges, _ = plan(states, TODAY, {"shop": [failure(1, 8), failure(1, 4)]}, NOON)
    assert ranges == days(1, 2)


def test_days_that_did_not_fail_do_not_lengthen_a_half() -> None:
    states = [state(day) for day in range(1, 7)]
    ranges, _ = plan(states, TODAY, {"shop": [failure(3, 6)]}, NOON)
    assert ranges == days(1, 2)
    ranges, _ = plan(states[2:], TODAY, {"shop": [failure(3, 6)]}, NOON)
    assert ranges == days(3, 4)


@given(st.sets(st.integers(1, 10), min_size=1), st.sets(st.integers(1, 10)))
def test_days_that_always_fail_hold_back_no_other(due: set[int], poisoned: set[int]) -> None:
    left = set(due)
    failures: list[Failure] = []
    runs = 0
    while True:
        states = [state(day) for day in sorted(left)]
        ranges, waiting = plan(states, TODAY, {"shop": failures}, NOON)
        if not ranges:
            break
        (asked,) = ranges
        runs += 1
        assert runs < 40
        covered = set(range(asked.first.day, asked.last.day + 1))
        assert covered <= left
        if covered & poisoned:
            failures.append(Failure(asked.first, asked.last, NOON))
        else:
            left -= covered
    assert left == due & poisoned
    assert {each.day.day for each in waiting} == left
