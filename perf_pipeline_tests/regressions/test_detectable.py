"""What can be said of a series: outcomes, and the smallest change that would be a finding."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.regressions import detect, judgeable
from perf_pipeline.regressions.calibration import accepted
from perf_pipeline.regressions.detectable import needed_t, samples_needed, smallest_change
from perf_pipeline.regressions.evidence import search_p_value
from perf_pipeline.regressions.track import degrees_of_freedom

START = datetime(2025, 3, 3)


def frame(values, name="a", step_hours=6.0, calls=500) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "series_id": [name] * len(values),
            "ts": [START + timedelta(hours=step_hours * i) for i in range(len(values))],
            "value": [None if v is None else float(v) for v in values],
            "calls": [calls] * len(values),
        },
        schema_overrides={"value": pl.Float64, "calls": pl.Int64},
    )


def test_every_series_has_an_outcome():
    noise = np.exp(0.1 * np.random.default_rng(1).normal(size=80))
    found = judgeable(
        pl.concat(
            [
                frame(noise, "judged"),
                frame([2.0] * 40, "constant"),
                frame([1.0], "one"),
                frame([1.0] * 11, "eleven"),
                frame([None] * 30, "null"),
                frame([float("nan"), float("inf"), -1.0] * 10, "bad"),
                frame([0.0] * 30, "zero"),
                frame([1.0, 2.0] * 30, "twice").with_columns(ts=pl.lit(START)),
            ]
        )
    )
    assert dict(found.select("series_id", "outcome").iter_rows()) == {
        "bad": "no usable value",
        "constant": "constant",
        "eleven": "too few samples",
        "judged": "judged",
        "null": "no usable value",
        "one": "too few samples",
        "twice": "too few samples",
        "zero": "all zero",
    }
    assert found["series_id"].is_sorted()
    by = {row["series_id"]: row for row in found.to_dicts()}
    assert (by["twice"]["rows"], by["twice"]["samples"]) == (60, 1)
    assert (by["bad"]["rows"], by["bad"]["samples"]) == (30, 0)
    judged = pl.col("outcome").is_in(["judged", "constant"])
    assert found.filter(judged).null_count().sum_horizontal().item() == 0
    figures = ("noise", "smallest_change", "smallest_change_day")
    assert found.filter(~judged).select(pl.col(figures).is_null().all()).row(0) == (True,) * 3
    assert judgeable(frame([1.0]).clear()).schema == found.schema
    with pytest.raises(InputError, match="value"):
        judgeable(frame([1.0]).drop("value"))


def test_the_figures_are_those_of_the_noise():
    values = np.exp(0.1 * np.random.default_rng(2).normal(size=400))
    row = judgeable(frame(values)).row(0, named=True)
    assert row["noise"] == pytest.approx(0.1, rel=0.35)
    # five standard errors of 200 samples either side are 5 %: the floor of 10 % is what binds
    error = row["noise"] * np.sqrt(2 / 200)
    assert row["smallest_change"] == pytest.approx(np.expm1(np.log(1.1) + 1.645 * error), rel=0.02)
    assert row["smallest_change_day"] > row["smallest_change"]
    few_calls = np.random.default_rng(3).gamma(4, 0.25, size=400)
    assert judgeable(frame(few_calls)).item(0, "smallest_change") > 2 * row["smallest_change"]


def test_more_samples_show_smaller_changes_and_a_young_series_waits():
    values = np.exp(0.3 * np.random.default_rng(4).normal(size=800))
    sizes = [judgeable(frame(values[:n])).item(0, "smallest_change") for n in (40, 100, 800)]
    assert sizes[0] > sizes[1] > sizes[2]
    quiet = np.exp(0.02 * np.random.default_rng(5).normal(size=100))
    assert judgeable(frame(quiet, step_hours=1)).item(0, "smallest_change") == 0.5
    assert judgeable(frame(quiet, step_hours=4)).item(0, "smallest_change") < 0.15
    assert judgeable(frame(quiet, step_hours=0.01)).item(0, "smallest_change") < 0.15


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_what_is_said_to_be_judgeable_is_found_and_half_of_it_is_not(sigma):
    rng = np.random.default_rng(6)
    n, number = 200, 60
    noise = np.exp(sigma * rng.normal(size=(number, n)))
    least = float(judgeable(frame(noise[0])).item(0, "smallest_change"))

    def found(factor: float) -> float:
        values = noise.copy()
        values[:, n // 2 :] *= factor
        parts = [frame(v, f"s{i}") for i, v in enumerate(values)]
        return accepted(detect(pl.concat(parts)), number)["series_id"].n_unique() / number

    # at the limit itself half of them are
    assert found(1 + 1.5 * least) >= 0.9
    assert found(1 + 0.5 * least) <= 0.1


def test_needed_samples_follow_from_noise():
    assert samples_needed(0.16, 0.2) == 39
    assert samples_needed(0.16, 0.5) < samples_needed(0.16, 0.2)
    with pytest.raises(ValueError, match="no rise"):
        samples_needed(0.16, 0.0)
    n = samples_needed(0.2, 0.5)
    assert smallest_change(0.2 * np.sqrt(2 / n), 5.0) <= 0.5


@given(st.integers(12, 5000), st.sampled_from([1e-2, 1e-4, 1e-6]))
def test_needed_t_is_where_the_p_value_is_alpha(n, alpha):
    t = needed_t(n, alpha)
    assert search_p_value(t, degrees_of_freedom(n), n) <= alpha
    assert search_p_value(t * 0.999, degrees_of_freedom(n), n) > alpha


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-6, 1e6))
def test_unit_and_order_do_not_matter(seed, unit):
    rng = np.random.default_rng(9)
    series = pl.concat(
        [frame(np.exp(0.1 * rng.normal(size=n)), f"s{n}") for n in (5, 40, 90, 300)]
        + [frame(rng.poisson(1.0, size=100), "counts")]
    )
    expected = judgeable(series)
    moved = series.sample(fraction=1.0, shuffle=True, seed=seed)
    assert judgeable(moved.with_columns(pl.col("value") * unit)).equals(expected)
    one = series.filter(pl.col("series_id") == "s90")
    assert judgeable(one).equals(expected.filter(pl.col("series_id") == "s90"))
