"""The main job, as a user runs it: the regression it causes is found, sized and explained."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from perf_pipeline_tests.integration.conftest import Demo, processes, run_demo

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]


def test_finding_names_statement_onset_size_severity_and_cause(demo: Demo) -> None:
    found = demo.summary
    assert "work_orders" in found["statement"]
    assert "customer_id" in found["statement"]
    onset = datetime.fromisoformat(found["onset"])
    dropped = datetime.fromisoformat(found["dropped_at"])
    # sweeps are 0.8 s apart: the onset is the first of the new level, within a few of them
    assert abs(onset - dropped) < timedelta(seconds=5)
    assert found["factor"] > 2
    assert found["factor_low"] <= found["factor"] <= found["factor_high"]
    assert found["new_level"] > found["old_level"] > 0
    assert found["p_value"] < 0.001
    assert found["severity"] == "critical"
    assert found["cause_is_the_dropped_index"]


def test_the_other_systems_ran_a_load_of_their_own_and_were_swept(demo: Demo) -> None:
    others = {other["system"]: other for other in demo.summary["others"]}
    assert set(others) == {"menuca", "omninode", "guardian"}
    for other in others.values():
        assert other["rows"] > 5_000
        assert other["transactions"] > 50
        assert other["p95_ms"] > 0
        assert other["sweeps"] >= 2
        assert other["statements"] > 5
        # what could not be measured in a few seconds is told apart from what passed
        levels = other["levels"]
        assert levels["passed"] >= 1
        assert levels["passed"] + levels.get("missed", 0) >= 3
        assert levels["not measured"] >= 1


def test_report_is_one_file_that_needs_no_network(demo: Demo) -> None:
    html = Path(demo.summary["report"]).read_text(encoding="utf-8")
    assert "idx_hs_work_orders_customer_history" in html
    assert "<svg" in html
    assert 'src="http' not in html
    assert len(html.encode()) < 1_000_000


def test_nothing_is_left_running(demo: Demo) -> None:
    assert [one for one in processes().values() if str(demo.home) in one.command] == []
    assert not (demo.home / "embedded" / "endpoint.json").exists()


def test_a_second_run_in_the_same_folder_finds_its_own_regression(demo: Demo) -> None:
    again = run_demo(demo.home)
    assert again["cause_is_the_dropped_index"]
    assert again["factor"] > 2
    assert again["onset"] > demo.summary["onset"]
    assert again["queryid"] == demo.summary["queryid"]
