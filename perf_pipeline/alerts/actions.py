"""Carry out answers: look first, tell what would be done, do it where that is allowed, verify."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.alerts import book
from perf_pipeline.alerts.model import alerts_of
from perf_pipeline.alerts.responses import ACTIONS, JOBS, asked_by, withdrawn
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog

#: Of our session on the target: statement and lock, ms, and connecting, s.
LIMITS: Final = pg.Limits(5_000, 500, 5)
#: A statement that runs less long is nobody's trouble.
CANCEL_AFTER_S: Final = 300.0
#: What is done here takes seconds; who has been at it for longer died.
LONGEST: Final = timedelta(minutes=10)
#: A cancelled statement ends within this, or has not heard.
_HEARD_S: Final = 5.0

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a look before an action found: what it would do, or why it must not."""

    would: str
    refused: bool = False
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Dry:
    """What a job would do now: how many steps, and the first of them in words."""

    steps: int
    told: str


#: Plans what a job would do, by the functions that its run plans with; changes nothing.
DryRun = Callable[[Store], Dry]


def act(
    store: Store,
    targets: Sequence[Target],
    jobs: Mapping[str, Mapping[str, str]],
    clock: Callable[[], datetime],
    dry_runs: Mapping[str, Mapping[str, DryRun]] | None = None,
) -> list[Row]:
    """Look at every answer that is asked for, and carry out those that may be.

    In shadow mode nothing but the look is done, and its record says what would have been: of a job
    the steps that its run would plan now. A job that would do nothing is refused. What a job does
    is approved here and started by the sensor; the rest is done here.

    Parameters
    ----------
    store : Store
    targets : sequence of Target
    jobs : Mapping of target to Mapping of action to job
    clock : callable
    dry_runs : Mapping of target to Mapping of action to DryRun, optional
        Of actions that are jobs.

    Returns
    -------
    list of Mapping
        `target`, `action`, `mode`, `state`, `told` of each.

    """
    by_name = {target.name: target for target in targets}
    end_interrupted(store, targets, clock())
    with store.begin() as connection:
        asked = book.waiting_responses(connection, list(by_name), "asked")
    done: list[Row] = []
    for row in asked:
        target, action = by_name[row["target"]], row["action"]
        policies = {each.name: each for each in alerts_of(target.alerts).active()}
        mode = asked_by(policies.get(row["policy"]), row)
        try:
            seen = unwanted(row, mode, clock()) or look(target, action, jobs.get(target.name, {}))
            dry = (dry_runs or {}).get(target.name, {}).get(action)
            if dry is not None and action in JOBS and not seen.refused:
                seen = planned(seen, dry(store))
        except (PerfPipelineError, psycopg.Error) as error:
            seen = Seen(_line(error), refused=True)
        if seen.refused:
            state, told = "refused", seen.would
        elif row["mode"] != "live" or mode != "live":
            state, told = "would_act", f"would {seen.would}"
        elif action in JOBS:
            state, told = "approved", seen.would
        else:
            if not move(store, row, "acting", clock(), told=seen.would):
                continue  # somebody else is at it
            state, told = _do(store, target, action, seen)
            row = {**row, "state": "acting"}
        move(store, row, state, clock(), told=told, ended=state not in ("approved", "asked"))
        done.append({"target": target.name, "action": action, "mode": row["mode"]}
                    | {"state": state, "told": told})  # fmt: skip
    return done


def unwanted(row: Row, mode: str | None, now: datetime) -> Seen | None:
    """Return why an answer is not even looked at any more, None where it is. Pure."""
    if row["action"] not in ACTIONS:
        return None  # said by `look`
    why = withdrawn(row, now) or ("" if mode else "its policy no longer asks for it")
    return Seen(why, refused=True) if why else None


def end_interrupted(store: Store, targets: Sequence[Target], now: datetime) -> int:
    """Note that answers failed whose process died while it carried them out; return how many.

    Of what a job does Dagster tells how it ended.
    """
    with store.begin() as connection:
        rows = book.waiting_responses(connection, [each.name for each in targets], "acting")
    left = [row for row in rows if row["action"] not in JOBS and row["run_id"] is None]
    dead = [row for row in left if abs(now - (row["looked_at"] or row["asked_at"])) > LONGEST]
    told = "its process died; it is not known whether it was done"
    return sum(move(store, row, "failed", now, told=told, ended=True) for row in dead)


