"""Sources beside counters of the server: samples, the machine, and what is surveyed by turns."""

from collections.abc import Callable
from typing import Final

import polars as pl

from perf_pipeline.snapshots import bloat, host
from perf_pipeline.snapshots.chains import with_chains
from perf_pipeline.snapshots.sources import Source

_TEXT = pl.String()
_COUNT = pl.Int64()
_SECONDS = pl.Float64()
_YES_NO = pl.Boolean()


def _texts(*names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names, _TEXT)


def _counts(*names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names, _COUNT)


def _seconds(*names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names, _SECONDS)


def _not_negative(ending: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a function that makes negative values of columns 0.

    A peer may have taken more WAL than was there when this server's own position was read.
    """

    def arrange(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.col(f"^.*{ending}$").clip(lower_bound=0))

    return arrange


LOCKS: Final = Source(
    "locks",
    {
        **_counts("pid", "blocker_pid", "blockers"),
        **_texts("locktype", "mode", "blocker_mode"),
        **_counts("relid"),
        **_texts("schema_name", "relation_name"),
        **_seconds("waited_seconds"),
        **_counts("queryid", "blocker_queryid"),
        **_texts("backend_type", "blocker_backend_type"),
        **_texts("application_name", "blocker_application_name", "blocker_state"),
        **_seconds("blocker_state_seconds", "blocker_xact_seconds"),
    },
    kind="sample",
    stats="activity",
    arrange=with_chains,
)
CONNECTIONS: Final = Source(
    "connections",
    {
        **_texts("state", "application_name", "client"),
        **_counts("sessions"),
        **_seconds("mean_state_seconds", "longest_state_seconds"),
    },
    kind="sample",
    stats="activity",
)
PROGRESS: Final = Source(
    "progress",
    {
        **_texts("command"),
        **_counts("pid", "relid"),
        **_texts("schema_name", "relation_name", "phase"),
        **_counts("done", "total"),
        **_texts("unit"),
        **_counts("rounds"),
        **_texts("backend_type"),
        **_counts("queryid"),
        **_seconds("seconds"),
    },
    kind="sample",
    stats="activity",
)
_RESOURCE = {**_texts("resource"), **_counts("used", "capacity")}
RESOURCES: Final = Source("resources", _RESOURCE, kind="sample", stats="server")
SHARED_BUFFERS: Final = Source(
    "shared_buffers", _RESOURCE, kind="sample", stats="server", table="resources"
)
REPLICATION: Final = Source(
    "replication",
    {
        **_texts("direction", "application_name", "peer", "slot_name", "state", "sync_state"),
        **_counts("send_lag_bytes", "write_lag_bytes", "flush_lag_bytes", "replay_lag_bytes"),
        **_seconds("write_lag_seconds", "flush_lag_seconds", "replay_lag_seconds"),
        **_seconds("last_message_seconds"),
        **_texts("backup_phase"),
        **_counts("backup_bytes", "backup_total_bytes"),
    },
    kind="sample",
    stats="replication",
    arrange=_not_negative("_lag_bytes"),
)
SLOTS: Final = Source(
    "slots",
    {
        **_texts("slot_name", "slot_type", "plugin", "database_name"),
        "temporary": _YES_NO,
        "active": _YES_NO,
        **_texts("wal_status"),
        **_counts("safe_wal_bytes", "retained_bytes", "unconfirmed_bytes"),
        **_counts("xmin_age", "catalog_xmin_age"),
        "conflicting": _YES_NO,
        **_texts("invalidation_reason"),
        **_seconds("inactive_seconds"),
        "failover": _YES_NO,
        "synced": _YES_NO,
    },
    kind="sample",
    stats="replication",
    arrange=_not_negative("(?:retained|unconfirmed)_bytes"),
)

HOST: Final = Source(
    "host",
    host.PROOF,
    kind="counters",
    stats="server",
    family=host.HOST,
    is_local=True,
    follow_up=host.survey,
)
BLOAT: Final = Source(
    "bloat",
    {
        **_counts("relid", "table_relid"),
        **_texts("kind", "schema_name", "table_name", "relation_name"),
        **_counts("block_bytes", "relpages"),
        "reltuples": pl.Float64(),
        **_counts("relallvisible", "fillfactor"),
        "shares_entries": _YES_NO,
        "is_hidden": _YES_NO,
        **_counts("position", "length"),
        **_texts("alignment"),
        **_counts("avg_width"),
        "null_frac": pl.Float64(),
        "n_distinct": pl.Float64(),
    },
    kind="survey",
    stats="bloat",
    follow_up=bloat.survey,
)

SOURCES: Final = (
    LOCKS,
    CONNECTIONS,
    PROGRESS,
    RESOURCES,
    SHARED_BUFFERS,
    REPLICATION,
    SLOTS,
    HOST,
    BLOAT,
)
