"""Ten thousand users over twenty sessions of the server: load through a real PgBouncer."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import pgbench, pooler
from perf_pipeline.loadtests import run as load
from perf_pipeline.loadtests import scenario as scenarios
from perf_pipeline.loadtests.pgbench import LoadError, Script
from perf_pipeline.loadtests.run import Options
from perf_pipeline.postgres.promises import Promises
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.probe import probe
from perf_pipeline.store import Store, executions
from perf_pipeline_tests.examples import thorbis
from perf_pipeline_tests.servers.ending import ending_with_us
from perf_pipeline_tests.servers.ports import free_port

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]

PGBOUNCER = os.environ.get("PERF_PGBOUNCER") or shutil.which("pgbouncer")
REQUIRED = os.environ.get("PERF_POOLER_REQUIRED") == "1"
PGBENCH = binaries.find().program("pgbench")
POOL = 20
#: As described (M-03), where this machine lets a process have so many files open.
USERS = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 300)
PEAK = scenarios.load("hs_peak_season")


@contextmanager
def pgbouncer(url: str, folder: Path, **settings: object) -> Iterator[str]:
    """Run a PgBouncer in front of a database; yield the URL through it."""
    if PGBOUNCER is None:
        reason = (
            "PgBouncer is not on this machine and could not be had (scripts/pgbouncer gets Debian's"
            " package; PERF_PGBOUNCER names another)"
        )
        if REQUIRED:
            pytest.fail(f"PERF_POOLER_REQUIRED=1, and {reason}")
        pytest.skip(reason)
    parts = psycopg.conninfo.conninfo_to_dict(url)
    port = free_port()
    folder.mkdir()
    folder.chmod(0o777)
    given = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": POOL,
        "max_client_conn": 10_100,
        "logfile": folder / "log",
        "pidfile": folder / "pid",
        **settings,
    }
    configuration = folder / "pgbouncer.ini"
    target = " ".join(f"{name}='{parts[name]}'" for name in ("host", "port", "dbname", "user"))
    password = f" password='{parts['password']}'" if parts.get("password") else ""
    configuration.write_text(
        f"[databases]\n{parts['dbname']} = {target}{password}\n[pgbouncer]\n"
        + "".join(f"{name} = {value}\n" for name, value in given.items())
    )
    configuration.chmod(0o644)
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen(
        # a session is a file there, too
        ["/bin/sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh",
         *(PGBOUNCER, "-q", *user, str(configuration))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    through = f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}"
    try:
        with ending_with_us(process.pid):
            wait_for(port, process)
            yield through
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"PgBouncer does not answer, exit code {process.poll()}")


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    name = f"pooled_{os.getpid()}"
    server.ensure_database(name, thorbis.build(server))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(scope="module")
def pool(url: str, server_directory: Path) -> Iterator[str]:
    with pgbouncer(url, server_directory / f"pool_{os.getpid()}") as found:
        yield found


def test_ten_thousand_users_are_sessions_over_a_bounded_pool(
    store: Store, url: str, pool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLED_URL", url)
    target = Target("pooled", "POOLED_URL", date(2026, 1, 1))
    # a light one, at 2,000 a second; who would not come again before the end leaves
    (history,) = [each for each in PEAK.operations if each.name == "customer_history"]
    pause = USERS / 2_000 * 1_000
    calm = PEAK.model_copy(
        update={
            "operations": (history.model_copy(update={"weight": 100, "think_time_ms": pause}),),
            "ramp_up_s": 0,
            "ramp_down_s": 0,
        }
    )
    options = Options(users=USERS, seconds=4, pooler_url=pool)
    result = load.run(store, target, calm, options, program=PGBENCH, folder=tmp_path)
    (row,) = executions.read(store)
    assert row["status"] == "COMPLETED"
    assert row["connections"] == USERS
    assert result.execution.failed == 0
    assert result.execution.transactions
    # each was there (one that is not fails the run), and the server saw no more than the pool
    full = row["metadata"]["pool"]
    assert full["clients"] > 10 * POOL  # at the moments it was asked, not all had come or stayed
    assert 0 < full["servers"] <= POOL
    assert row["settings"]["pooler.pool_mode"] == "transaction"
    assert row["settings"]["pooler.default_pool_size"] == str(POOL)
    assert row["config"]["protocol"] == pooler.protocol(
        {name[len("pooler.") :]: v for name, v in row["settings"].items() if "pooler." in name}
    )
    assert row["test_name"].endswith("/pool")


def test_what_a_full_pool_says_is_told_by_class(
    url: str, server_directory: Path, tmp_path: Path
) -> None:
    script = tmp_path / "hold.sql"
    script.write_text("SELECT pg_sleep(2.5);")
    folder = server_directory / f"full_{os.getpid()}"
    with (
        pgbouncer(url, folder, default_pool_size=1, query_wait_timeout=1) as through,
        pytest.raises(LoadError) as told,
        pgbench.start(
            through,
            [Script("hold", script, 1)],
            pgbench=PGBENCH,
            log_dir=tmp_path / "logs",
            duration_s=2,
            clients=4,
            protocol="extended",
            pooled=True,
        ) as running,
    ):
        running.wait()
    ((said, clients),) = told.value.classes.items()
    assert "query_wait_timeout" in said
    assert clients == 3


def test_a_probe_goes_through_the_pool(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_POOL_URL", pool)
    promises = Promises(availability_percent=99.9, probe_env="SHOP_POOL_URL")
    found = probe(Target("shop", "SHOP_URL", date(2026, 1, 1), promises=promises))
    assert (found.via, found.attempts, found.reason, found.wrong) == ("pool", 1, "", "")


def test_a_pooler_of_another_database_is_refused(
    pool: str, make_database: Callable[..., str]
) -> None:
    with (
        psycopg.connect(make_database()) as other,
        pytest.raises(ConfigurationError, match="leads to another database"),
    ):
        pooler.look(pool, other)
