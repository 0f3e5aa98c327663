import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports.latency import percentile


def moments(*groups: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([g.size for g in groups], dtype=float),
        np.array([g.sum() for g in groups]),
        np.array([(g**2).sum() for g in groups]),
    )


def test_it_finds_the_percentile_of_a_known_mixture() -> None:
    rng = np.random.default_rng(5)
    fast = rng.lognormal(np.log(0.5), 0.4, 200_000)
    slow = rng.lognormal(np.log(60), 0.7, 20_000)
    for probability in (0.5, 0.95, 0.99):
        truth = np.quantile(np.concatenate([fast, slow]), probability)
        found = percentile(*moments(fast, slow), probability)
        assert found == pytest.approx(truth, rel=0.03)
    assert percentile(*moments(fast)) == pytest.approx(np.quantile(fast, 0.95), rel=0.01)


def test_one_statement_that_never_varies_is_its_own_percentile() -> None:
    assert percentile(*moments(np.full(10, 7.0))) == pytest.approx(7.0, rel=0.01)


def test_nothing_called_is_none() -> None:
    none = np.array([])
    assert percentile(none, none, none) is None
    assert percentile(np.array([0.0]), np.array([0.0]), np.array([0.0])) is None


def test_an_unknown_spread_makes_the_percentile_unknown() -> None:
    calls, total = np.array([10.0, 10.0]), np.array([70.0, 80.0])
    assert percentile(calls, total, np.array([500.0, np.nan])) is None
    assert percentile(calls * [1, 0], total, np.array([500.0, np.nan])) is not None


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.floats(1e-6, 1e9), st.floats(0, 1e15)), min_size=1)
)
def test_it_is_finite_and_positive_whatever_the_rounding(
    rows: list[tuple[int, float, float]],
) -> None:
    calls, total, squares = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = percentile(calls, total, squares)
    assert found is not None
    assert 0 < found < float("inf")
