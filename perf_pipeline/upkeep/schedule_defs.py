"""Jobs and schedules of the operations of every policy, their sensor, and `maintenance_status`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg
from dagster._utils.schedules import (
    get_latest_completed_cron_tick,
    get_next_cron_tick,
    is_valid_cron_schedule,
)

from perf_pipeline import vocabulary
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.jobs import singleton_job, utc_schedule, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.upkeep import starters, windows
from perf_pipeline.upkeep.defs import ASSETS, FAMILY, selection, target_assets
from perf_pipeline.upkeep.model import Operation, Policy, policy_of
from perf_pipeline.upkeep.windows import Run

STATUS: Final = "maintenance_status"
STATUS_JOB: Final = "maintenance_status"
SENSOR: Final = "maintenance_due"
NOT_CUT_OFF: Final = "no_operation_is_cut_off"
IN_TIME: Final = "operations_run_when_due"
#: Tag of a run: which operation of which target it is.
OPERATION_TAG: Final = "perf_pipeline/operation"
#: Runs looked at of each job: enough to count failures.
_RUNS: Final = 20
#: The sensor leaves a tick to its schedule for so long.
GRACE: Final = timedelta(minutes=5)
#: An operation that did not succeed for so long after it was due is late, beside its own time.
LATE: Final = timedelta(hours=2)

_OUTCOMES: Final[Mapping[dg.DagsterRunStatus, Any]] = {
    dg.DagsterRunStatus.SUCCESS: "success",
    dg.DagsterRunStatus.FAILURE: "failure",
    dg.DagsterRunStatus.CANCELED: "canceled",
}


def job_name(target: Target, operation: Operation) -> str:
    """Return the name of an operation's job."""
    return operation.job or f"{target.name}_{operation.name}"


def require_crons(target: Target, policy: Policy) -> None:
    """Refuse a policy with a schedule that is none.

    Raises
    ------
    ConfigurationError
        Names the operation and what it says.

    """
    for operation in policy.operations:
        if operation.cron is not None and not is_valid_cron_schedule(operation.cron):
            raise ConfigurationError(
                f"target {target.name!r}, operation {operation.name!r}: cron {operation.cron!r} "
                "is no schedule",
                'write minute, hour, day, month and weekday: "0 4 * * 0"',
            )


def runs_of(
    instance: dg.DagsterInstance, target: Target, policy: Policy
) -> dict[str, tuple[Run, ...]]:
    """Return the last runs of each operation's job, newest first."""
    found = {}
    for operation in policy.operations:
        records = instance.get_run_records(
            dg.RunsFilter(job_name=job_name(target, operation)), limit=_RUNS
        )
        found[operation.name] = tuple(
            Run(
                _OUTCOMES.get(record.dagster_run.status, "active"),
                record.create_timestamp.replace(tzinfo=record.create_timestamp.tzinfo or UTC),
                None if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC),
                record.dagster_run.run_id,
            )
            for record in records
        )
    return found


def request(target: Target, operation: Operation, decision: windows.Decision) -> dg.RunRequest:
    """Return the request for a run of an operation, no longer than its window is open."""
    seconds = operation.seconds
    if decision.until is not None:
        left = (decision.until - datetime.now(UTC)).total_seconds()
        seconds = max(1.0, min(seconds, left))
    return dg.RunRequest(
        job_name=job_name(target, operation),
        run_config=_config(target, operation, seconds),
        tags={OPERATION_TAG: operation.name, vocabulary.TARGET_TAG: target.name},
    )


def _config(target: Target, operation: Operation, seconds: float) -> dict[str, Any]:
    if operation.does is None or operation.does in ("find_orphans", "advise"):
        return {}
    name = "__".join(vocabulary.key(target, FAMILY, ASSETS[operation.does]).path)
    return {"ops": {name: {"config": {"seconds": seconds}}}}


