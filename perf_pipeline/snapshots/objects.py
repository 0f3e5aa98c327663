"""Reading tables, columns, indexes, views and functions, when the catalogs changed."""

import polars as pl

from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots import changes, values
from perf_pipeline.snapshots.families import READ
from perf_pipeline.snapshots.reader import Reader, query

#: Columns of texts that are looked after elsewhere (`changes`), or are made of no names.
NO_NAMES = frozenset({"value", "definition", "index_version"})

#: Index definitions read between two releases of the locks this takes (one share lock per table).
_DEFINITIONS_AT_ONCE = 500


def read(
    reader: Reader,
    frames: dict[str, pl.DataFrame],
    fingerprint: str | None,
    known: pl.DataFrame | None,
    known_fingerprint: str | None,
) -> tuple[str | None, bool]:
    """Read schema objects when the catalogs changed; return the fingerprint to remember."""
    if fingerprint is None:
        return None, False
    if known is not None and fingerprint == known_fingerprint:
        return fingerprint, True
    name = "schema_objects"
    file = sqlfiles.load(f"snapshots/{name}", sqlfiles.MINIMUM_MAJOR)
    objects = reader.families([query(name, file, READ[name])]).get(name)
    if objects is None:
        return None, False
    objects = values.screened_columns(objects, keep=NO_NAMES)
    objects, wanted = changes.with_known_definitions(objects, known)
    complete = True
    for start in range(0, len(wanted), _DEFINITIONS_AT_ONCE):
        part = wanted[start : start + _DEFINITIONS_AT_ONCE]
        # undone at once: the definitions take a share lock on each table
        found = reader.and_undo("schema_indexes", {"oids": part})
        if found is None:
            complete = False
            continue
        objects = changes.with_definitions(objects, found)
        if found.height < len(part):
            complete = False
            reader.notes.append(
                f"definitions of {len(part) - found.height} indexes left out: tables locked"
            )
    frames["schema_objects"] = objects
    return (fingerprint if complete else None), True
