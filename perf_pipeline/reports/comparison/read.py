"""Read what a target did in an interval: whole days from the rollups, anything else raw."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.reports import assemble, raw
from perf_pipeline.reports.comparison.model import (
    DATABASE,
    DAY_SECONDS,
    INDEX_WORK,
    INDEXES,
    STATEMENTS,
    TABLE_WORK,
    TABLES,
    USUAL,
    WORK,
    Side,
    Span,
)
from perf_pipeline.store import Store, frames, ledger, samples

#: Read of each sweep.
_SWEEP: Final = ("ts", "previous_ts", "source", "quality")
#: Sweeps of these qualities have an interval whose work is known, at least in part.
_KNOWN: Final = ("exact", "reset", "lower_bound", "evicted_reinserted")
#: Raw counters of a statement.
_RAW: Final = (
    "calls",
    "total_exec_time",
    "total_plan_time",
    "rows",
    "shared_blks_hit",
    "shared_blks_read",
    "temp_blks_read",
    "temp_blks_written",
    "blk_read_time",
    "blk_write_time",
    "wal_bytes",
    "jit_time",
    "quality",
)
_HOURS: Final = {
    "hour": pl.Datetime("us"),
    **{name: pl.Float64() if name == "active_time" else pl.Int64() for name in DATABASE},
    "database_bytes": pl.Int64(),
}


def side(store: Store, target_id: int, span: Span) -> Side:
    """Read one interval of a target.

    Parameters
    ----------
    store : Store
    target_id : int
    span : Span

    Raises
    ------
    InputError
        Nothing is known of it.

    """
    sweeps = ledger.read(
        store,
        "sweeps",
        target_id,
        span.start,
        # of a part of a day, the sweep that ends it belongs to it
        span.end if span.whole_days else span.end + timedelta(microseconds=1),
        columns=_SWEEP,
    )
    return (_of_days if span.whole_days else _of_instants)(store, target_id, span, sweeps)


def _of_days(store: Store, target_id: int, span: Span, sweeps: pl.DataFrame) -> Side:
    rolled = store.rows(
        "report_rolled_days", {"target_id": target_id, "first": span.first, "last": span.last}
    )
    source = assemble.day_source({*(row["source"] for row in rolled), *sweeps["source"]})
    if source is None or not rolled:
        raise _nothing(span, swept=source is not None)
    sources = list(samples.alike(source))
    days = {row["day"] for row in rolled if row["source"] in sources}
    kept = _known(sweeps, sources).filter(pl.col("ts").dt.date().is_in(list(days)))
    swept = set(sweeps["ts"].dt.date().to_list())
    # a day whose sweeps are no longer kept counts whole
    seconds = _seconds(kept) + DAY_SECONDS * len(days - swept)
    if seconds <= 0:
        raise _nothing(span, swept=True)
    params = {
        "target_id": target_id,
        "first": span.first,
        "last": span.last,
        "start": span.start.replace(tzinfo=UTC),
        "end": span.end.replace(tzinfo=UTC),
        "sources": sources,
    }
    return Side(
        span,
        seconds,
        kept.height,
        source,
        frames.read(store, "report_sums_statements", STATEMENTS, params),
        frames.read(store, "report_sums_tables", TABLES, params),
        frames.read(store, "report_sums_indexes", INDEXES, params),
        database(frames.read(store, "report_database_hours", _HOURS, params)),
        _notes_of_days(span, days, swept),
    )


def _nothing(span: Span, *, swept: bool) -> InputError:
    if swept:
        return InputError(
            f"{span} has sweeps, but nothing that can be compared",
            "materialize the rollups of these days, or choose an interval with two sweeps and more",
        )
    return InputError(f"no sweep is known of {span}", "`perf-pipeline store status` lists the days")


def _notes_of_days(span: Span, days: set[Any], swept: set[Any]) -> tuple[str, ...]:
    notes = []
    wanted = [span.first + timedelta(days=n) for n in range((span.last - span.first).days + 1)]
    missing = [day for day in wanted if day not in days]
    if unrolled := [day for day in missing if day in swept]:
        notes.append(f"swept, but not rolled up and left out: {_listed(unrolled)}")
    if unknown := [day for day in missing if day not in swept]:
        notes.append(f"without any data: {_listed(unknown)}")
    if gone := sorted(days - swept):
        notes.append(f"sweeps no longer kept, counted as whole days: {_listed(gone)}")
    return tuple(notes)


def _listed(days: Sequence[object]) -> str:
    shown = ", ".join(str(day) for day in days[:5])
    return shown if len(days) <= 5 else f"{shown} and {len(days) - 5} more"


def _known(sweeps: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    return sweeps.filter(
        pl.col("source").is_in(sources),
        pl.col("previous_ts").is_not_null(),
        pl.col("quality").is_in(_KNOWN),
    )


def _seconds(sweeps: pl.DataFrame) -> float:
    lengths = (sweeps["ts"] - sweeps["previous_ts"]).dt.total_microseconds()
    return int(lengths.sum()) / 1e6


def _of_instants(store: Store, target_id: int, span: Span, sweeps: pl.DataFrame) -> Side:
    source = assemble.day_source(sweeps["source"])
    sources = list(samples.alike(source or ""))
    known = _known(sweeps, sources)
    inside = known.filter(pl.col("previous_ts") >= span.start)
    if source is None or not inside.height:
        raise _nothing(span, swept=source is not None)
    across = known.filter(pl.col("previous_ts") < span.start).height
    notes = ["the interval that began before its start is left out"] if across else []
    seconds = _seconds(inside)
    if span.seconds - seconds > max(0.05 * span.seconds, 1.0):
        notes.append(
            f"sweeps cover {seconds / 3600:.2f} h of {span.seconds / 3600:.2f} h exactly enough"
        )

    def rows(table: str, columns: Sequence[str]) -> pl.DataFrame:
        found = ledger.intervals(
            store,
            table,
            target_id,
            span.start,
            span.end + timedelta(microseconds=1),
            columns=columns,
            sources=sources,
        )
        return found.join(inside.select("ts"), on="ts", how="semi").sort("ts")

    of_tables = ("relid", "schema_name", "table_name", *TABLE_WORK, "relpages")
    of_indexes = ("indexrelid", "schema_name", "index_name", *INDEX_WORK, "relpages")
    return Side(
        span,
        seconds,
        inside.height,
        source,
        summed(rows("statements", (*samples.KEY, *_RAW))),
        _relations(rows("tables", of_tables), "relid", "table_name", TABLES, tuple(TABLE_WORK)),
        _relations(
            rows("indexes", of_indexes), "indexrelid", "index_name", INDEXES, tuple(INDEX_WORK)
        ),
        database(rows("database", (*DATABASE, "database_bytes")).rename({"ts": "hour"})),
        tuple(notes),
    )


def summed(intervals: pl.DataFrame) -> pl.DataFrame:
    """Sum intervals of statements to rows of `STATEMENTS`; pure.

    Times become whole nanoseconds before they are added: no sum depends on the order of rows.
    """

    def ns(*names: str) -> pl.Expr:
        total = sum((pl.col(name) for name in names[1:]), pl.col(names[0]))
        return (total * 1e6).round().cast(pl.Int64)

    exact = (pl.col("quality") == "exact") | (pl.col("source") == "imported")
    rows = intervals.select(
        *samples.KEY,
        "calls",
        "rows",
        "wal_bytes",
        exec_ns=ns("total_exec_time"),
        plan_ns=ns("total_plan_time"),
        blocks_hit="shared_blks_hit",
        blocks_read="shared_blks_read",
        temp_blocks=pl.col("temp_blks_read") + pl.col("temp_blks_written"),
        io_ns=ns("blk_read_time", "blk_write_time"),
        jit_ns=ns("jit_time"),
        exact_calls=pl.when(exact).then("calls").otherwise(0),
    )
    sums = rows.group_by(samples.KEY).agg(_sum(name) for name in WORK)
    return sums.select(pl.col(name).cast(kind) for name, kind in STATEMENTS.items()).sort(
        "exec_ns", *samples.KEY, descending=[True, False, False, False, False]
    )


def _sum(name: str) -> pl.Expr:
    """Return the sum of a column, null where one part is not known."""
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)


def _relations(
    rows: pl.DataFrame,
    key: str,
    named: str,
    schema: Mapping[str, pl.DataType],
    work: Sequence[str],
) -> pl.DataFrame:
    return (
        rows.with_columns(name=pl.col("schema_name") + "." + pl.col(named))
        .group_by(key, maintain_order=True)
        .agg(pl.col("name").last(), *(_sum(name) for name in work), pl.col("relpages").last())
        .select(pl.col(name).cast(kind) for name, kind in schema.items())
        .sort("name", key)
    )


def database(rows: pl.DataFrame) -> dict[str, float | None]:
    """Sum rows of the whole database, by time; pure. What is unknown in one is unknown."""
    ordered = rows.sort("hour")
    sums: dict[str, float | None] = {
        name: None
        if not ordered.height or ordered[name].null_count()
        else float(ordered[name].sum())
        for name in DATABASE
    }
    sizes = ordered["database_bytes"].drop_nulls()
    return {**sums, "database_bytes": float(sizes[-1]) if sizes.len() else None}


def usual(store: Store, target_id: int, sides: Sequence[Side]) -> pl.DataFrame:
    """Return how much the statements vary, by their newest baseline on the eve of either side."""
    days = sorted({side.span.first for side in sides})
    return frames.read(store, "report_usual", USUAL, {"target_id": target_id, "days": days})


def changes(store: Store, target_id: int, start: datetime, end: datetime) -> tuple[Any, Any]:
    """Return rows of schema and of settings changes, as `raw` gives them."""
    return (
        raw.schema_changes(store, target_id, start, end),
        raw.settings_changes(store, target_id, start, end),
    )
