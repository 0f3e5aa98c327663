"""The rows of a view, as far as a person looks at them."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.views.model import ViewPolicy

#: Rows of a table in an event.
MOST: Final = 20


@dataclass(frozen=True)
class Shown:
    """The first rows of a view, in the order of its first column, and how many there are."""

    rows: tuple[dict[str, Any], ...]
    count: int


def shown(target: Target, policy: ViewPolicy) -> Shown:
    """Read the first rows of a view and count all of them.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be used.

    """
    schema, _, relation = policy.name.partition(".")
    query = sql.SQL(
        "SELECT /* perf-pipeline */ v.*, count(*) OVER () AS perf_pipeline_count"
        " FROM {} AS v ORDER BY 1 LIMIT {}"
    ).format(sql.Identifier(schema, relation), sql.Literal(MOST))
    with (
        pg.session(target.maintenance_url(), read_only=True, autocommit=True) as session,
        session.cursor(row_factory=dict_row) as cursor,
    ):
        rows = cursor.execute(query).fetchall()
    count = rows[0]["perf_pipeline_count"] if rows else 0
    names = [name for name in (rows[0] if rows else ()) if name != "perf_pipeline_count"]
    return Shown(tuple({name: row[name] for name in names} for row in rows), count)
