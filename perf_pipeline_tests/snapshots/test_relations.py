import polars as pl

from perf_pipeline.snapshots.families import INDEXES, TABLES
from perf_pipeline.snapshots.relations import with_index_pages, with_index_scans


def tables(*rows: dict[str, object]) -> pl.DataFrame:
    zero = dict.fromkeys([*TABLES.counters, *TABLES.gauges], 0)
    names = {"schema_name": "s", "table_name": "t", "quality": "exact"}
    times = {"last_vacuum": None, "last_analyze": None}
    kinds = {**dict.fromkeys(names, pl.String()), **dict.fromkeys(times, pl.Datetime("us"))}
    schema = {name: kinds.get(name, pl.Int64()) for name in TABLES.columns}
    return pl.DataFrame([{**zero, **names, **times, **row} for row in rows], schema=schema)


def indexes(*rows: tuple[int, int, int, int, str]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "indexrelid": pl.Int64(),
            "relid": pl.Int64(),
            "idx_scan": pl.Int64(),
            "idx_tup_fetch": pl.Int64(),
            "quality": pl.String(),
        },
        orient="row",
    )


def test_scans_are_summed_and_tables_that_stood_still_appear() -> None:
    current = tables({"relid": 1}, {"relid": 2, "n_live_tup": 9}, {"relid": 3})
    moved = tables({"relid": 1, "idx_tup_fetch": 5, "seq_scan": 1})
    used = indexes((11, 1, 2, 10, "exact"), (12, 1, 3, 1, "reset"), (13, 2, 4, 4, "first_seen"))
    rows = with_index_scans(moved, used, current)
    assert rows.select(
        "relid", "idx_scan", "idx_tup_fetch", "seq_scan", "n_live_tup", "quality"
    ).rows() == [(1, 5, 16, 1, 0, "reset"), (2, 4, 4, 0, 9, "first_seen")]
    assert set(rows.columns) == {*TABLES.columns, "idx_scan"}


def test_nothing_used() -> None:
    none = with_index_scans(tables(), indexes(), tables({"relid": 1}))
    assert none.is_empty()
    assert "idx_scan" in none.columns
    alone = with_index_scans(tables({"relid": 1, "seq_scan": 2}), indexes(), tables({"relid": 1}))
    assert alone.select("idx_scan", "seq_scan", "quality").rows() == [(0, 2, "exact")]
    assert "idx_scan" in INDEXES.counters


def test_pages_of_the_indexes_are_added() -> None:
    moved = tables({"relid": 2}, {"relid": 1})
    now = pl.DataFrame({"relid": [1, 1, 3], "relpages": [4, 5, 6]})
    assert with_index_pages(moved, now).select("relid", "index_pages").rows() == [(2, 0), (1, 9)]
    assert with_index_pages(moved, None)["index_pages"].to_list() == [None, None]
    assert with_index_pages(tables(), now).columns == [*TABLES.columns, "index_pages"]
