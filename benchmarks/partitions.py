"""Benchmark of partitions: steady state and creation against pg_partman, and the archive's speed.

`python benchmarks/partitions.py [--parents N] [--rows N] [--repeats N]`

One PostgreSQL 15 with pg_partman 4.7 (Debian's package) serves both; where that cannot be had, our
figures are taken on the embedded server and the comparison says `skipped: why`. Each has its own
tables, monthly, three months ahead. Figures are medians. Our times hold everything: connecting,
the catalog, the plan, statements, and both rows of the maintenance log for each partition.
"""

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from _partman import NoPeerError, server_with_partman

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.partitions import apply
from perf_pipeline.partitions import steady as known
from perf_pipeline.partitions.model import Policy, Span
from perf_pipeline.postgres.lock_budget import LockBudget
from perf_pipeline.store import Store, migrate
from perf_pipeline.store.place import Folder

MAINTAIN = "CALL partman.run_maintenance_proc()"


def say(name: str, value: float) -> None:
    """Print one figure."""
    print(f"RATIO {name} {value:.3g}", flush=True)


def timed(call: Callable[[], object]) -> float:
    """Return the milliseconds a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000.0


def make_tables(connection: psycopg.Connection, schema: str, count: int) -> None:
    """Make partitioned tables without partitions, each with a key and an index."""
    connection.execute(f"CREATE SCHEMA {schema}")
    for first in range(0, count, 50):  # a transaction of 500 tables has too many locks
        with connection.transaction():
            for number in range(first, min(first + 50, count)):
                connection.execute(
                    f"CREATE TABLE {schema}.t{number} (id bigint, at timestamptz NOT NULL,"
                    " body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
                    f"CREATE INDEX ON {schema}.t{number} (at)"
                )


def policies(count: int, premake: int) -> list[Policy]:
    """Return a policy for each of our tables."""
    return [Policy(f"ours.t{n}", "at", every="month", premake=premake) for n in range(count)]


def steady(store: Store, url: str, chosen: list[Policy], repeats: int) -> dict[str, float]:
    """Return what looks at all parents cost that need nothing, each in a session of its own; ms.

    `first` and `whole_first`: the server's time and all of it, where nothing is known of them yet;
    `again` and `whole_again`: by a process that has looked before, as the sensor does.
    """
    spent: dict[str, list[float]] = {}
    with psycopg.connect(url, autocommit=True) as admin:
        for number in range(2 * repeats):
            name = "again" if number % 2 else "first"
            if name == "first":
                known.forget()
            admin.execute("SELECT public.pg_stat_statements_reset()")
            start = time.perf_counter()
            _, made = apply.look_and_plan(store, "bench", url, chosen, detail=False)
            whole = (time.perf_counter() - start) * 1000.0
            assert len(made) == len(chosen)
            assert all(each.covered and not each.steps for each in made.values())
            row = admin.execute(
                "SELECT sum(total_exec_time + total_plan_time) FROM public.pg_stat_statements"
                " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND query LIKE '%perf-pipeline%'"
            ).fetchone()
            assert row is not None
            spent.setdefault(name, []).append(row[0])
            spent.setdefault(f"whole_{name}", []).append(whole)
    return {name: statistics.median(values) for name, values in spent.items()}


def partitions_of(connection: psycopg.Connection, schema: str) -> int:
    """Return how many partitions the tables of a schema have."""
    row = connection.execute(
        "SELECT count(*) FROM pg_class AS c JOIN pg_inherits AS i ON i.inhrelid = c.oid"
        " WHERE c.relkind = 'r' AND c.relnamespace = %s::regnamespace",
        (schema,),
    ).fetchone()
    assert row is not None
    return int(row[0])


class Writer:
    """An application that inserts all the time, and how long it had to wait."""

    def __init__(self, url: str, table: str) -> None:
        self._url, self._table = url, table
        self._stop = threading.Event()
        self.worst_ms = 0.0

    def run(self) -> None:
        """Insert until told to stop."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            number = 0
            while not self._stop.is_set():
                number += 1
                start = time.perf_counter()
                connection.execute(f"INSERT INTO {self._table} VALUES (%s, now(), 'x')", (number,))
                self.worst_ms = max(self.worst_ms, (time.perf_counter() - start) * 1000.0)
                time.sleep(0.002)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Insert while a block runs."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def archive_speed(store: Store, url: str, files: Path, rows: int, repeats: int) -> float:
    """Return rows a second from an old partition into files that were read back."""
    speeds = []
    for number in range(repeats):
        name = f"archived{number}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                f"CREATE TABLE public.{name} (id bigint, at timestamptz NOT NULL, tenant int,"
                " amount numeric(10, 2), ok boolean, body text, payload jsonb)"
                " PARTITION BY RANGE (at);"
                f"CREATE TABLE public.{name}_2010_01 PARTITION OF public.{name}"
                " FOR VALUES FROM ('2010-01-01+00') TO ('2010-02-01+00');"
                f"INSERT INTO public.{name} SELECT n, '2010-01-01+00'::timestamptz + n * interval"
                " '1 second', n % 100, n / 7.0, n % 2 = 0, 'body of row ' || n,"
                " jsonb_build_object('n', n, 'kind', n % 10)"
                f" FROM generate_series(1, {rows}) AS n"
            )
        policy = Policy(
            f"public.{name}",
            "at",
            every="month",
            premake=0,
            retention=Span(1, "year"),
            then="archive",
        )
        start = time.perf_counter()
        report = apply.run(store, "bench", url, [policy], kinds=("archive",), files=Folder(files))
        speeds.append(rows / (time.perf_counter() - start))
        assert [(d.kind, d.outcome, d.rows) for d in report.done] == [("archive", "done", rows)]
    return statistics.median(speeds)


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parents", type=int, default=500)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.chmod(0o711)
    try:
        run(folder, asked.parents, asked.rows, asked.repeats)
    finally:
        shutil.rmtree(folder)


