"""Asset of the calibration: the false-alarm rate and recall on this installation's own history."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    from perf_pipeline.regressions.calibrate import Week
    from perf_pipeline.regressions.calibration import Row

CHECK: Final = "false_alarms_as_rare_as_promised"
#: False alarms per 1,000 series-days that a nightly run may raise.
GOAL: Final = 0.8
#: Mondays at this time: the reports of Sunday are done.
CRON: Final = "30 5 * * 1"


def weekly(target: Target) -> dg.WeeklyPartitionsDefinition:
    """Return the target's weeks from the first Monday on or after `history_start` to this one."""
    return dg.WeeklyPartitionsDefinition(
        start_date=target.history_start.isoformat(), timezone="UTC", day_offset=1, end_offset=1
    )


def calibration_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/report/calibration`, weekly, with its check."""
    key = vocabulary.key(target, "report", "calibration")

    @dg.asset(
        key=key,
        **vocabulary.head(
            target,
            "report",
            "one figure of a week: false alarms on shuffled history of this database, or the share "
            "of injected slow-downs that is found, by size and by calls",
            "Also how small a change would be seen in each statement (`perf_mgmt.detectability`).",
            also=["polars"],
        ),
        deps=[vocabulary.key(target, "rollup", "statements_hourly")],
        partitions_def=weekly(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                description=f"False alarms on unchanged history are not significantly above "
                f"{GOAL} per 1,000 statements and days.",
            )
        ],
    )
    def calibration(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.regressions.calibrate import calibrate
        from perf_pipeline.regressions.policy import Policy

        vocabulary.days(context)
        weeks = [date.fromisoformat(week) for week in sorted(context.partition_keys)]
        policy = Policy.of(target.regression_limits)
        with vocabulary.explained(), vocabulary.open_store() as store:
            done = calibrate(store, target.name, weeks, policy)
        for week in done:
            context.add_asset_metadata(week_metadata(week), partition_key=week.week.isoformat())
        yield dg.MaterializeResult(
            metadata={"run": f"{len(done):,} weeks calibrated"},
            check_results=[check(key, done[-1])],
        )

    return calibration


def week_metadata(week: "Week") -> vocabulary.Metadata:
    """Return the figures of one week, plotted over time, and its tables."""
    if week.why_not:
        return {"outcome": f"not measured: {week.why_not}", **_detectability(week)}
    figures: dict[str, float | int | None] = {"dagster/partition_row_count": len(week.rows)}
    for row in week.rows:
        if row.calls_class != "all":
            continue
        if row.kind == "unchanged":
            figures["false_alarms_per_1000_series_days"] = row.rate.value
            figures["false_alarms_low"] = row.rate.low
            figures["false_alarms_high"] = row.rate.high
            figures["series_days"] = row.series_days
        else:
            name = f"x{row.factor:g}".replace(".", "_")
            figures[f"found_{name}"] = row.rate.value
            figures[f"median_delay_{name}"] = row.median_delay
    return {
        "outcome": "measured",
        "calibration": dg.MetadataValue.md(markdown(week.rows)),
        **vocabulary.numbers(figures),
        **_detectability(week),
    }


def _detectability(week: "Week") -> vocabulary.Metadata:
    small = week.detectability
    if small.is_empty():
        return {}
    known = small["smallest_change_day"].drop_nulls()
    top = small.sort("total_ms", "queryid", descending=[True, False]).head(vocabulary.TABLE_ROWS)
    return {
        "statements": small.height,
        "statements_not_judgeable": int(small["smallest_change"].null_count()),
        **vocabulary.numbers(
            {
                f"smallest_change_percent_{name}": 100 * value
                for name, value in (
                    ("median", known.median()),
                    ("p90", known.quantile(0.9, "linear")),
                )
                if isinstance(value, float)
            }
        ),
        "smallest_changes": vocabulary.table([_cells(row) for row in top.iter_rows(named=True)]),
    }


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    def percent(name: str) -> str:
        return "" if row[name] is None else f"{row[name]:+.0%}"

    return {
        "queryid": str(row["queryid"]),  # 64 bits: a browser would round it
        "outcome": row["outcome"],
        "samples": row["samples"],
        "after a day": percent("smallest_change_day"),
        "at best": percent("smallest_change"),
    }


def markdown(rows: Sequence["Row"]) -> str:
    """Return a week's figures as a table, false alarms first."""
    lines = [
        "| history | calls per hour | statements | rate (95 % interval) | median delay |",
        "|---|---|---:|---:|---:|",
    ]
    for row in rows:
        if row.kind == "unchanged":
            what, rate = (
                "shuffled",
                (
                    f"{row.rate.value:.2f} ({row.rate.low:.2f} to {row.rate.high:.2f}) "
                    "false alarms per 1,000 statement-days"
                ),
            )
            delay = ""
        else:
            what, rate = (
                f"x {row.factor:g} injected",
                (f"{row.rate.value:.0%} ({row.rate.low:.0%} to {row.rate.high:.0%}) found"),
            )
            delay = "-" if row.median_delay is None else f"{row.median_delay:.0f} samples"
        lines.append(f"| {what} | {row.calls_class} | {row.series:,} | {rate} | {delay} |")
    return "\n".join(lines)


def check(key: dg.AssetKey, week: "Week") -> dg.AssetCheckResult:
    """Judge the newest week of a run; what could not be measured is a warning, never a pass."""
    from perf_pipeline.regressions.calibration import judged_above

    above = judged_above(week.rows, GOAL)
    if above is None:
        said, outcome = f"{week.week}: not measured: {week.why_not}", "not measured"
    else:
        rate = next(row.rate for row in week.rows if row.kind == "unchanged")
        outcome = "above the goal" if above else "as promised"
        said = (
            f"{week.week}: {rate.value:.2f} false alarms per 1,000 statements and days "
            f"(95 % interval {rate.low:.2f} to {rate.high:.2f}), goal {GOAL}"
        )
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=above is False,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"outcome": outcome},
    )


def calibration_job(target: Target) -> vocabulary.AssetJob:
    """Return `calibrate_<target>`."""
    name = f"calibrate_{target.name}"
    return singleton_job(
        name,
        dg.AssetSelection.assets(vocabulary.key(target, "report", "calibration")),
        f"Measure how often the detector is wrong on the history of {target.name}.",
        max_runtime_s=1800,
    )


def calibration_schedule(target: Target, job: vocabulary.AssetJob) -> dg.ScheduleDefinition:
    """Return `calibrate_<target>_weekly`: each Monday, the week that has ended."""

    @utc_schedule_of(
        job,
        CRON,
        "Calibrate the detector on the week that has ended, Mondays at 05:30 UTC.",
        name=f"calibrate_{target.name}_weekly",
    )
    def calibrate_weekly(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        today = context.scheduled_execution_time.date()
        week = today - timedelta(days=today.weekday() + 7)
        if week < target.history_start:
            return dg.SkipReason(f"the week of {week} is not whole after {target.history_start}")
        return dg.RunRequest(partition_key=week.isoformat())

    return calibrate_weekly
