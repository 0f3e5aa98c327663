"""What is told of incidents, and what is not told again; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.alerts.incidents import is_unknown, is_well, shown
from perf_pipeline.alerts.model import RANK, Frequency, Policy
from perf_pipeline.alerts.state import Incident, Kind, Member, Message

#: Messages one by one are counted over so long, and a storm is told once in it.
STORM: Final = timedelta(minutes=15)
#: Breaches listed in a message.
LISTED: Final = 10


@dataclass(frozen=True)
class Telling:
    """Messages, and the incidents with what was told of them."""

    incidents: Sequence[Incident]
    messages: Sequence[Message]


def tell(
    target: str,
    policies: Mapping[str, Policy],
    incidents: Sequence[Incident],
    now: datetime,
    most: int = 5,
) -> Telling:
    """Return what is to be told now.

    An incident is told when it begins, when it becomes critical, when it has become much larger,
    again after a while while nobody acknowledges it, and when it is over: at most once within the
    longest `frequency_minutes` of its policies, except that the first time it is critical is told
    at once. One that flaps is told so once, and not again until it has calmed. When more than
    `most` were told within 15 minutes, the rest share one message, once in 15 minutes.

    Parameters
    ----------
    target : str
    policies : Mapping of name to Policy
    incidents : sequence of Incident
    now : datetime
    most : int

    """
    kept: list[Incident] = []
    due: list[tuple[Incident, Kind]] = []
    for incident in incidents:
        kind = due_kind(incident, policies, now)
        if kind is not None:
            due.append((incident, kind))
        elif incident.over and incident.told.level is None:
            # it came and went before anybody was told
            kept.append(replace(incident, told=replace(incident.told, level="ok")))
        else:
            kept.append(incident)
    due.sort(key=lambda each: (-_weight(each[0]), -len(each[0].members), each[0].incident_id))
    spent = sum(1 for each in incidents if _told_lately(each, now) and not each.told.in_storm)
    one_by_one = due[: max(0, most - spent)]
    rest = due[len(one_by_one) :]
    messages = []
    for incident, kind in one_by_one:
        messages.append(_message(incident, kind, policies, now))
        kept.append(incident.telling("ok" if incident.over else incident.level, now))
    storm_told = any(each.told.in_storm and _told_lately(each, now) for each in incidents)
    if rest and not storm_told:
        messages.append(_storm(target, rest, len(one_by_one), now))
        kept += [
            each.telling("ok" if each.over else each.level, now, storm=True) for each, _ in rest
        ]
    else:
        kept += [each for each, _ in rest]
    return Telling(sorted(kept, key=lambda each: each.incident_id), messages)


def _told_lately(incident: Incident, now: datetime) -> bool:
    return (
        incident.told.count > 0 and incident.told.at is not None and now - incident.told.at < STORM
    )


def _weight(incident: Incident) -> int:
    return 0 if incident.over else RANK[incident.level]


def due_kind(incident: Incident, policies: Mapping[str, Policy], now: datetime) -> Kind | None:
    """Return why an incident is to be told now, None where it is not."""
    told = incident.told
    own = [policies[m.policy] for m in incident.members if m.policy in policies]
    frequency = timedelta(minutes=max((p.frequency_minutes for p in own), default=15.0))
    rested = told.at is None or now - told.at >= frequency
    if incident.over:
        return "resolved" if rested and told.level in ("warning", "critical") else None
    if told.level is None:
        return "opened" if rested or incident.level == "critical" else None
    if RANK[incident.level] > RANK[told.level]:
        # critical for the first time: at once
        return "worse"
    if incident.flapping or told.flapping:
        return _of_flapping(incident) if rested else None
    if incident.status == "acknowledged" or not rested:
        return None
    if len(incident.members) >= max(told.members + 3, 2 * told.members):
        return "more"
    remind = [p.remind_minutes for p in own if p.remind_minutes > 0]
    if remind and told.at is not None and now - told.at >= timedelta(minutes=min(remind)):
        return "reminder"
    return None


def _of_flapping(incident: Incident) -> Kind | None:
    """Return what is told of one that flaps, or has calmed and is still there."""
    if incident.flapping:
        return None if incident.told.flapping else "flapping"
    return "reminder" if incident.status == "open" else None


def _message(
    incident: Incident, kind: Kind, policies: Mapping[str, Policy], now: datetime
) -> Message:
    words = {
        "opened": incident.level.upper(),
        "worse": "CRITICAL (was warning)",
        "more": f"{incident.level.upper()}, growing",
        "reminder": f"still {incident.level.upper()}",
        "flapping": "FLAPPING",
        "resolved": "RESOLVED" if is_well(incident) else "ENDED",
    }
    # one that begins again while it flaps is told of as such: silence follows
    told = words[kind] + (", FLAPPING" if incident.flapping and kind != "flapping" else "")
    return Message(
        # what was told before is part of the key: the same state makes the same key
        key=f"{incident.incident_id}:{kind}:{incident.told.count}",
        kind=kind,
        target=incident.target,
        incident_id=incident.incident_id,
        level="ok" if incident.over else incident.level,
        owner=incident.owner,
        title=f"[{incident.target}] {told}: {incident.title}",
        body=body_of(incident, now),
        at=now,
        delivery=_delivery(incident, policies),
        detail=detail_of(incident),
    )


def _delivery(incident: Incident, policies: Mapping[str, Policy]) -> Frequency | None:
    """Return the most urgent wish of its policies; None: the channel's."""
    wishes = [policies[m.policy].delivery for m in incident.members if m.policy in policies]
    order: tuple[Frequency | None, ...] = ("immediate", None, "daily", "weekly")
    return min(wishes, key=order.index, default=None)


