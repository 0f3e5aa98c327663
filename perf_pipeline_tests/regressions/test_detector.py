"""The detector's contract: shape, invariances, what it finds, what it leaves alone."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.regressions import detect, false_discovery

START = datetime(2025, 3, 3)
COLUMNS = ["series_id", "change_ts", "direction", "relative_change", "p_value"]


def frame(values, *, name="a", step=3600.0, metric="latency_ms", calls=200, start=START):
    n = len(values)
    return pl.DataFrame(
        {
            "series_id": [name] * n,
            "ts": [start + timedelta(seconds=step * i) for i in range(n)],
            "value": [None if v is None else float(v) for v in values],
            "calls": np.broadcast_to(calls, n).astype(np.int64),
            "metric": [metric] * n,
        },
        schema_overrides={"value": pl.Float64},
    )


def noisy(seed, n, *, change=None, factor=1.0, cv=0.1):
    rng = np.random.default_rng(seed)
    v = 10 * np.exp(cv * rng.normal(size=n))
    if change is not None:
        v[change:] *= factor
    return v


def some_series() -> pl.DataFrame:
    parts = [
        frame(noisy(k, n, change=n * 2 // 3, factor=f), name=f"s{k}", metric=m)
        for k, (n, f, m) in enumerate(
            [
                (40, 1.0, "latency_ms"),
                (40, 2.0, "p95_ms"),
                (90, 1.3, "latency_ms"),
                (200, 0.7, "throughput"),
                (300, 1.15, "generic"),
                (300, 1.0, "error_rate"),
                (31, 3.0, "error_rate"),
                (33, 3.0, "generic"),
            ]
        )
    ]
    return pl.concat(parts)


def test_shape_and_types():
    found = detect(some_series())
    assert found.columns[:5] == COLUMNS
    assert found.height >= 5
    assert found["change_ts"].dtype == pl.Datetime("us")
    assert set(found["direction"]) == {"up", "down"}
    assert found["p_value"].is_between(0, 1).all()
    assert (found["relative_change_low"] <= found["relative_change"]).all()
    assert (found["relative_change"] <= found["relative_change_high"]).all()
    ratio = found["new_level"] / found["old_level"] - 1
    np.testing.assert_allclose(ratio, found["relative_change"], rtol=1e-9)
    assert detect(some_series().clear()).schema == found.schema


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-6, 1e6))
def test_invariances(seed, unit):
    series = some_series()
    expected = detect(series)
    shuffled = series.sample(fraction=1.0, shuffle=True, seed=seed)
    assert detect(shuffled).equals(expected)
    scaled = detect(series.with_columns(pl.col("value") * unit))
    assert scaled.drop("old_level", "new_level").equals(expected.drop("old_level", "new_level"))
    np.testing.assert_allclose(scaled["old_level"], expected["old_level"] * unit, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from([f"s{k}" for k in range(8)]), min_size=1))
def test_series_are_independent(chosen):
    keep = pl.col("series_id").is_in(sorted(chosen))
    assert detect(some_series().filter(keep)).equals(detect(some_series()).filter(keep))


@pytest.mark.parametrize("column", ["series_id", "ts", "value"])
def test_missing_column_is_named(column):
    with pytest.raises(InputError, match=column):
        detect(some_series().drop(column))


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        ("series_id", pl.col("value")),
        ("ts", pl.col("value")),
        ("ts", pl.col("ts").dt.replace_time_zone("UTC")),
        ("value", pl.lit("x")),
        ("calls", pl.lit("x")),
        ("metric", pl.lit(1)),
        ("metric", pl.lit("speed")),
    ],
)
def test_wrong_dtype_or_metric_is_named(column, bad):
    with pytest.raises(InputError, match=column):
        detect(some_series().with_columns(bad.alias(column)))


def test_optional_columns_have_defaults():
    series = frame(noisy(1, 60, change=40, factor=2.0)).drop("calls", "metric")
    assert detect(series).height == 1


@pytest.mark.parametrize("metric", ["latency_ms", "p95_ms", "throughput", "generic"])
@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_finds_a_clear_step_where_it_is(metric, factor):
    found = detect(frame(noisy(3, 200, change=130, factor=factor), metric=metric))
    assert found.height == 1
    row = found.row(0, named=True)
    assert abs((row["change_ts"] - START) / timedelta(hours=1) - 130) <= 1
    assert row["direction"] == ("up" if factor > 1 else "down")
    assert row["relative_change_low"] <= factor - 1 <= row["relative_change_high"]
    assert row["relative_change"] == pytest.approx(factor - 1, abs=0.1)
    assert row["p_value"] < 1e-6
    assert false_discovery(found)["q_value"].to_list() == [row["p_value"]]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("before", "after", "factor"), [(20, 8, 5.0), (30, 15, 100.0)])
def test_short_history_sampled_every_second(seed, before, after, factor):
    values = noisy(seed, before + after, change=before, factor=factor)
    found = detect(frame(values, step=2.0))
    assert found.height == 1
    assert abs((found["change_ts"][0] - START) / timedelta(seconds=2) - before) <= 1


@pytest.mark.parametrize("n", [1, 2, 5])
def test_says_nothing_on_five_samples(n):
    assert detect(frame([1.0, 1.0, 50.0, 50.0, 50.0][:n])).height == 0


def test_bad_values_are_missing_and_do_not_stop_the_batch():
    good = frame(noisy(5, 120, change=80, factor=2.0), name="good")
    dirty = good.with_columns(
        series_id=pl.lit("dirty"),
        value=pl.when(pl.int_range(pl.len()) % 10 == 3)
        .then(pl.lit([None, float("nan"), float("inf"), -1.0]).list.get(pl.int_range(pl.len()) % 4))
        .otherwise("value"),
    )
    nothing = [
        frame([None] * 50, name="null"),
        frame([0.0] * 50, name="zero"),
        frame([float("inf")] * 50, name="inf"),
        frame([-2.0] * 50, name="negative"),
        frame([7.0] * 50, name="constant"),
        frame([1.0], name="one"),
    ]
    found = detect(pl.concat([good, dirty, *nothing]))
    assert found["series_id"].to_list() == ["dirty", "good"]


def test_duplicates_become_their_weighted_mean():
    once = frame(noisy(6, 100, change=60, factor=2.0), calls=100)
    twice = pl.concat(
        [
            once.with_columns(pl.col("value") * 0.5, calls=pl.lit(20, dtype=pl.Int64)),
            once.with_columns(pl.col("value") * 1.125, calls=pl.lit(80, dtype=pl.Int64)),
        ]
    )
    # 0.2 * 0.5 + 0.8 * 1.125 = 1
    a, b = detect(once), detect(twice)
    assert a["change_ts"].to_list() == b["change_ts"].to_list()
    np.testing.assert_allclose(a["new_level"], b["new_level"], rtol=1e-6)


def test_false_discovery_is_benjamini_hochberg():
    p = pl.DataFrame({"p_value": [0.04, 0.01, 0.03, 0.005]})
    assert false_discovery(p)["q_value"].to_list() == pytest.approx([0.04, 0.02, 0.04, 0.02])
    assert false_discovery(p.clear())["q_value"].to_list() == []
