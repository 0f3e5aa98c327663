"""Benchmark of incremental views beside REFRESH MATERIALIZED VIEW of the same query.

`python benchmarks/views.py [--orders N] [--repeats N]`

One embedded server, one table of orders (2,000,000 by default) of 50 tenants on 365 days: 18,250
groups. Two views, each as a materialized view with a unique index and kept incrementally: `adding`
has a count, a sum and an average; `any` also counts different customers, which only computing a
group again can tell. Before each measurement 1 % of the orders change: those of the last days (1 %
of the groups), or random ones (about two thirds of the groups). Both sides are then brought up to
date, in turns; figures are medians, and of the two views the worse one counts. Ours is timed as a
user sees it, with the record of the refresh and the count of the rows.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres import connect
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog
from perf_pipeline.views import catalog
from perf_pipeline.views.graph import Graph
from perf_pipeline.views.incremental import keep
from perf_pipeline.views.model import Rollup, Step, ViewPolicy
from perf_pipeline.views.plan import Seen
from perf_pipeline.views.run import in_session

TABLE = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    id bigint PRIMARY KEY,
    tenant integer NOT NULL,
    day date NOT NULL,
    customer integer NOT NULL,
    total numeric(10, 2) NOT NULL
);
INSERT INTO shop.orders
SELECT g, g % 50, '2025-01-01'::date + (g::bigint * 365 / {orders})::integer,
    hashint8(g) % 5000, (g % 900)::numeric / 10
FROM generate_series(0, {orders} - 1) AS g;
CREATE INDEX ON shop.orders (tenant, day);
CREATE INDEX ON shop.orders (day);
VACUUM ANALYZE shop.orders;
"""
KEYS = (("tenant", "tenant"), ("day", "day"))
ADDING = (("orders", "count(*)"), ("revenue", "sum(total)"), ("average", "avg(total)"))
VIEWS = {
    "adding": Rollup("shop.orders", KEYS, ADDING),
    "any": Rollup("shop.orders", KEYS, (*ADDING, ("customers", "count(DISTINCT customer)"))),
}
TARGET = Target("shop", "SHOP_URL", date(2026, 1, 1))
#: Looks for a change per REFRESH where there was none.
LOOKS = 10
#: 1 % of the orders: of the last days, and of anywhere.
RECENT = "UPDATE shop.orders SET total = total + 1 WHERE id >= {orders} - {orders} / 100"
RANDOM = (
    "UPDATE shop.orders SET total = total + 1"
    " WHERE id = ANY (SELECT (random() * {orders})::bigint FROM generate_series(1, {orders} / 100))"
)


@dataclass(frozen=True)
class Bench:
    """One prepared database, our session on it, and the application's."""

    ours: psycopg.Connection
    app: psycopg.Connection
    log: MaintenanceLog
    orders: int
    repeats: int

    def change(self, statement: str) -> float:
        """Change orders, tidy up after it, and return the milliseconds the change took."""
        took = timed(lambda: self.app.execute(statement.format(orders=self.orders)))  # type: ignore[arg-type]
        self.app.execute("VACUUM shop.orders")
        return took


def say(name: str, value: float) -> None:
    """Print one figure."""
    print(f"RATIO {name} {value:.3g}", flush=True)


