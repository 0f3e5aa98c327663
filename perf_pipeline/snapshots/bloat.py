"""How much of tables and btree indexes is wasted: measured where pgstattuple is, else estimated.

pgstattuple reads pages, so only some relations are measured at a time: first those never measured,
the largest before the others, then those whose measurement is oldest. Each is read in its own
transaction, which gives its lock (that of a reader) back at once and holds back no vacuum. The
others have an estimate, once a day, until it is their turn.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots.bloat_estimate import INDEX_FILLFACTOR, TABLE_FILLFACTOR, estimates
from perf_pipeline.snapshots.reader import Reader, Visit, left_out, read

EXTENSION: Final = "pgstattuple"
#: A relation is measured, or estimated, again after this time: on the next day.
AGAIN: Final = timedelta(hours=20)
#: Errors that every further relation would meet, too.
_HOPELESS: Final = (pg_errors.InsufficientPrivilege, pg_errors.UndefinedFunction)

#: Columns of the ledger.
LEDGER: Final = {
    "relid": pl.Int64(),
    "table_relid": pl.Int64(),
    "kind": pl.String(),
    "schema_name": pl.String(),
    "table_name": pl.String(),
    "relation_name": pl.String(),
    "method": pl.String(),
    "total_bytes": pl.Int64(),
    "wasted_bytes": pl.Int64(),
    "dead_bytes": pl.Int64(),
    "free_bytes": pl.Int64(),
    "tuples": pl.Int64(),
    "leaf_density": pl.Float64(),
    "fillfactor": pl.Int64(),
}
#: What is known of each relation, and whether it was found out now.
KNOWN: Final = {**LEDGER, "read_at": pl.Datetime("us"), "is_new": pl.Boolean()}


@dataclass(frozen=True)
class Budget:
    """What one run may read.

    Attributes
    ----------
    pages : int
        Of all relations together; a larger relation is only ever estimated. (128 MB.)
    relations : int
    seconds : float
        No measurement begins later.
    statement_ms : int
        Limit of one measurement.

    """

    pages: int = 16_384
    relations: int = 50
    seconds: float = 2.0
    statement_ms: int = 5_000


def survey(columns: pl.DataFrame, visit: Visit) -> pl.DataFrame:
    """Measure some of the relations, estimate others, and keep what is known of the rest.

    Parameters
    ----------
    columns : polars.DataFrame
        Rows of `bloat.sql`.
    visit : Visit

    Returns
    -------
    polars.DataFrame
        Columns of `KNOWN`, one row per relation of which anything is known.

    """
    relations = columns.unique("relid", keep="first", maintain_order=True)
    known = visit.before if visit.before is not None else pl.DataFrame(schema=KNOWN)
    budget = Budget()
    measured: list[dict[str, Any]] = []
    if EXTENSION in visit.extensions:
        chosen = choose(relations, known, visit.now, budget)
        measured = _measure(chosen, visit, budget)
    else:
        _note_hidden(columns, relations, visit)
    found = arrange(relations, estimates(columns), measured)
    return with_known(relations, found, known, visit.now)


def choose(
    relations: pl.DataFrame, known: pl.DataFrame, now: datetime, budget: Budget
) -> pl.DataFrame:
    """Return the relations to measure now, in their order. Pure.

    Parameters
    ----------
    relations : polars.DataFrame
        `relid`, `relation_name`, `kind`, `relpages`, `relallvisible` and others.
    known : polars.DataFrame
        Columns of `KNOWN`.
    now : datetime
        Aware.
    budget : Budget

    """
    is_index = pl.col("kind") == "index"
    # of a table only pages that may hold dead rows are read
    dirty = pl.max_horizontal(pl.col("relpages") - pl.col("relallvisible"), 1)
    last = known.filter(method=EXTENSION).select("relid", "relation_name", "read_at")
    due = (
        relations.join(last, on=["relid", "relation_name"], how="left")
        .with_columns(pl.when(is_index).then("relpages").otherwise(dirty).alias("pages"))
        .filter(
            (pl.col("pages") <= budget.pages)
            & (pl.col("read_at").is_null() | (pl.col("read_at") <= _naive(now - AGAIN)))
        )
        .sort("read_at", "relpages", "relid", descending=[False, True, False], nulls_last=False)
    )
    fits: list[bool] = []
    left = budget.pages
    for pages in due["pages"]:
        fits.append(pages <= left and sum(fits) < budget.relations)
        left -= pages if fits[-1] else 0
    return due.filter(pl.Series(fits, dtype=pl.Boolean))


def arrange(
    relations: pl.DataFrame, needed: pl.DataFrame, measured: list[dict[str, Any]]
) -> pl.DataFrame:
    """Return what was measured, and estimates of the others. Pure.

    Wasted is what a rewrite would save: of a table, dead rows and free space beyond what its
    fillfactor keeps; of an index, unused pages and what its leaves lack to its fillfactor.

    Parameters
    ----------
    relations : polars.DataFrame
        One row of `bloat.sql` each.
    needed : polars.DataFrame
        What `bloat_estimate.estimates` returns.
    measured : list of dict
        `relid` and the columns of `bloat_table.sql` or `bloat_index.sql`.

    Returns
    -------
    polars.DataFrame
        Columns of `LEDGER`.

    """
    rows = []
    by_relid = {row["relid"]: row for row in measured}
    pages = dict(needed.select("relid", "needed_pages").iter_rows())
    for row in relations.iter_rows(named=True):
        default = INDEX_FILLFACTOR if row["kind"] == "index" else TABLE_FILLFACTOR
        fill = (row["fillfactor"] or default) / 100
        if row["relid"] in by_relid:
            found = by_relid[row["relid"]]
            wasted = (
                _wasted_in_index(found, fill, row["block_bytes"])
                if row["kind"] == "index"
                else found["dead_bytes"] + found["free_bytes"] - (1 - fill) * found["total_bytes"]
            )
            made = {**found, "method": EXTENSION, "wasted_bytes": wasted}
        elif row["relid"] in pages:
            unneeded = row["relpages"] - pages[row["relid"]]
            made = {
                "method": "estimate",
                "total_bytes": row["relpages"] * row["block_bytes"],
                "wasted_bytes": unneeded * row["block_bytes"],
                "tuples": round(row["reltuples"]),
            }
        else:
            continue
        made["wasted_bytes"] = max(0, round(made["wasted_bytes"]))
        rows.append({name: {**row, **made}.get(name) for name in LEDGER})
    return pl.DataFrame(rows, schema=LEDGER)


def _wasted_in_index(found: dict[str, Any], fill: float, block_bytes: int) -> float:
    lacking = max(0.0, 1 - found["leaf_density"] / fill) if found["leaf_density"] else 0.0
    pages: float = found["unused_pages"] + found["leaf_pages"] * lacking
    return pages * block_bytes


def with_known(
    relations: pl.DataFrame, found: pl.DataFrame, known: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Return what is known of each relation from now on. Pure.

    What was measured now is; so is an estimate, unless something of less than `AGAIN` is known.

    Parameters
    ----------
    relations, found, known : polars.DataFrame
        Of `bloat.sql`, of `arrange`, and of the last time.
    now : datetime
        Aware.

    """
    keys = ["relid", "relation_name"]
    lasting = known.filter(pl.col("read_at") > _naive(now - AGAIN)).join(
        relations, on=keys, how="semi"
    )
    measured = pl.col("method") == EXTENSION
    new = pl.concat(
        [found.filter(measured), found.filter(~measured).join(lasting, on=keys, how="anti")]
    )
    old = lasting.join(new, on=keys, how="anti").with_columns(pl.lit(value=False).alias("is_new"))
    stamps = [
        pl.lit(_naive(now), pl.Datetime("us")).alias("read_at"),
        pl.lit(value=True).alias("is_new"),
    ]
    return pl.concat([new.with_columns(stamps), old.select(*KNOWN)]).sort("relid")


