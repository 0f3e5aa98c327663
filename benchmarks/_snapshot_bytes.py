"""What a day of sweeps takes in the store, in the archive, and as rollups.

A real sweep of a real database gives every frame. From it a day of 288 sweeps is made, five minutes
apart, in which counters rise, and each is computed and written by the code that sweeps: state,
intervals, partitions. Then the day is rolled up and archived by the code that does that.

How often a statement runs is log-normal, as wide as makes 5 % of 5,000 run in five minutes while
the server does about 300 statements a second: a few run all the time, most seldom. The same holds
for tables and indexes. A narrower distribution spreads the same 5 % over more statements: it moves
rows from the hours' two hundred busiest to everything else, and makes rollups larger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import psycopg

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import evidence, record, rollup, rollup_relations
from perf_pipeline.snapshots.collect import Sweep, sweep
from perf_pipeline.snapshots.intervals import compute
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.snapshots.sources import due
from perf_pipeline.store import Store, archive, frames, ledger, partitions, place, state, targets
from perf_pipeline.store.retention import Policy

SWEEPS = 288
DAY = date(2026, 11, 10)
START = datetime(2026, 11, 10, 0, 3, tzinfo=UTC)
SPACING = timedelta(minutes=5)
#: Share of statements, tables and indexes that change between two sweeps.
SHARE = 0.05
#: Width of the distribution of rates: 4 is 34 statements a second, 5 is 280.
SIGMA = 5.0
#: Days of rollups that are written: a partition grows in steps, one day would show the step.
ROLLUP_DAYS = 7
ROLLUPS = (
    "statements_hourly", "statements_daily", "tables_daily", "indexes_daily", "database_hourly",
)  # fmt: skip

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bytes:
    """Bytes of a day; `by_table` per sweep: in the store (heap, indexes, TOAST) and archived."""

    hot_per_sweep: float
    archive_per_sweep: float
    rollup_per_day: float
    state: int
    rows_per_sweep: float
    by_table: Mapping[str, tuple[float, float]]
    by_rollup: Mapping[str, float]


def rates(number: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return how often each of `number` things happens in five minutes."""
    spread = SIGMA * generator.normal(size=number)
    low, high = -60.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        rate = np.minimum(np.exp(middle + spread), 50_000.0)
        if (1 - np.exp(-rate)).mean() < SHARE:
            low = middle
        else:
            high = middle
    return rate


class Counters:
    """The counters of one family, rising."""

    def __init__(self, frame: pl.DataFrame, names: list[str], generator: np.random.Generator):
        self.frame = frame
        self.generator = generator
        self.rates = rates(frame.height, generator)
        # what one event adds to each counter: most counters of most things stay where they are
        moving = generator.random((len(names), frame.height)) < 0.35
        self.each = {
            name: np.exp(generator.normal(1.0, 1.5, frame.height)) * moves
            for name, moves in zip(names, moving, strict=True)
        }
        self.each |= {name: np.ones(frame.height) for name in names if name in _EVENTS}

    def advance(self) -> pl.DataFrame:
        """Let five minutes pass and return the counters."""
        events = self.generator.poisson(self.rates)
        noise = np.exp(self.generator.normal(0.0, 0.3, len(events)))
        added = []
        for name, each in self.each.items():
            more = events * each * (1.0 if name in _EVENTS else noise)
            whole = self.frame.schema[name].is_integer()
            values = pl.Series(name, np.ceil(more).astype(np.int64) if whole else more)
            added.append(pl.col(name).fill_null(0) + pl.lit(values))
        self.frame = self.frame.with_columns(added)
        return self.frame


