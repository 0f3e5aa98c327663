"""What happened to a database, as a list of dated events; pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
_REFRESH = re.compile(
    r"refresh\s+materialized\s+view\s+(?P<how>concurrently\s+)?"
    r"(?P<view>(?:\"[^\"]+\"|[\w$]+)(?:\s*\.\s*(?:\"[^\"]+\"|[\w$]+))?)",
    re.IGNORECASE,
)

#: Texts, and with them tags, are read at most every ten minutes: a tag came up so long before at
#: most.
TAG_LAG = timedelta(minutes=15)
#: Tags that name a version of the code: a new value is a deployment, whichever statement has it.
RELEASE_TAGS = frozenset({"release", "version", "git_sha", "commit", "build", "deployment"})


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
    statements : frozenset of int or None
        Queryids it is about; None where it is not about statements.

    """

    kind: str
    object: str
    relation: str | None
    start: datetime
    end: datetime
    detail: str
    words: tuple[str, ...] = field(default=())
    statements: frozenset[int] | None = None


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
    """Return upgrades, failovers, restarts and resets of statistics from ledger.sweeps, by ts."""
    events: list[Event] = []
    previous: Row | None = None
    for row in rows:
        if previous is not None:
            events += _server_events(previous, row)
        previous = row
    return events


def _differs(before: Row, after: Row, name: str) -> bool:
    old, new = before.get(name), after.get(name)
    return old is not None and new is not None and old != new


def _server_events(before: Row, after: Row) -> list[Event]:
    span = (before["ts"], after["ts"])
    resets = {"database_stats_reset": "tables and indexes", "statements_stats_reset": "statements"}
    found = [
        Event("statistics_reset", what, None, *span, "what they counted begins anew")
        for name, what in resets.items()
        if _differs(before, after, name)
    ]
    if _differs(before, after, "server_version_num"):
        detail = f"version {before['server_version_num']} became {after['server_version_num']}"
        kind = "server_upgraded"
    elif any(_differs(before, after, n) for n in ("system_identifier", "timeline", "in_recovery")):
        kind, detail = "server_replaced", "another server, timeline or role answers"
    elif _differs(before, after, "postmaster_start"):
        kind, detail = "server_restarted", f"running since {after['postmaster_start']} UTC"
    else:
        return found
    return [Event(kind, "", None, *span, detail), *found]


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


def refreshed_view(text: str) -> tuple[str, bool] | None:
    """Return the view a statement refreshes and whether concurrently, None when it does not."""
    match = _REFRESH.match(text.lstrip())
    if match is None:
        return None
    return re.sub(r"\s*\.\s*", ".", match["view"]), match["how"] is not None


def refresh_events(rows: Iterable[Row]) -> list[Event]:
    """Return refreshes of materialized views from intervals in which such a statement ran.

    Parameters
    ----------
    rows : Iterable of Mapping
        `query`, `start`, `end`, `calls`.

    """
    events = []
    for row in rows:
        found = refreshed_view(row["query"])
        if found is not None:
            view, concurrently = found
            detail = f"{row['calls']} times in this interval" if row["calls"] > 1 else "once"
            if concurrently:
                detail += ", concurrently"
            events.append(Event("view_refreshed", view, view, row["start"], row["end"], detail))
    return events


def told_events(rows: Iterable[Row]) -> list[Event]:
    """Return events of rows of perf_mgmt.events: the beginning, and the end of what lasts.

    Parameters
    ----------
    rows : Iterable of Mapping
        `kind`, `object`, `began_at`, `ended_at`, `detail`, `source`; instants with a time zone.

    """
    events = []
    for row in rows:
        detail = "; ".join(filter(None, (row["detail"], f"told by {row['source']}")))
        began = _naive(row["began_at"])
        events.append(Event(row["kind"], row["object"], None, began, began, detail))
        if row["ended_at"] is not None and row["ended_at"] > row["began_at"]:
            ended = _naive(row["ended_at"])
            events.append(Event(f"{row['kind']}_ended", row["object"], None, ended, ended, detail))
    return events


def tag_events(rows: Iterable[Row]) -> list[Event]:
    """Return values of tags seen for the first time where the key had others before.

    Parameters
    ----------
    rows : Iterable of Mapping
        `key`, `value`, `first_seen` (with a time zone), `others` (a value it had before),
        `queryids` (statements that carry it).

    """
    return [
        Event(
            "tag_first_seen",
            f"{row['key']}={row['value']}",
            None,
            _naive(row["first_seen"]) - TAG_LAG,
            _naive(row["first_seen"]),
            f"before it was {row['others']}",
            statements=frozenset(row["queryids"]),
        )
        for row in rows
    ]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
