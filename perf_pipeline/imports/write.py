"""Put a history's days into the ledger: each in one transaction, each interval once."""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import psycopg

from perf_pipeline.imports.model import TEXT_KEY, Interval, utc_day
from perf_pipeline.imports.plan import DayState, Fresh, Known, fresh
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.snapshots.redact import text_hash
from perf_pipeline.store import partitions
from perf_pipeline.store.engine import Store
from perf_pipeline.store.samples import WINDOW_DAYS
from perf_pipeline.store.state import HELD_MS

#: Statement rows of a day that are kept in memory; more go to a temporary file.
MEMORY_ROWS = 1_000_000


class DayRows:
    """The intervals of one day while they are read: rows beyond a limit lie in temporary files."""

    def __init__(self, most_in_memory: int = MEMORY_ROWS) -> None:
        self.intervals: list[Interval] = []
        self._most = most_in_memory
        self._frames: list[pl.DataFrame] = []
        self._held = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[Path] = []

    def add(self, interval: Interval) -> None:
        """Take one more interval."""
        self.intervals.append(
            Interval(
                interval.observation,
                interval.previous_ts,
                interval.quality,
                interval.rows.clear(),
                interval.rows_read,
                interval.notes,
            )
        )
        if interval.rows.is_empty():
            return
        self._frames.append(interval.rows.select(pl.lit(_naive(interval.ts)).alias("ts"), pl.all()))
        self._held += interval.rows.height
        if self._held > self._most:
            self._spill()

    def rows(self, ends: Sequence[datetime]) -> Iterator[pl.DataFrame]:
        """Yield the statement rows of some intervals: `ts`, then columns of the family."""
        chosen = pl.Series([_naive(ts) for ts in ends], dtype=pl.Datetime("us")).implode()
        for file in self._files:
            yield pl.read_parquet(file).filter(pl.col("ts").is_in(chosen))
        if self._frames:
            yield pl.concat(self._frames).filter(pl.col("ts").is_in(chosen))

    def close(self) -> None:
        """Delete the temporary files."""
        if self._folder is not None:
            self._folder.cleanup()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="perf-pipeline-import-")
        file = Path(self._folder.name) / f"{len(self._files)}.parquet"
        pl.concat(self._frames).write_parquet(file)
        self._files.append(file)
        self._frames, self._held = [], 0


def _naive(ts: datetime) -> datetime:
    return ts.astimezone(UTC).replace(tzinfo=None)


def midnight(day: date) -> datetime:
    """Return the aware UTC instant at which a day begins."""
    return datetime.combine(day, time(), UTC)


def day_states(
    store: Store, target_id: int | None, first: date, last: date
) -> dict[date, DayState]:
    """Return what the store holds of the days of a span that it knows anything of.

    Parameters
    ----------
    store : Store
    target_id : int or None
        None: a target that was never swept.
    first, last : date
        UTC days, both included.

    """
    if target_id is None:
        return {}
    span = {
        "target_id": target_id,
        "start": midnight(first),
        "finish": midnight(last + timedelta(days=1)),
    }
    sweeps: dict[date, list[Known]] = {}
    for row in store.rows("import_sweeps", span):
        known = Known(row["ts"], row["previous_ts"], row["source"])
        sweeps.setdefault(known.ts.astimezone(UTC).date(), []).append(known)
    rolled: dict[date, set[str]] = {}
    for row in store.rows("import_rolled_up", span):
        rolled.setdefault(row["day"], set()).add(row["source"])
    days = {"target_id": target_id, "first": first, "last": last}
    archived = {row["day"] for row in store.rows("import_archived", days)}
    return {
        day: DayState(tuple(sweeps.get(day, ())), frozenset(rolled.get(day, ())), day in archived)
        for day in sorted(sweeps.keys() | rolled.keys() | archived)
    }


def state_of(
    connection: psycopg.Connection, target_id: int, day: date, offered: DayRows
) -> DayState:
    """Return the sweeps that a day's intervals must be compared with.

    Parameters
    ----------
    connection : psycopg.Connection
        A transaction of the store's; the one that writes, to be sure.
    target_id : int
    day : date
        UTC.
    offered : DayRows
        At least one interval.

    """
    starts = [interval.previous_ts or interval.ts for interval in offered.intervals]
    start, finish = min([*starts, midnight(day)]), midnight(day + timedelta(days=1))
    rows = connection.execute(
        sqlfiles.load("store/import_sweeps").text,
        {"target_id": target_id, "start": start, "finish": finish},
    ).fetchall()
    archived = connection.execute(
        sqlfiles.load("store/import_archived").text,
        {"target_id": target_id, "first": utc_day(start), "last": day},
    ).fetchall()
    # what lies in the archive is one stretch of time here: only its end can matter
    stretches = [Known(last, first, "archived") for _, first, last in archived]
    return DayState((*(Known(*row) for row in rows), *stretches))


