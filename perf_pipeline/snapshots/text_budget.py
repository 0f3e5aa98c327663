"""How often statement texts may be read, how much of them, and when again after a failure. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

#: The longest wait: what could not be read is tried at least once a day.
MOST_SECONDS = 86_400.0

_KEYS = ["userid", "dbid", "queryid"]


@dataclass(frozen=True)
class Budget:
    """What reading texts may cost a target: the server reads its whole text file each time.

    Attributes
    ----------
    minimum_seconds : float
        Least time between two readings of one target, by its own clock; 0: at every sweep that has
        statements without a text, whatever it costs.
    maximum_statements : int
        Most texts asked for at once; the rest waits for the next time.
    maximum_bytes : int
        Most bytes of texts that one reading returns.
    timeout_ms : int
        Server-side limit of a reading, where the environment's is not shorter.
    maximum_share : float
        Most of the time that may be spent reading: after a reading of one second the next one is
        at least 1 / `maximum_share` seconds away. Default: the 0.2 % that all sweeps may cost.

    """

    minimum_seconds: float = 600.0
    maximum_statements: int = 5_000
    maximum_bytes: int = 16 * 1024 * 1024
    timeout_ms: int = 10_000
    maximum_share: float = 0.002


@dataclass(frozen=True)
class Reading:
    """How reading texts of a target went last time.

    Attributes
    ----------
    begun_at : datetime
        By the target's clock, aware.
    finished : bool
        False: it is going on, or its process died.
    failures : int
        How many in a row, this one included; a reading counts as failed until it has succeeded, so
        that one that kills us is not tried again at once.
    milliseconds : float
        How long the server took; 0 of a failure.

    """

    begun_at: datetime
    finished: bool
    failures: int
    milliseconds: float


def next_at(last: Reading, budget: Budget) -> datetime:
    """Return from when on texts may be read again; each failure in a row doubles the wait."""
    seconds = 0.0
    if budget.minimum_seconds:
        seconds = max(budget.minimum_seconds, last.milliseconds / 1000.0 / budget.maximum_share)
        seconds *= 2.0 ** min(max(last.failures - 1, 0), 30)
    return last.begun_at + timedelta(seconds=min(seconds, MOST_SECONDS))


def is_due(last: Reading | None, now: datetime, budget: Budget) -> bool:
    """Whether texts may be read now; a clock that went back is no reason to wait."""
    return last is None or now < last.begun_at or now >= next_at(last, budget)


def begun(last: Reading | None, now: datetime) -> Reading:
    """Return what to remember before a reading."""
    return Reading(now, False, (last.failures if last else 0) + 1, 0.0)


def failed(reading: Reading) -> Reading:
    """Return what to remember of a reading that the server refused or did not finish in time."""
    return replace(reading, finished=True)


def succeeded(reading: Reading, milliseconds: float) -> Reading:
    """Return what to remember of a reading that took the server some milliseconds."""
    return Reading(reading.begun_at, True, 0, milliseconds)


def dearest_first(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the keys of an interval's statements, those first that took most of its time.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns userid, dbid, queryid, total_exec_time of the interval.

    Returns
    -------
    polars.DataFrame
        Columns userid, dbid, queryid; each once.

    """
    return (
        rows.group_by(_KEYS)
        .agg(pl.col("total_exec_time").sum())
        .sort("total_exec_time", *_KEYS, descending=[True, False, False, False])
        .select(_KEYS)
    )


def counted_anew(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the keys of statements the server may have forgotten: their comment may be another.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns userid, dbid, queryid, quality of the interval.

    """
    again = pl.col("quality").is_in(["reset", "evicted_reinserted", "lower_bound", "first_seen"])
    return rows.filter(again).select(_KEYS).unique().sort(_KEYS)
