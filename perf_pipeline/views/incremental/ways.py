"""The ways to bring a rollup up to date, each a few statements of one transaction."""

from collections.abc import Collection

from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.views.catalog import Connection
from perf_pipeline.views.incremental import ddl
from perf_pipeline.views.incremental.names import Names, comma
from perf_pipeline.views.incremental.strategy import Changes

_DIRTY = sql.Identifier("pg_temp", "perf_pipeline_dirty")


class NotAllCapturedError(PerfPipelineError):
    """What was captured contradicts the rollup; it is not used."""


def summary(connection: Connection, names: Names) -> Changes:
    """Return what was captured and not applied yet."""
    row = connection.execute(
        sql.SQL(
            "SELECT /* perf-pipeline */ count(*), coalesce(bool_or(pp_everything), false),"
            " coalesce(bool_or(pp_inexact), false) FROM {}"
        ).format(names.changes)
    ).fetchone()
    rows, everything, inexact = row or (0, False, False)
    return Changes(rows, everything=everything, inexact=inexact)


def is_dirty(connection: Connection, names: Names) -> bool:
    """Whether anything was captured since the last refresh; one probe."""
    row = connection.execute(
        sql.SQL("SELECT /* perf-pipeline */ EXISTS (SELECT FROM {})").format(names.changes)
    ).fetchone()
    return bool(row and row[0])


def count_dirty(connection: Connection, names: Names) -> int:
    """Return how many groups changed; a fraction of what `collect_dirty` costs."""
    row = connection.execute(
        sql.SQL(
            "SELECT /* perf-pipeline */ count(*) FROM (SELECT DISTINCT {} FROM {}) AS d"
        ).format(comma(names.key_columns), names.changes)
    ).fetchone()
    return int(row[0]) if row else 0


def collect_dirty(connection: Connection, names: Names) -> int:
    """Put the groups that changed into a temporary table, and return how many there are."""
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT DISTINCT {} FROM {}").format(
            sql.Identifier("perf_pipeline_dirty"), comma(names.key_columns), names.changes
        )
    )
    connection.execute(sql.SQL("ANALYZE {}").format(_DIRTY))
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_DIRTY)).fetchone()
    return int(row[0]) if row else 0


def apply(connection: Connection, names: Names, generation: int) -> int:
    """Add what was captured to its groups; groups without rows go.

    Returns
    -------
    int
        Captured rows.

    Raises
    ------
    NotAllCapturedError
        A group would have fewer rows than none.

    """
    totals = [
        sql.SQL("sum({})::{}").format(column, kind)
        for column, kind in zip(names.sum_columns, ddl.sum_types(names), strict=True)
    ]
    added = [
        sql.SQL("{} = g.{} + excluded.{}").format(column, column, column)
        for column in names.sum_columns
    ]
    columns = comma([*names.key_columns, *names.sum_columns])
    connection.execute(
        sql.SQL(
            "INSERT INTO {} AS g ({}) SELECT {}, {} FROM {} GROUP BY {}"
            " ON CONFLICT ({}) DO UPDATE SET {}"
        ).format(
            names.data(generation),
            columns,
            comma(names.key_columns),
            comma(totals),
            names.changes,
            ddl.positions(names),
            names.conflict,
            comma(added),
        )
    )
    gone = connection.execute(
        sql.SQL(
            "DELETE FROM {} AS g USING (SELECT DISTINCT {} FROM {} WHERE pp_rows < 0) AS d"
            " WHERE {} AND g.pp_rows <= 0 RETURNING g.pp_rows"
        ).format(
            names.data(generation), comma(names.key_columns), names.changes, names.same("g", "d")
        )
    )
    if any(rows < 0 for (rows,) in gone):
        raise NotAllCapturedError(
            f"view {names.view}: a group would have fewer rows than none",
            "nothing was changed; it is computed from its source",
        )
    return forget(connection, names)


def recompute(
    connection: Connection, names: Names, generation: int, never_null: Collection[str] = ()
) -> int:
    """Compute the groups of `collect_dirty` again from the source; return by how many it grew."""
    gone = connection.execute(
        sql.SQL("DELETE FROM {} AS g USING {} AS d WHERE {}").format(
            names.data(generation), _DIRTY, names.same("g", "d")
        )
    ).rowcount
    plain = sql.SQL(" AND ").join(
        [
            sql.SQL("{} = d.{}").format(key, column)
            for key, column in zip(names.keys, names.key_columns, strict=True)
        ]
    )
    made = connection.execute(
        _computed(names, generation, plain, "IS NOT NULL", never_null)
    ).rowcount
    if names.nullable and _has_null_keys(connection, names):
        # a key with a NULL equals itself only as a composite value
        composite = sql.SQL("ROW({})::{} = ROW({})::{}").format(
            comma(names.keys),
            names.key_type,
            comma([sql.SQL("d.{}").format(column) for column in names.key_columns]),
            names.key_type,
        )
        made += connection.execute(
            _computed(names, generation, composite, "IS NULL", never_null)
        ).rowcount
    forget(connection, names)
    return made - gone


