"""A clock that was set back: what lies ahead of it counts as of now; pure.

An instant ahead of the clock was noted before the clock was set back, and how long ago that was
nobody can tell. Compared with the clock it would be younger than everything until the clock has
come so far again: hours in which nothing is told. Taken as of now it bounds the silence by the
policy's own limits, and nothing is told again at once.
"""

from dataclasses import replace
from datetime import datetime

from perf_pipeline.alerts.state import Incident, State


def state_as_of(state: State, now: datetime) -> State:
    """Return a state without instants ahead of the clock; itself where it has none."""
    if not any(at is not None and at > now for at in _instants(state)):
        return state
    return replace(
        state,
        since=_until(state.since, now),
        as_of=_until(state.as_of, now),
        towards_since=_until(state.towards_since, now),
        changes=tuple(min(at, now) for at in state.changes),
    )


def incident_as_of(incident: Incident, now: datetime) -> Incident:
    """Return an incident without instants ahead of the clock; itself where it has none.

    It never began after it ended.
    """
    told, ended = incident.told, _until(incident.resolved_at, now)
    opened = min(incident.opened_at, now, *([ended] if ended is not None else []))
    changed = min(incident.changed_at, now)
    same = (opened, changed, ended) == (
        incident.opened_at,
        incident.changed_at,
        incident.resolved_at,
    )
    if same and (told.at is None or told.at <= now):
        return incident
    return replace(
        incident,
        opened_at=opened,
        changed_at=changed,
        resolved_at=ended,
        told=replace(told, at=_until(told.at, now)),
    )


def _instants(state: State) -> tuple[datetime | None, ...]:
    return (state.since, state.as_of, state.towards_since, *state.changes)


def _until(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else min(at, now)
