import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import latency, pgbench, pgbench_call
from perf_pipeline.loadtests.pgbench import LoadError, PgbenchRun, Script
from perf_pipeline_tests.examples import thorbis

PGBENCH = binaries.find().program("pgbench")
SCRIPTS = pgbench.scripts("thorbis/load")
NAMES = [script.name for script in SCRIPTS]
VARIABLES = thorbis.SIZE.variables()


@pytest.fixture
def url(server: EmbeddedServer, make_database: Callable[..., str]) -> str:
    return make_database(thorbis.build(server))


def start(url: str, log_dir: Path, **changes: object) -> PgbenchRun:
    arguments: dict[str, object] = {
        "pgbench": PGBENCH,
        "log_dir": log_dir,
        "duration_s": 30,
        "clients": 2,
        "variables": VARIABLES,
    }
    return pgbench.start(url, SCRIPTS, **{**arguments, **changes})  # type: ignore[arg-type]


def script(folder: Path, text: str) -> list[Script]:
    path = folder / "script.sql"
    path.write_text(text)
    return [Script("script", path, 1)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


# --- real runs ------------------------------------------------------------------------------


@pytest.mark.server
def test_a_run_gives_logs_that_reduce_to_the_truth(url: str, tmp_path: Path) -> None:
    with start(url, tmp_path, duration_s=2, rate=300, seed=1) as run:
        summary = run.wait()
    assert (summary.failed, summary.skipped) == (0, 0)
    assert 0 < summary.tps < 400  # without a rate it would be thousands
    assert summary.lag_average_ms is not None
    transactions = latency.read_logs(tmp_path, NAMES)
    assert transactions.height == summary.transactions
    assert set(transactions["script"]) == set(NAMES)
    (log,) = tmp_path.glob("pgbench.*")
    raw = np.loadtxt(log)
    reduced = latency.percentiles(transactions)
    assert reduced["transactions"].sum() == len(raw)
    for row in reduced.iter_rows(named=True):
        own = raw[raw[:, 3] == NAMES.index(row["script"]), 2] / 1000
        for level in (50, 95, 99):
            assert row[f"p{level}_ms"] == pytest.approx(np.percentile(own, level))
        assert row["max_ms"] == pytest.approx(own.max())
    mean = transactions["latency_ms"].mean()
    assert mean == pytest.approx(summary.latency_average_ms, abs=0.001)


@pytest.mark.server
@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_closed_loop_on_threads_without_a_failure(
    url: str, tmp_path: Path, protocol: pgbench.Protocol
) -> None:
    with start(url, tmp_path, duration_s=1, clients=4, threads=2, protocol=protocol) as run:
        summary = run.wait()
    assert summary.failed == 0
    assert summary.tps > 0
    assert latency.read_logs(tmp_path, NAMES).height == summary.transactions
    assert len(list(tmp_path.glob("pgbench.*"))) == 2


@pytest.mark.server
def test_sessions_are_labelled_bounded_and_the_password_is_not_on_argv(
    url: str, tmp_path: Path
) -> None:
    password = psycopg.conninfo.conninfo_to_dict(url).get("password")
    assert password
    with start(url, tmp_path, rate=20, application_name="load-of-a-test") as run:
        with psycopg.connect(url, autocommit=True) as connection:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE application_name = 'load-of-a-test'"
                ).fetchone()
                if row == (2,):
                    break
                time.sleep(0.05)
        assert row == (2,)
        command = Path(f"/proc/{run.pid}/cmdline").read_bytes()
        assert str(password).encode() not in command
        assert b"postgresql://" not in command
        assert b"--rate=20" in command


@pytest.mark.server
def test_server_side_timeouts_hold(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STATEMENT_TIMEOUT_MS", "200")
    settings.current.cache_clear()
    chosen = script(tmp_path, "SELECT pg_sleep(20);\n")
    with (
        pgbench.start(url, chosen, pgbench=PGBENCH, log_dir=tmp_path / "l", duration_s=5) as run,
        pytest.raises(LoadError, match="statement timeout"),
    ):
        run.wait()


@pytest.mark.server
def test_stop_ends_it_and_what_was_logged_stays(url: str, tmp_path: Path) -> None:
    run = start(url, tmp_path, duration_s=600)
    deadline = time.monotonic() + 60
    while not any(log.stat().st_size for log in tmp_path.glob("pgbench.*")):
        assert time.monotonic() < deadline, "nothing was logged"
        time.sleep(0.05)
    assert run.running()
    before = time.monotonic()
    run.stop()
    assert time.monotonic() - before < 60  # not the ten minutes it was to run
    assert not run.running()
    assert latency.read_logs(tmp_path, NAMES).height > 0
    with pytest.raises(LoadError, match="code -15"):
        run.wait()


@pytest.mark.server
def test_an_exception_in_the_block_stops_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), start(url, tmp_path) as run:
        raise ZeroDivisionError
    assert not alive(run.pid)


