"""From what is declared to the rules of each table, those included that a path implies; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.model import EVERY, CacheType, Captured, Path, Per

_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_TEXTS = frozenset({"text", "character varying", "character", "name"})


@dataclass(frozen=True)
class Column:
    """A column of a captured table.

    Attributes
    ----------
    type : str
        Its type; that below it where it is a domain.
    fit : bool
        Whether its text names an entity: the same in every session.
    equal : bool
        Whether two values can be compared as they are.

    """

    type: str
    fit: bool
    equal: bool


@dataclass(frozen=True)
class Table:
    """A table as the catalog has it.

    Attributes
    ----------
    kind : str
        `r` table, `p` partitioned table.
    key : tuple of str
        Columns of its primary key.
    indexed : tuple of str
        Columns with which an index of all rows begins.
    parent : str
        What it is a partition of, or inherits from.
    alone : bool
        It is not partitioned, and nothing inherits from it.

    """

    name: str
    oid: int
    kind: str
    owned: bool
    owner: str
    subscribed: bool
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    indexed: tuple[str, ...] = ()
    parent: str = ""
    alone: bool = False


@dataclass(frozen=True)
class Rule:
    """What one table's changes mean for one cache type.

    Attributes
    ----------
    entity : str
        As declared.
    implied : bool
        Not declared: a path of another table leads through this one.
    key_type : str
        Type of the column that is written to the log, where the entity lies behind a path.

    """

    cache_type: str
    table: str
    entity: str
    per: Per
    columns: tuple[str, ...]
    implied: bool
    key_type: str

    @property
    def path(self) -> Path:
        """The entity, read."""
        return Path.parse(self.entity, f"captured table {self.table}")

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it one rule."""
        return self.cache_type, self.table, self.entity


def named_tables(caches: Iterable[CacheType]) -> list[str]:
    """Return the tables that are captured or lie on a path, once each, sorted."""
    found = set()
    for cache in caches:
        for each in cache.captured:
            found.add(each.table)
            found.update(hop.table for hop in each.path.hops)
    return sorted(found)


def rules(caches: Sequence[CacheType], tables: Mapping[str, Table]) -> list[Rule]:
    """Return the rules of some declarations.

    A table on a path decides to whom the rows belong that lead to it: it is captured, too, for its
    own columns of the path, unless it is declared with the same rest of the path.

    Parameters
    ----------
    caches : sequence of CacheType
    tables : mapping of name to Table
        All of `named_tables` that exist.

    Raises
    ------
    ConfigurationError
        Names the cache type, the table or column, and what is wrong with it.

    """
    found: dict[tuple[str, str, str], Rule] = {}
    for cache in caches:
        for each in cache.captured:
            rule = _declared(cache, each, tables)
            found[rule.identity] = rule
    for cache in caches:
        for each in cache.captured:
            for rule in _implied(cache, each, tables):
                known = found.setdefault(rule.identity, rule)
                if known.columns:  # declared for some columns: those of the path matter, too
                    columns = tuple(dict.fromkeys((*known.columns, *rule.columns)))
                    found[rule.identity] = replace(known, columns=columns)
    return [found[key] for key in sorted(found)]


def _declared(cache: CacheType, each: Captured, tables: Mapping[str, Table]) -> Rule:
    where = f"cache type {cache.name!r}: captured table {each.table}"
    table = _table(each.table, tables, where)
    for column in each.columns:
        _column(table, column, where, "columns")
    if each.per == "statement":
        _require_no_parent(table, where)
    key_type = _walk(each.path, table, tables, where)
    return Rule(cache.name, each.table, each.entity, each.per, each.columns, False, key_type)


def _implied(cache: CacheType, each: Captured, tables: Mapping[str, Table]) -> list[Rule]:
    found = []
    path = each.path
    for i, hop in enumerate(path.hops):
        where = f"cache type {cache.name!r}: captured table {each.table}: {hop.table}"
        table = _table(hop.table, tables, where)
        _require_no_parent(table, where)
        rest = path.rest(i)
        read = Path.parse(rest, where)
        columns = tuple(dict.fromkeys((hop.key, read.first)))
        found.append(
            Rule(
                cache.name,
                hop.table,
                rest,
                "logical" if each.per == "logical" else "statement",
                columns,
                True,
                _walk(read, table, tables, where),
            )
        )
    return found


def _walk(path: Path, table: Table, tables: Mapping[str, Table], where: str) -> str:
    """Check the columns of a path; return the type of its first where it has hops."""
    if path.column == EVERY:
        return ""
    first = ""
    for hop in path.hops:
        column = _fit(table, hop.column, where)
        first = first or column.type
        table = _table(hop.table, tables, where)
        reached = _fit(table, hop.key, where)
        if not _comparable(column.type, reached.type):
            raise ConfigurationError(
                f"{where}: {hop.column} is {column.type}, "
                f"and {hop.table}.{hop.key}, to which it leads, is {reached.type}",
                "name the column that it refers to",
            )
    _fit(table, path.column, where)
    return first


def _comparable(one: str, other: str) -> bool:
    return one == other or {one, other} <= _INTEGERS or {one, other} <= _TEXTS


def _table(name: str, tables: Mapping[str, Table], where: str) -> Table:
    if name not in tables:
        raise ConfigurationError(
            f"{where}: table {name} does not exist", "correct the YAML, or create the table"
        )
    table = tables[name]
    if table.kind not in ("r", "p"):
        raise ConfigurationError(f"{where}: {name} is no table", "name the table behind it")
    if table.subscribed:
        raise ConfigurationError(
            f"{where}: {name} is filled by logical replication, which fires no statement triggers",
            "capture it where it is written",
        )
    if not table.owned:
        raise ConfigurationError(
            f"{where}: {name} belongs to {table.owner}, and this role is no member of it",
            f"GRANT {table.owner} TO the role of the maintenance URL, or install as its owner",
        )
    return table


def _require_no_parent(table: Table, where: str) -> None:
    if table.parent:
        raise ConfigurationError(
            f"{where}: {table.name} is a part of {table.parent}, "
            "and a statement on that fires none of its statement triggers",
            f"declare {table.parent}, or this table with per: row",
        )


def _column(table: Table, name: str, where: str, field: str) -> Column:
    if name not in table.columns:
        raise ConfigurationError(
            f"{where}: {field} names {name!r}, which is no column of {table.name}",
            f"its columns are {', '.join(sorted(table.columns))}",
        )
    return table.columns[name]


def _fit(table: Table, name: str, where: str) -> Column:
    column = _column(table, name, where, "entity")
    if not column.fit:
        raise ConfigurationError(
            f"{where}: entity names {table.name}.{name} of type {column.type}, "
            "whose text is not the same in every session",
            "name a column that is a number, a text, a uuid or an enumeration",
        )
    return column
