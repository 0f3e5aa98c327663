"""The families of counters beside the first four, on every version."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import deltas, evidence
from perf_pipeline.snapshots.counters import CHECKPOINTER, FUNCTIONS, IO, WAL
from perf_pipeline.snapshots.evidence import Evidence, Observation
from perf_pipeline.snapshots.record import collect
from perf_pipeline.store import Store, state, targets
from perf_pipeline_tests.snapshots.conftest import flush

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1)


@pytest.fixture(scope="session")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


@pytest.fixture
def traced(admin: psycopg.Connection, target: Target) -> Iterator[Target]:
    """Return a target with functions that are counted."""
    admin.execute("ALTER SYSTEM SET track_functions = 'all'")
    admin.execute("SELECT pg_reload_conf()")
    admin.execute(
        "CREATE FUNCTION app.half(n int) RETURNS int LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.002); RETURN n / 2; END $$"
    )
    admin.execute("CREATE TABLE app.wide (id int PRIMARY KEY, note text)")
    admin.execute("ALTER TABLE app.wide ALTER note SET STORAGE EXTERNAL")
    yield target
    admin.execute("ALTER SYSTEM RESET track_functions")
    admin.execute("SELECT pg_reload_conf()")


def older(store: Store, target: Target, family: str, by: timedelta) -> datetime:
    """Pretend that a family was read some time earlier; return when."""
    target_id = targets.find(store, target.name)
    assert target_id is not None
    with store.begin() as connection:
        before = state.load(connection, target_id)
        seen = evidence.from_frame(before.frames[state.EVIDENCE])
        seen[family] = replace(seen[family], ts=seen[family].ts - by)
        assert before.instant is not None
        kept = {state.EVIDENCE: evidence.to_frame(seen)}
        state.save(connection, target_id, before.instant, kept, before.instant)
    return seen[family].ts


def allocated(admin: psycopg.Connection) -> None:
    """Wait until the background writer has told of new buffers."""

    def told() -> int:
        row = admin.execute("SELECT buffers_alloc FROM pg_stat_bgwriter").fetchone()
        return int(row[0]) if row else 0

    start = told()
    for number in range(40):
        admin.execute(f"CREATE TABLE app.filler_{number} AS SELECT generate_series(1, 20000)")
        now = told()
        if now > start:
            return
        start = min(start, now)  # before 15 a reset shows up to half a second later
        time.sleep(0.1)
    raise AssertionError("the background writer has told nothing for 4 s")


def one(store: Store, query: str) -> dict[str, Any]:
    (found,) = rows(store, query)
    return found


def rows(store: Store, query: str) -> list[dict[str, Any]]:
    with store.begin() as connection:
        cursor = connection.execute(query)  # type: ignore[call-overload]
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.server
def test_every_family_counts(
    store: Store, traced: Target, admin: psycopg.Connection, each_major: int
) -> None:
    collect(traced, store)
    read_at = older(store, traced, "table_io", timedelta(minutes=20))
    admin.execute("SELECT pg_stat_force_next_flush()" if each_major >= 15 else "SELECT 1")
    for number in range(4):
        admin.execute("SELECT app.half(%s)", [number])
    admin.execute("INSERT INTO app.wide SELECT g, repeat('x', 9000) FROM generate_series(1, 50) g")
    admin.execute("SELECT sum(length(note)) FROM app.wide WHERE id = 7")
    admin.execute("CHECKPOINT")
    allocated(admin)
    flush(admin)
    swept = collect(traced, store)
    assert swept.notes == ()

    function = one(store, "SELECT * FROM ledger.functions")
    assert (function["schema_name"], function["function_name"]) == ("app", "half")
    assert (function["arguments"], function["calls"]) == ("n integer", 4)
    assert (function["quality"], function["total_time"] >= 8.0) == ("first_seen", True)
    assert 0 < function["self_time"] <= function["total_time"]

    parts = rows(store, "SELECT * FROM ledger.table_io WHERE table_name = 'wide' ORDER BY part")
    assert [row["part"] for row in parts] == ["index", "table", "toast", "toast index"]
    assert all(row["blocks_hit"] > 0 and row["blocks_read"] >= 0 for row in parts)
    assert {row["quality"] for row in parts} == {"exact"}
    assert {row["previous_ts"] for row in parts} == {read_at}
    assert (parts[0]["index_name"], parts[1]["index_name"]) == ("wide_pkey", None)

    wal = one(store, "SELECT * FROM ledger.wal")
    assert wal["quality"] == "exact"
    assert wal["wal_bytes"] > 50 * 9000
    assert wal["wal_records"] > 100
    assert (wal["wal_write"] is None) == (each_major >= 18)
    # track_wal_io_timing is off: not measured is not zero
    assert (wal["wal_write_time"], wal["wal_sync_time"]) == (None, None)

    checkpoints = one(store, "SELECT * FROM ledger.checkpointer WHERE process = 'checkpointer'")
    assert checkpoints["checkpoints_requested"] >= 1
    assert checkpoints["buffers_checkpoint"] > 0
    assert (checkpoints["checkpoints_done"] is None) == (each_major < 18)
    assert (checkpoints["restartpoints_done"] is None) == (each_major < 17)
    assert checkpoints["buffers_alloc"] is None
    written = one(store, "SELECT * FROM ledger.checkpointer WHERE process = 'background writer'")
    assert written["buffers_alloc"] > 0
    assert written["checkpoints_requested"] is None
    assert (written["buffers_backend"] is None) == (each_major >= 17)

    if each_major < 16:
        assert rows(store, "SELECT * FROM ledger.io") == []
    else:
        mine = one(
            store,
            "SELECT * FROM ledger.io WHERE backend_type = 'client backend'"
            " AND object = 'relation' AND context = 'normal'",
        )
        assert mine["extend_bytes"] >= 50 * 9000
        assert mine["extend_bytes"] % 8192 == 0
        assert mine["hits"] > 0
        assert mine["reuses"] is None
        assert mine["read_time"] >= 0  # the test servers' track_io_timing is on
    # nothing is archived: absent, not zero
    assert rows(store, "SELECT * FROM ledger.archiver") == []

    # read every 15 minutes: not again at once, and no row for what did not happen
    admin.execute("SELECT sum(length(note)) FROM app.wide")
    flush(admin)
    again = collect(traced, store)
    assert "table_io" not in again.rows
    assert again.rows["functions"] == 0


@pytest.mark.server
def test_a_reset_of_one_part_of_the_server_is_no_other_parts(
    store: Store, target: Target, admin: psycopg.Connection, each_major: int
) -> None:
    admin.execute("CHECKPOINT")
    flush(admin)
    collect(target, store)
    admin.execute("SELECT pg_stat_reset_shared('bgwriter')")
    admin.execute("CREATE TABLE app.more AS SELECT generate_series(1, 5000)")
    admin.execute("CHECKPOINT")
    allocated(admin)
    flush(admin)
    swept = collect(target, store)
    assert swept.quality == "exact"
    found = {row["process"]: row for row in rows(store, "SELECT * FROM ledger.checkpointer")}
    assert found["background writer"]["quality"] == "reset"
    assert found["checkpointer"]["quality"] == ("reset" if each_major < 17 else "exact")
    assert 1 <= found["checkpointer"]["checkpoints_requested"] <= 2
    assert one(store, "SELECT * FROM ledger.wal")["quality"] == "exact"


@pytest.mark.server
def test_a_reset_of_the_database_is_not_the_servers(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    admin.execute("SELECT pg_stat_reset()")
    admin.execute("CREATE TABLE app.more AS SELECT generate_series(1, 5000)")
    flush(admin)
    assert collect(target, store).quality == "reset"
    assert one(store, "SELECT * FROM ledger.wal")["quality"] == "exact"


def at(seconds: float, reset: datetime | None = None) -> Observation:
    return Observation(NOW + timedelta(seconds=seconds), 160000, 7, database_stats_reset=reset)


def frame(family: Any, *, since: datetime = LONG_AGO, **values: Any) -> pl.DataFrame:
    kinds = {**family.keys, **family.counters, "stats_since": pl.Datetime("us")}
    named = dict.fromkeys(family.names, pl.String())
    row = {**dict.fromkeys([*kinds, *named]), **values, "stats_since": since}
    return pl.DataFrame([row], schema={**kinds, **named})


KEY = {"backend_type": "checkpointer", "object": "relation", "context": "normal"}


def test_what_is_not_counted_stays_unknown() -> None:
    before = frame(IO, **KEY, writes=5, hits=None)
    after = frame(IO, **KEY, writes=9, hits=None)
    (row,) = deltas.interval(before, after, Evidence(at(0), at(300)), IO).to_dicts()
    assert (row["writes"], row["hits"], row["read_time"], row["quality"]) == (
        4,
        None,
        None,
        "exact",
    )
    assert deltas.interval(before, before, Evidence(at(0), at(300)), IO).is_empty()
    nothing = frame(IO, **KEY)
    assert deltas.interval(nothing, nothing, Evidence(at(0), at(300)), IO).is_empty()


def test_what_begins_to_be_measured_has_no_difference_yet() -> None:
    """track_wal_io_timing was switched on within the interval: since when is not known."""
    before = frame(WAL, part="wal", wal_records=10, wal_write_time=None)
    after = frame(WAL, part="wal", wal_records=30, wal_write_time=2.5)
    (row,) = deltas.interval(before, after, Evidence(at(0), at(300)), WAL).to_dicts()
    assert (row["wal_records"], row["wal_write_time"]) == (20, None)


def test_counters_of_their_own_reset_count_from_there() -> None:
    before = frame(CHECKPOINTER, process="checkpointer", checkpoints_timed=90)
    after = frame(
        CHECKPOINTER,
        process="checkpointer",
        checkpoints_timed=95,
        since=NOW.replace(tzinfo=None) + timedelta(seconds=60),
    )
    (row,) = deltas.interval(before, after, Evidence(at(0), at(300)), CHECKPOINTER).to_dicts()
    # it has passed the old count: only `stats_since` tells
    assert (row["checkpoints_timed"], row["quality"]) == (95, "reset")


def test_a_reset_of_the_database_concerns_its_functions_alone() -> None:
    since = Evidence(at(0), at(300, reset=NOW + timedelta(seconds=10)))
    before = frame(WAL, part="wal", wal_records=10)
    after = frame(WAL, part="wal", wal_records=30)
    assert deltas.interval(before, after, since, WAL)["quality"].to_list() == ["exact"]
    names = {"schema_name": "app", "function_name": "f", "arguments": "", "funcid": 1}
    times = {"total_time": 1.0, "self_time": 1.0}
    before = frame(FUNCTIONS, **names, calls=10, **times).drop("stats_since")
    after = frame(FUNCTIONS, **names, calls=30, **times).drop("stats_since")
    (row,) = deltas.interval(before, after, since, FUNCTIONS).to_dicts()
    assert (row["calls"], row["quality"]) == (20, "lower_bound")
