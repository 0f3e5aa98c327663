"""What a pool allows decides how statements go through it."""

import pytest

from perf_pipeline.loadtests import latency, pgbench, pooler
from perf_pipeline.loadtests.pooler import Fullness


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "extended"),
        ({"pool_mode": "transaction", "version": "PgBouncer 1.18.0"}, "extended"),
        ({"pool_mode": "session", "version": "PgBouncer 1.18.0"}, "prepared"),
        ({"pool_mode": "transaction", "version": "PgBouncer 1.21.0"}, "extended"),
        (
            {"version": "PgBouncer 1.20.9", "max_prepared_statements": "200"},
            "extended",
        ),
        (
            {"version": "PgBouncer 1.24.1", "max_prepared_statements": "200"},
            "prepared",
        ),
        ({"version": "PgBouncer 1.24.1", "max_prepared_statements": "0"}, "extended"),
        ({"version": "something else", "max_prepared_statements": "9"}, "extended"),
    ],
)
def test_names_are_used_where_the_pool_follows_them(config: dict[str, str], expected: str) -> None:
    assert pooler.protocol(config) == expected


def test_the_fullest_moment_is_kept() -> None:
    found = Fullness()
    assert found.clients is None
    row = {"cl_active": 3, "cl_waiting": 2, "sv_active": 1, "sv_idle": 1, "maxwait": 1}
    found.see([row, {**row, "maxwait_us": 500_000}])
    found.see([{**row, "cl_active": 0, "maxwait": 0}])
    assert vars(found) == {"clients": 10, "waiting": 4, "servers": 4, "longest_wait_s": 1.5}


def test_errors_are_counted_by_what_the_server_said() -> None:
    text = (
        "pgbench: error: client 2 script 0 aborted in command 1 query 0: ERROR:  duplicate key"
        ' value violates unique constraint "a_1"\n'
        "pgbench: error: client 13 script 0 aborted in command 1 query 0: ERROR:  duplicate key"
        ' value violates unique constraint "b"\n'
        "pgbench: error: client 1 aborted: FATAL:  waited 30 s\n"
        "pgbench: error: Run was aborted; the above results are incomplete.\n"
    )
    assert pgbench.error_classes(text) == {
        'duplicate key value violates unique constraint "..."': 2,
        "waited N s": 1,
    }


def test_transactions_that_failed_are_told_by_sqlstate(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "pgbench.1").write_text(
        "0 1 1000 0 1700000000 1\n0 2 serialization 0 1700000000 2\n"
        "0 3 serialization 0 1700000000 3\n0 4 deadlock 0 1700000000 4\n0 5 failed 0 1700000000 5\n"
    )
    found = latency.read_logs(tmp_path, ["a"])
    assert latency.failures(found) == {
        "40001 serialization_failure": 2,
        "40P01 deadlock_detected": 1,
        "serialization or deadlock": 1,
    }
    (row,) = latency.percentiles(found, None).to_dicts()
    assert (row["transactions"], row["failed"], row["skipped"]) == (1, 4, 0)
