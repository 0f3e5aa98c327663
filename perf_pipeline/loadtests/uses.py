"""What the parameters of a normalised statement stand for, as far as its text says so; pure.

A statement of pg_stat_statements has `$1` where a value was. Which values it had is known to
nobody; what can be told is which column each was compared with, or put into: rows of that column
are values of the right kind, as often as they occur. What the text does not say plainly is no use.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

#: equal: compared for equality; low, high: an end of a range; set: put into a column by UPDATE;
#: put: into a new row; limit, offset, step (`n = n + $1`): numbers.
How = Literal["equal", "low", "high", "set", "put", "limit", "offset", "step"]

_NAME: Final = r'(?:"(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_$]*)'
_TABLE: Final = rf"(?P<table>{_NAME}(?:\.{_NAME})?)"
_KEYWORDS: Final = frozenset(
    {
        *("where", "on", "join", "left", "right", "inner", "outer", "cross", "full", "natural"),
        *("set", "values", "group", "order", "limit", "using", "returning", "offset", "for"),
        *("select", "union", "default", "having", "window", "tablesample", "as", "fetch"),
        *("intersect", "except", "when", "lateral", "only"),
    }
)
_FROM: Final = re.compile(
    rf"\b(?P<word>FROM|JOIN|UPDATE|INTO|USING)\s+(?:ONLY\s+)?{_TABLE}(?P<call>\s*\()?"
    rf"(?:\s+(?:AS\s+)?(?P<alias>{_NAME}))?",
    re.IGNORECASE,
)
_NEXT: Final = re.compile(
    rf"\s*,\s*{_TABLE}(?P<call>\s*\()?(?:\s+(?:AS\s+)?(?P<alias>{_NAME}))?", re.IGNORECASE
)
_COLUMN: Final = rf"(?:(?P<alias>{_NAME})\.)?(?P<column>{_NAME})"
_OPEN: Final = r"(?:(?:ANY|SOME)\s*\(\s*)?(?:CAST\s*\(\s*)?\(?\s*$"
_COMPARED: Final = re.compile(
    rf"(?:^|[^\w.\"]){_COLUMN}\s*(?P<operator>=|<=|>=|<|>)\s*{_OPEN}", re.IGNORECASE
)
_CAST: Final = r"(?:\s*::\s*[\w. \"]+(?:\[\])?)?"
_IN: Final = re.compile(
    rf"(?:^|[^\w.\"]){_COLUMN}\s+IN\s*\((?:\s*\$\d+{_CAST}\s*,)*\s*$", re.IGNORECASE
)
_BETWEEN: Final = re.compile(
    rf"(?:^|[^\w.\"]){_COLUMN}\s+BETWEEN\s+(?P<second>\$\d+{_CAST}\s+AND\s+)?$", re.IGNORECASE
)
_STEP: Final = re.compile(rf"(?:^|[^\w.\"]){_COLUMN}\s*[+-]\s*$", re.IGNORECASE)
_BEHIND: Final = re.compile(
    rf"^{_CAST}\s*(?P<operator>=|<=|>=|<|>)\s*{_COLUMN}(?!\s*[(.])", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\b(?P<word>LIMIT|OFFSET|FETCH\s+(?:FIRST|NEXT))\s+\(?\s*$", re.I)
_INSERT: Final = re.compile(
    rf"^\s*INSERT\s+INTO\s+{_TABLE}(?:\s+AS\s+{_NAME})?\s*\((?P<columns>[^)]*)\)\s*VALUES\s*",
    re.IGNORECASE,
)
_LONE: Final = re.compile(rf"^\(?\s*\$(\d+)\s*\)?{_CAST}$", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"\$(\d+)\b")
_ENDS: Final[dict[str, How]] = {"=": "equal", "<": "high", "<=": "high", ">": "low", ">=": "low"}
_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclass(frozen=True)
class Use:
    """What one parameter is for.

    Attributes
    ----------
    how : str
    table : str
        As the text names it, where an alias or the statement says which; empty: any of its tables.
    source : str
        The alias: parameters of one source are of one row.
    column : str
    near : tuple of str
        Tables named before it, the nearest first: whose column it is where no alias says so.

    """

    how: How
    table: str = ""
    source: str = ""
    column: str = ""
    near: tuple[str, ...] = ()


def plain(name: str) -> str:
    """Return a name as the catalog has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def tables(text: str) -> dict[str, str]:
    """Return the tables a statement names, by alias or by their own last name."""
    found: dict[str, str] = {}
    for alias, name in _named(text):
        found.setdefault(alias, name)
    return found


