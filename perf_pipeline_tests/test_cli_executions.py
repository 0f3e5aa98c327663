"""`perf-pipeline executions ...`: what it prints and writes, and its exit codes."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_pipeline import cli, settings
from perf_pipeline.store import Store, run_events
from perf_pipeline_tests.reports.loadtests.made import EMPTY, record, statement


@pytest.fixture
def run(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(cli.cli, ["executions", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.server
def test_executions_are_listed_reported_and_advised_on(
    run: Callable[..., tuple[int, str, str]], store: Store, tmp_path: Path
) -> None:
    assert run("list")[1].startswith("no load test ran in 7 days")
    assert run("report", "--target", "shop", "--json")[0] == 2
    for n in range(4):
        record(
            store, 60 - n, cpu_percent=40.0, memory_percent=50.0, statements=[statement(1, 5, 1)]
        )
    code, out, _ = run("list", "--json")
    listed = json.loads(out)
    assert (code, listed["score_percent"]) == (0, 75.0)  # the first has no baseline
    newest = listed["executions"][0]["execution_id"]
    page, text = tmp_path / "sub" / "r.html", tmp_path / "r.md"
    code, out, _ = run("report", newest, "--out", str(page))
    assert code == 0
    assert "healthy; p95 500 ms" in out
    assert page.read_text().startswith("<!doctype html>")
    assert run("report", "--target", "shop", "--test", "checkout", "--out", str(text))[0] == 0
    assert text.read_text().startswith("**checkout 1.0 on shop: healthy")
    code, out, _ = run("advice", newest)
    assert (code, out.split()[:2]) == (0, ["LOW", "OPTIMIZATION:"])
    (only,) = json.loads(run("advice", newest, "--json")[1])
    assert (only["category"], bool(only["action_items"])) == ("OPTIMIZATION", True)
    assert "judged       OK" in run("events", newest)[1]
    assert json.loads(run("events", newest, "--json")[1])[0]["event_type"] == "JUDGED"
    code, out, _ = run("summary", "--out", str(tmp_path / "s.html"))
    assert (code, "0 not well, 0 not known, 1 healthy" in out) == (0, True)


@pytest.mark.server
def test_what_is_not_well_ends_with_one(
    run: Callable[..., tuple[int, str, str]], store: Store, tmp_path: Path
) -> None:
    for n in range(4):
        record(store, 60 - n)
    slow = record(store, 30, p95_ms=3_000.0, p99_ms=4_000.0)
    code, out, _ = run("report", str(slow), "--json")
    assert (code, json.loads(out)["execution_summary"]["health"]) == (1, "SLOW_RESPONSE")
    assert run("summary", "--json", "--target", "shop")[0] == 1
    assert run("summary", "--json", "--target", "elsewhere")[0] == 0
    failed = record(store, 20, status="FAILED", **EMPTY)
    assert run("report", str(failed), "--json")[0] == 1
    # a process that died: how far it got
    died = record(store, 10, status="RUNNING", completed_at=None, **EMPTY)
    assert run("events", str(died))[1] == "none was kept\n"
    run_events.Log(store, died).add(run_events.SAMPLED, stage="steady", at_s=10.0, tps=5.5)
    assert "steady at 10.0 s, 5.50 transactions a second, mean —" in run("events", str(died))[1]
    assert "RUNNING" in run("list")[1]


@pytest.mark.server
def test_a_wrong_call_says_why(run: Callable[..., tuple[int, str, str]]) -> None:
    for arguments, told in (
        (("report", "--json"), "give the id of an execution, or --target"),
        (("report", str(uuid.uuid4())), "give --out FILE or --json"),
        (("report", str(uuid.uuid4()), "--json"), "is not recorded"),
        (("advice", str(uuid.uuid4())), "is not recorded"),
        (("events", str(uuid.uuid4())), "is not recorded"),
        (("events", "execution-id-here"), "not a valid UUID"),  # D-069
        (("summary",), "give --out FILE or --json"),
    ):
        code, out, err = run(*arguments)
        assert code == 2, arguments
        assert told in out + err, arguments
