"""Read how tables and indexes were used, and tell from it what grew at an onset."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions.events import Event
from perf_pipeline.regressions.pressure import Span, sides
from perf_pipeline.regressions.summary import short
from perf_pipeline.store import Store, ledger

_TS, _INT, _TEXT = pl.Datetime("us"), pl.Int64(), pl.String()

COUNTERS = ("seq_scan", "seq_tup_read", "idx_scan")
LEVELS = ("n_live_tup", "n_dead_tup", "relpages")
INDEXES: Schema = {"ts": _TS, "name": _TEXT, "idx_scan": _INT}
TABLES: Schema = {"ts": _TS, "name": _TEXT, **dict.fromkeys((*COUNTERS, *LEVELS), _INT)}

#: A table grew when it has so many times the rows, or the pages for as many rows, and at least so
#: many more: a thousand pages are 8 MB, which any cache holds.
GROWTH = 1.5
LEAST_ROWS = 10_000
LEAST_PAGES = 1_000
#: Rows that stayed the same within this factor while the pages grew.
SAME_ROWS = 1.2

_QUOTED = re.compile(r'"((?:[^"]|"")+)"')
_WORD = re.compile(r"[^\W\d][\w$]*")


def words(text: str) -> set[str]:
    """Return whatever in a statement's text may be the name of a relation; pure."""
    quoted = {name.replace('""', '"') for name in _QUOTED.findall(text)}
    return quoted | {word.lower() for word in _WORD.findall(text)}


def unquoted(relation: str) -> list[str]:
    """Return the names in `schema.name`, each maybe in double quotes; pure."""
    parts = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', relation)
    return [inner.replace('""', '"') or plain for inner, plain in parts]


def read_indexes(
    store: Store, target_id: int, start: datetime, end: datetime, relations: Sequence[str]
) -> pl.DataFrame:
    """Return scans of the indexes of some tables.

    Parameters
    ----------
    store : Store
    target_id : int
    start, end : datetime
    relations : Sequence of str
        `schema.table`, quoted where needed.

    Returns
    -------
    polars.DataFrame
        Columns of `INDEXES`; `name` is `schema.index`, quoted where needed.

    """
    if not relations:
        return pl.DataFrame(schema=dict(INDEXES))
    names = ("schema_name", "table_name", "index_name")
    found = ledger.read(
        store,
        "indexes",
        target_id,
        start,
        end,
        columns=("ts", *names, "idx_scan"),
        only={"quality": ["exact"], "table_name": [unquoted(r)[-1] for r in relations]},
    )
    for name in ("table_name", "index_name"):
        found = _with_quoted(store, found, name)
    return (
        found.filter(pl.col("quoted_table_name").is_in(list(relations)))
        .select("ts", "idx_scan", name="quoted_index_name")
        .select(*INDEXES)
        .sort("name", "ts")
    )


def read_tables(
    store: Store, target_id: int, start: datetime, end: datetime, names: Iterable[str]
) -> pl.DataFrame:
    """Return how tables of some names, in whatever schema, were used, and how large they were.

    Returns
    -------
    polars.DataFrame
        Columns of `TABLES`; `name` is `schema.table`, quoted where needed.

    """
    wanted = sorted(set(names))
    if not wanted:
        return pl.DataFrame(schema=dict(TABLES))
    found = ledger.read(
        store,
        "tables",
        target_id,
        start,
        end,
        columns=("ts", "schema_name", "table_name", *COUNTERS, *LEVELS),
        only={"quality": ["exact"], "table_name": wanted},
    )
    return (
        _with_quoted(store, found, "table_name")
        .rename({"quoted_table_name": "name"})
        .select(*TABLES)
        .sort("name", "ts")
    )


def _with_quoted(store: Store, rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add `quoted_<name>`: the schema and the name as SQL writes them."""
    pairs = rows.select("schema_name", name).unique()
    quoted = store.rows(
        "quoted_names", {"schemas": pairs["schema_name"].to_list(), "names": pairs[name].to_list()}
    )
    known = pl.DataFrame(
        [tuple(row.values()) for row in quoted],
        schema={"schema_name": _TEXT, name: _TEXT, f"quoted_{name}": _TEXT},
        orient="row",
    )
    return rows.join(known, on=["schema_name", name], how="left")


def growth(
    tables: pl.DataFrame, names: Iterable[str], start: datetime, end: datetime, until: datetime
) -> list[Event]:
    """Return the tables that grew, shrank or bloated at an onset; pure.

    Parameters
    ----------
    tables : polars.DataFrame
        Columns of `TABLES`.
    names : Iterable of str
        Tables the statement names.
    start, end : datetime
        The onset's interval.
    until : datetime
        Nothing later is known.

    """
    before, after = sides(start, end, until)
    found = []
    for name in sorted(names):
        rows = tables.filter(pl.col("name") == name)
        old = _last(rows.filter(pl.col("ts") <= before.end))
        new = _last(rows.filter(pl.col("ts") > before.end, pl.col("ts") <= after.end))
        kind = None if old is None or new is None else _grown(old, new)
        if kind is not None and old is not None and new is not None:
            detail = (
                f"{short(old[0])} -> {short(new[0])} live rows,"
                f" {short(old[1])} -> {short(new[1])} pages"
            )
            found.append(Event(kind, name, name, start, end, detail))
    return found


def _last(rows: pl.DataFrame) -> tuple[int, int] | None:
    return None if rows.is_empty() else rows.select("n_live_tup", "relpages").row(-1)


def _grown(old: tuple[int, int], new: tuple[int, int]) -> str | None:
    (rows, pages), (more_rows, more_pages) = old, new
    if more_rows >= GROWTH * rows and more_rows - rows >= LEAST_ROWS:
        return "table_grew"
    if rows >= GROWTH * more_rows and rows - more_rows >= LEAST_ROWS:
        return "table_shrank"
    grown = more_pages >= GROWTH * pages and more_pages - pages >= LEAST_PAGES
    # pages are those of the last vacuum or analyze: without any before, they are not known
    return "table_bloated" if grown and pages and more_rows <= SAME_ROWS * rows else None


def rates(rows: pl.DataFrame, span: Span, seconds: float) -> dict[str, float] | None:
    """Return a table's counters per second over a span, None where nothing is covered; pure."""
    if seconds <= 0:
        return None
    inside = rows.filter(pl.col("ts") > span.start, pl.col("ts") <= span.end)
    return {name: float(inside[name].sum() or 0) / seconds for name in COUNTERS}
