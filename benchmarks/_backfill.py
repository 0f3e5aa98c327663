"""A year of baselines, findings and reports in one run: how long it takes, and what it finds.

`python benchmarks/_backfill.py [--statements N] [--days D] [--keep FOLDER]`

The rollups of the year are generated (`_backfill_data.py`) into a real embedded PostgreSQL; what is
measured is what the three assets do for the range, in a process of its own: wall seconds of each,
and the most memory it held. Called by `benchmarks/regressions.py`.
"""

import argparse
import json
import math
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from _backfill_data import Change, Year, packed, write

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.store import Store, migrate

LAST = date(2025, 11, 30)
TARGET = "year"
STATEMENTS, DAYS = 5_000, 365
#: What PostgreSQL would do in time by itself is done before; nothing else is tuned.
SETTINGS = {"max_wal_size": "4GB", "shared_buffers": "256MB"}


def _stage(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(url: str, first: date, last: date) -> dict[str, float]:
    """Run the three stages of a range; return their seconds and this process's peak memory."""
    from perf_pipeline.baselines.build import build as baselines
    from perf_pipeline.regressions.find import find
    from perf_pipeline.reports.build import build as reports

    with Store(url) as store:
        took = {
            "baseline": _stage(lambda: baselines(store, TARGET, first, last)),
            "findings": _stage(lambda: find(store, TARGET, first, last)),
            "report": _stage(lambda: reports(store, TARGET, first, last)),
        }
    took["seconds"] = sum(took.values())
    took["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took


def in_process(url: str, first: date, last: date) -> dict[str, float]:
    """Do `measure` in a fresh process: its memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", url, first.isoformat(), last.isoformat()],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    measured: dict[str, float] = json.loads(done.stdout.decode().splitlines()[-1])
    return measured


def recall(store: Store, changes: list[Change]) -> dict[str, tuple[int, int]]:
    """Return how many changes that were put in have a finding, by kind, of how many."""
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT queryid, direction, min(onset AT TIME ZONE 'UTC') FROM perf_mgmt.findings"
            " GROUP BY queryid, direction, finding_id"
        ).fetchall()
    found: dict[tuple[int, str], list] = {}
    for queryid, direction, onset in rows:
        found.setdefault((queryid, direction), []).append(onset)
    counts: dict[str, list[int]] = {}
    for change in changes:
        direction = "up" if change.factor > 1 else "down"
        reach = timedelta(days=change.drift_days + 1)
        size = max(change.factor, 1 / change.factor)
        kind = "drift" if change.drift_days else f"{direction} x{size:.1f}"
        hit = any(
            change.onset - timedelta(days=1) <= onset <= change.onset + reach
            for onset in found.get((change.queryid, direction), [])
        )
        count = counts.setdefault(kind, [0, 0])
        count[0] += hit
        count[1] += 1
    return {kind: (a, b) for kind, (a, b) in sorted(counts.items())}


def screen_loss(statements: int = 1_200, days: int = 150, sample: int = 160) -> None:
    """Print what the screen before the detector keeps, and what of the findings it loses.

    The detector is run as of every day of some series, those with changes first; a finding is lost
    when none of the days on which the detector shows it is kept.
    """
    from perf_pipeline.regressions.detector import detect_arrays
    from perf_pipeline.regressions.identity import HORIZON_DAYS, LATE_DAYS
    from perf_pipeline.regressions.judge import large, not_enough
    from perf_pipeline.regressions.policy import DEFAULT
    from perf_pipeline.store import asof, screen
    from perf_pipeline.store.samples import WINDOW_DAYS

    year = Year(statements, days, LAST - timedelta(days=days - 1), 5)
    hours = packed(year)
    floor = math.log(DEFAULT.low)
    start = time.process_time()
    kept = screen.possible(hours, LATE_DAYS, floor, fresh_days=HORIZON_DAYS)
    took = time.process_time() - start
    changed = np.isin(year.queryid, [change.queryid for change in year.changes])
    some = np.argsort(~changed, kind="stable")[:sample]
    series, day = (part.ravel() for part in np.meshgrid(some, np.arange(days), indexing="ij"))
    seen = asof.changes_of_hours(detect_arrays, hours, series, day, WINDOW_DAYS)
    end = pl.col("as_of").cast(pl.Datetime("us")) + timedelta(days=1)
    findings = seen.filter(
        large(DEFAULT), not_enough(DEFAULT).is_null(), pl.col("p_value") <= 1e-5,
        pl.col("change_ts") >= end - timedelta(days=LATE_DAYS),
    ).sort("series", "direction", "change_ts")  # fmt: skip
    at = (findings["as_of"] - hours.first).dt.total_days().to_numpy()
    by = ["series", "direction"]
    apart = pl.col("change_ts").diff().over(by) > timedelta(hours=12)
    each = (
        findings.with_columns(kept=pl.Series(kept[findings["series"].to_numpy(), at]))
        .with_columns(number=apart.fill_null(value=True).cum_sum().over(by))
        .group_by(*by, "number")
        .agg(pl.col("kept").any(), first=pl.col("as_of").min())
        # what shows on the last days only may be kept on a day that is not there
        .filter(pl.col("first") <= LAST - timedelta(days=HORIZON_DAYS))
    )
    lost = each.height - each["kept"].sum()
    print(f"screen: keeps {kept.mean():.1%} of series and days at "
          f"{took / kept.size * 1e6:.1f} us CPU each; {lost} of {each.height} findings lost, "
          f"{findings.height} rows of days")  # fmt: skip
    print(f"RATIO screen_findings_lost {lost / each.height:.4f}")


def run(statements: int = STATEMENTS, days: int = DAYS, keep: Path | None = None) -> None:
    """Generate, measure and print; the figure is of the whole range."""
    folder = keep or Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    told = folder / "changes.pickle"
    first = LAST - timedelta(days=days - 1)
    try:
        with EmbeddedServer(folder / "server", settings=SETTINGS) as server:
            server.ensure_database("store")
            url = server.url("store")
            with Store(url) as store:
                if not told.exists():
                    start = time.perf_counter()
                    migrate.upgrade(store)
                    year = write(store, TARGET, statements, days, LAST)
                    told.write_bytes(pickle.dumps(year.changes))
                    print(f"\ngenerated {statements:,} statements x {days} days in "
                          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
                whole = in_process(url, first, LAST)
                one = in_process(url, LAST, LAST)
                changes = pickle.loads(told.read_bytes())  # noqa: S301, written by ourselves
                found = recall(store, changes)
                with store.begin() as connection:
                    rows = connection.execute(
                        "SELECT count(*), count(DISTINCT finding_id) FROM perf_mgmt.findings"
                    ).fetchone()
    finally:
        if keep is None:
            shutil.rmtree(folder)
    for name, took in (("one run", whole), ("one day", one)):
        shown = ", ".join(
            f"{stage} {took[stage]:.1f} s" for stage in ("baseline", "findings", "report")
        )
        print(f"{name}: {shown}; peak memory {took['peak_mb']:,.0f} MB")
    print(f"findings: {rows[0]:,} rows of {rows[1]:,} changes; of the changes put in, found: "
          + ", ".join(f"{kind} {a}/{b}" for kind, (a, b) in found.items()))  # fmt: skip
    print(f"RATIO backfill_{days}d_seconds {whole['seconds']:.1f}")
    print(f"RATIO backfill_{days}d_peak_mb {whole['peak_mb']:.0f}")
    print(f"RATIO backfill_1d_seconds {one['seconds']:.2f}")


def main() -> None:
    """Run alone, or measure for `in_process`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, default=STATEMENTS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--keep", type=Path, help="folder to keep the generated store in")
    parser.add_argument("--measure", nargs=3, metavar=("URL", "FIRST", "LAST"))
    options = parser.parse_args()
    if options.measure:
        url, first, last = options.measure
        print(json.dumps(measure(url, date.fromisoformat(first), date.fromisoformat(last))))
        return
    screen_loss()
    run(options.statements, options.days, options.keep)


if __name__ == "__main__":
    main()
