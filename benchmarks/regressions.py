"""Benchmark of the change detector: accuracy, false alarms, delay, calibration, speed.

`python benchmarks/regressions.py [--data FOLDER] [--real FOLDER] [--series N] [--seed K]
[--unchanged N] [--no-peers] [--no-backfill]`

Scores `perf_pipeline.regressions.detect` on generated, labelled series (or on `series.parquet`
and `events.parquet` of FOLDER) offline and in nightly replay, on real series (labelled, or with
injected steps), counts how often it alarms on series without any change, and measures series per
CPU-second beside Apache Otava and ruptures, which are installed into a temporary virtual
environment. Then baselines, findings and reports of a generated year of 5,000 statements are made
in one run (`_backfill.py`). About eight minutes on two cores. Exits 1 when a goal is missed, and
says which.
"""

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path

import _backfill
import _detector_noise as noise
import _detector_real as real
import polars as pl
from _detector_data import generate
from _detector_goals import (
    AR06_ALARMED,
    CONFIRMED_FALSE_ALARMS,
    DELAY_50,
    DOUBLED_FOUND,
    ENOUGH_CALLS,
    F1,
    FALSE_ALARMS,
    IID_ALARMED,
    REAL_F1,
    VS_OTAVA,
    Goals,
)
from _detector_opponents import Peers, peer_findings
from _detector_score import Detector, delays, nightly, score

from perf_pipeline.regressions import detect

SPEED_SAMPLES, SPEED_SERIES, PEER_SERIES = 720, 600, 40


def accuracy(find: Detector, series: pl.DataFrame, events: pl.DataFrame, goals: Goals) -> None:
    """Print offline and nightly scores and delays, and the RATIO lines of both goals."""
    print("\naccuracy (regressions; P precision, R recall, FA false alarms per 1,000 series-days)")
    print(f"  offline                      {score(find(series), events, series)[0]}")
    once, twice = (score(found, events, series)[0] for found in nightly(find, series))
    print(f"  nightly replay               {once}")
    print(f"  nightly, two nights agree    {twice}")
    late = delays(find, events, series)
    print("delay: samples of the new level until reported (median over steps that must be found)")
    medians = {}
    for size in (0.2, 0.5, 1.0):
        some = late.filter((pl.col("magnitude") - size).abs() < 0.01)
        if some.is_empty():
            print(f"  +{size:4.0%}   none to be found")
            continue
        medians[size] = float(some["delay"].fill_null(1_000_000).median())
        shown = "> 72" if medians[size] > 72 else f"{medians[size]:.1f}"
        found = f"{some['delay'].count()}/{some.height}"
        print(f"  +{size:4.0%}  {shown:>5}   found within 72: {found}")
    called = series.group_by("series_id").agg(pl.col("calls").median())
    large = late.join(called, on="series_id").filter(
        pl.col("magnitude") >= 1.0, pl.col("calls") >= ENOUGH_CALLS
    )
    print(f"RATIO detector_f1 {once.f1:.4f}")
    print(f"RATIO detector_false_alarms {once.rate:.4f}")
    goals.at_least("F1 in nightly replay", once.f1, F1)
    goals.at_most("false alarms per 1,000 series-days, nightly", once.rate, FALSE_ALARMS)
    goals.at_most("the same, two nights agree", twice.rate, CONFIRMED_FALSE_ALARMS)
    if 0.5 in medians:
        goals.at_most("samples until +50 % is reported", medians[0.5], DELAY_50)
    if large.height:
        share = large["delay"].count() / large.height
        what = f"share of steps to 2x and more found, from {ENOUGH_CALLS} calls on"
        goals.at_least(what, share, DOUBLED_FOUND)


def on_real(find: Detector, folder: Path, seed: int, goals: Goals) -> None:
    """Print the score on real series: against labels if there are any, else injected steps."""
    series, events = real.read(folder)
    if events is not None:
        found = score(find(series), events, series)[0]
        what, number = "labelled regressions", series["series_id"].n_unique()
    else:
        found, number = real.injected(find, series, seed)
        what = "injected steps of 10 to 100 %"
    print(f"\nreal series ({number}): {what}\n  {found}")
    goals.at_least(f"F1 on real series, {what}", found.f1, REAL_F1)


def calibration(find: Detector, number: int, goals: Goals) -> None:
    """Print how often series without a change are alarmed, and which injected steps are found."""
    shares = noise.alarmed(find, number, seed=7)
    for kind, goal in (("iid", IID_ALARMED), ("ar0.6", AR06_ALARMED)):
        for n in noise.LENGTHS:
            goals.at_most(f"share of {kind} series of {n} samples alarmed", shares[kind, n], goal)
    noise.p_values(seed=8)
    found = noise.injected(find, seed=9)
    goals.at_least("share of injected x2 found", found[2.0], DOUBLED_FOUND)


def speed(
    find: Detector,
    peers: Peers | None,
    series: pl.DataFrame,
    events: pl.DataFrame,
    goals: Goals,
) -> None:
    """Print series per CPU-second beside the peers, their accuracy, and the speed ratio."""
    stepped = noise.unchanged("ar0.3", SPEED_SAMPLES, SPEED_SERIES, seed=3, hours=1.0).with_columns(
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
        goals.at_least("series per CPU-second over Otava's", ours / otava, VS_OTAVA)


def main() -> int:
    """Run all parts and print one line per figure; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with series.parquet and events.parquet")
    parser.add_argument("--real", type=Path, help="folder with series.parquet of real series")
    parser.add_argument("--series", type=int, default=400, help="number of generated series")
    parser.add_argument("--seed", type=int, default=11, help="seed of the generated series")
    parser.add_argument("--unchanged", type=int, default=1000, help="unchanged series of each kind")
    parser.add_argument("--no-backfill", action="store_true", help="leave out the year in one run")
    parser.add_argument("--no-peers", action="store_true", help="do not install Otava, ruptures")
    options = parser.parse_args()
    goals = Goals()
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
        accuracy(detect, series, events, goals)
        if options.real:
            on_real(detect, options.real, options.seed, goals)
        calibration(detect, options.unchanged, goals)
        speed(detect, peers, series, events, goals)
    if not options.no_backfill:
        print("\na year of 5,000 statements")
        _backfill.screen_loss()
        _backfill.run()
    return goals.verdict()


if __name__ == "__main__":
    sys.exit(main())
