"""Benchmark of the described headline figures: ours, with the source's number beside each.

`python benchmarks/headline.py [--rounds N] [--seconds N]`

Both sides of a ratio are measured in turn in one run, in one session: what an index family is worth
is the median time of a statement that needs it without the family's indexes (dropped in a
transaction that is rolled back) over the one with them, the same statement with the same values.
Where the source gives no number, the line says so.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import guardian, menuca, omninode, schema, thorbis
from perf_pipeline.loadtests import drive, scenario
from perf_pipeline.loadtests.stages import Stage
from perf_pipeline.postgres import connect, sqlfiles

#: Statements of one measurement.
CALLS = 40
MENUCA = {"tenants": 300, "orders_per_restaurant": 300, "items_per_restaurant": 20}


@dataclass(frozen=True)
class Family:
    """A family of indexes, and a statement that needs it.

    `values` gives rows of parameters; `indexes` are the tables whose indexes are dropped: all of
    them that stand for no constraint.
    """

    name: str
    rows: str
    system: str
    tables: tuple[str, ...]
    statement: str
    values: str


FAMILIES = (
    Family(
        "core", "T-11", "thorbis", ("security_mgmt.audit_logs",),
        "SELECT event_type, user_id, created_at FROM security_mgmt.audit_logs"
        " WHERE business_id = %s AND created_at >= now() - interval '30 days'"
        " ORDER BY created_at DESC LIMIT 40",
        "SELECT id FROM tenant_mgmt.businesses",
    ),
    Family(
        "home_services", "T-12", "thorbis", ("hs.work_orders",),
        "SELECT id, title, status, total_amount, created_at FROM hs.work_orders"
        " WHERE business_id = %s AND customer_id = %s ORDER BY created_at DESC LIMIT 20",
        "SELECT business_id, id FROM hs.customers",
    ),
    Family(
        "automotive", "T-13", "thorbis", ("auto.repair_orders",),
        "SELECT id, status, total_amount, created_at FROM auto.repair_orders"
        " WHERE vehicle_id = %s ORDER BY created_at DESC LIMIT 20",
        "SELECT id FROM auto.vehicles",
    ),
    Family(
        "restaurant", "T-14", "thorbis", ("rest.orders",),
        "SELECT id, table_id, status, total_amount, order_time FROM rest.orders"
        " WHERE business_id = %s AND status NOT IN ('completed', 'cancelled')"
        " ORDER BY status, order_time LIMIT 20",
        "SELECT id FROM tenant_mgmt.businesses WHERE industry = 'restaurant'",
    ),
    Family(
        "retail", "T-15", "thorbis", ("ret.transactions",),
        "SELECT register_id, count(*), sum(total_amount) FROM ret.transactions"
        " WHERE business_id = %s AND payment_status = 'completed'"
        " AND transaction_date >= CURRENT_DATE GROUP BY register_id",
        "SELECT id FROM tenant_mgmt.businesses WHERE industry = 'retail'",
    ),
    Family(
        "cross_industry", "T-16", "thorbis", ("system_core.activity_stream",),
        "SELECT * FROM system_core.activity_stream WHERE business_id = %s"
        " ORDER BY created_at DESC LIMIT 20",
        "SELECT id FROM tenant_mgmt.businesses",
    ),
    Family(
        "menuca_orders", "M-06", "menuca", ("menuca.orders",),
        sqlfiles.load("menuca/queries/open_orders").text.replace("%(tenant_id)s", "%s"),
        "SELECT DISTINCT tenant_id FROM menuca.restaurants",
    ),
    Family(
        "omninode_events", "O-06", "omninode", ("omninode.hook_events",),
        "SELECT id, source, action, created_at FROM omninode.hook_events"
        " WHERE source = %s AND action = %s AND NOT processed ORDER BY created_at DESC LIMIT 20",
        "SELECT DISTINCT source, action FROM omninode.hook_events",
    ),
    Family(
        "guardian_relationships", "G-07", "guardian", ("guardian.medical_data_relationships",),
        "SELECT * FROM guardian.medical_data_relationships"
        " WHERE source_table = %s AND source_id = %s AND archived IS NOT TRUE",
        "SELECT source_table, source_id FROM guardian.medical_data_relationships",
    ),
)  # fmt: skip


def say(name: str, value: str, source: str) -> None:
    """Print one figure beside the source's."""
    print(f"RATIO headline_{name} {value} (source says {source})", flush=True)


