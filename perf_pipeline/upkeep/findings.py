"""What a person should look at: unused, duplicate and invalid indexes, vacuum, wraparound. Pure.

Nothing here is ever done by itself: an index that nothing used for months serves the report at the
end of the year.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from perf_pipeline.upkeep import distance
from perf_pipeline.upkeep.distance import Pace
from perf_pipeline.upkeep.reindex import definition

Row = Mapping[str, Any]

#: Counters younger than this say nothing of an index's use: a month has one end.
USED_WITHIN: Final = timedelta(days=35)
#: Smaller indexes cost nothing worth a person's time, bytes.
MINIMUM_BYTES: Final = 1_000_000
#: Age at which a table or database is critical, as a share of what there is: vacuum_failsafe_age's
#: default of 1.6 billion.
FAILSAFE_AGE: Final = 1_600_000_000
#: Dead rows below which a table is left alone, whatever their share.
MINIMUM_DEAD: Final = 1_000
#: Transactions that somebody may hold back the horizon before it is said.
HELD_BACK: Final = 1_000_000
#: Seconds a transaction may be open before it is said.
OLD_SECONDS: Final = 3_600.0

Severity = Literal["info", "warning", "critical"]
Status = Literal["ACTIVE", "UNUSED", "WRITE_ONLY", "REQUIRED"]


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes
    ----------
    kind : str
        `unused_index`, `duplicate_index`, `redundant_index`, `invalid_index`, `vacuum`,
        `autovacuum_off`, `wraparound`, `horizon`.
    object_name : str
        `schema.name`, the database, or who.
    severity : str
    text : str
        What was seen, with figures.
    advice : str
        What a person may do.
    bytes : int or None
        What it would save.

    """

    kind: str
    object_name: str
    severity: Severity
    text: str
    advice: str
    bytes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for printing."""
        return {
            "kind": self.kind,
            "object": self.object_name,
            "severity": self.severity,
            "text": self.text,
            "advice": self.advice,
            "bytes": self.bytes,
        }


def status(row: Row) -> Status:
    """Return how an index is used since its counters began.

    `REQUIRED`: not scanned, but a constraint, replication or a foreign key rests on it.
    `WRITE_ONLY`: not scanned while its table is written. `UNUSED`: neither.

    Parameters
    ----------
    row : Mapping
        Of `sql/upkeep/indexes.sql`.

    """
    if row["scans"] > 0:
        return "ACTIVE"
    if (
        row["is_unique"]
        or row["is_constraint"]
        or row["is_replica_identity"]
        or row["is_referenced"]
        or row["serves_foreign_key"]
    ):
        return "REQUIRED"
    return "WRITE_ONLY" if row["table_writes"] > 0 else "UNUSED"


def usage(indexes: Sequence[Row]) -> list[dict[str, Any]]:
    """Return a row per index: name, table, status, scans, entries, rows, bytes; largest first."""
    rows = [
        {
            "index": f"{row['schema_name']}.{row['index_name']}",
            "table": row["table_name"],
            "status": status(row),
            "scans": row["scans"],
            "entries_read": row["entries_read"],
            "rows_fetched": row["rows_fetched"],
            "bytes": row["bytes"],
        }
        for row in indexes
        if not row["is_partitioned"]
    ]
    return sorted(rows, key=lambda row: (-row["bytes"], row["index"]))


def of_indexes(indexes: Sequence[Row], now: datetime, *, has_standbys: bool) -> list[Finding]:
    """Return what is to say of indexes; the largest first.

    Parameters
    ----------
    indexes : sequence of Mapping
        Rows of `sql/upkeep/indexes.sql`.
    now : datetime
        Aware.
    has_standbys : bool
        Whether queries may run, and use indexes, where their use is not counted here.

    """
    found = [*_invalid(indexes), *_alike(indexes), *_unused(indexes, now, has_standbys)]
    return sorted(found, key=lambda each: (-(each.bytes or 0), each.kind, each.object_name))


def _invalid(indexes: Sequence[Row]) -> list[Finding]:
    return [
        Finding(
            "invalid_index",
            _name(row),
            "warning",
            "no query uses it, and every write keeps it up: its build did not finish",
            f"REINDEX INDEX CONCURRENTLY {_name(row)}, or drop it",
            row["bytes"],
        )
        for row in indexes
        if not row["is_valid"] and not row["is_partitioned"] and not row["is_worked_on"]
    ]


def _alike(indexes: Sequence[Row]) -> list[Finding]:
    """Return indexes that another one of the same table replaces."""
    usable = [row for row in indexes if row["is_valid"] and not row["is_partition"]]
    by_table: dict[int, list[Row]] = {}
    for row in usable:
        by_table.setdefault(row["table_relid"], []).append(row)
    found = []
    for row in usable:
        if _is_bound(row):
            continue
        for other in by_table[row["table_relid"]]:
            if other["relid"] == row["relid"]:
                continue
            if definition(row) == definition(other):
                # of two that are equal the one that is bound, unique or older stays
                if _is_bound(other) or (other["is_unique"], -other["relid"]) > (
                    row["is_unique"],
                    -row["relid"],
                ):
                    found.append(_replaced("duplicate_index", row, other))
                    break
            elif not row["is_unique"] and _begins(other, row):
                found.append(_replaced("redundant_index", row, other))
                break
    return found


def _replaced(kind: str, row: Row, other: Row) -> Finding:
    how = "is the same as" if kind == "duplicate_index" else "is the beginning of"
    return Finding(
        kind,
        _name(row),
        "warning" if kind == "duplicate_index" else "info",
        f"{how} {_name(other)}; scanned {row['scans']:,} times",
        f"drop one of them after looking at their use: DROP INDEX CONCURRENTLY {_name(row)}",
        row["bytes"],
    )


def _is_bound(row: Row) -> bool:
    return bool(row["is_constraint"] or row["is_replica_identity"] or row["is_referenced"])


def _begins(longer: Row, shorter: Row) -> bool:
    """Whether a plain btree's key columns are the first ones of another's."""
    count = shorter["key_columns"]
    return (
        shorter["method"] == longer["method"] == "btree"
        and len(shorter["columns"]) == count < longer["key_columns"]
        and 0 not in shorter["columns"]
        and shorter["predicate"] == longer["predicate"]
        and all(
            tuple(shorter[name][:count]) == tuple(longer[name][:count])
            for name in ("columns", "operator_classes", "collations", "column_options")
        )
    )


def _unused(indexes: Sequence[Row], now: datetime, has_standbys: bool) -> list[Finding]:
    found = []
    for row in indexes:
        since = row["stats_reset"] or row["server_start"]
        unused = status(row) in ("UNUSED", "WRITE_ONLY")
        if not unused or not row["is_valid"] or row["is_partitioned"]:
            continue
        if row["bytes"] < MINIMUM_BYTES or since is None or now - since < USED_WITHIN:
            continue
        elsewhere = "; standbys may use it, which is not counted here" if has_standbys else ""
        found.append(
            Finding(
                "unused_index",
                _name(row),
                "info",
                f"not scanned once in {(now - since).days} days, "
                f"while its table was written {row['table_writes']:,} times{elsewhere}",
                f"drop it after asking whom it is for: DROP INDEX CONCURRENTLY {_name(row)}",
                row["bytes"],
            )
        )
    return found


def of_tables(
    tables: Sequence[Row],
    server: Row,
    horizon: Sequence[Row],
    database: str,
    paces: Mapping[str, Pace] | None = None,
) -> list[Finding]:
    """Return what is to say of dead rows, frozen ids, and who keeps them from being removed.

    A table's limits are those autovacuum goes by: threshold plus scale factor times its rows, its
    own settings before the server's.

    Parameters
    ----------
    tables, server, horizon
        Rows of `sql/upkeep/tables.sql`, the row of `server.sql`, rows of `horizon.sql`.
    database : str
        Its name.
    paces : Mapping of kind of ids to Pace, optional
        How fast they are used up, where it was measured.

    """
    known = paces or {}
    found = [*_wraparound(server, database, known), *_held_back(horizon)]
    holder = next(iter(horizon), None)
    for row in tables:
        if row["xid_age"] is None:
            continue
        found.extend(_of_table(row, server, holder, known.get(distance.XIDS)))
    order = {"critical": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda each: (order[each.severity], each.kind, each.object_name))


def _of_table(row: Row, server: Row, holder: Row | None, pace: Pace | None) -> list[Finding]:
    name = f"{row['schema_name']}.{row['table_name']}"
    options = dict(option.split("=", 1) for option in row["options"] if "=" in option)
    found = []
    dead, live = float(row["dead_rows"]), float(row["live_rows"])
    limit = vacuum_limit(row, server)
    off = options.get("autovacuum_enabled", "on").lower() in ("off", "false", "no", "0", "f", "n")
    if off or not server["autovacuum"]:
        found.append(
            Finding(
                "autovacuum_off",
                name,
                "warning" if dead > MINIMUM_DEAD else "info",
                f"autovacuum is off for it; {dead:,.0f} dead rows beside {live:,.0f}",
                "turn it on again (ALTER TABLE ... RESET (autovacuum_enabled)), or vacuum it",
            )
        )
    if dead > MINIMUM_DEAD and dead > 2.0 * limit:
        held = (
            f"; the oldest transaction is held by {holder['kind']} {holder['name']}"
            if holder is not None and (holder["xid_age"] or 0) > 0
            else ""
        )
        found.append(
            Finding(
                "vacuum",
                name,
                "warning",
                f"{dead:,.0f} dead rows beside {live:,.0f}, "
                f"{dead / limit:.1f} times what autovacuum begins at{held}",
                f"VACUUM (ANALYZE) {name}; if it comes too seldom, lower its "
                "autovacuum_vacuum_scale_factor",
                int(row["pages"] * row["block_bytes"] * dead / max(dead + live, 1.0)),
            )
        )
    own = options.get("autovacuum_freeze_max_age")
    most = min(int(own), server["freeze_max_age"]) if own else server["freeze_max_age"]
    if row["xid_age"] > 1.1 * most:
        found.append(
            Finding(
                "wraparound",
                name,
                _nearness(row["xid_age"], pace),
                f"its oldest transaction id is {row['xid_age']:,} old; autovacuum should have "
                f"frozen it at {most:,}; {distance.told(row['xid_age'], pace)}",
                f"VACUUM (FREEZE) {name}, and look what keeps autovacuum from it",
            )
        )
    return found


def vacuum_limit(row: Row, server: Row) -> float:
    """Return the dead rows at which autovacuum begins with a table."""
    options = dict(option.split("=", 1) for option in row["options"] if "=" in option)
    threshold = float(options.get("autovacuum_vacuum_threshold") or server["vacuum_threshold"])
    factor = float(options.get("autovacuum_vacuum_scale_factor") or server["vacuum_scale_factor"])
    limit = threshold + factor * max(float(row["planner_rows"]), 0.0)
    most = options.get("autovacuum_vacuum_max_threshold", server["vacuum_max_threshold"])
    # -1 turns the most off
    return limit if most is None or float(most) < 0 else min(limit, float(most))


def _nearness(age: int, pace: Pace | None) -> Severity:
    """Return how bad it is that ids of an age were not frozen when they should have been."""
    days = distance.days_left(age, pace)
    near = days is not None and days < distance.FEW_DAYS
    return "critical" if age > FAILSAFE_AGE or near else "warning"


def _wraparound(server: Row, database: str, paces: Mapping[str, Pace]) -> list[Finding]:
    found = []
    for what, age, limit in (
        (distance.XIDS, server["database_xid_age"], server["freeze_max_age"]),
        (distance.MXIDS, server["database_mxid_age"], server["multixact_freeze_max_age"]),
    ):
        if age <= 1.1 * limit:
            continue
        pace = paces.get(what)
        found.append(
            Finding(
                "wraparound",
                database,
                _nearness(age, pace),
                f"{what} are {age:,} old, {100.0 * age / distance.WRAPAROUND:.0f} % of what there "
                f"is; {distance.told(age, pace)}",
                "vacuum the tables with the oldest ids; end what holds them back",
            )
        )
    return found


def _held_back(horizon: Sequence[Row]) -> list[Finding]:
    return [
        Finding(
            "horizon",
            f"{row['kind']} {row['name']}",
            "warning",
            f"keeps rows that died since {row['xid_age'] or 0:,} transactions from being removed"
            + (f", for {row['seconds']:,.0f} s" if row["seconds"] is not None else ""),
            {
                "session": "end its transaction",
                "standby": "end its long query, or turn hot_standby_feedback off there",
                "slot": "let its consumer go on, or drop the slot",
                "prepared transaction": "COMMIT PREPARED or ROLLBACK PREPARED it",
            }[row["kind"]],
        )
        for row in horizon
        if (row["xid_age"] or 0) >= HELD_BACK or (row["seconds"] or 0.0) >= OLD_SECONDS
    ]


def _name(row: Row) -> str:
    return f"{row['schema_name']}.{row['index_name']}"