def body_of(incident: Incident, now: datetime) -> str:
    """Return what a reader needs: what, since when, each breach, what to do next."""
    lines = [line_of(member) for member in incident.members[:LISTED]]
    if len(incident.members) > LISTED:
        lines.append(f"and {len(incident.members) - LISTED} more")
    until = incident.resolved_at if incident.resolved_at is not None else now
    minutes = (until - incident.opened_at).total_seconds() / 60
    lasted = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
    lines += [
        "",
        f"incident {incident.incident_id}, cause {incident.cause}, "
        f"since {incident.opened_at:%Y-%m-%d %H:%M} UTC ({lasted})",
    ]
    if is_unknown(incident):
        lines.append("it ended because nobody can tell any more; whether it is well is not known")
    if not incident.over:
        lines.append(f"acknowledge: perf-pipeline alerts ack {incident.incident_id}")
    return "\n".join(lines)


def line_of(member: Member) -> str:
    """Return one breach in a line."""
    named = f"{member.policy} {member.subject}".strip()
    value = "unknown" if member.value is None else f"{shown(member.value)} {member.unit}"
    limit = "" if member.threshold is None else f", limit {shown(member.threshold)}"
    told = f"; {member.told}" if member.told else ""
    return f"- {member.level}: {named}: {value}{limit}{told}"


def detail_of(incident: Incident) -> dict[str, object]:
    """Return an incident for programs: webhooks and NOTIFY."""
    first = incident.members[0] if incident.members else None
    return {
        "incident": incident.incident_id,
        "type": first.policy if first else incident.cause,
        "cause": incident.cause,
        "status": incident.status,
        "level": "ok" if incident.over else incident.level,
        # where its beginning was told, its end is told, too
        "worst": incident.told.level if incident.over else incident.level,
        "value": first.value if first else None,
        "threshold": first.threshold if first else None,
        "unit": first.unit if first else None,
        "breaches": len(incident.members),
    }


def _storm(target: str, rest: Sequence[tuple[Incident, Kind]], told: int, now: datetime) -> Message:
    """Return the one message of many incidents."""
    critical = sum(1 for each, _ in rest if not each.over and each.level == "critical")
    over = sum(1 for each, _ in rest if each.over)
    lines = [f"- {kind}: {each.title}" for each, kind in rest[:LISTED]]
    if len(rest) > LISTED:
        lines.append(f"and {len(rest) - LISTED} more: perf-pipeline alerts list --target {target}")
    besides = " more" if told else ""
    level = "critical" if critical else "warning" if over < len(rest) else "ok"
    first = min(each.incident_id for each, _ in rest)
    return Message(
        key=f"{target}:storm:{now.isoformat()}:{first}",
        kind="storm",
        target=target,
        incident_id=None,
        level="critical" if level == "critical" else "warning" if level == "warning" else "ok",
        owner="",
        title=f"[{target}] {len(rest)}{besides} incidents: {critical} critical, {over} resolved",
        body="\n".join(lines),
        at=now,
        detail={"incidents": len(rest), "critical": critical, "resolved": over},
    )
