"""Judge the executions that have ended, and say what a gate may let through."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from perf_pipeline.baselines import kept, rolling
from perf_pipeline.baselines.judge_run import (
    Outcome,
    State,
    Verdict,
    compared,
    judge,
    settle,
)
from perf_pipeline.baselines.rolling import Line, Row
from perf_pipeline.store import Store, executions, run_events
from perf_pipeline.store.executions import UNJUDGED
from perf_pipeline.store.load_tests import is_superseded, superseded

#: No load test takes so long.
UNENDED_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True)
class Judged:
    """An execution and what is said of it."""

    row: Row
    verdict: Verdict

    @property
    def line(self) -> Line:
        """What it may be compared with."""
        return Line.of(self.row)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a table or for JSON."""
        return {
            "execution_id": str(self.row["execution_id"]),
            "test": f"{self.row['test_name']} {self.row['test_version']}",
            "target": self.row["target"],
            "environment": self.row["environment"],
            "started_at": self.row["started_at"],
            "state": self.verdict.state.value,
            "worst": self.verdict.worst.value,
            "p95_ms": self.row["p95_ms"],
            "throughput_tps": self.row["throughput_tps"],
            "reason": self.verdict.reason,
        }


def judge_pending(store: Store, now: datetime | None = None) -> list[Judged]:
    """Judge every execution that ended and has no verdict, and settle what was suspected.

    A re-run (`rerun_of`) settles either way; the run before or after it confirms, if it is worse in
    the same metrics as gravely, but does not acquit.

    In the order of their start, each with the baselines its predecessors left: a good one is part
    of the rolling baseline before the next is judged. Killed half-way, the rest is judged next
    time.

    Parameters
    ----------
    store : Store
    now : datetime, optional
        With time zone; default: now.

    Returns
    -------
    list of Judged
        Those whose verdict is new.

    """
    moment = now or datetime.now(UTC)
    pending = executions.read(store, states=[UNJUDGED, State.SUSPECTED.value], ended=True)
    found = []
    for row in pending:
        if row["state"] is not None and row["started_at"] < moment - rolling.WINDOW:
            continue  # nobody runs it again
        judged = judge_one(store, row["execution_id"], moment)
        if judged is not None:
            found.append(judged)
    return found


def judge_one(store: Store, execution_id: UUID, now: datetime | None = None) -> Judged | None:
    """Judge one execution that has ended, in one transaction; update the baselines it is good for.

    What it settles or confirms (the execution it is a re-run of, a suspected one right before it)
    is judged again with it.

    Returns
    -------
    Judged or None
        None when its verdict stands, or it is suspected and still has no re-run.

    Raises
    ------
    InputError
        The execution is not recorded.

    """
    moment = now or datetime.now(UTC)
    with store.begin() as connection:
        row = executions.get(connection, execution_id)
        kept.rows_in(connection, "baseline_lock", {"test_id": row["test_id"]})
        # the earlier one first, as if both had been pending: a verdict may rest on its neighbour's
        for other in _touched(connection, row):
            _judge(connection, other, moment)
        return _judge(connection, execution_id, moment)


def _touched(connection: psycopg.Connection, row: Row) -> list[UUID]:
    """Return the suspected executions that this one is a re-run of, or follows."""
    rows, _ = kept.history(connection, Line.of(row))
    near = rolling.neighbours(rows, row["execution_id"])
    return [
        each["execution_id"]
        for each in rows
        if each["state"] == State.SUSPECTED
        and (each["execution_id"] == row["rerun_of"] or each in near)
    ]


def _judge(connection: psycopg.Connection, execution_id: UUID, now: datetime) -> Judged | None:
    row = executions.get(connection, execution_id)  # as it is now that nobody else judges it
    if row["status"] == "RUNNING" or row["state"] not in (None, State.SUSPECTED):
        return None
    repeats = _repeats(connection, row)
    verdict, differing = _verdict(connection, row, repeats)
    # what was suspected is settled by another run, not by a baseline that has moved meanwhile
    settled = repeats or verdict.state is State.REGRESSED
    if verdict.state == row["state"] or (row["state"] is not None and not settled):
        return None
    kept.rows_in(connection, "execution_judge", _params(row, verdict, differing))
    run_events.add_in(
        connection,
        execution_id,
        run_events.JUDGED,
        state=verdict.state.value,
        worst=verdict.worst.value,
        reason=verdict.reason,
    )
    if verdict.state in (State.OK, State.NO_BASELINE):
        kept.update_in(connection, Line.of(row), now)
    return Judged(row, verdict)


def _verdict(
    connection: psycopg.Connection, row: Row, repeats: Sequence[Row]
) -> tuple[Verdict, dict[str, Any]]:
    """Return the verdict on an execution, and in what it differs from what it is compared with."""
    line = Line.of(row)
    baselines = kept.active(connection, line)
    rows, declared = kept.history(connection, line)
    first = min((row, *repeats), key=lambda each: each["started_at"])
    earlier = [each for each in rows if each["started_at"] < first["started_at"]]
    past = [rolling.run_of(each) for each in rolling.good(earlier, declared)]

    def judged(each: Row) -> Verdict:
        number = each["execution_id"]
        done = kept.work(connection, [number]).get(number)
        return judge(rolling.run_of(each, done), baselines, past)

    verdict = judged(row)
    for each in repeats:
        verdict = settle(verdict, judged(each))
    for each in rolling.neighbours(rows, row["execution_id"]):
        agreed = settle(verdict, judged(each))
        # a run of its own may confirm, but neither acquit nor make less of it: it was no re-run
        if agreed.state is State.REGRESSED and agreed.worst is verdict.worst:
            verdict = agreed
    sources = {base.source for base in compared(baselines)}
    known = [each for each in rows if each["execution_id"] in sources]
    return verdict, rolling.differences(known[-1], row) if known else {}


