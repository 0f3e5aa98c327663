"""Asset, checks, job and schedule that move closed days of the ledger into the archive."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule

if TYPE_CHECKING:
    from perf_pipeline.store.archive import Outcome
    from perf_pipeline.store.archive_check import Condition

ARCHIVE_JOB: Final = "ledger_archive"
KEY: Final = dg.AssetKey(["platform", "ledger_archive"])
WHOLE: Final = "archive_holds_what_was_written"
IN_TIME: Final = "days_leave_the_store_in_time"


@dg.asset(
    key=KEY,
    group_name=vocabulary.PLATFORM_GROUP,
    kinds={"postgres", "parquet"},
    tags={"family": "platform"},
    check_specs=[
        dg.AssetCheckSpec(
            WHOLE,
            asset=KEY,
            description="Every file the store reads days from is there and holds what was written "
            "to it; fifty are read whole each night, those not looked at for longest.",
        ),
        dg.AssetCheckSpec(
            IN_TIME,
            asset=KEY,
            description="No day is in the store two days longer than PERF_HOT_DAYS and "
            "PERF_HOT_SWEEP_DAYS say, and nothing strange lies in the archive.",
        ),
    ],
    description="One row is one day of one ledger table that left the store for Parquet files, "
    "verified before its partition was dropped.\n\nDays and months that have expired are dropped, "
    "the details of old load tests, and texts, tags and reports of those months, with them, and "
    "tomorrow's partitions are made, so that midnight's sweep need not.",
)
def ledger_archive(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Archive what is due, drop what has expired, make tomorrow's partitions, look at the files."""
    from perf_pipeline.store import archive, archive_check, executions, forget, partitions, place
    from perf_pipeline.store.retention import HOURLY, Policy

    today = datetime.now(UTC).date()
    with vocabulary.explained(), vocabulary.open_store() as store:
        made = partitions.look_ahead(store, today)
        files, policy = place.current(), Policy.from_settings()
        done = archive.run(store, files, policy, today)
        forgotten = executions.forget_details(
            store, _midnight(policy.first_month(HOURLY[0], today))
        )
        ended = forget.run(store, policy, today, texts=today.day == 1 or bool(done.dropped))
        found = archive_check.check(store, files, policy, today)
        held = archive_check.summary(store)
    for problem in (*done.failures, *(f"busy: {name}" for name in done.busy)):
        context.log.warning("%s", problem)
    yield dg.MaterializeResult(
        metadata={
            **archive_metadata(done),
            "partitions_made": made,
            "load_test_rows_forgotten": forgotten,
            **{f"{what}_forgotten": rows for what, rows in asdict(ended).items()},
            **{name: str(value) if "_day" in name else value for name, value in held.items()},
        },
        check_results=list(results(done, found)),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def archive_metadata(done: "Outcome") -> vocabulary.Metadata:
    """Return the figures of one run, and a table of what it moved."""
    moved = [
        {
            "table": part.table,
            "day": str(part.day),
            "rows": part.rows,
            "store_bytes": part.hot_bytes,
            "archive_bytes": part.archive_bytes,
        }
        for part in sorted(done.moved, key=lambda part: part.hot_bytes, reverse=True)
    ]
    return {
        "dagster/row_count": len(done.moved),
        "moved_rows": sum(part.rows for part in done.moved),
        "moved_store_bytes": sum(part.hot_bytes for part in done.moved),
        "moved_archive_bytes": sum(part.archive_bytes for part in done.moved),
        "dropped_partitions": len(done.dropped),
        "expired_files": done.expired,
        **({"moved": vocabulary.table(moved)} if moved else {}),
    }


def results(done: "Outcome", found: "Condition") -> tuple[dg.AssetCheckResult, dg.AssetCheckResult]:
    """Return the two checks' results of one run."""
    broken = {"failures": done.failures, "missing": found.missing, "damaged": found.damaged}
    late = {"overdue": found.overdue, "strange": found.strange}

    def result(
        name: str, problems: dict[str, tuple[str, ...]], severity: dg.AssetCheckSeverity
    ) -> dg.AssetCheckResult:
        said = "; ".join(
            f"{what}: {', '.join(which[:5])}" + (f" and {len(which) - 5} more" * (len(which) > 5))
            for what, which in problems.items()
            if which
        )
        return dg.AssetCheckResult(
            asset_key=KEY,
            check_name=name,
            passed=not said,
            severity=severity,
            description=said or "as it should be",
            metadata={what: len(which) for what, which in problems.items()},
        )

    return (
        result(WHOLE, broken, dg.AssetCheckSeverity.ERROR),
        result(IN_TIME, late, dg.AssetCheckSeverity.WARN),
    )


def ledger_definitions() -> dg.Definitions:
    """Return the archive's asset with its job and nightly schedule."""
    job = singleton_job(
        ARCHIVE_JOB,
        dg.AssetSelection.assets(ledger_archive),
        "Move closed days of the ledger into the archive.",
        max_runtime_s=7200,
    )
    nightly = utc_schedule(
        job,
        "40 2 * * *",
        "Move closed days of the ledger into the archive, at 02:40 UTC.",
        name="ledger_archive_nightly",
    )
    return dg.Definitions(assets=[ledger_archive], jobs=[job], schedules=[nightly])
