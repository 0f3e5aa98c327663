"""What the columns of a rollup are: which aggregates can be kept by adding up; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from perf_pipeline.views.model import Rollup

#: `rows` counts rows, `count` values; `sum` and `average` add up; `other` is computed again.
Kind = Literal["rows", "count", "sum", "average", "other"]

_AGGREGATE: Final = re.compile(
    r"^\s*(count|sum|avg)\s*\(\s*(.+?)\s*\)\s*$", re.IGNORECASE | re.DOTALL
)
_NOT_PLAIN: Final = re.compile(r"^(distinct|all)\b|\border\s+by\b", re.IGNORECASE)
#: Types whose sums are exact, so that what was added can be taken away again.
WHOLE: Final = frozenset({"smallint", "integer", "bigint"})


@dataclass(frozen=True)
class Measure:
    """One measure of a rollup.

    Attributes
    ----------
    name : str
        Its column in the view.
    expression : str
        As declared.
    kind : str
    argument : str
        What is counted, summed or averaged; empty for `rows` and `other`.
    whole : bool
        The argument is of whole numbers, none of which is NaN or infinite.

    """

    name: str
    expression: str
    kind: Kind
    argument: str = ""
    whole: bool = False

    @property
    def adds_up(self) -> bool:
        """Whether it can be kept from what changed alone."""
        return self.kind != "other"

    @property
    def sums(self) -> bool:
        """Whether a sum is kept of it."""
        return self.kind in {"sum", "average"}


def read(name: str, expression: str) -> Measure:
    """Return a measure by its expression alone; its argument's type may still make it `other`."""
    match = _AGGREGATE.match(expression)
    if match is None or not _balanced(match[2]) or _NOT_PLAIN.search(match[2]):
        return Measure(name, expression, "other")
    function, argument = match[1].lower(), match[2]
    if function == "count":
        kind: Kind = "rows" if argument == "*" else "count"
        return Measure(name, expression, kind, "" if argument == "*" else argument)
    return Measure(name, expression, "sum" if function == "sum" else "average", argument)


def measures(rollup: Rollup, types: Mapping[str, str]) -> tuple[Measure, ...]:
    """Return the measures of a rollup.

    Parameters
    ----------
    rollup : Rollup
    types : Mapping of measure name to type
        Of the arguments of sums and averages, as `format_type` writes them. A sum needs a whole or
        decimal number, an average one of fixed decimals: else its digits would depend on the order
        in which rows came and went.

    """
    found = []
    for name, expression in rollup.measures:
        measure = read(name, expression)
        kind = types.get(name, "")
        if measure.sums and not exact(kind, average=measure.kind == "average"):
            measure = Measure(name, expression, "other")
        found.append(replace(measure, whole=measure.sums and kind in WHOLE))
    return tuple(found)


def exact(kind: str, *, average: bool) -> bool:
    """Whether sums of a type are exact: whole numbers, `numeric(p,s)`; for sums any numeric."""
    if kind in WHOLE or re.fullmatch(r"numeric\(\d+,\d+\)", kind):
        return True
    return kind == "numeric" and not average


def adds_up(found: Sequence[Measure]) -> bool:
    """Whether all measures can be kept from what changed alone."""
    return all(measure.adds_up for measure in found)


def _balanced(text: str) -> bool:
    """Whether a text's parentheses close in order: `sum(a) / count(b)` is not one aggregate."""
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0
