"""G-43: slow statements with trend and share of I/O."""

from typing import Any

import pytest

from perf_pipeline.advice.statements import advise


def row(**more: Any) -> dict[str, Any]:
    return {"queryid": 7, "calls": 100.0, "total_ms": 200_000.0, "io_ms": 190_000.0,
            "temp_blocks": 0.0, "days": 7, "early_ms": 2000.0, "late_ms": 2000.0,
            "query": "SELECT 1", "all_ms": 1e6, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("late", "severity"), [(2000.0, "info"), (3500.0, "warning"), (6500.0, "critical")]
)
def test_severity_is_by_trend(late: float, severity: str) -> None:
    (found,) = advise([row(late_ms=late)])
    assert found.severity == severity
    assert "95 % on blocks" in found.evidence
    assert found.gain.startswith("bound by reading")


def test_fast_and_rare_statements_are_left_alone() -> None:
    assert advise([row(total_ms=20_000.0)]) == []
    assert advise([row(calls=5.0)]) == []
    # one that becomes slower is told though it is fast, where it matters
    (found,) = advise([row(total_ms=20_000.0, early_ms=100.0, late_ms=300.0, io_ms=0.0)])
    assert found.severity == "warning"
    assert advise([row(total_ms=20_000.0, early_ms=100.0, late_ms=300.0, all_ms=1e9)]) == []


def test_what_was_not_measured_is_said() -> None:
    (found,) = advise([row(io_ms=None, early_ms=None)])
    assert "I/O was not timed" in found.evidence
    assert "no earlier days" in found.evidence
    assert found.figures["io_share"] is None


def test_temporary_files_ask_for_memory() -> None:
    found = advise([row(total_ms=20_000.0, temp_blocks=100.0 * 2048)])
    assert [each.kind for each in found] == ["spills"]
    assert "work_mem = '33MB'" in found[0].statement
