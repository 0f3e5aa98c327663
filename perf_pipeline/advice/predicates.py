"""What a plan asks of its tables: columns compared, joined, sorted by; pure.

The planner has parsed the statement, resolved every name and written its conditions down again in
one form (EXPLAIN VERBOSE: `((o.tenant_id = $1) AND (o.created_at > $2))`), so nothing of SQL has to
be parsed here but a list of comparisons. What is not a plain column compared with something of
another relation, or a parameter, is left alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_NAME: Final = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
#: A column, as it is or cast to a type that an index on it still serves (varchar to text).
_COLUMN: Final = re.compile(
    rf"^(?P<alias>{_NAME})\.(?P<column>{_NAME})$"
    rf"|^\((?P<alias_cast>{_NAME})\.(?P<column_cast>{_NAME})\)::text$"
)
_REFERENCE: Final = re.compile(rf"(?P<alias>{_NAME})\.(?P<column>{_NAME})")
_RANGE: Final = frozenset({"<", "<=", ">", ">="})
_CONDITIONS: Final = (
    *("Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter"),
)


@dataclass
class Wanted:
    """What a statement asks of one table.

    Attributes
    ----------
    schema_name, table_name : str
        As the plan names it; of a partitioned table one of its partitions.
    equal : set of str
        Columns compared for equality with a parameter or a constant.
    joined : set of str
        Columns compared for equality with another relation's.
    ranges : set of str
        Columns compared with < or >.
    sort : tuple of str
        Columns its rows are to be sorted by, all in one direction.

    """

    schema_name: str
    table_name: str
    equal: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    ranges: set[str] = field(default_factory=set)
    sort: tuple[str, ...] = ()


def wanted(plan: Mapping[str, Any]) -> list[Wanted]:
    """Return what a plan asks of each table it scans."""
    nodes = list(_walk(plan))
    found: dict[str, Wanted] = {}
    for node in nodes:
        if "Relation Name" in node and "Alias" in node and node["Node Type"] != "ModifyTable":
            found[node["Alias"]] = Wanted(node.get("Schema", ""), node["Relation Name"])
    # a table's partitions are scanned as o_1, o_2; joins and sorts speak of o
    for alias in list(found):
        parent = re.sub(r"_\d+$", "", alias)
        found.setdefault(parent, found[alias])
    for node in nodes:
        for name in _CONDITIONS:
            for term in terms(node.get(name, "")):
                _take(term, found)
        if node["Node Type"] in ("Sort", "Incremental Sort"):
            _sort(node.get("Sort Key", []), found)
    distinct: dict[int, Wanted] = {id(each): each for each in found.values()}
    return [
        each for each in distinct.values() if each.equal or each.joined or each.ranges or each.sort
    ]


def written(plan: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the table a plan writes to, None where it only reads."""
    for node in _walk(plan):
        if node["Node Type"] == "ModifyTable":
            return node.get("Schema", ""), node.get("Relation Name", "")
    return None


def _walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _walk(below)


def terms(condition: str) -> list[str]:
    """Return the parts of a condition that all have to hold, without parentheses around them."""
    condition = _bare(condition)
    if not condition:
        return []
    parts = _split(condition, " AND ")
    if len(parts) == 1:
        return parts
    return [term for part in parts for term in terms(part)]


def _bare(text: str) -> str:
    """Take off parentheses that enclose the whole text."""
    text = text.strip()
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing(text: str) -> int:
    """Return where the parenthesis a text begins with is closed."""
    depth = 0
    for at, char in _outside(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return at
    return -1


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """Return the characters that are in no literal and no quoted name."""
    quote = ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        else:
            yield at, char


def _split(text: str, word: str) -> list[str]:
    parts, depth, begin = [], 0, 0
    for at, char in _outside(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and at >= begin and text.startswith(word, at):
            parts.append(text[begin:at])
            begin = at + len(word)
    parts.append(text[begin:])
    return parts


def _take(term: str, found: Mapping[str, Wanted]) -> None:
    """Note what one comparison asks."""
    if term.endswith(" IS NULL"):
        column = _column(term.removesuffix(" IS NULL"), found)
        if column is not None:
            column[0].equal.add(column[1])
        return
    for operator in ("=", "<=", ">=", "<", ">"):
        parts = _split(term, f" {operator} ")
        if len(parts) != 2:
            continue
        sides = [
            _column(_bare(part) if "::" not in part else part.strip(), found) for part in parts
        ]
        for mine, other in ((0, 1), (1, 0)):
            column = sides[mine]
            text = parts[other].strip()
            if column is None or _speaks_of(text, column[0], found):
                continue
            table, name = column
            if operator in _RANGE:
                table.ranges.add(name)
            elif text.startswith("ANY") or not _REFERENCE.search(text):
                table.equal.add(name)
            else:
                table.joined.add(name)
        return


def _column(text: str, found: Mapping[str, Wanted]) -> tuple[Wanted, str] | None:
    match = _COLUMN.match(text.strip())
    if match is None:
        return None
    alias = match["alias"] or match["alias_cast"]
    column = match["column"] or match["column_cast"]
    table = found.get(_unquoted(alias))
    return None if table is None else (table, _unquoted(column))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _speaks_of(text: str, table: Wanted, found: Mapping[str, Wanted]) -> bool:
    return any(found.get(_unquoted(match["alias"])) is table for match in _REFERENCE.finditer(text))


def _sort(keys: list[str], found: Mapping[str, Wanted]) -> None:
    columns: list[str] = []
    owner: Wanted | None = None
    directions = set()
    for key in keys:
        bare = re.sub(r"( DESC)?( NULLS (FIRST|LAST))?$", "", key)
        column = _column(_bare(bare), found)
        if column is None or (owner is not None and column[0] is not owner):
            return
        owner = column[0]
        directions.add(key[len(bare) :])
        columns.append(column[1])
    # one direction for all: an index is read forwards or backwards
    if owner is not None and len(directions) == 1 and "NULLS" not in directions.pop():
        owner.sort = owner.sort or tuple(columns)


_SET: Final = re.compile(
    r"\bSET\s+(?P<list>.*?)(?:\bFROM\b|\bWHERE\b|\bRETURNING\b|$)", re.IGNORECASE | re.DOTALL
)


def updated(text: str) -> frozenset[str]:
    """Return the columns an UPDATE sets (of `INSERT ... ON CONFLICT DO UPDATE`, too)."""
    names: set[str] = set()
    if not re.search(r"\bUPDATE\b", text, re.IGNORECASE):
        return frozenset()
    for match in _SET.finditer(text):
        for part in _split(match["list"], ","):
            for name in re.findall(rf"({_NAME})(?=\s*[,)=])", part.split("=")[0] + "=", re.I):
                names.add(_unquoted(name) if name.startswith('"') else name.lower())
    return frozenset(names)
