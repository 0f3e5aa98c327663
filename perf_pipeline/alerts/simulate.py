"""Run policies over recorded history: what would have been told, before they go live."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.alerts.evaluate import evaluate
from perf_pipeline.alerts.measure import measure
from perf_pipeline.alerts.model import Policy
from perf_pipeline.alerts.state import Incident, Key, Measured, Message, State
from perf_pipeline.store import Store, targets

#: Sweeps come every five minutes; the sensor's other looks find the same.
STEP: Final = timedelta(minutes=5)
#: What is measured over a day hardly changes within an hour, and costs a day's rows each time.
SLOW_STEP: Final = timedelta(hours=1)
_LONG: Final = 12 * 60.0
#: Stands for a policy in the row of messages that are of many incidents.
MANY: Final = "(many at once)"


@dataclass(frozen=True)
class Simulated:
    """What one policy would have done.

    `no_data_percent` and `breach_percent` are shares of the looks; messages of an incident that
    several policies share are counted with its worst breach.
    """

    policy: str
    looks: int
    no_data_percent: float
    breach_percent: float
    incidents: int
    messages: int
    messages_per_day: float


@dataclass(frozen=True)
class Simulation:
    """What all policies of a target would have told."""

    target: str
    start: datetime
    finish: datetime
    rows: Sequence[Simulated]
    messages: Sequence[Message]

    @property
    def days(self) -> float:
        """How long it was."""
        return (self.finish - self.start) / timedelta(days=1)


def simulate(
    store: Store,
    target: str,
    policies: Sequence[Policy],
    start: datetime,
    finish: datetime,
    *,
    most_messages: int = 5,
) -> Simulation:
    """Evaluate policies over what the store has of a span; writes nothing.

    Parameters
    ----------
    store : Store
    target : str
    policies : sequence of Policy
        Also such as are not live.
    start, finish : datetime
        Aware. Days that have left the store for the archive have no data.
    most_messages : int
        As of the target's block.

    Raises
    ------
    UnreachableError
        The store cannot be read.

    """
    states: dict[Key, State] = {}
    known: dict[str, Incident] = {}
    messages: list[Message] = []
    opened: Counter[str] = Counter()
    told: Counter[str] = Counter()
    breaches: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    looks = 0
    for now, measured in _measured(store, target, policies, start, finish):
        looks += 1
        made = evaluate(
            target, policies, measured, states, list(known.values()), now,
            most_messages=most_messages,
        )  # fmt: skip
        states = dict(made.states)
        known |= {each.incident_id: each for each in made.incidents}
        known = {i: each for i, each in known.items() if not _forgotten(each, now)}
        firsts = {each.incident_id: each.members[0].policy for each in made.incidents}
        opened.update(firsts[each] for each in made.opened)
        messages += made.messages
        told.update(firsts.get(m.incident_id or "", MANY) for m in made.messages)
        breaches.update({name for (name, _), state in states.items() if state.alarm})
        unknown.update({name for (name, _), state in states.items() if state.level == "no_data"})
    days = (finish - start) / timedelta(days=1)
    names = [policy.name for policy in policies] + ([MANY] if told[MANY] else [])
    rows = [
        Simulated(
            name,
            looks,
            100.0 * unknown[name] / max(1, looks),
            100.0 * breaches[name] / max(1, looks),
            opened[name],
            told[name],
            told[name] / days if days else 0.0,
        )
        for name in names
    ]
    return Simulation(target, start, finish, rows, messages)


def _forgotten(incident: Incident, now: datetime) -> bool:
    done = incident.over and incident.told.level in (None, "ok")
    return done and now - incident.changed_at > timedelta(days=1)


def _measured(
    store: Store, target: str, policies: Sequence[Policy], start: datetime, finish: datetime
) -> Iterator[tuple[datetime, Sequence[Measured]]]:
    """Return what is measured at each step, read a day at a time."""
    target_id = targets.find(store, target)
    long = [policy for policy in policies if policy.window_minutes >= _LONG]
    short = [policy for policy in policies if policy.window_minutes < _LONG]
    held: Sequence[Measured] = ()
    day = start
    while day < finish:
        end = min(day + timedelta(days=1), finish)
        steps = _steps(day, end, STEP)
        slow = _steps(day, end, SLOW_STEP)
        hours = set(slow)
        with store.begin() as connection:
            often: Mapping[datetime, Sequence[Measured]] = measure(
                connection, target, target_id, short, steps
            )
            seldom = measure(connection, target, target_id, long, slow)
        for now in steps:
            if now in hours:
                held = seldom.get(now, ())
            yield now, [*often.get(now, ()), *held]
        day = end


def _steps(start: datetime, finish: datetime, step: timedelta) -> list[datetime]:
    """Return the instants after `start`, `finish` as the last: what is newest is looked at."""
    count = -(-(finish - start) // step)
    return [finish - place * step for place in reversed(range(count))]
