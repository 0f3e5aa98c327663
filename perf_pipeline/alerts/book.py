"""What evaluation remembers, in the store: states, incidents, the outbox, when it last looked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from perf_pipeline.alerts.incidents import MOST_MEMBERS
from perf_pipeline.alerts.model import Channel, Policy, alerts_of
from perf_pipeline.alerts.responses import Asked
from perf_pipeline.alerts.routes import deliveries
from perf_pipeline.alerts.state import Evaluation, Incident, Key, Member, Message, State, Told
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target

#: Incidents that ended this recently still bound what is told of their cause.
RECENT: Final = timedelta(days=1)
#: Who has taken messages has them for so long; each is taken anew right before it is sent.
LEASE: Final = timedelta(minutes=5)
#: The longest pause after a refusal: no instant that we write lies further ahead.
LAST_PAUSE: Final = timedelta(minutes=10)

Connection = psycopg.Connection[Any]


def run(
    connection: Connection, name: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Run the statement of `sql/alerts/<name>.sql` and return its rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load(f"alerts/{name}").text, dict(values or {}))
        return cursor.fetchall() if cursor.description is not None else []


def take(connection: Connection, target: str) -> bool:
    """Whether we are the one that evaluates a target until this transaction ends."""
    return bool(run(connection, "book/lock", {"target": target})[0]["taken"])


def states(connection: Connection, target: str) -> dict[Key, State]:
    """Return how each policy stood when last evaluated."""
    return {
        (row["policy"], row["subject"]): State.from_json(row["state"])
        for row in run(connection, "book/states", {"target": target})
    }


def incidents(connection: Connection, target: str, now: datetime) -> list[Incident]:
    """Return the incidents that are not over, and those of the last day."""
    values = {"target": target, "since": now - RECENT}
    return [incident_of(row) for row in run(connection, "book/incidents", values)]


def incident_of(row: Mapping[str, Any]) -> Incident:
    """Return a row of `monitoring.incidents` as what it is."""
    return Incident(
        **{
            name: row[name]
            for name in (
                *("incident_id", "target", "cause", "status", "level", "title", "owner"),
                *("opened_at", "changed_at", "resolved_at", "flapping"),
            )
        },
        members=tuple(Member(**member) for member in row["members"]),
        told=Told.from_json(row["told"]),
    )


def save(
    connection: Connection,
    evaluation: Evaluation,
    before: Mapping[Key, State],
    known: Sequence[Incident],
    channels: Sequence[Channel],
) -> int:
    """Keep an evaluation in the transaction that made it, and return the new messages.

    Nothing is written where nothing changed. A message's key is written once: evaluated again
    after a lost answer, nothing comes twice.

    Parameters
    ----------
    connection : psycopg.Connection
    evaluation : Evaluation
    before : Mapping of (policy, subject) to State
    known : sequence of Incident
        What was read before.
    channels : sequence of Channel

    """
    target = evaluation.target
    changed = [(k, state) for k, state in evaluation.states.items() if before.get(k) != state]
    if changed:
        rows = [
            {
                "policy": key[0],
                "subject": key[1],
                "level": state.level,
                "value": state.value,
                "as_of": state.as_of,
                "state": state.as_json(),
            }
            for key, state in changed
        ]
        run(connection, "book/states_save", {"target": target, "records": _json(rows)})
    gone = [key for key in before if key not in evaluation.states]
    if gone:
        forget = {"policies": [p for p, _ in gone], "subjects": [s for _, s in gone]}
        run(connection, "book/states_forget", {"target": target, **forget})
    kept = {each.incident_id: _shortened(each) for each in known}
    rows = [
        _incident_row(each)
        for each in map(_shortened, evaluation.incidents)
        if kept.get(each.incident_id) != each
    ]
    if rows:
        run(connection, "book/incidents_save", {"target": target, "records": _json(rows)})
    return put(connection, target, evaluation.messages, channels)


def put(
    connection: Connection, target: str, messages: Sequence[Message], channels: Sequence[Channel]
) -> int:
    """Put messages into the outbox and return how many were new."""
    if not messages:
        return 0
    rows = [
        {
            "message_key": each.key,
            "incident_id": each.incident_id,
            "kind": each.kind,
            "level": each.level,
            "owner": each.owner,
            "title": each.title,
            "body": each.body,
            "detail": dict(each.detail),
            "created_at": each.at,
            "deliveries": [asdict(way) for way in deliveries(each, channels)],
        }
        for each in messages
    ]
    added = run(connection, "book/outbox_add", {"target": target, "records": _json(rows)})
    return int(added[0]["messages"])


def due(connection: Connection, targets: Sequence[Target], now: datetime) -> Mapping[str, Any]:
    """Return how many deliveries are `due` now, how many are `waiting`, and `last_error`.

    `undeclared` of those that wait are for channels that no target declares any more.
    """
    ways = [(t.name, way.name) for t in targets for way in alerts_of(t.alerts).routes()]
    # a target without channels is one with a channel of no name
    ways += [(target.name, "") for target in targets]
    values = {"targets": [t for t, _ in ways], "channels": [c for _, c in ways]}
    return run(connection, "book/due", {**values, "now": now, "longest": LAST_PAUSE})[0]


def responses(connection: Connection, target: str | None, since: datetime) -> list[dict[str, Any]]:
    """Return the answers asked for since an instant, the newest first."""
    values = {"target": target, "since": since, "limit": 500}
    return run(connection, "book/responses", values)


def ask(connection: Connection, target: str, asked: Sequence[Asked]) -> None:
    """Note answers that are asked for, each once by its key."""
    if asked:
        rows = [asdict(each) for each in asked]
        run(connection, "book/responses_add", {"target": target, "records": _json(rows)})


def waiting_responses(
    connection: Connection, targets: Sequence[str], *states: str
) -> list[dict[str, Any]]:
    """Return the answers that are in one of some states, the oldest first."""
    values = {"targets": list(targets), "states": list(states)}
    return run(connection, "book/responses_waiting", values)


def move_response(
    connection: Connection,
    row: Mapping[str, Any],
    state: str,
    at: datetime,
    *,
    told: str | None = None,
    run_id: str | None = None,
    value_after: float | None = None,
    ended: bool = False,
) -> bool:
    """Note how far an answer is; False where somebody else moved it meanwhile."""
    values = {
        "response_id": row["response_id"],
        "was": row["state"],
        "state": state,
        "told": told,
        "run_id": run_id,
        "value_after": value_after,
        "at": at,
        "ended": ended,
    }
    return bool(run(connection, "book/response_move", values))


def note_evaluated(
    connection: Connection, evaluation: Evaluation, policies: int, duration_ms: float
) -> None:
    """Note that a target was evaluated."""
    run(
        connection,
        "book/evaluated",
        {
            "target": evaluation.target,
            "at": evaluation.at,
            "policies": policies,
            "without_data": sum(s.level == "no_data" for s in evaluation.states.values()),
            "open": sum(not each.over for each in evaluation.incidents),
            "duration_ms": duration_ms,
        },
    )


def save_policies(
    connection: Connection, target: str, policies: Sequence[Policy], channels: Sequence[Channel]
) -> None:
    """Show the policies to readers of the store."""
    names = [channel.name for channel in channels]
    rows = [
        {
            "policy": each.name,
            "metric": each.metric,
            "unit": each.unit,
            "kind": each.kind,
            "direction": each.direction,
            "warning": each.warning,
            "critical": each.critical,
            "window_minutes": each.window_minutes,
            "frequency_minutes": each.frequency_minutes,
            "delivery": (each.delivery or "immediate").upper(),
            "response": each.response,
            "response_mode": each.response_mode if each.response else None,
            "channels": names,
            "enabled": each.enabled,
        }
        for each in policies
    ]
    run(connection, "book/policies_save", {"target": target, "records": _json(rows)})


def _shortened(incident: Incident) -> Incident:
    if len(incident.members) <= MOST_MEMBERS:
        return incident
    return replace(incident, members=incident.members[:MOST_MEMBERS])


def _incident_row(incident: Incident) -> dict[str, Any]:
    members = [vars(member) for member in incident.members]
    return {**vars(incident), "members": members, "told": incident.told.as_json()}


def _json(rows: Sequence[Mapping[str, Any]]) -> Jsonb:
    return Jsonb(rows, dumps=lambda value: _dumps(value))


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, default=str)