def _repeats(connection: psycopg.Connection, row: Row) -> list[Row]:
    """Return the re-runs of an execution, or the execution this one is a re-run of."""
    if row["rerun_of"] is not None:
        found = executions.read_in(connection, execution_id=row["rerun_of"], ended=True)
    else:
        found = executions.read_in(connection, rerun_of=row["execution_id"], ended=True)
    return [each for each in found if Line.of(each) == Line.of(row)]


def _params(row: Row, verdict: Verdict, differing: Mapping[str, object]) -> dict[str, object]:
    of_p95 = [
        each for each in verdict.comparisons if each.metric == "p95_ms" and each.change is not None
    ]
    telling = max(of_p95, key=lambda each: each.change or 0.0, default=None)
    graded = verdict.worst in (Outcome.OK, Outcome.WARNING, Outcome.CRITICAL)
    return {
        "execution_id": row["execution_id"],
        "state": verdict.state.value,
        "worst": verdict.worst.value if graded else None,
        "change_percent": telling.change if telling else None,
        "baseline_id": telling.baseline_id if telling else None,
        "comparison": Jsonb(
            {
                "reason": verdict.reason,
                "missing": list(verdict.missing),
                "differs": differing,
                "rows": [asdict(each) for each in verdict.comparisons],
            }
        ),
    }


@dataclass(frozen=True)
class Gate:
    """What a gate says of the newest execution of one line."""

    row: Row
    outcome: str
    passed: bool
    blocks: bool
    reason: str

    @property
    def line(self) -> Line:
        """Which test, where."""
        return Line.of(self.row)


def gate(row: Row, rerun: Row | None = None) -> Gate:
    """Say whether an execution may pass; pure.

    Parameters
    ----------
    row : Mapping
        As `executions.read` returns it.
    rerun : Mapping, optional
        The same, run once more: a limit of the test itself is broken when it is in both.

    Returns
    -------
    Gate
        `outcome` is its state, or UNJUDGED. Nothing critical and everything known passes; a
        warning is told and lets pass; no baseline is no pass, but blocks nothing. A critical
        change, a lack of data and a critical suspicion that no re-run has settled block, and so
        does a broken limit of the test itself, whatever the baselines say.

    """
    state = row["state"] or UNJUDGED
    told = row["comparison"] or {}
    reason = told.get("reason") or "not judged yet"
    if told.get("differs"):
        reason = f"{reason}; not the same as before: {', '.join(sorted(told['differs']))}"
    lost = bool(told.get("missing"))
    broken = row["metadata"].get("broken_limits") or []
    if rerun is not None and broken:
        again = {_limit(text) for text in rerun["metadata"].get("broken_limits") or []}
        unsure = [text for text in broken if _limit(text) not in again]
        broken = [text for text in broken if _limit(text) in again]
        if unsure:
            reason = f"{reason}; kept when run again: {', '.join(unsure)}"
    if broken:
        reason = f"{reason}; limits of the test itself: {', '.join(broken)}"
        return Gate(row, state, False, True, reason)
    if state == State.OK:
        return Gate(row, state, True, False, reason)
    if state == State.NO_BASELINE:
        return Gate(row, state, False, False, reason)
    warned = row["worst"] == Outcome.WARNING and not lost
    if state == State.SUSPECTED:
        reason = f"{reason}; a re-run will tell (record it with rerun_of)"
    return Gate(row, state, False, not warned, reason)


def _limit(text: str) -> str:
    """Return which limit a sentence of `broken_limits` is about."""
    return text.partition(" is ")[0].rstrip("0123456789.e+- ms%tp")


def newest(store: Store, now: datetime | None = None) -> list[Gate]:
    """Return the gate's word on the newest ended execution of each active line of 30 days.

    Of a test that has run in a newer version in the same place, the older one says nothing more.
    """
    moment = now or datetime.now(UTC)
    found: list[Row] = []
    for each in store.rows("execution_lines"):
        found += executions.read(
            store, **Line.of(each).as_dict(), ended=True, newest=1, since=moment - rolling.WINDOW
        )
    old = superseded(found)
    return [gate(row) for row in found if not is_superseded(row, old)]


def unended(store: Store, now: datetime | None = None) -> list[Row]:
    """Return the executions that began over a day ago and never ended: their process has died."""
    moment = now or datetime.now(UTC)
    rows = executions.read(store, states=[UNJUDGED], before=moment - UNENDED_AFTER)
    return [row for row in rows if row["status"] == "RUNNING"]


#: How a gate's word is counted, worst first.
GATE_OUTCOMES: Final = (
    State.REGRESSED.value,
    State.SUSPECTED.value,
    State.NO_DATA.value,
    UNJUDGED,
    State.NO_BASELINE.value,
    State.OK.value,
)


def counted(gates: Sequence[Gate]) -> Mapping[str, int]:
    """Return how many lines have each outcome."""
    return {name: sum(each.outcome == name for each in gates) for name in GATE_OUTCOMES}
