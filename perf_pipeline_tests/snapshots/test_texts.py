"""Reading statement texts: bounded, with back-off, with the tags of their comments."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store, targets

pytestmark = pytest.mark.server

NO_WAIT = texts.Budget(minimum_seconds=0)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEYS = {"userid": pl.Int64, "dbid": pl.Int64, "queryid": pl.Int64}


def ledger(store: Store, query: str, *values: object) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]


def known(store: Store) -> set[str]:
    """Return the texts of statements, our own left out."""
    found = ledger(
        store,
        "SELECT query FROM ledger.statement_texts JOIN ledger.query_texts USING (text_hash)"
        " WHERE query <> %s",
        texts.OWN_TEXT,
    )
    return {row[0] for row in found}


def forget(admin: psycopg.Connection) -> None:
    """Have this database's statements counted anew, with the texts of their next execution."""
    admin.execute(
        "SELECT pg_stat_statements_reset(0,"
        " (SELECT oid FROM pg_database WHERE datname = current_database()), 0)"
    )


@pytest.fixture
def rows() -> pl.DataFrame:
    """Return the interval rows of two statements, of which no server knows the text."""
    schema = {**KEYS, "total_exec_time": pl.Float64, "quality": pl.String}
    data = [(10, 5, 1, 1.0, "exact"), (10, 5, 2, 2.0, "exact")]
    return pl.DataFrame(data, schema=schema, orient="row")


def test_a_text_asked_for_in_vain_waits_longer_each_time(store: Store, rows: pl.DataFrame) -> None:
    target_id = targets.register(store, "t")
    nothing = pl.DataFrame(schema=texts.TEXTS)
    asked: list[int] = []
    for minutes in range(0, 24 * 60, 10):
        ts = NOW + timedelta(minutes=minutes)
        with store.begin() as connection:
            claimed = texts.claim(connection, target_id, rows, ts, texts.Budget())
        if not claimed.keys.is_empty():
            assert claimed.keys["queryid"].to_list() == [2, 1]
            asked.append(minutes)
            found = texts.Found(nothing, nothing.select(list(KEYS)))
            texts.save(store, target_id, ts, claimed, found)
    assert asked == [0, 20, 60, 140, 300, 620, 1260]
    # one of them appears after all, the other is not seen again
    ts = NOW + timedelta(days=9)
    with store.begin() as connection:
        claimed = texts.claim(connection, target_id, rows, ts, texts.Budget())
    one = pl.DataFrame([(10, 5, 1, "h", "SELECT", None)], schema=texts.TEXTS, orient="row")
    texts.save(store, target_id, ts, claimed, texts.Found(one, nothing.select(list(KEYS))))
    assert ledger(store, "SELECT queryid, attempts FROM ledger.missing_texts") == [(2, 8)]
    claimed = replace(claimed, keys=claimed.keys.tail(1), unseen=1)
    later = ts + timedelta(days=9)
    texts.save(store, target_id, later, claimed, texts.Found(one, nothing.select(list(KEYS))))
    assert ledger(store, "SELECT queryid FROM ledger.missing_texts") == []


def test_one_reading_is_bounded_in_bytes_and_the_rest_follows(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    for number in range(20):  # names of columns alone would not tell them apart
        admin.execute(f"SELECT {'n, ' * number} 'x' FROM app.orders -- {'y' * 3_000}")
    small = texts.Budget(minimum_seconds=0, maximum_bytes=30_000)
    swept = collect(target, store, text_budget=small)
    read = [text for text in known(store) if "app.orders" in text]
    assert 5 <= len(read) <= 10
    (note,) = [note for note in swept.notes if "no text yet" in note]
    assert ledger(store, "SELECT notes FROM ledger.sweeps WHERE ts = %s", swept.ts) == [(note,)]
    assert ledger(store, "SELECT count(*) FROM ledger.missing_texts") == [(0,)]
    for _ in range(5):
        for number in range(20):
            admin.execute(f"SELECT {'n, ' * number} 'x' FROM app.orders")
        swept = collect(target, store, text_budget=small)
    assert len([text for text in known(store) if "app.orders" in text]) == 20
    assert not [note for note in swept.notes if "no text yet" in note]


def test_so_many_statements_at_once_and_the_dearest_first(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    for number in range(9):
        admin.execute(f"SELECT {'n, ' * number} n FROM app.orders")
    admin.execute("SELECT pg_sleep(0.05) AS slow")
    few = texts.Budget(minimum_seconds=0, maximum_statements=3)
    swept = collect(target, store, text_budget=few)
    assert ledger(store, "SELECT count(*) FROM ledger.statement_texts") == [(3,)]
    assert "SELECT pg_sleep($1) AS slow" in known(store)
    assert any("statements have no text yet: they are read later" in n for n in swept.notes)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exception]]:
    """Return a list of errors that the next readings of texts end with."""
    real, errors = texts.read, []

    def read(*args: Any, **kwargs: Any) -> texts.Found:
        if errors:
            raise errors.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(texts, "read", read)
    return errors


