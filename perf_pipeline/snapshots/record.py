"""Collect one sweep of a target and keep its interval, exactly once."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.postgres.deadline import deadline
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import coverage, evidence, intervals, own_cost, spending, texts
from perf_pipeline.snapshots.collect import sweep
from perf_pipeline.snapshots.evidence import Observation, Quality
from perf_pipeline.snapshots.intervals import EXPECTED_SECONDS, SIZE, Computed, compute
from perf_pipeline.snapshots.own_cost import TempFiles, observed
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.snapshots.text_budget import Budget
from perf_pipeline.store import partitions, servers, state, targets
from perf_pipeline.store.engine import Store

#: The database's size is read again after this time: the server looks at every file for it.
SIZE_SECONDS = 600.0


@dataclass(frozen=True)
class SweepRecord:
    """One sweep as it was committed.

    Attributes
    ----------
    target : str
    ts : datetime
        End of the interval, aware UTC, by the target's clock.
    previous_ts : datetime or None
        Its start; None for the first sweep, and where the target's clock went back.
    quality : str
        Of the interval as a whole; `first_seen` for the first sweep.
    rows : Mapping of ledger table to int
        Rows written.
    connect_ms, database_ms, duration_ms : float
        Opening the connection; the target at work; all of it, store included.
    texts_ms : float
        Waiting for statement texts afterwards; 0: none were read.
    temp_bytes : int or None
        Temporary files our statements wrote (see `own_cost`); None: the server does not tell.
    connections : int
        Our sessions in that database at that time, this one included.
    expected_seconds : float
        Spacing of sweeps that was expected: it grows when the budget makes them fewer.
    rows_read : int
    notes : tuple of str
        What was left out or is worth knowing, one sentence each.
    server_target_id : int
        The target that the instance-wide families of this server are kept with.
    first : bool
        No interval yet: this sweep is the baseline.

    """

    target: str
    ts: datetime
    previous_ts: datetime | None
    quality: Quality
    rows: Mapping[str, int]
    connect_ms: float
    database_ms: float
    duration_ms: float
    texts_ms: float
    temp_bytes: int | None
    connections: int
    expected_seconds: float
    rows_read: int
    notes: tuple[str, ...]
    server_target_id: int
    first: bool


def collect(
    target: Target,
    store: Store,
    *,
    expected_seconds: float = EXPECTED_SECONDS,
    limits: pg.Limits | None = None,
    text_budget: Budget | None = None,
) -> SweepRecord:
    """Sweep a target, compute its interval and commit both in one store transaction.

    Parameters
    ----------
    target : Target
    store : Store
        Up to date (`store.migrate`).
    expected_seconds : float
        Usual spacing of sweeps; more than three times as much is a `gap`.
    limits : postgres.connect.Limits, optional
        Default: the environment's.
    text_budget : Budget, optional
        How often statement texts may be read; default: at most every ten minutes.

    Raises
    ------
    UnreachableError
        The target or the store could not be reached, or the connection broke.
    UnsupportedServerError
        The target is too old or lacks pg_stat_statements.
    BusyError
        Another collector swept the target meanwhile; nothing was written.

    """
    start = time.perf_counter()
    budget = text_budget or Budget()
    share = target.budget_share
    target_id = targets.register(store, target.name)
    with store.begin() as connection:
        before = state.load(connection, target_id)
        own = texts.own_statements(connection, target_id)
        seen = _seen(before)
        server = _server(seen.get(state.EVIDENCE))
        holds = server is None or servers.may_hold(connection, server, target_id, expected_seconds)
        purse = spending.load(connection, target_id, share)
    expected = max(expected_seconds, purse.spacing_s)
    url = target.url()
    connecting = time.perf_counter()
    with closing(pg.connect(url, limits=limits, bare=True)) as session:
        connect_ms = (time.perf_counter() - connecting) * 1000.0
        files = TempFiles(session)
        judge = intervals.Judge(before.frames, seen, expected, own)
        with (
            spending.charging(store, target_id, share, expected_seconds),
            deadline(session, pg.most_seconds(limits), f"target {target.name!r}"),
        ):
            swept = sweep(
                session,
                limits=limits,
                seen=seen,
                holds_server=holds,
                known_objects=before.frames.get("schema_objects"),
                known_bytes=_known_bytes(before, seen),
                states=before.frames,
                where=f"target {target.name!r}",
                early=judge.of,
            )
        swept = replace(
            swept,
            observation=observed(
                swept.observation, swept.own_cost, swept.frames.get("statements"), own
            ),
        )
        computed = compute(swept, before.frames, seen, expected, own, judge)
        with store.begin() as connection:
            # before any lock on the ledger: another collector may be creating the same day
            partitions.ensure(connection, swept.observation.ts.astimezone(UTC).date())
            state.lock(connection, target_id, before.instant)
            hold = _hold(connection, target_id, swept.observation, expected_seconds)
            computed = intervals.of_server(
                computed,
                SOURCES,
                swept.observation.server_version_num // 10_000,
                holds=hold.holder_id == target_id,
                continued=hold.continued,
            )
            claimed = texts.claim(
                connection, target_id, computed.rows["statements"], swept.observation.ts, budget
            )
            record = SweepRecord(
                target=target.name,
                ts=_free_instant(connection, target_id, swept.observation.ts, before.instant),
                previous_ts=computed.previous_ts,
                quality=computed.quality,
                rows={name: frame.height for name, frame in computed.rows.items()},
                connect_ms=connect_ms,
                database_ms=swept.database_ms,
                duration_ms=(time.perf_counter() - start) * 1000.0,
                texts_ms=0.0,
                temp_bytes=files.written
                if swept.own_cost.told
                else own_cost.since(seen.get(state.EVIDENCE), swept.observation),
                connections=swept.own_cost.connections,
                expected_seconds=expected,
                rows_read=swept.rows_read,
                notes=(*swept.notes, *computed.notes, *([claimed.note] if claimed.note else [])),
                server_target_id=hold.holder_id,
                first=before.instant is None,
            )
            _write(connection, target_id, record, swept.observation, computed, before.instant)
            spending.save(
                connection,
                target_id,
                purse,
                connect_ms + swept.database_ms,
                _active_ms(computed),
                expected_seconds,
            )
        # the interval is committed: whatever becomes of the texts, it stands
        written = files.written
        fetched = texts.fetch(store, session, swept, target_id, record.ts, claimed, budget, limits)
        if fetched.milliseconds:
            written = files.written - written
            spending.charge_texts(
                store,
                target_id,
                record.ts,
                share,
                expected_seconds,
                texts_ms=fetched.milliseconds,
                temp_bytes=written,
            )
            record = replace(
                record,
                texts_ms=fetched.milliseconds,
                temp_bytes=None if record.temp_bytes is None else record.temp_bytes + written,
            )
        record = replace(record, notes=(*record.notes, *fetched.notes))
    return replace(record, duration_ms=(time.perf_counter() - start) * 1000.0)


def _seen(before: state.State) -> dict[str, Observation]:
    """Return what was observed of each family, except where what was kept of it is gone."""
    if before.instant is None:
        return {}
    kept = {source.name for source in SOURCES if source.kind != "sample"}
    gone = kept - set(before.frames)
    found = evidence.from_frame(before.frames[state.EVIDENCE])
    return {name: observed for name, observed in found.items() if name not in gone}


def _covered(computed: Computed) -> dict[str, float | None]:
    """Return what the sweep's row holds of the conservation check."""
    if computed.covered is None:
        return dict.fromkeys(field.name for field in fields(coverage.Covered))
    return vars(computed.covered)


