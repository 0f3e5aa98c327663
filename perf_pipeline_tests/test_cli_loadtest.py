"""`perf-pipeline loadtest`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from perf_pipeline import cli, settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.loadtests import ab, scenario
from perf_pipeline.store import Store
from perf_pipeline_tests.examples import thorbis

#: A limit of throughput that any machine keeps; of CPU, none.
EASY = {"average_ms": 5e4, "p95_ms": 5e4, "throughput_tps": 0.1, "error_percent": 100}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["loadtest", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def easy(
    server: EmbeddedServer,
    store: Store,
    make_database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """Return a scenario with limits that are easy to keep, for the thorbis target."""
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("THORBIS_URL", make_database(thorbis.build(server)))
    settings.current.cache_clear()
    raw = scenario.load("hs_peak_season").model_dump(mode="json")
    raw["name"] = "easy"
    raw["limits"] = {**EASY, "cpu_percent": 100, "memory_percent": 100}
    path = tmp_path / "easy.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


@pytest.mark.server
def test_a_run_is_printed_recorded_and_judged(
    easy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--target", "thorbis", "--duration", "2", "--users", "100", "--seed", "1")
    code, out, err = run(capsys, str(easy), *chosen)
    assert code == 0, out + err
    assert "steady: 100 users for 2 s" in out
    assert "create_work_order" in out
    assert "NO_BASELINE" in out
    code, out, err = run(capsys, str(easy), *chosen, "--json")
    found = json.loads(out)
    # the first run is the baseline of the second: the same test again
    assert found["state"] in {"OK", "SUSPECTED"}, found
    assert code == (0 if found["state"] == "OK" else 1)
    assert found["transactions"] == sum(row["transactions"] for row in found["operations"])
    assert found["broken_limits"] == []
    # the package's own asks for more than 100 users can
    code, out, _ = run(capsys, "hs_peak_season", *chosen)
    assert code == 1
    assert "tps is below 100 tps" in out


def test_a_wrong_call_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "nothing", "--target", "thorbis")
    assert code == 2
    assert "load scenario 'nothing' is unknown" in err
    code, _, err = run(capsys, "hs_peak_season", "--target", "nobody")
    assert code == 2
    assert "'nobody' is not declared" in err
    code, _, err = run(capsys, "hs_peak_season", "--target", "thorbis", "--pooler", "NO_POOL_URL")
    assert code == 2
    assert "environment variable NO_POOL_URL is not set" in err


@pytest.mark.server
def test_two_settings_are_compared(
    easy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # five pairs decide what differs by as much as an index, by what no busy machine changes
    monkeypatch.setattr(ab, "LOOKS", (5,))
    raw = yaml.safe_load(easy.read_text())
    (history,) = [each for each in raw["operations"] if each["name"] == "customer_history"]
    raw["operations"] = [{**history, "weight": 100, "think_time_ms": 0}]
    easy.write_text(yaml.safe_dump(raw))
    slow = ("enable_indexscan=off", "enable_bitmapscan=off", "enable_indexonlyscan=off")
    chosen = [
        *("ab", str(easy), "--a", "thorbis", "--block", "1", "--users", "1"),
        *("--metric", "blocks", "--json"),
        *(word for setting in slow for word in ("--b-set", setting)),
    ]
    assert cli.run(cli.cli, chosen) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["decision"] == "A is better"
    by_name = {each["metric"]: each for each in found["metrics"]}
    assert by_name["blocks"]["low"] > 2
    assert set(by_name) == {"blocks", "p50_ms", "p95_ms", "p99_ms", "throughput_tps"}
    assert by_name["p95_ms"]["pairs"] == 5
    # a setting the server does not know is told before any load
    wrong = [*chosen[:-2], "--b-set", "no_such_setting=1"]
    assert cli.run(cli.cli, wrong) == 2
    assert "no_such_setting" in capsys.readouterr().err
    assert cli.run(cli.cli, [*chosen[:-1], "nonsense"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err
