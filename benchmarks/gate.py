"""Benchmark of the CI gate: whether an unchanged system passes, and every lost index is told.

`python benchmarks/gate.py [--unchanged N] [--dropped N] [--seconds N] [--scenario NAME]`

`gate_unchanged_passes`: runs of `perf-pipeline ci` on an unchanged system that it let pass, after
the first ones have become its baseline. `gate_dropped_blocked`: runs with one index dropped that
the operations need, a different one each time in turn, that it did not. Both kinds take turns, as
commits do, and whatever else this machine does goes on: a gate has to live with it.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import psycopg
import yaml

from perf_pipeline import cli, settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema, thorbis
from perf_pipeline.loadtests import scenario
from perf_pipeline.store import Store, migrate

#: Indexes without which an operation of the scenario reads much more than with them.
DROPPED = {
    "hs_peak_season": (
        "hs.idx_hs_work_orders_customer_history",
        "hs.idx_hs_work_orders_business_created",
        "hs.idx_hs_invoices_business_status_amount",
    ),
}
#: Runs before those that count: the first has no baseline, five say what runs vary by.
FIRST = 5


def gate(path: Path, commit: str) -> tuple[int, dict[str, object]]:
    """Run the gate as the command line does; return its exit code and what it says of the test."""
    out = StringIO()
    with redirect_stdout(out):
        code = cli.run(
            cli.cli,
            [
                *("ci", "--target", "thorbis", "--scenario", str(path), "--json"),
                *("--commit", commit, "--branch", "main"),
            ],
        )
    (test,) = json.loads(out.getvalue())["tests"]
    return code, test


def said(what: str, code: int, test: dict[str, object], seconds: float) -> None:
    """Print one run."""
    p95 = test["p95_ms"]
    shown = f"p95 {p95:7.2f} ms" if isinstance(p95, float) else "no p95"
    print(f"{what:<48} exit {code}  {test['outcome']:<11} {shown} {seconds:5.1f} s", flush=True)
    if code or test["outcome"] != "OK":
        print(f"    {test['reason']}", flush=True)


def main() -> None:
    """Run both kinds on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unchanged", type=int, default=20)
    parser.add_argument("--dropped", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--scenario", choices=DROPPED, default="hs_peak_season")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.chmod(0o711)
    raw = scenario.load(args.scenario).model_dump(mode="json")
    raw["ci"]["seconds"] = args.seconds
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(raw))
    try:
        with EmbeddedServer(folder / "server") as server:
            for name in ("thorbis", "store"):
                server.ensure_database(name)
            url = server.url("thorbis")
            schema.apply(url)
            thorbis.generate(url, 100, 1000)
            os.environ |= {"PERF_STORE_URL": server.url("store"), "THORBIS_URL": url}
            settings.current.cache_clear()
            with Store() as store:
                migrate.upgrade(store)
            measure(url, path, args)
    finally:
        shutil.rmtree(folder)


def measure(url: str, path: Path, args: argparse.Namespace) -> None:
    """Run unchanged and changed systems in turn, and print both figures."""
    indexes = DROPPED[args.scenario]
    passed = blocked = 0
    took = []
    spread = []
    every = max(1, args.unchanged // max(1, args.dropped))
    for number in range(FIRST + args.unchanged):
        start = time.monotonic()
        code, test = gate(path, f"unchanged {number}")
        took.append(time.monotonic() - start)
        said(f"unchanged {number + 1 - FIRST}", code, test, took[-1])
        spread.append(test["p95_ms"])
        if number < FIRST:
            continue
        passed += code == 0
        turn = number - FIRST + 1
        if turn % every or turn // every > args.dropped:
            continue
        name = indexes[(turn // every - 1) % len(indexes)]
        with psycopg.connect(url, autocommit=True) as session:
            (definition,) = session.execute(
                "SELECT pg_get_indexdef(%s::regclass)", [name]
            ).fetchone() or ("",)
            session.execute(f"DROP INDEX {name}")  # type: ignore[call-overload]
        start = time.monotonic()
        code, test = gate(path, f"without {name}")
        said(f"without {name}", code, test, time.monotonic() - start)
        blocked += code == 1 and test["outcome"] == "REGRESSED"
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(definition)  # type: ignore[call-overload]
    known = [value for value in spread if isinstance(value, float)]
    print(
        f"p95 of unchanged runs {min(known):.2f} to {max(known):.2f} ms"
        f" (median {statistics.median(known):.2f}); a run takes {statistics.median(took):.1f} s"
    )
    print(f"RATIO gate_unchanged_passes {passed}/{args.unchanged}", flush=True)
    print(f"RATIO gate_dropped_blocked {blocked}/{args.dropped}", flush=True)


if __name__ == "__main__":
    main()
