"""How far the ids of transactions reach, in ids and, where their pace was measured, in days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.store import Store, targets

#: Transactions from which on PostgreSQL takes no new one (2^31 less its reserve of 3 million).
WRAPAROUND: Final = 2**31 - 3_000_000
#: Readings looked at: a whole week, so that quiet days count as much as busy ones.
SPAN: Final = timedelta(days=7)
#: Less measured time than this tells nothing of the next days, seconds.
LEAST_SECONDS: Final = 3_600.0
#: With fewer days left than a person may need, what is overdue is critical.
FEW_DAYS: Final = 7.0

XIDS: Final = "transaction ids"
MXIDS: Final = "multixact ids"


@dataclass(frozen=True)
class Pace:
    """How fast a server uses up ids, as sweeps measured it.

    Attributes
    ----------
    ids : int
        Used in the spans that count.
    seconds : float
        The length of these spans.

    """

    ids: int
    seconds: float

    @property
    def per_day(self) -> float:
        """Ids a day."""
        return 86_400.0 * self.ids / self.seconds


def days_left(age: int, pace: Pace | None) -> float | None:
    """Return how many days ids last at the measured pace.

    Parameters
    ----------
    age : int
        Ids since the oldest one.
    pace : Pace or None

    Returns
    -------
    float or None
        Days until the server takes no new transaction if nothing is frozen until then. None: less
        than an hour was measured, or no id was used in it.

    """
    if pace is None or pace.seconds < LEAST_SECONDS or pace.ids <= 0:
        return None
    return max(0, WRAPAROUND - age) / pace.per_day


def told(age: int, pace: Pace | None) -> str:
    """Return how far the ids reach, for a reader."""
    left = max(0, WRAPAROUND - age)
    days = days_left(age, pace)
    if days is None or pace is None:
        return f"{left:,} are left"
    return f"{left:,} are left, {days:,.0f} days at {pace.per_day:,.0f} a day"


def paces(store: Store, target_name: str, now: datetime) -> Mapping[str, Pace]:
    """Return how fast the ids of a target's server were used in the last week, by their kind.

    A kind that was not measured is missing.
    """
    target_id = targets.find(store, target_name)
    if target_id is None:
        return {}
    rows = store.rows("upkeep_id_paces", {"target_id": target_id, "since": now - SPAN})
    return {row["resource"]: Pace(row["ids"], row["seconds"]) for row in rows}
