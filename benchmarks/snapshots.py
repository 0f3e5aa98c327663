"""Benchmark of the sweep: time against the bare reads and the peers' SQL, temp bytes, size, fleet.

`python benchmarks/snapshots.py [--repeats N] [--statements N] [--huge N] [--databases N] ...`

One embedded server, one database of 5,000 statements, 500 tables and 1,500 indexes. Between two
sweeps 5 % of the statements run. Our sweep (connect, read every family, compute the interval,
commit it to the store) alternates with the bare reads of the same families, on an open connection,
and with the reads the peers do; figures are medians. `sweep_vs_three_drains` sets the same sweep
against the bare reads of statements, tables and indexes alone.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import _fleet
import psycopg
from _snapshot_bytes import measure, write_day
from _snapshot_load import Size, temporary_target, work
from _snapshot_peers import FLOOR, FLOOR_OTHERS, PEERS
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.record import SweepRecord, collect
from perf_pipeline.store import Store, migrate, place

CHANGED_SHARE = 0.05
OURS = sqlfiles.load("snapshots/statements", 18).text


def say(name: str, value: float) -> None:
    """Print one figure."""
    print(f"RATIO {name} {value:.3g}", flush=True)


def drain(session: psycopg.Connection, query: LiteralString) -> None:
    """Read a query's rows by COPY, exact as they are in binary, and throw them away."""
    with (
        session.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(sql.SQL(query))) as copy,
    ):
        for _ in copy:
            pass