def _in_order(text: str) -> list[str]:
    """Return the tables a text names as often as it does, in its order."""
    return [name for _, name in _named(text)]


def _named(text: str) -> Iterator[tuple[str, str]]:
    for match in _FROM.finditer(text):
        each: re.Match[str] | None = match
        while each is not None:
            into = match["word"].upper() == "INTO"
            alias = each["alias"]
            if alias is None or alias.lower() in _KEYWORDS or (each["call"] and into):
                alias = each["table"].rpartition(".")[2]
                end = each.end("table")
            else:
                end = each.end()
            if (into or not each["call"]) and each["table"].lower() not in _KEYWORDS:
                yield plain(alias), each["table"]
            each = _NEXT.match(text, end) if match["word"].upper() == "FROM" else None


def numbers(text: str) -> list[int]:
    """Return the numbers of a statement's parameters."""
    return sorted({int(match[1]) for match in _PARAMETER.finditer(text)})


def of(text: str) -> dict[int, Use]:
    """Return what is known of each parameter; one that is not in it cannot be told."""
    named = tables(text)
    found: dict[int, Use] = _inserted(text)
    update = re.match(r"^\s*UPDATE\b", text, re.IGNORECASE)
    where = re.search(r"\bWHERE\b", text, re.IGNORECASE)
    for match in _PARAMETER.finditer(text):
        number = int(match[1])
        if number in found:
            continue
        before = text[: match.start()]
        use = _one(before, text[match.end() :], named)
        if use is None:
            continue
        if use.column and not use.table:
            near = tuple(dict.fromkeys(reversed(_in_order(before))))
            use = replace(use, near=near)
        if update and use.how == "equal" and (where is None or match.start() < where.start()):
            use = replace(use, how="set")
        found[number] = use
    return found


def _one(before: str, after: str, named: dict[str, str]) -> Use | None:
    number = _NUMBER.search(before)
    if number is not None:
        return Use("offset" if number["word"].upper() == "OFFSET" else "limit")
    if _STEP.search(before):
        return Use("step")
    match = _BETWEEN.search(before)
    if match is not None:
        return _use("high" if match["second"] else "low", match, named)
    match = _IN.search(before)
    if match is not None:
        return _use("equal", match, named)
    match = _COMPARED.search(before)
    if match is not None:
        # `a = $1 + b` is no value of a
        return None if re.match(r"^\s*[-+*/|]", after) else _use(
            _ENDS[match["operator"]], match, named
        )  # fmt: skip
    match = _BEHIND.search(after)
    if match is not None and re.search(r"(?:\bWHERE|\bAND|\bOR|\bON|\()\s*$", before, re.I):
        return _use(_ENDS[_TURNED[match["operator"]]], match, named)
    return None


def _use(how: How, match: re.Match[str], named: dict[str, str]) -> Use | None:
    if match["alias"] is None:
        source = next(iter(named)) if len(named) == 1 else ""
    else:
        source = plain(match["alias"])
        if source not in named:
            return None
    return Use(how, named.get(source, ""), source, plain(match["column"]))


def _inserted(text: str) -> dict[int, Use]:
    match = _INSERT.match(text)
    if match is None:
        return {}
    columns = inserted_columns(text)
    source = plain(match["table"].rpartition(".")[2])
    found: dict[int, Use] = {}
    depth, item, place = 0, "", 0
    for char in text[match.end() :]:
        if char == "(":
            depth += 1
            if depth == 1:
                item, place = "", 0
                continue
        if depth == 1 and char in ",)":
            lone = _LONE.match(item.strip())
            if lone is not None and place < len(columns):
                found.setdefault(int(lone[1]), Use("put", match["table"], source, columns[place]))
            item, place = "", place + 1
        elif depth:
            item += char
        if char == ")":
            depth -= 1
        elif depth == 0 and not (char.isspace() or char == ","):
            break
    return found


def inserted_columns(text: str) -> list[str]:
    """Return the columns that an INSERT names."""
    match = _INSERT.match(text)
    return [] if match is None else [plain(each.strip()) for each in match["columns"].split(",")]