def planned(seen: Seen, dry: Dry) -> Seen:
    """Return what was seen of a job with what its run would do now; refused: nothing. Pure."""
    if not dry.steps:
        return Seen(f"{seen.would}: nothing to do now {dry.told}".strip(), refused=True)
    return Seen(f"{seen.would}, now: {dry.told}"[:1000])


def move(
    store: Store, row: Row, state: str, at: datetime, *, told: str, ended: bool = False
) -> bool:
    """Note how far an answer is; False where somebody else moved it meanwhile."""
    with store.begin() as connection:
        return book.move_response(connection, row, state, at, told=told, ended=ended)


def look(target: Target, action: str, jobs: Mapping[str, str]) -> Seen:
    """Return what an action would do on a target; changes nothing.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be asked.

    """
    if action not in ACTIONS:
        return Seen(f"{action!r} is no action we know", refused=True)
    if action in JOBS:
        job = jobs.get(action)
        if job is None:
            return Seen(f"no job of {target.name} can {_of(action)}", refused=True)
        return Seen(f"start job {job}: {_of(action)}")
    with pg.connect(target.url(), limits=LIMITS, read_only=True, autocommit=True) as connection:
        if action == "pool_health":
            return _pool(_one(connection, "pool", {}) or {})
        found = _one(connection, "cancel_candidate", {"seconds": CANCEL_AFTER_S})
    if found is None:
        return Seen(f"no client runs a statement for {CANCEL_AFTER_S:g} s", refused=True)
    return Seen(
        f"cancel statement {found['query_id']} of {found['role']} "
        f"({found['application_name'] or 'no name'}, pid {found['pid']}), "
        f"running for {found['seconds']:.0f} s",
        detail=found,
    )


def _do(store: Store, target: Target, action: str, seen: Seen) -> tuple[str, str]:
    """Carry out what no job does, and note it in the maintenance log."""
    try:
        with (
            MaintenanceLog(store, target.name) as log,
            log.operation(f"alert.{action}", target.name, detail={"told": seen.would}) as entry,
        ):
            if action == "pool_health":
                return "done", seen.would
            told = _cancel(target, seen.detail or {})
            if told:
                entry.outcome, entry.error = "failed", told
                return "failed", told
            return "done", f"did {seen.would}"
    except (PerfPipelineError, psycopg.Error) as error:
        return "failed", _line(error)


def _cancel(target: Target, found: Mapping[str, Any]) -> str:
    """Cancel what was looked at and wait until it has ended; return what went wrong."""
    which = {"pid": found.get("pid"), "query_start": found.get("query_start")}
    url = target.maintenance_url()
    with pg.connect(url, limits=LIMITS, autocommit=True) as connection:
        answer = _one(connection, "cancel", which)
        if answer is None:
            return ""  # it ended by itself
        if not answer["signalled"]:
            return "the server did not signal it"
        until = time.monotonic() + _HEARD_S
        while time.monotonic() < until:
            still = _one(connection, "still_running", which)
            if still is not None and not still["running"]:
                return ""
            time.sleep(0.05)
    return f"it was cancelled and still runs after {_HEARD_S:g} s"


def _pool(row: Mapping[str, Any]) -> Seen:
    sessions = int(row.get("sessions") or 0)
    oldest, idle = row.get("oldest_transaction_s"), row.get("longest_idle_s")
    told = (
        f"note {sessions} sessions of {row.get('max_connections')}: {row.get('active')} active, "
        f"{row.get('idle')} idle, {row.get('idle_in_transaction')} idle in transaction, "
        f"{row.get('waiting_for_locks')} waiting for locks"
    )
    told += "" if oldest is None else f"; oldest transaction {oldest:.0f} s"
    told += "" if idle is None else f"; longest idle in transaction {idle:.0f} s"
    return Seen(told)


def _one(
    connection: psycopg.Connection[Any], name: str, values: Mapping[str, object]
) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        # parameters are always given: the files write %% for a percent sign
        cursor.execute(sqlfiles.load(f"alerts/actions/{name}").text, dict(values))
        return cursor.fetchone()


def _of(action: str) -> str:
    return next(said for name, said in ACTIONS.items() if name == action)


def _line(error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:300]
