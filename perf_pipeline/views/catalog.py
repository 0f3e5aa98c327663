"""Reading what a plan needs from a target: the graph, the counters, the states; few queries."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.views import changes
from perf_pipeline.views.graph import Graph
from perf_pipeline.views.model import Counter, Node, State, UniqueIndex, ViewPolicy
from perf_pipeline.views.plan import Seen

Connection = psycopg.Connection[Any]


@contextmanager
def session(target: Target) -> Iterator[Connection]:
    """Open a session that may write, in autocommit, with our records of views in place.

    The server looks every 5 s whether we are still there: a refresh whose asker was killed ends.

    Raises
    ------
    ConfigurationError
        Our records are missing and this role may not make them.
    UnreachableError
        The target cannot be reached.

    """
    with pg.session(
        target.maintenance_url(),
        read_only=False,
        autocommit=True,
        label=f"{pg.APPLICATION_NAME}:views",
    ) as connection:
        connection.execute(
            "SELECT /* perf-pipeline */ set_config('client_connection_check_interval', '5s', false)"
        )
        install(connection, target.name)
        yield connection


def install(connection: Connection, where: str) -> None:
    """Make our records in a target where they are missing or of an earlier version; all or nothing.

    Raises
    ------
    ConfigurationError
        This role may not.

    """
    if _installed(connection).current:
        return
    try:
        # as a whole: a function without its REVOKE would be everybody's
        with connection.transaction():
            for file in sqlfiles.folder("views/meta"):
                connection.execute(file.text)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"target {where!r}: our records of views cannot be made: {str(error).strip()}",
            "GRANT CREATE ON DATABASE ... TO the role that maintains, or run this once as an owner",
        ) from error


def is_installed(connection: Connection) -> bool:
    """Whether this database has our records of views, of this version or an earlier one."""
    return _installed(connection).installed


class _Installed(NamedTuple):
    installed: bool
    current: bool


def _installed(connection: Connection) -> _Installed:
    row = connection.execute(sqlfiles.load("views/installed").text).fetchone()
    return _Installed(*row) if row else _Installed(installed=False, current=False)


def rows(
    connection: Connection, name: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Run the statement of `sql/views/<name>.sql` and return its rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load(f"views/{name}").text, dict(values or {}))
        return cursor.fetchall() if cursor.description is not None else []


def graph(connection: Connection, names: Sequence[str]) -> Graph:
    """Return some relations and all that they read, through plain views; one query."""
    return Graph.of(_node(row) for row in rows(connection, "graph", {"views": list(names)}))


def _node(row: Mapping[str, Any]) -> Node:
    return Node(
        oid=row["oid"],
        name=f"{row['schema_name']}.{row['name']}",
        kind=row["kind"],
        reads=tuple(row["reads"]),
        populated=row["populated"],
        owned=row["owned"],
        definition=row["definition"] or "",
        clock=tuple(row["clock"]),
        opaque=tuple(row["opaque"]),
        reads_catalog=row["reads_catalog"],
        unique_indexes=tuple(UniqueIndex(**each) for each in row["unique_indexes"]),
    )


def counters(connection: Connection, oids: Sequence[int]) -> dict[int, Counter]:
    """Return what was written to some tables so far, partitions included; one query."""
    if not oids:
        return {}
    return {
        row["oid"]: Counter(
            row["digest"], row["changes"], row["scans"], row["epoch"], row["counted"]
        )
        for row in rows(connection, "counters", {"relations": list(oids)})
    }


def states(connection: Connection, names: Sequence[str]) -> dict[str, State]:
    """Return what is known of the refreshes of some views; one query."""
    found = {}
    for row in rows(connection, "states", {"views": list(names)}):
        values = {key: value for key, value in row.items() if key != "view_name"}
        values["reasons"] = tuple(values["reasons"])
        found[row["view_name"]] = State(**values)
    return found


def named(connection: Connection, policies: Sequence[ViewPolicy]) -> dict[str, Node]:
    """Return the tables and views that declarations name and that exist, by name; one query.

    Parameters
    ----------
    connection : Connection
    policies : sequence of ViewPolicy
        Their `reads`, and the sources of the incremental ones.

    """
    names = sorted({name for each in policies for name in each.names})
    if not names:
        return {}
    return {
        f"{row['schema_name']}.{row['name']}": Node(
            row["oid"], f"{row['schema_name']}.{row['name']}", row["kind"]
        )
        for row in rows(connection, "relations", {"names": names})
    }


def _table(name: str, found: Mapping[str, Node]) -> bool:
    """Whether a name is of something that holds rows."""
    return name in found and found[name].kind != "v"


def _told(name: str, found: Mapping[str, Node]) -> str:
    return f"{name} (a view: name the tables below it)" if name in found else name


def see(connection: Connection, policies: Sequence[ViewPolicy]) -> Seen:
    """Return all that a plan needs, without what incremental views say of themselves."""
    names = [each.name for each in policies]
    found = graph(connection, names)
    tables = named(connection, policies)
    told = {
        each.name: tuple(tables[name] for name in each.reads if _table(name, tables))
        for each in policies
        if each.reads
    }
    lacking = {
        each.name: absent
        for each in policies
        if (absent := tuple(_told(name, tables) for name in each.names if not _table(name, tables)))
    }
    known = states(connection, names) if is_installed(connection) else {}
    oids = {
        source.oid
        for each in policies
        for source in _sources(found, each.name, told)
        if each.rollup is None
    }
    return Seen(found, counters(connection, sorted(oids)), known, told, lacking=lacking)


def _sources(found: Graph, name: str, told: Mapping[str, Sequence[Node]]) -> tuple[Node, ...]:
    node = found.named(name)
    return (*(found.sources(node) if node else ()), *told.get(name, ()))


def evidence_now(connection: Connection, policy: ViewPolicy, seen: Seen, at: datetime) -> Jsonb:
    """Return what a view's sources look like now; call it before the refresh's statement."""
    node = seen.graph.named(policy.name)
    if node is None:
        return Jsonb({})
    told = seen.extra.get(policy.name, ())
    now = counters(connection, [each.oid for each in _sources(seen.graph, policy.name, seen.extra)])
    return Jsonb(changes.evidence(seen.graph, node, told, now, policy.moves, at))
