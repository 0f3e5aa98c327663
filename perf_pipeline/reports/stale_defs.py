"""Check of the reports: whether what they rest on has changed since they were made."""

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import progress

NAME = "days_rest_on_the_ledger_as_it_is"


def stale_check_key(target: Target) -> dg.AssetCheckKey:
    """Return the key of the check."""
    return dg.AssetCheckKey(vocabulary.key(target, "report", "regressions"), NAME)


def stale_check(target: Target) -> dg.AssetChecksDefinition:
    """Return the check that names days whose ledger has changed since they were judged."""

    @dg.asset_check(
        name=NAME,
        asset=vocabulary.key(target, "report", "regressions"),
        description="No day's baseline, findings or report rests on rollups that were made anew "
        "with other rows: days that came late, or were repaired. The sensor daily_reports_due asks "
        f"for such days of the last {progress.WINDOW_DAYS} days, which is how far the change of "
        "one day reaches; older ones are left to a backfill.",
    )
    def days_rest_on_the_ledger_as_it_is() -> dg.AssetCheckResult:
        with vocabulary.explained(), vocabulary.open_store() as store:
            found = progress.stale(store, target.name)
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=", ".join(spans(found)) or "as it should be",
            metadata={"days": len(found)},
        )

    return days_rest_on_the_ledger_as_it_is


def spans(days: Iterable[date]) -> list[str]:
    """Return days as text, those that follow each other as one span; pure."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    return [
        f"{part[0]}" if len(part) == 1 else f"{part[0]} to {part[-1]} ({len(part)} days)"
        for part in found
    ]
