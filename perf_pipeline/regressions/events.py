"""What happened to a database, as a list of dated events; pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: Settings that change plans or the memory and I/O they get; others rarely change a time per call.
_PLANNER = re.compile(
    r"^(enable_\w+|geqo\w*|jit\w*|\w+_cost|cpu_\w+|work_mem|hash_mem_multiplier|shared_buffers"
    r"|temp_buffers|effective_cache_size|effective_io_concurrency|maintenance_io_concurrency"
    r"|default_statistics_target|(from|join)_collapse_limit|plan_cache_mode|constraint_exclusion"
    r"|max_parallel_\w+|max_worker_processes|min_parallel_\w+|parallel_leader_participation"
    r"|synchronous_commit|track_io_timing|huge_pages|search_path)$"
)
_INDEX_COLUMNS = re.compile(r"\bUSING\s+\w+\s*\((?P<first>[^,()]+(?:\([^)]*\))?)", re.IGNORECASE)
_WORD = re.compile(r"[a-z_][a-z0-9_$]*")


@dataclass(frozen=True)
class Event:
    """Something that happened in `(start, end]`.

    Attributes
    ----------
    kind : str
        `index_dropped`, `column_altered`, `setting_changed`, `server_restarted`, ...
    object : str
        Schema-qualified name of the object, name of the setting, or empty.
    relation : str or None
        The table it concerns, schema-qualified; None for the whole server.
    start, end : datetime
        Naive UTC.
    detail : str
        One line for a reader.
    words : tuple of str
        Lower-case names that a statement touched by it is likely to contain.

    """

    kind: str
    object: str
    relation: str | None
    start: datetime
    end: datetime
    detail: str
    words: tuple[str, ...] = field(default=())


Row = Mapping[str, Any]


def schema_events(rows: Iterable[Row]) -> list[Event]:
    """Return events of rows of ledger.schema_changes."""
    return [_schema_event(row) for row in rows]


def _schema_event(row: Row) -> Event:
    before, after = row["definition_before"] or "", row["definition_after"] or ""
    kind = f"{row['kind']}_{row['change']}".replace(" ", "_")
    relation = row["relation_name"]
    if relation is None and row["kind"] in {"table", "foreign table"}:
        relation = row["object_name"]
    if row["change"] == "altered" and before != after:
        detail = f"was: {before or 'unknown'}; is: {after or 'unknown'}"
    else:
        detail = before or after
    words: tuple[str, ...] = ()
    if row["kind"] == "index":
        words = leading_column(before or after)
    elif row["kind"] == "column":
        words = (row["object_name"].rpartition(".")[2].strip('"').lower(),)
    return Event(kind, row["object_name"], relation, row["previous_ts"], row["ts"], detail, words)


def leading_column(definition: str) -> tuple[str, ...]:
    """Return the names in an index's first key: its column, or those of its expression."""
    match = _INDEX_COLUMNS.search(definition)
    if match is None:
        return ()
    return tuple(_WORD.findall(match["first"].lower().replace('"', "")))[:1]


def setting_events(rows: Iterable[Row]) -> list[Event]:
    """Return events of rows of ledger.settings_changes; those that wait for a restart are none."""
    return [
        Event(
            "planner_setting_changed" if _PLANNER.match(row["name"]) else "setting_changed",
            row["name"],
            None,
            row["previous_ts"],
            row["ts"],
            f"was {row['value_before']}, is {row['value_after']}"
            + (f" (unit {row['unit']})" if row["unit"] else ""),
        )
        for row in rows
        if not row["pending_restart"]
    ]


def server_events(rows: Iterable[Row]) -> list[Event]:
    """Return upgrades, failovers and restarts from rows of ledger.sweeps, in order of ts."""
    events = []
    previous: Row | None = None
    for row in rows:
        if previous is not None:
            found = _server_event(previous, row)
            if found is not None:
                events.append(found)
        previous = row
    return events


def _differs(before: Row, after: Row, name: str) -> bool:
    return before[name] is not None and after[name] is not None and before[name] != after[name]


def _server_event(before: Row, after: Row) -> Event | None:
    if _differs(before, after, "server_version_num"):
        detail = f"version {before['server_version_num']} became {after['server_version_num']}"
        kind = "server_upgraded"
    elif any(_differs(before, after, n) for n in ("system_identifier", "timeline", "in_recovery")):
        kind, detail = "server_replaced", "another server, timeline or role answers"
    elif _differs(before, after, "postmaster_start"):
        kind, detail = "server_restarted", f"running since {after['postmaster_start']} UTC"
    else:
        return None
    return Event(kind, "", None, before["ts"], after["ts"], detail)


def maintenance_events(rows: Iterable[Row]) -> list[Event]:
    """Return analyzes and vacuums from rows of ledger.tables that counted any."""
    events = []
    for row in rows:
        relation = f"{row['schema_name']}.{row['table_name']}"
        span = (row["previous_ts"], row["ts"])
        if row["analyzes"]:
            events.append(
                Event("table_analyzed", relation, relation, *span, "statistics recomputed")
            )
        if row["vacuums"]:
            events.append(Event("table_vacuumed", relation, relation, *span, "dead rows removed"))
    return events
