"""Pools: what is declared, what was measured, and a file that a real PgBouncer takes."""

import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perf_pipeline.advice.model import Pool, Pools
from perf_pipeline.advice.pools import advise, pgbouncer, use_of
from perf_pipeline.components.catalog import declared_target
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline_tests.integration.test_pooler import PGBOUNCER, REQUIRED, wait_for
from perf_pipeline_tests.servers.ending import ending_with_us
from perf_pipeline_tests.servers.ports import free_port

PLACE = {"host": "127.0.0.1", "port": "5432", "dbname": "menuca"}


def row(name: str = "orders", most: int = 5, **more: Any) -> dict[str, Any]:
    return {"application_name": name, "most_busy": most, "most_sessions": most, "p95_busy": 3.0,
            "mean_busy": 1.0, "sweeps": 2000, **more}  # fmt: skip


def pools(*each: dict[str, Any], **more: Any) -> Pools:
    given = each or ({"name": "orders", "connections": 30, "applications": ["orders"]},)
    return Pools.model_validate({"pools": given, **more})


def test_the_described_pools_have_exactly_what_they_may() -> None:
    """M-30 to M-36: six pools, together the primary's 100."""
    declared = declared_target("menuca").advice.pools  # type: ignore[attr-defined]
    assert {pool.name: (pool.connections, pool.timeout_ms) for pool in declared.pools} == {
        "orders": (30, 2000), "payments": (20, 5000), "menu": (15, 3000), "users": (15, 3000),
        "analytics": (10, 10_000), "reporting": (10, 30_000),
    }  # fmt: skip
    assert sum(pool.connections for pool in declared.pools) == declared.primary_ceiling == 100
    assert declared.replica_ceiling == 50


def test_the_described_pool_of_each_server_is_declared() -> None:
    """T-48 and T-49."""
    primary, replica = declared_target("thorbis").advice.pools.pools  # type: ignore[attr-defined]
    assert (primary.minimum, primary.connections, primary.idle_s, primary.lifetime_s) == (
        10, 100, 300, 3600,
    )  # fmt: skip
    assert (replica.minimum, replica.connections, replica.idle_s, replica.lifetime_s) == (
        5, 50, 180, 1800,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pools": [{"name": "a", "connections": 101}]}, "101 connections together, more than"),
        ({"pools": [{"name": "a", "connections": 51, "server": "replica"}]}, "ceiling of 50"),
        ({"pools": [{"name": "a", "connections": 1}] * 2}, "declared twice"),
        ({"pools": [{"name": "a", "connections": 1, "minimum": 2}]}, "minimum 2 is above"),
        ({"pools": []}, "at least 1 item"),
    ],
)
def test_pools_that_cannot_be_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pools.model_validate(wrong)


@pytest.mark.parametrize(
    ("most", "kinds"),
    [(30, ["pool_too_small"]), (29, []), (8, []), (2, ["pool_too_large"])],
)
def test_what_was_measured_is_compared(most: int, kinds: list[str]) -> None:
    found = advise(pools(), [row(most=most)], 200)
    assert [each.kind for each in found] == kinds


def test_few_sweeps_measure_no_peak() -> None:
    assert advise(pools(), [row(most=30, sweeps=100)], 200) == []
    assert advise(pools(), [row("others", most=30)], 200) == []


def test_a_busy_mean_needs_more_than_the_peak_that_sweeps_saw() -> None:
    use = use_of(Pool(name="a", connections=9, applications=("a",)), [row("a", 5, mean_busy=9.0)])
    assert use is not None
    assert use.needed == 19


def test_pools_beyond_the_server_are_critical() -> None:
    (found,) = advise(pools({"name": "a", "connections": 100}), [], 50)
    assert (found.kind, found.severity) == ("pools_beyond_server", "critical")


def test_many_idle_sessions_ask_for_a_pool() -> None:
    (found,) = advise(None, [row(most=4, most_sessions=60)], 100)
    assert found.kind == "pool_missing"
    assert advise(None, [row(most=40, most_sessions=60)], 100) == []
    assert advise(None, [row(most=4, most_sessions=40)], 100) == []


def test_a_replica_that_is_not_known_is_asked_for() -> None:
    declared = pools({"name": "reads", "connections": 5, "server": "replica"})
    with pytest.raises(ConfigurationError, match="replica whose 'replica_host' is not known"):
        pgbouncer(declared, [], PLACE)
    made = pgbouncer(declared, [], PLACE | {f"replica_{name}": v for name, v in PLACE.items()})
    assert "reads = host=127.0.0.1" in made


@pytest.mark.parametrize("host", ["a b", "x;y", "h' user='root", "a\nb", ""])
def test_nothing_slips_into_the_file(host: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot stand in PgBouncer's file"):
        pgbouncer(pools(), [], PLACE | {"host": host})


@pytest.mark.server
def test_a_real_pgbouncer_takes_the_file_and_keeps_to_it(
    server: EmbeddedServer, server_directory: Path
) -> None:
    """Five clients over a pool of two: two sessions of the server, and all are served."""
    if PGBOUNCER is None:
        if REQUIRED:
            pytest.fail("PERF_POOLER_REQUIRED=1, and no PgBouncer was found")
        pytest.skip("PgBouncer is not on this machine (scripts/pgbouncer gets Debian's package)")
    parts = psycopg.conninfo.conninfo_to_dict(server.url())
    folder = server_directory / f"generated_{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o755)
    port = free_port()
    users = folder / "userlist.txt"
    users.write_text(f'"{parts["user"]}" "{parts["password"]}"\n')
    users.chmod(0o644)
    declared = pools(
        {"name": "orders", "connections": 2, "timeout_ms": 20_000, "applications": ["orders"]},
        {"name": "menu", "connections": 3, "minimum": 1, "timeout_ms": 3000},
    )
    place = {name: str(parts[name]) for name in ("host", "port", "dbname")}
    file = folder / "pgbouncer.ini"
    file.write_text(
        pgbouncer(declared, [row(most=2)], place, listen_port=port, auth_file=str(users))
        + f"admin_users = {parts['user']}\nunix_socket_dir =\n"
    )
    file.chmod(0o644)
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen(
        [PGBOUNCER, "-q", *user, str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    watched = ExitStack()
    try:
        watched.enter_context(ending_with_us(process.pid))
        wait_for(port, process)
        through = f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{port}/"
        pids: set[int] = set()
        together = threading.Barrier(5)

        def client() -> None:
            with psycopg.connect(f"{through}orders", autocommit=True) as connection:
                together.wait(60)
                end = time.monotonic() + 60
                done = 0
                # the second session is made while somebody waits: on a busy machine, later
                while done < 5 or (len(pids) < 2 and time.monotonic() < end):
                    done += 1
                    found = connection.execute(
                        "SELECT pg_backend_pid() FROM pg_sleep(0.01)", prepare=False
                    ).fetchone()
                    assert found is not None
                    pids.add(found[0])

        clients = [threading.Thread(target=client) for _ in range(5)]
        for each in clients:
            each.start()
        for each in clients:
            each.join(120)
        assert len(pids) == 2
        with psycopg.connect(
            f"{through}pgbouncer", autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as console:
            config = {line[0]: line[1] for line in console.execute("SHOW CONFIG").fetchall()}
            sizes = {line[0]: line[5] for line in console.execute("SHOW DATABASES").fetchall()}
        assert config["query_wait_timeout"] == "20"
        assert config["pool_mode"] == "transaction"
        assert config["server_idle_timeout"] == "300"
        assert {"orders", "menu"} <= set(sizes)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        watched.close()
