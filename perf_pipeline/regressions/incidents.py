"""Group findings that have one cause into one incident; pure."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from perf_pipeline.regressions.explain import Cause

#: A cause this likely names the incident.
CERTAIN = 0.3
#: Statements of a database that change at the same time: from this share on it is the database.
DATABASE_SHARE = 0.2
DATABASE_LEAST = 3


@dataclass(frozen=True)
class Member:
    """What grouping needs to know of a finding.

    `onset` is where the change was first seen to begin, so that later runs group the same.
    """

    finding_id: str
    dbid: int
    direction: str
    onset: datetime
    strength: float
    causes: Sequence[Cause]


def stable_id(*parts: object) -> str:
    """Return 16 hexadecimal digits that depend on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def group(
    target: str, members: Sequence[Member], judged: Mapping[int, int]
) -> dict[str, tuple[str, bool]]:
    """Return the incident of each finding, and whether the finding leads it.

    Parameters
    ----------
    target : str
        The target's name.
    members : Sequence of Member
        A day's findings.
    judged : Mapping of dbid to int
        Statements judged that day, by database.

    Returns
    -------
    dict of finding_id to (incident_id, leads)
        Findings whose likeliest cause is the same event share an incident; so do those that began
        in the same hour when they are at least 20 % of a database's statements. In each incident
        one finding leads: the one its cause fits best, then the strongest.

    """
    hours = Counter((m.dbid, m.direction, _hour(m)) for m in members)
    incident: dict[str, str] = {}
    parts: tuple[str, ...]
    for member in members:
        together = hours[member.dbid, member.direction, _hour(member)]
        share = together / max(1, judged.get(member.dbid, 0))
        top = member.causes[0] if member.causes else None
        if top is not None and top.score >= CERTAIN:
            parts = ("cause", top.kind, top.object, top.at.isoformat())
        elif together >= DATABASE_LEAST and share >= DATABASE_SHARE:
            parts = ("database", str(member.dbid), member.direction, _hour(member).isoformat())
        else:
            parts = ("finding", member.finding_id)
        incident[member.finding_id] = stable_id(target, *parts)
    leads: dict[str, Member] = {}
    for member in sorted(members, key=_rank):
        leads.setdefault(incident[member.finding_id], member)
    return {key: (name, leads[name].finding_id == key) for key, name in incident.items()}


def _hour(member: Member) -> datetime:
    return member.onset.replace(minute=0, second=0, microsecond=0)


def _rank(member: Member) -> tuple[float, float, str]:
    score = member.causes[0].score if member.causes else 0.0
    return (-score, -member.strength, member.finding_id)
