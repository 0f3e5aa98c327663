"""Writes texts, rollups, baselines and findings of a made-up target, as our own code would have."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import polars as pl

from perf_pipeline.postgres import copy
from perf_pipeline.store import Store, partitions

Statements = dict[int, tuple[int, float]]


def text(
    store: Store, target_id: int, queryid: int, query: str, tags: dict[str, str] | None = None
) -> None:
    """Say what a statement of role 10 in database 5 is."""
    hashed = hashlib.sha256(query.encode()).hexdigest()
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO ledger.query_texts VALUES (%s, %s, now()) ON CONFLICT DO NOTHING",
            (hashed, query),
        )
        connection.execute(
            "INSERT INTO ledger.statement_texts VALUES (%s, 5, 10, %s, %s)",
            (target_id, queryid, hashed),
        )
        if tags:
            connection.execute(
                "INSERT INTO ledger.statement_tags VALUES (%s, 5, 10, %s, %s, now(), now())",
                (target_id, queryid, json.dumps(tags)),
            )


def _append(store: Store, table: tuple[str, str], day: date, frame: pl.DataFrame) -> None:
    with store.begin() as connection:
        partitions.ensure(connection, day, table=table)
        copy.write_frame(connection, table, frame)


def _rows(target_id: int, statements: Statements, userid: int, **more: object) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "target_id": target_id,
                "userid": userid,
                "dbid": 5,
                "queryid": queryid,
                "toplevel": True,
                **more,
            }
            for queryid in statements
        ]
    )


def day(store: Store, target_id: int, of: date, statements: Statements, userid: int = 10) -> None:
    """Write a day's sums: calls and ms per call of each statement."""
    calls = [each for each, _ in statements.values()]
    total = [each * mean for each, mean in statements.values()]
    frame = _rows(
        target_id, statements, userid, day=of, source="collected", intervals=1, exact_intervals=1
    ).with_columns(
        pl.Series("calls", calls),
        pl.Series("exact_calls", calls),
        pl.Series("total_exec_time", total),
        pl.Series("exact_exec_time", total),
    )
    _append(store, ("ledger", "statements_daily"), of, frame)


def hour(store: Store, target_id: int, of: datetime, queryid: int, calls: int, mean: float) -> None:
    """Write one hour of one statement."""
    frame = _rows(
        target_id,
        {queryid: (calls, mean)},
        10,
        hour=of,
        source="collected",
        intervals=1,
        exact=True,
        calls=calls,
        total_exec_time=calls * mean,
    )
    _append(store, ("ledger", "statements_hourly"), of.date(), frame)


def baseline(
    store: Store, target_id: int, of: date, centers: dict[int, float], userid: int = 10
) -> None:
    """Write what was normal on the eve of a day."""
    frame = _rows(
        target_id,
        dict.fromkeys(centers, (0, 0.0)),
        userid,
        day=of,
        metric="mean_exec_time",
        tier="all",
        slot=0,
        samples=30,
        calls=400,
        spread=0.1,
        low=0.0,
        high=0.0,
    ).with_columns(pl.Series("center", list(centers.values())))
    _append(store, ("perf_mgmt", "statement_baselines"), of, frame)


def finding(store: Store, target_id: int, of: date, queryid: int, onset: datetime) -> None:
    """Write a finding: a statement of role 10 got slower."""
    numbers = (
        *("old_level", "new_level", "relative_change", "relative_change_low"),
        *("relative_change_high", "p_value", "q_value", "calls_per_day", "added_ms_per_day"),
    )
    frame = _rows(
        target_id,
        {queryid: (0, 0.0)},
        10,
        day=of,
        finding_id="f",
        incident_id="i",
        is_new=True,
        metric="mean_exec_time",
        grain="hour",
        onset=onset,
        direction="up",
        severity="warning",
        policy="",
        causes="[]",
        **dict.fromkeys(numbers, 0.5),
    )
    _append(store, ("perf_mgmt", "findings"), of, frame)


def interval(store: Store, target_id: int, statements: Statements, minutes: float) -> None:
    """Write an interval that ended some minutes ago: calls and total ms of each statement."""
    ts = (datetime.now(UTC) - timedelta(minutes=minutes)).replace(tzinfo=None)
    frame = _rows(target_id, statements, 10, ts=ts, quality="exact").with_columns(
        pl.Series("calls", [calls for calls, _ in statements.values()]),
        pl.Series("total_exec_time", [total for _, total in statements.values()]),
    )
    _append(store, ("ledger", "statements"), ts.date(), frame)


def sweep(store: Store, target_id: int, at: datetime) -> None:
    """Write that a target was swept."""
    ts = at.astimezone(UTC).replace(tzinfo=None)
    frame = pl.DataFrame(
        [
            {
                "target_id": target_id,
                "ts": ts,
                "source": "collected",
                "quality": "exact",
                "server_version_num": 180000,
            }
        ]
    )
    _append(store, ("ledger", "sweeps"), ts.date(), frame)