#: Counters that count the events themselves.
_EVENTS = frozenset({"calls", "seq_scan", "idx_scan", "blocks_hit", "xact_commit"})
#: Of a statement: counters that few, or none, of an ordinary application's move.
_STATEMENT_SHARE = {
    "rows": 1.0, "total_exec_time": 1.0, "shared_blks_hit": 1.0, "exec_time_squares": 1.0,
    "shared_blks_read": 0.3, "shared_blks_dirtied": 0.25, "wal_records": 0.25, "wal_bytes": 0.25,
    "wal_fpi": 0.2, "blk_read_time": 0.3, "temp_blks_read": 0.02, "temp_blks_written": 0.02,
}  # fmt: skip


def _statements(frame: pl.DataFrame, names: list[str], g: np.random.Generator) -> Counters:
    made = Counters(frame, names, g)
    scale = {"total_exec_time": -1.0, "exec_time_squares": -1.0, "wal_bytes": 5.0}
    for name in made.each:
        if name == "calls":
            continue
        moves = g.random(frame.height) < _STATEMENT_SHARE.get(name, 0.0)
        made.each[name] = moves * np.exp(g.normal(scale.get(name, 1.0), 1.8, frame.height))
    # counters of a server that has been up for weeks: differences of large numbers
    grown = [
        (pl.col(name) + pl.lit(pl.Series(g.uniform(1e3, 1e7, frame.height) * moves)))
        for name in ("total_exec_time", "blk_read_time", "exec_time_squares")
        for moves in [made.each[name] > 0]
    ]
    made.frame = frame.with_columns(grown)
    return made


def _correlate(moving: Mapping[str, Counters], g: np.random.Generator) -> None:
    """Let indexes and blocks move with their tables, and whole servers all the time."""
    tables = moving["tables"]
    known = dict(zip(tables.frame["relid"].to_list(), tables.rates.tolist(), strict=True))
    for name, one in moving.items():
        if name != "tables" and "relid" in one.frame.columns:
            of_table = np.array([known.get(relid, 0.0) for relid in one.frame["relid"].to_list()])
            # a table's indexes are not used alike: one by every statement, others seldom
            one.rates = of_table * np.exp(g.normal(-1.0, 1.5, len(of_table)))
        elif name == "io":  # a quarter of its rows are of processes that do such work at all
            one.rates = np.where(g.random(one.frame.height) < 0.25, 50.0, 0.0)
        elif one.frame.height <= 3:
            one.rates = np.full(one.frame.height, 50.0)


def write_day(store: Store, target: Target, url: str, seed: int = 1) -> int:
    """Write a day of sweeps that start with a real one; return the target's number."""
    generator = np.random.default_rng(seed)
    target_id = targets.register(store, target.name)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        real = sweep(session, where="the benchmark")
    families = {source.name: source.family for source in SOURCES if source.family is not None}
    moving: dict[str, Counters] = {}
    for name, frame in real.frames.items():
        family = families.get(name)
        if family is None or frame.is_empty():
            continue
        names = [n for n in (*family.counters, *(family.squares or ())[:1]) if n in frame.columns]
        make = _statements if name == "statements" else Counters
        moving[name] = make(frame, names, generator)
    _correlate(moving, generator)
    for number in range(SWEEPS + 1):
        _sweep(store, target, target_id, real, moving, START + (number - 1) * SPACING)
    return target_id


def _sweep(
    store: Store,
    target: Target,
    target_id: int,
    real: Sweep,
    moving: Mapping[str, Counters],
    ts: datetime,
) -> None:
    with store.begin() as connection:
        before = state.load(connection, target_id)
    seen = evidence.from_frame(before.frames[state.EVIDENCE]) if before.instant else {}
    major = real.observation.server_version_num // 10_000
    found = due(real.sources, seen, ts, major, True, {"pg_stat_statements"})
    now = {source.name: real.frames[source.name] for source in found if source.name in real.frames}
    now |= {name: moving[name].advance() for name in now if name in moving}
    first = before.instant is None
    swept = replace(
        real,
        observation=replace(real.observation, ts=ts),
        sources=tuple(found),
        frames=now | ({"schema_objects": real.frames["schema_objects"]} if first else {}),
        schema_read=first,
        size_read=first,
    )
    computed = compute(swept, before.frames, seen)
    written = record.SweepRecord(
        target=target.name,
        ts=ts,
        previous_ts=computed.previous_ts,
        quality=computed.quality,
        rows={name: frame.height for name, frame in computed.rows.items()},
        connect_ms=3.1,
        database_ms=31.7,
        duration_ms=80.3,
        texts_ms=0.0,
        temp_bytes=0,
        connections=1,
        expected_seconds=SPACING.total_seconds(),
        rows_read=real.rows_read,
        notes=computed.notes,
        server_target_id=target_id,
        first=first,
    )
    with store.begin() as connection:
        partitions.ensure(connection, ts.date())
        record._write(connection, target_id, written, swept.observation, computed, before.instant)