def clocked(work: Callable[[], object]) -> float:
    """Return the milliseconds a piece of work takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def median_ms(session: psycopg.Connection, statement: str, values: list[tuple[Any, ...]]) -> float:
    """Return the median time of a statement over values, prepared and warm."""
    text: Any = statement
    for value in values[:6]:
        session.execute(text, value, prepare=True).fetchall()
    return statistics.median(
        clocked(lambda row=value: session.execute(text, row, prepare=True).fetchall())  # type: ignore[misc]
        for value in values
    )


@contextmanager
def without_indexes(session: psycopg.Connection, tables: tuple[str, ...]) -> Iterator[list[str]]:
    """Drop the indexes of tables that stand for no constraint; they are back afterwards."""
    with session.transaction(force_rollback=True):
        found = session.execute(
            "SELECT i.indexrelid::regclass::text FROM pg_index AS i"
            " JOIN pg_class AS c ON c.oid = i.indexrelid AND NOT c.relispartition"
            " WHERE i.indrelid = ANY (%s::regclass[])"
            " AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)"
            " ORDER BY 1",
            [list(tables)],
        ).fetchall()
        names = [name for (name,) in found]
        for name in names:
            session.execute(f"DROP INDEX {name}")  # type: ignore[call-overload]
        yield names


def families(session: psycopg.Connection, system: str, rounds: int) -> None:
    """Print what each index family of a system is worth."""
    for family in FAMILIES:
        if family.system != system:
            continue
        known = session.execute(family.values).fetchall()  # type: ignore[call-overload]
        size = sum(
            session.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[call-overload]
            for table in family.tables
        )
        if not known or not size:
            print(f"headline_index_{family.name} skipped: {family.tables[0]} holds no rows")
            continue
        values = random.Random(1).choices(known, k=CALLS)
        both = []
        dropped = 0
        for _ in range(rounds):
            having = median_ms(session, family.statement, values)
            with without_indexes(session, family.tables) as names:
                dropped = len(names)
                both.append((having, median_ms(session, family.statement, values)))
        ratio = statistics.median(lacking / having for having, lacking in both)
        having, lacking = (statistics.median(side) for side in zip(*both, strict=True))
        print(
            f"{family.tables[0]}, {size:,} rows: {having:.3f} ms with {dropped} indexes,"
            f" {lacking:.3f} ms without ({family.rows})"
        )
        say(f"index_{family.name}_with_vs_without", f"{ratio:.1f}", "faster, no number")


def pages(session: psycopg.Connection, rounds: int) -> None:
    """Print what a page by key costs beside the same page by number (T-19)."""
    (tenant,) = session.execute(
        "SELECT business_id FROM hs.work_orders GROUP BY business_id ORDER BY count(*) DESC LIMIT 1"
    ).fetchone() or (1,)
    by_number = (
        "SELECT id, title, status, total_amount, created_at FROM hs.work_orders"
        " WHERE business_id = %s ORDER BY created_at DESC, id DESC OFFSET 1000 LIMIT 25"
    )
    last = session.execute(
        "SELECT created_at, id FROM hs.work_orders WHERE business_id = %s"
        " ORDER BY created_at DESC, id DESC OFFSET 999 LIMIT 1",
        [tenant],
    ).fetchone()
    assert last is not None
    by_key = sqlfiles.load("thorbis/queries/work_order_page").text
    for name in ("business_id", "before_created_at", "before_id"):
        by_key = by_key.replace(f"%({name})s", "%s", 1)  # type: ignore[assignment]
    shown = [
        session.execute(by_key, (tenant, *last)).fetchall(),  # type: ignore[arg-type]
        session.execute(by_number, (tenant,)).fetchall(),
    ]
    if shown[0] != shown[1]:
        raise SystemExit("the two pages differ")
    both = [
        (
            median_ms(session, by_key, [(tenant, *last)] * CALLS),
            median_ms(session, by_number, [(tenant,)] * CALLS),
        )
        for _ in range(rounds)
    ]
    key, number = (statistics.median(side) for side in zip(*both, strict=True))
    print(f"the page after 1,000 rows: {key:.3f} ms by key, {number:.3f} ms by OFFSET")
    say(
        "keyset_vs_offset",
        f"{statistics.median(b / a for a, b in both):.1f}",
        "instead of OFFSET 1000, no number",
    )


def views(session: psycopg.Connection, rounds: int) -> None:
    """Print what reading the materialized view costs beside counting anew (M-12)."""
    session.execute("REFRESH MATERIALIZED VIEW menuca.restaurant_analytics")
    session.execute("ANALYZE menuca.restaurant_analytics")
    (definition,) = session.execute(
        "SELECT rtrim(pg_get_viewdef('menuca.restaurant_analytics'::regclass), ';')"
    ).fetchone() or ("",)
    stored = sqlfiles.load("menuca/queries/analytics").text.replace("%(tenant_id)s", "%s")
    live = stored.replace("menuca.restaurant_analytics", f"({definition}) AS live")
    tenants = session.execute("SELECT DISTINCT tenant_id FROM menuca.restaurants").fetchall()
    values = random.Random(1).choices(tenants, k=CALLS)
    both = [
        (median_ms(session, stored, values), median_ms(session, live, values))
        for _ in range(rounds)
    ]
    view, anew = (statistics.median(side) for side in zip(*both, strict=True))
    print(f"a tenant's restaurants day by day: {view:.3f} ms stored, {anew:.3f} ms counted anew")
    say(
        "view_vs_live_aggregate",
        f"{statistics.median(b / a for a, b in both):.1f}",
        "faster, no number",
    )


def analytics(session: psycopg.Connection, rounds: int) -> None:
    """Print the slowest of the described analyses over industries (T-03)."""
    text = sqlfiles.load("thorbis/queries/industry_revenue").text
    tenants = session.execute("SELECT id FROM tenant_mgmt.businesses").fetchall()
    slowest = max(
        clocked(
            lambda tenant=tenant: session.execute(  # type: ignore[misc]
                text, {"business_id": tenant, "since": "2000-01-01"}
            ).fetchall()
        )
        for _ in range(rounds)
        for (tenant,) in tenants
    )
    say("analytics_slowest_ms", f"{slowest:.1f}", "below 500")


def bulk(session: psycopg.Connection, rounds: int) -> None:
    """Print what a batch of 10,000 work orders takes, all indexes and keys kept up (T-04)."""
    times = []
    for _ in range(rounds):
        with session.transaction(force_rollback=True):
            times.append(
                clocked(
                    lambda: session.execute(
                        "INSERT INTO hs.work_orders (business_id, customer_id, title, total_amount)"
                        " SELECT c.business_id, c.id, 'Boiler service', 100"
                        " FROM (SELECT business_id, id FROM hs.customers ORDER BY id LIMIT 100)"
                        " AS c, generate_series(1, 100)"
                    )
                )
            )
    say("bulk_10000_rows_ms", f"{statistics.median(times):.0f}", "below 2000")


def load(url: str, folder: Path, seconds: int) -> None:
    """Print the throughput of menuca's mix without pauses, and its p95 (M-01, M-02)."""
    peak = scenario.load("menuca_peak")
    busy = peak.model_copy(
        update={
            "operations": tuple(
                each.model_copy(update={"think_time_ms": 0.0}) for each in peak.operations
            )
        }
    )
    with connect.session(url) as session:
        known = drive.facts(session, busy)
    program = binaries.find().program("pgbench")
    seen = drive.run_stage(url, busy, Stage("steady", seconds, 8), known, 8, 1, program, folder)
    say("menuca_transactions_per_second", f"{seen.totals.throughput_tps:.0f}", "at least 1000")
    say("menuca_p95_ms", f"{seen.totals.p95_ms or 0.0:.1f}", "below 2000")


def main() -> None:
    """Run everything on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-bench-"))
    folder.chmod(0o711)
    makers: dict[str, Callable[[str], object]] = {
        "thorbis": lambda url: thorbis.generate(url, 100, 1000),
        "menuca": lambda url: menuca.generate(url, **MENUCA),
        "omninode": lambda url: omninode.generate(url, 50_000),
        "guardian": lambda url: guardian.generate(url, 500, 50_000),
    }
    try:
        with EmbeddedServer(folder / "server") as server:
            for system, make in makers.items():
                server.ensure_database(system)
                url = server.url(system)
                schema.apply(url, system)
                make(url)
                with psycopg.connect(url, autocommit=True) as session:
                    session.execute(sql.SQL("VACUUM (ANALYZE)"))
                    families(session, system, args.rounds)
                    if system == "thorbis":
                        pages(session, args.rounds)
                        analytics(session, args.rounds)
                        bulk(session, args.rounds)
                    if system == "menuca":
                        views(session, args.rounds)
                if system == "menuca":
                    load(url, folder / "load", args.seconds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
