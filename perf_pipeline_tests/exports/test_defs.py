"""The asset that writes metrics into files."""

import json
from pathlib import Path

import dagster as dg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from perf_pipeline.exports.defs import metrics_export
from perf_pipeline_tests.exports.conftest import Swept

pytestmark = pytest.mark.server


def test_files_are_written_for_those_who_read_files(
    swept: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_HOME", str(tmp_path))
    monkeypatch.setenv("PERF_STORE_URL", swept.store.url)
    result = dg.materialize([metrics_export])
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    text = (tmp_path / "exports" / "metrics.prom").read_text()
    samples = [s for f in text_string_to_metric_families(text) for s in f.samples]
    counted = [s for s in samples if not s.name.endswith(("_created", "_up", "scrape_seconds"))]
    assert metadata["series"].value == len(counted)
    made = json.loads((tmp_path / "exports" / "exported.json").read_text())
    assert made["health"] == "OK"
    assert {path.name for path in (tmp_path / "exports").iterdir()} >= {"metrics.prom"}
    assert not list((tmp_path / "exports").glob(".*"))
