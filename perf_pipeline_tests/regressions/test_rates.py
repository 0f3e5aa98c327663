"""Shares and rates with their intervals: known values, coverage, and what scatters more."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.regressions.rates import poisson_tail, rate_interval, share_interval


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # Newcombe 1998, table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_has_wilson_s_interval(hits, trials, low, high):
    found = share_interval(hits, trials)
    assert found.value == hits / trials
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]
)
def test_a_rate_has_the_exact_poisson_interval(events, low, high):
    found = rate_interval([1] * events + [0] * (1000 - events), 1000.0)
    assert found.value == events
    assert found.low == pytest.approx(low, abs=2e-3)
    assert found.high == pytest.approx(high, abs=2e-3)


@given(st.integers(0, 40), st.floats(0.01, 80))
def test_the_tail_is_that_of_the_poisson_distribution(events, mean):
    below = math.fsum(
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events)
    )
    assert poisson_tail(events, mean) == pytest.approx(1 - below, abs=1e-9)


def test_alarms_of_one_noisy_series_are_no_independent_witnesses():
    even, one = rate_interval([1] * 8 + [0] * 92, 1000.0), rate_interval([8] + [0] * 99, 1000.0)
    assert even.value == one.value == 8.0
    assert one.low < 0.3 * even.low
    assert one.high > 1.5 * even.high


def test_the_interval_covers_the_true_rate():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        found = rate_interval(rng.poisson(0.03, size=100).tolist(), 100.0)
        inside += found.low <= 30 <= found.high
    assert inside >= 186


def test_nothing_measured_is_no_zero():
    assert math.isnan(share_interval(0, 0).value)
    assert math.isnan(rate_interval([], 0.0).value)
    assert rate_interval([0], 0.0).high == math.inf
