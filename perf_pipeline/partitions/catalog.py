"""What is: one query for all parents of a target, and a look into what it says needs one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import UnsupportedServerError
from perf_pipeline.partitions import bounds, periods
from perf_pipeline.partitions.model import Bound, Existing, Partition, Policy
from perf_pipeline.partitions.proofs import Proof, by_parent
from perf_pipeline.postgres import sqlfiles

_KINDS: Final = {"p": "partitioned", "r": "table"}
_STRATEGIES: Final = {"r": "range", "h": "hash", "l": "list"}
_TYPES: Final = {
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "smallint": "integer",
    "bigint": "integer",
}
#: Periods of a default partition that are told apart.
_MOST_PERIODS: Final = 10_000


@dataclass(frozen=True)
class Catalog:
    """What is, for all policies of a target.

    Attributes
    ----------
    now : datetime
        The server's clock, naive UTC.
    existing : dict of parent to Existing
    notes : tuple of str
        What could not be looked at, and why.

    """

    now: datetime
    existing: dict[str, Existing]
    notes: tuple[str, ...] = ()


def read(
    connection: psycopg.Connection[Any],
    policies: Sequence[Policy],
    proofs: Sequence[Proof] = (),
    rates: Mapping[str, float] | None = None,
    *,
    detail: bool = True,
) -> Catalog:
    """Return what is; one query in steady state.

    Parameters
    ----------
    connection : psycopg.Connection
        On the target, as `postgres.connect` makes it (UTC, ISO dates, timeouts).
    policies : sequence of Policy
    proofs : sequence of Proof
        What the store knows of the target's archived partitions.
    rates : Mapping of parent to values a day, optional
    detail : bool
        Also look which periods a default partition with rows has: it is read whole for that.

    Raises
    ------
    UnsupportedServerError
        The server is a replica: nothing can be done there.

    """
    ours = datetime.now(UTC).replace(tzinfo=None)
    if not policies:
        return Catalog(ours, {})
    rows = _rows(
        connection,
        "catalog",
        {"schemas": [p.schema for p in policies], "tables": [p.table for p in policies]},
    )
    if not rows:
        return Catalog(ours, {})
    clock = next(row["clock"] for row in rows if row["clock"] is not None)
    now = clock.astimezone(UTC).replace(tzinfo=None)
    if rows[0]["in_recovery"]:
        raise UnsupportedServerError(
            "the server is a replica: partitions are made on its primary",
            "let the target's URL name the primary",
        )
    grouped: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["place"], []).append(row)
    proven = by_parent(proofs)
    known = _known(connection, proofs, {row["child"] for row in rows})
    skew = (now - ours).total_seconds()
    notes: list[str] = []
    found: dict[str, Existing] = {}
    for place, policy in enumerate(policies, start=1):
        existing = _existing(policy, grouped[place], proven.get(policy.parent, ()), known)
        existing = replace(
            existing, clock_skew_s=skew, fill_per_day=(rates or {}).get(policy.parent)
        )
        default_bytes = next(
            (r["default_bytes"] for r in grouped[place] if r["default_bytes"] is not None), None
        )
        existing = _with_default(connection, policy, existing, default_bytes, detail, notes)
        found[policy.parent] = _with_position(connection, policy, existing, now, notes)
    return Catalog(now, found, tuple(notes))


def taken(
    connection: psycopg.Connection[Any], names: Sequence[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Return those of some (schema, name) that somebody has already."""
    if not names:
        return frozenset()
    rows = _rows(
        connection,
        "names_taken",
        {"schemas": [schema for schema, _ in names], "names": [name for _, name in names]},
    )
    return frozenset((row["schema_name"], row["name"]) for row in rows)


def _rows(
    connection: psycopg.Connection[Any], name: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sqlfiles.load(f"partitions/{name}").text, values).fetchall()


def _known(
    connection: psycopg.Connection[Any], proofs: Sequence[Proof], attached: set[int | None]
) -> dict[int, tuple[str, str]]:
    """Return the tables of proofs that exist and are not attached."""
    asked = [proof.relation for proof in proofs if proof.relation not in attached]
    if not asked:
        return {}
    rows = _rows(connection, "relations_known", {"oids": asked})
    return {row["oid"]: (row["nspname"], row["relname"]) for row in rows}


def _existing(
    policy: Policy,
    rows: Sequence[Mapping[str, Any]],
    proofs: Sequence[Proof],
    known: Mapping[int, tuple[str, str]],
) -> Existing:
    first = rows[0]
    kind = _KINDS.get(first["relkind"], "absent")
    by_relation = {proof.relation: proof for proof in proofs if proof.dropped_at is None}
    parts: list[Partition] = []
    for row in rows:
        if row["child"] is None:
            continue
        said = bounds.read(row["bounds"])
        proof = by_relation.pop(row["child"], None)
        parts.append(
            Partition(
                row["schema_name"],
                row["name"],
                said.lower,
                said.upper,
                remainder=said.remainder,
                modulus=said.modulus,
                is_default=said.is_default,
                pending=row["pending"],
                archived=proof is not None,
                held=proof is not None and proof.held,
                oid=row["child"],
                bytes=row["bytes"] if row["default_bytes"] is None else row["default_bytes"],
                rows=row["rows"],
            )
        )
    detached, gone = [], []
    for proof in by_relation.values():
        part = of_proof(proof)
        if proof.relation in known:
            schema, name = known[proof.relation]
            detached.append(replace(part, schema=schema, name=name))
        else:
            gone.append(part)
    column_type = first["column_type"]
    return Existing(
        policy.parent,
        kind=kind,  # type: ignore[arg-type]
        oid=first["oid"] or 0,
        strategy=_STRATEGIES.get(first["partstrat"]),  # type: ignore[arg-type]
        columns=tuple(first["columns"] or ()),
        column_type=kind_of(column_type),
        partitions=tuple(parts),
        detached=tuple(detached),
        gone=tuple(gone),
    )


