"""Baselines: medians, tiers, what is left out, and that nothing else in the call matters."""

import math
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.baselines.compute import (
    INITIAL_MINIMUM,
    INITIAL_SAMPLES,
    SPREAD_FLOOR,
    accepted_samples,
    compute,
    weighted_median,
)
from perf_pipeline.store import asof

START = datetime(2025, 3, 3)  # a Monday
NO_CHANGES = pl.DataFrame(
    schema={
        "as_of": pl.Date,
        "series": pl.UInt32,
        "change_ts": pl.Datetime("us"),
        "direction": pl.String,
        "old_level": pl.Float64,
        "new_level": pl.Float64,
    }
)


def series(values, *, number=1, calls=500, start=START, step=timedelta(hours=1)):
    n = len(values)
    return pl.DataFrame(
        {
            "series": [number] * n,
            "ts": [start + i * step for i in range(n)],
            "value": [float(v) for v in values],
            "calls": np.broadcast_to(calls, n).astype(np.int64),
        },
        schema_overrides={"series": pl.UInt32, "ts": pl.Datetime("us")},
    )


def baselines(samples, days, *, changes=NO_CHANGES, grain="hour"):
    eves = [day - timedelta(days=1) for day in days]
    return compute(samples, asof.windows(samples, eves, 28), changes, days, grain)


def change(as_of, hours, direction, old, new):
    return {
        "as_of": as_of,
        "series": 1,
        "change_ts": START + timedelta(hours=hours),
        "direction": direction,
        "old_level": float(old),
        "new_level": float(new),
    }


def changes(*rows):
    return pl.DataFrame(list(rows), schema=NO_CHANGES.schema)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(-5, 5, width=16), st.integers(1, 9)),
        min_size=1,
        max_size=40,
    )
)
def test_weighted_median_is_the_median_of_repeated_values(rows):
    groups, values, weights = (np.array(column) for column in zip(*rows, strict=True))
    found, medians = weighted_median(groups, values.astype(float), weights)
    assert found.tolist() == sorted(set(groups.tolist()))
    for group, median in zip(found, medians, strict=True):
        repeated = np.repeat(values[groups == group], weights[groups == group])
        assert median == np.median(repeated)


def test_weighted_median_of_nothing_is_nothing():
    empty = np.array([], dtype=np.int64)
    groups, medians = weighted_median(empty, empty.astype(float), empty)
    assert groups.size == medians.size == 0


def test_level_spread_and_band_in_units_of_the_samples():
    rng = np.random.default_rng(1)
    samples = series(4.0 * np.exp(0.1 * rng.normal(size=28 * 24 + 1)))
    row = baselines(samples, [date(2025, 3, 31)]).frame.row(0, named=True)
    assert row["tier"] == "all"
    assert row["samples"] == 28 * 24
    assert row["calls"] == 28 * 24 * 500
    assert row["center"] == pytest.approx(4.0, rel=0.02)
    assert row["spread"] == pytest.approx(0.1, rel=0.15)
    assert math.log(row["high"] / row["low"]) == pytest.approx(2 * 1.645 * row["spread"], rel=1e-3)


def test_spread_of_a_constant_is_the_floor_not_zero():
    row = baselines(series([3.0] * 200), [date(2025, 3, 10)]).frame.row(0, named=True)
    assert row["spread"] == SPREAD_FLOOR
    assert row["low"] < row["center"] < row["high"]


def test_hours_that_differ_get_their_own_tier_and_only_those():
    rng = np.random.default_rng(2)
    n = 28 * 24
    hour = np.arange(n) % 24
    day = np.arange(n) // 24
    level = np.where(hour == 3, 8.0, 2.0)
    level = np.where((day % 7 == 6) & (hour == 12), 5.0, level)
    frame = baselines(series(level * np.exp(0.03 * rng.normal(size=n))), [date(2025, 3, 31)]).frame
    daily = frame.filter(pl.col("tier") == "hour_of_day")
    weekly = frame.filter(pl.col("tier") == "hour_of_week")
    assert daily["slot"].to_list() == [3]
    assert daily["center"].item() == pytest.approx(8.0, rel=0.05)
    assert weekly["slot"].to_list() == [6 * 24 + 12]
    assert weekly["center"].item() == pytest.approx(5.0, rel=0.05)
    assert weekly["samples"].item() == 4


