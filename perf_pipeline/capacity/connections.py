"""Sessions of a server's clients against what it takes (G-37, G-38); pure but for one reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.store import Store, targets

Row = Mapping[str, Any]

#: An older sweep is not how things are.
NEWEST: Final = timedelta(hours=1)
#: Shares of max_connections beyond which it is told, G-38.
ACTIVE, IDLE, TOTAL = 1 / 2, 1 / 4, 4 / 5


@dataclass(frozen=True)
class Health:
    """One measure of the connections.

    Attributes
    ----------
    metric : str
        `active`, `idle`, `total`.
    value : int or None
        None: not told.
    most : int or None
        max_connections.
    status : str
    advice : str
        Empty where all is well.

    """

    metric: str
    value: int | None
    most: int | None
    status: Literal["OK", "WARNING", "CRITICAL", "UNKNOWN"]
    advice: str

    def as_dict(self) -> dict[str, Any]:
        """Return it for printing."""
        share = None if self.value is None or not self.most else 100.0 * self.value / self.most
        return {
            "metric": self.metric,
            "value": self.value,
            "max_connections": self.most,
            "percent": None if share is None else round(share, 1),
            "status": self.status,
            "advice": self.advice,
        }


def health(sessions: Sequence[Row]) -> list[Health]:
    """Judge the connections of the newest sweep.

    Parameters
    ----------
    sessions : sequence of Mapping
        Rows of `sql/store/capacity_sessions.sql`: sessions of one database by state. Of all
        databases together only their number is known (`server_sessions`), so `active` and `idle`
        are this database's.

    """
    most = sessions[0]["most"] if sessions else None
    hidden = any(row["state"] == "" for row in sessions if row["sessions"] is not None)
    count = {"active": 0, "idle": 0}
    for row in sessions:
        state = row["state"] or ""
        if state in ("active", "fastpath function call"):
            count["active"] += row["sessions"]
        elif state.startswith("idle"):
            count["idle"] += row["sessions"]
    total = sessions[0]["server_sessions"] if sessions else None
    return [
        _judged("active", None if hidden or not sessions else count["active"], most, ACTIVE,
                "WARNING", "look for slow statements, or pool by transaction"),
        _judged("idle", None if hidden or not sessions else count["idle"], most, IDLE,
                "WARNING", "let the pool close idle sessions sooner, or pool by transaction"),
        _judged("total", total, most, TOTAL,
                "CRITICAL", "pool connections before new ones are refused"),
    ]  # fmt: skip


def _judged(
    metric: str,
    value: int | None,
    most: int | None,
    share: float,
    word: Literal["WARNING", "CRITICAL"],
    advice: str,
) -> Health:
    if value is None or most is None:
        return Health(metric, value, most, "UNKNOWN", "")
    bad = value > share * most
    return Health(metric, value, most, word if bad else "OK", advice if bad else "")


def read(store: Store, target_name: str, now: datetime | None = None) -> Sequence[Row]:
    """Return the sessions of a target's newest sweep; empty where it is older than an hour.

    Raises
    ------
    ConfigurationError
        The target was never swept.

    """
    target_id = targets.find(store, target_name)
    if target_id is None:
        raise ConfigurationError(
            f"target {target_name!r} was never swept", "run the job collect, then try again"
        )
    since = (now or datetime.now(UTC)) - NEWEST
    return store.rows("capacity_sessions", {"target_id": target_id, "since": since})
