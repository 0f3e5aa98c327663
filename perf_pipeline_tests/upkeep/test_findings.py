from datetime import timedelta
from typing import Any

import pytest

from perf_pipeline.upkeep import findings
from perf_pipeline_tests.upkeep.rows import NOW, index, server, table


def kinds(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    found = findings.of_indexes(rows, NOW, has_standbys=False)
    return [(each.kind, each.object_name) for each in found]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"scans": 1, "entries_read": 0}, "ACTIVE"),  # it was asked, and nothing was there
        ({"scans": 0}, "WRITE_ONLY"),
        ({"scans": 0, "table_writes": 0}, "UNUSED"),
        ({"scans": 0, "is_unique": True}, "REQUIRED"),
        ({"scans": 0, "is_constraint": True}, "REQUIRED"),
        ({"scans": 0, "serves_foreign_key": True}, "REQUIRED"),
        ({"scans": 3_000_000_000}, "ACTIVE"),
    ],
)
def test_use_of_an_index(more: dict[str, Any], status: str) -> None:
    assert findings.status(index("i", **more)) == status
    assert findings.usage([index("i", **more)])[0]["status"] == status


def test_unused_is_said_only_after_a_month_of_counting() -> None:
    unused = index("i", scans=0)
    assert kinds(unused) == [("unused_index", "app.i")]
    assert kinds({**unused, "stats_reset": NOW - timedelta(days=34)}) == []
    assert kinds({**unused, "stats_reset": None, "server_start": NOW - timedelta(days=1)}) == []
    assert kinds({**unused, "bytes": 999_999}) == []
    assert kinds(index("i", scans=0, is_unique=True)) == []
    (told,) = findings.of_indexes([unused], NOW, has_standbys=True)
    assert "standbys" in told.text


def test_equal_indexes_are_told_once_and_the_one_that_is_bound_stays() -> None:
    assert kinds(index("a", relid=1), index("b", relid=2)) == [("duplicate_index", "app.b")]
    key = index("z", relid=9, is_constraint=True, is_unique=True)
    assert kinds(index("a", relid=1), key) == [("duplicate_index", "app.a")]


@pytest.mark.parametrize(
    "other",
    [
        {"columns": [2]},
        {"predicate": "x"},
        {"column_options": [3]},
        {"method": "hash"},
        {"operator_classes": [4]},
        {"collations": [100]},
        {"table_relid": 2},
    ],
    ids=lambda other: next(iter(other)),
)
def test_indexes_that_differ_are_not_equal(other: dict[str, Any]) -> None:
    assert kinds(index("a", relid=1), index("b", relid=2, **other)) == []


def test_the_beginning_of_another_index_is_told_unless_it_is_unique() -> None:
    pair = {
        "columns": [1, 2],
        "key_columns": 2,
        "operator_classes": [1978, 1978],
        "collations": [0, 0],
        "column_options": [0, 0],
    }
    assert kinds(index("a", relid=1), index("b", relid=2, **pair)) == [("redundant_index", "app.a")]
    assert kinds(index("a", relid=1, is_unique=True), index("b", relid=2, **pair)) == []
    later = {**pair, "columns": [2, 1]}
    assert kinds(index("a", relid=1), index("b", relid=2, **later)) == []


def test_an_invalid_index_is_told_unless_it_is_being_built() -> None:
    assert kinds(index("i", is_valid=False)) == [("invalid_index", "app.i")]
    assert kinds(index("i", is_valid=False, is_worked_on=True)) == []


def of(row: dict[str, Any], horizon: tuple[Any, ...] = (), **more: Any) -> list[tuple[str, str]]:
    found = findings.of_tables([row], server(**more), horizon, "shop")
    return [(each.kind, each.severity) for each in found]


def test_vacuum_is_advised_where_autovacuum_is_behind() -> None:
    # begins at 50 + 0.2 * 100,000
    big = {"planner_rows": 100_000.0, "live_rows": 100_000}
    assert of(table("t", dead_rows=40_000, **big)) == []
    assert of(table("t", dead_rows=40_200, **big)) == [("vacuum", "warning")]
    # one dead row of one is no reason
    assert of(table("t", dead_rows=1, live_rows=1, planner_rows=1.0)) == []
    # a table's own settings come first
    own = ["autovacuum_vacuum_scale_factor=0.01", "fillfactor=70"]
    assert of(table("t", dead_rows=2_200, options=own, **big)) == [("vacuum", "warning")]
    assert of(table("t", dead_rows=20_000, options=["autovacuum_enabled=false"], **big)) == [
        ("autovacuum_off", "warning")
    ]


def test_the_limit_of_18_holds_for_large_tables() -> None:
    huge = table("t", planner_rows=1e10)
    assert findings.vacuum_limit(huge, server()) == 100_000_000.0
    assert findings.vacuum_limit(huge, server(vacuum_max_threshold=None)) == 50 + 0.2 * 1e10
    assert findings.vacuum_limit(huge, server(vacuum_max_threshold=-1.0)) == 50 + 0.2 * 1e10


@pytest.mark.parametrize(
    ("age", "severity"),
    [(219_000_000, None), (221_000_000, "warning"), (1_600_000_001, "critical")],
)
def test_wraparound_is_told_of_tables_and_database(age: int, severity: str | None) -> None:
    wanted = [] if severity is None else [("wraparound", severity)]
    assert of(table("t", xid_age=age)) == wanted
    assert of(table("t"), database_xid_age=age) == wanted
    # a partitioned table has no rows of its own to freeze
    assert of(table("t", xid_age=None)) == []


def test_who_holds_back_is_named() -> None:
    def holder(**more: Any) -> dict[str, Any]:
        return {"kind": "standby", "name": "replica", "xid_age": 5, "seconds": 1.0, **more}

    assert of(table("t"), (holder(),)) == []
    assert of(table("t"), (holder(xid_age=1_000_000),)) == [("horizon", "warning")]
    assert of(table("t"), (holder(seconds=4_000.0, kind="session"),)) == [("horizon", "warning")]
    assert of(table("t"), (holder(seconds=None, xid_age=None, kind="slot"),)) == []
