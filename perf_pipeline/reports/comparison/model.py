"""What a comparison is made of: two sides, what each did, and how they differ.

Times are naive UTC. Rates are per day of covered time, so that sides of different length compare.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.reports.model import SchemaChange, SettingChange, Statement, Told

DAY_SECONDS = 86_400.0

#: What identifies a statement.
KEY = ("userid", "dbid", "queryid", "toplevel")
#: Sums of a statement: times in whole nanoseconds, so that no sum depends on the order of rows.
WORK = {
    "calls": pl.Int64(),
    "exec_ns": pl.Int64(),
    "plan_ns": pl.Int64(),
    "rows": pl.Int64(),
    "blocks_hit": pl.Int64(),
    "blocks_read": pl.Int64(),
    "temp_blocks": pl.Int64(),
    "io_ns": pl.Int64(),
    "wal_bytes": pl.Int64(),
    "jit_ns": pl.Int64(),
    "exact_calls": pl.Int64(),
}
STATEMENTS = {
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "queryid": pl.Int64(),
    "toplevel": pl.Boolean(),
    **WORK,
}
TABLE_WORK = {
    "seq_scan": pl.Int64(),
    "seq_tup_read": pl.Int64(),
    "idx_scan": pl.Int64(),
    "idx_tup_fetch": pl.Int64(),
    "n_tup_ins": pl.Int64(),
    "n_tup_upd": pl.Int64(),
    "n_tup_del": pl.Int64(),
}
TABLES = {"relid": pl.Int64(), "name": pl.String(), **TABLE_WORK, "relpages": pl.Int64()}
INDEX_WORK = {"idx_scan": pl.Int64(), "idx_tup_read": pl.Int64()}
INDEXES = {"indexrelid": pl.Int64(), "name": pl.String(), **INDEX_WORK, "relpages": pl.Int64()}
#: Sums of the whole database; `database_bytes` is the size at the end.
DATABASE = (
    "xact_commit",
    "xact_rollback",
    "blks_hit",
    "blks_read",
    "tup_returned",
    "tup_inserted",
    "tup_updated",
    "tup_deleted",
    "temp_files",
    "temp_bytes",
    "deadlocks",
    "active_time",
)
#: What was usual: the standard deviation of the logarithm of a statement's samples.
USUAL = {
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "queryid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "spread": pl.Float64(),
}


@dataclass(frozen=True)
class Span:
    """One of two intervals: `[start, end)`; whole days are read from the rollups."""

    start: datetime
    end: datetime
    whole_days: bool = True

    @property
    def first(self) -> date:
        """First day."""
        return self.start.date()

    @property
    def last(self) -> date:
        """Last day."""
        return (self.end - timedelta(microseconds=1)).date()

    @property
    def seconds(self) -> float:
        """Length."""
        return (self.end - self.start).total_seconds()

    def __str__(self) -> str:
        if not self.whole_days:
            same = self.start.date() == self.end.date()
            end = f"{self.end:%H:%M:%S}" if same else f"{self.end:%Y-%m-%d %H:%M:%S}"
            return f"{self.start:%Y-%m-%d %H:%M:%S} to {end}"
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True)
class Side:
    """What a target did in one interval.

    Attributes
    ----------
    span : Span
    seconds : float
        Time that the sweeps cover and that the sums below are of.
    sweeps : int
    source : str
        `collected`, `imported` or `generated`.
    statements, tables, indexes : polars.DataFrame
        Columns of `STATEMENTS`, `TABLES`, `INDEXES`; sparse: a relation without a row did nothing.
    database : dict
        Sums by name of `DATABASE`, and `database_bytes`; None where it is not known.
    notes : tuple of str
        What to know before trusting it.

    """

    span: Span
    seconds: float
    sweeps: int
    source: str
    statements: pl.DataFrame
    tables: pl.DataFrame
    indexes: pl.DataFrame
    database: dict[str, float | None]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Total:
    """The work of all statements of a side, those called by clients: rates per day."""

    calls: float
    exec_ms: float
    statements: int

    @property
    def mean_ms(self) -> float | None:
        """Time per call."""
        return self.exec_ms / self.calls if self.calls else None


@dataclass(frozen=True)
class Comparison:
    """How two sides differ; frames are sorted, largest change first.

    `statements`, `tables` and `indexes` have the columns that `compute` says.
    """

    target: str
    code_version: str
    a: Side
    b: Side
    totals: tuple[Total, Total]
    statements: pl.DataFrame
    tables: pl.DataFrame
    indexes: pl.DataFrame
    #: (name, kind of figure, a, b): kind is `count`, `bytes`, `ms` or `share`.
    database: tuple[tuple[str, str, float | None, float | None], ...]
    notes: tuple[str, ...] = ()
    texts: dict[tuple[int, int, int], Statement] = field(default_factory=dict)
    schema_changes: tuple[SchemaChange, ...] = ()
    settings_changes: tuple[SettingChange, ...] = ()
    events: tuple[Told, ...] = ()
    queries: tuple[tuple[str, str], ...] = ()

    def statement(self, row: dict[str, Any]) -> Statement:
        """Return the statement of a row of `statements`, with its text where one is known."""
        known = self.texts.get((row["queryid"], row["userid"], row["dbid"]))
        return Statement(
            row["queryid"],
            row["userid"],
            row["dbid"],
            row["toplevel"],
            known.text if known else None,
            known.text_length if known else 0,
            known.tags if known else (),
        )
