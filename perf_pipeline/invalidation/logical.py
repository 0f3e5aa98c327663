"""Capture without a trigger: changes are read from the write-ahead log by logical decoding.

The application pays nothing beyond what `wal_level = logical` costs; in return a slot holds back
the write-ahead log until it is read. What is read goes to the same log that triggers write, and
from there the usual way.

Nothing is lost: changes are forgotten by the server (`advance`) only after they are committed in
our log, so that a killed worker reads them again. A commit is in the write-ahead log before others
see it: entries are written only once it is visible, else a worker could make a value anew from
what was before. Where the stream has a gap (the slot was dropped because it held back too much, or
was invalidated), every entity of what is captured this way is queued, in one transaction with the
note of the new slot.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation.model import Path
from perf_pipeline.invalidation.pgoutput import Watched
from perf_pipeline.postgres import sqlfiles

Connection = psycopg.Connection[Any]

PUBLICATION: Final = "perf_pipeline_invalidation"
#: What a slot may hold back before it is dropped, bytes; checks warn at half.
LIMIT_BYTES: Final = 1024**3
#: Share of that from which on a check warns.
_WARN: Final = 0.5
#: Advisory lock of ours: one reads the slot at a time.
READER: Final = (1885696614, 4)


class LogicalError(PerfPipelineError):
    """Changes cannot be read from the write-ahead log as declared."""


@dataclass(frozen=True)
class Lag:
    """What our slot holds back, and the limit at which it is dropped; bytes."""

    slot: str
    held_bytes: int
    unread_bytes: int
    limit_bytes: int
    lost: bool
    gaps: int
    gap_at: datetime | None

    @property
    def share(self) -> float:
        """Held back, of the limit."""
        return self.held_bytes / self.limit_bytes


def query(
    connection: Connection, name: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Run `sql/invalidation/<name>.sql` and return its rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load(f"invalidation/{name}").text, dict(values or {}))
        return cursor.fetchall() if cursor.description is not None else []


@dataclass(frozen=True)
class Rules:
    """The rules of this database that are captured from the log, by the tables of their rows."""

    roots: Mapping[str, int]
    by_table: Mapping[int, tuple[Watched, ...]]
    all: tuple[int, ...]


def rules(connection: Connection) -> Rules:
    """Return the rules of this database that are captured from the write-ahead log."""
    roots: dict[str, int] = {}
    tables: dict[int, list[Watched]] = {}
    for row in query(connection, "logical_rules"):
        first = Path.parse(row["entity"], row["source_name"]).first
        watched = Watched(row["rule_id"], first, tuple(row["columns"]))
        roots[row["source_name"]] = row["root"]
        for oid in row["leaves"]:
            tables.setdefault(oid, []).append(watched)
    every = tuple(sorted({w.rule_id for some in tables.values() for w in some}))
    return Rules(
        roots,
        {oid: tuple(some) for oid, some in tables.items()},
        every,
    )


# --- declared ----------------------------------------------------------------------------------


def problems(connection: Connection) -> list[str]:
    """Return what keeps the declared tables from being captured, each with its remedy.

    A table without an identity that is published makes the application's own UPDATE fail, so that
    this is looked at before anything is published; and a row that moves to another entity is told
    with its old entity only if the identity holds it.
    """
    found = []
    level = connection.execute(
        "SELECT /* perf-pipeline */ pg_catalog.current_setting('wal_level')"
    ).fetchone()
    if level != ("logical",):
        found.append(f"wal_level is {level[0] if level else None}: set it to logical and restart")
    declared = rules(connection)
    wanted: dict[str, set[str]] = {}
    for row in query(connection, "logical_rules"):
        first = Path.parse(row["entity"], row["source_name"]).first
        wanted.setdefault(row["source_name"], set()).add(first)
    for row in query(connection, "logical_identity", {"names": list(declared.roots)}):
        found += _wrong(row, wanted[row["source_name"]] - {"*"})
    return found


def _wrong(row: Mapping[str, Any], wanted: set[str]) -> list[str]:
    """Return what is wrong with the identity of one table."""
    table, keys = row["table_name"], set(row["keys"])
    remedy = f"ALTER TABLE {table} REPLICA IDENTITY FULL"
    if row["is_unlogged"]:
        return [f"{table} is not logged: changes of it are not in the write-ahead log"]
    missing = wanted - set(row["columns"] or ())
    if missing:
        return [f"{table}: {', '.join(sorted(missing))} is no stored column, or a generated one"]
    if row["is_partitioned"]:  # it has no rows of its own, but its next partition inherits its key
        if keys:
            return []
        return [
            f"{table} has no primary key: UPDATEs of its next partition would fail once it is"
            " published; give it one"
        ]
    if row["identity"] == "f":
        return []
    if not keys:
        return [f"{table} has no replica identity, its UPDATEs would fail once published: {remedy}"]
    lacking = wanted - keys
    if lacking:
        return [
            f"{table}: the replica identity ({', '.join(sorted(keys))}) lacks"
            f" {', '.join(sorted(lacking))}, so that a row that moves would not tell its old"
            f" entity: {remedy}"
        ]
    return []


def configure(connection: Connection, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Publish what is declared and make the slot; safe to run again. Return whether there is any.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, of a role that owns the tables and may replicate.
    limit_bytes : int
        What the slot may hold back before it is dropped.

    Raises
    ------
    LogicalError
        Something keeps a table from being captured; nothing was changed.

    """
    declared = rules(connection)
    if not declared.all:
        remove(connection)
        return False
    wrong = problems(connection)
    if wrong:
        raise LogicalError("capture from the write-ahead log: " + "; ".join(wrong))
    try:
        added = publish(connection, declared)
    except psycopg.errors.InsufficientPrivilege as error:
        raise LogicalError(
            f"publication {PUBLICATION} cannot be made: {error.diag.message_primary}",
            "run this as the owner of the tables, who may CREATE in the database",
        ) from error
    stream = query(connection, "logical_stream")
    there = {row["slot"] for row in _slots(connection)}
    if added or not stream or stream[0]["slot"] not in there:
        # A new slot, also for a table that was added: making one waits for the transactions that
        # run, whose changes before the publication are in no stream.
        renew(connection, limit_bytes)
    else:
        values = {"slot": stream[0]["slot"], "limit_bytes": limit_bytes}
        query(connection, "logical_stream_save", values)
    return True


