"""Reading the stream of changes of what is captured without triggers, into the log."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from perf_pipeline.invalidation import logical
from perf_pipeline.invalidation.logical import PUBLICATION, Rules, query
from perf_pipeline.invalidation.pgoutput import (
    Begin,
    Commit,
    Delete,
    Insert,
    Relation,
    Truncate,
    Update,
    Watched,
    decode,
    entities,
)
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.connect import letting_go

Connection = psycopg.Connection[Any]

#: Changes read at once; a transaction is read as a whole.
MOST: Final = 50_000
#: Rows fetched from the server at once, and entries written at once.
_FETCH: Final = 5_000
#: A slot is moved on although nothing that is captured changed once it holds back so much.
_MOVE_ON_BYTES: Final = 64 * 1024**2
#: How long to wait for what was read to be visible to everybody, s.
_VISIBLE_S: Final = 5.0


@dataclass(frozen=True)
class Pumped:
    """What one call read: changes of rows, log entries written; whether others were at it."""

    changes: int = 0
    entries: int = 0
    busy: bool = False
    more: bool = False
    gap: str = ""


def is_waiting(connection: Connection) -> bool:
    """Whether a worker has something to read, or a slot to move on; nothing is changed."""
    seen = logical.lag(connection)
    if seen is None:
        return False
    if seen.lost or seen.held_bytes > min(_MOVE_ON_BYTES, seen.limit_bytes // 4):
        return True
    try:
        values = {"slot": seen.slot, "most": 1, "publication": PUBLICATION}
        return bool(query(connection, "logical_peek", values))
    except psycopg.errors.ObjectInUse:  # somebody reads it
        return False


def pump(connection: Connection, *, most: int = MOST) -> Pumped:
    """Read what was committed since, write it to the log, then let the server forget it.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit.
    most : int
        Changes to read at once; the transaction that exceeds it is read to its end.

    Returns
    -------
    Pumped
        Zeros at once where nothing is captured this way.

    """
    if not query(connection, "logical_stream"):
        return Pumped()
    with letting_go(connection):
        got = connection.execute(
            "SELECT /* perf-pipeline */ pg_catalog.pg_try_advisory_lock(%s, %s)", logical.READER
        ).fetchone()
        if got != (True,):
            return Pumped(busy=True)
        gap = logical.guard(connection)
        try:
            return _pump(connection, most, gap)
        except psycopg.errors.ObjectInUse:
            return Pumped(busy=True, gap=gap)
        except (psycopg.errors.UndefinedObject, psycopg.errors.ObjectNotInPrerequisiteState) as why:
            # the publication was dropped, or the slot invalidated in between
            stream = query(connection, "logical_stream")[0]
            logical.publish(connection, logical.rules(connection))
            logical.renew(connection, stream["limit_bytes"])
            return Pumped(gap=f"{why.diag.message_primary}: every entity was queued")


def _pump(connection: Connection, most: int, gap: str) -> Pumped:
    # each of these sees what the one before it could not miss: first how far the log is, then rules
    position = int(query(connection, "logical_position")[0]["position"])
    rules, slot = logical.rules(connection), query(connection, "logical_stream")[0]["slot"]
    reading, seen = _Reading(rules), False
    with connection.transaction():
        for batch in _peek(connection, slot, most):
            reading.take(batch)
            if len(reading.pending) >= _FETCH:
                _write(connection, reading)
        _write(connection, reading)
        if not _visible(connection, reading.xids):
            raise psycopg.Rollback
        seen = True
    if not seen:
        return Pumped(busy=True, gap=gap)
    more = reading.messages >= most
    # a transaction that was read to its end; beyond what was there at the beginning nothing is sure
    upto = reading.end_lsn if more else max(reading.end_lsn, position)
    query(connection, "logical_advance", {"slot": slot, "position": upto})
    return Pumped(reading.changes, reading.entries, more=more, gap=gap)


def _visible(connection: Connection, xids: set[int]) -> bool:
    """Wait until everybody sees what these transactions wrote; False if that takes too long."""
    deadline = time.monotonic() + _VISIBLE_S
    while True:
        row = query(connection, "logical_visible")[0]
        running = {xid & 0xFFFFFFFF for xid in row["running"]}
        unseen = {
            xid
            for xid in xids
            # a number of 32 bits, at most two billion before or behind
            if xid in running or (xid - row["from_xid"]) & 0xFFFFFFFF < 0x80000000
        }
        if not unseen:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)


def _peek(connection: Connection, slot: str, most: int) -> Iterator[list[bytes]]:
    """Read messages in pieces: a large transaction is never held in memory as a whole."""
    with connection.cursor("perf_pipeline_changes") as cursor:
        values = {"slot": slot, "most": most, "publication": PUBLICATION}
        cursor.execute(sqlfiles.load("invalidation/logical_peek").text, values, binary=True)
        while rows := cursor.fetchmany(_FETCH):
            yield [bytes(row[0]) for row in rows]


def _write(connection: Connection, reading: "_Reading") -> None:
    """Write the entries read so far."""
    if reading.pending:
        rules, named, moments = zip(*reading.pending, strict=True)
        query(
            connection,
            "logical_log",
            {"rules": list(rules), "entities": list(named), "moments": list(moments)},
        )
        reading.entries += len(reading.pending)
        reading.pending = []


class _Reading:
    """The state of reading a stream of messages: one entry per rule, entity and transaction."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.relations: dict[int, Relation] = {}
        self.pending: list[tuple[int, str | None, datetime]] = []
        self.seen: set[tuple[int, str | None]] = set()
        self.xids: set[int] = set()
        self.moment = datetime.now(UTC)
        self.messages = self.changes = self.entries = self.end_lsn = 0

    def take(self, messages: Iterable[bytes]) -> None:
        """Take messages in their order."""
        for data in messages:
            self.messages += 1
            match decode(data):
                case Begin(committed_at=moment, xid=xid):
                    self.moment, self.seen = moment, set()
                    self.xids.add(xid)
                case Commit(end_lsn=end):
                    self.end_lsn = end
                case Relation() as relation:
                    self.relations[relation.oid] = relation
                case Truncate(oids=oids):
                    self.changes += 1
                    for oid in oids:
                        self._add((w.rule_id, None) for w in self._watched(oid))
                case (Insert() | Update() | Delete()) as change:
                    self.changes += 1
                    relation = self.relations[change.oid]
                    for watched in self._watched(change.oid):
                        self._add(
                            (watched.rule_id, each) for each in entities(change, relation, watched)
                        )
                case None:
                    pass

    def _watched(self, oid: int) -> Sequence[Watched]:
        """Return the rules of a table; of one that is gone by now, all of them for every entity."""
        found = self.rules.by_table.get(oid)
        if found is None:
            return [Watched(rule_id, "*") for rule_id in self.rules.all]
        return found

    def _add(self, found: Iterable[tuple[int, str | None]]) -> None:
        for entry in found:
            if entry not in self.seen:
                self.seen.add(entry)
                self.pending.append((*entry, self.moment))
