"""Benchmark of the change detector: accuracy, false alarms, delay, calibration, speed.

`python benchmarks/regressions.py [--data FOLDER] [--series N] [--seed K] [--no-peers]`

Scores `perf_pipeline.regressions.detect` on generated, labelled series (or on `series.parquet`
and `events.parquet` of FOLDER) offline and in nightly replay, counts how often it alarms on
series without any change, and measures series per CPU-second beside Apache Otava and ruptures,
which are installed into a temporary virtual environment. Two to three minutes on two cores.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
import venv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from _detector_data import generate
from _detector_score import Detector, delays, nightly, score

from perf_pipeline.regressions import detect
from perf_pipeline.regressions.prune import Limits

PEERS = ("apache-otava==0.8.0", "ruptures==1.1.10", "numpy==2.2.6", "scipy")
INSTALL_SECONDS = 100
SPEED_SAMPLES, SPEED_SERIES, PEER_SERIES = 720, 600, 40


class Peers:
    """A temporary environment with the public detectors, installed while we score ourselves."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.folder = folder
        self.problem = ""
        self._thread = threading.Thread(target=self._install)
        self._thread.start()

    def _install(self) -> None:
        # Without Otava's own dependencies: its analysis needs NumPy and SciPy, not BigQuery.
        command = [str(self.python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        try:
            venv.create(self.folder, with_pip=True)
            for extra in (["--no-deps", *PEERS[:2]], [*PEERS[2:]]):
                subprocess.run(
                    [*command, *extra], check=True, capture_output=True, timeout=INSTALL_SECONDS
                )
        except (OSError, subprocess.SubprocessError) as error:
            self.problem = f"cannot install {', '.join(PEERS[:2])}: {type(error).__name__}"

    def run(self, values: list[np.ndarray]) -> dict[str, dict]:
        """Return changes and CPU seconds of each peer; empty if there are no peers."""
        self._thread.join()
        if self.problem:
            return {}
        offset = np.cumsum([0, *(len(v) for v in values)])
        source, target = self.folder / "in.npz", self.folder / "out.json"
        np.savez(source, value=np.concatenate(values), offset=offset)
        script = Path(__file__).with_name("_detector_peers.py")
        try:
            subprocess.run(
                [str(self.python), str(script), str(source), str(target)],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            self.problem = f"peers failed: {error.stderr.decode().strip().splitlines()[-1:]}"
            return {}
        except subprocess.TimeoutExpired as error:
            self.problem = f"peers took more than {error.timeout} s"
            return {}
        return json.loads(target.read_text())


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


def peer_findings(series: pl.DataFrame, cuts: list[list[int]]) -> pl.DataFrame:
    """Peers' change points with direction and size from the medians of both levels."""
    rows = []
    parts = series.partition_by("series_id", maintain_order=True)
    for part, at in zip(parts, cuts, strict=True):
        value, ts = part["value"].to_numpy(), part["ts"].to_list()
        edges = [0, *sorted({k for k in at if 0 < k < len(value)}), len(value)]
        for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
            ratio = float(np.median(value[b:c]) / np.median(value[a:b])) - 1
            rows.append((part["series_id"][0], ts[b], "up" if ratio > 0 else "down", ratio))
    schema = {
        "series_id": pl.String, "change_ts": pl.Datetime("us"), "direction": pl.String,
        "relative_change": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def accuracy(find: Detector, series: pl.DataFrame, events: pl.DataFrame) -> None:
    """Print offline and nightly scores and delays, and the RATIO lines of both goals."""
    print("\naccuracy (regressions; P precision, R recall, FA false alarms per 1,000 series-days)")
    print(f"  offline                      {score(find(series), events, series)[0]}")
    night = score(nightly(find, series), events, series)[0]
    print(f"  nightly replay               {night}")
    print(f"  nightly, two nights agree    "
          f"{score(nightly(find, series, confirm=2), events, series)[0]}")  # fmt: skip
    late = delays(find, events, series)
    print("delay: samples of the new level until reported (median over steps that must be found)")
    for size in (0.2, 0.5, 1.0):
        some = late.filter((pl.col("magnitude") - size).abs() < 0.01)
        median = some["delay"].fill_null(1_000_000).median()
        shown = "none" if median is None else "> 72" if median > 72 else f"{median:.1f}"
        print(
            f"  +{size:4.0%}  {shown:>5}   found within 72: {some['delay'].count()}/{some.height}"
        )
    print(f"RATIO detector_f1 {night.f1:.4f}")
    print(f"RATIO detector_false_alarms {night.rate:.4f}")


def calibration(find: Detector) -> None:
    """Print how often series without a change are alarmed, and how p-values are distributed."""
    print("\nshare of unchanged series alarmed (1,000 series each)")
    for n in (40, 200):
        shares = []
        for kind in ("iid", "lognormal", "t2.5", "ar0.3", "ar0.6", "ar0.8"):
            found = find(unchanged(kind, n, 1000, seed=7))
            shares.append(f"{kind} {found['series_id'].n_unique() / 1000:.3f}")
        print(f"  {n:4} samples  " + "  ".join(shares))
    everything = Limits(
        alpha=1.0, penalty=2.0, smallest=0.0, consistent=0.0, consistent_newest=0.0,
        excursion=0.0, block=0.0, visit_n=0, unseen=1.0, first_week=1.0, weekday_days=0,
    )  # fmt: skip
    print("share of unchanged iid series whose smallest p-value is below 0.01, 0.001 (all shown)")
    for n in (30, 80, 200, 720):
        found = detect(unchanged("iid", n, 1000, seed=8), everything)
        smallest = found.group_by("series_id").agg(pl.col("p_value").min())["p_value"]
        print(f"  {n:4} samples  {(smallest < 0.01).sum() / 1000:.3f}  "
              f"{(smallest < 0.001).sum() / 1000:.4f}")  # fmt: skip


def injection(find: Detector) -> None:
    """Print the share of steps found that are put into unchanged noise at a random place."""
    print("\ninjected steps found (500 series of 200 samples, cv 10 %, at 30 to 95 %)")
    r = np.random.default_rng(9)
    for factor in (1.2, 1.5, 2.0):
        series = unchanged("ar0.3", 200, 500, seed=9)
        at = pl.Series(np.repeat((200 * r.uniform(0.3, 0.95, size=500)).astype(int), 200))
        stepped = series.with_columns(
            pl.when(pl.int_range(pl.len()) % 200 >= at)
            .then(pl.col("value") * factor)
            .otherwise("value")
        )
        found = find(stepped).filter(pl.col("direction") == "up")
        print(f"  x{factor}  {found['series_id'].n_unique() / 500:.3f}")


def speed(find: Detector, peers: Peers | None, series: pl.DataFrame, events: pl.DataFrame) -> None:
    """Print series per CPU-second beside the peers, their accuracy, and the speed ratio."""
    stepped = unchanged("ar0.3", SPEED_SAMPLES, SPEED_SERIES, seed=3, hours=1.0).with_columns(
        # Every third series steps up by half.
        pl.when(
            (pl.int_range(pl.len()) % SPEED_SAMPLES > 500)
            & (pl.int_range(pl.len()) // SPEED_SAMPLES % 3 == 0)
        )
        .then(pl.col("value") * 1.5)
        .otherwise("value")
    )
    find(stepped.head(SPEED_SAMPLES * 64))
    runs = []
    for _ in range(3):
        start = time.process_time()
        find(stepped)
        runs.append(time.process_time() - start)
    ours = SPEED_SERIES / sorted(runs)[1]
    print(f"\nspeed: series of {SPEED_SAMPLES} samples per CPU-second, and offline accuracy")
    print(f"  perf_pipeline                {ours:9.0f}")
    if peers is None:
        print("RATIO detector_vs_otava_speed skipped: --no-peers")
        return
    few = stepped.head(SPEED_SAMPLES * PEER_SERIES)["value"].to_numpy()
    timed = peers.run(list(few.reshape(PEER_SERIES, SPEED_SAMPLES)))
    scored = peers.run(
        [p["value"].to_numpy() for p in series.partition_by("series_id", maintain_order=True)]
    )
    otava = math.nan
    for name, result in timed.items():
        if "skipped" in result:
            print(f"  {name:28} skipped: {result['skipped']}")
            continue
        rate = PEER_SERIES / result["cpu_seconds"]
        otava = rate if name == "Otava 0.8 defaults" else otava
        cuts = scored.get(name, {}).get("cuts")
        text = score(peer_findings(series, cuts), events, series)[0] if cuts else "not scored"
        print(f"  {name:28} {rate:9.0f}   {text}")
    if math.isnan(otava):
        print(f"RATIO detector_vs_otava_speed skipped: {peers.problem or 'Otava did not run'}")
    else:
        print(f"RATIO detector_vs_otava_speed {ours / otava:.2f}")


def main() -> int:
    """Run all parts and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with series.parquet and events.parquet")
    parser.add_argument("--series", type=int, default=400, help="number of generated series")
    parser.add_argument("--seed", type=int, default=11, help="seed of the generated series")
    parser.add_argument("--no-peers", action="store_true", help="do not install Otava, ruptures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peers = None if options.no_peers else Peers(Path(folder))
        if options.data:
            series = pl.read_parquet(options.data / "series.parquet")
            events = pl.read_parquet(options.data / "events.parquet")
        else:
            series, events, _ = generate(options.seed, options.series)
        series = series.sort("series_id", "ts")
        must = events.filter(pl.col("label") == "must", pl.col("severity") == "regression")
        print(f"{series['series_id'].n_unique()} series, {series.height} samples, "
              f"{must.height} regressions that must be found")  # fmt: skip
        accuracy(detect, series, events)
        calibration(detect)
        injection(detect)
        speed(detect, peers, series, events)
    return 0


if __name__ == "__main__":
    sys.exit(main())
