"""When an operation may begin: due, in its window, its dependencies well, not cut off. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from perf_pipeline.upkeep.model import Operation

#: After so many failures one after the other an operation no longer begins by itself; a success,
#: which somebody has to start, begins the count anew.
CUT_OFF: Final = 3
#: Within this time a dependency must have succeeded.
FRESH: Final = timedelta(hours=24)

Verdict = Literal["go", "active", "disabled", "cut off", "waiting", "outside", "done"]


@dataclass(frozen=True)
class Run:
    """One run of an operation's job.

    Attributes
    ----------
    outcome : str
        `success`, `failure`, `canceled`, `active`.
    began, ended : datetime or None
        Aware; None where it has not.
    run_id : str

    """

    outcome: Literal["success", "failure", "canceled", "active"]
    began: datetime | None
    ended: datetime | None
    run_id: str = ""


@dataclass(frozen=True)
class Decision:
    """Whether an operation may begin, and why not."""

    verdict: Verdict
    reason: str
    until: datetime | None = None

    @property
    def go(self) -> bool:
        """Whether it may."""
        return self.verdict == "go"


def failures(runs: Sequence[Run]) -> int:
    """Return how many runs failed since the last success.

    Runs that were canceled or go on say nothing.

    Parameters
    ----------
    runs : sequence of Run
        Newest first.

    """
    count = 0
    for run in runs:
        if run.outcome == "success":
            break
        count += run.outcome == "failure"
    return count


def decide(
    operation: Operation,
    runs: Mapping[str, Sequence[Run]],
    now: datetime,
    due: datetime | None = None,
) -> Decision:
    """Return whether an operation may begin now.

    Parameters
    ----------
    operation : Operation
    runs : Mapping of operation name to sequence of Run
        Newest first, of it and of what it depends on.
    now : datetime
        Aware, UTC.
    due : datetime, optional
        The last moment its schedule named: a run that began since has done it. None: it is due.

    Returns
    -------
    Decision
        `until`: when its window closes, where it has one.

    """
    own = runs.get(operation.name, ())
    if not operation.enabled:
        return Decision("disabled", "enabled is false in the policy")
    count = failures(own)
    if count >= CUT_OFF:
        return Decision(
            "cut off",
            f"it failed {count} times one after the other; start it by hand: "
            "its first success lets it begin by itself again",
        )
    if any(run.outcome == "active" for run in own):
        return Decision("active", "a run of it is waiting or at work")
    if due is not None and any(run.began is not None and run.began >= due for run in own):
        return Decision("done", f"it ran after {due:%Y-%m-%d %H:%M} UTC, when it was due")
    closes = [window.covers(now) for window in operation.windows]
    until = max((each for each in closes if each is not None), default=None)
    if operation.windows and until is None:
        return Decision("outside", "none of its windows is open")
    unwell = [name for name in operation.depends_on if not succeeded(runs.get(name, ()), now)]
    if unwell:
        return Decision("waiting", f"{', '.join(unwell)} did not succeed within the last day")
    return Decision("go", "", until)


def succeeded(runs: Sequence[Run], now: datetime) -> bool:
    """Return whether the last run that ended was a success of the last day."""
    for run in runs:
        if run.outcome in ("active", "canceled"):
            continue
        return run.outcome == "success" and run.ended is not None and now - run.ended <= FRESH
    return False


def in_order(operations: Sequence[Operation]) -> list[Operation]:
    """Return operations by priority, 1 first, each after those it depends on."""
    left = sorted(operations, key=lambda each: (each.priority, each.name))
    placed: list[Operation] = []
    names = {each.name for each in operations}
    while left:
        done = {each.name for each in placed}
        ready = next(each for each in left if set(each.depends_on) & names <= done)
        left.remove(ready)
        placed.append(ready)
    return placed


def status_rows(
    operations: Sequence[Operation],
    runs: Mapping[str, Sequence[Run]],
    now: datetime,
    crons: Mapping[str, Sequence[str]],
    next_ticks: Mapping[str, datetime | None],
    sensors: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Return a row per operation for `maintenance_status`.

    Parameters
    ----------
    operations : sequence of Operation
    runs : Mapping of operation name to sequence of Run
        Newest first.
    now : datetime
        Aware.
    crons, next_ticks : Mapping of operation name
        What its schedules say and when it is due next; nothing for what has a sensor.
    sensors : Mapping of operation name, optional
        Which sensors begin it.

    Returns
    -------
    list of dict
        `operation`, `state` (`ready` or why not; of another domain's job `watched`, `active` or
        `failing`), `failures`, `last_run`, `last_status`, `next_run`, `reason`, `last_minutes`,
        `does`, `cron`, `sensors`, `priority`, `max_minutes`, `depends_on`, `enabled`.

    """
    rows = []
    for operation in in_order(operations):
        own = runs.get(operation.name, ())
        last = own[0] if own else None
        decision = decide(operation, runs, now)
        minutes = (
            (last.ended - last.began).total_seconds() / 60.0
            if last is not None and last.began is not None and last.ended is not None
            else None
        )
        state: str = "ready" if decision.go else decision.verdict
        reason = decision.reason
        if operation.does is None:
            # its own schedule begins it, whatever is decided here
            failing = failures(own) >= CUT_OFF
            state = "failing" if failing else "active" if state == "active" else "watched"
            reason = f"it failed {failures(own)} times one after the other" if failing else ""
        stopped = state in ("cut off", "disabled")
        rows.append(
            {
                "operation": operation.name,
                # what a person looks for first: a table of the UI shows about five columns
                "state": state,
                "failures": failures(own),
                "last_run": last.began if last else None,
                "last_status": last.outcome if last else None,
                "next_run": None if stopped else next_ticks.get(operation.name),
                "reason": reason or None,
                "last_minutes": None if minutes is None else round(minutes, 2),
                "does": operation.does or f"job {operation.job}",
                "cron": ", ".join(crons.get(operation.name, ())) or None,
                "sensors": ", ".join((sensors or {}).get(operation.name, ())) or None,
                "priority": operation.priority,
                "max_minutes": operation.max_minutes,
                "depends_on": ", ".join(operation.depends_on) or None,
                "enabled": operation.enabled,
            }
        )
    return rows
