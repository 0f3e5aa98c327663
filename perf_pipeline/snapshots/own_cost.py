"""What a sweep costs beside time: our sessions on the target, and temporary files.

The server counts temporary files per database, where those of others are mixed in. A role that may
set `log_temp_files` is told of each file of its transaction. For another role its own entries of
pg_stat_statements are added up: they tell what the sweep before wrote after it had read them, and
this one before that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import polars as pl
import psycopg

from perf_pipeline.snapshots.evidence import Observation

#: The function of the server that tells of a temporary file, whatever language it speaks.
_TELLS: Final = "ReportTemporaryFileUsage"
_LAST_NUMBER: Final = re.compile(r"(\d+)\D*$")

#: Counters of two sweeps that differ in one of these cannot be compared.
_UNCHANGED: Final = (
    "role_name",
    "postmaster_start",
    "last_statements_reset",
    "last_dealloc",
)
_KEYS: Final = ["userid", "dbid", "queryid"]


@dataclass(frozen=True)
class OwnCost:
    """What `own_cost.sql` answers.

    Attributes
    ----------
    told : bool
        The server tells this transaction of each temporary file.
    counted : bool
        pg_stat_statements counts this transaction's statements.
    role_oid : int
    block_size : int
        Bytes.
    connections : int
        Our sessions in this database at that instant, this one included.

    """

    told: bool = False
    counted: bool = False
    role_oid: int = 0
    block_size: int = 8192
    connections: int = 1

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return what a row says; the defaults where the query was refused."""
        if not row:
            return cls()
        return cls(
            bool(row["told"]),
            bool(row["counted"]),
            row["role_oid"],
            row["block_size"],
            max(1, row["connections"]),  # behind a pooler the name of a session may be lost
        )


class TempFiles:
    """Adds up the temporary files that the server tells a session of.

    Attributes
    ----------
    written : int
        Bytes so far.

    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self.written = 0
        connection.add_notice_handler(self._heard)

    def _heard(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.source_function == _TELLS:
            self.written += size_of(notice.message_primary or "")


def size_of(message: str) -> int:
    """Return the bytes of a message `temporary file: path "...", size N`, in any language. Pure."""
    found = _LAST_NUMBER.search(message)
    return int(found[1]) if found else 0


def observed(
    seen: Observation, cost: OwnCost, statements: pl.DataFrame | None, own: pl.DataFrame
) -> Observation:
    """Add what pg_stat_statements has counted of temporary bytes so far. Pure.

    Parameters
    ----------
    seen : Observation
    cost : OwnCost
    statements : polars.DataFrame or None
        Entries of pg_stat_statements: userid, dbid, queryid, toplevel, temp_blks_written (blocks).
    own : polars.DataFrame
        Keys (userid, dbid, queryid) of the collector's own statements.

    """
    if not cost.counted or statements is None:
        return seen
    # a COPY counts what the query in it, an entry of its own where those are tracked, counts, too
    of_role = statements.filter((pl.col("userid") == cost.role_oid) & pl.col("toplevel"))
    known = of_role.join(own, on=_KEYS, how="semi")
    blocks = [int(part["temp_blks_written"].sum() or 0) for part in (of_role, known)]
    return replace(
        seen,
        role_temp_bytes=cost.block_size * blocks[0],
        own_temp_bytes=cost.block_size * blocks[1],
    )


def since(previous: Observation | None, current: Observation) -> int | None:
    """Return the temporary bytes of the collector's own statements between two sweeps. Pure.

    Parameters
    ----------
    previous, current : Observation

    Returns
    -------
    int or None
        Exact: the role's statements wrote nothing, or all that they wrote was written by those
        known to be ours. Else None, as well as when entries were thrown out or reset in between.

    """
    if previous is None or None in (
        previous.role_temp_bytes,
        current.role_temp_bytes,
        current.last_dealloc,
    ):
        return None
    if any(getattr(previous, name) != getattr(current, name) for name in _UNCHANGED):
        return None
    role = _more(previous.role_temp_bytes, current.role_temp_bytes)
    own = _more(previous.own_temp_bytes, current.own_temp_bytes)
    return role if role == 0 or (role > 0 and role == own) else None


def _more(before: int | None, after: int | None) -> int:
    return (after or 0) - (before or 0)
