"""Policies for tables that are partitioned already, by hand or by pg_partman, to be declared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import catalog, periods
from perf_pipeline.partitions.model import EVERY, Existing, Policy
from perf_pipeline.partitions.verdicts import TIME_TYPES
from perf_pipeline.postgres import sqlfiles

#: Where nothing is known: partitions kept ready.
_PREMAKE: Final = 2


@dataclass(frozen=True)
class Adoption:
    """One partitioned table as it would be declared.

    Attributes
    ----------
    declared : dict or None
        Attributes of a block of `partitions:`; None where no policy fits, and `why` says so.
    why : str
        How it was found, or why it was not.
    partman : str or None
        The statement that makes pg_partman let go of it.

    """

    parent: str
    declared: dict[str, Any] | None
    why: str
    partman: str | None = None


def adopt(connection: psycopg.Connection[Any], parents: Sequence[str] = ()) -> list[Adoption]:
    """Return a policy for each partitioned table of a target; nothing is changed.

    Parameters
    ----------
    connection : psycopg.Connection
        On the target, as `postgres.connect` makes it.
    parents : sequence of str
        Only these; default: all.

    """
    rows = connection.execute(sqlfiles.load("partitions/partitioned").text).fetchall()
    wanted = [f"{schema}.{name}" for schema, name in rows]
    known = _partman(connection)
    found, looked = [], []
    for parent in (name for name in wanted if not parents or name in parents):
        try:
            looked.append(Policy(parent, "?", every="month"))
        except ConfigurationError as error:
            found.append(Adoption(parent, None, error.message))
    what_is = catalog.read(connection, looked, detail=False)
    for policy in looked:
        existing = what_is.existing[policy.parent]
        declared, why = infer(existing, what_is.now)
        config = known.get(policy.parent)
        release = None
        if config is not None and declared is not None:
            declared, why = merged(declared, config), "pg_partman's configuration and the bounds"
            release = config["release"]
        found.append(Adoption(policy.parent, declared, why, release))
    return found


def infer(existing: Existing, now: datetime) -> tuple[dict[str, Any] | None, str]:
    """Return a policy that fits the partitions there are, and how it was found; pure.

    Parameters
    ----------
    existing : Existing
    now : datetime
        The server's clock, naive UTC.

    """
    if len(existing.columns) != 1 or not existing.columns[0]:
        return None, "its key is of several columns or an expression"
    base: dict[str, Any] = {"parent": existing.parent, "column": existing.columns[0]}
    parts = [part for part in existing.partitions if not part.is_default]
    if existing.strategy == "hash":
        moduli = {part.modulus for part in parts}
        if len(moduli) != 1:
            return None, f"its hash partitions have the moduli {sorted(m or 0 for m in moduli)}"
        return {**base, "modulus": moduli.pop()}, "the modulus of its partitions"
    if existing.strategy != "range":
        return None, "it is partitioned by list"
    bounded = [(p.lower, p.upper) for p in parts if p.lower is not None and p.upper is not None]
    if existing.column_type == "integer":
        lengths = Counter(upper - lower for lower, upper in bounded)  # type: ignore[operator]
        if not lengths:
            return None, "it has no partitions to learn a length from"
        return {**base, "step": lengths.most_common(1)[0][0]}, "the commonest length"
    if existing.column_type not in TIME_TYPES:
        return None, f"its key is {existing.column_type}"
    fits = {
        every: sum(
            periods.Axis(
                Policy(existing.parent, base["column"], every=every),  # type: ignore[arg-type]
                existing.column_type,
            ).period(lower)
            == (lower, upper)
            for lower, upper in bounded
        )
        for every in EVERY
    }
    best = max(fits, key=lambda every: fits[every])
    if not fits[best]:
        return None, "no partition is an hour, day, week, month, quarter or year long, in UTC"
    ahead = sum(1 for lower, _ in bounded if isinstance(lower, datetime) and lower > now)
    others = len(bounded) - fits[best]
    why = f"{fits[best]} of {len(bounded)} partitions are a {best} long"
    return {**base, "every": best, "premake": ahead or _PREMAKE}, why + (
        "; what is missing beside the others is made around them" if others else ""
    )


def merged(declared: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy with what pg_partman was told; pure.

    Parameters
    ----------
    declared : Mapping
        As `infer` returns it.
    config : Mapping
        A row of `part_config`: `premake`, `retention`, `retention_keep_table`.

    """
    found = dict(declared)
    if "modulus" not in found and config.get("premake"):
        found["premake"] = config["premake"]
    retention = config.get("retention")
    if retention and "every" in found:
        found["retention"] = _length(str(retention))
        # what it would drop without a trace goes to the archive first
        found["then"] = "detach" if config.get("retention_keep_table") else "archive_then_drop"
    elif retention and "step" in found:
        found["retention_count"] = int(retention)
        found["then"] = "detach" if config.get("retention_keep_table") else "archive_then_drop"
    return found


def _length(retention: str) -> str:
    """Return an interval as PostgreSQL writes it (`2 mons`, `7 years`, `30 days`) in our words."""
    words = retention.replace("mons", "months").replace("mon ", "month ").split()
    if words and words[-1] == "mon":
        words[-1] = "month"
    return " ".join(words)


def _partman(connection: psycopg.Connection[Any]) -> dict[str, dict[str, Any]]:
    """Return pg_partman's configuration by parent; empty where it is not installed."""
    row = connection.execute(sqlfiles.load("partitions/partman").text).fetchone()
    if row is None:
        return {}
    table = sql.Identifier(row[0], "part_config")
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            sql.SQL(
                "SELECT /* perf-pipeline */ parent_table, premake, retention, retention_keep_table"
                " FROM {}"
            ).format(table)
        ).fetchall()
    release = "UPDATE {} SET automatic_maintenance = 'off' WHERE parent_table = {}"
    return {
        row["parent_table"]: {
            **row,
            "release": sql.SQL(release)
            .format(table, sql.Literal(row["parent_table"]))
            .as_string(connection),
        }
        for row in rows
    }
