"""Read what tells tenants and shards apart, from the store and the target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.capacity import tenants
from perf_pipeline.capacity.model import Reported, Shards, Tenants
from perf_pipeline.capacity.tenants import Tenant
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets

#: Errors that say that what was declared is not there, or not ours to read.
_WRONG: Final = (
    pg_errors.UndefinedFunction,
    pg_errors.UndefinedTable,
    pg_errors.UndefinedColumn,
    pg_errors.InvalidSchemaName,
    pg_errors.InsufficientPrivilege,
    pg_errors.FeatureNotSupported,
    pg_errors.DatatypeMismatch,
)
#: Days whose load is told: a whole week has one of each weekday.
DAYS: Final = 7


def of_tenants(
    target: Target, rule: Tenants, store: Store, today: date | None = None
) -> list[Tenant]:
    """Return each tenant's part of the load of the last seven days, the largest first.

    Raises
    ------
    ConfigurationError
        The target was never swept, or the pattern is wrong.

    """
    last = today or datetime.now(UTC).date()
    target_id = targets.find(store, target.name)
    if target_id is None:
        raise ConfigurationError(
            f"target {target.name!r} was never swept", "run the job collect, then try again"
        )
    days = {"target_id": target_id, "first": last - timedelta(days=DAYS - 1), "last": last}
    if rule.by == "role":
        work = store.rows("capacity_role_work", days)
        with pg.session(target.url(), read_only=True, autocommit=True) as connection:
            found = connection.execute(sqlfiles.load("capacity/roles").text, {}).fetchall()
        return tenants.of_roles(rule, work, dict(found))
    if rule.by == "schema":
        rows = store.rows("capacity_schema_work", days)
        return tenants.of_loads(
            rule, [(row["schema_name"], row["rows_read"] + row["rows_written"]) for row in rows]
        )
    finish = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC)
    if rule.reported is not None:
        return tenants.of_reports(
            rule, _reported(target, rule.reported, finish - timedelta(days=DAYS), finish)
        )
    rows = store.rows(
        "capacity_concurrency",
        {"target_id": target_id, "start": finish - timedelta(days=DAYS), "finish": finish},
    )
    return tenants.of_loads(rule, [(row["application_name"], row["mean_busy"]) for row in rows])


def _reported(
    target: Target, place: Reported, start: datetime, finish: datetime
) -> Sequence[dict[str, Any]]:
    """Read what the application reports of its tenants, summed up by the server."""
    statement = sql.SQL(sqlfiles.load("capacity/tenants_reported").text).format(
        relation=sql.Identifier(*place.relation.split(".", 1)),
        tenant=sql.Identifier(place.tenant),
        at=sql.Identifier(place.at),
        load=sql.Identifier(place.load),
        response_ms=sql.Identifier(place.response_ms),
    )
    try:
        with pg.session(target.maintenance_url(), read_only=True, autocommit=True) as connection:
            return _rows(connection, statement, {"start": start, "finish": finish})
    except _WRONG as error:
        said = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"target {target.name!r}: capacity.tenants.reported: {said}",
            f"name a table and its columns, and grant SELECT on {place.relation}",
        ) from error


@dataclass(frozen=True)
class Balance:
    """How a system's users are spread over its shards.

    Attributes
    ----------
    shards : list of dict
        shard_id, users, estimated_mb, performance_score, imbalance, advice, and what else its view
        tells.

    """

    shards: list[dict[str, Any]]

    def of(self, imbalance: str) -> list[int]:
        """Return the numbers of the shards of one class."""
        return [row["shard_id"] for row in self.shards if row["imbalance"] == imbalance]


def of_shards(target: Target, rule: Shards) -> Balance:
    """Ask a system how its users are spread.

    Raises
    ------
    ConfigurationError
        The view or the function is not there, has other columns, or may not be read.

    """
    places = {
        "distribution": sql.Identifier(*rule.distribution.split(".", 1)),
        "balance": sql.Identifier(*rule.balance.split(".", 1)),
    }
    statement = sql.SQL(sqlfiles.load("capacity/shards").text).format(**places)
    try:
        with pg.session(target.maintenance_url(), read_only=True, autocommit=True) as connection:
            rows = _rows(connection, statement)
    except _WRONG as error:
        said = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"target {target.name!r}: capacity.shards: {rule.balance}, {rule.distribution}: {said}",
            "name a view with a column shard_id and a function that judges it, and grant SELECT "
            "and EXECUTE on them",
        ) from error
    return Balance([_flat(row) for row in rows])


def _rows(
    connection: psycopg.Connection[Any],
    statement: sql.Composed,
    params: Mapping[str, object] | None = None,
) -> Sequence[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, params or {}).fetchall()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    more = row.pop("distribution") or {}
    return {**row, **{name: value for name, value in more.items() if name not in row}}
