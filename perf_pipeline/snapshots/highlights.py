"""What a person wants to see of a target's last hour: a few figures and a short table per family.

Read from the store, when they are shown: the target is not asked anything for it. Texts are the
store's redacted ones.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.snapshots import coverage, sla
from perf_pipeline.snapshots import sampled_highlights as sampled
from perf_pipeline.snapshots.shown import (
    Highlights,
    Row,
    merged,
    number,
    percent,
    rounded,
    total,
    without_totals,
)
from perf_pipeline.store import targets
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
    params = {
        "target_id": targets.find(store, target_name),
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
    return merged(parts)


def statements(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_statements.sql`. Pure."""
    tagged = any(row["tags"] for row in rows)
    return Highlights(
        {"calls": total(rows, "all_calls"), "execution_ms": total(rows, "all_ms")},
        {
            "top_statements": [
                {
                    "statement": row["statement"],
                    **({"tags": row["tags"] or ""} if tagged else {}),
                    "share_percent": rounded(percent(row["share"])),
                    "total_ms": rounded(row["total_ms"]),
                    "calls": row["calls"],
                    "mean_ms": rounded(row["mean_ms"]),
                    "queryid": row["queryid"],
                }
                for row in rows
            ]
        },
    )


def tables(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_tables.sql`. Pure."""
    return Highlights(
        {
            "rows_read_by_sequential_scans": total(rows, "all_seq_rows"),
            "rows_written": total(rows, "all_rows_written"),
        },
        {"busiest_tables": [without_totals(row) for row in rows]},
    )


def indexes(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_indexes.sql`. Pure."""
    return Highlights(
        {"scans": total(rows, "all_scans")},
        {"busiest_indexes": [without_totals(row) for row in rows]},
    )


def figures(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of one row of figures. Pure."""
    found = {name: value for row in rows for name, value in row.items()}
    return Highlights({k: None if v is None else number(v) for k, v in found.items()})


def table_io(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_table_io.sql`. Pure."""
    shown = [
        {
            **{name: value for name, value in without_totals(row).items() if name != "hit_share"},
            "hit_percent": rounded(percent(row["hit_share"])),
        }
        for row in rows
    ]
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
