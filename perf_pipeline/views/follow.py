"""Which views to look at because what they rest on was made anew; pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Part of a view's goal that passes from one time it is asked for to the next: what it rests on may
#: be made every few seconds, and a run costs seconds.
_OF_GOAL: Final = 0.5


@dataclass(frozen=True)
class Asked:
    """When a view was last asked for, and for which event.

    Attributes
    ----------
    event : int
        Number of the newest event it was asked for because of; 0: never.
    at : float
        Seconds of the epoch.

    """

    event: int = 0
    at: float = 0.0


def is_due(event: int, asked: Asked, fresh_minutes: float, now: float) -> bool:
    """Whether a view is to be looked at.

    Parameters
    ----------
    event : int
        Number of the newest event of what it rests on; 0: none.
    asked : Asked
        An event that is older was asked for, however that ended: a view that fails is not asked for
        again before something it rests on is made again. Whether the view is newer than the event
        says nothing: its refresh may have begun before.
    fresh_minutes : float
        The view's goal; it is asked for at most every half of it, the last event always.
    now : float
        Seconds of the epoch.

    """
    return event > asked.event and now >= asked.at + _OF_GOAL * fresh_minutes * 60.0


def read(cursor: str | None) -> dict[str, Asked]:
    """Return what was asked for by view; nothing of a text that is not ours."""
    try:
        value = json.loads(cursor or "{}")
        return {name: Asked(int(event), float(at)) for name, (event, at) in value.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


def written(asked: Mapping[str, Asked]) -> str:
    """Return the text from which `read` gives the same."""
    return json.dumps({name: [each.event, each.at] for name, each in sorted(asked.items())})
