"""`perf-pipeline invalidation plan|install`: what a user sees, and exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from perf_pipeline import cli
from perf_pipeline.components import catalog
from perf_pipeline_tests.invalidation.support import CLINIC, run

pytestmark = pytest.mark.server

BLOCK = """
type: perf_pipeline.components.PostgresTarget
attributes:
  name: clinic
  url_env: CLINIC_URL
  history_start: "2026-01-01"
  invalidation:
    - name: dashboard
      captured:
        - {table: clinic.visits, entity: ENTITY}
"""


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.cli, ["invalidation", *arguments, "--target", "clinic"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_plan_and_install(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = make_database()
    run(url, CLINIC)
    monkeypatch.setenv("CLINIC_URL", url)
    declared: Any = catalog.declared_caches
    monkeypatch.setattr(catalog, "declared_caches", lambda name: declared(name, tmp_path))
    monkeypatch.setattr(catalog, "declared_target", lambda name: declared(name, tmp_path)[0])
    file = tmp_path / "defs.yaml"

    file.write_text(BLOCK.replace("ENTITY", "patient_id"))
    code, said = invoke("plan")
    assert code == 1
    assert "rule          dashboard: clinic.visits (patient_id)  (new)" in said
    assert invoke("install")[0] == 0
    assert invoke("plan") == (0, "clinic: all that is declared is captured\n")
    assert "was captured already" in invoke("install")[1]
    code, said = invoke("install", "--json")
    assert json.loads(said) == {"target": "clinic", "done": []}
    code, said = invoke("plan", "--json")
    assert json.loads(said)["armed"] is True
    assert cli.run(cli.cli, ["invalidation", "uninstall", "--target", "clinic"]) == 2
    assert invoke("plan")[0] == 0
    assert invoke("uninstall", "--yes") == (
        0,
        "clinic: 5 triggers and all records of invalidation are taken away\n",
    )
    assert invoke("plan")[0] == 1

    file.write_text(BLOCK.replace("ENTITY", "patent_id"))
    told = cli.run(cli.cli, ["invalidation", "plan", "--target", "clinic"])
    assert told == 2
