"""Tests on a real server are not begun right before the end of a UTC day.

A sweep is of the day of its instant, a report of the day it is asked for: a test that sweeps, and
then asks for today, is of two days where midnight lies between. What days do is tested with given
instants.
"""

import time

#: Longer than a test with a server takes, a busy machine considered.
SHORT_S = 40.0

#: As long as the demo takes, twice.
LONG_S = 200.0

_DAY_S = 86_400.0

#: So that "two seconds ago" is today, too.
_AFTER_S = 5.0


def wait_s(now: float, needed_s: float) -> float:
    """Return how many seconds to wait, 0 if the day still has as many as are needed.

    Parameters
    ----------
    now : float
        Seconds since 1970, as `time.time()` tells.
    needed_s : float
        At most a day.

    """
    into = now % _DAY_S
    if into < _AFTER_S:
        return _AFTER_S - into
    left = _DAY_S - into
    return left + _AFTER_S if left < needed_s else 0.0


def keep_off(needed_s: float) -> None:
    """Wait for the next day where this one has too little left."""
    time.sleep(wait_s(time.time(), needed_s))
