"""What can be alerted about: each metric with its unit, its direction, and how it is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.store.looks import PROBE
from perf_pipeline.store.own import OWN_HASH

Direction = Literal["above", "below"]


@dataclass(frozen=True)
class Metric:
    """One number of a target over a window, and the statement that measures it in the store.

    Attributes
    ----------
    name, unit, description : str
    direction : str
        On which side of a threshold it is bad.
    sql : str
        File of `sql/alerts/metrics/`. It takes `target`, `target_id`, `ends`, `window_s`,
        `stale_s` and the parameters, and returns rows of `finish` (the asked instant), `as_of`
        (its newest evidence), `subject`, `value`, `samples`, `cause`, `told`.
    parameters : Mapping
        Their defaults; a policy may set those of `settable`.
    settable : frozenset of str
    events : bool
        Its subjects are things that happened: one that is no longer in the window is over. Of any
        other metric nothing measured is nothing known.

    """

    name: str
    unit: str
    direction: Direction
    sql: str
    description: str
    parameters: Mapping[str, str | float | bool] = field(default_factory=dict)
    settable: frozenset[str] = frozenset()
    events: bool = False


def _measured(name: str, unit: str, direction: Direction, description: str) -> Metric:
    """Return a metric that another part of ours writes to `monitoring.measurements`."""
    least = direction == "below"
    return Metric(
        name, unit, direction, "measurement", description, {"measure": name, "least": least}
    )


_OWN: Final = {"own_hash": OWN_HASH}
_APPLICATION: Final = {"application": "%"}

_ALL: Final = (
    Metric(
        "cache_hit_ratio_percent",
        "%",
        "below",
        "cache_hit_ratio",
        "Blocks found in shared buffers, of all blocks asked for.",
    ),
    Metric(
        "avg_query_duration_ms",
        "ms",
        "above",
        "query_duration",
        "Execution time per call of top-level statements, the collector's left out.",
        _OWN,
    ),
    Metric(
        "slow_queries_per_minute",
        "calls/min",
        "above",
        "slow_calls",
        "Calls a minute of statements whose mean between two sweeps is above `slow_ms`.",
        {**_OWN, "slow_ms": 1000.0},
        frozenset({"slow_ms"}),
    ),
    Metric(
        "slow_statements",
        "statements",
        "above",
        "slow_statements",
        "Statements called more than `more_calls` times whose mean is above `slow_ms`.",
        {**_OWN, "slow_ms": 2000.0, "more_calls": 100},
        frozenset({"slow_ms", "more_calls"}),
    ),
    Metric(
        "active_connections",
        "sessions",
        "above",
        "active_connections",
        "The most client sessions at work at one sweep.",
    ),
    Metric(
        "idle_in_transaction",
        "sessions",
        "above",
        "idle_in_transaction",
        "The most client sessions idle within a transaction at one sweep.",
    ),
    Metric(
        "longest_transaction_seconds",
        "s",
        "above",
        "longest_transaction",
        "How long the oldest transaction of a client was open at one sweep.",
    ),
    Metric(
        "connection_usage_percent",
        "%",
        "above",
        "resource_percent",
        "Connections taken on the whole server, of max_connections.",
        {"resource": "connections"},
    ),
    Metric(
        "transaction_ids_percent",
        "%",
        "above",
        "resource_percent",
        "Transaction ids used since the oldest was frozen, of all there are.",
        {"resource": "transaction ids"},
    ),
    Metric(
        "application_connections",
        "sessions",
        "above",
        "application_connections",
        "The most sessions of applications whose name fits `application` (% stands for anything).",
        {**_APPLICATION, "only_active": False},
        frozenset({"application"}),
    ),
    Metric(
        "application_active_connections",
        "sessions",
        "above",
        "application_connections",
        "The most sessions at work of applications whose name fits `application`.",
        {**_APPLICATION, "only_active": True},
        frozenset({"application"}),
    ),
    Metric(
        "database_size_gb",
        "GB",
        "above",
        "database_size",
        "Size of the database, GB of 1,000,000,000 bytes.",
    ),
    Metric(
        "tables_with_dead_rows",
        "tables",
        "above",
        "tables_with_dead_rows",
        "Tables of whose rows more than `dead_percent` (and at least `dead_rows`) are dead.",
        {"dead_percent": 10.0, "dead_rows": 50.0},
        frozenset({"dead_percent", "dead_rows"}),
    ),
    Metric(
        "sweep_age_minutes",
        "min",
        "above",
        "sweep_age",
        "Time since the target was last swept.",
    ),
    Metric(
        "unreachable_seconds",
        "s",
        "above",
        "unreachable",
        "Since it was last found there, where the newest look found it away; sweeps and probes.",
        {"probe": PROBE},
    ),
    _measured(
        PROBE,
        "ms",
        "above",
        "The longest that a probe took to connect, through the pool where it is known.",
    ),
    Metric(
        "archive_failing_minutes",
        "min",
        "above",
        "archive_failing",
        "Since a WAL file was last archived, where the last attempt failed.",
    ),
    Metric(
        "unreadable_replicas",
        "replicas",
        "above",
        "unreadable_replicas",
        "Declared replicas that are away, silent or too far behind to be read.",
    ),
    Metric(
        "replication_lag_seconds",
        "s",
        "above",
        "replication_lag",
        "How far the last standby was behind in replaying.",
    ),
    Metric(
        "cpu_percent",
        "%",
        "above",
        "cpu",
        "How busy the processors were, where the server runs on this machine; no policy by itself.",
    ),
    Metric(
        "disk_used_percent",
        "%",
        "above",
        "disk_used",
        "The disk under the server's data, where the server runs on this machine.",
    ),
    Metric(
        "view_refresh_ms",
        "ms",
        "above",
        "view_refreshes",
        "How long refreshes of views took on average.",
        {"only_slow": False, "slow_ms": 2000.0},
    ),
    Metric(
        "slow_view_refreshes",
        "refreshes",
        "above",
        "view_refreshes",
        "Refreshes of views that took longer than `slow_ms`.",
        {"only_slow": True, "slow_ms": 2000.0},
        frozenset({"slow_ms"}),
    ),
    Metric(
        "failed_operations",
        "operations",
        "above",
        "failed_operations",
        "Operations of maintenance that failed and did not succeed since.",
    ),
    _measured(
        "pending_cache_invalidations",
        "entries",
        "above",
        "Entries of the invalidation queue and log that wait.",
    ),
    _measured(
        "oldest_cache_invalidation_seconds",
        "s",
        "above",
        "How long the oldest entry of the invalidation queue has waited.",
    ),
    _measured(
        "orphaned_relationships",
        "rows",
        "above",
        "Relationships that lead nowhere, as the last search found them.",
    ),
    _measured(
        "partition_headroom_days",
        "days",
        "below",
        "How long the partitions that stand ready last, of the parent that runs out first.",
    ),
    Metric(
        "regressions",
        "severity",
        "above",
        "findings",
        "Changes of statements: 1 is a warning, 2 critical. What has one cause is one incident.",
        events=True,
    ),
    Metric(
        "load_test_regression",
        "0 or 1",
        "above",
        "load_tests",
        "Whether the newest execution of a load test regressed.",
        {"measure": "is_regression"},
        events=True,
    ),
    Metric(
        "load_test_p95_ms",
        "ms",
        "above",
        "load_tests",
        "95th percentile of the newest execution of a load test.",
        {"measure": "p95_ms"},
        events=True,
    ),
    Metric(
        "load_test_error_percent",
        "%",
        "above",
        "load_tests",
        "Errors of the newest execution of a load test, of its transactions.",
        {"measure": "error_percent"},
        events=True,
    ),
)

#: By name.
REGISTRY: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _ALL}


def metric_of(name: str) -> Metric:
    """Return a metric.

    Raises
    ------
    ConfigurationError
        There is none of this name; lists those there are.

    """
    if name not in REGISTRY:
        raise ConfigurationError(
            f"alerts: there is no metric {name!r}", f"metrics: {', '.join(sorted(REGISTRY))}"
        )
    return REGISTRY[name]
