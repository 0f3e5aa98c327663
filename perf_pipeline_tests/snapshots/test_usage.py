import polars as pl

from perf_pipeline.snapshots.usage import unused

TABLES = pl.DataFrame(
    {
        "relid": [1, 2],
        "n_tup_ins": [5, 0],
        "n_tup_upd": [1, 0],
        "n_tup_del": [1, 0],
    }
)


def index(name: str, relid: int = 1, **values: object) -> dict[str, object]:
    return {
        "relid": relid,
        "schema_name": "app",
        "table_name": f"t{relid}",
        "index_name": name,
        "idx_scan": 0,
        "relpages": 10,
        "is_unique": False,
        **values,
    }


def test_what_nothing_reads_and_nothing_needs() -> None:
    found = unused(
        pl.DataFrame(
            [
                index("read", idx_scan=3),
                index("key", is_unique=True),
                index("parent", relpages=0),
                index("dear", relpages=50),
                index("idle", relid=2),
                index("of_a_new_table", relid=3, relpages=7),
            ]
        ),
        TABLES,
    )
    assert found.rows() == [
        ("app.dear", "app.t1", "write only", 50, 7),
        ("app.idle", "app.t2", "unused", 10, 0),
        ("app.of_a_new_table", "app.t3", "unused", 7, 0),
    ]


def test_all_are_read() -> None:
    assert unused(pl.DataFrame([index("read", idx_scan=3)]), TABLES).is_empty()
