"""Build an index of a partitioned table one partition at a time, without stopping writers.

A partitioned index cannot be built concurrently as a whole. Its file makes it `ON ONLY` the parent,
which reads no row; each partition's part is built concurrently and attached. The whole becomes
valid with its last part, so a killed build goes on where it stopped.
"""

import psycopg
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile

#: Value of the header `build` of such a file.
BY_PARTITION = "partition by partition"
#: PostgreSQL cuts longer names, and the part would not be found again.
_LONGEST_NAME = 63


def is_by_partition(file: SqlFile) -> bool:
    """Return whether a file's index is built partition by partition."""
    return file.header.get("build") == BY_PARTITION


def drop(connection: psycopg.Connection, index: tuple[str, str]) -> None:
    """Drop a partitioned index with its parts; the server knows no concurrent way."""
    connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(*index)))


def build_parts(connection: psycopg.Connection, index: tuple[str, str]) -> int:
    """Build and attach the parts a partitioned index lacks; return how many.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    index : tuple of str
        Schema and name; the index exists, at least on the parent.

    Raises
    ------
    ConfigurationError
        A part's name, `<partition>_<index>`, is longer than PostgreSQL keeps.

    """
    whole = sql.Identifier(*index)
    missing = connection.execute(
        sqlfiles.load("target/partitions_without_index").text,
        {"index": whole.as_string(connection)},
    ).fetchall()
    for schema, name, statement, usable in missing:
        if len(name.encode()) > _LONGEST_NAME:
            raise ConfigurationError(
                f"index {name!r} has {len(name.encode())} bytes; names have {_LONGEST_NAME}",
                "shorten the name of the index or of the partition",
            )
        part = sql.Identifier(schema, name)
        if usable is False:  # left by a build that failed
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(part))
        if not usable:
            connection.execute(statement)
        connection.execute(sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(whole, part))
    return len(missing)
