"""Which indexes to rebuild, and which leftovers of rebuilds to remove. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from perf_pipeline.upkeep.model import Reindex
from perf_pipeline.upkeep.step import Step

Row = Mapping[str, Any]

#: What PostgreSQL calls the new index while it is built, and the old one until it is dropped;
#: numbered when there is one already.
_LEFTOVER: Final = re.compile(r"^(?P<stem>.+)_cc(?:new|old)(?P<number>\d*)$")
#: Bytes that a rebuild needs for each byte of the new index: itself, its sort, its WAL.
SPACE_FACTOR: Final = 3
#: Longest name PostgreSQL keeps: it shortens the stem to fit its suffix.
_NAME_BYTES: Final = 63


@dataclass(frozen=True)
class Bloat:
    """What is known of one index: bytes, and how many a rebuild would save."""

    total_bytes: int
    wasted_bytes: int
    measured: bool

    @property
    def percent(self) -> float:
        """The wasted share, 0 to 100."""
        return 100.0 * self.wasted_bytes / self.total_bytes if self.total_bytes else 0.0


def candidates(indexes: Sequence[Row], policy: Reindex) -> list[Row]:
    """Return the indexes that the policy speaks of and that can be rebuilt concurrently.

    Parameters
    ----------
    indexes : sequence of Mapping
        Rows of `sql/upkeep/indexes.sql`.
    policy : Reindex

    """
    return [
        row
        for row in indexes
        if row["method"] == "btree"  # what pgstatindex measures
        and not row["is_partitioned"]
        and not row["is_exclusion"]
        and row["is_valid"]
        and row["is_ready"]
        and row["bytes"] >= policy.minimum_mb * 1e6
        and row["scans"] >= policy.minimum_scans
        and any(fnmatchcase(_name(row), pattern) for pattern in policy.indexes)
    ]


def plan(
    chosen: Sequence[Row],
    bloat: Mapping[int, Bloat],
    free_bytes: Mapping[int, int | None],
    policy: Reindex,
) -> list[Step]:
    """Return the rebuilds, those that save most first; none without a measurement.

    Parameters
    ----------
    chosen : sequence of Mapping
        Of `candidates`.
    bloat : Mapping of index oid to Bloat
        What is not in it is not known.
    free_bytes : Mapping of index oid to int or None
        Free space of the disk it lies on; None: it cannot be seen from here.
    policy : Reindex

    Returns
    -------
    list of Step
        `detail`: `relid`, `table_relid`, `bytes`, `wasted_bytes`, `bloat_percent`.

    """
    steps = []
    for row in chosen:
        known = bloat.get(row["relid"])
        if known is None or known.percent <= policy.bloat_percent:
            continue
        detail = {
            "relid": row["relid"],
            "table_relid": row["table_relid"],
            "bytes": known.total_bytes,
            "wasted_bytes": known.wasted_bytes,
            "bloat_percent": round(known.percent, 1),
        }
        how = "measured" if known.measured else "estimated"
        reason = (
            f"{known.percent:.0f} % of {known.total_bytes / 1e6:,.1f} MB is wasted ({how}), "
            f"more than {policy.bloat_percent:g} %"
        )
        against = _objection(row, known, free_bytes.get(row["relid"]), policy)
        steps.append(
            Step(
                "index.reindex",
                _name(row),
                f"{reason}; but {against}" if against else reason,
                todo=against is None,
                detail=detail,
            )
        )
    return sorted(steps, key=lambda step: (-step.detail["wasted_bytes"], step.object_name))


def _objection(row: Row, known: Bloat, free: int | None, policy: Reindex) -> str | None:
    needed = SPACE_FACTOR * (known.total_bytes - known.wasted_bytes)
    if not known.measured:
        return "nothing is rebuilt on an estimate: CREATE EXTENSION pgstattuple"
    if not row["may_maintain"]:
        return "this role may not rebuild it"
    if row["is_worked_on"]:
        return "somebody else works on it"
    if free is None:
        if known.total_bytes > policy.unseen_disk_mb * 1e6:
            return (
                "the server's free disk space is not seen from here and it is larger than "
                f"unseen_disk_mb ({policy.unseen_disk_mb:g} MB)"
            )
        return None
    if free < needed:
        return f"its disk has {free / 1e6:,.0f} MB free and {needed / 1e6:,.0f} MB are needed"
    return None


def leftovers(indexes: Sequence[Row]) -> list[Step]:
    """Return the invalid indexes that an interrupted rebuild left, to be dropped.

    One is taken for a leftover only if it is invalid, named as PostgreSQL names them, and the index
    it was made from is there, valid, and of the same definition.

    Parameters
    ----------
    indexes : sequence of Mapping
        Rows of `sql/upkeep/indexes.sql`.

    Returns
    -------
    list of Step
        `detail`: `relid`, `table_relid`, `bytes`.

    """
    by_table: dict[int, list[Row]] = {}
    for row in indexes:
        by_table.setdefault(row["table_relid"], []).append(row)
    steps = []
    for row in indexes:
        match = _LEFTOVER.match(row["index_name"])
        if match is None or row["is_valid"] or row["is_constraint"]:
            continue
        if not any(
            _is_original(row, match["stem"], other) for other in by_table[row["table_relid"]]
        ):
            continue
        detail = {
            "relid": row["relid"],
            "table_relid": row["table_relid"],
            "bytes": row["bytes"],
        }
        reason, todo = "left behind by a rebuild that was interrupted", True
        if row["is_worked_on"]:
            reason, todo = "of a rebuild that is under way", False
        elif not row["may_drop"]:
            reason, todo = f"{reason}; but this role may not drop it", False
        steps.append(Step("index.drop_leftover", _name(row), reason, todo=todo, detail=detail))
    return steps


def _is_original(leftover: Row, stem: str, other: Row) -> bool:
    if other["relid"] == leftover["relid"] or not other["is_valid"]:
        return False
    name: str = other["index_name"]
    shortened = len(leftover["index_name"].encode()) >= _NAME_BYTES - 1
    same_name = name == stem or (shortened and name.startswith(stem))
    return same_name and definition(leftover) == definition(other)


def definition(row: Row) -> tuple[object, ...]:
    """Return what an index is made of, for comparison."""
    return (
        row["table_relid"],
        row["method"],
        tuple(row["columns"]),
        row["key_columns"],
        tuple(row["operator_classes"]),
        tuple(row["collations"]),
        tuple(row["column_options"]),
        row["expressions"],
        row["predicate"],
    )


def _name(row: Row) -> str:
    return f"{row['schema_name']}.{row['index_name']}"
