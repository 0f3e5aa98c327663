"""Sweep all targets at once: each under its own time budget, each failing alone."""

import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar
from urllib.parse import quote

import psycopg

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target

T = TypeVar("T")

#: A password this long is no part of a usual word.
_MANY_CHARACTERS: Final = 6

#: A reachable target's assets show a sign of life this often, an unreachable one's a reminder.
ANNOUNCE_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of one target's sweep: a record, or the reason why not."""

    target: Target
    record: T | None
    reason: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the target was swept."""
        return self.record is not None


def sweep_all(
    targets: Sequence[Target],
    collect: Callable[[Target], T],
    *,
    threads: int,
    budget_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome[T]]:
    """Run `collect` over all targets, some at a time, and return one outcome each, in their order.

    A target that exceeds its budget is given up and its place handed to the next one. Its thread
    cannot be stopped from outside; it is a daemon thread, so that it does not hold up the end of
    the process, and what it still returns is dropped.

    Parameters
    ----------
    targets : Sequence of Target
    collect : callable
        One target's sweep; may raise anything.
    threads : int
        Targets at the same time, at least 1.
    budget_s : float
        Seconds a target may take from when its sweep starts.
    clock : callable
        Monotonic seconds.

    """
    waiting = deque(enumerate(targets))
    running: dict[int, float] = {}
    outcomes: dict[int, Outcome[T]] = {}
    finished: queue.SimpleQueue[tuple[int, Outcome[T]]] = queue.SimpleQueue()

    def work(number: int, target: Target, started: float) -> None:
        finished.put((number, _attempt(target, collect, started, clock)))

    while waiting or running:
        while waiting and len(running) < threads:
            number, target = waiting.popleft()
            running[number] = started = clock()
            threading.Thread(
                target=work,
                args=(number, target, started),
                name=f"sweep-{target.name}",
                daemon=True,
            ).start()
        deadline = min(running.values()) + budget_s
        try:
            number, outcome = finished.get(timeout=max(0.0, deadline - clock()))
        except queue.Empty:
            for number in [n for n, started in running.items() if clock() >= started + budget_s]:
                del running[number]
                outcomes[number] = Outcome(
                    targets[number], None, f"no result within {budget_s:g} s; given up", budget_s
                )
            continue
        if running.pop(number, None) is not None:
            outcomes[number] = outcome
    return [outcomes[number] for number in range(len(targets))]


def _attempt(
    target: Target, collect: Callable[[Target], T], started: float, clock: Callable[[], float]
) -> Outcome[T]:
    try:
        return Outcome(target, collect(target), "", clock() - started)
    except PerfPipelineError as error:
        reason = str(error)
    except Exception as error:  # whatever it is, the other targets must go on
        reason = f"{type(error).__name__}: {error}"
    return Outcome(target, None, without_password(reason, target), clock() - started)


def without_password(text: str, target: Target) -> str:
    """Return the text with the target's password, should it occur in it, replaced by `***`."""
    try:
        url = target.url()
    except PerfPipelineError:
        return text
    try:
        password = str(psycopg.conninfo.conninfo_to_dict(url).get("password") or "")
    except psycopg.ProgrammingError:
        return text.replace(url, "***")
    for spelling in (password, quote(password), quote(password, safe="")):
        if len(spelling) >= _MANY_CHARACTERS:
            text = text.replace(spelling, "***")
        elif spelling:  # "p" is in every message: only where it stands alone
            text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", "***", text)
    return text


@dataclass(frozen=True)
class Announced:
    """When a target's assets last showed that it was reached, and that it was not."""

    reached: datetime | None = None
    unreached: datetime | None = None

    @property
    def was_reachable(self) -> bool | None:
        """What was announced last; None before the first time."""
        if self.reached is None and self.unreached is None:
            return None
        return self.unreached is None or (
            self.reached is not None and self.reached >= self.unreached
        )


def to_announce(
    outcomes: Iterable[Outcome[T]], announced: Mapping[str, Announced], now: datetime
) -> list[Outcome[T]]:
    """Return the outcomes worth an event on the target's own assets.

    An event per target and sweep would be most of what Dagster stores (50 targets: 60 MB a day);
    a change of state is shown at once, an unchanged one every hour.

    Parameters
    ----------
    outcomes : Iterable of Outcome
    announced : Mapping of target name to Announced
    now : datetime
        Aware.

    """
    due = []
    for outcome in outcomes:
        last = announced.get(outcome.target.name, Announced())
        newest = last.reached if outcome.ok else last.unreached
        changed = last.was_reachable is not outcome.ok
        if changed or newest is None or now - newest >= ANNOUNCE_EVERY:
            due.append(outcome)
    return due
