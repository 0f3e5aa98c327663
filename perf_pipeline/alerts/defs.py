"""Alerts in Dagster: the sensor that evaluates, the incidents of each target, their check."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.alerts.model import alerts_of, with_alerts
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.jobs import singleton_job, utc_schedule_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

if TYPE_CHECKING:
    from perf_pipeline.alerts.actions import DryRun
    from perf_pipeline.alerts.look import Look

FAMILY: Final = "alerts"
INCIDENTS: Final = "incidents"
NO_INCIDENT: Final = "no_open_incident"
SENSOR: Final = "alerts"
DELIVERIES: Final = dg.AssetKey([vocabulary.FLEET_GROUP, "alert_deliveries"])
DELIVERY_JOB: Final = "alert_delivery"
#: Tag of a run that carries out an answer: its number in `monitoring.alert_responses`.
RESPONSE_TAG: Final = "perf_pipeline/alert_response"


@dataclass(frozen=True)
class Answers:
    """The jobs that carry out answers, which does what on which target, and would do now."""

    jobs: Sequence[vocabulary.AssetJob] = ()
    by_target: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dry_runs: Mapping[str, Mapping[str, "DryRun"]] = field(default_factory=dict)


def incidents_key(target: Target) -> dg.AssetKey:
    """Return the key of a target's incidents."""
    return vocabulary.key(target, FAMILY, INCIDENTS)


