"""Labelled performance series for the detector's benchmark: a seeded generator.

The series look like what a pipeline sees after differencing `pg_stat_statements`, and like the
results of load-test runs; every series is a function of (seed, number) alone.

* Grids: hourly over 35 days, six-hourly over 42, daily over 90, one load-test run a day over 80.
* Log level = base + hour-of-day sinusoid + weekend offset + AR(1) noise + noise of a mean over
  `calls` calls (standard deviation cv / sqrt(calls), cv 0.5 to 2, tails of Student's t) + spikes
  of one to three samples.
* Calls are lognormal around a level between 3 and 30,000, follow the day, and 1 to 8 % of the
  samples and sometimes a day or two are missing.
* Kinds with an event: step, step_revert, drift, improve, incident (reverts soon: free either
  way). Innocents: none, spike (many more), var (noise grows), volume (calls fall to a tenth),
  bimodal (two plans alternate), sawtooth (creeps up and falls back).
* An event must be found if the true shift is at least four standard errors (change time known,
  autocorrelation counted) and 10 %; otherwise it is `hard` and free either way.
"""

import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2025, 3, 3)
_GRIDS = (("hourly", 0.38, 35, 24), ("six_hourly", 0.20, 42, 4), ("daily", 0.16, 90, 1),
          ("loadtest", 0.26, 80, 1))  # fmt: skip
_KINDS = (
    ("none", 0.28), ("step", 0.23), ("spike", 0.10), ("improve", 0.09), ("drift", 0.07),
    ("step_revert", 0.06), ("incident", 0.05), ("sawtooth", 0.04), ("bimodal", 0.035),
    ("var", 0.04), ("volume", 0.025),
)  # fmt: skip
_EVENTS = {
    "series_id": pl.String, "change_ts": pl.Datetime("us"), "change_ts_latest": pl.Datetime("us"),
    "direction": pl.String, "event": pl.String, "magnitude": pl.Float64, "label": pl.String,
    "severity": pl.String, "oracle_z": pl.Float64,
}  # fmt: skip


def _pick(r: np.random.Generator, options: tuple) -> tuple:
    share = np.array([o[1] for o in options])
    return options[int(r.choice(len(options), p=share / share.sum()))]


