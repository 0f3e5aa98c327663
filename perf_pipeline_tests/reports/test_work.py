"""What a day's statements did: what could be judged, the top ones, the latency of all calls."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from perf_pipeline.reports import latency, work
from perf_pipeline.reports.model import Judgement, Statement


def row(
    queryid: int, exec_ns: int, samples: int = 90, exact: int = 12, **more: Any
) -> dict[str, Any]:
    return {
        "queryid": queryid,
        "userid": 1,
        "dbid": 2,
        "toplevel": True,
        "calls": 10,
        "exec_ns": exec_ns,
        "squares": exec_ns**2 / 1e8,
        "exact_intervals": exact,
        "baseline_samples": samples,
    } | more


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(work.SCHEMA))


@pytest.mark.parametrize(
    ("samples", "exact", "reason"),
    [
        (10, 5, None),
        (0, 5, "no baseline yet"),
        (9, 5, "its baseline rests on fewer than 10 samples"),
        (10, 4, "fewer than 5 exact intervals this day"),
        (0, 0, "no exact interval this day"),
    ],
)
def test_doubt(samples: int, exact: int, reason: str | None) -> None:
    assert frame(row(1, 1, samples, exact)).select(work.doubt()).item() == reason


def test_judgement_counts_statements_and_time() -> None:
    rows = frame(row(1, 60), row(2, 30, samples=0), row(3, 10, exact=2))
    known = {(2, 1, 2): Statement(2, text="SELECT 2", text_length=8)}
    found = work.judgement(rows, known)
    assert (found.statements, found.unjudged, found.unjudged_share) == (3, 2, 0.4)
    assert found.reasons == (
        ("no baseline yet", 1, 0.3),
        ("fewer than 5 exact intervals this day", 1, 0.1),
    )
    assert [e.statement.text for e in found.examples] == ["SELECT 2", None]
    assert work.judgement(work.EMPTY, {}) == Judgement()


def test_only_statements_of_clients_are_top() -> None:
    rows = frame(row(1, 60, toplevel=False), *(row(i, 50 - i) for i in range(2, 30)))
    assert [each["queryid"] for each in work.top(rows)] == list(range(2, 17))
    assert work.shown(rows) == set(range(2, 17))
    assert work.shown(frame(row(1, 60, toplevel=False, samples=0))) == {1}


def test_latency_of_all_calls_is_unknown_where_one_spread_is() -> None:
    rows = frame(row(1, 6_000_000), row(2, 3_000_000))
    expected = latency.percentile(
        np.array([10.0, 10.0]), np.array([6.0, 3.0]), rows["squares"].to_numpy() / 1e3
    )
    assert work.p95_ms(rows) == expected
    assert expected is not None
    assert expected > 0.3
    assert work.p95_ms(frame(row(1, 6_000_000), row(2, 3_000_000, squares=None))) is None
    assert work.p95_ms(work.EMPTY) is None
