"""Which rows are deleted, in which order, and what keeps others: retention as a plan. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.upkeep.model import Retention
from perf_pipeline.upkeep.step import Step

Row = Mapping[str, Any]

#: Types a row's age can be told by.
AGES: Final = ("timestamp with time zone", "timestamp without time zone", "date")
#: Without an index on their age, tables of up to so many rows are read as a whole.
SMALL_ROWS: Final = 100_000


@dataclass(frozen=True)
class Keeper:
    """A foreign key of another table: rows it refers to stay."""

    schema_name: str
    table_name: str
    columns: tuple[str, ...]
    to_columns: tuple[str, ...]


def plan(
    rules: Sequence[Retention],
    leaves: Mapping[str, Sequence[Row]],
    references: Sequence[Row],
    now: datetime,
) -> list[Step]:
    """Return the deletions, tables that refer to others before those.

    Parameters
    ----------
    rules : sequence of Retention
    leaves : Mapping of table to sequence of Mapping
        Rows of `sql/upkeep/leaves.sql` for each rule's table.
    references : sequence of Mapping
        Rows of `sql/upkeep/references.sql`.
    now : datetime
        Aware, UTC.

    Returns
    -------
    list of Step
        One per table or partition. `detail`: `rule` (its place), `relid`, `schema_name`,
        `table_name`, `type`, `cutoff`, `keepers`.

    Raises
    ------
    ConfigurationError
        Two rules of which each must come before the other.

    """
    steps = []
    for place in in_order(rules, references):
        rule = rules[place]
        found = leaves.get(rule.table, ())
        if not found:
            steps.append(
                Step("rows.delete", rule.table, "there is no such table", False, {"rule": place})
            )
            continue
        keepers, unseen = keepers_of(rule, references)
        steps += [_step(place, rule, leaf, keepers, unseen, now) for leaf in found]
    return steps


def _step(
    place: int,
    rule: Retention,
    leaf: Row,
    keepers: Sequence[Keeper],
    unseen: Sequence[str],
    now: datetime,
) -> Step:
    cutoff = rule.cutoff(now)
    name = f"{leaf['schema_name']}.{leaf['table_name']}"
    detail = {
        "rule": place,
        "relid": leaf["relid"],
        "schema_name": leaf["schema_name"],
        "table_name": leaf["table_name"],
        "type": leaf["type"],
        "cutoff": cutoff,
        "keepers": tuple(keepers),
    }
    only = "".join(f", {column} is {value}" for column, value in rule.only.items())
    kept = f"; rows that {', '.join(k.table_name for k in keepers)} refers to stay" * bool(keepers)
    reason = f"rows with {rule.column} before {cutoff:%Y-%m-%d %H:%M} UTC{only}{kept}"
    against = None
    if leaf["column_name"] is None:
        against = f"it has no column {rule.column!r}"
    elif leaf["type"] not in AGES:
        against = f"column {rule.column!r} is {leaf['type']}, no timestamp or date"
    elif not leaf["may_delete"]:
        against = "this role may not delete from it"
    elif unseen:
        against = f"{', '.join(unseen)} refers to it and has no index to see that by"
    elif not leaf["is_indexed"] and leaf["planner_rows"] > SMALL_ROWS:
        against = f"no index begins with {rule.column!r}: each batch would read the whole table"
    if against is not None:
        return Step("rows.delete", name, f"{reason}; but {against}", False, detail)
    return Step("rows.delete", name, reason, detail=detail)


def keepers_of(rule: Retention, references: Sequence[Row]) -> tuple[list[Keeper], list[str]]:
    """Return the foreign keys that keep rows of a rule's table, and those that cannot be seen.

    Of any foreign key, also one that would delete with it (ON DELETE CASCADE): no rule speaks of
    those rows. Not of the rows that the rule itself deletes along.
    """
    along = {also.table for also in rule.also}
    keepers, unseen = [], []
    for row in references:
        table = f"{row['schema_name']}.{row['table_name']}"
        if f"{row['to_schema']}.{row['to_table']}" != rule.table or table in along:
            continue
        if not row["is_indexed"]:
            unseen.append(table)
            continue
        keepers.append(
            Keeper(
                row["schema_name"],
                row["table_name"],
                tuple(row["columns"]),
                tuple(row["to_columns"]),
            )
        )
    return keepers, unseen


def in_order(rules: Sequence[Retention], references: Sequence[Row]) -> list[int]:
    """Return the places of the rules, each before those of tables that its table refers to.

    Raises
    ------
    ConfigurationError
        Tables refer to each other in a circle.

    """
    refers = {
        (f"{row['schema_name']}.{row['table_name']}", f"{row['to_schema']}.{row['to_table']}")
        for row in references
    }
    left = list(range(len(rules)))
    placed: list[int] = []
    while left:
        ready = next(
            (
                place
                for place in left
                if not any(
                    (rules[other].table, rules[place].table) in refers
                    and rules[other].table != rules[place].table
                    for other in left
                )
            ),
            None,
        )
        if ready is None:
            names = sorted({rules[place].table for place in left})
            raise ConfigurationError(
                f"retention: {', '.join(names)} refer to each other in a circle",
                "leave one of their rules out, or delete them with `also`",
            )
        left.remove(ready)
        placed.append(ready)
    return placed
