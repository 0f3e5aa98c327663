"""What nobody can tell any more does not stay an alarm for ever; pure.

A metric that is gone (its table dropped, its queue switched off, its sweep family lost) has no data
and keeps the level that its last evidence gave. After the policy's `unmeasured_minutes` without
data that is no longer an alarm: its incident ends, and is told as ended because nobody measures it,
which is not the same as being well.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from perf_pipeline.alerts.model import Policy
from perf_pipeline.alerts.state import Key, State


def forgotten(
    policies: Mapping[str, Policy], states: Mapping[Key, State], now: datetime
) -> frozenset[Key]:
    """Return what adds nothing to an incident any more, because nobody can tell for too long.

    As long as something else of the same cause is measured and wrong, it stays beside it: a
    message says of what the others had been when it ends.

    Parameters
    ----------
    policies : Mapping of name to Policy
    states : Mapping of (policy, subject) to State
    now : datetime

    """
    old = {key for key, state in states.items() if _lost(policies[key[0]], state, now)}
    if not old:
        return frozenset()
    causes = {
        state.cause or policies[key[0]].group
        for key, state in states.items()
        if state.alarm is not None and key not in old
    }
    return frozenset(
        key for key in old if (states[key].cause or policies[key[0]].group) not in causes
    )


def _lost(policy: Policy, state: State, now: datetime) -> bool:
    if state.alarm is None or state.level != "no_data" or state.since is None:
        return False
    patience = timedelta(minutes=policy.unmeasured_minutes)
    return bool(patience) and now - state.since >= patience


def without(states: Mapping[Key, State], gone: frozenset[Key]) -> dict[Key, State]:
    """Return the states with nothing left of what the forgotten ones held."""
    return {
        key: replace(state, held=None, flapping=False, changes=()) if key in gone else state
        for key, state in states.items()
    }