def timed(call: Callable[[], object]) -> float:
    """Return the milliseconds a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000.0


def temp_bytes(url: str, call: Callable[[], object]) -> int:
    """Return the bytes of temporary files that a call left in the database's statistics."""
    with psycopg.connect(url, autocommit=True) as session:

        def read() -> int:
            session.execute("SELECT pg_stat_force_next_flush()")
            session.execute("SELECT pg_stat_clear_snapshot()")
            row = session.execute(
                "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
            return int(row[0]) if row else 0

        before = read()
        call()
        return read() - before


def drained(url: str, *queries: LiteralString) -> None:
    """Read queries by COPY in a session that then ends, so that its statistics are told."""
    with psycopg.connect(url, autocommit=True) as session:
        for query in queries:
            drain(session, query)


def sweep_figures(url: str, target: Target, store: Store, size: Size, repeats: int) -> float:
    """Print our sweep beside the floor and the peers, alternating; return its milliseconds."""
    changed = round(size.statements * CHANGED_SHARE)
    ours: list[SweepRecord] = []
    sides: dict[str, list[float]] = {
        name: [] for name in ("sweep", "floor", "others", "ours", *PEERS)
    }
    for _ in range(2):  # the baseline, the texts, warm caches on both sides
        collect(target, store)
        drained(url, *FLOOR, *PEERS.values())
    with psycopg.connect(url, autocommit=True) as session:
        for turn in range(repeats):
            start = turn * changed % max(1, size.statements - changed)
            work(url, size, range(start, start + changed))
            sides["sweep"].append(timed(lambda: ours.append(collect(target, store))))
            sides["floor"].append(timed(lambda: [drain(session, query) for query in FLOOR]))
            sides["others"].append(timed(lambda: [drain(session, query) for query in FLOOR_OTHERS]))
            query = OURS.format(extension="public")
            sides["ours"].append(timed(lambda query=query: drain(session, query)))
            for name, text in PEERS.items():
                sides[name].append(timed(lambda text=text: drain(session, text)))
    median = {name: statistics.median(values) for name, values in sides.items()}
    parts = ", ".join(
        f"{part} {statistics.median(getattr(record, part) for record in ours):.1f}"
        for part in ("connect_ms", "database_ms", "duration_ms")
    )
    print(f"medians in ms: {', '.join(f'{k} {v:.1f}' for k, v in median.items())}; {parts}")
    print(f"rows of the last sweep: {dict(ours[-1].rows)}")
    say("sweep_vs_floor", median["sweep"] / (median["floor"] + median["others"]))
    say("sweep_vs_three_drains", median["sweep"] / median["floor"])
    say("sweep_temp_bytes", temp_bytes(url, lambda: collect(target, store)))
    for name, text in PEERS.items():
        say(f"statements_read_vs_{name}", median[name] / median["ours"])
        print(f"  {name}: {temp_bytes(url, lambda text=text: drained(url, text)):,} temp bytes")
    return median["sweep"]


def huge_figures(server: EmbeddedServer, store: Store, statements: int, each_ms: float) -> None:
    """Print what a sweep costs per statement of many, against the same of a few thousand."""
    size = Size(statements=statements)
    with temporary_target(server, "huge", size) as (target, url):
        os.environ[target.url_env] = url
        for _ in range(2):
            collect(target, store)
        work(url, size, range(statements // 20))
        elapsed = timed(lambda: collect(target, store))
        print(f"{statements:,} statements: {elapsed:.0f} ms")
        say("sweep_huge_per_statement", elapsed / statements / each_ms)
        say("sweep_huge_temp_bytes", temp_bytes(url, lambda: collect(target, store)))


def fleet_figures(server: EmbeddedServer, store: Store, databases: int) -> None:
    """Print how long one collection of many databases takes, the first and later ones."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as session:
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        session.execute("SELECT pg_stat_statements_reset()")
    with _fleet.fleet(server, databases) as targets:
        first, later = _fleet.measure(targets, store)
        broken = _fleet.measure_broken(targets, store)
    for timing in (first, *later):
        if len(timing.swept) < databases:
            failed = next(outcome for outcome in timing.outcomes if not outcome.ok)
            raise SystemExit(f"{failed.target.name} was not swept: {failed.reason}")
    middle = sorted(later, key=lambda timing: timing.seconds)[len(later) // 2]
    shown = ", ".join(
        f"{part} {middle.median(lambda record, part=part: getattr(record, part)):.1f}"
        for part in ("connect_ms", "database_ms", "duration_ms", "rows_read", "connections")
    )
    print(f"{databases} databases: first {first.seconds:.2f} s; medians of a sweep: {shown}")
    print(
        f"  with a dead, a hanging, a denied and a locked one: {broken.seconds:.2f} s, the "
        f"{len(broken.swept)} that could be swept were done after {broken.good_seconds:.2f} s"
    )
    say(f"targets{databases}_seconds", middle.seconds)


def byte_figures(server: EmbeddedServer, target: Target, url: str, folder: Path) -> None:
    """Print what a day of sweeps takes in a store of its own, its archive, and as rollups.

    Fails when it is more than it may be.
    """
    server.ensure_database("bytes")
    with Store(server.url("bytes")) as store:
        migrate.upgrade(store)
        number = write_day(store, target, url)
        found = measure(store, target, number, place.open_place(str(folder / "archive")))
    for name, (hot, archived) in found.by_table.items():
        print(f"  {name:<18} {hot:>8,.0f} bytes a sweep, archived {archived:>7,.0f}")
    for name, size in found.by_rollup.items():
        print(f"  {name:<18} {size:>9,.0f} bytes a day")
    print(f"  {found.rows_per_sweep:.0f} rows a sweep; state {found.state:,} bytes")
    figures = {
        "hot_bytes_per_sweep": (found.hot_per_sweep, 100_000),
        "archive_bytes_per_sweep": (found.archive_per_sweep, 15_000),
        "rollup_bytes_per_day": (found.rollup_per_day, 3_000_000),
    }
    for name, (value, _) in figures.items():
        print(f"RATIO {name} {value:.0f}", flush=True)
    over = [name for name, (value, limit) in figures.items() if value > limit]
    if over:
        raise SystemExit(f"more bytes than there may be: {', '.join(over)}")


def main() -> None:
    """Run everything on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--statements", type=int, default=5_000)
    parser.add_argument("--huge", type=int, default=100_000)
    parser.add_argument("--databases", type=int, default=50)
    parser.add_argument("--no-huge", action="store_true")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.chmod(0o711)
    room = str(round(1.2 * max(args.statements, args.huge)))
    try:
        # PostgreSQL's own default of work_mem, not ours: what spills is part of the figures
        chosen = {"pg_stat_statements.max": room, "work_mem": "4MB"}
        with EmbeddedServer(folder / "server", settings=chosen) as server:
            server.ensure_database("store")
            size = Size(statements=args.statements)
            with Store(server.url("store")) as store:
                migrate.upgrade(store)
                with temporary_target(server, "bench", size) as (target, url):
                    os.environ[target.url_env] = url
                    each_ms = (
                        sweep_figures(url, target, store, size, args.repeats) / size.statements
                    )
                    byte_figures(server, target, url, folder)
                fleet_figures(server, store, args.databases)
                if not args.no_huge:
                    huge_figures(server, store, args.huge, each_ms)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
