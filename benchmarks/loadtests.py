"""Benchmark of load tests: our driver beside bare pgbench, reducing ten million transactions, data.

`python benchmarks/loadtests.py [--rounds N] [--seconds N] [--millions N]`

`loadgen_vs_pgbench`: transactions a second of a compiled scenario run by us over those of pgbench
run by hand with the same scripts, in turn. `reduce_10m_seconds`: percentiles and the time series
from the logs of ten million transactions, in a process of its own whose memory is told.
`generator_rows_per_second`: rows of the thorbis example made and copied into their tables, of 100
businesses with 5,000 orders each.
"""

import argparse
import multiprocessing
import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema, thorbis
from perf_pipeline.loadtests import compile as scripts
from perf_pipeline.loadtests import drive, latency, reduce, scenario
from perf_pipeline.loadtests.pgbench import Script
from perf_pipeline.loadtests.stages import Stage
from perf_pipeline.postgres import connect

PGBENCH = binaries.find().program("pgbench")
CLIENTS = 4
NAMES = ("read", "write", "report")


def say(name: str, value: float) -> None:
    """Print one figure."""
    print(f"RATIO {name} {value:.4g}", flush=True)


def bare(url: str, chosen: tuple[Script, ...], known: dict[str, int], seconds: int) -> float:
    """Return the transactions a second of pgbench run by hand, with a log as ours has."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(str(PGBENCH), "-n", "-M", "prepared", "-c", str(CLIENTS), "-T", str(seconds)),
            *("-j", str(min(os.cpu_count() or 1, CLIENTS)), "-l"),
            *(word for name, value in known.items() for word in ("-D", f"{name}={value}")),
            *(word for each in chosen for word in ("-f", f"{each.path}@{each.weight}")),
            url,
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    # as ours: while the sessions are connected
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise SystemExit(done.stdout + done.stderr)
    return float(found[1])


def generator(server: EmbeddedServer) -> None:
    """Print how fast data come; the least of the two sizes is mostly the tables' own cost."""
    for orders in (1000, 5000):
        name = f"generated_{orders}"
        server.ensure_database(name)
        schema.apply(server.url(name))
        start = time.perf_counter()
        made = thorbis.generate(server.url(name), 100, orders)
        elapsed = time.perf_counter() - start
        rows = sum(made.rows.values())
        print(f"{rows:,} rows in {elapsed:.1f} s, indexes and keys checked and built again")
    say("generator_rows_per_second", rows / elapsed)


def loadgen(server: EmbeddedServer, folder: Path, rounds: int, seconds: int) -> None:
    """Print our driver beside bare pgbench."""
    server.ensure_database("thorbis")
    url = server.url("thorbis")
    schema.apply(url)
    thorbis.generate(url, 100, 1000)
    peak = scenario.load("hs_peak_season")
    busy = peak.model_copy(
        update={
            "operations": tuple(
                each.model_copy(update={"think_time_ms": 0.0}) for each in peak.operations
            )
        }
    )
    with connect.session(url) as session:
        known = drive.facts(session, busy)
    chosen = scripts.write(busy, folder / "bare")
    stage = Stage("steady", seconds, CLIENTS)
    ours, theirs = [], []
    for turn in range(rounds):
        for side in ("ours", "bare") if turn % 2 else ("bare", "ours"):
            if side == "bare":
                theirs.append(bare(url, chosen, known, seconds))
            else:
                seen = drive.run_stage(
                    url, busy, stage, known, CLIENTS, None, PGBENCH, folder / "ours"
                )
                ours.append(seen.totals.throughput_tps)
    print(f"ours {statistics.median(ours):,.0f} tps, bare {statistics.median(theirs):,.0f} tps")
    say("loadgen_vs_pgbench", statistics.median(o / t for o, t in zip(ours, theirs, strict=True)))


def write_logs(folder: Path, transactions: int) -> None:
    """Write logs as two threads of pgbench would of so many transactions in half an hour."""
    each = transactions // 2
    for thread in range(2):
        r = np.random.default_rng(thread)
        at = np.sort(r.integers(0, 1_800_000_000, each)) + 1_700_000_000_000_000
        frame = pl.DataFrame(
            {
                "client": r.integers(0, 32, each),
                "transaction": np.arange(each),
                "time": (1000 * np.exp(r.normal(0.5, 0.8, each))).astype(np.int64),
                "script": r.integers(0, len(NAMES), each),
                "epoch_s": at // 1_000_000,
                "epoch_us": at % 1_000_000,
            }
        )
        suffix = "" if thread == 0 else f".{thread}"
        frame.write_csv(folder / f"pgbench.1{suffix}", include_header=False, separator=" ")


def reduced(folder: str, queue: "multiprocessing.Queue[tuple[float, int, int]]") -> None:
    """Reduce logs in a process of its own: seconds, peak memory in bytes, transactions."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = latency.read_logs(Path(folder), list(NAMES))
    latency.percentiles(found)
    whole = reduce.totals(found, 1800.0)
    reduce.series(found, [{"name": "steady", "users": 32, "start": found["ts"][0]}])
    elapsed = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put((elapsed, max(peak, before) * 1024, whole.transactions))


def reducing(folder: Path, millions: float) -> None:
    """Print how long ten million transactions take; fails above 2 GB."""
    write_logs(folder, round(millions * 1e6))
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[tuple[float, int, int]] = context.Queue()
    child = context.Process(target=reduced, args=(str(folder), queue))
    child.start()
    elapsed, peak, transactions = queue.get()
    child.join()
    print(f"{transactions:,} transactions reduced in {elapsed:.1f} s, {peak / 1e9:.2f} GB")
    say("reduce_10m_seconds", elapsed * 1e7 / transactions)
    if peak > 2e9:
        raise SystemExit(f"{peak / 1e9:.2f} GB is more than 2")


def main() -> None:
    """Run everything on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--millions", type=float, default=10)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.chmod(0o711)
    try:
        (folder / "logs").mkdir()
        reducing(folder / "logs", args.millions)
        with EmbeddedServer(folder / "server") as server:
            generator(server)
            loadgen(server, folder, args.rounds, args.seconds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