def _one(seed: int, number: int) -> tuple[dict, list[dict], str]:  # noqa: C901, one recipe
    r = np.random.default_rng([seed, number])
    grid, _, days, per_day = _pick(r, _GRIDS)
    kind = _pick(r, _KINDS)[0]
    n = days * per_day
    load = grid == "loadtest"
    metric = (
        str(r.choice(["p95_ms", "throughput", "error_rate"], p=[0.5, 0.32, 0.18]))
        if load
        else "latency_ms"
    )
    hours = np.arange(n) * 24 // per_day
    hour, weekend = hours % 24, (hours // 24) % 7 >= 5
    # calls
    level = math.exp(r.uniform(math.log(3), math.log(30_000))) if not load else 1e5
    day_shape = 0.5 * math.log(4) * np.sin(2 * np.pi * (hour - r.uniform(0, 24)) / 24)
    calls = level * np.exp((0 if load or per_day == 1 else 1) * day_shape + 0.4 * r.normal(size=n))
    if kind == "volume":
        calls[int(n * r.uniform(0.4, 0.7)) :] /= 10
    calls = np.maximum(np.round(calls), 1)
    # noise
    phi = float(r.choice([0.0, 0.3, 0.5, 0.6], p=[0.3, 0.3, 0.25, 0.15]))
    own = r.uniform(0.03, 0.12)
    tails = r.choice([2.8, 4.0, 10.0])
    cv = r.uniform(0.5, 2.0) if not load else 0.0
    shock = r.standard_t(tails, size=n + 50) / math.sqrt(tails / (tails - 2))
    ar = np.zeros(n + 50)
    for i in range(1, n + 50):
        ar[i] = phi * ar[i - 1] + math.sqrt(1 - phi**2) * shock[i]
    own = own * (1.8 if metric == "error_rate" else 1)
    sd = np.full(n, own)
    if kind == "var":
        sd[int(n * r.uniform(0.4, 0.7)) :] *= r.uniform(2, 3.5)
    k = np.minimum(calls, 1e7)
    sampling = np.log(np.maximum(r.gamma(k / cv**2, cv**2 / k), 0.02)) if cv else np.zeros(n)
    y = sd * ar[50:] + sampling
    if per_day > 1:
        y += r.choice([0.0, 0.1, 0.25, 0.4]) * np.sin(2 * np.pi * (hour - r.uniform(0, 24)) / 24)
    if not load:
        y -= r.choice([0.0, 0.0, 0.06, 0.2]) * weekend
    events: list[dict] = []
    mu = np.zeros(n)
    noise = np.sqrt(sd**2 * (1 + phi) / (1 - phi) + cv**2 / calls)

    def event(name: str, at: int, to: int, size: float, severity: str, until: int) -> None:
        # Direction of the latency-like quantity; throughput is turned round at the end.
        before, after = slice(max(0, at - 300), at), slice(min(to, until - 1), until)
        se = math.hypot(
            *(math.sqrt((noise[s] ** 2).sum()) / (s.stop - s.start) for s in (before, after))
        )
        z = abs(math.log1p(size)) / se
        label = "ignore" if severity == "ignore" else "must" if z >= 4 and size >= 0.1 else "hard"
        up = severity == "regression"
        events.append(
            {
                "event": name,
                "at": at,
                "to": to,
                "magnitude": size,
                "severity": severity,
                "label": label,
                "oracle_z": z,
                "up": up,
            }
        )

    at = int(n * r.uniform(0.3, 0.9))
    if kind == "step":
        size = float(r.choice([0.1, 0.2, 0.5, 1.0, 2.0]))
        at = min(at, n - 8)
        mu[at:] = math.log1p(size)
        event("step", at, at, size, "regression", n)
    elif kind == "improve":
        size = float(r.choice([0.2, 0.35, 0.6]))
        at = min(at, n - 8)
        mu[at:] = -math.log1p(size)
        event("improve", at, at, size, "improvement", n)
    elif kind == "drift":
        size = float(r.choice([0.4, 0.7, 1.2]))
        length = int(n * r.uniform(0.12, 0.4))
        at = int(n * r.uniform(0.3, 0.85 - length / n * 0.8))
        to = min(at + length, n - 8)
        mu[at:] = np.minimum((np.arange(n - at) + 1) / (to - at), 1) * math.log1p(size)
        event("drift", at, to, size, "regression", n)
    elif kind == "step_revert":
        size = float(r.choice([0.2, 0.5, 1.0, 2.0]))
        length = max(8, int(r.uniform(3, 9) * per_day)) if per_day > 1 else int(r.uniform(8, 22))
        at = min(at, n - length - 2)
        to = at + length
        mu[at:to] = math.log1p(size)
        event("step_revert", at, at, size, "regression", to)
        if n - to >= 8:
            event("revert", to, to, size, "improvement", n)
    elif kind == "incident":
        length = {24: 10, 4: 10}.get(per_day, 9) + int(r.integers(0, 5))
        at = min(at, n - length - 1)
        mu[at : at + length] = math.log1p(r.uniform(0.5, 3))
        event("incident", at, at + length, 0.0, "ignore", at + length)
    elif kind == "bimodal":
        mode, gap = 0, r.uniform(0.3, 0.8)
        stay = r.uniform(0.6, 0.85) if per_day < 24 else r.uniform(0.4, 0.7)
        for i in range(n):
            mode = mode if r.random() < stay else 1 - mode
            mu[i] = gap * mode
    elif kind == "sawtooth":
        period = max(4, int(r.uniform(2, 6) * min(per_day, 12)))
        mu = r.uniform(0.1, 0.3) * ((np.arange(n) % period) / period - 0.5)
    rate = r.uniform(0.002, 0.01) if per_day == 24 else r.uniform(0.005, 0.03)
    if kind == "spike":
        rate *= 3
    for i in np.flatnonzero(r.random(n) < rate):
        y[i : i + int(r.integers(1, 4 if kind == "spike" else 2))] += math.log(r.uniform(1.5, 8))
    worse = -1 if metric == "throughput" else 1
    base = r.normal(0, 2) if not load else r.normal(3, 1)
    value = np.exp(base + worse * (y + mu))
    if metric == "error_rate":
        value = np.exp(r.uniform(-1.5, 1) + y + mu)
    keep = r.random(n) >= r.uniform(0.01, 0.08)
    if r.random() < 0.25:
        hole = int(r.integers(0, n))
        keep[hole : hole + max(1, int(r.uniform(0.5, 2.5) * per_day))] = False
    times = [START + timedelta(hours=int(h)) for h in hours]
    name = f"g{seed}_{number:05d}"
    index = np.flatnonzero(keep)
    rows = {
        "series_id": [name] * len(index), "ts": [times[i] for i in index], "value": value[index],
        "calls": calls[index].astype(np.int64), "metric": [metric] * len(index),
        "grid": [grid] * len(index),
    }  # fmt: skip
    truth = []
    for e in events:
        later = index[index >= e["at"]]
        if not len(later):
            continue
        last = index[index >= e["to"]]
        up = e.pop("up") != (worse < 0)
        direction = "any" if e["severity"] == "ignore" else "up" if up else "down"
        truth.append(
            {
                "series_id": name,
                "change_ts": times[later[0]],
                "change_ts_latest": times[last[0]] if len(last) else times[index[-1]],
                "direction": direction,
                **{k: e[k] for k in ("event", "magnitude", "label", "severity", "oracle_z")},
            }
        )
    return rows, truth, kind


def generate(seed: int, number: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Generate `number` labelled series: frames series, events, kinds."""
    rows, events, kinds = [], [], []
    for i in range(number):
        row, truth, kind = _one(seed, i)
        rows.append(pl.DataFrame(row, schema_overrides={"ts": pl.Datetime("us")}))
        events += truth
        kinds.append({"series_id": row["series_id"][0], "grid": row["grid"][0], "kind": kind})
    return pl.concat(rows), pl.DataFrame(events, schema=_EVENTS), pl.DataFrame(kinds)
