"""Real series: scored against labels where a folder has them, else with injected steps."""

import itertools
import math
from pathlib import Path

import numpy as np
import polars as pl
from _detector_score import Detector, Score, score

STEPS = (0.1, 0.2, 0.5, 1.0)
#: Shortest stretch without a change that steps are injected into, and the samples that are moved
#: together when it is shuffled: short swings stay, levels do not.
LEAST, TOGETHER = 40, 4
#: Standard errors an injected step must have to be one that must be found.
CLEAR = 4.0


def read(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Read the series of a folder in the form of the scorer, and its events if it has some."""
    series = pl.read_parquet(folder / "series.parquet")
    if "ts" not in series.columns:
        series = series.with_columns(ts=pl.col("date").cast(pl.Datetime("us")))
        # several builds of a day, in their order
        order = pl.int_range(pl.len()).over("series_id", "date")
        series = series.sort("series_id", "i").with_columns(
            ts=pl.col("ts") + pl.duration(minutes=order)
        )
    if "metric" not in series.columns:
        series = series.with_columns(metric=pl.lit("latency_ms"))
    if "grid" not in series.columns:
        series = series.with_columns(grid=pl.lit("loadtest"))
    events = folder / "events.parquet"
    return series.sort("series_id", "ts"), pl.read_parquet(events) if events.is_file() else None


def injected(find: Detector, series: pl.DataFrame, seed: int) -> tuple[Score, int]:
    """Score steps of 10 % and more put into the noise of real series.

    The longest stretch of each series between two detected changes is shuffled in blocks of
    `TOGETHER` samples, so that no level of its own is left; about every second one gets a step at
    a random place. A step counts as one that must be found from `CLEAR` standard errors on.
    """
    found = find(series)
    rng = np.random.default_rng(seed)
    parts, events = [], []
    for (name,), part in series.group_by("series_id", maintain_order=True):
        cuts = found.filter(pl.col("series_id") == name)["change_ts"].to_list()
        edges = [0, *(int(part["ts"].search_sorted(cut)) for cut in cuts), part.height]
        a, b = max(itertools.pairwise(edges), key=lambda e: e[1] - e[0])
        if b - a < LEAST:
            continue
        blocks = np.array_split(np.arange(a, b), max((b - a) // TOGETHER, 2))
        order = np.concatenate([blocks[k] for k in rng.permutation(len(blocks))])
        value = part["value"].to_numpy()[order]
        if not (value > 0).all():
            continue
        n = b - a
        size = float(rng.choice(STEPS))
        at = int(n * rng.uniform(0.3, 0.85))
        if rng.random() < 0.5:
            log = np.log(value)
            sd = 1.4826 * float(np.median(np.abs(np.diff(log)))) / math.sqrt(2)
            z = math.log1p(size) / max(sd * math.sqrt(1 / at + 1 / (n - at)), 1e-9)
            value = np.concatenate([value[:at], value[at:] * (1 + size)])
            when = part["ts"][a + at]
            label = "must" if z >= CLEAR else "hard"
            events.append((name, when, when, "up", "step", size, label, "regression", z))
        parts.append(part.slice(a, n).with_columns(value=pl.Series(value)))
    schema = ["series_id", "change_ts", "change_ts_latest", "direction", "event", "magnitude",
              "label", "severity", "oracle_z"]  # fmt: skip
    truth = pl.DataFrame(events, schema=schema, orient="row")
    made = pl.concat(parts)
    return score(find(made), truth, made)[0], made["series_id"].n_unique()