def publish(connection: Connection, declared: Rules) -> bool:
    """Make the publication as declared; return whether tables were added.

    Changes are published as those of the partitions: published as those of the root, PostgreSQL
    would not tell that a partition was truncated.
    """
    tables = sql.SQL(", ").join(
        sql.Identifier(*name.split(".", 1)) for name in sorted(declared.roots)
    )
    existing = query(connection, "logical_published", {"publication": PUBLICATION})
    before = {row["oid"] for row in existing}
    wanted = set(declared.roots.values())
    if existing and before == wanted:
        return False
    verb = sql.SQL("ALTER /* perf-pipeline */ PUBLICATION {} SET TABLE {}")
    if not existing:
        verb = sql.SQL("CREATE /* perf-pipeline */ PUBLICATION {} FOR TABLE {}")
    connection.execute(verb.format(sql.Identifier(PUBLICATION), tables))
    return not wanted <= before


def _slots(connection: Connection) -> list[dict[str, Any]]:
    return query(connection, "logical_slots")


def renew(connection: Connection, limit_bytes: int) -> None:
    """Make a new slot, queue every entity, drop the others; killed at any point, it is done again.

    The old one goes first where the disk is what matters; a slot that is not noted is nobody's.

    Raises
    ------
    LogicalError
        No slot can be made.

    """
    query(connection, "logical_drop", {"slots": [row["slot"] for row in _slots(connection)]})
    slot = f"perf_pipeline_inv_{uuid.uuid4().hex[:12]}"
    try:
        made = query(connection, "logical_create", {"slot": slot})
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.ConfigurationLimitExceeded,
        psycopg.errors.ObjectNotInPrerequisiteState,
    ) as error:
        raise LogicalError(
            f"no replication slot can be made: {error.diag.message_primary}",
            "give the role REPLICATION and the server a free slot (max_replication_slots)",
        ) from error
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
        raise LogicalError(
            "no replication slot can be made: a transaction runs for longer than the time limit",
            "end it (pg_stat_activity, xact_start) and run this again",
        ) from error
    if not made:
        raise LogicalError("wal_level is not logical", "set wal_level = logical and restart")
    # after the slot: what committed before it is seen by who makes every entity anew
    with connection.transaction():
        query(connection, "logical_every")
        query(connection, "logical_stream_save", {"slot": slot, "limit_bytes": limit_bytes})


