"""Replace a span of days of a derived table: delete and COPY in one transaction."""

from collections.abc import Mapping
from datetime import date

import polars as pl
import psycopg
from psycopg import sql

from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.store import partitions
from perf_pipeline.store.engine import Store


def replace_days(
    store: Store,
    table: tuple[str, str],
    column: str,
    target_id: int,
    first: date,
    last: date,
    frame: pl.DataFrame,
) -> int:
    """Make `frame` the whole content of a target's days in a derived table.

    Parameters
    ----------
    store : Store
    table : tuple of str
        Schema and table; it has a column `target_id` and the day or time `column`.
    column : str
        The date or timestamptz column the table is partitioned by.
    target_id : int
    first, last : date
        UTC days, both included; rows outside are refused by the caller's own selection.
    frame : polars.DataFrame
        The new rows, `target_id` included.

    Returns
    -------
    int
        Rows written; running it again leaves the same rows.

    """
    with store.begin() as connection:
        partitions.ensure(connection, first, last, table=table)
        connection.execute(
            sql.SQL(
                "DELETE FROM {} WHERE target_id = %(target_id)s"
                " AND {column} >= %(first)s AND {column} < %(last)s::date + 1"
            ).format(sql.Identifier(*table), column=sql.Identifier(column)),
            {"target_id": target_id, "first": first, "last": last},
        )
        return copy.write_frame(connection, table, frame)


def read(
    store: Store, name: str, schema: copy.Schema, params: Mapping[str, object]
) -> pl.DataFrame:
    """Read the rows of `sql/store/<name>.sql` as a frame.

    Parameters
    ----------
    store : Store
    name : str
        File name without ending; its columns are those of `schema`, in that order.
    schema : Mapping of column to polars dtype
    params : Mapping
        Values of the `%(name)s` placeholders.

    """
    with store.begin() as connection:
        connection.execute(sqlfiles.load("store/plan_for_spans").text)
        return read_in(connection, name, schema, params)


def read_in(
    connection: psycopg.Connection, name: str, schema: copy.Schema, params: Mapping[str, object]
) -> pl.DataFrame:
    """Do as `read` does, inside a transaction of the caller's."""
    return copy.read_frame(connection, sqlfiles.load(f"store/{name}").text, schema, params)
