"""The screen keeps what the detector finds, and judges each day by its own past alone."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from perf_pipeline.regressions import detect
from perf_pipeline.regressions.detector import detect_arrays
from perf_pipeline.store import asof, samples, screen
from perf_pipeline.store.hours import Hours, encode

FIRST = date(2025, 1, 1)
FLOOR = math.log(1.1)
SINCE = 14


def hours(level: np.ndarray, calls: np.ndarray, first: date = FIRST) -> Hours:
    """Pack logarithms of means, shape (series, days * 24); 0 calls: nothing ran."""
    count, size = level.shape
    mean = np.zeros((count, size), np.uint16)
    of_calls = np.zeros((count, size), np.uint8)
    made = encode(np.exp(level[calls > 0]), calls[calls > 0]).astype(np.uint16)
    mean[calls > 0] = made[:, 0] + 256 * made[:, 1]
    of_calls[calls > 0] = made[:, 2]
    shape = (count, size // 24, 24)
    keys = pl.DataFrame(
        {"userid": [10] * count, "dbid": [5] * count, "queryid": range(count)}
    ).with_columns(toplevel=pl.lit(value=True))
    return Hours(
        keys,
        first,
        mean.reshape(shape),
        of_calls.reshape(shape),
        calls.reshape(shape).sum(axis=2),
        (np.exp(level) * calls).reshape(shape).sum(axis=2),
    )


def history(count: int, days: int, seed: int, step: float = 0.0) -> Hours:
    """Noise of 10 %, a day, a weekend; every third runs in office hours; steps at random hours."""
    rng = np.random.default_rng(seed)
    t = np.arange(days * 24)
    level = 0.1 * rng.normal(size=(count, len(t))) + 0.2 * np.cos(t % 24 * math.pi / 12)
    level -= 0.1 * ((FIRST.weekday() + t // 24) % 7 >= 5)
    level += (rng.random(level.shape) < 0.004) * 1.5
    at = rng.integers(21 * 24, days * 24 - 12, count)
    level += step * (t >= at[:, None])
    calls = np.full(level.shape, 400)
    calls[::3, (t % 24 < 7) | (t % 24 >= 20)] = 0
    return hours(level, calls)


@pytest.mark.parametrize("step", [math.log(1.3), math.log(0.6), math.log(3.0)])
def test_what_the_detector_finds_is_kept(step: float) -> None:
    made = history(24, 60, 3, step)
    kept = screen.possible(made, SINCE, FLOOR, fresh_days=3)
    series, days = np.nonzero(np.ones((24, 60), bool))
    found = asof.changes_of_hours(detect_arrays, made, series, days, 35).filter(
        pl.when(pl.col("direction") == "up")
        .then(pl.col("relative_change_low") >= 0.1)
        .otherwise(pl.col("relative_change_high") <= -0.1 / 1.1),
        pl.col("change_ts")
        >= pl.col("as_of").cast(pl.Datetime("us")) + timedelta(days=1) - timedelta(days=SINCE),
        pl.col("n_after") >= 5,
    )
    assert found["series"].n_unique() > 20
    as_of = (found["as_of"] - FIRST).dt.total_days().to_numpy()
    lost = found.filter(~pl.Series(kept[found["series"].to_numpy(), as_of]))
    assert lost.is_empty()


def test_quiet_series_are_seldom_kept() -> None:
    quiet = history(90, 120, 4)
    kept = screen.possible(quiet, SINCE, FLOOR, fresh_days=3)[:, 21:]
    assert kept.mean() < 0.05
    # what showed days ago and has become no clearer is not looked at again
    assert (kept <= screen.possible(quiet, SINCE, FLOOR)[:, 21:]).all()
    # and the bar is what keeps them out
    assert screen.possible(quiet, SINCE, FLOOR, share=0.5)[:, 21:].mean() > 0.2


@pytest.mark.parametrize("fresh", [3, SINCE])
def test_a_day_is_judged_by_its_own_past(fresh: int) -> None:
    whole = history(30, 190, 5, math.log(1.25))
    kept = screen.possible(whole, SINCE, FLOOR, fresh_days=fresh)
    assert kept.any()
    reach = screen.REACH_DAYS + SINCE - 1
    for start, stop in ((0, 100), (40, 150), (60, 190), (95, 185)):
        part = Hours(
            whole.keys,
            FIRST + timedelta(days=start),
            *(
                values[:, start:stop]
                for values in (whole.mean, whole.calls, whole.day_calls, whole.day_ms)
            ),
        )
        known = reach if start else 0
        again = screen.possible(part, SINCE, FLOOR, fresh_days=fresh)
        assert (again[:, known:] == kept[:, start + known : stop]).all(), (start, stop)


def test_a_series_does_not_depend_on_the_others() -> None:
    whole = history(30, 70, 6, math.log(1.25))
    kept = screen.possible(whole, SINCE, FLOOR)
    some = np.array([3, 17, 4])
    assert (screen.possible(whole.of(some), SINCE, FLOOR) == kept[some]).all()


def test_nothing_is_possible_where_nothing_ran() -> None:
    empty = hours(np.zeros((2, 48)), np.zeros((2, 48), np.int64))
    assert not screen.possible(empty, SINCE, FLOOR).any()
    assert screen.possible(empty.of(np.zeros(0, np.int64)), SINCE, FLOOR).shape == (0, 2)


def test_windows_of_hours_are_what_the_detector_is_given_otherwise() -> None:
    made = history(6, 50, 7, math.log(1.6))
    found = samples.of_hours(made, np.arange(6))
    days = [FIRST + timedelta(days=n) for n in (30, 49)]
    wanted = asof.changes(detect, found, days, 35)
    series, numbers = np.repeat(np.arange(6), 2), np.tile([30, 49], 6)
    assert asof.changes_of_hours(detect_arrays, made, series, numbers, 35).equals(wanted)
    assert not wanted.is_empty()