def remove(connection: Connection) -> None:
    """Drop slot and publication; nothing of ours holds the write-ahead log back afterwards.

    Raises
    ------
    LogicalError
        A slot is being read at this moment.

    """
    query(connection, "logical_drop", {"slots": [row["slot"] for row in _slots(connection)]})
    left = [row["slot"] for row in _slots(connection)]
    if left:
        raise LogicalError(
            f"slot {left[0]} is being read", "stop the workers of this target, then run it again"
        )
    connection.execute(
        sql.SQL("DROP /* perf-pipeline */ PUBLICATION IF EXISTS {}").format(
            sql.Identifier(PUBLICATION)
        )
    )
    query(connection, "logical_stream_forget")


# --- read --------------------------------------------------------------------------------------


def lag(connection: Connection) -> Lag | None:
    """Return what our slot holds back; None where nothing is captured this way."""
    stream = query(connection, "logical_stream")
    if not stream:
        return None
    slots = {row["slot"]: row for row in _slots(connection)}
    row = slots.get(stream[0]["slot"])
    return Lag(
        stream[0]["slot"],
        held_bytes=int((row or {}).get("held_bytes") or 0),
        unread_bytes=int((row or {}).get("unread_bytes") or 0),
        limit_bytes=stream[0]["limit_bytes"],
        lost=row is None or bool(row["lost"]),
        gaps=stream[0]["gaps"],
        gap_at=stream[0]["gap_at"],
    )


def worries(connection: Connection) -> list[str]:
    """Return what somebody should know of the slot: that it holds back much, or is gone."""
    seen = lag(connection)
    if seen is None:
        return []
    if seen.lost:
        return [f"slot {seen.slot} is gone or was invalidated: the next worker makes a new one"]
    if seen.share > _WARN:
        return [
            f"slot {seen.slot} holds back {seen.held_bytes:,} bytes and is dropped at"
            f" {seen.limit_bytes:,}: no worker reads it, or a transaction is open for long"
        ]
    return []


def guard(connection: Connection) -> str:
    """Make anew a slot that holds back too much, is lost or lacks tables; return why, else "".

    Its own session must hold the reader's lock: `pump` does.
    """
    seen = lag(connection)
    if seen is None:
        return ""
    why = ""
    if seen.lost:
        why = f"slot {seen.slot} is gone or was invalidated"
    elif seen.held_bytes > seen.limit_bytes:
        why = f"slot {seen.slot} holds back {seen.held_bytes} bytes, of {seen.limit_bytes}"
    elif publish(connection, rules(connection)):
        # from 18 on a server only warns of a publication that is gone
        why = f"publication {PUBLICATION} was not as declared"
    if why:
        renew(connection, seen.limit_bytes)
        return f"{why}: every entity was queued"
    orphans = [row["slot"] for row in _slots(connection) if row["slot"] != seen.slot]
    if orphans:  # of a renewal that was killed
        query(connection, "logical_drop", {"slots": orphans})
    return ""
