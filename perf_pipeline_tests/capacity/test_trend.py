"""Slopes whose intervals hold, and when a limit is reached."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.capacity.model import Left
from perf_pipeline.capacity.trend import Floats, left, trend


def days(count: int) -> Floats:
    return np.arange(count, dtype=np.float64)


def noise(generator: np.random.Generator, count: int) -> Floats:
    return 10 + 0.5 * days(count) + generator.normal(0, 1, count)


def likeness(generator: np.random.Generator, count: int) -> Floats:
    error = np.zeros(count)
    for i in range(1, count):
        error[i] = 0.6 * error[i - 1] + generator.normal(0, 1)
    return 10 + 0.5 * days(count) + error


def drift(generator: np.random.Generator, count: int) -> Floats:
    return np.cumsum(generator.normal(0.5, 1, count))


def skewed(generator: np.random.Generator, count: int) -> Floats:
    return np.cumsum(0.5 * generator.exponential(1, count))


@pytest.mark.parametrize("world", [noise, likeness, drift, skewed])
@pytest.mark.parametrize("count", [10, 28, 80])
def test_the_interval_holds_the_true_slope_in_each_world(
    world: Callable[[np.random.Generator, int], Floats], count: int
) -> None:
    """The told level is 90 %; of 120 seeded series at least 80 % (measured: 84 to 100 %)."""
    generator = np.random.default_rng(7)
    found = [trend(days(count), world(generator, count)) for _ in range(120)]
    held = sum(each is not None and each.low <= 0.5 <= each.high for each in found)
    assert held >= 0.80 * len(found)


def test_an_interval_says_something() -> None:
    """A month of a clear line: the interval is a small part of the slope."""
    found = trend(days(60), 100.0 * days(60) + np.random.default_rng(1).normal(0, 5, 60))
    assert found is not None
    assert found.high - found.low < 5.0


def test_too_few_days_are_not_enough() -> None:
    assert trend(days(6), days(6)) is None
    assert trend(days(0), days(0)) is None
    # seven rows within three days: a span, too, is needed
    assert trend(np.linspace(0, 3, 7), days(7)) is None
    assert trend(days(7), days(7)) is not None


def test_one_bulk_load_moves_neither_slope_nor_level_much() -> None:
    value = 10.0 * days(40)
    value[20] += 5_000
    found = trend(days(40), value)
    assert found is not None
    assert found.slope == pytest.approx(10.0)
    assert found.level == pytest.approx(390.0)


def test_growth_that_changed_is_told_by_its_recent_days() -> None:
    value = np.concatenate([1.0 * np.arange(62), 61 + 50.0 * np.arange(1, 29)])
    value += np.random.default_rng(3).normal(0, 0.5, 90)
    found = trend(days(90), value)
    assert found is not None
    assert found.slope == pytest.approx(50.0, rel=0.02)
    assert found.note.startswith("it changed")


def test_a_sawtooth_counts_its_rises_alone() -> None:
    value = np.array([100.0 * (i % 10) for i in range(30)])
    found = trend(days(30), value, "sawtooth")
    assert found is not None
    assert found.slope == pytest.approx(100.0)
    line = trend(days(30), value)
    assert line is not None
    assert line.slope < 50.0


def test_days_left() -> None:
    found = trend(days(20), 10.0 * days(20))
    assert found is not None
    assert left(found, 290.0) == Left(10.0, 10.0, 10.0)
    assert left(found, 100.0) == Left(0.0, 0.0, 0.0)
    assert left(found, 1e9) == Left(None, None, None)


def test_what_may_not_grow_at_all_has_no_latest_day() -> None:
    value = 0.2 * days(20) + np.random.default_rng(2).normal(0, 3, 20)
    found = trend(days(20), value)
    assert found is not None
    assert found.low < 0 < found.high
    until = left(found, 100.0)
    assert until.earliest is not None
    assert until.latest is None


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=7, max_size=60),
    st.floats(1e-3, 1e3),
    st.floats(-1e6, 1e6),
)
def test_units_do_not_matter(values: list[float], scale: float, offset: float) -> None:
    value = np.array(values)
    one = trend(days(len(values)), value)
    two = trend(days(len(values)), scale * value + offset)
    assert one is not None
    assert two is not None
    assert one.low <= one.high
    slack = 1e-6 * (scale * (np.ptp(value) + 1.0) + abs(offset))
    assert two.slope == pytest.approx(scale * one.slope, abs=slack)
