"""From measured values to states, incidents and messages; pure.

Time is what it is told: `now` is when somebody looks, `as_of` when the evidence was taken. How
long a breach has lasted is counted by evidence, so that looking twice at one sweep changes nothing.
What was noted ahead of `now` counts as of now (`clock`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from perf_pipeline.alerts import clock, messages, unmeasured
from perf_pipeline.alerts import incidents as grouping
from perf_pipeline.alerts.metrics import metric_of
from perf_pipeline.alerts.model import RANK, Level, Policy
from perf_pipeline.alerts.state import Evaluation, Incident, Key, Measured, State


def evaluate(
    target: str,
    policies: Sequence[Policy],
    measured: Iterable[Measured],
    states: Mapping[Key, State],
    known: Sequence[Incident],
    now: datetime,
    *,
    owner: str = "",
    most_messages: int = 5,
) -> Evaluation:
    """Return the new states, the incidents and what is to be told.

    Parameters
    ----------
    target : str
    policies : sequence of Policy
        The enabled ones. States of others are dropped, and what they raised is over, told as no
        longer watched.
    measured : iterable of Measured
        At most one per policy and subject; none is no data, never a value of zero.
    states : Mapping of (policy, subject) to State
        As the last evaluation left them.
    known : sequence of Incident
        Those that are not over, and those of the last day.
    now : datetime
        Aware.
    owner : str
        Of incidents whose policies name none.
    most_messages : int
        Incidents told one by one in 15 minutes.

    Returns
    -------
    Evaluation
        Evaluated again with what it returned and the same evidence at the same time, it returns
        the same states and no message.

    """
    states = {key: clock.state_as_of(state, now) for key, state in states.items()}
    known = [clock.incident_as_of(incident, now) for incident in known]
    by_name = {policy.name: policy for policy in policies}
    values = {(each.policy, each.subject): each for each in measured if each.policy in by_name}
    made: dict[Key, State] = {}
    for key in sorted({*values, *((p, s) for p, s in states if p in by_name)}):
        state = step(by_name[key[0]], values.get(key), states.get(key), now)
        if state is not None:
            made[key] = state
    for name, policy in by_name.items():
        # a policy without evidence is told as such, not left out; events need none
        if not metric_of(policy.metric).events and not any(key[0] == name for key in made):
            made[name, ""] = State(since=now)
    gone = unmeasured.forgotten(by_name, made, now)
    made = unmeasured.without(made, gone)
    found = grouping.group(target, by_name, made, known, now, owner, gone)
    told = messages.tell(target, by_name, found.incidents, now, most_messages)
    return Evaluation(
        target,
        now,
        made,
        told.incidents,
        told.messages,
        found.opened,
        found.resolved,
        found.worse,
    )


def step(
    policy: Policy, measured: Measured | None, before: State | None, now: datetime
) -> State | None:
    """Return how a policy stands with one thing; None: an event that is over and forgotten.

    Parameters
    ----------
    policy : Policy
    measured : Measured or None
    before : State or None
    now : datetime

    """
    last = before or State(since=now)
    events = metric_of(policy.metric).events
    window = timedelta(minutes=policy.flap_minutes)
    recent = tuple(at for at in last.changes if now - at < window)
    last = _rejudged(policy, _calmed(policy, replace(last, changes=recent)), now)
    if measured is None and events:
        # what happened is no longer in the window: it is over
        return None
    if measured is None or not _enough(policy, measured, now, events):
        if last.level == "no_data":
            return last
        return replace(last, level="no_data", since=now, towards=None, towards_since=None)
    if (
        last.level != "no_data"
        and (measured.as_of, measured.value) == (last.as_of, last.value)
        and measured.cause in (None, last.cause)
    ):
        return last
    return _moved(policy, measured, last, now)


def _enough(policy: Policy, measured: Measured, now: datetime, events: bool) -> bool:
    if measured.value is None or measured.value != measured.value:  # NaN is nothing measured
        return False
    if measured.samples < policy.minimum_samples:
        return False
    return events or (now - measured.as_of).total_seconds() < policy.stale_s


def _moved(policy: Policy, measured: Measured, last: State, now: datetime) -> State:
    """Return the state after new evidence."""
    value = float(measured.value if measured.value is not None else "nan")
    held: Level = last.held or "ok"
    wanted = level_of(policy, value, held)
    state = replace(
        last,
        value=value,
        as_of=measured.as_of,
        cause=measured.cause or policy.group,
        told=measured.told,
        held=held,
        level=held,
        judged=_thresholds(policy),
        since=last.since if last.level == held and last.since is not None else measured.as_of,
    )
    if wanted == held:
        return replace(state, towards=None, towards_since=None)
    up = RANK[wanted] > RANK[held]
    going = last.towards is not None and (RANK[last.towards] > RANK[held]) is up
    began = last.towards_since if going and last.towards_since is not None else measured.as_of
    began = min(began, measured.as_of)  # the clock of the evidence may have been set back, too
    needed = timedelta(minutes=policy.for_minutes if up else policy.clear_minutes)
    if measured.as_of - began < needed:
        return replace(state, towards=wanted, towards_since=began)
    crossed = (held == "ok") is not (wanted == "ok")
    changes = (*state.changes, now) if crossed else state.changes
    changes = changes[-4 * policy.flap_changes :]
    return replace(
        state,
        held=wanted,
        level=wanted,
        since=measured.as_of,
        towards=None,
        towards_since=None,
        changes=changes,
        flapping=state.flapping or len(changes) >= policy.flap_changes,
    )


def _rejudged(policy: Policy, state: State, now: datetime) -> State:
    """Return the state by thresholds that were edited since: what they no longer call bad is over.

    The value did not move, so that neither hysteresis nor `clear_minutes` holds what is better by
    the new ones. What is worse by them waits for `for_minutes` of evidence, where there are some.
    """
    judged = _thresholds(policy)
    if state.judged in ("", judged) or state.held is None or state.value is None:
        return state
    wanted = level_of(policy, state.value, "ok")
    if RANK[wanted] > RANK[state.held] and policy.for_minutes:
        return replace(state, judged=judged)
    return replace(
        state,
        held=wanted,
        level="no_data" if state.level == "no_data" else wanted,
        since=state.since if state.level in ("no_data", wanted) else now,
        towards=None,
        towards_since=None,
        judged=judged,
    )


def _thresholds(policy: Policy) -> str:
    return f"{policy.metric} {policy.warning} {policy.critical}"


def _calmed(policy: Policy, state: State) -> State:
    """Return the state no longer flapping, once it changed seldom for a while."""
    if state.flapping and len(state.changes) < max(1, policy.flap_changes // 2):
        return replace(state, flapping=False)
    return state


def level_of(policy: Policy, value: float, held: Level) -> Level:
    """Return the level a value asks for, given the one that holds.

    A threshold is passed when the value lies beyond it, not on it. A level that holds ends only
    where the value has come back by `hysteresis_percent` of the threshold, or to `clear`.
    """
    for level in ("critical", "warning"):
        threshold = policy.critical if level == "critical" else policy.warning
        if threshold is None:
            continue
        if _beyond(policy, value, threshold):
            return "critical" if level == "critical" else "warning"
        if RANK[held] >= RANK[level] and _beyond(policy, value, clear_of(policy, level)):
            return "critical" if level == "critical" else "warning"
    return "ok"


def clear_of(policy: Policy, level: str) -> float:
    """Return the value at which a level ends."""
    threshold = policy.critical if level == "critical" else policy.warning
    if level == "warning" and policy.clear is not None:
        return policy.clear
    limit = 0.0 if threshold is None else threshold
    back = abs(limit) * policy.hysteresis_percent / 100.0
    return limit - back if policy.direction == "above" else limit + back


def _beyond(policy: Policy, value: float, limit: float) -> bool:
    return value > limit if policy.direction == "above" else value < limit
