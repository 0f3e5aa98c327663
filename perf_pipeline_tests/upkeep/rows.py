"""Rows as the catalog queries of upkeep return them, with everything ordinary."""

import zlib
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def oid(name: str) -> int:
    return zlib.crc32(name.encode()) % 100_000


def table(name: str, **more: Any) -> dict[str, Any]:
    return {
        "relid": oid(name),
        "schema_name": "app",
        "table_name": name,
        "kind": "table",
        "root_relid": None,
        "planner_rows": 1000.0,
        "pages": 100,
        "block_bytes": 8192,
        "live_rows": 1000,
        "dead_rows": 0,
        "changed_rows": 0,
        "last_analyze": NOW,
        "last_vacuum": NOW,
        "xid_age": 1000,
        "mxid_age": 10,
        "options": [],
        "may_maintain": True,
        **more,
    }


def index(name: str, **more: Any) -> dict[str, Any]:
    return {
        "relid": oid(name),
        "table_relid": 1,
        "schema_name": "app",
        "table_name": "t",
        "index_name": name,
        **dict.fromkeys(
            ("is_partitioned", "is_partition", "is_unique", "is_primary", "is_exclusion"), False
        ),
        **dict.fromkeys(
            ("is_replica_identity", "is_constraint", "is_referenced", "serves_foreign_key"), False
        ),
        **dict.fromkeys(("is_valid", "is_ready", "is_live", "may_maintain", "may_drop"), True),
        "is_worked_on": False,
        "method": "btree",
        "bytes": 50_000_000,
        "scans": 10,
        "entries_read": 10,
        "rows_fetched": 10,
        "table_writes": 1000,
        "columns": [1],
        "key_columns": 1,
        "operator_classes": [1978],
        "collations": [0],
        "column_options": [0],
        "expressions": "",
        "predicate": "",
        "tablespace_path": None,
        "stats_reset": datetime(2026, 1, 1, tzinfo=UTC),
        "server_start": datetime(2026, 1, 1, tzinfo=UTC),
        **more,
    }


def server(**more: Any) -> dict[str, Any]:
    return {
        "major": 18,
        "autovacuum": True,
        "vacuum_threshold": 50.0,
        "vacuum_scale_factor": 0.2,
        "vacuum_max_threshold": 100_000_000.0,
        "freeze_max_age": 200_000_000,
        "multixact_freeze_max_age": 400_000_000,
        "database_xid_age": 1000,
        "database_mxid_age": 10,
        **more,
    }


def leaf(table_name: str, **more: Any) -> dict[str, Any]:
    return {
        "root_relid": 1,
        "relid": oid(table_name),
        "schema_name": "app",
        "table_name": table_name,
        "column_name": "at",
        "type": "timestamp with time zone",
        "may_delete": True,
        "is_indexed": True,
        "planner_rows": 1e6,
        **more,
    }


def reference(child: str, parent: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"{child}_fk",
        "on_delete": "a",
        "schema_name": "app",
        "table_name": child,
        "to_schema": "app",
        "to_table": parent,
        "columns": ["parent_id"],
        "to_columns": ["id"],
        "is_indexed": True,
        **more,
    }
