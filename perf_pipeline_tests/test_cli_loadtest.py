"""`perf-pipeline loadtest`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from perf_pipeline import cli, settings
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.loadtests import scenario
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
