"""Read what upkeep is planned from: a few catalog queries, none of which locks a user's table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import UnsupportedServerError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.here import free_bytes, is_here
from perf_pipeline.store import Store, targets
from perf_pipeline.upkeep.model import Retention
from perf_pipeline.upkeep.reindex import Bloat

Row = Mapping[str, Any]

#: What the ledger knows of an index's bloat is believed for so long.
KNOWN_FOR: Final = timedelta(hours=48)
#: Limit of one measurement, ms: about 10 GB of an index in memory.
MEASURE_MS: Final = 60_000


def rows(
    connection: psycopg.Connection[Any],
    name: str,
    params: Mapping[str, object] | None = None,
    places: Mapping[str, sql.Composable] | None = None,
) -> list[dict[str, Any]]:
    """Run `sql/upkeep/<name>.sql` and return its rows.

    Parameters
    ----------
    connection : psycopg.Connection
    name : str
    params : Mapping, optional
        Values of its parameters.
    places : Mapping, optional
        What stands for its `{placeholders}`: identifiers and what is made of them.

    """
    text = sqlfiles.load(f"upkeep/{name}", connection.info.server_version // 10_000).text
    statement = sql.SQL(text).format(**places) if places is not None else sql.SQL(text)
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(statement, dict(params or {}))
        return cursor.fetchall() if cursor.description is not None else []


def server(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return the row of `server.sql`.

    Raises
    ------
    UnsupportedServerError
        It is a standby: there is nothing to keep up.

    """
    (row,) = rows(connection, "server")
    if row["in_recovery"]:
        raise UnsupportedServerError(
            "this server is a standby, on which nothing can be kept up",
            "let the target's variable name the primary",
        )
    return row


def free_space(indexes: Sequence[Row], about: Row) -> dict[int, int | None]:
    """Return the free bytes of each index's disk, None where they are not seen from here."""
    here = is_here(about)
    known: dict[str | None, int | None] = {}
    found: dict[int, int | None] = {}
    for row in indexes:
        path = row["tablespace_path"] or about["data_directory"]
        if path not in known:
            known[path] = free_bytes(path) if here else None
        found[row["relid"]] = known[path]
    return found


def known_bloat(store: Store, target_name: str, now: datetime) -> dict[int, Bloat]:
    """Return what sweeps found of indexes lately, by oid."""
    target_id = targets.find(store, target_name)
    if target_id is None:
        return {}
    found = store.rows("upkeep_bloat", {"target_id": target_id, "since": now - KNOWN_FOR})
    return {
        row["relid"]: Bloat(row["total_bytes"], row["wasted_bytes"], row["method"] == "pgstattuple")
        for row in found
    }


def measure(connection: psycopg.Connection[Any], schema: str, relid: int) -> Bloat | None:
    """Measure one index with pgstattuple, reading all its pages.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    schema : str
        Of the extension.
    relid : int

    Returns
    -------
    Bloat or None
        None: it is gone, locked, or cannot be measured in `MEASURE_MS`.

    """
    with connection.transaction():
        connection.execute(
            "SELECT /* perf-pipeline */ set_config('statement_timeout', %s, true)",
            (str(MEASURE_MS),),
        )
        try:
            with connection.transaction():
                found = rows(
                    connection,
                    "index_bloat",
                    {"relid": relid},
                    {"extension": sql.Identifier(schema)},
                )
        except (
            pg_errors.QueryCanceled,
            pg_errors.LockNotAvailable,
            pg_errors.InsufficientPrivilege,
            pg_errors.UndefinedTable,
        ):
            return None
    if not found or found[0]["wasted_bytes"] is None:
        return None
    return Bloat(found[0]["total_bytes"], max(0, found[0]["wasted_bytes"]), measured=True)


def bloat(
    connection: psycopg.Connection[Any],
    chosen: Sequence[Row],
    known: Mapping[int, Bloat],
    about: Row,
    limit_percent: float,
    seconds: float,
) -> dict[int, Bloat]:
    """Return the bloat of each index: what the sweeps measured below the limit, else measured now.

    Parameters
    ----------
    connection : psycopg.Connection
    chosen : sequence of Mapping
        Rows of `indexes.sql`.
    known : Mapping of oid to Bloat
    about : Mapping
        Row of `server.sql`.
    limit_percent : float
        What sweeps measured above it is measured again, so that nothing is rebuilt twice.
    seconds : float
        No measurement begins later; what is left is as known.

    """
    found = dict(known)
    schema = about["pgstattuple_schema"]
    if schema is None:
        return found
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    expected = sorted(
        chosen,
        key=lambda row: -(known[row["relid"]].wasted_bytes if row["relid"] in known else 0),
    )
    for row in expected:
        before = known.get(row["relid"])
        if before is not None and before.measured and before.percent <= limit_percent:
            continue
        if datetime.now(UTC) > until:
            break
        now = measure(connection, schema, row["relid"])
        if now is not None:
            found[row["relid"]] = now
        elif before is not None and before.measured:
            del found[row["relid"]]
    return found


def leaves(
    connection: psycopg.Connection[Any], rules: Sequence[Retention]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of `leaves.sql` for the table of each rule."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        schema, _, table = rule.table.partition(".")
        found[rule.table] = rows(
            connection, "leaves", {"schema": schema, "table": table, "column": rule.column}
        )
    return found
