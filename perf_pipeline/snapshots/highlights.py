"""What a person wants to see of a target's last hour: a few figures and a short table per family.

Read from the store, when they are shown: the target is not asked anything for it. Texts are the
store's redacted ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from perf_pipeline.snapshots import sla
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store

#: Span of the figures; one is shown an hour, so that together they leave nothing out.
SPAN: Final = timedelta(hours=1)
#: Rows of a table.
MOST: Final = 10

Row = Mapping[str, Any]
Cells = dict[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Highlights:
    """Figures of one family, named with their units, and a table of at most `MOST` rows."""

    figures: Mapping[str, float | int | None] = field(default_factory=dict)
    title: str = ""
    rows: Sequence[Cells] = ()


def read(store: Store, target_name: str, family: str, end: datetime) -> Highlights:
    """Return the highlights of a family in the hour that ends with a sweep.

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
    made = _MAKERS[family](store.rows(f"highlight_{family}", params))
    if family != "statements":
        return made
    p95_ms = sla.measure(store, target_name, end - SPAN, end).p95_ms
    return Highlights({**made.figures, "p95_estimate_ms": p95_ms}, made.title, made.rows)


def statements(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_statements.sql`. Pure."""
    return Highlights(
        {"calls": _of(rows, "all_calls"), "execution_ms": _of(rows, "all_ms")},
        "top_statements",
        [
            {
                "statement": row["statement"],
                "share_percent": _rounded(_percent(row["share"])),
                "total_ms": _rounded(row["total_ms"]),
                "calls": row["calls"],
                "mean_ms": _rounded(row["mean_ms"]),
                "queryid": row["queryid"],
            }
            for row in rows
        ],
    )


def tables(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_tables.sql`. Pure."""
    return Highlights(
        {
            "rows_read_by_sequential_scans": _of(rows, "all_seq_rows"),
            "rows_written": _of(rows, "all_rows_written"),
        },
        "busiest_tables",
        [_without_totals(row) for row in rows],
    )


def indexes(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_indexes.sql`. Pure."""
    return Highlights(
        {"scans": _of(rows, "all_scans")},
        "busiest_indexes",
        [_without_totals(row) for row in rows],
    )


def database(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of the row of `highlight_database.sql`. Pure."""
    figures = {name: value for row in rows for name, value in row.items()}
    return Highlights({k: None if v is None else _number(v) for k, v in figures.items()})


def activity(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_activity.sql`. Pure."""
    oldest = [row["oldest_transaction_s"] for row in rows if row["oldest_transaction_s"]]
    return Highlights(
        {
            "client_sessions": _of(rows, "all_clients"),
            "active_sessions": _of(rows, "all_active"),
            "sessions_waiting_for_locks": _of(rows, "all_blocked"),
            "oldest_transaction_s": max(oldest, default=None),
        },
        "sessions",
        [
            {
                **_without_totals(row),
                "oldest_transaction_s": _rounded(row["oldest_transaction_s"]),
            }
            for row in rows
        ],
    )


def changes(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of changes, newest first. Pure."""
    return Highlights(
        {},
        "changes_of_7_days",
        [{"seen": f"{row['ts']:%Y-%m-%d %H:%M} UTC", **_without_totals(row)} for row in rows],
    )


_MAKERS: Final[Mapping[str, Callable[[Sequence[Row]], Highlights]]] = {
    "statements": statements,
    "tables": tables,
    "indexes": indexes,
    "database": database,
    "activity": activity,
    "settings": changes,
    "schema_objects": changes,
}


def _without_totals(row: Row) -> Cells:
    return {k: v for k, v in row.items() if k != "ts" and not k.startswith("all_")}


def _of(rows: Sequence[Row], name: str) -> float | int | None:
    """Return a total, which each row repeats; 0 when nothing happened."""
    return _number(rows[0][name]) if rows else 0


def _number(value: Any) -> float | int:
    return value if isinstance(value, int) else float(value)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _rounded(value: float | None) -> float | None:
    """Return a value to four significant digits, for a table."""
    return None if value is None else float(f"{value:.4g}")
