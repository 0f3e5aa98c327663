"""Turn a comparison into one HTML page, Markdown, or plain values. Pure: same facts, same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from perf_pipeline.reports import page as pages
from perf_pipeline.reports import units, words
from perf_pipeline.reports.comparison.compute import PER_CALL
from perf_pipeline.reports.comparison.model import Comparison, Side
from perf_pipeline.reports.model import Statement

#: Rows of Markdown's table and its longest label.
MARKDOWN_ROWS: Final = 12
MARKDOWN_LABEL: Final = 72

VERDICTS: Final[Mapping[str, str]] = {
    "beyond": "beyond usual variation",
    "within": "within usual variation",
    "few calls": "too few calls to tell",
    "no baseline": "not known: no baseline",
}
_COUNTERS: Final = {
    "plan_ms": ("Planning", "ms"),
    "rows": ("Rows", "count"),
    "blocks_hit": ("Shared blocks found in buffers", "count"),
    "blocks_read": ("Shared blocks read", "count"),
    "temp_blocks": ("Temporary blocks", "count"),
    "io_ms": ("Reading and writing blocks", "ms"),
    "wal_bytes": ("WAL", "bytes"),
    "jit_ms": ("JIT", "ms"),
}


@dataclass(frozen=True)
class Limits:
    """How much a page shows; everything cut is said on the page. `text` is in bytes."""

    rows: int
    cards: int
    relations: int
    changes: int
    text: int


LADDER: Final = (
    Limits(rows=100, cards=40, relations=60, changes=60, text=4_000),
    Limits(rows=60, cards=20, relations=40, changes=30, text=2_000),
    Limits(rows=40, cards=10, relations=20, changes=15, text=800),
    Limits(rows=20, cards=2, relations=10, changes=5, text=300),
)


@dataclass(frozen=True)
class Line:
    """A statement as the page shows it."""

    name: str
    statement: Statement
    row: Mapping[str, Any]
    verdict: str
    text: str
    #: (name, a, b) per call.
    counters: tuple[tuple[str, str, str], ...]
    detailed: bool


def value(kind: str, figure: float | None) -> str:
    """Return a figure of some kind in words: `count`, `bytes`, `size`, `ms` or `share`."""
    if kind == "ms":
        return units.ms(figure)
    if kind in {"bytes", "size"}:
        return units.size(figure)
    return units.percent(figure) if kind == "share" else units.count(figure)


def relative(a: float | None, b: float | None) -> str:
    """Return how much more b is than a in percent, signed; a dash where that says nothing."""
    if a is None or b is None or a <= 0:
        return units.NONE
    text = units.percent(b / a - 1)
    return f"+{text}" if b > a else text


def verdict(row: Mapping[str, Any]) -> str:
    """Return what is said of a statement's change of time per call."""
    if row["state"] == "new":
        return "new: no call in the first interval"
    if row["state"] == "gone":
        return "gone: no call in the second interval"
    text = VERDICTS[row["verdict"]]
    if row["usual"] is None or row["verdict"] not in {"beyond", "within"}:
        return text
    return f"{text} (up to {units.factor(row['usual'])})"


def tally(data: Comparison) -> dict[str, int]:
    """Return how many statements are new, gone, slower and faster beyond what is usual."""
    frame = data.statements
    beyond = frame.filter(pl.col("verdict") == "beyond")
    return {
        "slower": beyond.filter(pl.col("ratio") > 1).height,
        "faster": beyond.filter(pl.col("ratio") < 1).height,
        "new": frame.filter(pl.col("state") == "new").height,
        "gone": frame.filter(pl.col("state") == "gone").height,
    }


def headline(data: Comparison) -> str:
    """Return the comparison in one sentence."""
    a, b = data.totals
    amounts = tally(data)
    change = relative(a.exec_ms, b.exec_ms)
    beyond = amounts["slower"] + amounts["faster"]
    told = (
        f"{units.plural(amounts['slower'], 'statement')} slower and {amounts['faster']} faster"
        " beyond usual variation"
        if beyond
        else "no statement differs in its time per call beyond its usual variation"
    )
    return (
        f"{data.target}, {data.b.span} against {data.a.span}: execution time"
        f" {units.duration(a.exec_ms)} → {units.duration(b.exec_ms)} a day"
        f"{f' ({change})' if change != units.NONE else ''}; {told}"
    )


def html(data: Comparison) -> str:
    """Render a comparison as one page.

    Returns
    -------
    str
        Below `page.MAX_BYTES`: with many statements, rows and details are cut to those that changed
        most, and the page says so.

    """
    made = ""
    for limits in LADDER:
        made = _page(data, limits)
        if len(made.encode()) < pages.MAX_BYTES:
            break
    return pages.hashed(made)[0]


