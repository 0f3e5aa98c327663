"""What people, deployments and Dagster tell us of a target: `perf_mgmt.events`."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from perf_pipeline.errors import InputError
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store

_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
#: Longest name and detail kept, in characters.
LONGEST: Final = 300
#: Events listed at most.
MOST: Final = 200


def add(
    store: Store,
    target_name: str | None,
    kind: str,
    name: str,
    began_at: datetime,
    *,
    ended_at: datetime | None = None,
    detail: str = "",
    source: str,
) -> int:
    """Keep one event; told again, its end and its details are replaced.

    Parameters
    ----------
    store : Store
    target_name : str or None
        None: it concerns every target.
    kind : str
        `deploy`, `load_test`, `dagster_run`, or a word of your own.
    name : str
        What was deployed, tested or run.
    began_at, ended_at : datetime
        With a time zone; one without is UTC.
    detail, source : str
        A line for a reader; who or what tells it.

    Returns
    -------
    int
        Its number.

    Raises
    ------
    InputError
        The kind is no word, or the end lies before the beginning.

    """
    if not _KIND.fullmatch(kind):
        raise InputError(
            f"kind {kind!r} of an event is no word", "use small letters, digits and _: deploy"
        )
    began, ended = _aware(began_at), None if ended_at is None else _aware(ended_at)
    if ended is not None and ended < began:
        raise InputError(f"the event ends at {ended}, before it begins at {began}", "swap them")
    rows = store.rows(
        "events_add",
        {
            "target_id": None if target_name is None else targets.register(store, target_name),
            "kind": kind,
            "object": name[:LONGEST],
            "began_at": began,
            "ended_at": ended,
            "detail": detail[:LONGEST],
            "source": source[:LONGEST],
        },
    )
    return int(rows[0]["event_id"])


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def listed(store: Store, target_id: int, since: date | None) -> Sequence[Mapping[str, Any]]:
    """Return what was told of a target, the newest first, at most `MOST`."""
    return store.rows("events_list", {"target_id": target_id, "since": since, "most": MOST})


def remove(store: Store, event_id: int) -> None:
    """Forget an event.

    Raises
    ------
    InputError
        There is none with this number.

    """
    if not store.rows("events_remove", {"event_id": event_id}):
        raise InputError(f"there is no event {event_id}", "see `perf-pipeline event list`")
