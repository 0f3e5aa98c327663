"""The policies that hold where a target declares no others: every described threshold."""

from collections.abc import Mapping
from typing import Any, Final

_HOUR: Final = 60.0
_DAY: Final = 24 * _HOUR

#: By name: fields of `Policy`. A name that is a metric's measures that metric.
DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    # fewer blocks than this say nothing of memory: an idle database reads its own catalog
    "cache_hit_ratio_percent": {
        "warning": 95.0,
        "critical": 90.0,
        "hysteresis_percent": 0.5,
        "minimum_samples": 1000,
        "cause": "memory",
    },
    "avg_query_duration_ms": {
        "warning": 2000.0,
        "critical": 5000.0,
        "minimum_samples": 20,
        "cause": "slow_queries",
    },
    "slow_queries_per_minute": {"warning": 10.0, "critical": 25.0, "cause": "slow_queries"},
    "slow_statements": {"warning": 10.0, "window_minutes": _HOUR, "cause": "slow_queries"},
    "active_connections": {
        "warning": 50.0,
        "critical": 80.0,
        "window_minutes": 1.0,
        "cause": "connections",
        "response": "pool_health",
    },
    "connection_usage_percent": {
        "warning": 80.0,
        "critical": 90.0,
        "cause": "connections",
        "response": "pool_health",
    },
    "idle_in_transaction": {"warning": 5.0, "cause": "transactions"},
    "longest_transaction_seconds": {"warning": 300.0, "cause": "transactions"},
    "pending_cache_invalidations": {
        "warning": 500.0,
        "critical": 1000.0,
        "window_minutes": 1.0,
        "cause": "invalidation",
        "response": "drain_queue",
    },
    "database_size_gb": {
        "warning": 50.0,
        "critical": 100.0,
        "window_minutes": _HOUR,
        "frequency_minutes": _DAY,
        "remind_minutes": 7 * _DAY,
        "hysteresis_percent": 1.0,
    },
    "orphaned_relationships": {
        "warning": 100.0,
        "critical": 500.0,
        "window_minutes": _HOUR,
        "stale_minutes": 2 * _DAY,
        "frequency_minutes": _HOUR,
        "response": "clean_orphans",
    },
    "tables_with_dead_rows": {"warning": 5.0, "window_minutes": _DAY, "response": "analyze"},
    "view_refresh_ms": {"warning": 2000.0, "window_minutes": _HOUR, "cause": "views"},
    "slow_view_refreshes": {"warning": 10.0, "window_minutes": _HOUR, "cause": "views"},
    "failed_operations": {"warning": 0.0, "critical": 4.0, "window_minutes": _DAY},
    # ours: beyond them a service level cannot be kept
    "sweep_age_minutes": {"warning": 15.0, "critical": 30.0, "cause": "unwatched"},
    "transaction_ids_percent": {"warning": 50.0, "critical": 75.0, "hysteresis_percent": 1.0},
    "disk_used_percent": {"warning": 85.0, "critical": 95.0, "hysteresis_percent": 1.0},
    # one probe that nobody answered, three more; where only sweeps look, one is critical
    "unreachable_seconds": {
        "warning": 25.0,
        "critical": 110.0,
        "clear_minutes": 1.0,
        "hysteresis_percent": 0.0,
        "cause": "unreachable",
    },
    "probe_ms": {
        "warning": 1000.0,
        "critical": 4000.0,
        "for_minutes": 4.0,
        "cause": "connections",
    },
    # as late as recovery to a moment may be (docs/recovery.md); an hour of WAL fills disks
    "archive_failing_minutes": {"warning": 5.0, "critical": 60.0, "cause": "wal_archive"},
    "unreadable_replicas": {"warning": 0.0, "for_minutes": 4.0, "cause": "replicas"},
    "replication_lag_seconds": {"warning": 60.0, "critical": 300.0, "for_minutes": 4.0},
    "oldest_cache_invalidation_seconds": {
        "warning": 300.0,
        "critical": 1800.0,
        "cause": "invalidation",
        "response": "drain_queue",
    },
    "partition_headroom_days": {
        "warning": 14.0,
        "critical": 3.0,
        # measured after each maintenance of partitions, weekly
        "stale_minutes": 8 * _DAY,
        "response": "create_partitions",
    },
    "regressions": {
        "kind": "REGRESSION",
        "warning": 0.5,
        "critical": 1.5,
        "hysteresis_percent": 0.0,
        "window_minutes": 2 * _DAY,
        "remind_minutes": _DAY,
    },
    "load_test_regression": {
        "kind": "REGRESSION",
        "critical": 0.5,
        "hysteresis_percent": 0.0,
        "window_minutes": 7 * _DAY,
        "remind_minutes": _DAY,
        "cause": "load_tests",
    },
    "load_test_p95_ms": {
        "warning": 1000.0,
        "window_minutes": 7 * _DAY,
        "remind_minutes": _DAY,
        "cause": "load_tests",
    },
    "load_test_error_percent": {
        "kind": "ERROR_RATE",
        "warning": 1.0,
        "critical": 5.0,
        "window_minutes": 7 * _DAY,
        "remind_minutes": _DAY,
        "cause": "load_tests",
    },
}
