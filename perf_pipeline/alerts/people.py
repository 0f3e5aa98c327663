"""What people do with incidents: look at them, take them, say that they are over."""

from collections.abc import Mapping, Sequence
from typing import Any

from perf_pipeline.alerts import book
from perf_pipeline.errors import InputError
from perf_pipeline.store import Store


def listed(
    store: Store, target: str | None = None, *, everything: bool = False, limit: int = 50
) -> Sequence[Mapping[str, Any]]:
    """Return incidents, the open ones first.

    Parameters
    ----------
    store : Store
    target : str, optional
        Default: of all targets.
    everything : bool
        Those that are over, too.
    limit : int
        Rows at most.

    Returns
    -------
    sequence of Mapping
        The columns of `monitoring.incidents`.

    """
    values = {"target": target, "all": everything, "limit": limit}
    with store.begin() as connection:
        return book.run(connection, "book/open_incidents", values)


def states(store: Store, target: str, limit: int = 1000) -> Sequence[Mapping[str, Any]]:
    """Return how each policy of a target stands, the worst first."""
    with store.begin() as connection:
        return book.run(connection, "book/states_listed", {"target": target, "limit": limit})


def acknowledge(store: Store, incident_id: str, who: str, note: str = "") -> Mapping[str, Any]:
    """Take an incident: no reminders of it any more, until it gets worse or is over.

    Raises
    ------
    InputError
        There is none of this number, or it is over.

    """
    return _change(store, "book/acknowledge", incident_id, {"who": who, "note": note})


def resolve(store: Store, incident_id: str, note: str = "") -> Mapping[str, Any]:
    """Say that an incident is over; where it is not, the next evaluation opens a new one.

    Raises
    ------
    InputError
        There is none of this number, or it is over already.

    """
    return _change(store, "book/resolve", incident_id, {"note": note})


def _change(
    store: Store, name: str, incident_id: str, values: Mapping[str, object]
) -> Mapping[str, Any]:
    with store.begin() as connection:
        changed = book.run(connection, name, {**values, "incident_id": incident_id})
        if changed:
            return changed[0]
        known = book.run(connection, "book/incident", {"incident_id": incident_id})
    if not known:
        raise InputError(f"there is no incident {incident_id!r}", "see `perf-pipeline alerts list`")
    raise InputError(f"incident {incident_id} is over already", "see `perf-pipeline alerts list`")