def test_a_raw_interval_history_knows_no_hours():
    samples = series([1.0, 9.0] * 300, step=timedelta(minutes=2))
    frame = baselines(samples, [date(2025, 3, 4)], grain="sweep").frame
    assert set(frame["tier"]) <= {"all", "initial"}


def test_few_calls_weigh_less_than_many():
    values, calls = [1.0] * 30 + [9.0] * 40, [1000] * 30 + [1] * 40
    frame = baselines(series(values, calls=calls), [date(2025, 3, 6)]).frame
    assert frame.filter(pl.col("tier") == "all")["center"].item() == pytest.approx(1.0)


def test_a_lasting_rise_never_becomes_normal_and_a_fall_does_at_once():
    day, eve = date(2025, 3, 10), date(2025, 3, 9)
    samples = series([2.0] * 100 + [6.0] * 60)
    rise = changes(change(eve, 100, "up", 2, 6))
    assert baselines(samples, [day], changes=rise).frame["center"].to_list() == [pytest.approx(2.0)]
    leaked = baselines(samples, [day]).frame.filter(pl.col("tier") == "all")
    assert leaked["samples"].item() == 160
    fall = changes(change(eve, 100, "down", 2, 6))
    assert baselines(samples, [day], changes=fall).frame["center"].to_list() == [pytest.approx(6.0)]


def test_the_level_before_two_rises_is_the_accepted_one_and_a_recovery_rejoins_it():
    eve = date(2025, 3, 9)
    seen = asof.windows(series([2.0] * 40 + [3.0] * 40 + [5.0] * 40 + [2.02] * 40), [eve], 28)
    steps = [change(eve, 40, "up", 2, 3), change(eve, 80, "up", 3, 5)]
    still_up = seen.filter(pl.col("value") != 2.02)
    assert accepted_samples(still_up, changes(*steps))["value"].unique().to_list() == [2.0]
    recovered = changes(*steps, change(eve, 120, "down", 5, 2.02))
    kept = accepted_samples(seen, recovered)["value"].value_counts()
    assert dict(kept.iter_rows()) == {2.0: 40, 2.02: 40}


def test_a_first_day_is_judged_by_its_first_twenty_intervals():
    values = [2.0] * INITIAL_SAMPLES + [50.0] * 40
    samples = series(values, step=timedelta(minutes=1))
    found = baselines(samples, [START.date()], grain="sweep")
    row = found.frame.row(0, named=True)
    assert (row["tier"], row["samples"]) == ("initial", INITIAL_SAMPLES)
    assert row["center"] == pytest.approx(2.0)
    assert found.not_enough_data == {START.date(): 0}


def test_too_few_samples_give_no_baseline_and_are_counted():
    samples = series([2.0] * (INITIAL_MINIMUM - 1), step=timedelta(minutes=1))
    found = baselines(samples, [START.date()], grain="sweep")
    assert found.frame.is_empty()
    assert found.not_enough_data == {START.date(): 1}


def test_zero_negative_and_infinite_values_are_no_samples():
    samples = series([0.0, -1.0, math.inf, math.nan] * 20)
    found = baselines(samples, [date(2025, 3, 5)])
    assert found.frame.is_empty()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 4))
def test_a_day_is_the_same_alone_in_a_range_and_among_others(seed, extra):
    rng = np.random.default_rng(seed)
    one = series(np.exp(0.2 * rng.normal(size=300)), calls=rng.integers(1, 50, 300))
    others = [series(np.exp(rng.normal(size=300)), number=2 + i, calls=7) for i in range(extra)]
    days = [date(2025, 3, 10) + timedelta(days=i) for i in range(4)]
    everything = pl.concat([one, *others]).sample(fraction=1.0, shuffle=True, seed=seed)
    together = baselines(everything, days).frame.filter(pl.col("series") == 1)
    alone = pl.concat([baselines(one, [day]).frame for day in days])
    assert together.equals(alone)
    assert together.height >= len(days)
