"""Writes ledger rows of a made-up target, as a collector would have."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from perf_pipeline.postgres import copy
from perf_pipeline.store import Store, partitions, targets

KEY = {"userid": 10, "dbid": 5, "toplevel": True}


def write(store: Store, name: str, tables: dict[str, pl.DataFrame]) -> int:
    """Append rows to ledger tables, numbers that are not given being zero."""
    target_id = targets.register(store, name)
    with store.begin() as connection:
        days = tables["sweeps"]["ts"].dt.date()
        for table, frame in tables.items():
            partitions.ensure(connection, days.min(), days.max(), table=("ledger", table))
            columns = connection.execute(
                "SELECT a.attname, t.typcategory FROM pg_attribute AS a"
                " JOIN pg_type AS t ON t.oid = a.atttypid"
                " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND a.attnotnull",
                (f"ledger.{table}",),
            ).fetchall()
            zeros = [pl.lit(0).alias(c) for c, kind in columns if kind == "N" and c not in frame]
            complete = frame.with_columns(*zeros).with_columns(target_id=pl.lit(target_id))
            copy.write_frame(connection, ("ledger", table), complete)
    return target_id


def sweeps(ends: list[datetime], source: str = "collected") -> pl.DataFrame:
    """Return sweeps that end at these instants."""
    return pl.DataFrame(
        {
            "ts": ends,
            "previous_ts": [ends[0] - (ends[1] - ends[0]), *ends[:-1]],
            "source": source,
            "quality": "exact",
            "server_version_num": 180000,
        }
    )


def statement(ends, means, queryid: int, calls: int = 40, quality: str = "exact") -> pl.DataFrame:
    """Return intervals of one statement."""
    means = np.asarray(means, dtype=float)
    return pl.DataFrame(
        {
            "ts": ends,
            **KEY,
            "queryid": queryid,
            "quality": quality,
            "calls": np.broadcast_to(calls, means.size).astype(np.int64),
            "total_exec_time": means * calls,
        },
        schema_overrides={"queryid": pl.Int64},
    )


def demo(
    *, sweeps_each: int = 30, factor: float = 20.0, quiet: int = 8, seed: int = 7
) -> tuple[dict[str, pl.DataFrame], datetime]:
    """Return two minutes of sweeps: an index is dropped half-way, one statement gets slower.

    Sweeps are 1 to 3 seconds apart; the statement whose index it was is number 100, the quiet ones
    101 on, two of them on the same table.
    """
    rng = np.random.default_rng(seed)
    gaps = rng.uniform(1.0, 3.0, 2 * sweeps_each)
    start = datetime(2025, 3, 3, 12, 0, 0)
    ends = [start + timedelta(seconds=round(s, 3)) for s in np.cumsum(gaps)]
    n = len(ends)
    step = np.where(np.arange(n) >= sweeps_each, factor, 1.0)

    def noise(sigma=0.12):
        return np.exp(sigma * rng.normal(size=n))

    rows = [statement(ends, 0.4 * noise() * step, 100)]
    rows += [statement(ends, (0.2 + 0.3 * i) * noise(), 101 + i) for i in range(quiet)]
    before = ends[:sweeps_each]
    named = {"schema_name": "hs", "quality": "exact"}
    return {
        "sweeps": sweeps(ends),
        "statements": pl.concat(rows),
        "indexes": pl.DataFrame(
            {"ts": before, **named, "table_name": "work_orders", "index_name": "idx_customer"}
        ).with_columns(idx_scan=40),
        "tables": pl.DataFrame({"ts": ends, **named, "table_name": "work_orders"}).with_columns(
            seq_tup_read=pl.when(pl.col("ts") > before[-1]).then(400_000).otherwise(0)
        ),
        "schema_changes": pl.DataFrame(
            {
                "ts": [ends[sweeps_each]],
                "previous_ts": [ends[sweeps_each - 1]],
                "kind": "index",
                "object_name": "hs.idx_customer",
                "relation_name": "hs.work_orders",
                "change": "dropped",
                "definition_before": "CREATE INDEX idx_customer ON hs.work_orders"
                " USING btree (customer_id)",
            }
        ),
        "settings_changes": pl.DataFrame(
            {
                "ts": [ends[sweeps_each]],
                "previous_ts": [ends[sweeps_each - 1]],
                "name": "work_mem",
                "value_before": "4096",
                "value_after": "8192",
                "pending_restart": False,
            }
        ),
    }, ends[sweeps_each]


def texts(store: Store, target_id: int, queries: dict[int, str]) -> None:
    """Say what statements are."""
    with store.begin() as connection:
        for queryid, query in queries.items():
            connection.execute(
                "INSERT INTO ledger.query_texts VALUES (%s, %s, now())", (f"h{queryid}", query)
            )
            connection.execute(
                "INSERT INTO ledger.statement_texts VALUES (%s, 5, 10, %s, %s)",
                (target_id, queryid, f"h{queryid}"),
            )


def rows(store: Store, table: str) -> list[tuple]:
    """Return the whole content of a table as text, sorted."""
    with store.begin() as connection:
        return connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1").fetchall()


def forget(store: Store, *tables: str) -> None:
    """Empty tables."""
    with store.begin() as connection:
        for table in tables:
            connection.execute(f"DELETE FROM {table}")


def days(first: date, last: date) -> list[date]:
    """Return the days from first to last."""
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]
