"""Many databases on one server, swept by one collection; how long that takes."""

import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import psycopg

from perf_pipeline import settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.fleet import Outcome, sweep_all
from perf_pipeline.snapshots.record import SweepRecord, collect
from perf_pipeline.store import Store

TEMPLATE = "fleet_template"

#: Of each database: tables with a key, a second index, a view and a function every few tables.
TABLES, STATEMENTS, ROWS = 20, 40, 200


@dataclass(frozen=True)
class Timing:
    """Wall seconds of a collection, each target's outcome, and when the last good one was done."""

    seconds: float
    outcomes: Sequence[Outcome[SweepRecord]]
    good_seconds: float

    @property
    def swept(self) -> list[SweepRecord]:
        """Records of the targets that were swept."""
        return [outcome.record for outcome in self.outcomes if outcome.record is not None]

    def median(self, figure: Callable[[SweepRecord], float]) -> float:
        """Median over the targets that were swept."""
        return statistics.median(figure(record) for record in self.swept)


def fill(url: str, tables: int = TABLES) -> None:
    """Make the objects of one database: tables, keys, indexes, a view and a function."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE SCHEMA shop")
        for number in range(tables):
            table = f"shop.item_{number}"
            connection.execute(
                f"CREATE TABLE {table} (id integer PRIMARY KEY, name text, price numeric, n int)"
            )
            connection.execute(
                f"INSERT INTO {table} SELECT g, 'item ' || g, g, g % 7"
                f" FROM generate_series(1, {ROWS}) AS g"
            )
            connection.execute(f"CREATE INDEX ON {table} (n) WHERE n > 2")
        connection.execute("CREATE VIEW shop.dear AS SELECT * FROM shop.item_0 WHERE price > 100")
        connection.execute(
            "CREATE FUNCTION shop.cheapest() RETURNS numeric LANGUAGE sql"
            " AS 'SELECT min(price) FROM shop.item_1'"
        )


def work(url: str, statements: int = STATEMENTS, tables: int = TABLES) -> None:
    """Run some statements, each an entry of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(statements):
            columns = ", ".join(["id"] * (1 + number // tables))
            connection.execute(
                f"SELECT {columns}, count(*) FROM shop.item_{number % tables} GROUP BY id"
            )


@contextmanager
def fleet(server: EmbeddedServer, count: int, tables: int = TABLES) -> Iterator[list[Target]]:
    """Make `count` databases from a template; their targets' variables are set meanwhile."""
    server.ensure_database(TEMPLATE)
    fill(server.url(TEMPLATE), tables)
    names = [f"fleet_{number:02}" for number in range(count)]
    for name in names:
        server.ensure_database(name, TEMPLATE)
        os.environ[f"{name.upper()}_URL"] = server.url(name)
    try:
        yield [Target(name, f"{name.upper()}_URL", date(2026, 1, 1)) for name in names]
    finally:
        for name in names:
            del os.environ[f"{name.upper()}_URL"]
            server.drop_database(name)
        server.drop_database(TEMPLATE)


def sweep(targets: Sequence[Target], store: Store) -> Timing:
    """Sweep all targets at once, as `fleet/collection` does."""
    start = time.perf_counter()
    done: list[float] = []

    def one(target: Target) -> SweepRecord:
        record = collect(target, store)
        done.append(time.perf_counter() - start)
        return record

    outcomes = sweep_all(targets, one, threads=settings.current().collection_threads, budget_s=60.0)
    return Timing(time.perf_counter() - start, outcomes, max(done, default=0.0))


def measure(targets: Sequence[Target], store: Store, times: int = 3) -> tuple[Timing, list[Timing]]:
    """Return the first collection of a fleet and `times` later ones, each after some work."""
    first = sweep(targets, store)
    later = []
    for _ in range(times):
        for target in targets:
            work(target.url())
        later.append(sweep(targets, store))
    return first, later


def measure_broken(targets: Sequence[Target], store: Store) -> Timing:
    """Return a collection in which a target is dead, one hangs, one is denied and one is locked."""
    dead, hanging, denied, locked = targets[:4]
    urls = {target.url_env: target.url() for target in (dead, hanging, denied)}
    parts = psycopg.conninfo.make_conninfo
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as closed,
        psycopg.connect(locked.url()) as holder,
    ):
        holder.execute("LOCK TABLE shop.item_0 IN ACCESS EXCLUSIVE MODE")
        os.environ[hanging.url_env] = parts(hanging.url(), port=silent.getsockname()[1])
        os.environ[dead.url_env] = parts(dead.url(), port=closed.getsockname()[1])
        closed.close()
        os.environ[denied.url_env] = parts(denied.url(), user="nobody-of-that-name")
        try:
            return sweep(targets, store)
        finally:
            os.environ.update(urls)
            holder.rollback()
