"""Exit codes and messages of the command line; what a wrong input looks like to a user."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from perf_pipeline import cli, settings
from perf_pipeline.components import catalog
from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.store import Store
from perf_pipeline_tests.reports.comparison import test_build
from perf_pipeline_tests.store.filling import fill


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def blackhole() -> Iterator[int]:
    """Yield the port of a server that accepts and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for connection in accepted:
        connection.close()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for command in cli.cli.commands:
        assert f"  {command}  " in out


def test_the_readme_names_every_command_and_every_page() -> None:
    root = Path(__file__).resolve().parents[1]
    readme = (root / "README.md").read_text("utf-8")
    assert {name for name in cli.cli.commands if f"| `perf-pipeline {name}" not in readme} == set()
    pages = {f"docs/{page.name}" for page in (root / "docs").glob("*.md")}
    assert len(pages) > 20
    assert {page for page in pages if f"({page})" not in readme} == set()


@pytest.mark.parametrize(
    "command",
    [
        *("demo", "dev", "doctor", "report", "report compare", "store upgrade", "targets"),
        "store import",
        *("baseline list", "baseline set", "baseline retire"),
    ],
)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = run(capsys, *command.split(), "--help")
    assert code == 0
    assert "Usage: perf-pipeline" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["doctor"], "doctor needs a URL or --target"),
        (["doctor", "mysql://localhost/x"], "is not a PostgreSQL connection URL"),
        (["doctor", "--target", "nowhere"], "'nowhere' is not declared"),
        (["report", "--target", "thorbis", "--day", "2026-13-01", "--out", "x"], "2026-13-01"),
        (["report", "--target", "thorbis", "--day", "yesterday", "--out", "x"], "YYYY-MM-DD"),
        (["report", "--target", "thorbis"], "Missing option '--out'"),
        (["report", "--out", "x"], "Missing option '--target'"),
        (["report", "--target", "thorbis", "--of", "year", "--out", "x"], "'year' is not one of"),
        (["report", "compare", "--target", "thorbis", "--out", "x"], "--from and --to, or --at"),
        (
            ["report", "compare", "--target", "t", "--from", "2026-11-01", "--at", "2026-11-01"],
            "--from and --to, or --at",
        ),
        (["report", "compare", "--target", "t", "--at", "noon", "--json"], "'noon' is not an"),
        (["report", "compare", "--target", "t", "--at", "2026-11-01"], "--out or --json"),
        (["nonsense"], "No such command"),
    ],
)
def test_bad_input_exits_with_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert told in err


def test_bad_setting_names_the_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STATEMENT_TIMEOUT_MS", "soon")
    settings.current.cache_clear()
    code, _, err = run(capsys, "doctor", "postgresql://u:p@127.0.0.1:1/x")
    assert code == 2
    assert "PERF_STATEMENT_TIMEOUT_MS='soon'" in err


def test_refused_connection_exits_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "doctor", "postgresql://u:secret@127.0.0.1:1/x")
    assert code == 3
    assert "remedy:" in err
    assert "secret" not in err


def test_silent_server_exits_with_3_in_bounded_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, blackhole: int
) -> None:
    monkeypatch.setenv("PERF_CONNECT_TIMEOUT_S", "2")
    settings.current.cache_clear()
    started = time.monotonic()
    code, _, err = run(capsys, "doctor", f"postgresql://u:p@127.0.0.1:{blackhole}/x")
    assert code == 3
    assert "no answer within 2 s" in err
    assert time.monotonic() - started < 60  # it is silent for ever


def test_json_errors_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "doctor", "postgresql://u:p@127.0.0.1:1/x", "--json")
    assert code == 3
    assert json.loads(err)["exit_code"] == 3


def test_store_without_a_server_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "store", "status")
    assert code == 3
    assert "perf-pipeline dev" in err


