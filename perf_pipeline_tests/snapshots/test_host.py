import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import highlights, host
from perf_pipeline.snapshots.host import HOST, PROOF, continued, is_here
from perf_pipeline.snapshots.record import collect as record
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.sessions import swept

BOOT = datetime(2026, 3, 1, 12)

numbers = st.one_of(st.none(), st.integers(0, 10**12))
readings = st.fixed_dictionaries(
    dict.fromkeys(HOST.counters, numbers),
).map(lambda counters: {**counters, "disk_device": "vda", "stats_since": BOOT})


@given(readings, readings, st.integers(-59, 59))
def test_no_counter_falls_while_the_machine_is_up(
    before: dict[str, Any], now: dict[str, Any], drift: int
) -> None:
    found = continued({**now, "stats_since": BOOT + timedelta(seconds=drift)}, before)
    assert found["stats_since"] == BOOT
    for name in HOST.counters:
        if now[name] is None or before[name] is None or now[name] >= before[name]:
            assert found[name] == now[name]
        else:
            assert found[name] == (before[name] if name.startswith("cpu_") else None)


@given(readings, readings)
def test_after_a_boot_and_at_first_a_reading_stands(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    booted = {**now, "stats_since": BOOT + timedelta(minutes=2)}
    assert continued(booted, before) == booted
    assert continued(now, None) == now


def test_another_disk_is_not_subtracted() -> None:
    before = {**dict.fromkeys(HOST.counters, 10), "disk_device": "vda", "stats_since": BOOT}
    found = continued({**before, **dict.fromkeys(HOST.counters, 20), "disk_device": "vdb"}, before)
    assert found["disk_reads"] is None
    assert found["network_sent_bytes"] == 20


def test_a_machine_is_told_about_in_full_but_for_what_it_does_not_know() -> None:
    here = host.measure(str(Path.cwd()))
    assert here["cpu_count"] >= 1
    assert 0 < here["memory_available_bytes"] <= here["memory_total_bytes"]
    assert 0 < here["disk_free_bytes"] <= here["disk_total_bytes"]
    nowhere = host.measure("/no/such/folder")
    assert {
        name for name in nowhere if name.startswith("disk_") and nowhere[name] is not None
    } == set()
    assert nowhere["cpu_user_seconds"] > 0


@pytest.fixture
def proof(target_url: str) -> Iterator[dict[str, Any]]:
    """Yield the row of `host.sql`, its session open."""
    with pg.session(target_url) as connection:
        row = connection.execute(sqlfiles.load("snapshots/host").text).fetchone()
        assert row is not None
        yield {
            name: value.replace(tzinfo=None) if isinstance(value, datetime) else value
            for name, value in zip(PROOF, row, strict=True)
        }


@pytest.mark.server
def test_a_server_here_is_recognised_and_no_other(proof: dict[str, Any]) -> None:
    assert is_here(proof)
    hour = timedelta(hours=1)
    for other in (
        {"pid": os.getpid()},
        {"pid": 2**22 + 1},
        {"backend_start": proof["backend_start"] - hour},
        {"postmaster_start": proof["postmaster_start"] - hour},
        {"server": "10.1.2.3"},
        {"client": None},
    ):
        assert not is_here({**proof, **other}), other


@pytest.mark.server
def test_work_of_the_machine_between_two_sweeps(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    first = record(target, store)
    assert "host" not in first.rows or first.rows["host"] == 0
    admin.execute("SELECT sum(sqrt(g)) FROM generate_series(1, 1500000) g")
    second = record(target, store)
    assert second.rows["host"] == 1
    with store.begin() as connection:
        row = connection.execute(
            "SELECT quality::text, cpu_user_seconds, cpu_idle_seconds, memory_total_bytes,"
            " disk_free_bytes, network_sent_bytes FROM ledger.host"
        ).fetchone()
    assert row is not None
    assert row[0] == "exact"
    elapsed = (second.ts - first.ts).total_seconds()
    assert 0 < row[1] < (elapsed + 1) * (os.cpu_count() or 1)
    assert 0 <= row[2] < (elapsed + 1) * (os.cpu_count() or 1)
    assert row[3] > 10**8
    assert row[4] > 0
    assert row[5] is None or row[5] >= 0
    shown = highlights.read(store, target.name, "server", second.ts).figures
    assert 0 < (shown["cpu_percent"] or 0) <= 100
    assert 0 < (shown["memory_used_percent"] or 0) < 100
    assert 0 < (shown["disk_free_percent"] or 0) <= 100


@pytest.mark.server
def test_a_machine_that_is_not_ours_is_absent(
    target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert swept(target_url).frames["host"].height == 1
    monkeypatch.setattr(host, "is_here", lambda proof: False)
    found = swept(target_url)
    assert "host" not in found.frames
    assert found.notes == ()


@pytest.mark.server
def test_a_disk_nobody_may_ask_for_is_unknown(target_url: str, admin: psycopg.Connection) -> None:
    admin.execute("CREATE ROLE plain_host LOGIN PASSWORD 'p'")
    try:
        url = psycopg.conninfo.make_conninfo(target_url, user="plain_host", password="p")
        (row,) = swept(url).frames["host"].to_dicts()
    finally:
        admin.execute("DROP ROLE plain_host")
    assert row["disk_free_bytes"] is None
    assert row["disk_device"] is None
    assert row["cpu_user_seconds"] > 0
