"""Settings against what was meant, and memory promised twice."""

from typing import Any

import pytest

from perf_pipeline.advice.model import Policy
from perf_pipeline.advice.server_settings import declared_memory, drift, memory, number, same

GB = 1024.0**3


def row(name: str, value: str, unit: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "kind": "integer", "context": "sighup",
            "pending_restart": False, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("524288", "8kB", 4 * GB),
        ("4GB", "8kB", 4 * GB),
        ("65536", "kB", 64.0 * 1024**2),
        ("30s", "ms", 30_000.0),
        ("5", "min", 300_000.0),
        ("0.9", None, 0.9),
        ("-1", "kB", -1024.0),
        ("auto", None, None),
        ("", None, None),
    ],
)
def test_values_are_read_in_any_unit(value: str, unit: str | None, expected: float | None) -> None:
    assert number(value, unit) == expected


@pytest.mark.parametrize(
    ("expected", "is_now", "agrees"),
    [
        ("4GB", row("shared_buffers", "524288", "8kB"), True),
        ("4096MB", row("shared_buffers", "524288", "8kB"), True),
        ("2GB", row("shared_buffers", "524288", "8kB"), False),
        ("true", row("jit", "on", kind="bool"), True),
        ("off", row("jit", "on", kind="bool"), False),
        ("pg_stat_statements", row("shared_preload_libraries", "a, pg_stat_statements"), True),
        ("auto_explain", row("shared_preload_libraries", "pg_stat_statements"), False),
        ("AUTO", row("plan_cache_mode", "auto", kind="enum"), True),
    ],
)
def test_the_same_is_the_same_however_it_is_written(
    expected: str, is_now: dict[str, Any], agrees: bool
) -> None:
    assert same(expected, is_now) == agrees


def test_what_differs_waits_or_loses_data_is_told() -> None:
    rows = [
        row("work_mem", "4096", "kB"),
        row("max_connections", "100", context="postmaster", pending_restart=True),
        row("fsync", "off", kind="bool"),
        row("synchronous_commit", "off", kind="enum"),
        row("full_page_writes", "on", kind="bool"),
    ]
    policy = Policy(
        expected_settings={"work_mem": "256MB", "max_connections": "200", "nothing": "1"}
    )
    found = {(each.kind, each.object_name): each for each in drift(rows, policy)}
    assert set(found) == {
        ("drift", "work_mem"), ("drift", "max_connections"), ("drift", "nothing"),
        ("pending_restart", "max_connections"), ("unsafe", "fsync"),
        ("unsafe", "synchronous_commit"),
    }  # fmt: skip
    assert "pg_reload_conf" in found["drift", "work_mem"].statement
    assert "restart" in found["drift", "max_connections"].statement
    assert found["unsafe", "fsync"].severity == "critical"
    assert found["unsafe", "synchronous_commit"].severity == "warning"


@pytest.mark.parametrize("value", ["on", "local", "remote_apply", "remote_write"])
def test_a_commit_that_waits_is_safe(value: str) -> None:
    assert drift([row("synchronous_commit", value, kind="enum")], Policy()) == []


def server(work_mem_mb: int, connections: int = 200, shared_gb: float = 4) -> list[dict[str, Any]]:
    return [
        row("shared_buffers", str(int(shared_gb * GB / 8192)), "8kB"),
        row("work_mem", str(work_mem_mb * 1024), "kB"),
        row("max_connections", str(connections)),
        row("hash_mem_multiplier", "2"),
        row("autovacuum_work_mem", "-1", "kB"),
        row("maintenance_work_mem", "65536", "kB"),
        row("autovacuum_max_workers", "3"),
    ]


def test_the_described_memory_is_promised_six_times() -> None:
    """T-32 and D-016: 256 MB for each of 200 connections of a machine of 16 GB."""
    (found,) = memory(server(256), 16 * GB, 10)
    assert (found.kind, found.severity) == ("memory_budget", "warning")
    assert found.figures["promised_bytes"] == pytest.approx(4 * GB + 192 * 1024**2 + 100 * GB)
    assert "work_mem = '26MB'" in found.statement
    assert memory(server(26), 16 * GB, 10) == []


def test_following_what_is_declared_must_not_take_the_machine_down() -> None:
    policy = Policy(expected_settings={"work_mem": "256MB", "max_connections": "200"})
    (found,) = declared_memory(server(4, 100), policy, 16 * GB)
    assert (found.kind, found.severity) == ("declared_memory", "warning")
    assert "work_mem = '26MB'" in found.statement
    assert declared_memory(server(4, 100), Policy(), 16 * GB) == []


def test_values_are_shown_as_one_writes_them() -> None:
    rows = [row("shared_buffers", "32768", "8kB"), row("wal_keep_size", "0", "MB")]
    policy = Policy(expected_settings={"shared_buffers": "4GB"})
    (found,) = drift(rows, policy)
    assert found.evidence == "shared_buffers is 256 MB; declared is 4GB"


def test_sessions_that_were_measured_to_need_too_much_are_critical() -> None:
    (found,) = memory(server(256), 16 * GB, 60)
    assert found.severity == "critical"


def test_nothing_is_said_of_a_machine_that_is_not_known() -> None:
    assert memory(server(256), None, 60) == []


def test_buffers_far_from_a_quarter_are_told() -> None:
    (found,) = memory(server(1, 10, shared_gb=0.125), 16 * GB, None)
    assert found.object_name == "shared_buffers"
    assert "'4096MB'" in found.statement
