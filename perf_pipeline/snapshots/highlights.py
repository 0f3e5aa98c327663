"""What a person wants to see of a target's last hour: a few figures and a short table per family.

Read from the store, when they are shown: the target is not asked anything for it. Texts are the
store's redacted ones.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from perf_pipeline.snapshots import coverage, sla, usage
from perf_pipeline.snapshots import sampled_highlights as sampled
from perf_pipeline.snapshots.shown import (
    Cells,
    Highlights,
    Row,
    merged,
    number,
    percent,
    rounded,
    total,
    without_totals,
)
from perf_pipeline.store import state, targets
from perf_pipeline.store.engine import Store

#: Span of the figures; one is shown an hour, so that together they leave nothing out.
SPAN: Final = timedelta(hours=1)
#: Rows of a table.
MOST: Final = 10


def read(store: Store, target_name: str, family: str, end: datetime) -> Highlights:
    """Return the highlights of a family of assets in the hour that ends with a sweep.

    Parameters
    ----------
    store : Store
    target_name : str
    family : str
        A name of `vocabulary.STATS`.
    end : datetime
        A sweep's instant, aware; `activity` is of that instant, changes are of a week.

    """
    target_id = targets.find(store, target_name)
    params = {
        "target_id": target_id,
        "start": end - SPAN,
        "finish": end,
        "most": MOST,
    }
    parts = [make(store.rows(f"highlight_{name}", params)) for name, make in PARTS[family].items()]
    if family == "statements":
        p95_ms = sla.measure(store, target_name, end - SPAN, end).p95_ms
        covered = coverage.read(store, target_name, end, SPAN)[0]
        parts.append(
            Highlights(
                {
                    "p95_estimate_ms": p95_ms,
                    "active_time_explained_percent": percent(covered.share),
                }
            )
        )
    if family == "indexes" and target_id is not None:
        with store.begin() as connection:
            kept = state.load(connection, target_id).frames
        if {"indexes", "tables"} <= set(kept) and "is_unique" in kept["indexes"].columns:
            parts.append(unused_indexes(usage.unused(kept["indexes"], kept["tables"])))
    return merged(parts)


def statements(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_statements.sql`. Pure."""
    tagged = any(row["tags"] for row in rows)
    return Highlights(
        {
            "calls": total(rows, "all_calls"),
            "execution_ms": total(rows, "all_ms"),
            "statements_slower_than_1_s": total(rows, "all_slow"),
        },
        {
            "top_statements": [
                {
                    "statement": row["statement"],
                    **({"tags": row["tags"] or ""} if tagged else {}),
                    "share_percent": rounded(percent(row["share"])),
                    "total_ms": rounded(row["total_ms"]),
                    "calls": row["calls"],
                    "mean_ms": rounded(row["mean_ms"]),
                    "rows": row["rows"],
                    "hit_percent": rounded(percent(row["hit_share"])),
                    "queryid": row["queryid"],
                }
                for row in rows
            ]
        },
    )


def _with_percent(row: Row, **shares: str) -> Cells:
    """Return a row with shares in percent under another name, and times as text."""
    cells: Cells = {}
    for name in without_totals(row):
        value = row[name]
        if name in shares:
            cells[shares[name]] = rounded(percent(value))
        elif isinstance(value, datetime):
            cells[name] = f"{value:%Y-%m-%d %H:%M} UTC"
        else:
            cells[name] = value
    return cells


def tables(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_tables.sql`. Pure."""
    return Highlights(
        {
            "rows_read_by_sequential_scans": total(rows, "all_seq_rows"),
            "rows_written": total(rows, "all_rows_written"),
        },
        {"busiest_tables": [_with_percent(row, dead_share="dead_percent") for row in rows]},
    )


def indexes(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_indexes.sql`. Pure."""
    return Highlights(
        {"scans": total(rows, "all_scans")},
        {"busiest_indexes": [_with_percent(row, fetched_share="fetched_percent") for row in rows]},
    )


def unused_indexes(found: pl.DataFrame) -> Highlights:
    """Make the highlights of `usage.unused`, the largest first. Pure."""
    return Highlights(
        {"unused_indexes": found.height, "unused_index_pages": int(found["pages"].sum())},
        {"unused_indexes_since_statistics_began": found.head(MOST).to_dicts()},
    )


def figures(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of one row of figures. Pure."""
    found = {name: value for row in rows for name, value in row.items()}
    return Highlights({k: None if v is None else number(v) for k, v in found.items()})


def table_io(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_table_io.sql`. Pure."""
    shown = [_with_percent(row, hit_share="hit_percent") for row in rows]
    blocks = number(rows[0]["all_blocks_read"]) if rows else None
    return Highlights({"blocks_read": blocks}, {"most_read_tables": shown})


def functions(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_functions.sql`. Pure."""
    shown = [
        {
            **without_totals(row),
            "total_ms": rounded(row["total_ms"]),
            "self_ms": rounded(row["self_ms"]),
        }
        for row in rows
    ]
    return Highlights(
        {"calls": total(rows, "all_calls"), "self_ms": total(rows, "all_ms")},
        {"top_functions": shown},
    )


def io(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_io.sql`. Pure."""
    shown = [
        {
            **without_totals(row),
            "read_ms": rounded(row["read_ms"]),
            "write_ms": rounded(row["write_ms"]),
        }
        for row in rows
    ]
    sums = {
        name: number(rows[0][f"all_{name}"]) if rows else None
        for name in ("read_bytes", "written_bytes")
    }
    return Highlights(sums, {"most_read_and_written": shown})


def changes(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of changes, newest first. Pure."""
    return Highlights(
        {},
        {
            "changes_of_7_days": [
                {"seen": f"{row['ts']:%Y-%m-%d %H:%M} UTC", **without_totals(row)} for row in rows
            ]
        },
    )


Maker = Callable[[Sequence[Row]], Highlights]

#: For each asset `<target>/stats/<name>`, the SQL files `sql/store/highlight_<part>.sql` and what
#: makes highlights of the rows of each.
PARTS: Final[Mapping[str, Mapping[str, Maker]]] = {
    "statements": {"statements": statements},
    "tables": {"tables": tables, "table_io": table_io},
    "indexes": {"indexes": indexes},
    "functions": {"functions": functions},
    "database": {"database": figures},
    "activity": {
        "activity": sampled.activity,
        "connections": sampled.connections,
        "locks": sampled.locks,
        "progress": sampled.progress,
    },
    "server": {
        "io": io,
        "wal": figures,
        "checkpointer": figures,
        "archiver": figures,
        "resources": sampled.resources,
        "host": figures,
    },
    "replication": {"replication": sampled.replication, "slots": sampled.slots},
    "settings": {"settings": changes},
    "schema_objects": {"schema_objects": changes},
    "bloat": {"bloat": sampled.bloat},
}
