"""Run a load scenario on a target and keep what was measured: one execution."""

import math
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import polars as pl

from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.loadtests import (
    draws,
    drive,
    fresh,
    latency,
    measure,
    pooler,
    reduce,
    stages,
    statements,
    swept,
)
from perf_pipeline.loadtests.measure import Measured
from perf_pipeline.loadtests.pgbench import LoadError
from perf_pipeline.loadtests.pooler import MOST_SESSIONS, Pooler
from perf_pipeline.loadtests.reduce import Totals
from perf_pipeline.loadtests.scenario import Scenario
from perf_pipeline.loadtests.stages import Stage
from perf_pipeline.loadtests.swept import Swept
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.production import refuse_production
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, executions, run_events
from perf_pipeline.store.load_tests import Execution, LoadTest

#: Sessions at most (B-37), and at most this share of what the server has: others live there, too.
MOST_CONNECTIONS: Final = 100
CONNECTIONS_SHARE: Final = 0.5


@dataclass(frozen=True)
class Options:
    """How a scenario is run, where it differs from what the scenario says.

    Attributes
    ----------
    environment : str
        `development`, `staging` or `production`; the scenario names where it may run.
    test_type, users, seconds : optional
        Default: the scenario's.
    connections : int, optional
        Sessions at most; default: 100, at most half of what the server has.
    seed : int, optional
        Of pgbench's choices.
    rerun_of : UUID, optional
        The suspected execution that this one is to confirm.
    decides : bool
        Measured in short blocks after a warm-up, with blocks of a reference load between them that
        tell how fast the machine is just then.
    restore : bool
        On a fresh copy of the target's database, where that may be made.
    pooler_url : str, optional
        The same database through a pooler: the users' sessions go there, as many as there are
        users, up to what the pool takes.
    run_id, commit_sha, branch : str, optional
        Of the Dagster run and the code under test.

    """

    environment: str = "development"
    test_type: str | None = None
    users: int | None = None
    seconds: int | None = None
    connections: int | None = None
    seed: int | None = None
    rerun_of: UUID | None = None
    decides: bool = False
    restore: bool = False
    pooler_url: str | None = None
    run_id: str | None = None
    commit_sha: str | None = None
    branch: str | None = None


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes
    ----------
    execution : Execution
        As recorded.
    operations : polars.DataFrame
        Per operation, columns of `latency.percentiles`; of measured stages.
    stages : list of (Stage, Totals)
        In order; a STRESS test ends with the first that broke a limit.
    broken : list of str
        Limits of the scenario that the measured stages together did not keep.
    notes : tuple of str

    """

    execution: Execution
    operations: pl.DataFrame
    stages: list[tuple[Stage, Totals]]
    broken: list[str]
    notes: tuple[str, ...] = field(default=())


def run(
    store: Store,
    target: Target,
    scenario: Scenario,
    options: Options,
    *,
    program: Path,
    folder: Path,
    sweep: Callable[[], Swept] | None = None,
    redact: Callable[[str], str] = str,
    say: Callable[[str], None] = lambda _text: None,
) -> Result:
    """Run a scenario's stages one after the other, and record the execution.

    It is recorded as RUNNING before the first transaction and ended whatever happens: COMPLETED
    with all that was measured, FAILED with the reason, or CANCELLED by Ctrl-C.

    Parameters
    ----------
    store : Store
        Up to date.
    target : Target
    scenario : Scenario
    options : Options
    program : Path
        pgbench.
    folder : Path
        For scripts and logs; those of an earlier run in it are removed.
    sweep : callable, optional
        Collects the target's statistics into the store: called before and after, it gives what each
        statement did and what the machine was busy with.
    redact : callable
        Takes literals out of the texts of statements that are read from a copy.
    say : callable
        Told of each stage as it begins.

    Raises
    ------
    ProductionError
        The database is marked as production.
    BusyError
        It is to be copied, and somebody stays connected to it.
    ConfigurationError
        The scenario may not run in this environment, or its data are not there.
    InputError
        Impossible numbers.
    LoadError
        pgbench failed; the execution is recorded as FAILED.
    UnreachableError
        The target or the store cannot be reached.

    """
    kind = options.test_type or scenario.test_type
    planned = stages.plan(scenario, kind, users=options.users, seconds=options.seconds)
    if options.decides:
        planned = stages.in_blocks(planned)
    url = target.url()
    with pg.session(url) as session:
        refuse_production(session)
        server = drive.row(session, "loadtests/server")
        known = drive.facts(session, scenario)
        ready = draws.filled(session, scenario)
        via = pooler.look(options.pooler_url, session) if options.pooler_url else None
    if kind == "VOLUME":
        drive.require_volume(scenario, {**known, "data_bytes": server["data_bytes"]})
    if via is not None and options.restore:
        raise ConfigurationError(
            "a fresh copy of the database cannot be reached through a pooler",
            "leave out one of the two",
        )
    if server["in_recovery"]:
        raise ConfigurationError(
            f"target {target.name!r} is a replica: load would fail on its first write",
            "run it on the primary",
        )
    room = max(1, int(server["connections"] * CONNECTIONS_SHARE))
    sessions = min(options.connections or MOST_CONNECTIONS, room)
    if via is not None:
        sessions = min(options.connections or MOST_SESSIONS, via.most_sessions)
    begun = _begin(store, target, scenario, options, kind, planned, server, sessions, via)
    log = run_events.Log(store, begun.execution_id)
    log.add(
        run_events.STARTED,
        scenario=scenario.name,
        version=scenario.version,
        test_type=kind,
        stages=len(planned),
        seconds=sum(stage.seconds for stage in planned),
        users=begun.concurrent_users,
        sessions=sessions,
    )
    try:
        before = sweep() if sweep else None
        with fresh.place(url, wanted=options.restore, say=say) as where:
            measured = measure.run(
                where,
                ready,
                planned,
                known,
                sessions,
                decides=options.decides,
                via=via,
                seed=options.seed,
                program=program,
                folder=folder,
                log=log,
                say=say,
            )
        after = sweep() if sweep else None
    except BaseException as error:
        cancelled = isinstance(error, KeyboardInterrupt)
        reason = error.message if isinstance(error, PerfPipelineError) else repr(error)
        status = "CANCELLED" if cancelled else "FAILED"
        executions.record_execution(
            store,
            replace(
                begun,
                status=status,
                completed_at=datetime.now(UTC),
                error_classes=error.classes if isinstance(error, LoadError) else {},
                metadata={**begun.metadata, "reason": reason},
            ),
        )
        log.add(run_events.ENDED[status], reason=reason)
        raise
    queries = None
    if measured.statements is not None:
        queries = statements.between(*measured.statements, redact)
    elif before is not None and after is not None and not measured.where.restored:
        queries = swept.queries(store, target.name, before, after)
    result = _end(store, scenario, begun, measured, before, after, queries)
    if via is not None and via.note:
        result = replace(result, notes=(*result.notes, via.note))
    log.add(
        run_events.ENDED["COMPLETED"],
        transactions=result.execution.transactions,
        failed=result.execution.failed,
        p95_ms=result.execution.p95_ms,
        throughput_tps=result.execution.throughput_tps,
        broken_limits=result.broken,
        lost_events=log.lost,
    )
    return result


def _begin(
    store: Store,
    target: Target,
    scenario: Scenario,
    options: Options,
    kind: str,
    planned: list[Stage],
    server: Mapping[str, Any],
    sessions: int,
    via: Pooler | None,
) -> Execution:
    """Record the test and its execution as running."""
    length = sum(stage.seconds for stage in planned if stage.measured)
    test_id = executions.record_test(
        store,
        LoadTest(
            # a shorter run, or another type, is another test: their numbers do not compare
            name=f"{scenario.name}/{kind.lower()}/{length}s/{max(s.users for s in planned)}"
            f"{'/gate' if options.decides else ''}{'/pool' if via is not None else ''}",
            version=scenario.version,
            test_type=kind,
            industry=scenario.industry,
            target_schema=scenario.system,
            description=scenario.title,
            config=scenario.definition,
            environments=scenario.environments,
        ),
    )
    execution = Execution(
        execution_id=uuid4(),
        test_id=test_id,
        target=target.name,
        environment=options.environment,
        status="RUNNING",
        server_version_num=server["server_version_num"],
        database_version=server["database_version"],
        started_at=datetime.now(UTC),
        config={
            "stages": [vars(stage) for stage in planned],
            "think_time_ms": scenario.think_time_ms,
            "seed": options.seed,
            **({"protocol": via.protocol} if via is not None else {}),
        },
        settings={
            **server["settings"],
            **{f"pooler.{name}": value for name, value in (via.config if via else {}).items()},
        },
        hardware={
            "load_generator": platform.platform(),
            "load_generator_cpus": os.cpu_count(),
        },
        connections=sessions,
        concurrent_users=max(stage.users for stage in planned),
        data_bytes=server["data_bytes"],
        rerun_of=options.rerun_of,
        run_id=options.run_id,
        commit_sha=options.commit_sha,
        branch=options.branch,
    )
    executions.record_execution(store, execution)
    return execution


def _end(
    store: Store,
    scenario: Scenario,
    begun: Execution,
    found: Measured,
    before: Swept | None,
    after: Swept | None,
    queries: pl.DataFrame | None,
) -> Result:
    """Reduce, record and return."""
    seen = found.seen
    measured = [each for each in seen if each.stage.measured]
    together = pl.concat([each.transactions for each in measured])
    whole = reduce.totals(together, math.fsum(each.totals.seconds for each in measured))
    operations = latency.percentiles(together)
    notes = [found.where.note] if found.where.note else []
    machine: dict[str, float | None] = {}
    if before is not None and after is not None:
        machine = swept.machine(store, before, after)
        begun = replace(begun, hardware={**begun.hardware, **swept.hardware(store, before, after)})
        if machine["cpu_percent"] is None:
            notes.append("CPU, memory and disk are not known: the server is not on this machine")
    marks = [
        {"name": each.stage.name, "users": each.stage.users, "start": each.start} for each in seen
    ]
    series = reduce.series(pl.concat([each.transactions for each in seen]), marks)
    if before is not None and after is not None:
        series = pl.concat([series, swept.series(store, before, after)])
    execution = replace(
        begun,
        status="COMPLETED",
        completed_at=datetime.now(UTC),
        transactions=whole.transactions,
        failed=whole.failed,
        skipped=whole.skipped,
        error_classes=latency.failures(together),
        mean_ms=whole.mean_ms,
        p50_ms=whole.p50_ms,
        p95_ms=whole.p95_ms,
        p99_ms=whole.p99_ms,
        max_ms=whole.max_ms,
        throughput_tps=whole.throughput_tps,
        **machine,  # type: ignore[arg-type]  # three floats
    )
    broken = reduce.broken(scenario.limits, whole)
    notes += reduce.strained(scenario.limits, machine)
    told: dict[str, Any] = {"broken_limits": broken, "restored": found.where.restored}
    if found.where.note:
        told["not_restored"] = found.where.note
    if found.pool is not None:
        told["pool"] = vars(found.pool)
    if found.reference is not None:
        told["reference"] = found.reference.as_dict()
    execution = replace(execution, metadata={**begun.metadata, **told})
    executions.record_execution(
        store,
        execution,
        transactions=operations.rename({"script": "name"}),
        metrics=series,
        queries=queries,
    )
    return Result(
        execution, operations, [(each.stage, each.totals) for each in seen], broken, tuple(notes)
    )