def _measure(chosen: pl.DataFrame, visit: Visit, budget: Budget) -> list[dict[str, Any]]:
    """Measure relations one by one; what is refused has a note."""
    limits = visit.limits or pg.Limits.from_settings()
    limits = pg.Limits(
        min(limits.statement_timeout_ms, budget.statement_ms),
        limits.lock_timeout_ms,
        limits.connect_timeout_s,
    )
    reader = visit.reader
    started = time.perf_counter()
    found: list[dict[str, Any]] = []
    for relid, kind in chosen.select("relid", "kind").iter_rows():
        if time.perf_counter() - started > budget.seconds:
            break
        name = "bloat_index" if kind == "index" else "bloat_table"
        text = sql.SQL(sqlfiles.load(f"snapshots/{name}").text).format(
            extension=sql.Identifier(visit.extensions[EXTENSION])
        )
        try:
            rows = _one(reader, limits, text, name, relid)
        except psycopg.Error as error:
            if reader.connection.closed:
                raise
            note = left_out(name, error)
            if note not in reader.notes:
                reader.notes.append(note)
            if isinstance(error, _HOPELESS):
                break
            continue
        # none: somebody holds it exclusively, or it is gone
        found += [{"relid": relid, **row} for row in rows.to_dicts()]
    reader.rows_read += len(found)
    return found


def _one(
    reader: Reader, limits: pg.Limits, text: sql.Composed, name: str, relid: int
) -> pl.DataFrame:
    """Measure one relation in a transaction of its own."""

    def call() -> pl.DataFrame:
        with pg.transaction(reader.connection, limits):
            return read(reader.connection, text, name, {"relid": relid})

    return reader.meter.run(call)


def _note_hidden(columns: pl.DataFrame, relations: pl.DataFrame, visit: Visit) -> None:
    known = estimates(columns)
    hidden = (
        relations.filter(pl.col("is_hidden") & (pl.col("kind") != "toast"))
        .join(known, on="relid", how="anti")
        .height
    )
    if hidden:
        visit.reader.notes.append(
            f"the bloat of {hidden} tables and indexes is unknown, their column statistics are "
            f"hidden: CREATE EXTENSION {EXTENSION}, which pg_monitor may use"
        )


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
