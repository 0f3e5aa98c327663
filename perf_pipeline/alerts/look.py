"""One evaluation of one target: measure, decide, and keep it, in one transaction of the store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.alerts import book, responses
from perf_pipeline.alerts.evaluate import evaluate
from perf_pipeline.alerts.measure import measure
from perf_pipeline.alerts.model import Policy, alerts_of, with_alerts
from perf_pipeline.alerts.state import Evaluation, State
from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets


@dataclass(frozen=True)
class Look:
    """What one look at a target gave.

    `evaluation` is None while somebody else evaluates it, and where it failed: `error` says why.
    """

    target: Target
    evaluation: Evaluation | None
    messages: int
    milliseconds: float
    error: str = ""


#: An incident of a target that is declared nowhere ends when nobody evaluated it for so long.
PATIENCE: Final = timedelta(days=1)


def look(store: Store, target: Target, now: datetime) -> Look:
    """Evaluate a target's policies and keep what came of it.

    Reads the store only; the target is not asked. Bounded: one statement per policy.

    Parameters
    ----------
    store : Store
        At revision 0005 or later.
    target : Target
    now : datetime
        Aware.

    """
    started = time.perf_counter()
    declared = alerts_of(target.alerts)
    policies, channels = declared.active(), declared.routes()
    target_id = targets.find(store, target.name)
    with store.begin() as connection:
        if not book.take(connection, target.name):
            return Look(target, None, 0, 1000 * (time.perf_counter() - started))
        before = book.states(connection, target.name)
        known = book.incidents(connection, target.name, now)
        measured = measure(connection, target.name, target_id, policies, [now]).get(now, ())
        made = evaluate(
            target.name,
            policies,
            measured,
            before,
            known,
            now,
            owner=target.owners[0] if target.owners else "",
            most_messages=declared.most_messages,
        )
        told = book.save(connection, made, before, known, channels)
        _answer(connection, target.name, policies, made, now)
        shown = declared.resolved() if declared.enabled else ()
        book.save_policies(connection, target.name, shown, channels)
        milliseconds = 1000 * (time.perf_counter() - started)
        book.note_evaluated(connection, made, len(policies), milliseconds)
    return Look(target, made, told, milliseconds)


def _answer(
    connection: book.Connection,
    target: str,
    policies: Sequence[Policy],
    made: Evaluation,
    now: datetime,
) -> None:
    """Ask for answers, and say of those that ended whether they helped."""
    by_name = {policy.name: policy for policy in policies}
    recent = book.responses(connection, target, now - timedelta(days=1))
    asked = responses.ask(by_name, made, recent, now)
    book.ask(connection, target, asked)
    for row in recent:
        if row["state"] != "done":
            continue
        found = responses.verdict(
            row, by_name.get(row["policy"]), made.states.get((row["policy"], "")), now
        )
        if found is not None:
            book.move_response(connection, row, found[0], now, value_after=found[1])


def look_all(store: Store, declared: Sequence[Target], now: datetime) -> list[Look]:
    """Evaluate all targets that want it, one after the other: milliseconds each.

    One that fails does not keep the others from being looked at. Where alerts were switched off
    while an incident was open, it ends, told as no longer watched.

    Raises
    ------
    UnreachableError
        The store cannot be read.

    """
    on = {each.name for each in with_alerts(declared)}
    off = [each.name for each in declared if each.name not in on]
    left: set[str] = set()
    if off:
        with store.begin() as connection:
            rows = book.run(connection, "book/with_open", {"names": off})
            left = {row["target"] for row in rows}
    looks = []
    for each in declared:
        if each.name not in on | left:
            continue
        started = time.perf_counter()
        try:
            looks.append(look(store, each, now))
        except UnreachableError:
            raise
        except Exception as error:  # a row that nobody can read any more silences its target only
            said = str(error).strip().splitlines() or [""]
            text = f"{type(error).__name__}: {said[0]}"[:300]
            spent = 1000 * (time.perf_counter() - started)
            looks.append(Look(each, None, 0, spent, text))
    return looks


def end_undeclared(store: Store, declared: Sequence[Target], now: datetime) -> list[str]:
    """End the incidents of targets that are no longer declared; return their names.

    A store may be shared by several sets of targets: what others evaluate is theirs. So it is what
    nobody evaluated for `PATIENCE` while ours were. Channels are gone with their target: that its
    incidents ended as no longer watched is in their titles and in the outbox, for nobody else.

    Parameters
    ----------
    store : Store
    declared : sequence of Target
        All that are evaluated here.
    now : datetime

    """
    names = [each.name for each in declared]
    with store.begin() as connection:
        rows = book.run(connection, "book/unwatched", {"names": names, "patience": PATIENCE})
    ended = []
    for row in rows:
        with store.begin() as connection:
            if not book.take(connection, row["target"]):
                continue
            kept = book.run(connection, "book/states", {"target": row["target"]})
            before = {(each["policy"], each["subject"]): State() for each in kept}  # all go
            known = book.incidents(connection, row["target"], now)
            made = evaluate(row["target"], (), (), before, known, now)
            book.save(connection, made, before, known, ())
            book.save_policies(connection, row["target"], (), ())
            ended.append(row["target"])
    return ended
