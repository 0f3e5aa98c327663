"""The segmentation is exact; noise and evidence are what they claim."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.regressions.evidence import interval_factor, search_p_value, t_tail
from perf_pipeline.regressions.noise import long_run_scale, running_median, sample_variance
from perf_pipeline.regressions.segment import block_sums, boundaries, optimal_partition
from perf_pipeline.regressions.series import row_median


def cost(w, y, cuts, penalty):
    edges = [0, *cuts, len(y)]
    total = penalty * (len(edges) - 1)
    for a, b in itertools.pairwise(edges):
        mean = np.average(y[a:b], weights=w[a:b])
        total += float((w[a:b] * (y[a:b] - mean) ** 2).sum())
    return total


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.01, 20))
def test_no_segmentation_is_cheaper(seed, penalty):
    rng = np.random.default_rng(seed)
    n, shortest = 11, 2
    y = rng.normal(size=(3, n)) + 3 * (np.arange(n) >= rng.integers(1, n))
    w = rng.uniform(0.5, 2, size=(3, n))
    blocks = block_sums(w, y, np.full(3, n))
    found = boundaries(optimal_partition(blocks, np.full(3, penalty), shortest), blocks)
    allowed = [
        cuts
        for k in range(5)
        for cuts in itertools.combinations(range(1, n), k)
        if min(b - a for a, b in itertools.pairwise([0, *cuts, n])) >= shortest
    ]
    for i, cuts in enumerate(found):
        best = min(cost(w[i], y[i], c, penalty) for c in allowed)
        assert cost(w[i], y[i], cuts, penalty) == pytest.approx(best)


@pytest.mark.parametrize("n", [300, 720, 1000, 4000])
def test_blocks_keep_the_sums_and_end_with_the_newest_sample(n):
    rng = np.random.default_rng(n)
    y, w = rng.normal(size=(2, n)), rng.uniform(1, 2, size=(2, n))
    w[1, n - 5 :] = 0
    blocks = block_sums(w, y, np.array([n, n - 5]))
    assert blocks.size > 1
    np.testing.assert_allclose(blocks.swy.sum(axis=0), (w * y).sum(axis=1))
    last = int(blocks.count[1]) - 1
    newest = slice(n - 5 - blocks.size, n - 5)
    np.testing.assert_allclose(blocks.swy[last, 1], (w * y)[1, newest].sum())


def test_running_median_is_the_median_of_seven_and_holds_at_the_edges():
    y = np.random.default_rng(1).normal(size=(4, 40))
    count = np.array([40, 33, 20, 12])
    out = running_median(y, count)
    for row, n in enumerate(count):
        for k in range(3, n - 3):
            assert out[row, k] == np.median(y[row, k - 3 : k + 4])
        assert (out[row, n - 3 : n] == out[row, n - 4]).all()
        assert (out[row, :3] == out[row, 3]).all()


def test_row_median_counts_valid_cells_only():
    values = np.array([[1.0, 5.0, 3.0, 99.0], [4.0, 2.0, 99.0, 99.0], [9.0, 9.0, 9.0, 9.0]])
    valid = np.array([[True] * 3 + [False], [True, True, False, False], [False] * 4])
    assert row_median(values, valid).tolist() == [3.0, 3.0, 0.0]


def test_variance_follows_the_calls():
    rng = np.random.default_rng(2)
    calls = np.where(rng.random((20, 400)) < 0.5, 10.0, 1000.0)
    residual = rng.normal(size=calls.shape) * np.sqrt(0.01**2 + 1 / calls)
    variance = sample_variance(residual, calls, np.ones(calls.shape, bool))
    ratio = np.median(variance[calls == 10]) / np.median(variance[calls == 1000])
    # 91 in truth; clipping keeps it on the careful side.
    assert 20 < ratio < 120
    flat = sample_variance(residual, np.full(calls.shape, 100.0), np.ones(calls.shape, bool))
    assert np.ptp(flat, axis=1) == pytest.approx(0.0)


def test_long_run_noise_grows_with_autocorrelation_but_not_with_a_step():
    rng = np.random.default_rng(3)
    shape = (100, 200)
    white = rng.normal(size=shape)
    red = white.copy()
    for k in range(1, shape[1]):
        red[:, k] += 0.6 * red[:, k - 1]
    red *= 0.8  # the same variance of single samples
    ones, count = np.ones(shape), np.full(shape[0], shape[1])

    def typical(y):
        return float(np.median(long_run_scale(y, ones, count, ones > 0)[0]))

    assert typical(white) == pytest.approx(1.15, abs=0.2)
    # sqrt((1 + 0.6) / (1 - 0.6)) = 2
    assert typical(red) == pytest.approx(2.0, abs=0.35)
    assert typical(white + 5.0 * (np.arange(200) >= 120)) == pytest.approx(1.15, abs=0.25)


@pytest.mark.parametrize(
    ("t", "df", "p"),
    # Two-sided tails of Student's t from published tables.
    [(2.776, 4, 0.05), (2.228, 10, 0.05), (3.169, 10, 0.01), (4.587, 10, 0.001), (1.96, 1e6, 0.05)],
)
def test_t_tail(t, df, p):
    assert t_tail(t, df) == pytest.approx(p, rel=0.03)


def test_search_costs_more_in_longer_series_and_stays_a_probability():
    assert search_p_value(5, 100, 1000) > search_p_value(5, 100, 100) > t_tail(5, 100)
    assert search_p_value(0, 10, 50) == 1.0
    assert search_p_value(60, 1e6, 50) == 0.0
    assert interval_factor() == pytest.approx(1.645, abs=1e-3)


def test_lists_of_findings_keep_their_columns():
    from perf_pipeline.regressions import false_discovery

    found = pl.DataFrame({"series_id": ["a", "b", "c"], "p_value": [0.2, 1e-9, 0.2]})
    out = false_discovery(found)
    assert out.columns == ["series_id", "p_value", "q_value"]
    assert out["series_id"].to_list() == ["a", "b", "c"]
    assert out["q_value"].to_list() == pytest.approx([0.2, 3e-9, 0.2])
