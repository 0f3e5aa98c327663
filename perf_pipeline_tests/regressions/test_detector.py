"""The detector's contract: shape, invariances, what it finds, what it leaves alone."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.regressions import detect, false_discovery, judgeable

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


@pytest.mark.parametrize(("before", "after"), [(7, 5), (8, 6), (12, 8), (10, 20)])
def test_clean_doubling_is_found_from_twelve_samples_on(before, after):
    rng = np.random.default_rng(4)
    values = 10 * np.exp(0.05 * rng.normal(size=(60, before + after)))
    values[:, before:] *= 2
    assert alarmed(values, step=3.0) >= 0.98
    # The same without the change.
    values[:, before:] /= 2
    assert alarmed(values, step=3.0) == 0.0


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


def alarmed(values, *, step=3600.0, metric="latency_ms", calls=200):
    """Share of the rows of `values` on which anything is reported."""
    calls = np.broadcast_to(calls, values.shape)
    series = [
        frame(v, name=f"s{i:04d}", step=step, metric=metric, calls=c)
        for i, (v, c) in enumerate(zip(values, calls, strict=True))
    ]
    return detect(pl.concat(series))["series_id"].n_unique() / len(values)


def autoregressive(rng, shape, phi):
    x = rng.normal(size=shape)
    for i in range(1, shape[1]):
        x[:, i] += phi * x[:, i - 1]
    return np.exp(0.1 * x)


@pytest.mark.parametrize(
    ("name", "at_most"),
    [("iid", 0.005), ("lognormal", 0.005), ("t2.5", 0.005), ("ar0.6", 0.01), ("ar0.8", 0.1)],
)
def test_unchanged_noise_is_quiet(name, at_most):
    rng = np.random.default_rng(20)
    shape = (400, 200)
    values = {
        "iid": lambda: 1 + 0.1 * rng.normal(size=shape),
        "lognormal": lambda: np.exp(0.5 * rng.normal(size=shape)),
        "t2.5": lambda: np.maximum(1 + 0.1 * rng.standard_t(2.5, size=shape), 0.01),
        "ar0.6": lambda: autoregressive(rng, shape, 0.6),
        "ar0.8": lambda: autoregressive(rng, shape, 0.8),
    }[name]()
    assert alarmed(values, step=6 * 3600) <= at_most


@pytest.mark.parametrize("n", [24, 40, 64, 65, 100])
def test_few_samples_that_wander_are_quiet_too(n):
    """Autocorrelation is hard to read from few samples, and is read as too small."""
    rng = np.random.default_rng(21)
    assert alarmed(autoregressive(rng, (600, n), 0.6), step=6 * 3600) <= 0.01
    assert alarmed(autoregressive(rng, (600, n), 0.8), step=6 * 3600) <= 0.05


@pytest.mark.parametrize(("phi", "n"), [(0.0, 40), (0.3, 60), (0.6, 60), (0.6, 150), (0.8, 300)])
def test_the_noise_over_long_runs_is_that_of_the_series(phi, n):
    values = autoregressive(np.random.default_rng(22), (300, n), phi)
    noise = judgeable(
        pl.concat(frame(v, name=f"s{i:03d}", step=6 * 3600) for i, v in enumerate(values))
    )["noise"]
    # the innovations are 0.1
    assert noise.median() == pytest.approx(0.1 / (1 - phi), rel=0.2)


def test_levels_that_come_and_go_are_not_taken_for_autocorrelation():
    rng = np.random.default_rng(23)
    values = np.exp(0.1 * rng.normal(size=240))
    for start in (40, 120, 200):
        values[start : start + 40] *= 1.5
    series = frame(values, step=6 * 3600)
    assert judgeable(series)["noise"][0] < 0.2
    at = [(t - START) / timedelta(hours=6) for t in detect(series)["change_ts"]]
    assert at == [40, 80, 120, 160, 200]


def test_the_same_noise_with_a_step_is_not():
    values = 1 + 0.1 * np.random.default_rng(20).normal(size=(100, 200))
    values[:, 140:] *= 1.5
    assert alarmed(values, step=6 * 3600) == 1.0


def test_spikes_two_plans_and_single_bad_nights_are_quiet():
    rng = np.random.default_rng(21)
    spikes = 10 * np.exp(0.1 * rng.normal(size=(50, 300)))
    for row in spikes:
        for at in rng.choice(np.arange(0, 300, 12), size=8, replace=False):
            row[at : at + 3] *= rng.uniform(2, 8)
    # The worst place: the newest samples.
    spikes[:, -3:] *= 5
    assert alarmed(spikes) <= 0.02
    plans = 10 * np.exp(0.05 * rng.normal(size=(50, 300)) + 0.7 * (rng.random((50, 300)) < 0.4))
    assert alarmed(plans) == 0.0


def test_daily_and_weekly_season_is_quiet_from_the_first_day_on():
    rng = np.random.default_rng(22)
    hours = np.arange(24 * 7 * 4)
    day = 0.4 * np.sin(2 * np.pi * hours / 24) - 0.3 * ((hours // 24) % 7 >= 5)
    values = np.exp(day + 0.08 * rng.normal(size=(20, len(hours))))
    for days in (1, 2, 4, 6, 8, 13, 28):
        assert alarmed(values[:, : 24 * days]) <= 0.05, days


def test_step_under_a_season_is_found():
    rng = np.random.default_rng(23)
    hours = np.arange(24 * 21)
    day = 0.4 * np.sin(2 * np.pi * hours / 24) - 0.3 * ((hours // 24) % 7 >= 5)
    found = detect(frame(np.exp(day + 0.08 * rng.normal(size=hours.size) + 0.3 * (hours >= 400))))
    assert found.height == 1
    assert abs((found["change_ts"][0] - START) / timedelta(hours=1) - 400) <= 2
    assert found["relative_change"][0] == pytest.approx(np.expm1(0.3), abs=0.05)


def test_drift_is_one_change_at_its_start():
    rng = np.random.default_rng(24)
    ramp = np.clip((np.arange(500) - 200) / 150, 0, 1) * np.log(2)
    found = detect(frame(np.exp(ramp + 0.05 * rng.normal(size=500))))
    assert found.height == 1
    assert 190 <= (found["change_ts"][0] - START) / timedelta(hours=1) <= 300
    assert found["relative_change"][0] == pytest.approx(1.0, abs=0.1)


def test_two_steps_are_two_changes():
    values = noisy(25, 300, change=100, factor=1.5, cv=0.05)
    values[200:] *= 1.5
    found = detect(frame(values))
    assert [round((t - START) / timedelta(hours=1)) for t in found["change_ts"]] == [100, 200]


def test_incident_that_ends_is_not_a_change_and_a_long_one_is_two():
    values = noisy(26, 200, cv=0.05)
    values[100:106] *= 3
    assert detect(frame(values)).height == 0
    values[100:140] = values[0:40] * 3
    assert detect(frame(values))["direction"].to_list() == ["up", "down"]


def test_recovery_is_reported_as_soon_as_a_change():
    """The old level has been held before, for long: coming back to it is no excursion."""
    values = noisy(31, 75, cv=0.05)
    values[57:67] *= 1.6
    found = detect(frame(values, step=86400.0))
    assert found["direction"].to_list() == ["up", "down"]


def test_third_bad_week_like_the_two_before_is_no_news():
    values = noisy(32, 90, cv=0.05)
    for start in (30, 55, 85):
        values[start : start + 5] *= 2
    assert detect(frame(values, step=86400.0)).height == 0
    # The same newest five samples without the visits before.
    values[30:35] /= 2
    values[55:60] /= 2
    assert detect(frame(values, step=86400.0)).height == 1


def test_levels_that_last_for_weeks_are_changes_each_time():
    rng = np.random.default_rng(33)
    level = np.repeat([0.0, 0.2, 0.0, 0.2, 0.0, 0.2, 0.0, 0.2], [60, 30, 50, 40, 25, 60, 35, 60])
    found = detect(frame(np.exp(level + 0.01 * rng.normal(size=level.size)), step=86400.0))
    onsets = np.flatnonzero(np.diff(level)) + 1
    assert [(t - START).days for t in found["change_ts"]] == onsets.tolist()


def test_gaps_and_nulls_do_not_move_the_onset():
    rng = np.random.default_rng(27)
    series = frame(noisy(27, 300, change=200, factor=1.5))
    kept = series.filter(pl.Series(rng.random(300) > 0.2) | (pl.int_range(300) == 200))
    kept = kept.filter(~pl.int_range(pl.len()).is_between(60, 90))
    found = detect(kept)
    assert found["change_ts"].to_list() == [START + timedelta(hours=200)]


def test_calls_weigh_the_samples():
    """Means over few calls scatter: without their weight they hide the change."""
    rng = np.random.default_rng(28)
    calls = np.where(rng.random((40, 240)) < 0.5, 4, 4000)
    values = rng.gamma(calls, 1 / calls)
    values[:, 160:] *= 1.12
    assert alarmed(values, calls=calls) >= 0.9
    assert alarmed(values) <= 0.5


def test_counts_with_many_zeros():
    rng = np.random.default_rng(29)
    quiet = rng.poisson(0.5, size=(200, 200)) / 1000
    assert alarmed(quiet, metric="error_rate", calls=1000) <= 0.005
    worse = quiet[:50].copy()
    worse[:, 150:] = rng.poisson(5, size=(50, 50)) / 1000
    assert alarmed(worse, metric="error_rate", calls=1000) == 1.0
    from_nothing = frame([0.0] * 60 + [0.05, 0.04, 0.06] * 10, metric="error_rate")
    found = detect(from_nothing)
    assert found["relative_change"].to_list() == [float("inf")]
    assert found["new_level"][0] == pytest.approx(0.05, rel=0.05)


def test_thousands_of_series_in_bounded_memory():
    rng = np.random.default_rng(30)
    n, number = 240, 2000
    values = np.exp(0.1 * rng.normal(size=(number, n)))
    values[::10, 160:] *= 2
    ts = pl.Series([START + timedelta(hours=i) for i in range(n)] * number)
    series = pl.DataFrame(
        {
            "series_id": np.repeat([f"s{i:04d}" for i in range(number)], n),
            "ts": ts,
            "value": values.ravel(),
        }
    )
    found = detect(series)
    assert found["series_id"].to_list() == [f"s{i:04d}" for i in range(0, number, 10)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_comes_in_the_answer_is_sane(data):
    n = data.draw(st.integers(1, 80))
    pool = [0.0, 1e-300, 1.0, 2.0, 5.0, 1e9, 1.7e308, float("nan"), float("inf"), -1.0, None]
    some = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    series = pl.DataFrame(
        {
            "series_id": ["ab"[k] for k in rng.integers(0, 2, n)],
            "ts": [START + timedelta(hours=int(k)) for k in rng.integers(0, 2 * n, n)],
            "value": [some[k] for k in rng.integers(0, len(some), n)],
            "calls": [[0, 1, -5, 10**18, None][k] for k in rng.integers(0, 5, n)],
        },
        schema_overrides={"value": pl.Float64, "calls": pl.Int64},
    )
    found = detect(series)
    assert found["p_value"].is_between(0, 1).all()
    assert found["relative_change"].is_not_nan().all()
    assert found["old_level"].is_finite().all()
    assert found["new_level"].is_finite().all()


def test_a_large_change_is_news_the_second_time_too():
    """The same index lost three times in a minute's sweeps, for the same time, mended between."""
    rng = np.random.default_rng(3)
    once = np.concatenate([np.full(18, 0.05), np.full(12, 1.2)])
    for times in (1, 2, 3):
        values = np.tile(once, times) * np.exp(0.1 * rng.normal(size=30 * times))
        found = detect(frame(values, step=0.8, calls=30))
        assert found["direction"].to_list() == ["up", "down"] * (times - 1) + ["up"]
        last = START + timedelta(seconds=0.8 * (30 * times - 12))
        assert found["change_ts"][-1] == last