def _page(data: Comparison, limits: Limits) -> str:
    shown = data.statements.head(limits.rows).to_dicts()
    return pages.template(
        "comparison.html.j2",
        {
            "data": data,
            "headline": headline(data),
            "tally": tally(data),
            "limits": limits,
            "lines": [_line(data, row, n, limits) for n, row in enumerate(shown, 1)],
            "statements": data.statements.height,
            "tables": _busy(data.tables, limits),
            "indexes": _busy(data.indexes, limits),
            "figures": [
                (name, value(kind, a), value(kind, b), relative(a, b))
                for name, kind, a, b in data.database
            ],
            "sides": [_side(data.a), _side(data.b)],
            "relative": relative,
            "queries": dict(data.queries),
        },
    )


def _busy(frame: pl.DataFrame, limits: Limits) -> list[dict[str, Any]]:
    touched = frame.filter((pl.col("touched_a") > 0) | (pl.col("touched_b") > 0))
    return touched.head(limits.relations).to_dicts()


def _side(side: Side) -> dict[str, str]:
    return {
        "span": str(side.span),
        "covered": units.duration(side.seconds * 1000),
        "sweeps": units.plural(side.sweeps, "interval"),
        "source": side.source,
    }


def _line(data: Comparison, row: dict[str, Any], number: int, limits: Limits) -> Line:
    statement = data.statement(row)
    detailed = number <= limits.cards
    counters = tuple(
        (name, value(kind, row[f"{column}_a"]), value(kind, row[f"{column}_b"]))
        for column, (name, kind) in _COUNTERS.items()
        if row[f"{column}_a"] is not None or row[f"{column}_b"] is not None
    )
    return Line(
        f"s{number}",
        statement,
        row,
        verdict(row),
        pages.cut(statement.text, limits.text) if detailed else "",
        counters if detailed else (),
        detailed,
    )


def markdown(data: Comparison) -> str:
    """Return the comparison in short: headline, the statements that changed most, what to know."""
    parts = [f"**{pages.plain(headline(data))}.**"]
    rows = data.statements.head(MARKDOWN_ROWS).to_dicts()
    if rows:
        lines = [
            "| statement | calls a day | time per call | time a day | change a day | verdict |",
            "|---|---:|---:|---:|---:|---|",
        ]
        for row in rows:
            cells = (
                pages.code(words.label(data.statement(row), MARKDOWN_LABEL)),
                f"{units.count(row['calls_day_a'])} → {units.count(row['calls_day_b'])}",
                f"{units.ms(row['mean_a'])} → {units.ms(row['mean_b'])}",
                f"{units.duration(row['ms_day_a'])} → {units.duration(row['ms_day_b'])}",
                units.signed_duration(row["change_ms"]),
                pages.plain(verdict(row)),
            )
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines))
        left = data.statements.height - len(rows)
        if left > 0:
            parts.append(f"… and {units.plural(left, 'more statement')}.")
    if data.notes:
        parts.append("\n".join(f"- {pages.plain(note)}" for note in data.notes))
    return "\n\n".join(parts) + "\n"


def as_dict(data: Comparison) -> dict[str, Any]:
    """Return all that was compared as plain values, for JSON; nothing is cut but texts."""
    return {
        "target": data.target,
        "headline": headline(data),
        "a": _plain(data.a, data, 0),
        "b": _plain(data.b, data, 1),
        "tally": tally(data),
        "notes": list(data.notes),
        "per_call": list(PER_CALL),
        "statements": [
            {**row, "text": words.label(data.statement(row))} for row in data.statements.to_dicts()
        ],
        "tables": data.tables.to_dicts(),
        "indexes": data.indexes.to_dicts(),
        "database": [
            {"name": name, "kind": kind, "a": a, "b": b} for name, kind, a, b in data.database
        ],
        "schema_changes": [vars(change) for change in data.schema_changes],
        "settings_changes": [vars(change) for change in data.settings_changes],
        "events": [vars(event) for event in data.events],
    }


def _plain(side: Side, data: Comparison, number: int) -> dict[str, Any]:
    total = data.totals[number]
    return {
        "start": side.span.start,
        "end": side.span.end,
        "covered_seconds": side.seconds,
        "intervals": side.sweeps,
        "source": side.source,
        "calls_per_day": total.calls,
        "exec_ms_per_day": total.exec_ms,
        "statements": total.statements,
        "database": side.database,
    }
