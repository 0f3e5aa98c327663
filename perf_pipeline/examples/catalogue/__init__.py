"""What of the product answers which row of the capability list.

One YAML file per system (`<system>.yaml`) and one for load testing (`benchmarks.yaml`), read by the
tests that look for everything they name and by `perf_pipeline.examples.coverage`, which writes
`docs/coverage.md`. A row has `objects` of its system's database, or lists of names (`LISTS`), or
says `elsewhere` in words what answers it, or in `not_yet` what of it is not there; it may have all
of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import psycopg
import yaml

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles

Kind = Literal[
    "table", "index", "view", "materialized view", "function", "trigger", "type", "sequence"
]
KINDS: tuple[str, ...] = get_args(Kind)

#: Facts a declaration may state besides its columns; see `sql/target/catalogue.sql`.
FACTS: Mapping[str, tuple[str, ...]] = {
    "table": ("partitioned", "partitions", "of", "bounds", "key"),
    "index": ("relation", "method", "unique", "where", "include"),
    "function": ("returns",),
    "trigger": ("relation", "calls", "each", "events"),
}
#: Holds wherever it is not stated otherwise.
_ALWAYS = {"index": {"usable": True}, "trigger": {"enabled": True}}
#: What may answer a row besides objects: lists of names, of each of which a test asserts that it is
#: there. `statements` are files below `sql/`, without the ending; `store` objects of our own
#: database; `assets` keys, `checks` `<asset key>:<check>`, `automation` jobs, schedules and sensors
#: of the definitions; `tests` a file below `perf_pipeline_tests/` or `<file>::<function>`;
#: `commands` of `perf-pipeline`; `code` `<module>:<name>` below `perf_pipeline`; `files` of the
#: repository.
LISTS: tuple[str, ...] = (
    "statements",
    "store",
    "assets",
    "checks",
    "automation",
    "commands",
    "code",
    "files",
    "tests",
)
#: A table may have more columns than the row speaks of; elsewhere all count, in order.
_SOME_COLUMNS = ("table",)


@dataclass(frozen=True)
class Declared:
    """One object: `columns` of a table or view, keys of an index, labels of a type (in order)."""

    kind: str
    name: str
    columns: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One row of the capability list and what answers it; `lists` has the keys of `LISTS`."""

    row: str
    what: str
    objects: tuple[Declared, ...]
    lists: Mapping[str, tuple[str, ...]]
    elsewhere: str | None
    not_yet: str | None

    @property
    def state(self) -> Literal["built", "partly", "not yet"]:
        """Return whether the row is answered."""
        if self.not_yet is None:
            return "built"
        answered = self.objects or any(self.lists.values()) or self.elsewhere
        return "partly" if answered else "not yet"


@dataclass(frozen=True)
class Found:
    """One object of a database."""

    columns: tuple[str, ...]
    facts: Mapping[str, Any]


@cache
def files() -> tuple[str, ...]:
    """Return the catalogues there are, by name."""
    folder = resources.files(__name__)
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml")
            for entry in folder.iterdir()
            if entry.name.endswith(".yaml")
        )
    )


@cache
def systems() -> tuple[str, ...]:
    """Return the catalogues of a system that has a database of its own."""
    return tuple(name for name in files() if (sqlfiles.root() / name / "schema").is_dir())