def of_proof(proof: Proof) -> Partition:
    """Return the partition a proof speaks of."""
    said = bounds.read(proof.bounds)
    return Partition(
        proof.schema_name,
        proof.name,
        said.lower,
        said.upper,
        archived=True,
        held=proof.held,
        oid=proof.relation,
    )


def _with_default(
    connection: psycopg.Connection[Any],
    policy: Policy,
    existing: Existing,
    default_bytes: int | None,
    detail: bool,
    notes: list[str],
) -> Existing:
    """Say whether the default partition has rows, and of which periods."""
    default = existing.default
    if default is None or existing.columns != (policy.column,):
        return existing
    if default_bytes is None:
        notes.append(f"{default.full_name} is locked exclusively: whether it has rows is not known")
        return existing
    if default_bytes == 0:
        return replace(existing, default_has_rows=False)
    table = sql.Identifier(default.schema, default.name)
    try:
        row = connection.execute(
            sql.SQL("SELECT /* perf-pipeline */ EXISTS (SELECT FROM {})").format(table)
        ).fetchone()
        has_rows = bool(row and row[0])
        if not has_rows or not detail or policy.modulus is not None:
            return replace(existing, default_has_rows=has_rows)
        grouped = connection.execute(
            sql.SQL(
                "SELECT /* perf-pipeline */ {period} AS period, count(*), count(*) FILTER"
                " (WHERE {column} IS NULL) FROM {table} GROUP BY 1 ORDER BY 1 LIMIT {most}"
            ).format(
                period=_period(policy, existing.column_type),
                column=sql.Identifier(policy.column),
                table=table,
                most=sql.Literal(_MOST_PERIODS),
            )
        ).fetchall()
    except (
        pg_errors.LockNotAvailable,
        pg_errors.QueryCanceled,
        pg_errors.InsufficientPrivilege,
    ) as error:
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
            connection.rollback()
        notes.append(f"{default.full_name} could not be read: {str(error).splitlines()[0]}")
        return existing
    axis = periods.Axis(policy, existing.column_type)
    found: list[tuple[Bound, int]] = []
    for period, count, _ in grouped:
        if isinstance(period, str):
            try:
                found.append((axis.bound(datetime.fromisoformat(period)), count))
            except (ValueError, OverflowError):  # before year 1, after 9999, infinity
                notes.append(f"{default.full_name}: {count} rows at {period} stay there")
        elif period is not None:
            found.append((int(period), count))
    return replace(
        existing,
        default_has_rows=True,
        default_periods=tuple(found),
        default_strays=sum(nulls for _, _, nulls in grouped),
    )


def kind_of(column_type: str | None) -> str | None:
    """Return a partition key's type as `Existing.column_type` says it."""
    return None if column_type is None else _TYPES.get(column_type, column_type)


def _period(policy: Policy, column_type: str | None) -> sql.Composed:
    """Return the expression of the beginning of a row's period."""
    column = sql.Identifier(policy.column)
    if policy.step is not None:
        return sql.SQL("(floor({column}::numeric / {step}) * {step})::bigint").format(
            column=column, step=sql.Literal(policy.step)
        )
    wall = column
    composed = sql.SQL("{}::timestamp").format(wall)
    if column_type == "timestamptz":
        composed = sql.SQL("({} AT TIME ZONE {})").format(column, sql.Literal(policy.timezone))
    return sql.SQL("date_trunc({}, {})::text").format(sql.Literal(policy.every), composed)


def _with_position(
    connection: psycopg.Connection[Any],
    policy: Policy,
    existing: Existing,
    now: datetime,
    notes: list[str],
) -> Existing:
    """Say how far the key has come: of whole numbers always, of time where headroom is asked."""
    asked = policy.step is not None or (policy.every is not None and policy.headroom_days)
    if not asked or existing.columns != (policy.column,):
        return existing
    ordered = sorted(
        (part for part in existing.partitions if part.lower is not None),
        key=lambda part: part.lower,  # type: ignore[arg-type, return-value]
        reverse=True,
    )
    for part in ordered:
        try:
            row = connection.execute(
                sql.SQL("SELECT /* perf-pipeline */ max({}) FROM {}").format(
                    sql.Identifier(policy.column), sql.Identifier(part.schema, part.name)
                )
            ).fetchone()
        except (
            pg_errors.LockNotAvailable,
            pg_errors.QueryCanceled,
            pg_errors.InsufficientPrivilege,
            psycopg.DataError,  # infinity, or a year that Python has not
        ) as error:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                connection.rollback()
            notes.append(f"{part.full_name} could not be read: {str(error).splitlines()[0]}")
            return existing
        highest = row[0] if row else None
        if highest is None:
            continue
        if policy.step is not None:
            return replace(existing, position=int(highest))
        return replace(existing, lead=_lead(highest, now, policy, existing.column_type))
    return existing


def _lead(highest: Any, now: datetime, policy: Policy, column_type: str | None) -> float:
    """Return the days that the newest row lies ahead of the clock; negative behind it."""
    axis = periods.Axis(policy, column_type)
    if isinstance(highest, datetime):
        naive = highest.astimezone(UTC).replace(tzinfo=None) if highest.tzinfo else highest
    else:
        naive = datetime(highest.year, highest.month, highest.day)
    return (naive - axis.bound(axis.to_wall(now))) / timedelta(days=1)
