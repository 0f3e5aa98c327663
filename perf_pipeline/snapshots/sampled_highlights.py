"""Highlights of what was true at the instant of a sweep. Pure."""

from collections.abc import Sequence

from perf_pipeline.snapshots.shown import (
    Cells,
    Highlights,
    Row,
    percent,
    rounded,
    total,
    without_totals,
)


def activity(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_activity.sql`."""
    oldest = [row["oldest_transaction_s"] for row in rows if row["oldest_transaction_s"]]
    return Highlights(
        {
            "client_sessions": total(rows, "all_clients"),
            "active_sessions": total(rows, "all_active"),
            "sessions_waiting_for_locks": total(rows, "all_blocked"),
            "oldest_transaction_s": max(oldest, default=None),
        },
        {"sessions": [_cells(row) for row in rows]},
    )


def connections(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_connections.sql`; of one without a client, too."""
    clients, most = _first(rows, "all_server_clients"), _first(rows, "all_max_connections")
    # multiplied first: a share of 7 in 100, made percent, is 7.000000000000001
    used = 100.0 * clients / most if clients is not None and most is not None else None
    return Highlights(
        {
            "server_clients": clients,
            "max_connections": most,
            "reserved_connections": _first(rows, "all_reserved"),
            "connections_used_percent": used,
        },
        {"connections": [_cells(row) for row in rows if row["sessions"] is not None]},
    )


def locks(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_locks.sql`, of the sweeps of the whole span."""
    return Highlights(
        {
            "longest_lock_wait_s": _first(rows, "all_longest"),
            "most_sessions_behind_one": total(rows, "all_behind"),
        },
        {"lock_waits": [_cells(row) for row in rows]},
    )


def progress(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_progress.sql`."""
    return Highlights({}, {"commands_in_progress": [_cells(row) for row in rows]})


def resources(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_resources.sql`."""

    def used_percent(row: Row) -> float | None:
        return None if row["most_used"] is None else percent(row["most_used"] / row["capacity"])

    return Highlights(
        {},
        {
            "resources": [
                {**_cells(row), "most_used_percent": rounded(used_percent(row))} for row in rows
            ]
        },
    )


def replication(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_replication.sql`."""
    behind = [row for row in rows if row["state"] != "backup"]
    return Highlights(
        {
            "peers": len(behind),
            "replay_lag_bytes": _most(behind, "replay_lag_bytes"),
            "replay_lag_s": _most(behind, "replay_lag_s"),
        },
        {"replication": [_cells(row) for row in rows]},
    )


def slots(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_slots.sql`."""
    return Highlights(
        {
            "inactive_slots": total(rows, "all_inactive"),
            "wal_kept_by_slots_bytes": _first(rows, "all_retained"),
        },
        {"slots": [_cells(row) for row in rows]},
    )


def bloat(rows: Sequence[Row]) -> Highlights:
    """Make the highlights of rows of `highlight_bloat.sql`."""
    return Highlights(
        {
            "wasted_bytes": _first(rows, "all_wasted"),
            "examined_bytes": _first(rows, "all_bytes"),
            "estimated": _first(rows, "all_estimated"),
        },
        {"most_wasted": [_cells(row) for row in rows]},
    )


def _cells(row: Row) -> Cells:
    """Return a row's cells: seconds and shares short, instants as text."""
    cells = without_totals(row)
    for name, value in row.items():
        if name not in cells:
            continue
        if name == "seen":
            cells[name] = f"{value:%Y-%m-%d %H:%M} UTC"
        elif name.endswith(("_s", "seconds", "percent")):
            cells[name] = rounded(value)
    return cells


def _first(rows: Sequence[Row], name: str) -> float | int | None:
    """Return what each row repeats, None when it is not known."""
    return rows[0][name] if rows else None


def _most(rows: Sequence[Row], name: str) -> float | int | None:
    return max((row[name] for row in rows if row[name] is not None), default=None)
