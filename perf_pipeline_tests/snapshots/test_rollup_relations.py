from datetime import date, datetime, timedelta

import polars as pl
import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.snapshots.rollup_relations import Rolled, database, indexes, roll_up, tables
from perf_pipeline.store import Store, partitions
from perf_pipeline_tests.store.filling import fill

NOON = datetime(2026, 3, 1, 12)
LATER = NOON + timedelta(hours=2)
TOMORROW = NOON + timedelta(hours=13)


def rows(names: tuple[str, ...], *given: dict[str, object]) -> pl.DataFrame:
    usual = {"source": "collected", "schema_name": "s", "table_name": "t", "index_name": "i"}
    return pl.DataFrame([{**dict.fromkeys(names, 0), **usual, **row} for row in given])


TABLE = (
    *("relid", "seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch", "n_tup_ins", "n_tup_upd"),
    *("n_tup_del", "n_tup_hot_upd", "vacuum_count", "autovacuum_count", "analyze_count"),
    *("autoanalyze_count", "n_live_tup", "n_dead_tup", "relpages"),
)


def test_a_tables_day_is_its_work_and_its_last_size() -> None:
    found = tables(
        rows(
            TABLE,
            {"ts": LATER, "relid": 7, "seq_scan": 2, "relpages": 20, "table_name": "renamed",
             "autovacuum_count": 1},
            {"ts": NOON, "relid": 7, "seq_scan": 1, "relpages": 10, "vacuum_count": 2,
             "analyze_count": 1},
            {"ts": TOMORROW, "relid": 7, "seq_scan": None, "relpages": 30},
            {"ts": NOON, "relid": 8, "n_tup_ins": 5},
        )
    )  # fmt: skip
    assert found.select(
        "day", "relid", "intervals", "seq_scan", "vacuums", "analyzes", "relpages", "table_name",
        "n_tup_ins",
    ).rows() == [
        (date(2026, 3, 1), 7, 2, 3, 3, 1, 20, "renamed", 0),
        (date(2026, 3, 1), 8, 1, 0, 0, 0, 0, "t", 5),
        (date(2026, 3, 2), 7, 1, None, 0, 0, 30, "t", 0),
    ]  # fmt: skip


def test_an_indexs_day_is_its_scans_and_its_last_size() -> None:
    names = ("indexrelid", "relid", "idx_scan", "idx_tup_read", "idx_tup_fetch", "relpages")
    found = indexes(
        rows(
            names,
            {"ts": LATER, "indexrelid": 9, "relid": 7, "idx_scan": 2, "relpages": 4},
            {"ts": NOON, "indexrelid": 9, "relid": 7, "idx_scan": 3, "relpages": 8},
        )
    )
    assert found.select("indexrelid", "relid", "idx_scan", "relpages").rows() == [(9, 7, 5, 4)]


def test_an_hour_of_the_database_is_its_work_its_peak_and_its_size() -> None:
    names = (
        *("xact_commit", "xact_rollback", "blks_read", "blks_hit", "tup_returned", "tup_fetched"),
        *("tup_inserted", "tup_updated", "tup_deleted", "conflicts", "temp_files", "temp_bytes"),
        *("deadlocks", "blk_read_time", "blk_write_time", "session_time", "active_time"),
        *("idle_in_transaction_time", "sessions", "numbackends", "database_bytes"),
    )
    found = database(
        rows(
            names,
            {"ts": NOON, "xact_commit": 1, "numbackends": 9, "database_bytes": 100},
            {"ts": NOON + timedelta(minutes=5), "xact_commit": 2, "numbackends": 3,
             "database_bytes": 90},
            {"ts": LATER, "xact_commit": 4},
        )
    )  # fmt: skip
    assert found.select("hour", "xact_commit", "numbackends", "database_bytes").rows() == [
        (NOON, 3, 9, 90),
        (LATER, 4, 0, 0),
    ]


@pytest.mark.server
def test_days_are_replaced_and_repeat_themselves(store: Store) -> None:
    day = NOON.date()
    for offset in (0, 1):
        fill(store, "one", day + timedelta(days=offset), 3, partitions.DAILY)
    first = roll_up(store, "one", day, day + timedelta(days=1))
    assert min(vars(first).values()) >= 2
    before = kept(store)
    assert roll_up(store, "one", day, day + timedelta(days=1)) == first
    assert kept(store) == before
    roll_up(store, "one", day, day)
    assert kept(store) == before
    assert roll_up(store, "never swept", day, day) == Rolled(0, 0, 0)
    with pytest.raises(InputError, match="lies before"):
        roll_up(store, "one", day, day - timedelta(days=1))


def kept(store: Store) -> list[list[tuple[object, ...]]]:
    with store.begin() as connection:
        return [
            connection.execute(f"SELECT t::text FROM ledger.{table} AS t ORDER BY 1").fetchall()
            for table in ("tables_daily", "indexes_daily", "database_hourly")
        ]
