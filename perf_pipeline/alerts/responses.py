"""Answers to incidents, on a leash: when one is asked for, and whether it helped; pure.

An answer is a name of `ACTIONS`, never a statement. It is asked for once per action and target in
`PAUSE`, at most `MOST_A_DAY` times a day, not while somebody has taken the incident, and only told
of (`shadow`) until a policy says `live`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from perf_pipeline.alerts.model import RANK, Action, Policy
from perf_pipeline.alerts.state import Evaluation, State

#: The same action on the same target is not asked for again within this.
PAUSE: Final = timedelta(minutes=30)
MOST_A_DAY: Final = 12
#: What did not show in so long after it ended did not help.
PATIENCE: Final = timedelta(minutes=20)

#: What each action is; those of `JOBS` are carried out by jobs that other parts of ours have.
ACTIONS: Final[Mapping[Action, str]] = {
    "drain_queue": "serve the queue of cache invalidations",
    "clean_orphans": "archive relationships that lead nowhere",
    "create_partitions": "create the partitions that are to stand ready",
    "analyze": "gather statistics of tables that changed",
    "pool_health": "look at the sessions of the database and note what they do",
    "cancel_backend": "cancel the statement of the one client that runs longest",
}
JOBS: Final = frozenset({"drain_queue", "clean_orphans", "create_partitions", "analyze"})

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One answer that is asked for."""

    response_key: str
    incident_id: str
    policy: str
    action: Action
    mode: str
    asked_at: datetime
    value_before: float | None


def ask(
    policies: Mapping[str, Policy],
    evaluation: Evaluation,
    recent: Sequence[Row],
    now: datetime,
) -> tuple[Asked, ...]:
    """Return the answers to ask for now.

    Parameters
    ----------
    policies : Mapping of name to Policy
    evaluation : Evaluation
    recent : sequence of Mapping
        `action`, `asked_at` of the target's answers of the last day.
    now : datetime

    """
    made: dict[str, Asked] = {}
    for incident in evaluation.incidents:
        # who has taken it decides what is done; what flaps would be answered over and over
        if incident.status != "open" or incident.flapping:
            continue
        for member in incident.members:
            policy = policies.get(member.policy)
            if policy is None or policy.response is None or policy.response in made:
                continue
            if RANK[member.level] < RANK[policy.response_at]:
                continue
            # an answer to what is no longer known would be one to nothing
            state = evaluation.states.get((member.policy, member.subject))
            if state is None or state.level == "no_data":
                continue
            own = [row for row in recent if row["action"] == policy.response]
            lately = [row for row in own if abs(now - row["asked_at"]) < PAUSE]
            if lately or len(own) >= MOST_A_DAY:
                continue
            made[policy.response] = Asked(
                f"{incident.incident_id}:{policy.response}:{now.isoformat()}",
                incident.incident_id,
                policy.name,
                policy.response,
                policy.response_mode,
                now,
                member.value,
            )
    return tuple(made.values())


def withdrawn(row: Row, now: datetime) -> str:
    """Return why an answer that was asked for is no longer wanted, '' where it is.

    Between asking and acting a process may have stood still for hours.

    Parameters
    ----------
    row : Mapping
        `asked_at`, and `incident_status` of its incident.
    now : datetime

    """
    if row["incident_status"] == "resolved":
        return "its incident is over"
    if row["incident_status"] == "acknowledged":
        return "somebody has taken its incident"
    late = abs(now - row["asked_at"])
    if late > PAUSE:
        return f"it was asked for {late.total_seconds() / 60:.0f} min ago"
    return ""


def asked_by(policy: Policy | None, row: Row) -> str | None:
    """Return the mode in which a policy asks for an answer now; None: it no longer does."""
    if policy is None or policy.response != row["action"]:
        return None
    return policy.response_mode


def verdict(
    row: Row, policy: Policy | None, state: State | None, now: datetime
) -> tuple[str, float | None] | None:
    """Return whether an answer that ended helped, with the value since; None: not known yet.

    It helped when evidence that is newer than its end is no longer a breach, or is better by a
    tenth.

    Parameters
    ----------
    row : Mapping
        `ended_at`, `value_before`.
    policy : Policy or None
        None: no longer declared.
    state : State or None
        Of the policy for the whole target.
    now : datetime

    """
    ended = row["ended_at"]
    if ended is None:
        return None
    late = now - ended > PATIENCE
    if policy is None or state is None or state.as_of is None or state.as_of <= ended:
        # nobody measured since: that is not the same as no effect
        return None
    before, after = row["value_before"], state.value
    if state.held == "ok":
        return "helped", after
    if before is not None and after is not None:
        gain = before - after if policy.direction == "above" else after - before
        if gain > 0.1 * abs(before):
            return "helped", after
    return ("did_not_help", after) if late else None
