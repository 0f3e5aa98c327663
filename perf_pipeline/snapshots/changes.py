"""Two readings of settings or of schema objects: what changed. Pure."""

import polars as pl

SETTINGS_CHANGES = {
    "name": pl.String(),
    "value_before": pl.String(),
    "value_after": pl.String(),
    "unit": pl.String(),
    "pending_restart": pl.Boolean(),
}
SCHEMA_CHANGES = {
    "kind": pl.String(),
    "object_name": pl.String(),
    "relation_name": pl.String(),
    "change": pl.String(),
    "definition_before": pl.String(),
    "definition_after": pl.String(),
}


def settings(
    previous: pl.DataFrame | None, current: pl.DataFrame, *, comparable: bool = True
) -> pl.DataFrame:
    """Return the settings that differ between two readings.

    Parameters
    ----------
    previous : polars.DataFrame or None
        Columns name, value, unit, pending_restart; None: nothing to compare with, no changes.
    current : polars.DataFrame
        The same columns.
    comparable : bool
        False when another role read them: settings that only one reading has are then no change.

    Returns
    -------
    polars.DataFrame
        Columns of `SETTINGS_CHANGES`, sorted by name; a missing setting has a null value. A setting
        whose new value waits for a restart has equal values and `pending_restart`.

    """
    if previous is None:
        return pl.DataFrame(schema=SETTINGS_CHANGES)
    joined = previous.join(
        current, on="name", how="full" if comparable else "inner", suffix="_now", coalesce=True
    )
    changed = pl.col("value").ne_missing(pl.col("value_now"))
    pending = pl.col("pending_restart_now").fill_null(value=False)
    newly_pending = pending & ~pl.col("pending_restart").fill_null(value=False)
    return (
        joined.filter(changed | newly_pending)
        .select(
            "name",
            pl.col("value").alias("value_before"),
            pl.col("value_now").alias("value_after"),
            pl.coalesce("unit_now", "unit").alias("unit"),
            pending.alias("pending_restart"),
        )
        .sort("name")
    )


def schema_objects(previous: pl.DataFrame | None, current: pl.DataFrame) -> pl.DataFrame:
    """Return the objects created, dropped or altered between two readings.

    Columns of a table that itself was created or dropped are not listed. An object whose definition
    could not be read on either side is not called altered.

    Parameters
    ----------
    previous : polars.DataFrame or None
        Columns kind, object_name, relation_name, definition (and others); None: no changes.
    current : polars.DataFrame
        The same columns.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA_CHANGES`, sorted by kind and name.

    """
    if previous is None:
        return pl.DataFrame(schema=SCHEMA_CHANGES)
    keys = ["kind", "object_name", "relation_name"]
    known = pl.lit(value=True)
    before = previous.select(*keys, "definition", known.alias("was"))
    after = current.select(*keys, "definition", known.alias("is"))
    joined = before.join(
        after, on=keys, how="full", suffix="_now", coalesce=True, nulls_equal=True
    ).with_columns(
        pl.when(pl.col("was").is_null())
        .then(pl.lit("created"))
        .when(pl.col("is").is_null())
        .then(pl.lit("dropped"))
        # false for equal definitions, null where one is unknown
        .when(pl.col("definition") != pl.col("definition_now"))
        .then(pl.lit("altered"))
        .alias("change")
    )
    found = joined.filter(pl.col("change").is_not_null())
    whole = found.filter(
        (pl.col("kind") != "column") & pl.col("change").is_in(["created", "dropped"])
    )["object_name"]
    return (
        found.filter((pl.col("kind") != "column") | ~pl.col("relation_name").is_in(whole.implode()))
        .select(
            *keys,
            "change",
            pl.col("definition").alias("definition_before"),
            pl.col("definition_now").alias("definition_after"),
        )
        .sort("kind", "object_name", "relation_name")
    )


def with_known_definitions(
    objects: pl.DataFrame, previous: pl.DataFrame | None
) -> tuple[pl.DataFrame, list[int]]:
    """Give indexes the definitions read before, and say which are still to be read.

    Parameters
    ----------
    objects : polars.DataFrame
        Rows of `schema_objects.sql`: an index has `index_oid` > 0, a version that changes with it,
        and `definition` "" or "invalid".
    previous : polars.DataFrame or None
        The state of the last reading: the same columns and `invalid`.

    Returns
    -------
    tuple
        The objects with `invalid` (bool) and, for indexes, the definition or null; the oids of
        indexes without one, sorted.

    """
    is_index = pl.col("index_oid") > 0
    objects = objects.with_columns(
        (is_index & (pl.col("definition") == "invalid")).alias("invalid"),
        pl.when(is_index).then(None).otherwise(pl.col("definition")).alias("definition"),
    )
    if previous is not None:
        keys = ["index_oid", "index_version"]
        known = previous.filter(is_index).select(*keys, pl.col("definition").alias("known"))
        objects = (
            objects.join(known, on=keys, how="left", maintain_order="left")
            .with_columns(pl.coalesce("definition", "known").alias("definition"))
            .drop("known")
        )
    missing = objects.filter(is_index & pl.col("definition").is_null())["index_oid"]
    return objects, sorted(missing.to_list())


def with_definitions(objects: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Fill in index definitions just read; an invalid index's says so at its end.

    Parameters
    ----------
    objects : polars.DataFrame
        As `with_known_definitions` returns them.
    read : polars.DataFrame
        Columns index_oid, definition.

    """
    suffix = pl.when(pl.col("invalid")).then(pl.lit(" -- invalid")).otherwise(pl.lit(""))
    return (
        objects.join(
            read.rename({"definition": "read"}), on="index_oid", how="left", maintain_order="left"
        )
        .with_columns(pl.coalesce("definition", pl.col("read") + suffix).alias("definition"))
        .drop("read")
    )
