"""One evaluation of one target: measure, decide, and keep it, in one transaction of the store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from perf_pipeline.alerts import book, responses
from perf_pipeline.alerts.evaluate import evaluate
from perf_pipeline.alerts.measure import measure
from perf_pipeline.alerts.model import Policy, alerts_of
from perf_pipeline.alerts.state import Evaluation
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets


@dataclass(frozen=True)
class Look:
    """What one look at a target gave; `evaluation` is None while somebody else evaluates it."""

    target: Target
    evaluation: Evaluation | None
    messages: int
    milliseconds: float


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
        book.save_policies(connection, target.name, declared.resolved(), channels)
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
    """Evaluate all targets that want it, one after the other: milliseconds each."""
    return [look(store, each, now) for each in declared if alerts_of(each.alerts).enabled]
