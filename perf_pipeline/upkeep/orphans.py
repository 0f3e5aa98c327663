"""What is wrong with a relationship, and the summary of all that are wrong. Pure.

| class | what it is | cleaned |
|---|---|---|
| `missing_source`, `missing_target`, `missing_both` | an end's row is gone | yes |
| `archived_parent` | an end's row is archived | no |
| `unknown_table` | an end names no table, or one that cannot be looked into | no |
| `undeclared_kind` | both ends are there; nobody declared its kind | no |
| `inactive_kind` | its kind is out of use | no |
| `unlisted_table` | its kind does not go with these tables | no |

One class each: `unknown_table`, which hides the others, else the first that holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from perf_pipeline.upkeep.model import Kind
from perf_pipeline.upkeep.step import Step

Row = Mapping[str, Any]

CLEANED: Final = ("missing_source", "missing_target", "missing_both")
CLASSES: Final = (
    "unknown_table",
    "missing_both",
    "missing_source",
    "missing_target",
    "archived_parent",
    "undeclared_kind",
    "inactive_kind",
    "unlisted_table",
)

State = Literal["present", "missing", "archived", "unknown table"]


def judge(source: State, target: State, kind: Kind | None, tables: tuple[str, str]) -> str | None:
    """Return the class of one relationship, None when it is well.

    The statement `sql/upkeep/orphans_pair.sql` says the same of many at once; a test compares them.

    Parameters
    ----------
    source, target : str
        State of its ends.
    kind : Kind or None
        What is declared of its kind.
    tables : (str, str)
        As the relationship names them.

    """
    ends = (source, target)
    if "unknown table" in ends:
        return "unknown_table"
    if ends == ("missing", "missing"):
        return "missing_both"
    for place, end in zip(("source", "target"), ends, strict=True):
        if end == "missing":
            return f"missing_{place}"
    if "archived" in ends:
        return "archived_parent"
    if kind is None:
        return "undeclared_kind"
    if not kind.active:
        return "inactive_kind"
    listed = tables[0] in kind.source_tables and tables[1] in kind.target_tables
    return None if listed else "unlisted_table"


def plan(summary: Sequence[Row], table: str, minimum_age_minutes: int) -> list[Step]:
    """Return what is to be archived, a step per pair of tables, and what is only reported.

    Parameters
    ----------
    summary : sequence of Mapping
        Rows of `sql/upkeep/orphans_pair.sql`, of all pairs, each with its `path`.
    table : str
        The relationships' schema.name.
    minimum_age_minutes : int
        Younger ones are left alone.

    Returns
    -------
    list of Step
        Most first, what is only reported last. `detail`: `source_table`, `target_table`, `orphans`.

    """
    steps = []
    for todo in (True, False):
        pairs: dict[str, list[Row]] = {}
        for row in summary:
            if (row["class"] in CLEANED) == todo:
                pairs.setdefault(row["path"], []).append(row)
        for path, rows in sorted(pairs.items(), key=lambda pair: (-_count(pair[1]), pair[0])):
            steps.append(_step(path, rows, table, minimum_age_minutes, todo=todo))
    return steps


def wrong(table: str, why: str) -> Step:
    """Return the step of relationships that cannot be looked at: it fails, and says why."""
    return Step("rows.archive_orphans", table, why, todo=False, detail={"is_wrong": True})


def _step(
    path: str, rows: Sequence[Row], table: str, minimum_age_minutes: int, *, todo: bool
) -> Step:
    counts = ", ".join(f"{count:,} {name}" for name, count in totals(rows).items())
    what = (
        f"those older than {minimum_age_minutes} minutes are marked archived"
        if todo
        else "reported only"
    )
    detail = {
        "source_table": rows[0]["source_table"],
        "target_table": rows[0]["target_table"],
        "orphans": _count(rows),
    }
    return Step("rows.archive_orphans", table, f"{path}: {counts}; {what}", todo, detail)


def _count(rows: Sequence[Row]) -> int:
    return sum(row["orphans"] for row in rows)


def totals(summary: Sequence[Row]) -> dict[str, int]:
    """Return how many there are of each class; a class without any has none."""
    counts = dict.fromkeys(CLASSES, 0)
    for row in summary:
        counts[row["class"]] += row["orphans"]
    return {name: count for name, count in counts.items() if count}
