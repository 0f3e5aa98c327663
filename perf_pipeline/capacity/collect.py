"""Bring a target's days up to date in the store, and read them back as forecasts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.capacity import forecast
from perf_pipeline.capacity.model import Forecast, policy_of
from perf_pipeline.capacity.trend import LONG_DAYS
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets

#: Days of the ledger that are looked at again: it keeps at least these, and a sweep may come late.
AGAIN_DAYS: Final = 14


@dataclass(frozen=True)
class Plan:
    """What a target has left of everything it can run out of.

    Attributes
    ----------
    day : date
        UTC day it was made.
    forecasts : tuple of Forecast
        The most urgent first.
    notes : tuple of str
        What could not be looked at, and why.

    """

    day: date
    forecasts: tuple[Forecast, ...]
    notes: tuple[str, ...] = field(default=())


def plan(target: Target, store: Store, today: date | None = None) -> Plan:
    """Note what is taken today and was on the last days, and say when it runs out.

    A target that does not answer is no reason to say nothing: the store's days are told, and a note
    says that its sequences and partitions were not looked at.

    Raises
    ------
    ConfigurationError, UnreachableError
        As for the store.

    """
    today = today or datetime.now(UTC).date()
    target_id = targets.register(store, target.name)
    params = {"target_id": target_id, "first": today - timedelta(days=AGAIN_DAYS), "last": today}
    rows: list[Mapping[str, Any]] = list(store.rows("capacity_ledger", params))
    notes: list[str] = []
    if not rows:
        notes.append("no sweep of the last days: disk, connections and ids are not known")
    try:
        counted, unread = counters(target, today)
    except PerfPipelineError as error:
        notes.append(f"sequences and partitions were not looked at: {error}")
    else:
        rows += counted
        if unread:
            notes.append(
                f"{unread} sequences may not be read; GRANT SELECT on them, or pg_read_all_data"
            )
    if rows:
        store.rows(
            "capacity_save",
            {"target_id": target_id, "entries": json.dumps([_entry(row) for row in rows])},
        )
    history = store.rows(
        "capacity_history",
        {"target_id": target_id, "first": today - timedelta(days=LONG_DAYS), "last": today},
    )
    made = forecast.forecasts(history, today, policy_of(target), free_bytes=free_bytes(rows))
    return Plan(today, tuple(made), tuple(notes))


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "day": row["day"].isoformat()}


def free_bytes(rows: list[Mapping[str, Any]]) -> float | None:
    """Return what the disk has left on its newest day, None where that is not told; pure."""
    disks = [row for row in rows if row["resource"] == "disk" and row["capacity"] is not None]
    if not disks:
        return None
    last = max(disks, key=lambda row: row["day"])
    return float(max(last["capacity"] - last["used"], 0.0))


def counters(target: Target, today: date) -> tuple[list[dict[str, Any]], int]:
    """Look how far the target's sequences and partitions reach.

    Returns
    -------
    list of dict
        Rows of `perf_mgmt.capacity_daily`.
    int
        Sequences that may not be read.

    """
    with pg.session(target.url(), read_only=True, autocommit=True) as connection:
        sequences = _rows(connection, "sequences")
        ends = _rows(connection, "partition_ends")
    rows: list[dict[str, Any]] = [
        {
            "day": today,
            "resource": "sequence",
            "object": row["owner_column"] or f"{row['schema_name']}.{row['sequence_name']}",
            "used": max(row["used"], 0.0),
            "capacity": row["capacity"],
            "unit": row["data_type"],
        }
        for row in sequences
        # one that begins anew never runs out; one that gave no number yet is not counted
        if row["used"] is not None and not row["cycle"] and row["capacity"] > 0
    ]
    rows += [
        {
            "day": today,
            "resource": forecast.PARTITIONS,
            "object": f"{row['schema_name']}.{row['table_name']}",
            "used": max(row["days_left"], 0.0),
            "capacity": None,
            "unit": "days",
        }
        for row in ends
    ]
    return rows, sum(not row["may_read"] for row in sequences)


def _rows(connection: psycopg.Connection[Any], name: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sqlfiles.load(f"capacity/{name}").text, {}).fetchall()
