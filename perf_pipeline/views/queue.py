"""Requests to refresh views: asked for often, done once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.views import catalog
from perf_pipeline.views.catalog import Connection
from perf_pipeline.views.model import State
from perf_pipeline.views.plan import pause


@dataclass(frozen=True)
class Asked:
    """One view that is asked for.

    Attributes
    ----------
    requests : int
        How often.
    due : bool
        False: it failed a short while ago and is left alone for now.

    """

    view: str
    requests: int
    oldest: datetime
    due: bool
    reasons: tuple[str, ...] = ()


def ask(connection: Connection, view: str, reason: str = "") -> int:
    """Ask for a refresh of a view; the request commits with the caller's transaction.

    Returns
    -------
    int
        Number of the request.

    """
    return int(
        catalog.rows(connection, "queue_add", {"view": view, "reason": reason})[0]["request_id"]
    )


def waiting(connection: Connection, now: datetime) -> list[Asked]:
    """Return the views that are asked for, the longest waiting first; none where we keep none."""
    if not catalog.is_installed(connection):
        return []
    return coalesce(catalog.rows(connection, "queue_waiting"), now)


def coalesce(rows: Sequence[Mapping[str, object]], now: datetime) -> list[Asked]:
    """Judge the rows of `queue_waiting`: which views may be refreshed now; pure.

    Raises
    ------
    InputError
        A row lacks a time.

    """
    found = []
    for row in rows:
        failed_at, failures, oldest = row["failed_at"], row["failures"], row["oldest"]
        if not isinstance(oldest, datetime):
            raise InputError(f"request for {row['view_name']} has no time", "read it again")
        state = State(
            failures=int(str(failures)),
            failed_at=failed_at if isinstance(failed_at, datetime) else None,
        )
        due = state.failed_at is None or now >= state.failed_at + pause(state)
        reasons = row["reasons"]
        found.append(
            Asked(
                str(row["view_name"]),
                int(str(row["requests"])),
                oldest,
                due,
                tuple(reasons) if isinstance(reasons, list) else (),
            )
        )
    return found


def probe(target: Target, now: datetime) -> list[Asked]:
    """Look at a target's queue: one connection, one statement of at most 2 s.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be reached; a queue that cannot be read in time counts as empty.

    """
    limits = pg.Limits(2_000, 500, 2)
    with pg.session(
        target.maintenance_url(), limits=limits, read_only=True, autocommit=True
    ) as connection:
        try:
            return waiting(connection, now)
        except psycopg.errors.QueryCanceled:
            return []