@cache
def rows(system: str) -> tuple[Row, ...]:
    """Return the rows of a system's catalogue, in the order of the file.

    Raises
    ------
    ConfigurationError
        No such catalogue, or an entry of it is not as described: names row and entry.

    """
    path = resources.files(__name__) / f"{system}.yaml"
    if not path.is_file():
        raise ConfigurationError(f"no catalogue {system!r}", f"one of {', '.join(files())}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(parse(row, entry) for row, entry in content.items())


def parse(row: str, entry: Mapping[str, Any]) -> Row:
    """Read one entry: `what`, `objects`, the `LISTS`, `elsewhere`, `not_yet`.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a list is none.

    """
    answers = {"objects", *LISTS, "elsewhere", "not_yet"}
    unknown = set(entry) - answers - {"what"}
    if unknown or not entry.get("what") or not any(entry.get(key) for key in answers):
        raise ConfigurationError(
            f"catalogue row {row}: has {', '.join(sorted(map(str, entry))) or 'nothing'}",
            f"give it 'what', and one of {', '.join(sorted(answers))}",
        )
    for key in ("objects", *LISTS):
        if not isinstance(entry.get(key, []), list):
            raise ConfigurationError(
                f"catalogue row {row}: {key} is {entry[key]!r}", "write it as a list"
            )
    return Row(
        row,
        str(entry["what"]),
        tuple(_declared(row, item) for item in entry.get("objects", ())),
        {key: tuple(map(str, entry[key])) for key in LISTS if entry.get(key)},
        entry.get("elsewhere"),
        entry.get("not_yet"),
    )


def _declared(row: str, item: Mapping[str, Any]) -> Declared:
    kinds = [key for key in item if key in KINDS]
    if len(kinds) != 1:
        raise ConfigurationError(
            f"catalogue row {row}: {dict(item)!r} names {len(kinds)} objects",
            f"name one, by its kind: {', '.join(KINDS)}",
        )
    kind = kinds[0]
    facts = {key: value for key, value in item.items() if key not in (kind, "columns")}
    unknown = ", ".join(sorted(str(key) for key in facts if key not in FACTS.get(kind, ())))
    if unknown:
        raise ConfigurationError(
            f"catalogue row {row}: {kind} {item[kind]}: unknown {unknown}",
            f"state of a {kind} only columns, {', '.join(FACTS.get(kind, ()))}",
        )
    return Declared(kind, str(item[kind]), tuple(item.get("columns", ())), facts)


def found(connection: psycopg.Connection) -> dict[tuple[str, str], Found]:
    """Return every object of the user schemas, by kind and qualified name."""
    listed = connection.execute(sqlfiles.load("target/catalogue").text).fetchall()
    return {(kind, name): Found(tuple(columns), facts) for kind, name, columns, facts in listed}


def differences(
    declared: Iterable[Row], existing: Mapping[tuple[str, str], Found]
) -> dict[str, list[str]]:
    """Compare what the rows declare with what a database has (pure).

    Returns
    -------
    dict of row to list of str
        Only rows that differ: one sentence per missing object, column or fact.

    """
    wrong: dict[str, list[str]] = {}
    for row in declared:
        told = [text for item in row.objects for text in _compare(item, existing)]
        if told:
            wrong[row.row] = told
    return wrong


def undeclared(
    declared: Iterable[Row], existing: Mapping[tuple[str, str], Found]
) -> list[tuple[str, str]]:
    """Return what the declared objects' schemas hold besides, by kind and name (pure).

    Indexes may be more than the rows ask for; parts come with their whole, sequences with columns.
    """
    named = {(item.kind, item.name) for row in declared for item in row.objects}
    schemas = {name.partition(".")[0] for _, name in named}
    return sorted(
        (kind, name)
        for (kind, name), have in existing.items()
        if name.partition(".")[0] in schemas
        and kind not in ("index", "sequence")
        and not have.facts.get("of")
        and (kind, name) not in named
    )


def _compare(item: Declared, existing: Mapping[tuple[str, str], Found]) -> list[str]:
    have = existing.get((item.kind, item.name))
    label = f"{item.kind} {item.name}"
    if have is None:
        return [f"{label} is missing"]
    told = []
    if item.kind in _SOME_COLUMNS:
        told += [
            f"{label} has no column {name}" for name in item.columns if name not in have.columns
        ]
    elif item.columns and item.columns != have.columns:
        told.append(f"{label} has {', '.join(have.columns)}, not {', '.join(item.columns)}")
    wanted = {**_ALWAYS.get(item.kind, {}), **item.facts}
    told += [
        f"{label}: {fact} is {have.facts.get(fact)!r}, not {value!r}"
        for fact, value in wanted.items()
        if have.facts.get(fact) != value
    ]
    return told