def test_a_failure_is_in_the_ledger_and_waits_longer_each_time(
    store: Store, target: Target, admin: psycopg.Connection, refusing: list[Exception]
) -> None:
    collect(target, store)
    waits = []
    for _ in range(3):
        refusing.append(psycopg.errors.QueryCanceled("canceling statement: bob@example.org"))
        admin.execute("SELECT count(*) FROM app.orders")
        swept = collect(target, store)
        (note,) = [note for note in swept.notes if "texts left out" in note]
        assert "canceling statement: ?; its file of texts is large" in note
        ((kept,),) = ledger(store, "SELECT notes FROM ledger.sweeps WHERE ts = %s", swept.ts)
        assert note in kept.splitlines()
        again = datetime.strptime(note[-23:], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        waits.append(round((again - swept.ts).total_seconds() / 600))
        # not before its time
        admin.execute("SELECT count(*) FROM app.orders")
        assert not [note for note in collect(target, store).notes if "left out" in note]
        assert known(store) == set()
        with store.begin() as connection:  # its time has come
            connection.execute(
                "UPDATE ledger.text_reads SET begun_at = begun_at - interval '1 day'"
            )
    assert waits == [1, 2, 4]
    admin.execute("SELECT count(*) FROM app.orders")
    collect(target, store)
    assert "SELECT count(*) FROM app.orders" in known(store)
    assert ledger(store, "SELECT failures, finished FROM ledger.text_reads") == [(0, True)]


def test_a_reading_that_died_is_told_of(
    store: Store, target: Target, admin: psycopg.Connection, refusing: list[Exception]
) -> None:
    collect(target, store)
    admin.execute("SELECT count(*) FROM app.orders")
    refusing.append(RuntimeError("as if killed"))
    with pytest.raises(RuntimeError):
        collect(target, store)
    admin.execute("SELECT count(*) FROM app.orders")
    swept = collect(target, store, text_budget=NO_WAIT)
    assert any("reading of statement texts begun at" in note for note in swept.notes)
    ((kept,),) = ledger(store, "SELECT notes FROM ledger.sweeps WHERE ts = %s", swept.ts)
    assert "did not finish" in kept
    assert "SELECT count(*) FROM app.orders" in known(store)


def test_a_slow_reading_is_stopped(store: Store, target: Target, admin: psycopg.Connection) -> None:
    collect(target, store)
    admin.execute("ALTER FUNCTION pg_stat_statements(boolean) RENAME TO quick")
    admin.execute(
        "CREATE FUNCTION pg_stat_statements(showtext boolean) RETURNS SETOF pg_stat_statements"
        " LANGUAGE sql AS 'SELECT q.* FROM public.quick($1) q,"
        " pg_sleep(CASE WHEN $1 THEN 30 ELSE 0 END)'"
    )
    hasty = texts.Budget(minimum_seconds=0, timeout_ms=200)
    swept = collect(target, store, text_budget=hasty)
    assert swept.quality == "exact"
    assert any("canceling statement due to statement timeout" in n for n in swept.notes), swept


TAGGED = "SELECT count(*) FROM app.orders /*action='show',controller='orders',user='bob'*/"


def tags_of(store: Store, beginning: str) -> list[dict[str, str]]:
    found = ledger(
        store,
        "SELECT g.tags FROM ledger.statement_tags g"
        " JOIN ledger.statement_texts USING (target_id, dbid, userid, queryid)"
        " JOIN ledger.query_texts q USING (text_hash)"
        " WHERE starts_with(q.query, %s) ORDER BY g.last_seen, g.tags::text",
        beginning,
    )
    return [row[0] for row in found]


def test_tags_of_a_statement_are_kept_and_its_comment_is_not(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    admin.execute(TAGGED)
    admin.execute("SELECT n FROM app.orders /* just a remark */")
    collect(target, store, text_budget=NO_WAIT)
    assert "SELECT count(*) FROM app.orders" in known(store)
    assert tags_of(store, "SELECT count(*)") == [{"action": "show", "controller": "orders"}]
    assert ledger(store, "SELECT count(*) FROM ledger.statement_tags") == [(1,)]


def test_a_statement_may_have_several_sets_of_tags_over_time(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    admin.execute(TAGGED)
    collect(target, store, text_budget=NO_WAIT)
    for action in ("edit", "show", *(f"a{letter}" for letter in "bcdefghijk")):
        forget(admin)
        admin.execute(TAGGED.replace("show", action))
        collect(target, store, text_budget=NO_WAIT)
    found = tags_of(store, "SELECT count(*)")
    assert len(found) == 8  # enough to see that they vary, too few to fill a disk
    assert [each["action"] for each in found][:2] == ["edit", "show"]
    assert len(known(store)) == len(ledger(store, "SELECT FROM ledger.statement_texts")) - len(
        ledger(store, "SELECT FROM ledger.statement_texts t JOIN ledger.query_texts q"
        " USING (text_hash) WHERE q.query = %s", texts.OWN_TEXT)
    )  # fmt: skip


def test_tags_at_the_end_of_a_long_text(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    columns = ", ".join(f"n AS column_number_{number}" for number in range(1_500))
    admin.execute(f"SELECT {columns} FROM app.orders /*route='%2Flong%2F%3Aid'*/")
    collect(target, store, text_budget=NO_WAIT)
    assert tags_of(store, "SELECT n AS column_number_0") == [{"route": "/long/:id"}]


def test_only_a_comment_marks_a_statement_as_ours() -> None:
    assert texts.arranged("SELECT /* perf-pipeline */ 1") == (texts.OWN_TEXT, {})
    assert texts.arranged("SELECT '/* perf-pipeline */'") == ("SELECT ?", {})
    assert texts.arranged("-- header\nWITH a AS (SELECT /* perf-pipeline */ 1) TABLE a") == (
        texts.OWN_TEXT,
        {},
    )
    assert texts.arranged("SELECT a", "b /*job='x'*/")[0] == "SELECT a ... (cut)"
