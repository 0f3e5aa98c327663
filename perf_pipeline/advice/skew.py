"""Values that are not asked for evenly: what share of a table a statement's own values have; pure.

A plan with open parameters takes each value of a column for equally frequent. Of a column whose
values are not (999 of 1,000 orders are done), that is wrong for every one of them, and by how much
is known: the statement's calls returned so many rows on average. Within what the frequencies of the
column's values allow (they are read, the values are not), the share is the one that makes the
planner expect as many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from perf_pipeline.advice.predicates import Wanted

Row = Mapping[str, Any]
Table = tuple[str, str]

#: Times as many or as few rows as expected, from which values are not those of the mean.
OFF: Final = 2.0
#: Nodes that return fewer rows than they read, or others: nothing is known of what was read.
_OTHER_ROWS: Final = frozenset(
    {"Aggregate", "Group", "Limit", "Unique", "SetOp", "ProjectSet", "Result", "Function Scan"}
)


@dataclass(frozen=True)
class Frequencies:
    """How often a column's values occur.

    Attributes
    ----------
    mean : float
        Share of the rows that one value has, on average.
    least, most : float
        Of the rarest values together with all others of their kind, and of the most frequent one.

    """

    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class Asked:
    """The share of a table that a statement's own values of a column have, and the mean's."""

    table: Table
    column: str
    share: float
    mean: float

    @property
    def n_distinct(self) -> float:
        """As many different values would each have that share."""
        return 1.0 / self.share


def frequencies(row: Row) -> Frequencies | None:
    """Return how often a column's values occur; None: all alike, as far as is known.

    Parameters
    ----------
    row : Mapping
        Of `sql/advice/column_statistics.sql`, and `rows` of its table.

    """
    common: Sequence[float] = row["frequencies"] or ()
    distinct = row["n_distinct"] if row["n_distinct"] > 0 else -row["n_distinct"] * row["rows"]
    if not common or distinct < 1.0:
        return None
    left = 1.0 - row["null_share"]
    others = max(0.0, left - sum(common))
    more = distinct - len(common)
    # as the planner does for a value that is not among the common ones
    least = min(min(common), others / more) if more >= 1.0 and others > 0.0 else min(common)
    return Frequencies(left / distinct, max(least, 1e-9), max(common))


def of_columns(
    columns: Sequence[Row], rows: Mapping[Table, float], roots: Mapping[Table, Table]
) -> dict[tuple[Table, str], Frequencies]:
    """Return how often the values of each column occur; of partitions their table's own are taken.

    Parameters
    ----------
    columns : sequence of Mapping
        Of `sql/advice/column_statistics.sql`.
    rows : Mapping of table to float
    roots : Mapping of table to table
        The table that each partition belongs to.

    """
    found = {}
    for row in columns:
        table = (row["schema_name"], row["table_name"])
        if roots.get(table, table) != table:
            continue
        of = frequencies({**row, "rows": rows.get(table, 0.0)})
        if of is not None:
            found[table, row["column_name"]] = of
    return found


def asked(
    plan: Mapping[str, Any],
    wanted: Sequence[Wanted],
    rows_per_call: float | None,
    known: Mapping[tuple[Table, str], Frequencies],
) -> tuple[Asked, ...]:
    """Return which columns' values a statement asks for that are not those of the mean.

    Told of statements on one table that return what they read (no LIMIT, no aggregate): else
    nobody knows how many rows had the value.

    Parameters
    ----------
    plan : Mapping
        Of EXPLAIN, as things are.
    wanted : sequence of Wanted
        Of root tables.
    rows_per_call : float or None
        As counted.
    known : Mapping of (table, column) to Frequencies

    """
    if rows_per_call is None or len(wanted) != 1:
        return ()
    node = plan
    while node["Node Type"] == "ModifyTable" and node.get("Plans"):
        node = node["Plans"][0]
    if any(each["Node Type"] in _OTHER_ROWS for each in _walk(node)):
        return ()
    expected = max(float(node["Plan Rows"]), 1.0)
    # no row at all is no share: as if one had come in a hundred calls
    off = max(rows_per_call, 0.01) / expected
    if 1.0 / OFF < off < OFF:
        return ()
    table = (wanted[0].schema_name, wanted[0].table_name)
    there = [(name, known[table, name]) for name in wanted[0].equal if (table, name) in known]
    found = []
    # the column whose values differ most takes what it can, the next one what is left
    for name, of in sorted(there, key=lambda each: (_reach(each[1], off), each[0])):
        share = min(of.most, max(of.least, of.mean * off))
        if share in (of.mean, 0.0):
            continue
        found.append(Asked(table, name, share, of.mean))
        off *= of.mean / share
        if 1.0 / OFF < off < OFF:
            break
    return tuple(found)


def _reach(of: Frequencies, off: float) -> float:
    return of.least / of.mean if off < 1.0 else of.mean / of.most


def _walk(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node, *(each for below in node.get("Plans", ()) for each in _walk(below))]


def said(values: Sequence[Asked]) -> str:
    """Return what is to be told of it."""
    return ", ".join(
        f"{each.column} as asked for has {100 * each.share:.3g} % of the rows "
        f"({100 * each.mean:.3g} % on average), by the rows that came back"
        for each in values
    )