def write_day(
    store: Store, target_id: int, day: date, source: str, offered: DayRows
) -> Fresh | None:
    """Write what is new of a day in one transaction; nothing when the day became another source's.

    Parameters
    ----------
    store : Store
    target_id : int
    day : date
        UTC.
    source : str
        Where it comes from, for the sweeps' notes.
    offered : DayRows
        All intervals that the history has of the day.

    Returns
    -------
    Fresh or None
        What was written; None when meanwhile a collector swept that day.

    """
    with store.begin() as connection:
        # a transaction of its own: partitions stay locked against other writers until it ends
        for table in ("sweeps", "statements"):
            partitions.ensure(connection, day, table=("ledger", table))
    with store.begin() as connection:
        connection.execute(
            sqlfiles.load("store/lock_target").text,
            {"target_id": target_id, "held": f"{HELD_MS}ms"},
        )
        state = state_of(connection, target_id, day, offered)
        if state.sources(day) - {"imported"}:
            return None
        chosen = fresh(offered.intervals, state)
        if not chosen.intervals:
            return chosen
        if chosen.replaced:
            connection.execute(
                sqlfiles.load("store/import_forget_baselines").text,
                {"target_id": target_id, "instants": list(chosen.replaced)},
            )
        written: dict[datetime, int] = {}
        for frame in offered.rows([interval.ts for interval in chosen.intervals]):
            stamped = frame.select(pl.lit(target_id).alias("target_id"), pl.all())
            copy.write_frame(connection, ("ledger", "statements"), stamped)
            for ts, rows in frame.group_by("ts").len().iter_rows():
                written[ts] = written.get(ts, 0) + rows
        copy.write_frame(
            connection, ("ledger", "sweeps"), _sweeps(target_id, chosen.intervals, written, source)
        )
        connection.execute(
            sqlfiles.load("store/import_forget_progress").text,
            {"target_id": target_id, "day": day, "window_days": WINDOW_DAYS},
        )
    return chosen


_INSTANT = pl.Datetime("us")


def _sweeps(
    target_id: int, intervals: Sequence[Interval], written: dict[datetime, int], source: str
) -> pl.DataFrame:
    rows = [
        {
            "ts": _naive(interval.ts),
            "previous_ts": _naive(interval.previous_ts) if interval.previous_ts else None,
            "quality": interval.quality,
            **{
                name: getattr(interval.observation, name)
                for name in ("server_version_num", "system_identifier", "timeline", "in_recovery")
            },
            **{
                name: None if value is None else _naive(value)
                for name in ("postmaster_start", "database_stats_reset", "statements_stats_reset")
                for value in [getattr(interval.observation, name)]
            },
            "statements_dealloc": interval.observation.statements_dealloc,
            "rows_read": interval.rows_read,
            "rows_written": written.get(_naive(interval.ts), 0),
            "notes": "\n".join((f"imported from {source}", *interval.notes)),
        }
        for interval in intervals
    ]
    return pl.DataFrame(
        rows,
        schema_overrides={
            **dict.fromkeys(
                (
                    "ts",
                    "previous_ts",
                    "postmaster_start",
                    "database_stats_reset",
                    "statements_stats_reset",
                ),
                _INSTANT,
            ),
            "system_identifier": pl.Int64(),
            "timeline": pl.Int64(),
            "in_recovery": pl.Boolean(),
            "statements_dealloc": pl.Int64(),
        },
        infer_schema_length=None,
    ).with_columns(target_id=pl.lit(target_id), source=pl.lit("imported"))


def save_texts(store: Store, target_id: int, first_seen: datetime, found: pl.DataFrame) -> int:
    """Keep redacted texts, each once by hash, and say which statement has which.

    What the target already has for a statement stays.

    Parameters
    ----------
    store : Store
    target_id : int
    first_seen : datetime
        Of texts not known yet.
    found : polars.DataFrame
        Columns of `TEXT_KEY` and `query`, redacted.

    Returns
    -------
    int
        Statements with a text.

    """
    if found.is_empty():
        return 0
    hashed = found.with_columns(
        pl.Series("text_hash", [text_hash(query) for query in found["query"]], dtype=pl.String)
    )
    distinct = hashed.unique("text_hash").sort("text_hash")
    with store.begin() as connection:
        connection.execute(
            sqlfiles.load("store/snapshot_query_texts").text,
            {
                "ts": first_seen,
                "text_hashes": distinct["text_hash"].to_list(),
                "queries": distinct["query"].to_list(),
            },
        )
        connection.execute(
            sqlfiles.load("store/snapshot_statement_texts").text,
            {
                "target_id": target_id,
                **{f"{name}s": hashed[name].to_list() for name in TEXT_KEY},
                "text_hashes": hashed["text_hash"].to_list(),
            },
        )
    return found.height
