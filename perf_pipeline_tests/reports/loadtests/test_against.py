"""One figure beside those of a baseline's runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports.loadtests import against
from perf_pipeline_tests.reports.loadtests.made import operation, statement


@pytest.mark.parametrize(
    ("current", "earlier", "verdict"),
    [
        (130.0, [100.0, 101.0, 99.0], "worse"),
        (119.0, [100.0, 101.0, 99.0], "same"),
        (80.0, [100.0, 101.0, 99.0], "better"),
        (84.0, [100.0, 101.0, 99.0], "same"),  # 1 / 1.2 is 0.833
        (130.0, [100.0, 140.0, 80.0], "same"),  # they vary by as much
        (300.0, [100.0, 140.0, 80.0], "worse"),
        (130.0, [100.0, 101.0], "few runs"),
        (270.0, [100.0, 100.0], "few runs"),
        (275.0, [100.0, 100.0], "worse"),
        (36.0, [100.0], "better"),
        (101.0, [100.0], "same"),
        (130.0, [], "new"),
        (130.0, [None, 0.0, float("nan")], "new"),
        (None, [100.0] * 3, "gone"),
        (None, [], "no data"),
        (0.0, [100.0] * 3, "no data"),
        (float("inf"), [100.0] * 3, "no data"),
    ],
)
def test_the_verdict(current: float | None, earlier: list[float | None], verdict: str) -> None:
    assert against.against("a", current, earlier, 20.0).verdict == verdict


def test_of_throughput_less_is_worse() -> None:
    found = against.against("tps", 60.0, [100.0] * 4, 15.0, more_is_worse=False)
    assert (found.verdict, found.normal, found.runs) == ("worse", 100.0, 4)
    assert found.change == pytest.approx(-0.4)


_FIGURE = st.one_of(st.none(), st.floats(allow_nan=True), st.floats(0, 1e9))


@given(_FIGURE, st.lists(_FIGURE, max_size=8))
def test_nothing_unmeasured_is_ever_better(current: float | None, rest: list[float | None]) -> None:
    found = against.against("a", current, rest, 20.0)
    if current is None or not current > 0 or current == float("inf"):
        assert found.verdict in {"no data", "gone"}
    assert found.verdict in against.VERDICTS


def test_operations_are_compared_by_name_the_worst_first() -> None:
    now = [operation("read", 5.0), operation("slow", 40.0), operation("new", 1.0)]
    earlier = [[operation("read", 5.0), operation("slow", 10.0), operation("old", 2.0)]] * 3
    found = against.operations(now, earlier, 20.0)
    assert [(each.name, each.verdict) for each in found] == [
        ("slow", "worse"),
        ("new", "new"),
        ("old", "gone"),
        ("read", "same"),
    ]


def test_statements_are_compared_by_their_key() -> None:
    def row(number: int, mean: float, **changes: object) -> dict[str, object]:
        return {**statement(number, 10, mean), "mean_ms": mean, **changes}

    earlier = [[row(1, 10.0), row(2, 10.0)]] * 3
    found = against.statements([row(1, 30.0), row(2, 10.0), row(1, 30.0, userid=11)], earlier, 20)
    assert [each.verdict for each in found.values()] == ["worse", "same", "new"]
