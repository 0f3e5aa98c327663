"""Which tables need new statistics: those of which enough rows changed. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from perf_pipeline.upkeep.model import Analyze
from perf_pipeline.upkeep.step import Step

#: From here on ANALYZE ONLY leaves the partitions of a table alone.
ONLY_MAJOR: Final = 18
#: Of a partition analyzed since its parent was, at least this share of rows had changed: that of
#: autovacuum (autovacuum_analyze_scale_factor).
AUTO_SHARE: Final = 0.1

Row = Mapping[str, Any]


def plan(tables: Sequence[Row], policy: Analyze, major: int) -> list[Step]:
    """Return the tables to analyze, those with the largest changed share first.

    A partitioned table has statistics of its own, which autovacuum never gathers: it is due when
    enough rows of its partitions changed. Before PostgreSQL 18 that analyzes the partitions, too,
    so that they are not planned again. From 18 on those partitions of which the share changed are
    analyzed before it, however small: their changes would make it due for ever.

    Parameters
    ----------
    tables : sequence of Mapping
        Rows of `sql/upkeep/tables.sql`.
    policy : Analyze
    major : int
        The server's.

    Returns
    -------
    list of Step
        `detail`: `relid` and `only`.

    """
    leaves: dict[int, list[Row]] = defaultdict(list)
    for row in tables:
        if row["root_relid"] is not None and row["kind"] == "table":
            leaves[row["root_relid"]].append(row)
    # a root with its leaves is done at once; parents in between are covered by their root
    roots = [r for r in tables if r["kind"] == "partitioned table" and r["root_relid"] is None]
    steps: list[tuple[float, Step]] = []
    covered: set[int] = set()
    small: set[int] = set()
    after: dict[int, float] = {}
    for root in roots:
        found = _of_partitioned(root, leaves[root["relid"]], policy, major)
        if found is None:
            continue
        steps.append(found)
        after[root["relid"]] = found[0]
        if found[1].todo:
            of_root = {leaf["relid"] for leaf in leaves[root["relid"]]}
            if major < ONLY_MAJOR:
                covered |= of_root
            else:
                small |= of_root
    for row in tables:
        if row["kind"] == "partitioned table" or row["relid"] in covered:
            continue
        minimum = 1 if row["relid"] in small else policy.minimum_changes
        found = _of_table(row, policy, minimum)
        if found is not None:
            steps.append((max(found[0], after.get(row["root_relid"], 0.0)), found[1]))
    # a partition analyzed after its root would make the root due again
    steps.sort(key=lambda pair: (-pair[0], pair[1].detail["only"], pair[1].object_name))
    return [step for _, step in steps]


def _of_table(row: Row, policy: Analyze, minimum: int) -> tuple[float, Step] | None:
    rows, changed = _rows(row), int(row["changed_rows"])
    if changed < minimum:
        return None
    share = changed / max(rows, changed, 1.0)
    if share * 100.0 < policy.changed_percent:
        return None
    reason = f"{changed:,} of about {max(rows, changed):,.0f} rows changed since the last ANALYZE"
    return share, _step(row, reason, only=False)


def _of_partitioned(
    root: Row, leaves: Sequence[Row], policy: Analyze, major: int
) -> tuple[float, Step] | None:
    last: datetime | None = root["last_analyze"]
    rows = sum(_rows(leaf) for leaf in leaves)
    changed = sum(float(leaf["changed_rows"]) for leaf in leaves)
    if last is None:
        # what was changed before anybody analyzed the whole: all of it
        changed = max(rows, changed)
    else:
        changed += sum(
            AUTO_SHARE * _rows(leaf)
            for leaf in leaves
            if leaf["last_analyze"] is not None and leaf["last_analyze"] > last
        )
    if changed < policy.minimum_changes:
        return None
    share = changed / max(rows, changed)
    if share * 100.0 < policy.changed_percent:
        return None
    reason = (
        f"statistics of the whole were never gathered; its {len(leaves)} partitions "
        f"have about {rows:,.0f} rows"
        if last is None
        else f"about {changed:,.0f} of {max(rows, changed):,.0f} rows of its partitions changed "
        "since the last ANALYZE of the whole"
    )
    return share, _step(root, reason, only=major >= ONLY_MAJOR)


def _rows(row: Row) -> float:
    """Return a table's rows: as counted, or as the planner last knew (-1: never)."""
    return max(float(row["live_rows"] or 0), float(row["planner_rows"]), 0.0)


def _step(row: Row, reason: str, *, only: bool) -> Step:
    name = f"{row['schema_name']}.{row['table_name']}"
    detail = {"relid": row["relid"], "only": only}
    if not row["may_maintain"]:
        return Step(
            "table.analyze",
            name,
            f"{reason}; but this role may not analyze it",
            todo=False,
            detail=detail,
        )
    return Step("table.analyze", name, reason, detail=detail)