def incidents_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/alerts/incidents`."""
    key = incidents_key(target)

    @dg.asset(
        key=key,
        **vocabulary.head(
            target,
            FAMILY,
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
        severity=vocabulary.severity(critical),
        description="\n".join(titles[:10]) or "no incident is open",
        metadata={"open": len(titles)},
    )


def standing(look: "Look") -> str | None:
    """Return what a target's check says, in a word; None while somebody else evaluates it."""
    if look.evaluation is None:
        return None
    still = [each for each in look.evaluation.incidents if not each.over]
    return ",".join(f"{each.incident_id}:{each.level}" for each in still[:20]) + f";{len(still)}"


def check_event(look: "Look", reported: str | None) -> dg.AssetCheckEvaluation | None:
    """Return the check's event where it says something else than was reported last, else None.

    Compared with what was reported, not with the last evaluation: one that ran elsewhere, or whose
    tick died, would take the change with it.
    """
    made, now = look.evaluation, standing(look)
    if made is None or now == reported:
        return None
    still = [each for each in made.incidents if not each.over]
    if reported is None and not still:
        return None  # nothing was said of it yet, and nothing is wrong
    return dg.AssetCheckEvaluation(
        asset_key=incidents_key(look.target),
        check_name=NO_INCIDENT,
        passed=not still,
        severity=vocabulary.severity(any(each.level == "critical" for each in still)),
        description="\n".join(f"{each.level}: {each.title}" for each in still[:10])
        or "no incident is open",
        metadata={"open": dg.MetadataValue.int(len(still))},
    )


def alerts_sensor(
    targets: Sequence[Target], job: vocabulary.AssetJob, answers: Answers | None = None
) -> dg.SensorDefinition:
    """Return the sensor `alerts`: every minute, all targets.

    Parameters
    ----------
    targets : sequence of Target
    job : AssetJob
        What delivers and answers.
    answers : Answers, optional
        Jobs that carry out answers.

    """
    jobs = answers or Answers()

    @dg.sensor(
        name=SENSOR,
        jobs=[job, *jobs.jobs],
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Evaluates every policy of every target from what the store has; asks no "
        "target. Writes states, incidents and the outbox of messages, nothing else, and asks for "
        f"a run of {DELIVERY_JOB} when a message is due or an answer is asked for. Starts the jobs "
        "of answers that are live and were approved.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from perf_pipeline.alerts import book, watch
        from perf_pipeline.alerts.look import end_undeclared, look_all

        now = datetime.now(UTC)
        # where alerts are off nothing is answered
        names = [each.name for each in with_alerts(targets)]
        try:
            with vocabulary.open_store() as store:
                looks = look_all(store, targets, now)
                ended = end_undeclared(store, targets, now)
                with store.begin() as connection:
                    due = book.due(connection, targets, now)
                    asked = book.waiting_responses(connection, names, "asked")
                requests = started(store, context.instance, names, jobs, now)
            missed = watch.beat()
        except PerfPipelineError as error:
            return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))
        reported: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        found = [
            check_event(each, reported.get(each.target.name))
            for each in looks
            if each.target.name in names  # else it has no asset
        ]
        events = [event for event in found if event is not None]
        reported |= {each.target.name: said for each in looks if (said := standing(each))}
        if missed:
            context.log.warning(missed)
        for each in looks:
            if each.error:
                context.log.error("%s was not evaluated: %s", each.target.name, each.error)
        for name in ended:
            context.log.warning("%s is declared nowhere any more: its incidents ended", name)
        if (due["due"] or asked) and vocabulary.active_run(context.instance, DELIVERY_JOB) is None:
            requests.append(dg.RunRequest(job_name=DELIVERY_JOB))
        return dg.SensorResult(
            run_requests=requests,
            asset_events=events,
            cursor=json.dumps(reported, sort_keys=True),
            skip_reason=None if events or requests else quiet(looks),
        )

    return alerts


def started(
    store: Store,
    instance: dg.DagsterInstance,
    names: Sequence[str],
    answers: Answers,
    now: datetime,
) -> list[dg.RunRequest]:
    """Return the runs of answers that were approved, and note how those that began ended.

    A run's key is the answer's own number: it begins once, whatever happens in between. One that
    is no longer wanted is refused instead.
    """
    from perf_pipeline.alerts import book
    from perf_pipeline.alerts.responses import withdrawn

    requests = []
    with store.begin() as connection:
        rows = book.waiting_responses(connection, names, "approved", "acting")
    for row in rows:
        name = answers.by_target.get(row["target"], {}).get(row["action"])
        if name is None:
            continue
        number = str(row["response_id"])
        runs = instance.get_runs(dg.RunsFilter(tags={RESPONSE_TAG: number}), limit=1)
        why = withdrawn(row, now) if not runs else ""
        if why:
            # one that began and has no run any more did not end well
            state = "refused" if row["state"] == "approved" else "failed"
            with store.begin() as connection:
                book.move_response(connection, row, state, now, told=why, ended=True)
            continue
        if not runs:
            requests.append(
                dg.RunRequest(
                    job_name=name,
                    run_key=f"alert-response-{number}",
                    tags={RESPONSE_TAG: number, vocabulary.TARGET_TAG: row["target"]},
                )
            )
            continue
        (run,) = runs
        state = "acting"
        if run.is_finished:
            state = "done" if run.is_success else "failed"
        if state != row["state"]:
            with store.begin() as connection:
                book.move_response(
                    connection, row, state, now, run_id=run.run_id, ended=run.is_finished
                )
    return requests


def deliveries_asset(
    targets: Sequence[Target], answers: Answers | None = None
) -> dg.AssetsDefinition:
    """Return `fleet/alert_deliveries`: one pass over what is due and what is asked for."""
    jobs = answers or Answers()

    @dg.asset(
        key=DELIVERIES,
        group_name=vocabulary.FLEET_GROUP,
        kinds={"postgres"},
        tags={"family": FAMILY},
        description="One row is one message on one channel. Sends what is due of the outbox; what "
        "a channel does not take waits, longer each time, and is never dropped. Then looks at the "
        "answers that policies ask for, and carries out those that are live.",
    )
    def alert_deliveries(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.alerts import actions, book, watch
        from perf_pipeline.alerts.deliver import deliver

        with vocabulary.explained(), vocabulary.open_store() as store:
            watch.tell(store, targets, datetime.now(UTC))
            done = deliver(store, targets, lambda: datetime.now(UTC))
            answered = actions.act(
                store,
                with_alerts(targets),
                jobs.by_target,
                lambda: datetime.now(UTC),
                jobs.dry_runs,
            )
            with store.begin() as connection:
                left = book.due(connection, targets, datetime.now(UTC))
        for channel, why in sorted(done.errors.items()):
            context.log.warning("channel %s: %s", channel, why)
        errors = [{"channel": name, "why": why} for name, why in sorted(done.errors.items())]
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": done.sent,
                "put_off": done.put_off,
                "waiting": left["waiting"],
                **({"not_taken": vocabulary.table(errors)} if errors else {}),
                **({"answers": vocabulary.table(answered)} if answered else {}),
            }
        )

    return alert_deliveries


def delivery_job() -> vocabulary.AssetJob:
    """Return the job that the sensor asks for."""
    return singleton_job(
        DELIVERY_JOB,
        dg.AssetSelection.assets(DELIVERIES),
        "Send the messages that are due.",
        max_runtime_s=600,
    )


def watched_schedule(targets: Sequence[Target], job: vocabulary.AssetJob) -> dg.ScheduleDefinition:
    """Return the schedule that asks whether the sensor still evaluates."""

    @utc_schedule_of(
        job,
        "*/10 * * * *",
        "Tells on every channel when the sensor `alerts` no longer evaluates; a sensor "
        "that is off or fails cannot tell itself. Use `perf-pipeline alerts status` from outside "
        "for a daemon that is down.",
        name="alerts_watched",
    )
    def alerts_watched(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        from perf_pipeline.alerts import watch

        try:
            with vocabulary.open_store() as store:
                found = watch.look(store, targets, datetime.now(UTC))
        except PerfPipelineError as error:
            return dg.SkipReason(str(error))
        alone = [each.target for each in found if not each.is_watched and each.evaluated_at]
        if not alone:
            return dg.SkipReason("every target is watched, or never was")
        if vocabulary.active_run(context.instance, DELIVERY_JOB) is not None:
            return dg.SkipReason(f"{DELIVERY_JOB} is active")
        return dg.RunRequest(tags={"perf_pipeline/reason": f"unwatched: {', '.join(alone)}"[:250]})

    return alerts_watched


def quiet(looks: Sequence["Look"]) -> dg.SkipReason:
    """Return what a tick without news says."""
    opened = sum(
        not each.over for look in looks if look.evaluation for each in look.evaluation.incidents
    )
    busy = [look.target.name for look in looks if look.evaluation is None and not look.error]
    failed = [f"{look.target.name} ({look.error})" for look in looks if look.error]
    spent = sum(look.milliseconds for look in looks)
    text = f"{len(looks)} targets in {spent:.0f} ms: nothing changed, {opened} incidents open"
    text += f"; evaluated elsewhere: {', '.join(busy)}" if busy else ""
    return dg.SkipReason(text + (f"; not evaluated: {', '.join(failed)}" if failed else ""))


def target_definitions(target: Target) -> dg.Definitions:
    """Return the asset of one target's incidents, none where its alerts are switched off."""
    if not alerts_of(target.alerts).enabled:
        return dg.Definitions()
    return dg.Definitions(assets=[incidents_asset(target)])


def fleet_definitions(targets: Sequence[Target], answers: Answers | None = None) -> dg.Definitions:
    """Return the sensor, the delivery and its job, of all targets whose alerts are on."""
    watched = with_alerts(targets)
    if not watched:
        return dg.Definitions()
    job = delivery_job()
    return dg.Definitions(
        # also those whose alerts are off: that an incident ended by that is still to be told
        assets=[deliveries_asset(targets, answers)],
        jobs=[job],
        schedules=[watched_schedule(watched, job)],
        sensors=[alerts_sensor(targets, job, answers)],
    )
