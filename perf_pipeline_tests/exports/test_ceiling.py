"""Top by what was done, `other` for the rest, and sums that are exact."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.exports.ceiling import Ceiling, Totals, chosen

INTERVALS = st.lists(
    st.dictionaries(
        st.integers(0, 12), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=9
    ),
    max_size=12,
)


def counted(intervals, top, most):
    totals = Totals(2, Ceiling(top, most))
    seen = []
    for interval in intervals:
        totals.add(interval, {key: values[1] for key, values in interval.items()})
        seen.append({key: tuple(values) for key, values in totals.named.items()})
    return totals, seen


@given(INTERVALS, st.integers(1, 4), st.integers(0, 4))
@settings(max_examples=100)
def test_nothing_is_lost_nothing_falls_and_no_more_than_allowed_are_named(intervals, top, more):
    totals, seen = counted(intervals, top, top + more)
    for place in (0, 1):
        whole = sum(values[place] for interval in intervals for values in interval.values())
        named = sum(values[place] for values in totals.named.values())
        assert named + totals.other[place] == whole
    assert len(totals.named) <= top + more
    for before, after in itertools.pairwise(seen):
        assert before.keys() <= after.keys()
        assert all(after[key] >= before[key] for key in before)


@given(INTERVALS, st.integers(1, 4))
@settings(max_examples=50)
def test_one_who_begins_later_says_the_same(intervals, top):
    """An exporter that is restarted counts the day again and ends where the other is."""
    halves, _ = counted(intervals[: len(intervals) // 2], top, 2 * top)
    for interval in intervals[len(intervals) // 2 :]:
        halves.add(interval, {key: values[1] for key, values in interval.items()})
    whole, _ = counted(intervals, top, 2 * top)
    assert (halves.named, halves.other) == (whole.named, whole.other)


def test_the_heaviest_of_an_interval_are_named_while_there_is_room():
    weights = {"a": 5.0, "b": 9.0, "c": 9.0, "d": 0.0}
    assert chosen({}, weights, Ceiling(2, 10)) == ["b", "c"]
    assert chosen({"x": ()}, weights, Ceiling(2, 2)) == ["b"]
    assert chosen({}, weights, Ceiling(10, 10)) == ["b", "c", "a"]  # who did nothing has no name


def test_what_is_no_ceiling_is_refused():
    for top, most in ((0, 5), (6, 5), (-1, -1)):
        with pytest.raises(InputError, match="top is"):
            Ceiling(top, most)
