"""What keeps Dagster's own storage small, and the store: assets, jobs and schedules."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dagster as dg
from pydantic import Field

from perf_pipeline import settings, vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.platform.ledger_defs import ARCHIVE_JOB, ledger_definitions

HOUSEKEEPING_JOB: Final = "housekeeping"
#: Jobs that run often and make no partitions.
PRUNED_JOBS: Final = ("collect", "maintenance_status", ARCHIVE_JOB, HOUSEKEEPING_JOB)


class HousekeepingConfig(dg.Config):
    """What to keep."""

    keep_days: int = Field(default=3, ge=0, description="Days a successful run is kept.")
    limit: int = Field(
        default=5_000, ge=1, description="Most runs deleted in one go, about 0.07 s each."
    )


class LogsConfig(dg.Config):
    """How long the store's logs are kept; less than is still needed is refused."""

    log_days: int = Field(
        default=400,
        description="Days of routine operations, of looks that found nobody, of incidents that "
        "are over and of messages.",
    )
    evidence_days: int = Field(
        default=2_557, description="Days of rows that tell what was deleted, archived or dropped."
    )
    limit_rows: int = Field(default=5_000, ge=1, description="Rows deleted in one transaction.")


@dg.asset(
    key=dg.AssetKey(["platform", "housekeeping"]),
    group_name=vocabulary.PLATFORM_GROUP,
    tags={"family": "platform"},
    description="One row is one old run deleted: Dagster keeps runs, events and logs for ever. "
    "Failed runs and runs that made partitions are kept.",
)
def housekeeping(
    context: dg.AssetExecutionContext, config: HousekeepingConfig
) -> dg.MaterializeResult[None]:
    """Delete old successful runs of jobs that run often, and measure what is left."""
    from perf_pipeline.platform import housekeeping as logic

    older_than = logic.threshold(datetime.now(UTC), config.keep_days)
    pruned = logic.prune(context.instance, PRUNED_JOBS, older_than, limit=config.limit)
    metadata: vocabulary.Metadata = {
        "dagster/row_count": pruned.runs,
        "complete": pruned.complete,
        "runs_left": context.instance.get_runs_count(),
    }
    url = settings.variable("DAGSTER_PG_URL")
    if url is not None:
        with vocabulary.explained():
            sizes = logic.table_sizes(url)
        if sizes:
            metadata["tables"] = vocabulary.table(
                [{"table": row["name"], "bytes": row["bytes"]} for row in sizes]
            )
            metadata["database_bytes"] = sizes[0]["database_bytes"]
    home = os.environ.get("DAGSTER_HOME")
    if home:
        metadata["home_bytes"] = logic.folder_bytes(Path(home))
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=dg.AssetKey(["platform", "logs"]),
    group_name=vocabulary.PLATFORM_GROUP,
    kinds={"postgres"},
    tags={"family": "platform"},
    description="One row is one old row of the store's logs deleted: what maintenance did (400 "
    "days), when targets were away, incidents that are over, messages (400 days), how far "
    "partition keys had come (90 days), readings for alerts (62 days).\n\nRows that tell what was "
    "deleted, archived or dropped are kept for 7 years, and as long as the archive holds what they "
    "are about; what runs, the last of each operation, and open incidents, for ever.",
)
def logs(context: dg.AssetExecutionContext, config: LogsConfig) -> dg.MaterializeResult[None]:
    """Delete what nobody needs of the store's logs."""
    from perf_pipeline.store import log_retention

    with vocabulary.explained(), vocabulary.open_store() as store:
        keep = log_retention.Keep(config.log_days, config.evidence_days)
        gone = log_retention.prune(store, keep, datetime.now(UTC), batch=config.limit_rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": sum(gone.values()), **gone})


def platform_definitions() -> dg.Definitions:
    """Return housekeeping and the ledger's archive, each with its job and nightly schedule."""
    job = singleton_job(
        HOUSEKEEPING_JOB,
        dg.AssetSelection.assets(housekeeping, logs),
        "Delete old runs of Dagster, and old rows of the store's logs.",
        max_runtime_s=1800,
    )
    nightly = utc_schedule(
        job,
        "20 3 * * *",
        "Delete old runs of Dagster and old rows of logs, at 03:20 UTC.",
        name="housekeeping_nightly",
    )
    return dg.Definitions.merge(
        dg.Definitions(assets=[housekeeping, logs], jobs=[job], schedules=[nightly]),
        ledger_definitions(),
    )
