"""Benchmark of cache invalidation beside the described design and beside synchronous refresh.

`python benchmarks/invalidation.py [--patients N] [--rows N] [--repeats N] [--steady SECONDS]`

One embedded server; 10,000 patients with four tables, of which `medications` has 100,000 rows. Each
side has its trigger on `medications`, the others have none; sides take turns, figures are medians.

- *none*: no trigger. *described*: a row trigger upserts a queue, a loop takes 100 entries at a time
  and refreshes one after the other. *sync_row*, *sync_distinct*: the trigger itself refreshes, for
  each row, or for each different patient of the statement. *ours*: statement triggers write a log,
  a worker folds it, and two sessions refresh in batches.
- Writer: `UPDATE` of all rows of `medications` by one statement; 20,000 updates of one row each.
- End to end: the writer, then all work until every patient's cache is right, which is looked at.
- Staleness: 1,000 changes of random patients a second, a worker beside them; from a change's commit
  to the commit of the value that has it, both as the server noted them (`track_commit_timestamp`).
"""

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import _invalidation_sql as text
import psycopg

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.invalidation import install
from perf_pipeline.invalidation.drain import drain as drain_all
from perf_pipeline.invalidation.model import CacheType, Captured
from perf_pipeline.postgres import connect
from perf_pipeline.postgres.target import Target

#: Quiet at once: what is measured is the work, not the wait.
CACHE = CacheType(
    "dashboard",
    (Captured("bench.medications", "patient_id"),),
    debounce_s=0.0,
    max_wait_s=0.0,
    batch=10_000,
    process="bench.refresh_many",
)
ROW = CacheType(
    "dashboard",
    (Captured("bench.medications", "patient_id", per="row"),),
    process="bench.refresh_many",
)
#: Of the staleness: a window of 2 s, and nobody waits for longer than 3.
STEADY = CacheType(
    "dashboard",
    (Captured("bench.medications", "patient_id"),),
    debounce_s=2.0,
    max_wait_s=3.0,
    batch=5_000,
    process="bench.refresh_and_note",
)
SINGLES = 20_000
#: As the job `cache_invalidation` has it; the described loop cannot share its queue (D-100).
SESSIONS = 2
TARGET = Target(name="bench", url_env="BENCH_URL", history_start=date(2026, 1, 1))


@dataclass
class Bench:
    """One prepared database and our session on it."""

    url: str
    app: psycopg.Connection
    ours: psycopg.Connection
    patients: int
    rows: int
    repeats: int


def say(name: str, value: float) -> None:
    """Print one figure."""
    print(f"RATIO {name} {value:.3g}", flush=True)


