"""Breaches that have one cause are one incident, from opened to resolved; pure."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.alerts.model import RANK, Alarm, Policy
from perf_pipeline.alerts.state import Incident, Key, Member, State, Told

#: Members kept with an incident; how many more there are is told.
MOST_MEMBERS: Final = 50
#: What leads the title of an incident that ended although nobody knows that it is well.
UNMEASURED: Final = "no longer measured: "
UNWATCHED: Final = "no longer watched: "
MOVED: Final = "now in another incident: "


@dataclass(frozen=True)
class Grouped:
    """Incidents that are open or changed now, and what became of them."""

    incidents: Sequence[Incident]
    opened: frozenset[str]
    resolved: frozenset[str]
    worse: frozenset[str]


def group(
    target: str,
    policies: Mapping[str, Policy],
    states: Mapping[Key, State],
    known: Sequence[Incident],
    now: datetime,
    owner: str = "",
    gone: frozenset[Key] = frozenset(),
) -> Grouped:
    """Return the incidents that the states make, of those known and new ones.

    Parameters
    ----------
    target : str
    policies : Mapping of name to Policy
    states : Mapping of (policy, subject) to State
    known : sequence of Incident
        Those not over, and those of the last day: a new one of the same cause takes over what was
        told of it, so that the rate limit holds across incidents; one that ended and was not yet
        told as ended begins again.
    now : datetime
    owner : str
        Where no policy names one.
    gone : frozenset of (policy, subject)
        Of these nobody could tell for too long (`unmeasured`).

    """
    causes: dict[str, list[Key]] = defaultdict(list)
    for key, state in states.items():
        if state.alarm is not None:
            causes[state.cause or policies[key[0]].group].append(key)
    latest: dict[str, Incident] = {}
    # one that is not over is the latest, whatever a clock that was set back says
    for incident in sorted(known, key=lambda i: (not i.over, i.opened_at, i.incident_id)):
        latest[incident.cause] = incident
    made: list[Incident] = []
    opened, resolved, worse = set(), set(), set()
    for cause, keys in sorted(causes.items()):
        members = sorted(
            (_member(policies[k[0]], k, states[k]) for k in keys), key=lambda m: m.rank
        )
        flapping = any(states[key].flapping for key in keys)
        before = latest.get(cause)
        if before is None or (before.over and before.told.level in (None, "ok")):
            incident = _new(target, cause, members, policies, before, now, owner, flapping)
            opened.add(incident.incident_id)
        else:
            incident = _changed(before, members, flapping, now)
            if before.over:
                opened.add(incident.incident_id)
            elif RANK[incident.level] > RANK[before.level]:
                worse.add(incident.incident_id)
        made.append(incident)
    for cause, before in latest.items():
        if cause in causes:
            continue
        if not before.over:
            resolved.add(before.incident_id)
            made.append(
                replace(
                    before,
                    status="resolved",
                    title=ending_of(before, policies, states, gone) + before.title,
                    resolved_at=now,
                    changed_at=now,
                    flapping=False,
                )
            )
        elif before.told.level not in (None, "ok"):
            made.append(before)  # that it is over is still to be told
    return Grouped(made, frozenset(opened), frozenset(resolved), frozenset(worse))


def ending_of(
    incident: Incident,
    policies: Mapping[str, Policy],
    states: Mapping[Key, State],
    gone: frozenset[Key] = frozenset(),
) -> str:
    """Return why an incident ended, '' where all that it was made of is well."""
    keys = [(member.policy, member.subject) for member in incident.members]
    if any(key in gone for key in keys):
        return UNMEASURED
    if any(key[0] not in policies for key in keys):
        return UNWATCHED
    # what is still wrong has another cause since: a policy was edited, a finding explained anew
    return MOVED if any(key in states and states[key].alarm for key in keys) else ""


def is_unknown(incident: Incident) -> bool:
    """Whether an incident ended although nobody knows that it is well."""
    return incident.over and incident.title.startswith((UNMEASURED, UNWATCHED))


def is_well(incident: Incident) -> bool:
    """Whether an incident ended because what it was made of is well."""
    return incident.over and not incident.title.startswith((UNMEASURED, UNWATCHED, MOVED))


def _member(policy: Policy, key: Key, state: State) -> Member:
    level: Alarm = state.alarm or "warning"
    return Member(
        policy.name,
        key[1],
        level,
        state.value,
        policy.critical if level == "critical" else policy.warning,
        policy.unit,
        _told(state),
        state.as_of.isoformat() if state.as_of else None,
    )


def _told(state: State) -> str:
    """Return what a breach says of itself, and whether it still says so."""
    told = [state.told] if state.told else []
    if state.level == "no_data" and state.since is not None:
        told.append(f"no data since {state.since:%Y-%m-%d %H:%M} UTC")
    elif state.towards_since is not None and RANK[state.towards or "ok"] < RANK[state.level]:
        told.append(f"better since {state.towards_since:%H:%M} UTC")
    return "; ".join(told)


def _new(
    target: str,
    cause: str,
    members: Sequence[Member],
    policies: Mapping[str, Policy],
    before: Incident | None,
    now: datetime,
    owner: str,
    flapping: bool,
) -> Incident:
    text = "\x1f".join((target, cause, now.isoformat()))
    owners = [policies[member.policy].owner for member in members]
    # only when it was last told is taken over: of this incident nothing was told yet
    told = Told(at=before.told.at) if before is not None and _recent(before, now) else Told()
    return Incident(
        incident_id=hashlib.sha256(text.encode()).hexdigest()[:16],
        target=target,
        cause=cause,
        status="open",
        level=members[0].level,
        title=title_of(members, cause),
        owner=next((each for each in owners if each), owner),
        opened_at=now,
        changed_at=now,
        members=tuple(members),
        flapping=flapping,
        told=told,
    )


def _recent(incident: Incident, now: datetime) -> bool:
    return incident.told.at is not None and now - incident.told.at < timedelta(days=1)


def _changed(
    before: Incident, members: Sequence[Member], flapping: bool, now: datetime
) -> Incident:
    level = members[0].level
    same = (
        not before.over
        and level == before.level
        and flapping is before.flapping
        and {(m.policy, m.subject) for m in members[:MOST_MEMBERS]}
        == {(m.policy, m.subject) for m in before.members[:MOST_MEMBERS]}
    )
    return replace(
        before,
        status="open" if before.over else before.status,
        resolved_at=None,
        level=level,
        title=title_of(members, before.cause),
        members=tuple(members),
        flapping=flapping,
        changed_at=before.changed_at if same else now,
    )


def title_of(members: Sequence[Member], cause: str) -> str:
    """Return an incident in a line: its worst breach, and how many there are besides."""
    first = members[0]
    named = f"{first.policy} {first.subject}".strip()
    if first.policy == "regressions":
        named = first.told.split(";")[0] or named
        more = f" and {len(members) - 1} more" if len(members) > 1 else ""
        return f"regression: {named}{more}"
    value = "unknown" if first.value is None else shown(first.value)
    limit = "" if first.threshold is None else f" (limit {shown(first.threshold)})"
    more = f", and {len(members) - 1} more of {cause}" if len(members) > 1 else ""
    return f"{named} {value} {first.unit}{limit}{more}"


def shown(value: float) -> str:
    """Return a number for a reader."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