def _active_ms(computed: Computed) -> float | None:
    """Return the time that the database's sessions were active in the interval, if it was read."""
    rows = computed.rows.get("database", pl.DataFrame())
    return None if rows.is_empty() else float(rows["active_time"].sum())


def _server(seen: Observation | None) -> servers.Server | None:
    """Return which server was observed; None where the role may not know."""
    if (
        seen is None
        or seen.system_identifier is None
        or seen.address is None
        or seen.port is None
        or seen.postmaster_start is None
    ):
        return None
    return servers.Server(seen.system_identifier, seen.address, seen.port, seen.postmaster_start)


def _hold(
    connection: psycopg.Connection, target_id: int, seen: Observation, expected_seconds: float
) -> servers.Hold:
    """Say who keeps the server's families; a server that cannot be told apart is the target's."""
    server = _server(seen)
    if server is None:
        return servers.Hold(target_id, continued=True)
    return servers.claim(connection, server, target_id, expected_seconds)


def _known_bytes(before: state.State, seen: Mapping[str, Observation]) -> int | None:
    """Return the database's size when it was read less than `SIZE_SECONDS` ago."""
    read, last = seen.get(SIZE), seen.get(state.EVIDENCE)
    if read is None or last is None or "database" not in before.frames:
        return None
    if not 0 <= (datetime.now(UTC) - read.ts).total_seconds() < SIZE_SECONDS:
        return None
    return int(before.frames["database"]["database_bytes"][0])


def _free_instant(
    connection: psycopg.Connection, target_id: int, ts: datetime, last: datetime | None
) -> datetime:
    """Return the sweep's instant, moved by microseconds when a stepped clock repeats one."""
    if last is None or ts > last:
        return ts
    text = sqlfiles.load("store/snapshot_instant_taken").text
    while True:
        row = connection.execute(text, {"target_id": target_id, "ts": ts}).fetchone()
        if row is None or not row[0]:
            return ts
        ts += timedelta(microseconds=1)


def _write(
    connection: psycopg.Connection,
    target_id: int,
    record: SweepRecord,
    observed: Observation,
    computed: Computed,
    expected: datetime | None,
) -> None:
    """Write state, sweep and intervals into the caller's transaction."""
    kept = {**computed.state, state.EVIDENCE: evidence.to_frame(computed.observations)}
    state.save(connection, target_id, record.ts, kept, expected, locked=True)
    connection.execute(
        sqlfiles.load("store/snapshot_sweep").text,
        {
            **vars(observed),
            **vars(record),
            **_covered(computed),
            "target_id": target_id,
            "rows_written": sum(record.rows.values()),
            "notes": "\n".join(record.notes),
            "collector": f"process {os.getpid()} on {socket.gethostname()}",
        },
    )
    ts = record.ts.astimezone(UTC).replace(tzinfo=None)
    stamps = [pl.Series("target_id", [target_id]), pl.Series("ts", [ts], dtype=pl.Datetime("us"))]
    for name, frame in computed.rows.items():
        if frame.is_empty():
            continue
        stamped = frame.hstack([stamp.new_from_index(0, frame.height) for stamp in stamps])
        copy.write_frame(connection, ("ledger", name), stamped)
