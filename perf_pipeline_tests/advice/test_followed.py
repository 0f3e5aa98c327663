"""Advice that was followed is measured, and taken back where nothing is faster."""

from typing import Any

from perf_pipeline.advice.followed import judge, without_gain


def row(name: str = "app.t (a)", query: int = 1, **more: Any) -> dict[str, Any]:
    return {"object_name": name, "queryid": query, "before_ms": 100.0, "before_calls": 50,
            "after_ms": 5.0, "after_calls": 50, "after_days": 3, **more}  # fmt: skip


def outcomes(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.object_name, each.outcome) for each in judge(rows)]


def test_a_gain_is_confirmed_by_one_statement() -> None:
    assert outcomes(row(), row(query=2, after_ms=100.0)) == [("app.t (a)", "confirmed")]


def test_no_gain_needs_every_statement() -> None:
    assert outcomes(row(after_ms=95.0)) == [("app.t (a)", "no_gain")]
    assert outcomes(row(after_ms=95.0), row(query=2, after_calls=3)) == []


def test_too_early_is_not_judged() -> None:
    assert outcomes(row(after_days=1)) == []
    assert outcomes(row(after_ms=None, after_calls=None, after_days=0)) == []
    assert outcomes(row(before_ms=None, before_calls=None)) == []


def test_an_index_without_gain_is_advised_to_go() -> None:
    (outcome,) = judge([row(after_ms=95.0)])
    advice = without_gain(outcome, "DROP INDEX CONCURRENTLY app.x")
    assert advice.kind == "index_without_gain"
    assert "100.00 ms before, 95.00 after" in advice.evidence
