"""`perf-pipeline store import`, as it is typed."""

import json
from pathlib import Path

import pytest

from perf_pipeline import cli, settings
from perf_pipeline.store import Store
from perf_pipeline_tests.imports.support import export, hours, work


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["store", "import", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.csv"
    export(hours(30), work(29)).write_csv(path)
    return path


@pytest.mark.server
def test_a_dry_run_then_the_import_then_nothing_more(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    usual = (str(file), "--target", "thorbis", "--server-version", "15.4")
    code, out, _ = typed(capsys, *usual, "--dry-run")
    assert code == 0
    assert "2 days (2026-03-02 to 2026-03-03): would be imported" in out
    assert "29 intervals, 174 rows, 6 statements, 6 texts" in out
    assert "quality: 100.0% " in out
    code, out, err = typed(capsys, *usual, "--json")
    done = json.loads(out)
    assert (code, done["rows"], done["days"][0]["action"]) == (0, 174, "import")
    assert err == ""
    code, out, _ = typed(capsys, *usual)
    assert "2 days (2026-03-02 to 2026-03-03): in the ledger already" in out
    with store.begin() as connection:
        row = connection.execute("SELECT count(*) FROM ledger.sweeps").fetchone()
    assert row == (30,)


@pytest.mark.server
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{file}", "--target", "nowhere"], "target 'nowhere' is not declared"),
        (["{file}", "--target", "thorbis"], "does not say which PostgreSQL it comes from"),
        (["nothing.csv", "--target", "thorbis"], "'nothing.csv' stands for no file"),
        (["{file}", "--target", "thorbis", "--timezone", "Moon"], "no time zone 'Moon'"),
        (["{file}", "--target", "thorbis", "--server-version", "new"], "not a version"),
        (["{file}"], "Missing option '--target'"),
        (["--target", "thorbis"], "Missing argument"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_helps(
    store: Store,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    code, _, err = typed(capsys, *(argument.format(file=file) for argument in arguments))
    assert code == 2
    assert told in err


def test_a_database_that_is_not_there_exits_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/powa"
    monkeypatch.setenv("PERF_STORE_URL", url)
    settings.current.cache_clear()
    code, _, err = typed(capsys, url, "--target", "thorbis")
    assert code == 3
    assert "remedy:" in err
