"""Two readings of settings or of schema objects: what changed. Pure.

Both may hold what nobody should read: a setting anything that an application keeps there, an
index's definition the values of its predicate. Such a value is replaced before it is kept, and a
fingerprint of sixteen bits tells that it changed: enough for that, too few to confirm a guess.
"""

import hashlib

import polars as pl

from perf_pipeline.snapshots import values
from perf_pipeline.snapshots.redact import redact

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

#: Follows a definition that differs from the other one in its values only.
OTHER_VALUES = " -- other values"


def without_secrets(settings: pl.DataFrame) -> pl.DataFrame:
    """Return settings as they may be kept: a value that holds the like of a token is hidden.

    Those known to hold secrets the server has hidden already (`settings.sql`).

    Parameters
    ----------
    settings : polars.DataFrame
        Columns name, value, unit, pending_restart.

    """
    return settings.with_columns(
        pl.Series("value", [_harmless(value) for value in settings["value"]], pl.String)
    )


def _harmless(value: str | None) -> str | None:
    # a number is a number, however long
    if value is None or value.lstrip("-").isdigit() or values.screened(value) == value:
        return value
    return f"hidden, fingerprint {fingerprint(value)}"


def fingerprint(text: str) -> str:
    """Return sixteen bits of a text, as four hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:4]


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
        Columns kind, object_name, relation_name, definition and fingerprint (and others); None: no
        changes.
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
    compared = [*keys, "definition", "fingerprint"]
    before = previous.select(*compared, known.alias("was"))
    after = current.select(*compared, known.alias("is"))
    other_values = pl.col("fingerprint") != pl.col("fingerprint_now")
    joined = before.join(
        after, on=keys, how="full", suffix="_now", coalesce=True, nulls_equal=True
    ).with_columns(
        pl.when(other_values & (pl.col("definition") == pl.col("definition_now")))
        .then(pl.col("definition_now") + OTHER_VALUES)
        .otherwise(pl.col("definition_now"))
        .alias("definition_now")
    )
    joined = joined.with_columns(
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
        The state of the last reading: the same columns, `invalid` and `fingerprint`.

    Returns
    -------
    tuple
        The objects with `invalid` (bool), `fingerprint` and, for indexes, the definition or null;
        the oids of indexes without one, sorted.

    """
    is_index = pl.col("index_oid") > 0
    objects = objects.with_columns(
        (is_index & (pl.col("definition") == "invalid")).alias("invalid"),
        pl.when(is_index).then(None).otherwise(pl.col("definition")).alias("definition"),
        pl.lit(None, dtype=pl.String).alias("fingerprint"),
    )
    if previous is not None:
        keys = ["index_oid", "index_version"]
        known = previous.filter(is_index).select(
            *keys, pl.col("definition").alias("known"), pl.col("fingerprint").alias("known_print")
        )
        objects = (
            objects.join(known, on=keys, how="left", maintain_order="left")
            .with_columns(
                pl.coalesce("definition", "known").alias("definition"),
                pl.col("known_print").alias("fingerprint"),
            )
            .drop("known", "known_print")
        )
    missing = objects.filter(is_index & pl.col("definition").is_null())["index_oid"]
    return objects, sorted(missing.to_list())


def with_definitions(objects: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Fill in index definitions just read, without the values in them.

    An invalid index's says so at its end.

    Parameters
    ----------
    objects : polars.DataFrame
        As `with_known_definitions` returns them.
    read : polars.DataFrame
        Columns index_oid, definition as the server tells it.

    """
    read = read.select(
        "index_oid",
        pl.Series("read", [_redacted(text) for text in read["definition"]], pl.String),
        pl.Series(
            "read_print",
            [None if text is None else fingerprint(text) for text in read["definition"]],
            pl.String,
        ),
    )
    suffix = pl.when(pl.col("invalid")).then(pl.lit(" -- invalid")).otherwise(pl.lit(""))
    return (
        objects.join(read, on="index_oid", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("definition", pl.col("read") + suffix).alias("definition"),
            pl.coalesce("fingerprint", "read_print").alias("fingerprint"),
        )
        .drop("read", "read_print")
    )


def _redacted(definition: str | None) -> str | None:
    return None if definition is None else redact(definition)