def timed(call: Callable[[], object]) -> float:
    """Return the milliseconds a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000.0


def policy(name: str) -> ViewPolicy:
    """Return the declaration of an incremental view."""
    return ViewPolicy(f"shop.{name}", rollup=VIEWS[name])


def materialized(name: str) -> str:
    """Return the statements that make the same view as a materialized one."""
    columns = ", ".join(f"{text} AS {column}" for column, text in VIEWS[name].measures)
    return (
        f"CREATE MATERIALIZED VIEW shop.{name}_refreshed AS"
        f" SELECT tenant, day, {columns} FROM shop.orders GROUP BY tenant, day;"
        f"CREATE UNIQUE INDEX ON shop.{name}_refreshed (tenant, day)"
    )


def refresh(bench: Bench, name: str) -> str:
    """Bring an incremental view up to date and return the way that was chosen."""
    step = Step(policy(name), "incremental", "a benchmark")
    return keep.refresh(bench.ours, step, Seen(Graph({}))).method


def asset(session: psycopg.Connection, log: MaintenanceLog, name: str, ways: set[str]) -> None:
    """Do what a run of a view's asset does once its session and the store's log are open."""
    ways.update(each.status for each in in_session(session, log, TARGET, [policy(name)]))


def compared(bench: Bench, name: str, statement: str | None) -> tuple[float, float, set[str]]:
    """Return the medians of REFRESH and of ours after a change, ms, and the ways ours took.

    Without a change, ours is a run of the view's asset, measured more often because it is short.
    """
    theirs, ours, ways = [], [], set()
    for _ in range(bench.repeats):
        if statement is not None:
            bench.change(statement)
        text = f"REFRESH MATERIALIZED VIEW shop.{name}_refreshed"
        theirs.append(timed(lambda text=text: bench.app.execute(text)))  # type: ignore[misc]
        if statement is None:
            ours += [timed(lambda: asset(bench.ours, bench.log, name, ways)) for _ in range(LOOKS)]
        else:
            ours.append(timed(lambda: ways.add(refresh(bench, name))))
    return statistics.median(theirs), statistics.median(ours), ways


def first_look(bench: Bench, name: str) -> float:
    """Return the milliseconds of the first look in a session that was just opened."""
    limits = connect.Limits(600_000, 2_000, 5)
    url = f"{bench.ours.info.dsn} password={bench.ours.info.password}"
    with connect.session(url, limits=limits, read_only=False, autocommit=True) as session:
        return timed(lambda: asset(session, bench.log, name, set()))


def require_equal(bench: Bench, name: str) -> None:
    """Fail where an incremental view is not what its query says."""
    bench.app.execute(f"REFRESH MATERIALIZED VIEW shop.{name}_refreshed")  # type: ignore[arg-type]
    row = bench.app.execute(
        f"SELECT count(*) FROM ((TABLE shop.{name} EXCEPT TABLE shop.{name}_refreshed) UNION ALL"  # type: ignore[arg-type]
        f" (TABLE shop.{name}_refreshed EXCEPT TABLE shop.{name})) AS d"
    ).fetchone()
    assert row == (0,), f"{name} differs in {row} rows"


def measure(bench: Bench) -> None:
    """Measure and print all figures."""
    bare = statistics.median([bench.change(RECENT) for _ in range(bench.repeats)])
    captured = 0.0
    first: list[float] = []
    worst: dict[str, list[float]] = {}
    for name in VIEWS:
        bench.app.execute(materialized(name))  # type: ignore[arg-type]
        assert refresh(bench, name) == "full"
        if not captured:
            captured = statistics.median([bench.change(RECENT) for _ in range(bench.repeats)])
        refresh(bench, name)
        for figure, statement in (("unchanged", None), ("1pct", RECENT), ("random", RANDOM)):
            compared(bench, name, statement)  # so that costs are known and plans are made
            theirs, ours, ways = compared(bench, name, statement)
            print(f"{name} {figure}: REFRESH {theirs:.1f} ms, ours {ours:.2f} ms {sorted(ways)}")
            worst.setdefault(figure, []).append(theirs / ours)
            if statement is None:
                first += [first_look(bench, name) for _ in range(bench.repeats)]
            require_equal(bench, name)
        keep.setup.tear_down(bench.ours, f"shop.{name}", keep.budget_of(policy(name)))
    for figure, ratios in worst.items():
        say(f"view_{figure}_vs_refresh", min(ratios))
    say("view_unchanged_first_ms", statistics.median(first))
    say("view_1pct_adding_vs_refresh", worst["1pct"][0])
    say("view_random_adding_vs_refresh", worst["random"][0])
    say("view_writer_cost", captured / bare)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--orders", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedServer(folder / "server", settings={"autovacuum": "off"}) as server:
            server.ensure_database("views")
            url = server.url("views")
            limits = connect.Limits(600_000, 2_000, 5)
            with (
                psycopg.connect(url, autocommit=True) as app,
                connect.session(url, limits=limits, read_only=False, autocommit=True) as ours,
            ):
                for statement in TABLE.format(orders=arguments.orders).split(";")[:-1]:
                    app.execute(statement)  # type: ignore[arg-type]
                catalog.install(ours, "the benchmark")
                log = MaintenanceLog(Store(url), TARGET.name)  # nothing is logged
                measure(Bench(ours, app, log, arguments.orders, max(3, arguments.repeats)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
