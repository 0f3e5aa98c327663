"""Parameters of captured statements, drawn from the database under test when a run begins.

A scenario that was captured holds no value, only the columns that values come from: it can be
shown to anybody, and runs on another database of the same schema, with that one's values.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, model_validator

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles

if TYPE_CHECKING:
    from perf_pipeline.loadtests.scenario import Operation, Scenario

#: Rows that are drawn from per table: enough that they do not all stay in the cache.
ROWS: Final = 1_000
#: Pages that are looked at for them, at random; a smaller table is read as a whole.
_PAGES: Final = 2_000
_PARAMETER: Final = re.compile(r"\$(\d+)\b")
#: What pgbench would take for a variable of its own.
_VARIABLE: Final = re.compile(r"(?<!:):(?=[A-Za-z_])")
_TYPE: Final = re.compile(r'^[A-Za-z_"][\w "().]*(\[\])*$')


class Draw(BaseModel):
    """Where the value of one parameter comes from.

    Either a `value`, or `make: uuid`, or a `column` of a `table`: `row` draws a row (parameters of
    one `source` are of the same one), `rows` an array of so many, `low` and `high` the ends of a
    range that has the `share` of the table, `above` and `below` a limit beyond which that share
    lies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[str, Field(pattern=_TYPE.pattern)]
    value: str | None = None
    make: Literal["uuid"] | None = None
    table: Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$")] | None = None
    column: str | None = None
    source: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = ""
    take: Literal["row", "rows", "low", "high", "above", "below"] = "row"
    rows: Annotated[int, Field(ge=1, le=100)] = 1
    share: Annotated[float, Field(gt=0, le=1)] = 0.01

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = [self.value is not None, self.make is not None, self.table is not None]
        if sum(ways) != 1 or (self.table is None) != (self.column is None):
            raise ValueError("give either value, or make, or table and column")
        return self


def filled(session: psycopg.Connection[Any], scenario: "Scenario") -> "Scenario":
    """Return a scenario whose captured statements have their values; others stay as they are.

    Parameters
    ----------
    session : psycopg.Connection
        On the database that is put under load.
    scenario : Scenario

    Raises
    ------
    ConfigurationError
        A table is empty, missing, or may not be read.

    """
    if not any(each.statement for each in scenario.operations):
        return scenario
    known: dict[tuple[str, tuple[str, ...], str], list[list[str]]] = {}
    operations = [
        each.model_copy(update={"drawn": script(session, each, known)}) if each.statement else each
        for each in scenario.operations
    ]
    return scenario.model_copy(update={"operations": tuple(operations)})


def script(
    session: psycopg.Connection[Any],
    operation: "Operation",
    known: dict[tuple[str, tuple[str, ...], str], list[list[str]]],
) -> str:
    """Return a captured statement as a script of pgbench, its values in it."""
    sources = _sources(operation.parameters)
    lines: list[str] = []
    columns: dict[str, list[str]] = {}
    values: dict[str, list[list[str]]] = {}
    for source, draws in sources.items():
        table = str(draws[0].table)
        columns[source] = sorted({str(each.column) for each in draws})
        ordered = str(draws[0].column) if draws[0].take not in ("row", "rows") else ""
        at = (table, tuple(columns[source]), ordered)
        if at not in known:
            known[at] = _sample(session, operation.name, table, columns[source], ordered)
        values[source] = known[at]
        first, last = _bounds(draws, len(known[at]))
        lines.append(f"\\set {_variable(source)} random({first}, {last})")

    def put(match: re.Match[str]) -> str:
        each = operation.parameters.get(match[1])
        if each is None:
            raise ConfigurationError(
                f"operation {operation.name!r}: parameter ${match[1]} has no draw",
                "name under `parameters` where its value comes from",
            )
        return _expression(each, columns, values)

    text = _PARAMETER.sub(put, _VARIABLE.sub(": ", operation.statement).rstrip().rstrip(";"))
    return "\n".join((*lines, f"{text};", ""))


def _sources(parameters: Mapping[str, Draw]) -> dict[str, list[Draw]]:
    found: dict[str, list[Draw]] = {}
    for each in parameters.values():
        if each.table is not None:
            found.setdefault(each.source, []).append(each)
    return found


def _variable(source: str) -> str:
    return f"row_{source}" if source else "row"


def _span(each: Draw, count: int) -> int:
    return min(max(1, round(each.share * count)), max(1, count - 1))


def _bounds(draws: Sequence[Draw], count: int) -> tuple[int, int]:
    """Return which of the sampled rows may be drawn, by their numbers from 1 on."""
    first, last = 1, count
    for each in draws:
        if each.take == "rows":
            last = min(last, max(1, count - each.rows + 1))
        elif each.take in ("low", "high"):
            last = min(last, max(1, count - _span(each, count)))
        elif each.take == "above":
            # a little about the row beyond which the share lies
            first, last = max(1, count - 2 * _span(each, count)), max(1, count - _span(each, count))
        elif each.take == "below":
            first, last = min(_span(each, count), count), min(2 * _span(each, count), count)
    return first, max(first, last)


def _expression(
    each: Draw, columns: Mapping[str, Sequence[str]], values: Mapping[str, Sequence[Sequence[str]]]
) -> str:
    if each.make == "uuid":
        return f"gen_random_uuid()::{each.type}"
    if each.value is not None:
        return f"{literal(each.value)}::{each.type}"
    place = columns[each.source].index(str(each.column))
    drawn = values[each.source]
    array = "(ARRAY[" + ", ".join(literal(row[place]) for row in drawn) + "])"
    row = f":{_variable(each.source)}"
    if each.take == "rows":
        return f"({array}[{row} : {row} + {each.rows - 1}])::{each.type}"
    more = f" + {_span(each, len(drawn))}" if each.take == "high" and len(drawn) > 1 else ""
    return f"({array}[{row}{more}])::{each.type}"


def literal(value: str) -> str:
    r"""Return a text as SQL; a colon is written as `\072`: pgbench would read a variable there."""
    escaped = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\072")
    return "E'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"


def _sample(
    session: psycopg.Connection[Any],
    operation: str,
    table: str,
    columns: Sequence[str],
    ordered: str,
) -> list[list[str]]:
    remedy = "fill the database, let the role read the table, or capture the scenario anew"
    name = sql.Identifier(*table.split("."))
    parts = sql.SQL(", ").join(
        sql.SQL("t.{}::pg_catalog.text").format(sql.Identifier(each)) for each in columns
    )
    text = sql.SQL(sqlfiles.load("loadtests/sample").text).format(
        drawn=parts,
        relation=name,
        ordered=sql.SQL("t.{}").format(sql.Identifier(ordered)) if ordered else sql.SQL("1"),
    )
    try:
        (pages,) = session.execute(
            sqlfiles.load("loadtests/pages").text, {"name": name.as_string(session)}
        ).fetchone() or (0.0,)
        percent = 100.0 if pages <= _PAGES else 100.0 * _PAGES / pages
        rows = session.execute(text, {"percent": percent, "most": ROWS}).fetchall()
    except psycopg.Error as error:
        said = (str(error).strip().splitlines() or [repr(error)])[0]
        raise ConfigurationError(f"operation {operation!r}: {table}: {said}", remedy) from error
    if not rows:
        raise ConfigurationError(
            f"operation {operation!r}: {table} has no row with {', '.join(columns)}", remedy
        )
    return [list(row[0]) for row in rows]
