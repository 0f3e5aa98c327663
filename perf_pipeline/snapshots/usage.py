"""Indexes that nothing reads: what a table pays for when it is written. Pure."""

import polars as pl


def unused(indexes: pl.DataFrame, tables: pl.DataFrame) -> pl.DataFrame:
    """Return the indexes not scanned since the server's statistics began, the largest first.

    Indexes that enforce something (unique, primary key, exclusion) are needed without any scan and
    left out; so are the parts of partitioned indexes' parents, which have no pages. An index is
    `write only` when rows of its table were inserted, updated or deleted meanwhile, else `unused`.
    Whether a replica reads it is not known here.

    Parameters
    ----------
    indexes : polars.DataFrame
        The state of the family: totals since the statistics began.
    tables : polars.DataFrame
        Likewise.

    Returns
    -------
    polars.DataFrame
        Columns index, table, status (`unused`, `write only`), pages, rows_written.

    """
    written = pl.col("n_tup_ins") + pl.col("n_tup_upd") + pl.col("n_tup_del")
    return (
        indexes.filter((pl.col("idx_scan") == 0) & ~pl.col("is_unique") & (pl.col("relpages") > 0))
        .join(tables.select("relid", written.alias("rows_written")), on="relid", how="left")
        .with_columns(pl.col("rows_written").fill_null(0))
        .select(
            pl.concat_str("schema_name", pl.lit("."), "index_name").alias("index"),
            pl.concat_str("schema_name", pl.lit("."), "table_name").alias("table"),
            pl.when(pl.col("rows_written") > 0)
            .then(pl.lit("write only"))
            .otherwise(pl.lit("unused"))
            .alias("status"),
            pl.col("relpages").alias("pages"),
            "rows_written",
        )
        .sort("pages", "index", descending=[True, False])
    )
