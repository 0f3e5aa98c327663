"""How fast partitions of whole numbers fill; pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

#: The rate is the higher of that of the last week and of the last month: a rise counts at once, a
#: quiet week does not make us careless.
WINDOWS: Final = (timedelta(days=7), timedelta(days=30))
#: Less time than this tells no rate.
LEAST: Final = timedelta(hours=6)


def rate(observations: Sequence[tuple[datetime, int]]) -> float | None:
    """Return how many values a day are used up; None when too little is known.

    Parameters
    ----------
    observations : sequence of (datetime, int)
        When, and the highest value then; any order.

    """
    seen = sorted(observations)
    if not seen:
        return None
    newest, position = seen[-1]
    found: list[float] = []
    for window in WINDOWS:
        inside = [(at, value) for at, value in seen if newest - at <= window]
        first, start = inside[0]
        if newest - first >= LEAST:
            found.append(max(0, position - start) / ((newest - first) / timedelta(days=1)))
    return max(found, default=None)
