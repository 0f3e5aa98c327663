"""What highlights are made of, and how values of the store are shown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Cells = dict[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Highlights:
    """Figures named with their units, and short tables by their titles."""

    figures: Mapping[str, float | int | None] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Cells]] = field(default_factory=dict)


def merged(parts: Iterable[Highlights]) -> Highlights:
    """Return the figures and tables of all parts, in their order."""
    figures: dict[str, float | int | None] = {}
    tables: dict[str, Sequence[Cells]] = {}
    for part in parts:
        figures.update(part.figures)
        tables.update(part.tables)
    return Highlights(figures, tables)


def without_totals(row: Row) -> Cells:
    """Return a row as cells: not its instant, nor the totals (`all_...`) that each row repeats."""
    return {k: v for k, v in row.items() if k != "ts" and not k.startswith("all_")}


def total(rows: Sequence[Row], name: str) -> float | int | None:
    """Return a total, which each row repeats; 0 when nothing happened."""
    return number(rows[0][name]) if rows else 0


def number(value: Any) -> float | int:
    """Return a number of the database as one that Dagster plots."""
    return value if isinstance(value, int) else float(value)


def percent(share: float | None) -> float | None:
    """Return a share of 1 in percent."""
    return None if share is None else 100.0 * share


def rounded(value: float | None) -> float | None:
    """Return a value to four significant digits, for a table."""
    return None if value is None else float(f"{value:.4g}")