def operation_job(target: Target, operation: Operation) -> vocabulary.AssetJob:
    """Return the job of an operation that is ours to do."""
    if operation.does is None:  # pragma: no cover - asked for those that do something
        raise ConfigurationError(f"operation {operation.name!r} has its own job")
    name = job_name(target, operation)
    return singleton_job(
        name,
        selection(target, [operation.does]),
        f"{operation.name} on {target.name}: {operation.does}.",
        max_runtime_s=operation.max_minutes * 60,
        target=target,
        # the policy's 1 goes first, Dagster's largest does
        tags={OPERATION_TAG: operation.name, "dagster/priority": str(10 - operation.priority)},
        config=_config(target, operation, operation.seconds) or None,
    )


def operation_schedule(
    target: Target, policy: Policy, operation: Operation, job: vocabulary.AssetJob
) -> dg.ScheduleDefinition:
    """Return an operation's schedule: it begins, or says why not."""
    name = job_name(target, operation)

    @utc_schedule_of(
        job,
        str(operation.cron),
        f"{operation.name} on {target.name}, unless it was cut off after "
        f"{windows.CUT_OFF} failures, waits for another operation, or its window is closed.",
        name=name,
        running=operation.enabled,
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        decision = windows.decide(
            operation, runs_of(context.instance, target, policy), datetime.now(UTC)
        )
        if not decision.go:
            return dg.SkipReason(f"{operation.name}: {decision.verdict}: {decision.reason}")
        return request(target, operation, decision)

    return due


def due_sensor(
    targets: Sequence[Target], jobs: Sequence[vocabulary.AssetJob]
) -> dg.SensorDefinition:
    """Return the sensor that begins later what its schedule could not begin when it was due."""

    @dg.sensor(
        name=SENSOR,
        jobs=list(jobs),
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Begins operations that were due while their window was closed or what they "
        "depend on had not succeeded. What was due before it first looked is not made up for.",
    )
    def maintenance_due(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = datetime.now(UTC)
        seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        requests, waiting = [], []
        for target in targets:
            policy = policy_of(target)
            if policy is None:
                continue
            runs = runs_of(context.instance, target, policy)
            for operation in windows.in_order(policy.operations):
                if operation.cron is None:
                    continue
                name = job_name(target, operation)
                since = datetime.fromisoformat(seen.setdefault(name, now.isoformat()))
                due = last_tick(operation.cron, now)
                if due < since or now - due < GRACE:
                    continue
                decision = windows.decide(operation, runs, now, due)
                if decision.go:
                    requests.append(request(target, operation, decision))
                elif decision.verdict not in ("done", "disabled", "active"):
                    waiting.append(f"{name}: {decision.verdict}: {decision.reason}")
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None
            if requests
            else dg.SkipReason("; ".join(waiting) or "all that was due has begun"),
            cursor=json.dumps(seen, sort_keys=True),
        )

    return maintenance_due


def last_tick(cron: str, now: datetime) -> datetime:
    """Return the last moment that a schedule names, UTC."""
    return get_latest_completed_cron_tick(cron, now, "UTC").astimezone(UTC)


def next_tick(crons: Sequence[str], now: datetime) -> datetime | None:
    """Return the next moment that one of some schedules names, UTC."""
    return min(
        (get_next_cron_tick(cron, now, "UTC").astimezone(UTC) for cron in crons), default=None
    )


def status_asset(target: Target, policy: Policy) -> dg.AssetsDefinition:
    """Return `<target>/upkeep/maintenance_status`."""
    key = vocabulary.key(target, FAMILY, STATUS)

    @dg.asset(
        key=key,
        group_name=target.name,
        kinds={"dagster"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, FAMILY),
        description=vocabulary.described(
            target,
            "one operation of the policy: when it is due, what it waits for, its last run and how "
            "it ended, when it runs next, and how often it failed since it last succeeded",
            "From Dagster's own record of runs; other domains' jobs take part by their name.",
        ),
        check_specs=[
            dg.AssetCheckSpec(
                NOT_CUT_OFF,
                asset=key,
                description=f"No operation failed {windows.CUT_OFF} times one after the other. "
                "Such a one of ours no longer begins by itself; start it by hand, and its first "
                "success sets it going again.",
            ),
            dg.AssetCheckSpec(
                IN_TIME,
                asset=key,
                description="Each operation that ran before succeeded after it was last due, "
                "within its time and two hours.",
            ),
        ],
    )
    def maintenance_status(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None]]:
        now = datetime.now(UTC)
        runs = runs_of(context.instance, target, policy)
        known = starters.definitions_of(context)
        crons = crons_of(target, policy, known.schedules)
        rows = windows.status_rows(
            policy.operations,
            runs,
            now,
            crons,
            {name: next_tick(found, now) for name, found in crons.items()},
            starters.sensors_of(
                {each.name: job_name(target, each) for each in policy.operations}, known.sensors
            ),
        )
        stopped = [row["operation"] for row in rows if row["state"] in ("cut off", "failing")]
        late = late_operations(policy, runs, crons, now)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(rows),
                "cut_off": len(stopped),
                "late": len(late),
                **({"operations": vocabulary.table(rows)} if rows else {}),
            },
            check_results=[
                _result(key, NOT_CUT_OFF, stopped, dg.AssetCheckSeverity.ERROR),
                _result(key, IN_TIME, late, dg.AssetCheckSeverity.WARN),
            ],
        )

    return maintenance_status


