import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import psycopg
import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import sla, texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.conftest import flush


def quantile(parts: list[tuple[float, float, float]], share: float = 0.95) -> float | None:
    calls, means, variances = (np.array(column) for column in zip(*parts, strict=True))
    return sla.log_normal_quantile(calls, means, variances, share)


def test_one_log_normal_has_its_own_quantile() -> None:
    mu, sigma = 1.0, 0.7
    mean = math.exp(mu + sigma**2 / 2)
    variance = (math.exp(sigma**2) - 1) * mean**2
    expected = math.exp(mu + 1.6448536269514722 * sigma)
    assert quantile([(1000.0, mean, variance)]) == pytest.approx(expected, rel=1e-6)


def test_a_mixture_agrees_with_a_simulation() -> None:
    parts = [(0.7, 0.0, 0.5), (0.2, 2.0, 0.3), (0.1, 4.0, 1.0)]  # weight, mu, sigma
    random = np.random.default_rng(1)
    drawn = np.concatenate(
        [random.lognormal(mu, sigma, int(weight * 1_000_000)) for weight, mu, sigma in parts]
    )
    given = []
    for weight, mu, sigma in parts:
        mean = math.exp(mu + sigma**2 / 2)
        given.append((weight, mean, (math.exp(sigma**2) - 1) * mean**2))
    assert quantile(given) == pytest.approx(float(np.quantile(drawn, 0.95)), rel=0.01)


def test_fixed_times_are_steps() -> None:
    assert quantile([(94.0, 1.0, 0.0), (6.0, 500.0, 0.0)]) == pytest.approx(500.0)
    assert quantile([(96.0, 1.0, 0.0), (4.0, 500.0, 0.0)]) == pytest.approx(1.0)
    assert quantile([(96.0, 0.0, 0.0), (4.0, 500.0, 0.0)]) == 0.0
    assert quantile([(90.0, 0.0, 0.0), (10.0, 500.0, 0.0)]) == pytest.approx(500.0)


def test_nothing_ran() -> None:
    assert quantile([(0.0, 1.0, 1.0)]) is None
    assert sla.p95(pl.DataFrame(schema=sla.STATEMENTS)) is None
    assert sla.hit_ratio(0, 0) is None
    assert sla.hit_ratio(9, 1) == 0.9


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 95.0])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        quantile([(1.0, 1.0, 1.0)], share)


def test_cancelled_squares_are_a_fixed_time() -> None:
    rows = pl.DataFrame(
        {"userid": [1], "dbid": [1], "queryid": [1], "calls": [10], "total_exec_time": [20.0],
         "exec_time_squares": [39.99999999]},
        schema=sla.STATEMENTS,
    )  # fmt: skip
    assert sla.p95(rows) == pytest.approx(2.0)


@pytest.mark.server
def test_measured_on_a_server(store: Store, target: Target, admin: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    assert sla.measure(store, "swept", now - timedelta(hours=1), now).notes == (
        "target 'swept' was never swept"
    )
    first = collect(target, store)
    only = sla.measure(store, "swept", now - timedelta(hours=1), first.ts)
    assert (only.p95_ms, only.cache_hit_ratio, only.calls) == (None, None, 0)
    assert only.connection_ms == pytest.approx(first.connect_ms)
    assert only.notes == "no statement ran in an interval of this span; no block was asked for"
    for _ in range(40):
        admin.execute("SELECT pg_sleep(0.002)")
    flush(admin)
    second = collect(target, store, text_budget=texts.Budget(0))
    figures = sla.measure(store, "swept", first.ts, second.ts)
    assert figures.calls >= 40
    assert figures.p95_ms is not None
    assert 2.0 < figures.p95_ms < 10_000.0
    assert figures.cache_hit_ratio is not None
    assert 0.0 < figures.cache_hit_ratio <= 1.0
    assert figures.connection_ms == pytest.approx(second.connect_ms)
    assert figures.notes == ""
