"""A target's event queue in Dagster: its state, a run when it is behind, a job that fills it."""

import concurrent.futures
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.invalidation import event_metrics_defs
from perf_pipeline.invalidation.event_metrics_defs import performance_asset
from perf_pipeline.invalidation.event_model import Backlog, EventQueue, due
from perf_pipeline.jobs import singleton_job
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    from perf_pipeline.invalidation.events import Worked

#: A target with its event queue, None where it declares none.
Declared = tuple[Target, EventQueue | None]

#: Checks of the queue.
NOT_STRANDED: Final = "nothing_stranded"
NO_DEAD: Final = "no_dead_letters"
_SPECS: Final = {
    NOT_STRANDED: "no event waits longer than declared; those that do are worked on all the same",
    NO_DEAD: "no event has failed so often that it is tried no more",
}
#: Targets looked at at the same time, and seconds for all of them: a sensor has 60.
_THREADS: Final = 8
_LOOK_S: Final = 10.0


def queue_key(target: Target) -> dg.AssetKey:
    """Return the key of a target's event queue."""
    return vocabulary.key(target, "events", "queue")


def job_name(target: Target) -> str:
    """Return the name of the job that works on a target's events."""
    return f"event_queue_{target.name}"


def queue_definitions(target: Target, queue: EventQueue | None) -> dg.Definitions:
    """Return `<target>/events/queue` with its checks, and `performance` where that is declared."""
    if queue is None:
        return dg.Definitions()
    declared = queue

    @dg.asset(
        key=queue_key(target),
        pool=vocabulary.pool(target),
        **vocabulary.head(
            target,
            "events",
            "an event of the application's",
            "Claimed in batches with a lease, oldest first; an event that fails waits longer each "
            "time and is a dead letter in the end.",
        ),
        check_specs=[
            dg.AssetCheckSpec(name, asset=queue_key(target), description=text)
            for name, text in _SPECS.items()
        ],
    )
    def events(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from perf_pipeline.invalidation import events as queues
        from perf_pipeline.postgres import connect as pg

        with (
            vocabulary.explained(),
            pg.session(target.maintenance_url(), read_only=False, autocommit=True) as connection,
        ):
            worked = queues.Worked()
            if declared.process:
                worker = f"perf-pipeline {os.getpid()} {context.run.run_id[:8]}"
                worked = queues.work(connection, declared, worker)
            left = queues.look(connection, declared)
        yield dg.MaterializeResult(metadata=_metadata(worked, left))
        yield from _checks(target, declared, left)

    more = [performance_asset(target, declared)] if declared.metrics else []
    return dg.Definitions(assets=[events, *more])


def _metadata(worked: "Worked", left: Backlog) -> vocabulary.Metadata:
    errors = sorted(worked.errors.items(), key=lambda pair: -pair[1])
    told = [{"error": text, "events": times} for text, times in errors]
    return {
        **vocabulary.numbers(
            {
                "processed": worked.done,
                "failed": worked.failed,
                "overtaken": worked.overtaken,
                "seconds": worked.seconds,
                "waiting": left.ready,
                "claimed": left.claimed,
                "stranded": left.stranded,
                "dead_letters": left.dead,
                "oldest_minutes": None if left.oldest_s is None else left.oldest_s / 60.0,
            }
        ),
        **({"errors": vocabulary.table(told)} if told else {}),
    }


def _checks(target: Target, queue: EventQueue, left: Backlog) -> Iterator[dg.AssetCheckResult]:
    waits = f"{left.stranded} events wait for more than {queue.stranded_minutes} min"
    yield dg.AssetCheckResult(
        asset_key=queue_key(target),
        check_name=NOT_STRANDED,
        passed=not left.stranded,
        severity=dg.AssetCheckSeverity.WARN,
        description=waits if left.stranded else "no event waits too long",
        metadata={"stranded": left.stranded},
    )
    yield dg.AssetCheckResult(
        asset_key=queue_key(target),
        check_name=NO_DEAD,
        passed=not left.dead,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{left.dead} events are dead letters: see why, repair, set their count of "
        "tries back"
        if left.dead
        else "no event is given up",
        metadata={"dead_letters": left.dead},
    )


def fleet_definitions(declared: Sequence[Declared]) -> dg.Definitions:
    """Return the jobs `event_queue_<target>`, `ingest_events_<target>`, the sensor, daily jobs."""
    some = [(target, queue) for target, queue in declared if queue is not None]
    if not some:
        return dg.Definitions()
    jobs = [_job(target) for target, _ in some]
    worked = [(target, queue) for target, queue in some if queue.process]
    asked = [job for job, (_, queue) in zip(jobs, some, strict=True) if queue.process]
    own = dg.Definitions(
        jobs=[*jobs, *(_ingest_job(target, queue) for target, queue in some if queue.ingest)],
        sensors=[_sensor(worked, asked)] if worked else [],
    )
    return dg.Definitions.merge(own, event_metrics_defs.fleet_definitions(some))


def _job(target: Target) -> vocabulary.AssetJob:
    name = job_name(target)
    return singleton_job(
        name,
        dg.AssetSelection.assets(queue_key(target)),
        f"Work on the events of {target.name} that wait, for 25 s at most.",
        max_runtime_s=600,
        target=target,
    )


def _ingest_job(target: Target, queue: EventQueue) -> dg.JobDefinition:
    """Return `ingest_events_<target>`: events of its config, or of a file, brought set-based."""

    @dg.op(
        name=f"bring_events_{target.name}",
        config_schema={
            "events": dg.Field(
                list, is_required=False, default_value=[], description="Events as JSON objects."
            ),
            "file": dg.Field(
                str,
                is_required=False,
                default_value="",
                description="A file of one JSON object per line, in the place of `events`.",
            ),
        },
        pool=vocabulary.pool(target),
    )
    def ingest_events(context: dg.OpExecutionContext) -> None:
        from perf_pipeline.invalidation import events as queues
        from perf_pipeline.postgres import connect as pg

        config = context.op_config
        with (
            vocabulary.explained(),
            pg.session(target.maintenance_url(), read_only=False, autocommit=True) as connection,
        ):
            brought = _lines(config["file"]) if config["file"] else iter(config["events"])
            took = queues.ingest(connection, queue, brought)
        context.add_output_metadata(
            {
                "received": took.received,
                "inserted": took.inserted,
                "updated": took.updated,
                "unchanged": took.unchanged,
                "rejected": took.rejected,
                **({"rejects": vocabulary.table(took.rejects)} if took.rejects else {}),
            }
        )

    @dg.job(
        name=f"ingest_events_{target.name}",
        description=f"Bring events to {target.name}: each id once, those that cannot be taken "
        "told with their reason.",
        tags={vocabulary.TARGET_TAG: target.name, vocabulary.MAX_RUNTIME_TAG: "3600"},
    )
    def job() -> None:
        ingest_events()

    return job


def _lines(name: str) -> Iterator[Any]:
    """Read a file of a JSON value per line; a line that is none is brought as its text.

    Raises
    ------
    ConfigurationError
        There is no such file.

    """
    try:
        with Path(name).open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.strip():
                    yield _value(line)
    except OSError as error:
        raise ConfigurationError(
            f"file {name!r} cannot be read: {error.strerror}", "give the path of a readable file"
        ) from error


def _value(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line[:200]


def _sensor(
    declared: Sequence[tuple[Target, EventQueue]], jobs: Sequence[vocabulary.AssetJob]
) -> dg.SensorDefinition:
    @dg.sensor(
        name="event_backlog",
        jobs=list(jobs),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the event queues (one statement each, no change) and asks for a run "
        "where more events wait, or for longer, than declared: their own workers are behind.",
    )
    def event_backlog(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        told: list[str] = []
        requested = 0
        for target, why in look(declared, told):
            active = vocabulary.active_run(context.instance, job_name(target))
            if active is not None:
                told.append(f"{target.name}: run {active} is still active")
                continue
            requested += 1
            # no run_key: it would be remembered for ever
            yield dg.RunRequest(
                job_name=job_name(target), tags={"perf_pipeline/reason": "; ".join(why)[:250]}
            )
        if not requested:
            yield dg.SkipReason("; ".join(told) or "no event waits too long")

    return event_backlog


def look(
    declared: Sequence[tuple[Target, EventQueue]], told: list[str]
) -> list[tuple[Target, Sequence[str]]]:
    """Look at the event queues of all targets at once; return those that are behind, and why.

    Parameters
    ----------
    declared : sequence of (Target, EventQueue)
    told : list of str
        Takes a line per target that could not be looked at.

    """
    from perf_pipeline.invalidation import events as queues

    def probed(target: Target, queue: EventQueue) -> Sequence[str]:
        return due(queues.probe(target.url(), queue), queue)

    found = []
    pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
    try:
        waiting = {pool.submit(probed, target, queue): target for target, queue in declared}
        _, late = concurrent.futures.wait(waiting, timeout=_LOOK_S)
        for future, target in waiting.items():
            if future in late:
                told.append(f"{target.name}: no answer within {_LOOK_S:g} s")
                continue
            try:
                why = future.result()
            except PerfPipelineError as error:
                told.append(f"{target.name}: {error.message}")
                continue
            if why:
                found.append((target, why))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return found
