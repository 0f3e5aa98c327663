"""What PostgreSQL's `pgoutput` writes of changes (protocol version 1), decoded; pure.

The layout is that of PostgreSQL's documentation, "Logical Replication Message Formats". Values are
text, as they are with protocol version 1 where `binary` is not asked for.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from perf_pipeline.errors import PerfPipelineError

#: PostgreSQL counts microseconds from here.
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class PgOutputError(PerfPipelineError):
    """A message is not what the protocol describes."""


class Unchanged:
    """A value stored out of line that an UPDATE did not touch and that is therefore not sent."""


UNCHANGED: Final = Unchanged()

#: The values of a row, in the order of its relation's columns; None is NULL.
Row = tuple[str | Unchanged | None, ...]


@dataclass(frozen=True)
class Begin:
    """A transaction begins: where its commit lies, when it committed."""

    final_lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True)
class Commit:
    """A transaction ends: where the log goes on behind it."""

    end_lsn: int
    committed_at: datetime


@dataclass(frozen=True)
class Relation:
    """A table, before its first change: columns with those of its identity."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[str, ...]
    keys: frozenset[str]


@dataclass(frozen=True)
class Insert:
    """A new row."""

    oid: int
    new: Row


@dataclass(frozen=True)
class Update:
    """A changed row; `old` is whole, or only its key, or not sent because the key is unchanged."""

    oid: int
    old: Row | None
    whole: bool
    new: Row


@dataclass(frozen=True)
class Delete:
    """A row that is gone: whole, or only its key."""

    oid: int
    old: Row
    whole: bool


@dataclass(frozen=True)
class Truncate:
    """Tables that were emptied."""

    oids: tuple[int, ...]


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate


class _Reader:
    """Takes a message apart from its front."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 1

    def number(self, kind: str) -> int:
        found: int = struct.unpack_from(f">{kind}", self.data, self.place)[0]
        self.place += struct.calcsize(f">{kind}")
        return found

    def letter(self) -> str:
        found = self.data[self.place : self.place + 1]
        self.place += 1
        return found.decode("ascii")

    def text(self) -> str:
        end = self.data.index(b"\0", self.place)
        found = self.data[self.place : end].decode("utf-8", "surrogateescape")
        self.place = end + 1
        return found

    def moment(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.number("q"))

    def row(self) -> Row:
        return tuple(self.value() for _ in range(self.number("h")))

    def value(self) -> str | Unchanged | None:
        kind = self.letter()
        if kind == "n":
            return None
        if kind == "u":
            return UNCHANGED
        if kind != "t":
            raise PgOutputError(
                f"pgoutput: a value of kind {kind!r}", "the slot must be read without binary"
            )
        length = self.number("i")
        found = self.data[self.place : self.place + length]
        if length < 0 or len(found) != length:
            raise PgOutputError("pgoutput: a message ends in the middle of a value")
        self.place += length
        return found.decode("utf-8", "surrogateescape")


def decode(data: bytes) -> Message | None:
    """Return what a message says; None for kinds that change no row (origins, types, messages).

    Parameters
    ----------
    data : bytes
        One message, as `pg_logical_slot_peek_binary_changes` returns it.

    Raises
    ------
    PgOutputError
        The message is cut, or of a kind that protocol version 1 does not have.

    """
    try:
        return _decode(data)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise PgOutputError(f"pgoutput: message {data[:1]!r} cannot be read: {error}") from error


def _decode(data: bytes) -> Message | None:
    reader, kind = _Reader(data), data[:1]
    match kind:
        case b"I":
            oid, _ = reader.number("I"), reader.letter()
            return Insert(oid, reader.row())
        case b"U":
            return _update(reader)
        case b"D":
            oid, what = reader.number("I"), reader.letter()
            return Delete(oid, reader.row(), what == "O")
        case b"B":
            return Begin(reader.number("Q"), reader.moment(), reader.number("I"))
        case b"C":
            reader.number("b")
            reader.number("Q")
            return Commit(reader.number("Q"), reader.moment())
        case b"R":
            return _relation(reader)
        case b"T":
            count, _ = reader.number("I"), reader.number("b")
            return Truncate(tuple(reader.number("I") for _ in range(count)))
        case b"O" | b"Y" | b"M":
            return None
    raise PgOutputError(f"pgoutput: a message of kind {kind!r}", "use proto_version 1")


def _update(reader: _Reader) -> Update:
    oid, what = reader.number("I"), reader.letter()
    old, whole = None, False
    if what in "KO":
        old, whole = reader.row(), what == "O"
        what = reader.letter()
    if what != "N":
        raise ValueError(f"a new row begins with {what!r}")
    return Update(oid, old, whole, reader.row())


def _relation(reader: _Reader) -> Relation:
    oid, schema, name, identity = reader.number("I"), reader.text(), reader.text(), reader.letter()
    columns, keys = [], set()
    for _ in range(reader.number("h")):
        is_key = reader.number("b") & 1
        column = reader.text()
        reader.number("I")
        reader.number("i")
        columns.append(column)
        if is_key:
            keys.add(column)
    # an unnamed schema is pg_catalog
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(columns), frozenset(keys))


@dataclass(frozen=True)
class Watched:
    """What of a table is captured: the column that names the entity (`*`: every one).

    `columns`: an UPDATE counts only if one of them, or the entity, changed; empty: every UPDATE.
    """

    rule_id: int
    column: str
    columns: tuple[str, ...] = ()


def entities(
    change: Insert | Update | Delete, relation: Relation, watched: Watched
) -> Sequence[str | None]:
    """Return the entities a change concerns; None stands for every one.

    Where a message does not tell the old entity of a row that may have moved or is gone, every
    entity is meant: more work, never a stale value.

    Parameters
    ----------
    change : Insert, Update or Delete
    relation : Relation
        As sent before it.
    watched : Watched

    """
    if watched.column not in relation.columns:  # every entity, or a column that is gone
        return [None]
    place = relation.columns.index(watched.column)
    if isinstance(change, Insert):
        return _named(change.new[place])
    # a key's row has NULL for what is no part of it
    known = isinstance(change, Update) and change.old is None
    told = change.whole or watched.column in relation.keys
    if isinstance(change, Delete):
        return _named(change.old[place]) if told else [None]
    new = change.new[place]
    if known:  # the key is unchanged, and with it the entity, if it belongs to the key
        return _named(new) if watched.column in relation.keys else [None]
    old = change.old[place] if change.old is not None else None
    if not told:
        return [None]
    new = old if new is UNCHANGED else new
    if new == old and _untouched(change, relation, watched):
        return []
    return list(dict.fromkeys([*_named(old), *_named(new)]))


def _named(value: str | Unchanged | None) -> list[str | None]:
    """Return the entity a value names: none where it is NULL, every one where it was not sent."""
    if value is None:
        return []
    return [None] if isinstance(value, Unchanged) else [value]


def _untouched(change: Update, relation: Relation, watched: Watched) -> bool:
    """Whether none of the columns that count changed; unknown counts as changed."""
    if not watched.columns or change.old is None or not change.whole:
        return False
    for column in watched.columns:
        if column not in relation.columns:
            return False
        place = relation.columns.index(column)
        if change.new[place] is not UNCHANGED and change.new[place] != change.old[place]:
            return False
    return True
