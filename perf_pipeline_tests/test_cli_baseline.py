"""`perf-pipeline baseline ...`: what it prints, and its exit codes."""

import json
import uuid

import pytest

from perf_pipeline import cli, settings
from perf_pipeline.store import Store, executions
from perf_pipeline_tests.baselines.runs import TEST, judged, record


@pytest.fixture
def opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return the store that the program opens."""
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    return store


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["baseline", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.server
def test_a_baseline_is_listed_set_and_retired(
    opened: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "list")
    assert (code, out) == (
        0,
        "no baselines: the first good execution of a load test sets its own\n",
    )
    test_id = executions.record_test(opened, TEST)
    first = record(opened, test_id, 30)
    for n in (20, 10):
        record(opened, test_id, n)
    judged(opened)
    _, out, _ = run(capsys, "list", "--json")
    assert [(row["type"], row["p95_ms"]) for row in json.loads(out)] == [
        ("ROLLING", 500.0),
        ("INITIAL", 500.0),
    ]
    code, out, _ = run(
        capsys, "set", str(first), "--note", "agreed", "--p95-percent", "10", "--json"
    )
    made = json.loads(out)
    assert code == 0
    assert made["executions"] == [str(first)]
    assert (made["type"], made["notes"]) == ("MANUAL", "agreed")
    assert made["response_time_threshold_percent"] == 10
    assert made["throughput_threshold_percent"] == 15
    code, out, _ = run(capsys, "retire", str(made["baseline"]), "--note", "over")
    assert code == 0
    assert "MANUAL   checkout 1.0 on shop (staging, PostgreSQL 18)  p95 500 ms" in out
    assert out.rstrip().endswith("agreed; over")
    _, out, _ = run(capsys, "list", "--test", "checkout", "--target", "shop")
    assert "MANUAL" not in out
    _, out, _ = run(capsys, "list", "--all")
    assert "retired" in out
    assert "MANUAL" in out
    _, out, _ = run(capsys, "list", "--test", "another")
    assert out.startswith("no baselines")


@pytest.mark.server
def test_what_cannot_be_set_or_retired_exits_with_2(
    opened: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "set", str(uuid.uuid4()))
    assert (code, "is not recorded" in err) == (2, True)
    code, _, err = run(capsys, "retire", "7", "--json")
    assert code == 2
    assert json.loads(err)["error"] == "baseline 7 does not exist"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["set", "first"], "not a valid UUID"),
        (["set", str(uuid.uuid4()), "--p95-percent", "-1"], "response_time_percent = -1.0"),
        (["retire", "x"], "not a valid integer"),
        (["move"], "No such command"),
    ],
)
def test_bad_input_exits_with_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert told in err


def test_an_unreachable_store_exits_with_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    settings.current.cache_clear()
    assert run(capsys, "list")[0] == 3
