"""Which reports are due: closed days at once, today hourly, a failure later."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports.due import (
    CURRENT_DAY_EVERY,
    RETRY_AFTER,
    DueRange,
    due_ranges,
    held_back,
)
from perf_pipeline.store.progress import DayState

TODAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def state(day: int, *, covered: timedelta | None = None, target: str = "shop") -> DayState:
    newest = datetime(2026, 3, day, 12, tzinfo=UTC)
    return DayState(target, newest.date(), newest, None if covered is None else newest - covered)


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


def test_a_target_that_failed_a_moment_ago_waits() -> None:
    ranges = due_ranges([state(1), state(1, target="yard")], TODAY)
    failures = {"shop": NOON - RETRY_AFTER + timedelta(seconds=1), "yard": NOON - RETRY_AFTER}
    ready, waiting = held_back(ranges, failures, NOON)
    assert [each.target for each in ready] == ["yard"]
    assert [each.target for each in waiting] == ["shop"]
