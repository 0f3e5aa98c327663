"""A trend is told where there is one, seldom where there is none, and never of few runs."""

import math
import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports.loadtests.trend import MINIMUM, MOST, Trend, trend

START = datetime(2026, 11, 1)


def runs(values: list[float | None], hours: float = 24) -> list[tuple[datetime, float | None]]:
    return [(START + timedelta(hours=hours * n), value) for n, value in enumerate(values)]


def noisy(rng: random.Random, number: int, drift: float, alike: float = 0.0) -> Trend:
    error, values = rng.gauss(0, 1), []
    for n in range(number):
        error = alike * error + math.sqrt(1 - alike**2) * rng.gauss(0, 1)
        level = math.log(500) + math.log1p(drift) * n / (number - 1)
        values.append(math.exp(level + 0.08 * error))
    return trend("p95_ms", runs(list(values)))


def test_a_straight_rise_is_told_with_its_size() -> None:
    found = trend("p95_ms", runs([100.0 * 1.02**n for n in range(11)]))
    assert (found.verdict, found.runs, found.days) == ("worse", 11, 10.0)
    assert found.change == pytest.approx(1.02**10 - 1)
    assert trend("throughput_tps", runs([100.0 - n for n in range(11)])).verdict == "worse"
    assert trend("throughput_tps", runs([100.0 + n for n in range(11)])).verdict == "better"
    errors = trend("error_percent", runs([0.0, 0.0, *(n / 2 for n in range(9))]))
    assert errors.verdict == "worse"
    assert errors.change == pytest.approx(5.0, rel=0.3)  # points


def test_what_is_too_small_to_matter_is_no_trend() -> None:
    assert trend("p95_ms", runs([100.0 + n / 10 for n in range(15)])).verdict == "no trend shown"
    assert trend("p95_ms", runs([100.0 + n / 6 for n in range(15)])).verdict == "worse"
    assert trend("cpu_percent", runs([40.0 + n / 10 for n in range(15)])).verdict == (
        "no trend shown"
    )


def test_few_runs_have_no_trend() -> None:
    rising: list[float | None] = [100.0 * 2**n for n in range(MINIMUM - 1)]
    found = trend("p95_ms", runs(rising))
    assert (found.verdict, found.change, found.runs) == ("not enough runs", None, MINIMUM - 1)
    # what was not measured, or measured nothing, is no run
    assert trend("p95_ms", runs([*rising, None, 0.0, math.nan])).verdict == "not enough runs"
    assert trend("p95_ms", runs([*rising, 100.0 * 2**8])).verdict == "worse"
    assert trend("p95_ms", []).verdict == "not enough runs"
    assert trend("p95_ms", runs([5.0] * 20, hours=0)).verdict == "all at once"


def test_noise_is_seldom_a_trend_and_a_drift_is_found() -> None:
    rng = random.Random(4)
    quiet = [noisy(rng, 20, 0.0) for _ in range(300)]
    assert sum(each.is_told for each in quiet) <= 20
    drifts = [noisy(rng, 20, 0.3) for _ in range(100)]
    assert sum(each.verdict == "worse" for each in drifts) >= 85
    held = [(each.low or 0) <= 0.3 <= (each.high or 9) for each in drifts]
    assert sum(held) >= 90


def test_runs_that_are_alike_count_for_fewer() -> None:
    rng = random.Random(5)
    alike = [noisy(rng, 30, 0.0, alike=0.6) for _ in range(300)]
    assert sum(each.is_told for each in alike) <= 36  # without the widening: about 100


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300), st.just(math.nan)), max_size=25),
    st.sampled_from(["p95_ms", "throughput_tps", "error_percent"]),
)
def test_any_values_are_judged(values: list[float | None], metric: str) -> None:
    given_runs = runs(values)
    found = trend(metric, given_runs)
    assert trend(metric, given_runs[::-1]) == found  # in any order
    for each in (found.change, found.low, found.high):
        assert each is None or not math.isnan(each)
    if found.is_told:
        assert found.runs >= MINIMUM


def test_a_long_history_is_its_newest_part() -> None:
    old = [1000.0] * 50
    found = trend("p95_ms", runs([*old, *(100.0 + n % 3 for n in range(MOST))]))
    assert (found.runs, found.verdict) == (MOST, "no trend shown")
