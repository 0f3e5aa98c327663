"""Series without any change, and what the detector says of them: calibration, injected steps."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from _detector_score import Detector

from perf_pipeline.regressions import detect
from perf_pipeline.regressions.prune import Limits

KINDS = ("iid", "lognormal", "t2.5", "ar0.3", "ar0.6", "ar0.8")
LENGTHS = (40, 60, 100, 200, 500)


def unchanged(kind: str, n: int, number: int, seed: int, hours: float = 6.0) -> pl.DataFrame:
    """Generate `number` series of `n` samples without any change of level.

    `kind`: `iid` (cv 10 %), `lognormal` (sigma 0.5), `t2.5` (10 % times Student's t), or `arX`
    (first-order autoregression X of the logarithm, innovations of 10 %).
    """
    r = np.random.default_rng([seed, n])
    if kind.startswith("ar"):
        phi, e = float(kind[2:]), r.normal(size=(number, n + 200))
        x = np.zeros_like(e)
        for i in range(1, n + 200):
            x[:, i] = phi * x[:, i - 1] + e[:, i]
        value = np.exp(0.1 * x[:, 200:])
    elif kind == "lognormal":
        value = np.exp(0.5 * r.normal(size=(number, n)))
    elif kind == "t2.5":
        value = np.maximum(1 + 0.1 * r.standard_t(2.5, size=(number, n)), 0.01)
    else:
        value = np.maximum(1 + 0.1 * r.normal(size=(number, n)), 0.01)
    start = datetime(2025, 1, 6)
    ts = [start + timedelta(hours=hours * i) for i in range(n)]
    return pl.DataFrame(
        {
            "series_id": np.repeat([f"u{i:05d}" for i in range(number)], n),
            "ts": pl.Series(ts * number, dtype=pl.Datetime("us")),
            "value": value.ravel(),
            "calls": np.full(number * n, 100),
            "metric": ["latency_ms"] * (number * n),
        }
    )


def alarmed(find: Detector, number: int, seed: int) -> dict[tuple[str, int], float]:
    """Print and return the share of unchanged series on which anything is reported."""
    print(f"\nshare of unchanged series alarmed ({number:,} series each)")
    print(f"  {'samples':>8}  " + "  ".join(f"{kind:>9}" for kind in KINDS))
    shares = {}
    for n in LENGTHS:
        for kind in KINDS:
            found = find(unchanged(kind, n, number, seed=seed))
            shares[kind, n] = found["series_id"].n_unique() / number
        print(f"  {n:8}  " + "  ".join(f"{shares[kind, n]:9.4f}" for kind in KINDS))
    return shares


def p_values(seed: int) -> None:
    """Print how often the smallest p-value of unchanged series is small: the calibration of p."""
    everything = Limits(
        alpha=1.0, penalty=2.0, smallest=0.0, consistent=0.0, consistent_newest=0.0,
        excursion=0.0, block=0.0, visit_n=0, unseen=1.0, first_week=1.0, weekday_days=0,
    )  # fmt: skip
    print("share of unchanged iid series whose smallest p-value is below 0.01, 0.001 (all shown)")
    for n in (30, 80, 200, 720):
        found = detect(unchanged("iid", n, 1000, seed=seed), everything)
        smallest = found.group_by("series_id").agg(pl.col("p_value").min())["p_value"]
        print(f"  {n:8}  {(smallest < 0.01).sum() / 1000:9.4f}  "
              f"{(smallest < 0.001).sum() / 1000:9.4f}")  # fmt: skip


def injected(find: Detector, seed: int) -> dict[float, float]:
    """Print and return the share of steps found that are put into noise at a random place."""
    number, n = 500, 200
    print(
        f"\ninjected steps found ({number} series of {n} samples, cv 10 %, AR 0.3, at 30 to 95 %)"
    )
    r = np.random.default_rng(seed)
    shares = {}
    for factor in (1.2, 1.5, 2.0):
        series = unchanged("ar0.3", n, number, seed=seed)
        at = pl.Series(np.repeat((n * r.uniform(0.3, 0.95, size=number)).astype(int), n))
        stepped = series.with_columns(
            pl.when(pl.int_range(pl.len()) % n >= at)
            .then(pl.col("value") * factor)
            .otherwise("value")
        )
        found = find(stepped).filter(pl.col("direction") == "up")
        shares[factor] = found["series_id"].n_unique() / number
        print(f"  x{factor}  {shares[factor]:.3f}")
    return shares
