"""Group findings that have one cause into one incident; pure."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from perf_pipeline.regressions.explain import Cause

#: A cause this likely names the incident.
CERTAIN = 0.3
#: Statements of a database that change at the same time: from this share on it is the database.
DATABASE_SHARE = 0.2
DATABASE_LEAST = 3
#: Changes so near to each other began at the same time.
TOGETHER = timedelta(hours=1)
#: A cause of more than this share of a database's event names it.
MAJORITY = 0.5
#: Kinds of causes that have no instant of their own: what moved is dated by the onset it explains.
MOVED = ("_rose", "_fell", "table_grew", "table_shrank", "table_bloated", "plan_changed")


@dataclass(frozen=True)
class Member:
    """What grouping needs to know of a finding.

    `onset` is where the change was first seen to begin, so that later runs group the same; a
    statement that is `unstable` is an incident of its own, by the name given.
    """

    finding_id: str
    dbid: int
    direction: str
    onset: datetime
    added_ms_per_day: float
    causes: Sequence[Cause]
    unstable: str | None = None


@dataclass(frozen=True)
class Incident:
    """The incident of one finding.

    Attributes
    ----------
    incident_id : str
    leads : bool
        The finding stands for it.
    why : str
        `cause`, `database`, `unstable`, or `finding`: nothing groups it with others.
    findings : int
    added_ms_per_day : float
        Sum over its findings.

    """

    incident_id: str
    leads: bool
    why: str
    findings: int
    added_ms_per_day: float


def stable_id(*parts: object) -> str:
    """Return 16 hexadecimal digits that depend on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def group(target: str, members: Sequence[Member], judged: Mapping[int, int]) -> dict[str, Incident]:
    """Return the incident of each finding.

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
    dict of finding_id to Incident
        Findings that began within an hour, and are at least 20 % of a database's statements, share
        an incident: that of the cause most of them have, else the database's. So do findings whose
        likeliest cause is the same event. In each one finding leads: the one its cause fits best,
        then the strongest. An incident is named by its cause, or by the hour its first finding
        began: as long as a day has that one, the name stays.

    """
    named: dict[str, tuple[str, ...]] = {
        m.finding_id: ("unstable", m.unstable) for m in members if m.unstable is not None
    }
    rest = [m for m in members if m.unstable is None]
    for batch in _database_events(rest, judged):
        name = _name_of_database_event(batch)
        named |= {m.finding_id: name for m in batch}
    named |= _by_cause([m for m in rest if m.finding_id not in named])
    for member in rest:
        named.setdefault(member.finding_id, ("finding", member.finding_id))
    return _incidents(target, members, named)


def _database_events(
    members: Iterable[Member], judged: Mapping[int, int]
) -> Iterable[list[Member]]:
    """Return the members that began together and are a large share of their database."""
    apart: dict[tuple[int, str], list[Member]] = defaultdict(list)
    for member in members:
        apart[member.dbid, member.direction].append(member)
    for (dbid, _), found in apart.items():
        for batch in _together(found):
            share = len(batch) / max(1, judged.get(dbid, 0))
            if len(batch) >= DATABASE_LEAST and share >= DATABASE_SHARE:
                yield batch


def _together(members: Iterable[Member]) -> list[list[Member]]:
    """Return members in batches that each began within an hour of its first."""
    batches: list[list[Member]] = []
    for member in sorted(members, key=lambda m: (m.onset, m.finding_id)):
        if batches and member.onset < batches[-1][0].onset + TOGETHER:
            batches[-1].append(member)
        else:
            batches.append([member])
    return batches


def _certain(member: Member) -> Cause | None:
    top = member.causes[0] if member.causes else None
    return top if top is not None and top.score >= CERTAIN else None


def _name_of_database_event(batch: Sequence[Member]) -> tuple[str, ...]:
    causes = [cause for member in batch if (cause := _certain(member)) is not None]
    counts = Counter((cause.kind, cause.object) for cause in causes)
    for (kind, thing), number in counts.most_common(1):
        if number > MAJORITY * len(batch):
            first = min(cause.at for cause in causes if (cause.kind, cause.object) == (kind, thing))
            return _cause(kind, thing, batch[0].onset if _moved(kind) else first)
    head = batch[0]
    return ("database", str(head.dbid), head.direction, _hour(head.onset).isoformat())


def _by_cause(members: Iterable[Member]) -> dict[str, tuple[str, ...]]:
    named: dict[str, tuple[str, ...]] = {}
    moved: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for member in members:
        cause = _certain(member)
        if cause is None:
            continue
        if _moved(cause.kind):
            moved[cause.kind, cause.object].append(member)
        else:
            named[member.finding_id] = _cause(cause.kind, cause.object, cause.at)
    for (kind, thing), found in moved.items():
        for batch in _together(found):
            name = _cause(kind, thing, batch[0].onset)
            named |= {m.finding_id: name for m in batch}
    return named


def _moved(kind: str) -> bool:
    return kind.endswith(MOVED)


def _cause(kind: str, thing: str, at: datetime) -> tuple[str, ...]:
    return ("cause", kind, thing, (_hour(at) if _moved(kind) else at).isoformat())


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _incidents(
    target: str, members: Sequence[Member], named: Mapping[str, tuple[str, ...]]
) -> dict[str, Incident]:
    by_name: dict[tuple[str, ...], list[Member]] = defaultdict(list)
    for member in sorted(members, key=_rank):
        by_name[named[member.finding_id]].append(member)
    found = {}
    for name, group_ in by_name.items():
        added = math.fsum(m.added_ms_per_day for m in group_)
        for place, member in enumerate(group_):
            found[member.finding_id] = Incident(
                stable_id(target, *name), place == 0, name[0], len(group_), added
            )
    return found


def _rank(member: Member) -> tuple[float, float, str]:
    score = member.causes[0].score if member.causes else 0.0
    return (-score, -abs(member.added_ms_per_day), member.finding_id)