def _computed(
    names: Names, generation: int, match: sql.Composable, nulls: str, never_null: Collection[str]
) -> sql.Composed:
    """Return the statement that computes dirty groups: those without or those with NULL keys."""
    word = sql.SQL(" AND " if nulls == "IS NOT NULL" else " OR ")
    condition = word.join(
        [
            sql.SQL("d.{} IS NOT NULL" if nulls == "IS NOT NULL" else "d.{} IS NULL").format(column)
            for column in names.key_columns
        ]
    )
    return sql.SQL(
        "INSERT INTO {} ({}) SELECT {}, {} FROM {} AS {} JOIN {} AS d ON {} WHERE ({}) AND {}"
        " GROUP BY {}"
    ).format(
        names.data(generation),
        comma(names.data_columns),
        comma(names.keys),
        comma(ddl.aggregates(names, never_null)),
        names.source,
        names.alias,
        _DIRTY,
        match,
        condition,
        names.where,
        ddl.positions(names),
    )


def _has_null_keys(connection: Connection, names: Names) -> bool:
    condition = sql.SQL(" OR ").join(
        [sql.SQL("{} IS NULL").format(column) for column in names.key_columns]
    )
    row = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(_DIRTY, condition)
    ).fetchone()
    return bool(row and row[0])


def build(
    connection: Connection, names: Names, generation: int, never_null: Collection[str] = ()
) -> int:
    """Compute everything into the table of a new generation; return how many groups there are.

    Nobody reads it yet, so nobody waits.
    """
    columns = [
        sql.SQL("{} AS {}").format(expression, column)
        for expression, column in zip(
            [*names.keys, *ddl.aggregates(names, never_null)], names.data_columns, strict=True
        )
    ]
    count = connection.execute(
        sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} AS {} WHERE {} GROUP BY {}").format(
            names.data(generation),
            comma(columns),
            names.source,
            names.alias,
            names.where,
            ddl.positions(names),
        )
    ).rowcount
    connection.execute(
        sql.SQL("CREATE UNIQUE INDEX ON {} ({})").format(names.data(generation), names.conflict)
    )
    return count


def publish(
    connection: Connection, names: Names, old: int, new: int, types: tuple[str, ...]
) -> bool:
    """Let people read a new generation instead of the old one.

    That takes a short, strong lock on the view. Where a reader is in the way for longer than
    `lock_timeout`, the old table is made equal to the new one instead, which hinders nobody.

    Returns
    -------
    bool
        Whether the new generation is the one now.

    """
    try:
        with connection.transaction():
            connection.execute(ddl.public_view(names, new, types))
            if old:
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(names.data(old)))
        return True
    except pg_errors.LockNotAvailable:
        if not old:
            raise
    merge(connection, names, old, new)
    connection.execute(sql.SQL("DROP TABLE {}").format(names.data(new)))
    return False


def merge(connection: Connection, names: Names, old: int, new: int) -> None:
    """Make the old generation's rows equal to the new one's, touching only what differs."""
    connection.execute(
        sql.SQL("DELETE FROM {} AS g WHERE NOT EXISTS (SELECT FROM {} AS n WHERE {})").format(
            names.data(old), names.data(new), names.same("g", "n")
        )
    )
    rest = [*names.sum_columns, *names.other_columns]
    set_to = [sql.SQL("{} = excluded.{}").format(column, column) for column in rest]
    differs = [
        sql.SQL("g.{}::text IS DISTINCT FROM excluded.{}::text").format(column, column)
        for column in rest
    ]
    connection.execute(
        sql.SQL(
            "INSERT INTO {} AS g ({}) SELECT {} FROM {} ON CONFLICT ({}) DO UPDATE SET {} WHERE {}"
        ).format(
            names.data(old),
            comma(names.data_columns),
            comma(names.data_columns),
            names.data(new),
            names.conflict,
            comma(set_to),
            sql.SQL(" OR ").join(differs),
        )
    )


def forget(connection: Connection, names: Names) -> int:
    """Take away what was captured, as far as this transaction sees it."""
    return connection.execute(sql.SQL("DELETE FROM {}").format(names.changes)).rowcount