@pytest.mark.server
def test_store_upgrade_from_nothing_and_again(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    make_database: Callable[..., str],
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", make_database())
    settings.current.cache_clear()
    code, out, _ = run(capsys, "store", "status", "--json")
    assert (code, json.loads(out)["current"]) == (1, None)
    code, out, _ = run(capsys, "store", "upgrade")
    assert code == 0
    assert "from nothing" in out
    code, out, _ = run(capsys, "store", "upgrade", "--json")
    assert code == 0
    assert json.loads(out)["from"] == json.loads(out)["to"]
    assert run(capsys, "store", "status")[0] == 0


@pytest.mark.server
def test_days_are_archived_shown_and_restored(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    today = datetime.now(UTC).date()
    old, recent = today - timedelta(days=20), today - timedelta(days=3)
    for day in (old, recent):
        fill(store, "one", day, 3, ("statements",))
    code, out, _ = run(capsys, "store", "archive", "--dry-run")
    assert (code, "statements_" in out, out.count("\n")) == (0, True, 1)
    code, out, _ = run(capsys, "store", "archive", "--dry-run", "--json", "--before", str(today))
    assert [part["start"] for part in json.loads(out)["archive"]] == [str(old), str(recent)]
    assert json.loads(out)["drop"] == []
    assert run(capsys, "store", "archive", "--before", str(today + timedelta(days=1)))[0] == 2
    code, out, _ = run(capsys, "store", "archive")
    assert (code, "archived 1 partitions: 3 rows" in out) == (0, True)
    code, out, _ = run(capsys, "store", "archive", "--before", str(today), "--json")
    assert (code, [moved["day"] for moved in json.loads(out)["moved"]]) == (0, [str(recent)])
    code, out, _ = run(capsys, "store", "status", "--json")
    found = json.loads(out)
    assert (code, found["archive_days"], found["archive_rows"], found["hot_days"]) == (0, 2, 6, 0)
    assert found["archive_url"] == str(settings.current().home_dir / "archive")
    code, out, _ = run(capsys, "store", "restore", "--target", "one", "--day", str(old))
    assert (code, out) == (0, "3 rows of one brought back\n")
    code, out, _ = run(capsys, "store", "status")
    assert f"store    1 days from {old}" in out
    assert "archive  1 days" in out
    code, out, _ = run(capsys, "store", "restore", "--target", "one", "--day", str(old), "--json")
    assert json.loads(out)["rows"] == 0
    assert run(capsys, "store", "restore", "--target", "two", "--day", str(old))[0] == 2


@pytest.mark.server
def test_two_days_and_two_halves_of_a_day_are_compared(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    test_build.rolled(store)
    page, text = tmp_path / "new" / "c.html", tmp_path / "c.md"
    compare = ("report", "compare", "--target", "thorbis")
    days = ("--from", "2026-11-20", "--to", "2026-11-21")
    code, out, _ = run(capsys, *compare, *days, "--out", str(page), "--json")
    assert (code, len(json.loads(out)["statements"])) == (0, 3)
    assert page.read_text("utf-8").lstrip().startswith("<!doctype html>")
    halves = ("--at", "2026-11-21T12:00:00+00:00", "--hours", "6")
    code, out, _ = run(capsys, *compare, *halves, "--out", str(text))
    assert (code, "2026-11-21 12:00:00 to 18:00:00" in out) == (0, True)
    assert text.read_text("utf-8").startswith("**thorbis")
    week = ("report", "--target", "thorbis", "--of", "week", "--day", "2026-11-21")
    code, out, _ = run(capsys, *week, "--out", str(page), "--json")
    assert (code, json.loads(out)["day"], json.loads(out)["open"]) == (1, "2026-11-16", 1)
    assert "Weekly report" in page.read_text("utf-8")
    month = ("report", "--target", "thorbis", "--of", "month", "--day", "2026-10-21")
    code, out, _ = run(capsys, *month, "--out", str(page))
    assert (code, "0 found, 0 resolved, 0 open from 2026-10-01 on" in out) == (0, True)
    code, _, err = run(capsys, *compare, "--from", "2026-11-20", "--to", "2026-11-20", "--json")
    assert (code, "overlap" in err) == (2, True)


@pytest.mark.server
def test_doctor_exits_with_1_on_a_failed_aspect(
    capsys: pytest.CaptureFixture[str], make_database: Callable[..., str]
) -> None:
    code, out, _ = run(capsys, "doctor", make_database())
    assert code == 1
    assert "CREATE EXTENSION pg_stat_statements" in out


@pytest.mark.server
def test_grants_run_as_printed(
    capsys: pytest.CaptureFixture[str],
    server: EmbeddedServer,
    make_database: Callable[..., str],
    tmp_path: Path,
) -> None:
    code, out, _ = run(capsys, "doctor", "--grants")
    assert code == 0
    url = make_database()
    script = tmp_path / "grants.sql"
    script.write_text(out)
    psql = binaries.find().program("psql")
    try:
        subprocess.run(
            [
                *(psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "password=pw-1"),
                *("-f", str(script), url),
            ],
            check=True,
            env={**os.environ, "PGCONNECT_TIMEOUT": "5"},
        )
        plain = url.replace(url.split("//")[1].split("@")[0], "perf_pipeline:pw-1")
        code, out, _ = run(capsys, "doctor", plain)
        assert code == 0
        assert "perf_pipeline has pg_monitor" in out
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY perf_pipeline")
            connection.execute("DROP ROLE perf_pipeline")


def test_targets_are_listed_with_their_variables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THORBIS_URL", raising=False)
    code, out, _ = run(capsys, "targets")
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names == ["guardian", "menuca", "omninode", "thorbis"]
    assert "THORBIS_URL is not set: the embedded server's thorbis" in out
    monkeypatch.setenv("THORBIS_URL", "postgresql://ann:s3cret@127.0.0.1/thorbis")
    code, out, _ = run(capsys, "targets", "--json")
    assert {row["name"] for row in json.loads(out) if row["is_set"]} == {"thorbis"}
    assert "s3cret" not in out


GOOD = {"name": "shop", "url_env": "SHOP_URL", "history_start": "2026-11-01"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"descripton": "typo"}, "descripton"),
        ({"history_start": "2026-13-01"}, "history_start: '2026-13-01' is not a day"),
        ({"name": "Shop!"}, "name"),
        ({"owners": ["shop"]}, "owners"),
        ({"url_env": None}, "url_env"),
    ],
)
def test_a_wrong_declaration_is_named_with_its_file(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    file = folder / "defs.yaml"
    file.write_text(json.dumps({"type": catalog.TYPE, "attributes": {**GOOD, **change}}))
    with pytest.raises(ConfigurationError) as raised:
        catalog.declared_targets(tmp_path)
    assert str(file) in raised.value.message
    assert said in raised.value.message
    assert "Traceback" not in str(raised.value)


def test_two_targets_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = json.dumps({"type": catalog.TYPE, "attributes": GOOD})
        (tmp_path / name / "defs.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"two.*'shop' is declared twice"):
        catalog.declared_targets(tmp_path)


def failing(error: Exception) -> Callable[..., object]:
    def command(*_: object, **__: object) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OSError(28, "No space left on device", "/some/file"), 2, "/some/file: No space left"),
        (psycopg.OperationalError("server closed the connection"), 3, "closed the connection"),
        (
            sa.exc.DBAPIError("SELECT 1", None, psycopg.errors.AdminShutdown("terminating")),
            3,
            "terminating",
        ),
        (psycopg.errors.UndefinedTable("no such relation"), 2, r"42P01.*no such relation"),
    ],
)
def test_what_no_module_foresaw_is_explained_too(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, says: str
) -> None:
    assert cli.run(failing(error), []) == code
    told = capsys.readouterr().err
    assert re.search(says, told)
    assert "remedy: " in told


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        cli.run(failing(ZeroDivisionError()), [])


def loaded_by(statement: str) -> set[str]:
    """Return the heavy packages that a fresh interpreter has loaded after a statement."""
    heavy = {"dagster", "numpy", "polars", "psycopg", "pydantic", "sqlalchemy"}
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return heavy & set(done.stdout.split())


def test_nothing_heavy_is_loaded_before_a_command_needs_it() -> None:
    assert loaded_by("import perf_pipeline.cli") == set()
    # an import at the top of a command's module would be seen
    assert loaded_by("import perf_pipeline.cli, perf_pipeline.load_run") >= {"numpy", "polars"}