def measure(store: Store, target: Target, target_id: int, files: place.Place) -> Bytes:
    """Measure a day that `write_day` wrote, alone in the store; archive it and roll it up."""
    hot = {part.parent: part.bytes for part in archive.held(store) if part.start == DAY}
    hot = {name: size for name, size in hot.items() if name in partitions.DAILY}
    with store.begin() as connection:
        row = connection.execute("SELECT sum(length(frame)) FROM ledger.state").fetchone()
    policy = Policy(8, 70, 400, 13, 37)
    next_day = DAY + timedelta(days=1)
    done = archive.run(store, files, policy, next_day, next_day)
    if done.failures or done.busy:
        raise RuntimeError(f"the day was not archived: {done}")
    moved = {part.table: part for part in done.moved if part.day == DAY}
    _roll_up(store, target_id, files)
    rolled = {part.parent: part.bytes for part in archive.held(store) if part.parent in ROLLUPS}
    return Bytes(
        hot_per_sweep=sum(hot.values()) / SWEEPS,
        archive_per_sweep=sum(part.archive_bytes for part in moved.values()) / SWEEPS,
        rollup_per_day=sum(rolled.values()) / ROLLUP_DAYS,
        state=int(row[0]) if row else 0,
        rows_per_sweep=sum(part.rows for part in moved.values()) / SWEEPS,
        by_table={
            name: (size / SWEEPS, moved[name].archive_bytes / SWEEPS if name in moved else 0.0)
            for name, size in sorted(hot.items(), key=lambda item: -item[1])
        },
        by_rollup={name: size / ROLLUP_DAYS for name, size in rolled.items()},
    )


def _roll_up(store: Store, target_id: int, files: place.Place) -> None:
    """Write the day's rollups, and as those of the days after it, into one month."""
    span = rollup.instants(DAY, DAY)
    columns = [name for name in rollup.INTERVALS if name != "source"]
    statements = ledger.intervals(
        store, "statements", target_id, *span, columns=columns, files=files
    )

    def raw(table: str) -> pl.DataFrame:
        with store.begin() as connection:
            names = list(ledger.columns_of(connection, table))
        rows = ledger.intervals(store, table, target_id, *span, columns=names, files=files)
        return rows.drop("target_id")

    of_tables, of_indexes, of_database = (raw(t) for t in ("tables", "indexes", "database"))
    for later in range(ROLLUP_DAYS):
        day = DAY + timedelta(days=later)
        shift = pl.col("ts") + timedelta(days=later)
        made = {
            ("statements_hourly", "hour"): rollup.hourly(statements.with_columns(shift)),
            ("statements_daily", "day"): rollup.daily(statements.with_columns(shift)),
            ("tables_daily", "day"): rollup_relations.tables(of_tables.with_columns(shift)),
            ("indexes_daily", "day"): rollup_relations.indexes(of_indexes.with_columns(shift)),
            ("database_hourly", "hour"): rollup_relations.database(of_database.with_columns(shift)),
        }
        for (table, column), frame in made.items():
            rows = frame.with_columns(target_id=pl.lit(target_id))
            frames.replace_days(store, ("ledger", table), column, target_id, day, day, rows)
