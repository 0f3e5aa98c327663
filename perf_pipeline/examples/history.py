"""Generate a history of a target: what weeks of sweeps would have recorded, with known changes.

It is marked `generated` in the store, lies before the first real sweep, and is never mixed with
real samples. It is there to show and to test baselines, findings and backfills.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import ledger_rows, simulate, story
from perf_pipeline.examples.ledger_rows import DBID, USERID
from perf_pipeline.examples.story import Truth
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.store import Store, archive, ledger, partitions, targets

#: Tables that generated history fills, in an order in which they may be emptied.
TABLES = (
    "statements",
    "tables",
    "indexes",
    "database",
    "settings_changes",
    "schema_changes",
    "sweeps",
)
LONGEST_DAYS = 1_000
STEPS = (timedelta(minutes=15), timedelta(hours=1))


@dataclass(frozen=True)
class GeneratedHistory:
    """What was written.

    Attributes
    ----------
    target : str
    first, end : date
        UTC days, both included.
    sweeps : int
    rows : dict of str to int
        Rows by ledger table.
    truths : tuple of Truth
        The changes that are in it, by onset.

    """

    target: str
    first: date
    end: date
    sweeps: int
    rows: dict[str, int]
    truths: tuple[Truth, ...]


def generate(
    store: Store,
    target_name: str,
    days: int = 60,
    end: date | None = None,
    seed: int = 1,
    *,
    step: timedelta = timedelta(hours=1),
) -> GeneratedHistory:
    """Write `days` days of generated history of a target, replacing what was generated before.

    Parameters
    ----------
    store : Store
    target_name : str
        Registered when it is new.
    days : int
        1 to 1000. Changes of the story that lack eight quiet days before them are left out.
    end : date, optional
        Last day. Default: the day before the first real sweep, else yesterday (UTC).
    seed : int
        Same seed, days, end and step: the same rows.
    step : timedelta
        Distance of two sweeps: 15 minutes or 1 hour.

    Raises
    ------
    ConfigurationError
        A number is out of range, or a day has real sweeps or lies after one.

    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ConfigurationError(f"days={days} is out of range", f"use 1 to {LONGEST_DAYS}")
    if step not in STEPS:
        raise ConfigurationError(f"step={step} is not offered", "use 15 minutes or 1 hour")
    if seed < 0:
        raise ConfigurationError(f"seed={seed} is negative", "use a whole number from 0 on")
    target_id = targets.register(store, target_name)
    held = spans(store, target_name)
    generated = held.pop("generated", None)
    real = min((row["first_ts"] for row in held.values()), default=None)
    last = end or (real or datetime.now(UTC)).astimezone(UTC).date() - timedelta(days=1)
    if real is not None and real.astimezone(UTC).date() <= last:
        raise ConfigurationError(
            f"target {target_name!r} has real sweeps from {real:%Y-%m-%d %H:%M} UTC on;"
            f" generated history up to {last} would mix with them",
            f"end it before {real:%Y-%m-%d}, or use another target or store",
        )
    first = last - timedelta(days=days - 1)
    line = ledger_rows.timeline(first, last, step)
    statements = simulate.statements()
    told = story.happenings(first, last)
    frames = _frames(line, statements, told, seed)
    queryids = {statement.name: statement.queryid for statement in statements}
    with store.begin() as connection:
        if generated is not None:
            _forget(connection, target_id, generated["first_ts"], generated["last_ts"])
        span = {"target_id": target_id, "start": first, "end": last + timedelta(days=1)}
        connection.execute(sqlfiles.load("store/history_forget_rollups").text, span)
        for table, frame in frames.items():
            # of these tables only: a day of all of them is three times as many partitions
            partitions.ensure(connection, first, last, table=("ledger", table))
            rows = frame.with_columns(target_id=pl.lit(target_id, pl.Int32))
            copy.write_frame(connection, ("ledger", table), rows)
        _texts(connection, target_id, statements, line.ends[0])
        connection.execute(sqlfiles.load("store/history_analyze").text)
    return GeneratedHistory(
        target_name,
        first,
        last,
        len(line.ends),
        {table: frame.height for table, frame in frames.items()},
        story.truths(told, queryids),
    )


def spans(store: Store, target_name: str) -> dict[str, Mapping[str, Any]]:
    """Return, by source, `first_ts` and `last_ts` of a target's sweeps; empty when it has none."""
    target_id = targets.find(store, target_name)
    if target_id is None:
        return {}
    found = (
        ledger.read(store, "sweeps", target_id, columns=("ts", "source"))
        .with_columns(pl.col("ts").dt.replace_time_zone("UTC"))
        .group_by("source")
        .agg(first_ts=pl.col("ts").min(), last_ts=pl.col("ts").max())
        .sort("source")
    )
    return {row["source"]: row for row in found.iter_rows(named=True)}


def _frames(
    line: ledger_rows.Timeline,
    statements: list[simulate.Statement],
    told: list[tuple[datetime, story.Happening]],
    seed: int,
) -> dict[str, pl.DataFrame]:
    rows, did = ledger_rows.statement_rows(line, statements, told, seed)
    schema, settings = ledger_rows.change_rows(line, told)
    frames = {
        "sweeps": ledger_rows.sweep_rows(line, told, rows, seed),
        "statements": rows,
        "database": ledger_rows.database_rows(line, rows),
        "tables": ledger_rows.table_rows(line, told, did, seed),
        "indexes": ledger_rows.index_rows(line, told, did),
        "schema_changes": schema,
        "settings_changes": settings,
    }
    return {table: frame for table, frame in frames.items() if frame.height}


def _forget(connection: psycopg.Connection, target_id: int, start: datetime, end: datetime) -> None:
    # generated history lies before the first real sweep, so its span holds nothing else
    archive.forget(connection, target_id, start.date(), end.date())
    for table in TABLES:
        connection.execute(
            sqlfiles.load(f"store/history_forget_{table}").text,
            {"target_id": target_id, "start": start, "end": end},
        )


def _texts(
    connection: psycopg.Connection,
    target_id: int,
    statements: list[simulate.Statement],
    first_seen: datetime,
) -> None:
    for statement in statements:
        text_hash = hashlib.sha256(statement.text.encode()).hexdigest()
        connection.execute(
            sqlfiles.load("store/history_save_text").text,
            {
                "text_hash": text_hash,
                "query": statement.text,
                "first_seen": first_seen.replace(tzinfo=UTC),
            },
        )
        connection.execute(
            sqlfiles.load("store/history_save_statement_text").text,
            {
                "target_id": target_id,
                "dbid": DBID,
                "userid": USERID,
                "queryid": statement.queryid,
                "text_hash": text_hash,
            },
        )