def _result(
    key: dg.AssetKey, name: str, found: Sequence[str], severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not found,
        severity=severity,
        description=", ".join(found) or "as it should be",
        metadata={"operations": len(found)},
    )


def late_operations(
    policy: Policy,
    runs: Mapping[str, Sequence[Run]],
    crons: Mapping[str, Sequence[str]],
    now: datetime,
) -> list[str]:
    """Return the enabled operations that ran before and did not succeed when last due."""
    late = []
    for operation in policy.operations:
        own = [run for run in runs.get(operation.name, ()) if run.outcome != "active"]
        ticks = [last_tick(cron, now) for cron in crons.get(operation.name, ())]
        if not operation.enabled or not own or not ticks:
            continue
        due = max(ticks)
        if own[-1].began is None or own[-1].began > due:
            continue  # it is new: nothing of it is older than the tick
        allowed = timedelta(minutes=operation.max_minutes) + LATE
        succeeded = any(
            run.outcome == "success" and run.ended is not None and run.ended >= due for run in own
        )
        if not succeeded and now - due > allowed:
            late.append(operation.name)
    return late


def crons_of(
    target: Target, policy: Policy, schedules: Sequence[dg.ScheduleDefinition]
) -> dict[str, tuple[str, ...]]:
    """Return what schedules say of each operation: ours from the policy, others' as they are."""
    found = starters.crons_by_job(schedules)
    return {
        operation.name: (operation.cron,)
        if operation.cron is not None
        else found.get(job_name(target, operation), ())
        for operation in policy.operations
    }


def target_definitions(target: Target) -> dg.Definitions:
    """Return the assets of one target's upkeep, none where it declares none.

    Raises
    ------
    ConfigurationError
        An operation's cron is no schedule.

    """
    policy = policy_of(target)
    if policy is None:
        return dg.Definitions()
    require_crons(target, policy)
    return dg.Definitions(assets=[*target_assets(target), status_asset(target, policy)])


def fleet_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the jobs, schedules and the sensor of all targets that declare upkeep."""
    jobs: list[vocabulary.AssetJob] = []
    schedules: list[dg.ScheduleDefinition] = []
    cared = []
    for target in targets:
        policy = policy_of(target)
        if policy is None:
            continue
        cared.append(target)
        for operation in policy.operations:
            if operation.does is None:
                continue
            job = operation_job(target, operation)
            jobs.append(job)
            schedules.append(operation_schedule(target, policy, operation, job))
    if not cared:
        return dg.Definitions()
    status = singleton_job(
        STATUS_JOB,
        dg.AssetSelection.assets(*(vocabulary.key(target, FAMILY, STATUS) for target in cared)),
        "Say of each operation of maintenance how it stands.",
        max_runtime_s=600,
    )
    hourly = utc_schedule(
        status,
        "50 * * * *",
        "How each operation of maintenance stands, ten minutes before the hour.",
        name="maintenance_status_hourly",
    )
    return dg.Definitions(
        jobs=[*jobs, status],
        schedules=[*schedules, hourly],
        sensors=[due_sensor(cared, jobs)] if jobs else [],
    )
