"""Index scans of a table, from its indexes. Pure.

The server's own view sums the counters of the indexes that exist now, so that its `idx_scan` falls
when an index is dropped. Summing the intervals of the indexes cannot fall.
"""

import polars as pl

from perf_pipeline.snapshots.families import TABLES

#: Of two qualities the one that says less, in this order.
_WORST_FIRST = ("lower_bound", "evicted_reinserted", "reset", "gap", "first_seen", "exact")


def with_index_scans(
    tables: pl.DataFrame, indexes: pl.DataFrame, current: pl.DataFrame
) -> pl.DataFrame:
    """Add to the tables' intervals what their indexes did.

    Parameters
    ----------
    tables : polars.DataFrame
        Interval rows of `TABLES`; `idx_tup_fetch` holds bitmap fetches only.
    indexes : polars.DataFrame
        Interval rows of `INDEXES`.
    current : polars.DataFrame
        The sweep's tables, for the names and gauges of tables that only their indexes touched.

    Returns
    -------
    polars.DataFrame
        The columns of `tables` and `idx_scan`, sorted by relid; a table whose indexes were used has
        a row even when its own counters stood still, with the least certain quality of its parts.

    """
    if indexes.is_empty():
        return tables.with_columns(pl.lit(0, dtype=pl.Int64).alias("idx_scan"))
    sums = indexes.group_by("relid").agg(
        pl.col("idx_scan").sum(),
        pl.col("idx_tup_fetch").sum().alias("fetched"),
        pl.col("quality").replace_strict(_RANK, return_dtype=pl.Int8).min().alias("rank"),
    )
    untouched = (
        current.join(tables, on="relid", how="anti")
        .join(sums, on="relid", how="semi")
        .with_columns(
            pl.lit("exact").alias("quality"),
            *(pl.lit(0, dtype=kind).alias(name) for name, kind in TABLES.counters.items()),
        )
        .select(tables.columns)
    )
    worst = pl.min_horizontal(
        pl.col("quality").replace_strict(_RANK, return_dtype=pl.Int8), pl.col("rank")
    )
    return (
        pl.concat([tables, untouched])
        .join(sums, on="relid", how="left")
        .with_columns(
            pl.col("idx_scan").fill_null(0),
            pl.col("idx_tup_fetch") + pl.col("fetched").fill_null(0),
            worst.replace_strict(_NAME, return_dtype=pl.String).alias("quality"),
        )
        .drop("fetched", "rank")
        .sort("relid")
    )


def with_index_pages(tables: pl.DataFrame, indexes: pl.DataFrame | None) -> pl.DataFrame:
    """Add to the tables' intervals the pages of all their indexes at its end.

    Parameters
    ----------
    tables : polars.DataFrame
        Has `relid`.
    indexes : polars.DataFrame or None
        The sweep's indexes: relid, relpages; None: they could not be read.

    Returns
    -------
    polars.DataFrame
        With `index_pages`: 0 for a table without indexes, null where they are not known.

    """
    if tables.is_empty() or indexes is None:
        return tables.with_columns(pl.lit(None, dtype=pl.Int64).alias("index_pages"))
    touched = indexes.filter(pl.col("relid").is_in(tables["relid"].implode()))
    pages = touched.group_by("relid").agg(pl.col("relpages").sum().alias("index_pages"))
    joined = tables.join(pages, on="relid", how="left", maintain_order="left")
    return joined.with_columns(pl.col("index_pages").fill_null(0))


_RANK = {name: rank for rank, name in enumerate(_WORST_FIRST)}
_NAME = dict(enumerate(_WORST_FIRST))
