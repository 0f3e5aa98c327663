"""The decoder of pgoutput's messages: every form, and what cannot be one."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.invalidation import pgoutput as pg
from perf_pipeline.invalidation.pgoutput import UNCHANGED, Delete, Insert, Relation, Update

TABLE = Relation(7, "app", "visits", "f", ("id", "patient", "note"), frozenset({"id"}))
WATCHED = pg.Watched(1, "patient")


def row(values: Sequence[object]) -> bytes:
    parts = [struct.pack(">h", len(values))]
    for value in values:
        if value is None:
            parts.append(b"n")
        elif value is UNCHANGED:
            parts.append(b"u")
        else:
            text = str(value).encode()
            parts.append(b"t" + struct.pack(">i", len(text)) + text)
    return b"".join(parts)


values = st.lists(
    st.one_of(st.none(), st.just(UNCHANGED), st.text(st.characters(codec="utf-8"))), max_size=5
).map(tuple)


@given(values, values)
def test_rows_are_read_as_they_were_written(
    old: tuple[object, ...], new: tuple[object, ...]
) -> None:
    oid = struct.pack(">I", 7)
    assert pg.decode(b"I" + oid + b"N" + row(new)) == Insert(7, new)  # type: ignore[arg-type]
    for letter, whole in ((b"O", True), (b"K", False)):
        assert pg.decode(b"D" + oid + letter + row(old)) == Delete(7, old, whole)  # type: ignore[arg-type]
        told = pg.decode(b"U" + oid + letter + row(old) + b"N" + row(new))
        assert told == Update(7, old, whole, new)  # type: ignore[arg-type]
    assert pg.decode(b"U" + oid + b"N" + row(new)) == Update(7, None, False, new)  # type: ignore[arg-type]


def test_the_other_messages() -> None:
    columns = b"".join(
        bytes([flag]) + name + b"\0" + struct.pack(">Ii", 25, -1)
        for flag, name in ((1, b"id"), (0, b"patient"), (0, b"note"))
    )
    sent = struct.pack(">I", 7) + b"app\0visits\0f" + struct.pack(">h", 3) + columns
    assert pg.decode(b"R" + sent) == TABLE
    assert pg.decode(b"T" + struct.pack(">IbII", 2, 1, 7, 9)) == pg.Truncate((7, 9))
    begin = pg.decode(b"B" + struct.pack(">QqI", 5, 1_000_000, 3))
    assert isinstance(begin, pg.Begin)
    assert begin.committed_at.isoformat() == "2000-01-01T00:00:01+00:00"
    commit = pg.decode(b"C" + struct.pack(">bQQq", 0, 5, 8, 0))
    assert isinstance(commit, pg.Commit)
    assert commit.end_lsn == 8
    assert [pg.decode(each) for each in (b"O....", b"Y...", b"M...")] == [None] * 3


@given(st.binary(max_size=40))
def test_what_is_no_message_is_an_error_of_ours(data: bytes) -> None:
    try:
        pg.decode(data)
    except pg.PgOutputError:
        return


@pytest.mark.parametrize("data", [b"", b"X", b"I\0\0", b"I\0\0\0\7N\0\1b\0\0\0\1x", b"U\0\0\0\7Z"])
def test_an_unknown_or_cut_message_is_refused(data: bytes) -> None:
    with pytest.raises(pg.PgOutputError):
        pg.decode(data)


FULL = TABLE
BY_ID = Relation(7, "app", "visits", "d", TABLE.columns, frozenset({"id"}))
BY_BOTH = Relation(7, "app", "visits", "i", TABLE.columns, frozenset({"id", "patient"}))
NOTED = pg.Watched(1, "patient", ("note",))


@pytest.mark.parametrize(
    ("change", "relation", "watched", "found"),
    [
        (Insert(7, ("1", "p", "x")), BY_ID, WATCHED, ["p"]),
        (Insert(7, ("1", None, "x")), BY_ID, WATCHED, []),
        (Update(7, ("1", "p", "x"), True, ("1", "q", "x")), FULL, WATCHED, ["p", "q"]),
        (Update(7, ("1", "p", "x"), True, ("1", "p", "y")), FULL, WATCHED, ["p"]),
        (Update(7, ("1", "p", "x"), True, ("1", UNCHANGED, "y")), FULL, WATCHED, ["p"]),
        (Update(7, ("1", None, "x"), True, ("1", "q", "x")), FULL, WATCHED, ["q"]),
        # only columns that count
        (Update(7, ("1", "p", "x"), True, ("2", "p", "x")), FULL, NOTED, []),
        (Update(7, ("1", "p", "x"), True, ("1", "p", UNCHANGED)), FULL, NOTED, []),
        (Update(7, ("1", "p", "x"), True, ("1", "p", "y")), FULL, NOTED, ["p"]),
        (Update(7, ("1", "p", "x"), True, ("1", "q", "x")), FULL, NOTED, ["p", "q"]),
        (Update(7, None, False, ("1", "p", "x")), BY_BOTH, NOTED, ["p"]),
        # an entity of the key
        (Update(7, None, False, ("1", "p", "y")), BY_BOTH, WATCHED, ["p"]),
        (Update(7, ("1", "p", None), False, ("1", "q", "x")), BY_BOTH, WATCHED, ["p", "q"]),
        (Delete(7, ("1", "p", None), False), BY_BOTH, WATCHED, ["p"]),
        (Delete(7, ("1", "p", "x"), True), FULL, WATCHED, ["p"]),
        # what the message does not tell
        (Delete(7, ("1", None, None), False), BY_ID, WATCHED, [None]),
        (Update(7, None, False, ("1", "p", "y")), BY_ID, WATCHED, [None]),
        (Update(7, ("1", None, None), False, ("2", "p", "y")), BY_ID, WATCHED, [None]),
        (Insert(7, ("1", "p", "x")), FULL, pg.Watched(1, "*"), [None]),
        (Insert(7, ("1", "p", "x")), FULL, pg.Watched(1, "gone"), [None]),
    ],
)
def test_which_entities_a_change_concerns(
    change: Insert | Update | Delete,
    relation: Relation,
    watched: pg.Watched,
    found: list[str | None],
) -> None:
    assert list(pg.entities(change, relation, watched)) == found
