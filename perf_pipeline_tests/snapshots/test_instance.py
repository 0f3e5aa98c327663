"""What is the same in all databases of a server is read and kept once."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import record
from perf_pipeline.snapshots.record import SweepRecord, collect
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.store import Store, targets

pytestmark = pytest.mark.server


@pytest.fixture
def two(
    make_database: Callable[..., str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> tuple[Target, Target]:
    """Return two databases of one server."""
    chosen = []
    for name in ("one", "two"):
        url = make_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        monkeypatch.setenv(f"{name.upper()}_URL", url)
        chosen.append(Target(name, f"{name.upper()}_URL", date(2026, 1, 1)))
        targets.register(store, name)
    return chosen[0], chosen[1]


def write_wal(target: Target, amount: int = 1) -> None:
    with psycopg.connect(target.url(), autocommit=True) as connection:
        for _ in range(amount):
            connection.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 100000))")
        if connection.info.server_version >= 150_000:
            connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT 1")


def position(target: Target) -> int:
    with psycopg.connect(target.url(), autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()
    assert row is not None
    return int(row[0])


def wide(major: int) -> set[str]:
    return {source.ledger_table for source in SOURCES if source.is_instance_wide(major)}


def kept(store: Store) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT t.name, count(*), sum(w.wal_bytes)::bigint FROM ledger.wal AS w"
            " JOIN ledger.targets AS t USING (target_id) GROUP BY 1 ORDER BY 1"
        ).fetchall()


def holders(store: Store) -> list[tuple[str, str]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT t.name, h.name FROM ledger.sweeps AS s"
            " JOIN ledger.targets AS t USING (target_id)"
            " JOIN ledger.targets AS h ON h.target_id = s.server_target_id ORDER BY s.ts"
        ).fetchall()


def test_the_second_target_reads_nothing_of_the_server(
    store: Store, two: tuple[Target, Target]
) -> None:
    one, other = two
    for target in (one, other, one, other):
        write_wal(target)
        collect(target, store)
    assert [row[:2] for row in kept(store)] == [("one", 1)]
    assert holders(store) == [("one", "one"), ("two", "one")] * 2
    with store.begin() as connection:
        families = connection.execute(
            "SELECT t.name, family FROM ledger.state JOIN ledger.targets AS t USING (target_id)"
            " WHERE family IN ('wal', 'checkpointer')"
        ).fetchall()
    assert sorted(families) == [("one", "checkpointer"), ("one", "wal")]


@pytest.mark.parametrize("known", [False, True])
def test_swept_at_the_same_time_exactly_one_keeps_it(
    known: bool, store: Store, two: tuple[Target, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """First sweeps of two new targets, and later ones."""
    start = position(two[0])
    if known:
        for target in two:
            collect(target, store)
    barrier = threading.Barrier(2)
    real = record.sweep
    read: list[bool] = []

    def together(*args: Any, **kwargs: Any) -> Any:
        barrier.wait(timeout=30)
        swept = real(*args, **kwargs)
        read.append("wal" in swept.frames)
        barrier.wait(timeout=30)  # both have swept before one of them commits
        return swept

    done: list[SweepRecord] = []
    rounds = 3
    monkeypatch.setattr(record, "sweep", together)

    def run(target: Target) -> None:
        for _ in range(rounds):
            write_wal(target, 20)  # far more than what others write, and tell late
            done.append(collect(target, store))

    threads = [threading.Thread(target=run, args=(target,)) for target in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2 * rounds
    # two first sweeps may both read, later one of them does not
    assert sum(read) == (rounds if known else rounds + 1)
    ((holder, count, wal_bytes),) = kept(store)
    assert count == (rounds if known else rounds - 1)
    assert {record.server_target_id for record in done} == {targets.find(store, holder)}
    assert {name for _, name in holders(store)} == {holder}
    # counted once, not twice; what other sessions wrote before may be told late
    assert 0 < wal_bytes <= 1.5 * (position(two[0]) - start)


def test_the_server_is_taken_over_from_one_that_went_quiet(
    store: Store, two: tuple[Target, Target]
) -> None:
    one, other = two
    for target in (one, other):
        collect(target, store)
    # 20 MB: what else is written in the meantime, whole pages after a checkpoint too, is far less
    write_wal(one, 200)
    quiet(store)
    taken = collect(other, store)  # a baseline: what the other has seen is not counted again
    assert taken.rows.get("wal", 0) == 0
    write_wal(one)
    counted = collect(other, store)
    assert counted.rows["wal"] == 1
    back = collect(one, store)
    assert not wide(18) & {name for name, rows in back.rows.items() if rows}
    ((holder, rows, wal_bytes),) = kept(store)
    assert (holder, rows) == ("two", 1)
    assert 100_000 <= wal_bytes < 20_000_000
    assert holders(store)[-1] == ("one", "two")
    # and back: its own counters of long ago start no interval
    quiet(store)
    again = collect(one, store)
    assert again.rows.get("wal", 0) == 0
    assert [row[:2] for row in kept(store)] == [("two", 1)]
    write_wal(one)
    assert collect(one, store).rows["wal"] == 1


def quiet(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(
            "UPDATE ledger.servers SET swept_at = swept_at - %s", [timedelta(hours=1)]
        )


def test_a_role_that_cannot_tell_the_server_keeps_its_own(
    store: Store, two: tuple[Target, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    real = record.sweep

    def unknown(*args: Any, **kwargs: Any) -> Any:
        swept = real(*args, **kwargs)
        return replace(swept, observation=replace(swept.observation, system_identifier=None))

    monkeypatch.setattr(record, "sweep", unknown)
    for target in (*two, *two):
        write_wal(target)
        collect(target, store)
    assert [row[:2] for row in kept(store)] == [("one", 1), ("two", 1)]
    assert holders(store) == [("one", "one"), ("two", "two")] * 2
