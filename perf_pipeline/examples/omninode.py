"""The omninode example system, an event bridge: what it is made of and how to fill it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import psycopg

from perf_pipeline.examples import fill
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.omninode_data import Size, chunks
from perf_pipeline.examples.thorbis_kit import Chunk
from perf_pipeline.postgres import sqlfiles

SYSTEM = "omninode"

#: Every table the generator fills, what is referred to first.
TABLES: tuple[tuple[str, str], ...] = (
    ("omninode", "service_sessions"),
    ("omninode", "security_audit_log"),
    ("omninode", "connection_metrics"),
    ("omninode", "hook_event_keys"),
    ("omninode", "hook_events"),
    ("omninode", "event_metrics"),
)


def generate(
    url: str,
    events: int = 100_000,
    days: int = 45,
    seed: int = 1,
    *,
    now: datetime | None = None,
    replace: bool = False,
) -> Generated:
    """Fill the omninode tables: a stream of events with its retries, dead letters and failures.

    Parameters
    ----------
    url : str
        A database with the omninode schema; never one marked as production.
    events : int
        Events in `days`; about 1.2 attempts each are measured.
    days : int
        The days before `now` in which they arrive.
    seed : int
        Same seed, size and `now`: the same rows.
    now : datetime, optional
        Naive UTC. Default: this minute.
    replace : bool
        Also overwrite rows of other origin, and fresh data of the same parameters.

    Returns
    -------
    Generated
        `rows` per table; `created` False when the data was there already.

    Raises
    ------
    ProductionError, ConfigurationError, BusyError
        As `fill.fill`.

    """
    size = Size(events, days)
    make: partial[Iterator[Chunk]] = partial(chunks, size, seed)
    return fill.fill(
        url,
        SYSTEM,
        TABLES,
        size.parameters(seed),
        make,
        now=now,
        replace=replace,
        prepare=partial(_months, days=days),
        finish=_refresh,
    )


def _months(connection: psycopg.Connection, reference: datetime, *, days: int) -> None:
    connection.execute(
        sqlfiles.load("omninode/data/months").text,
        {"since": reference - timedelta(days=days), "until": reference},
    )


def _refresh(connection: psycopg.Connection) -> None:
    for view in ("performance_summary",):
        connection.execute(sqlfiles.load(f"omninode/data/refresh_{view}").text)