def timed(call: Callable[[], object]) -> float:
    """Return the milliseconds a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000.0


@contextmanager
def side(bench: Bench, name: str) -> Iterator[None]:
    """Give `medications` the trigger of one side, and take it away again."""
    if name in {"ours", "ours_row"}:
        install.install(bench.ours, "bench", [CACHE if name == "ours" else ROW])
    elif text.TRIGGERS[name]:
        bench.app.execute(text.TRIGGERS[name])
    try:
        yield
    finally:
        if name in {"ours", "ours_row"}:
            install.uninstall(bench.ours)
        elif text.TRIGGERS[name]:
            bench.app.execute("DROP TRIGGER side ON bench.medications")


def fresh(bench: Bench) -> None:
    """Leave nothing of the side before; checkpoints fall between measurements.

    A refresh per row leaves the cache's file ten times as large: the next side would pay for it.
    """
    bench.app.execute("VACUUM bench.medications")
    bench.app.execute("VACUUM FULL bench.cache")
    bench.app.execute("CHECKPOINT")


def drain(cache: CacheType) -> int:
    """Do all that is due of a cache type as a worker does; return how many were made anew."""
    return drain_all(TARGET, [cache], sessions=SESSIONS).refreshed


def loop(bench: Bench) -> int:
    """Process the described queue until it is empty; return how many were refreshed.

    On a session of its own, as a drain has: who opens none pays for none.
    """
    done = 0
    with connect.session(bench.url, read_only=False, autocommit=True) as session:
        while (row := session.execute("SELECT bench.process_queue()").fetchone()) and row[0]:
            done += row[0]
    return done


def require_right(bench: Bench, where: str) -> None:
    """Fail where the cache is not what the tables say."""
    row = bench.app.execute(text.STALE).fetchone()
    assert row == (0,), f"{where}: {row} patients have a stale cache"


def bulk(bench: Bench) -> None:
    """Measure the reference workload: writer, end to end, drain."""
    writer: dict[str, list[float]] = {}
    work: dict[str, list[float]] = {}
    for _ in range(bench.repeats):
        for name in ("none", "described", "sync_row", "sync_distinct", "ours"):
            with side(bench, name):
                if name == "ours":
                    drain(CACHE)  # what installing has queued
                fresh(bench)
                writer.setdefault(name, []).append(timed(lambda: bench.app.execute(text.BULK)))
                if name == "ours":
                    work.setdefault(name, []).append(timed(lambda: drain(CACHE)))
                if name == "described":
                    work.setdefault(name, []).append(timed(lambda: loop(bench)))
                if name != "none":
                    require_right(bench, name)
    cost = {name: statistics.median(each) for name, each in writer.items()}
    rest = {name: statistics.median(each) for name, each in work.items()}
    whole = {name: cost[name] + rest.get(name, 0.0) for name in cost}
    for name, each in cost.items():
        print(
            f"{name:14} writer {each:8.0f} ms ({each / cost['none']:.2f} x), afterwards"
            f" {rest.get(name, 0.0):6.0f} ms, end to end {whole[name]:8.0f} ms"
        )
    say("invalidation_writer_cost", cost["ours"] / cost["none"])
    say("invalidation_described_writer_cost", cost["described"] / cost["none"])
    say("invalidation_saved_vs_sync", 1 - whole["ours"] / whole["sync_row"])
    say("invalidation_described_saved_vs_sync", 1 - whole["described"] / whole["sync_row"])
    say("invalidation_saved_vs_sync_distinct", 1 - whole["ours"] / whole["sync_distinct"])
    say(
        "invalidation_described_saved_vs_sync_distinct",
        1 - whole["described"] / whole["sync_distinct"],
    )
    say("invalidation_drain_vs_loop", rest["described"] / rest["ours"])


def singles(bench: Bench) -> None:
    """Measure updates of one row each, by statement and by row, beside the described trigger."""
    took: dict[str, list[float]] = {}
    statement = text.SINGLE.format(count=SINGLES, rows=bench.rows)
    for _ in range(bench.repeats):
        for name in ("none", "described", "ours", "ours_row"):
            with side(bench, name):
                fresh(bench)
                took.setdefault(name, []).append(timed(lambda: bench.app.execute(statement)))
        loop(bench)
    each = {name: statistics.median(times) * 1000.0 / SINGLES for name, times in took.items()}
    print("one row: " + ", ".join(f"{name} {us:.1f} us" for name, us in each.items()))
    say("invalidation_single_row_statement_vs_described", each["ours"] / each["described"])
    say("invalidation_single_row_row_vs_described", each["ours_row"] / each["described"])


def avoided(bench: Bench) -> None:
    """Print the table of refreshes avoided: 500 patients, changed one by one in random order."""
    print("changes per entity | refreshes avoided | time saved | described: avoided, time saved")
    for changes in (1, 5, 10, 20, 100):
        changed = 500 * changes
        statement = f"""
            DO $$
            DECLARE
                patient bigint;
                n integer := 0;
            BEGIN
                FOR patient IN SELECT 1 + g % 500 FROM generate_series(1, {changed}) AS g
                    ORDER BY hashint8(g)
                LOOP
                    UPDATE bench.medications SET dose = dose + 1 WHERE id = patient - 1;
                    n := n + 1;
                    IF n % 100 = 0 THEN
                        COMMIT;
                    END IF;
                END LOOP;
            END $$
        """
        took: dict[str, float] = {}
        made: dict[str, int] = {}
        for name in ("sync_row", "described", "ours"):
            with side(bench, name):
                if name == "ours":
                    drain(CACHE)
                fresh(bench)
                took[name] = timed(lambda s=statement: bench.app.execute(s))  # type: ignore[misc]
                start = time.perf_counter()
                if name == "ours":
                    made[name] = drain(CACHE)
                if name == "described":
                    made[name] = loop(bench)
                took[name] += (time.perf_counter() - start) * 1000.0
                require_right(bench, name)
        share = {name: 1 - count / changed for name, count in made.items()}
        saved = {name: 1 - took[name] / took["sync_row"] for name in made}
        print(
            f"{changes:18} | {share['ours']:17.1%} | {saved['ours']:10.1%} |"
            f" {share['described']:.1%}, {saved['described']:.1%}"
        )
        if changes == 10:
            say("invalidation_refreshes_avoided_10", share["ours"])


def steady(bench: Bench, seconds: float, rate: int = 1_000) -> None:
    """Measure staleness and losses under changes at a steady rate."""
    install.install(bench.ours, "bench", [STEADY])
    drain(CACHE)
    bench.app.execute("TRUNCATE bench.change, bench.served")
    stop = threading.Event()
    failures: list[BaseException] = []

    def worker() -> None:
        try:
            drain_all(TARGET, [STEADY], budget_s=3600.0, idle_s=None, stop=stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=worker)
    thread.start()
    made = _write(bench, seconds, rate)
    time.sleep(STEADY.max_wait_s + 1.0)
    stop.set()
    thread.join()
    if failures:
        raise failures[0]
    rows = bench.app.execute("""
        SELECT extract(epoch FROM min(pg_xact_commit_timestamp(s.xmin))
            - min(pg_xact_commit_timestamp(c.xmin)))
        FROM bench.change AS c
        LEFT JOIN bench.served AS s ON s.patient_id = c.patient_id AND s.dose >= c.dose
        GROUP BY c.ctid
    """).fetchall()
    lost = sum(1 for (late,) in rows if late is None)
    stale = bench.app.execute(text.STALE).fetchone()
    assert stale is not None
    late = sorted(float(each) for (each,) in rows if each is not None)
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"staleness at {made / seconds:.0f} changes a second for {seconds:g} s, window"
        f" {STEADY.debounce_s:g} s, longest wait {STEADY.max_wait_s:g} s:"
        f" p50 {p50:.2f} s, p99 {p99:.2f} s, max {late[-1]:.2f} s"
    )
    say("invalidation_p99_staleness_seconds", p99)
    say("invalidation_lost", float(lost + stale[0]))
    install.uninstall(bench.ours)


def _write(bench: Bench, seconds: float, rate: int) -> int:
    """Change random patients at a steady rate from one session; return how many changes."""
    start = time.perf_counter()
    made = 0
    statement = """
        WITH changed AS (
            UPDATE bench.medications SET dose = dose + 1
            WHERE id = (hashint4(%s)::bigint & 2147483647) %% %s RETURNING patient_id
        )
        INSERT INTO bench.change
        SELECT c.patient_id, 1 + (SELECT sum(dose) FROM bench.medications AS m
                                  WHERE m.patient_id = c.patient_id)
        FROM changed AS c
    """
    while (passed := time.perf_counter() - start) < seconds:
        due = int(passed * rate) - made
        if due <= 0:
            time.sleep(0.001)
            continue
        for _ in range(due):
            made += 1
            bench.app.execute(statement, (made, bench.rows))
    return made


def run(arguments: argparse.Namespace, server: EmbeddedServer) -> None:
    """Prepare the database and measure everything."""
    server.ensure_database("bench")
    url = os.environ["BENCH_URL"] = server.url("bench")
    with (
        psycopg.connect(url, autocommit=True) as app,
        connect.session(url, read_only=False, autocommit=True) as ours,
    ):
        # for every session, those of the worker too: all sides wait for the disk as much
        for session in (app, ours):
            session.execute("ALTER DATABASE bench SET synchronous_commit = off")
            session.execute("SET synchronous_commit = off")
        for statement in _statements(text.TABLES.format(**vars(arguments))):
            app.execute(statement)
        app.execute(text.REFRESH)
        app.execute(text.DESCRIBED)
        app.execute(
            "SELECT FROM bench.refresh_many((SELECT array_agg(id::text) FROM bench.patients))"
        )
        bench = Bench(url, app, ours, arguments.patients, arguments.rows, arguments.repeats)
        require_right(bench, "before")
        bulk(bench)
        singles(bench)
        avoided(bench)
        steady(bench, arguments.steady)


def _statements(script: str) -> Sequence[str]:
    """Return the statements of a script: VACUUM stands alone."""
    return [each for each in script.split(";\n") if each.strip()]


def main() -> None:
    """Measure on a server of our own and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steady", type=float, default=20.0)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    directory.chmod(0o711)
    try:
        settings = {"track_commit_timestamp": "on", "autovacuum": "off", "max_wal_size": "4GB"}
        with EmbeddedServer(directory / "server", settings=settings) as server:
            run(arguments, server)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
