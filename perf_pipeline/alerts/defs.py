"""Alerts in Dagster: the sensor that evaluates, the incidents of each target, their check."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.alerts.model import alerts_of
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    from perf_pipeline.alerts.look import Look

FAMILY: Final = "alerts"
INCIDENTS: Final = "incidents"
NO_INCIDENT: Final = "no_open_incident"
SENSOR: Final = "alerts"


def incidents_key(target: Target) -> dg.AssetKey:
    """Return the key of a target's incidents."""
    return vocabulary.key(target, FAMILY, INCIDENTS)


def incidents_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/alerts/incidents`."""
    key = incidents_key(target)

    @dg.asset(
        key=key,
        group_name=target.name,
        kinds={"postgres"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, FAMILY),
        description=vocabulary.described(
            target,
            "one incident that is open: what is wrong for one cause, since when, who has it",
            "The sensor `alerts` evaluates every minute and reports the check when an incident "
            "begins, ends or becomes critical; *Materialize* shows what it knows now.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                NO_INCIDENT,
                asset=key,
                description="No incident is open; WARN while one is, ERROR while one is critical.",
            )
        ],
    )
    def incidents(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.alerts import people

        with vocabulary.explained(), vocabulary.open_store() as store:
            rows = people.listed(store, target.name, limit=vocabulary.TABLE_ROWS)
            states = people.states(store, target.name)
        shown = [
            {
                "level": row["level"],
                "status": row["status"],
                "what": row["title"],
                "since": f"{row['opened_at']:%Y-%m-%d %H:%M} UTC",
                "taken_by": row["acknowledged_by"],
                "incident": row["incident_id"],
            }
            for row in rows
        ]
        worst = [
            {
                "level": row["level"],
                "policy": f"{row['policy']} {row['subject']}".strip(),
                "value": row["value"],
                "unit": row["unit"],
                "warning": row["warning"],
                "critical": row["critical"],
            }
            for row in states
        ]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": len(rows),
                "policies_without_data": sum(row["level"] == "no_data" for row in states),
                **({"incidents": vocabulary.table(shown)} if shown else {}),
                **({"policies": vocabulary.table(worst)} if worst else {}),
            },
            check_results=[
                _result(
                    key, [f"{row['level']}: {row['title']}" for row in rows],
                    any(row["level"] == "critical" for row in rows),
                )
            ],
        )  # fmt: skip

    return incidents


def _result(key: dg.AssetKey, titles: Sequence[str], critical: bool) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NO_INCIDENT,
        passed=not titles,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description="\n".join(titles[:10]) or "no incident is open",
        metadata={"open": len(titles)},
    )


def check_event(look: "Look") -> dg.AssetCheckEvaluation | None:
    """Return the check's event where a look changed what it says, else None."""
    made = look.evaluation
    if made is None or not made.changed:
        return None
    still = [each for each in made.incidents if not each.over]
    return dg.AssetCheckEvaluation(
        asset_key=incidents_key(look.target),
        check_name=NO_INCIDENT,
        passed=not still,
        severity=dg.AssetCheckSeverity.ERROR
        if any(each.level == "critical" for each in still)
        else dg.AssetCheckSeverity.WARN,
        description="\n".join(f"{each.level}: {each.title}" for each in still[:10])
        or "no incident is open",
        metadata={"open": dg.MetadataValue.int(len(still))},
    )


def alerts_sensor(targets: Sequence[Target]) -> dg.SensorDefinition:
    """Return the sensor `alerts`: every minute, all targets."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Evaluates every policy of every target from what the store has; asks no "
        "target. Writes states, incidents and the outbox of messages, nothing else.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from perf_pipeline.alerts.look import look_all

        try:
            with vocabulary.open_store() as store:
                looks = look_all(store, targets, datetime.now(UTC))
        except PerfPipelineError as error:
            return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))
        events = [event for event in map(check_event, looks) if event is not None]
        return dg.SensorResult(asset_events=events, skip_reason=None if events else said(looks))

    return alerts


def said(looks: Sequence["Look"]) -> dg.SkipReason:
    """Return what a tick without news says."""
    opened = sum(
        not each.over for look in looks if look.evaluation for each in look.evaluation.incidents
    )
    busy = [look.target.name for look in looks if look.evaluation is None]
    spent = sum(look.milliseconds for look in looks)
    text = f"{len(looks)} targets in {spent:.0f} ms: nothing changed, {opened} incidents open"
    return dg.SkipReason(text + (f"; evaluated elsewhere: {', '.join(busy)}" if busy else ""))


def target_definitions(target: Target) -> dg.Definitions:
    """Return the asset of one target's incidents, none where its alerts are switched off."""
    if not alerts_of(target.alerts).enabled:
        return dg.Definitions()
    return dg.Definitions(assets=[incidents_asset(target)])


def fleet_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the sensor of all targets whose alerts are on."""
    watched = [target for target in targets if alerts_of(target.alerts).enabled]
    return dg.Definitions(sensors=[alerts_sensor(watched)] if watched else [])