def run(folder: Path, parents: int, rows: int, repeats: int) -> None:
    """Measure on one server."""
    pg_bin, missing = None, ""
    try:
        pg_bin = server_with_partman(folder)
    except NoPeerError as error:
        missing = str(error)
    settings = {"max_locks_per_transaction": "1024", "pg_stat_statements.max": "20000"}
    with EmbeddedServer(folder / "server", pg_bin=pg_bin, settings=settings) as server:
        server.ensure_database("bench")
        server.ensure_database("bench_store")
        url = server.url("bench")
        with Store(server.url("bench_store")) as store:
            migrate.upgrade(store)
            measure(folder, store, url, parents, rows, repeats, missing)


def measure(
    folder: Path, store: Store, url: str, parents: int, rows: int, repeats: int, missing: str
) -> None:
    """Take and print the figures."""
    budget = LockBudget(first_ms=200, most_ms=200)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public")
        make_tables(admin, "ours", parents)
        chosen = policies(parents, 3)
        report = apply.run(store, "bench", url, chosen, budget=budget)
        assert report.ok, report
        if not missing:
            admin.execute("CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman")
            make_tables(admin, "theirs", parents)
            for number in range(parents):
                admin.execute(
                    f"SELECT partman.create_parent('theirs.t{number}', 'at', 'native', 'monthly',"
                    " p_premake := 3)"
                )
            # else it makes none for tables without rows
            admin.execute("UPDATE partman.part_config SET infinite_time_partitions = true")
        admin.execute("ANALYZE")
        looks = steady(store, url, chosen, max(5, repeats))
        say("partitions_steady_ms", looks["again"])
        print(
            f"  {looks['whole_again']:.1f} ms with connecting and the plans; a process's first look"
            f" {looks['first']:.1f} ms, {looks['whole_first']:.1f} ms with all",
            flush=True,
        )
        ours, theirs, pauses = [], [], []
        theirs_steady = []
        for extra in range(1, repeats + 1):
            more = [replace(policy, premake=3 + extra) for policy in chosen]
            writer = Writer(url, "ours.t0")
            with writer.beside():
                ours.append(timed(lambda m=more: apply.run(store, "bench", url, m, budget=budget)))
            pauses.append(writer.worst_ms)
            if not missing:
                theirs_steady.append(timed(lambda: admin.execute(MAINTAIN)))
                admin.execute("UPDATE partman.part_config SET premake = premake + 1")
                before = partitions_of(admin, "theirs")
                writer = Writer(url, "theirs.t0")
                with writer.beside():
                    theirs.append(timed(lambda: admin.execute(MAINTAIN)))
                made_by_them = partitions_of(admin, "theirs") - before
                assert made_by_them == parents, f"pg_partman made {made_by_them}"
        made = statistics.median(ours)
        print(f"  one new partition for each of {parents}: {made:.0f} ms", flush=True)
        if missing:
            print(f"RATIO partitions_new_vs_pg_partman skipped: {missing}", flush=True)
        else:
            print(
                f"  pg_partman: steady {statistics.median(theirs_steady):.0f} ms, one new each "
                f"{statistics.median(theirs):.0f} ms",
                flush=True,
            )
            say("partitions_new_vs_pg_partman", made / statistics.median(theirs))
        # what the machine alone makes a writer wait, in as much time
        quiet = Writer(url, "ours.t0")
        with quiet.beside():
            time.sleep(max(1.0, made / 1000.0))
        worst = statistics.median(pauses)
        print(f"  a writer beside nothing waits up to {quiet.worst_ms:.0f} ms", flush=True)
        say("partitions_writer_worst_pause_ms", worst)
        limit = budget.most_ms + quiet.worst_ms
        assert worst <= limit, f"a writer waited {worst:.0f} ms"
    say("archive_rows_per_second", archive_speed(store, url, folder / "archive", rows, repeats))


if __name__ == "__main__":
    main()