@pytest.mark.server
def test_a_parent_killed_leaves_no_load(url: str, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, pathlib\n"
        "from perf_pipeline.loadtests import pgbench\n"
        f"run = pgbench.start(sys.argv[1], pgbench.scripts('thorbis/load'), rate=20,"
        f" pgbench=pathlib.Path({str(PGBENCH)!r}), log_dir=pathlib.Path({str(tmp_path)!r}),"
        f" duration_s=60, variables={VARIABLES!r})\n"
        "print(run.pid, run._watcher.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, check=False, timeout=60, text=True
    )
    assert ended.returncode == -signal.SIGKILL
    pids = [int(word) for word in ended.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))


@pytest.mark.server
def test_no_helper_process_stays(url: str, tmp_path: Path) -> None:
    with start(url, tmp_path, duration_s=1, rate=50) as run:
        watcher = run._watcher
        assert watcher is not None
        assert alive(watcher.pid)
        run.wait()
        assert not alive(watcher.pid)


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.server
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT nothere;\n", 'column "nothere" does not exist'),
        ("\\set x :unset + 1\nSELECT 1;\n", "undefined variable"),
        ("\\nothere\n", "nothere"),
        ("SELECT 1 WHERE false \\gset\n", "expected one row"),
    ],
)
def test_a_failing_script_is_told_in_pgbenchs_words(
    url: str, tmp_path: Path, text: str, message: str
) -> None:
    chosen = script(tmp_path, text)
    run = pgbench.start(url, chosen, pgbench=PGBENCH, log_dir=tmp_path / "logs", duration_s=5)
    with run, pytest.raises(LoadError, match=message):
        run.wait()


@pytest.mark.server
def test_a_run_that_hangs_is_ended(url: str, tmp_path: Path) -> None:
    chosen = script(tmp_path, "SELECT pg_sleep(10);\n")
    run = pgbench.start(url, chosen, pgbench=PGBENCH, log_dir=tmp_path / "logs", duration_s=1)
    with run, pytest.raises(LoadError, match="did not end in time"):
        run.wait(1.5)
    assert not alive(run.pid)


def test_an_unreachable_server_is_told(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nowhere"
    with start(url, tmp_path) as run, pytest.raises(LoadError, match="onnection"):
        run.wait()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clients": 0}, "clients=0"),
        ({"threads": 0}, "threads=0"),
        ({"duration_s": 0}, "duration_s=0"),
        ({"rate": 0.0}, "rate=0"),
        ({"pgbench": Path("/nothere/pgbench")}, "nothere"),
    ],
)
def test_bad_arguments_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        start("postgresql://x@127.0.0.1/x", tmp_path, **change)


def test_a_parameter_that_would_be_lost_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="target_session_attrs"):
        start("postgresql://x@127.0.0.1/x?target_session_attrs=read-write", tmp_path)


def test_no_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no load script"):
        pgbench.start("postgresql:///x", [], pgbench=PGBENCH, log_dir=tmp_path, duration_s=1)


# --- pure -----------------------------------------------------------------------------------


def test_scripts_carry_the_weights_of_their_headers() -> None:
    assert {script.name: script.weight for script in SCRIPTS}["dashboard"] == 26
    assert sum(script.weight for script in SCRIPTS) == 100


@pytest.mark.parametrize("folder", ["thorbis/queries", "nothere"])
def test_a_folder_without_weights_is_refused(folder: str) -> None:
    with pytest.raises(ConfigurationError, match=r"weight|no load scripts"):
        pgbench.scripts(folder)


def test_the_callers_libpq_variables_do_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    monkeypatch.setenv("PGPORT", "1")
    made = pgbench_call.environment("postgresql://u:p%40ss@127.0.0.1:5433/d", "label")
    assert "PGSERVICE" not in made
    assert (made["PGPORT"], made["PGPASSWORD"], made["PGDATABASE"]) == ("5433", "p@ss", "d")
    assert made["PATH"] == os.environ["PATH"]


REPORT = """pgbench (14.9)
transaction type: multiple scripts
number of transactions actually processed: 1200
number of transactions skipped: 3 (0.250%)
number of failed transactions: 2 (0.167%)
latency average = 0.607 ms
latency stddev = 0.383 ms
rate limit schedule lag: avg 0.110 (max 2.000) ms
tps = 199.747522 (without initial connection time)
SQL script 1: a.sql
 - number of failed transactions: 1 (0.1%)
"""


def test_the_summary_is_read() -> None:
    assert pgbench.parse_summary(REPORT) == pgbench.Summary(
        1200, 2, 3, 199.747522, 0.607, 0.383, 0.110
    )


def test_the_summary_of_14_counts_no_failures() -> None:
    text = "number of transactions actually processed: 7\nlatency average = 1.5 ms\ntps = 3.5 (x)\n"
    assert pgbench.parse_summary(text) == pgbench.Summary(7, 0, 0, 3.5, 1.5, None, None)


def test_no_summary_is_told() -> None:
    with pytest.raises(LoadError, match="no summary"):
        pgbench.parse_summary("pgbench (18.6)\n")
