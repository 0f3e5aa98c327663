"""`perf-pipeline ci`: an unchanged system passes, a dropped index does not."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import yaml

from perf_pipeline import cli, cli_ci, settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.loadtests import scenario
from perf_pipeline.store import Store, executions
from perf_pipeline_tests.examples import thorbis

EASY = {"average_ms": 5e4, "p95_ms": 5e4, "throughput_tps": 0.1, "error_percent": 100}


@pytest.fixture
def url(
    server: EmbeddedServer,
    store: Store,
    make_database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    found = make_database(thorbis.build(server))
    thorbis.add_jobs(found, 5_000)
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("THORBIS_URL", found)
    settings.current.cache_clear()
    return found


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a scenario of one operation that an index makes fast, run as fast as it goes."""
    raw = scenario.load("hs_peak_season").model_dump(mode="json")
    (operation,) = [each for each in raw["operations"] if each["name"] == "customer_history"]
    raw |= {
        "name": "history",
        "limits": EASY,
        "operations": [{**operation, "weight": 100, "think_time_ms": 0}],
        "ramp_up_s": 0,
        "ramp_down_s": 0,
        "ci": {"seconds": 2, "users": 1, "restore": True},
    }
    path = tmp_path / "history.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = cli.run(cli.cli, ["ci", "--target", "thorbis", *arguments])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


@pytest.mark.server
def test_a_dropped_index_closes_the_gate(
    store: Store, url: str, history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    chosen = (
        *("--scenario", str(history), "--branch", "main"),
        *("--junit", str(junit), "--summary", str(summary)),
    )
    code, out = run(capsys, *chosen, "--commit", "aaa")
    # not passed, not blocked: from now on this is normal
    assert code == 0, out
    assert "NO_BASELINE" in out
    assert "<skipped" in junit.read_text()
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("DROP INDEX hs.idx_hs_work_orders_customer_history")
    code, out = run(capsys, *chosen, "--commit", "bbb", "--json")
    assert code == 1, out
    found = json.loads(out)
    (test,) = found["tests"]
    assert (found["blocked"], test["outcome"]) == (True, "REGRESSED")
    # told by what no busy machine changes, and run again before anybody was told
    assert "blocks a call, not" in test["reason"]
    assert len(test["execution_ids"]) == 2
    assert "<failure" in junit.read_text()
    assert "gate blocked" in summary.read_text()
    assert {row["commit_sha"] for row in executions.read(store)} == {"aaa", "bbb"}


@pytest.mark.server
def test_a_test_that_cannot_run_is_an_outcome_of_its_own(
    store: Store, url: str, history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("ALTER TABLE hs.work_orders RENAME COLUMN title TO heading")
    code, out = run(capsys, "--scenario", str(history), "--commit", "c", "--branch", "b", "--json")
    assert code == 1
    (test,) = json.loads(out)["tests"]
    assert test["outcome"] == "ERROR"
    assert "title" in test["reason"]
    (recorded,) = executions.read(store)
    assert recorded["status"] == "FAILED"


def test_a_target_that_does_not_answer_is_told_as_such(
    store: Store, history: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("THORBIS_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    settings.current.cache_clear()
    code, out = run(capsys, "--scenario", str(history), "--commit", "c", "--branch", "b")
    assert code == 3, out


def test_a_test_is_left_out_where_it_may_not_run() -> None:
    def names(environment: str, *chosen: str) -> set[str]:
        return {test.name for test in cli_ci._meant(chosen, environment)}

    everywhere = names("staging")
    assert {"hs_peak_season", "hs_complete_workflow"} <= everywhere
    assert names("development") == everywhere - {"hs_complete_workflow"}
    assert names("production") == {"hs_complete_workflow"}
    # asked for by name it is refused by name
    assert names("development", "hs_complete_workflow") == {"hs_complete_workflow"}
