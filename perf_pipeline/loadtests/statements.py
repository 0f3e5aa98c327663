"""What each statement of a copied database did, read from the server: nobody else is in it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import polars as pl
import psycopg
from psycopg.rows import dict_row

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.loadtests import reduce
from perf_pipeline.loadtests.swept import MOST_QUERIES
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles

_KEY: Final = ("userid", "dbid", "queryid", "toplevel")
_COUNTED: Final = {
    **dict.fromkeys(
        (
            *("calls", "rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied"),
            *("shared_blks_written", "temp_blks_read", "temp_blks_written", "wal_bytes"),
        ),
        pl.Int64,
    ),
    **dict.fromkeys(
        ("total_exec_time", "exec_time_squares", "blk_read_time", "blk_write_time"), pl.Float64
    ),
}
_SCHEMA: Final = {
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "query": pl.String,
    **_COUNTED,
}


def read(url: str) -> pl.DataFrame | None:
    """Return the counters of every statement of a database; None: the server does not count them.

    Columns: `userid`, `dbid`, `queryid`, `toplevel`, `query`, counters as pg_stat_statements has
    them, `exec_time_squares` (ms²). Ours and those of the reference load are left out.
    """
    with pg.session(url) as session:
        text = _text(session, "load_statements")
        if text is None:
            return None
        with session.cursor(row_factory=dict_row) as cursor:
            try:
                rows = cursor.execute(text, {}).fetchall()
            except psycopg.errors.ObjectNotInPrerequisiteState:
                return None  # installed, but not preloaded
    return pl.DataFrame(rows, schema=_SCHEMA)


def forget(url: str) -> None:
    """Take a database's statements out of the server's list, where we may: it is to be dropped.

    Each run's copy would leave its statements there until they are pushed out, or push out others.
    """
    with suppress(PerfPipelineError, psycopg.Error), pg.session(url, read_only=False) as session:
        text = _text(session, "load_forget")
        if text is not None:
            session.execute(text, {})


def _text(session: psycopg.Connection, name: str) -> psycopg.sql.Composed | None:
    found = session.execute(sqlfiles.load("catalog/load_extension").text, {}).fetchone()
    if found is None:
        return None
    file = sqlfiles.load(f"catalog/{name}", session.info.server_version // 10_000)
    return psycopg.sql.SQL(file.text).format(extension=psycopg.sql.Identifier(found[0]))


def blocks(before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Return how many blocks the statements touched between two readings; pure.

    Those of statements inside functions are part of the statement that calls them.
    """
    columns = ("shared_blks_hit", "shared_blks_read", "temp_blks_read", "temp_blks_written")
    joined = after.filter("toplevel").join(before, on=_KEY, how="left", suffix="_before")
    found = joined.filter(pl.col("calls") > pl.col("calls_before").fill_null(0)).select(
        pl.sum_horizontal(
            pl.col(name) - pl.col(f"{name}_before").fill_null(0) for name in columns
        ).sum()
    )
    return int(found.item() or 0)


def between(
    before: pl.DataFrame, after: pl.DataFrame, redact: Callable[[str], str]
) -> pl.DataFrame:
    """Return what each statement did between two readings, the heaviest first; pure.

    Parameters
    ----------
    before, after : polars.DataFrame
        As `read` returns.
    redact : callable
        Takes literals out of a text.

    Returns
    -------
    polars.DataFrame
        Rows of perf_mgmt.query_performance (`reduce.queries`). A statement whose counters fell was
        pushed out in between and is left out: how much it did is not known.

    """
    joined = after.join(before.select(*_KEY, *_COUNTED), on=_KEY, how="left", suffix="_before")
    rows = joined.with_columns(
        pl.col(name) - pl.col(f"{name}_before").fill_null(0) for name in _COUNTED
    ).filter(pl.col("calls") > 0, pl.col("total_exec_time") >= 0)
    texts = after.select("userid", "dbid", "queryid", "query").unique(
        ["userid", "dbid", "queryid"], keep="first", maintain_order=True
    )
    redacted = [redact(text) for text in texts["query"]]
    texts = texts.with_columns(query=pl.Series(redacted, dtype=pl.String))
    return reduce.queries(rows, texts).head(MOST_QUERIES)
