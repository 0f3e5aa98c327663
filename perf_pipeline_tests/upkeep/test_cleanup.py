from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.upkeep.cleanup import in_order, keepers_of, plan
from perf_pipeline.upkeep.model import Also, Retention
from perf_pipeline_tests.upkeep.rows import NOW, leaf, reference


def rule(table: str, keep: str = "30 days", **more: Any) -> Retention:
    return Retention(table=f"app.{table}", column="at", keep=keep, **more)


@pytest.mark.parametrize(
    ("keep", "now", "cutoff"),
    [
        ("30 days", datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 1, 30, 5, tzinfo=UTC)),
        ("1 month", datetime(2026, 3, 31, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
        ("13 months", datetime(2026, 1, 15, tzinfo=UTC), datetime(2024, 12, 15, tzinfo=UTC)),
        ("7 years", datetime(2028, 2, 29, tzinfo=UTC), datetime(2021, 2, 28, tzinfo=UTC)),
    ],
)
def test_the_cutoff_is_the_calendars(keep: str, now: datetime, cutoff: datetime) -> None:
    assert rule("t", keep).cutoff(now) == cutoff


@given(st.integers(1, 9_999), st.sampled_from(["day", "month", "year"]))
def test_nothing_younger_than_the_period_is_due(count: int, unit: str) -> None:
    try:
        cutoff = rule("t", f"{count} {unit}s").cutoff(NOW)
    except ConfigurationError:
        assert count > 2_000
        return
    shortest = {"day": 1, "month": 28, "year": 365}[unit] * count
    assert NOW - cutoff >= timedelta(days=shortest)


def test_children_go_before_parents_whatever_the_order_of_the_rules() -> None:
    references = [reference("metrics", "events"), reference("events", "sources")]
    rules = [rule("sources"), rule("events"), rule("metrics"), rule("other")]
    order = [rules[place].table for place in in_order(rules, references)]
    assert order.index("app.metrics") < order.index("app.events") < order.index("app.sources")
    circle = [reference("a", "b"), reference("b", "a")]
    with pytest.raises(ConfigurationError, match="circle"):
        in_order([rule("a"), rule("b")], circle)
    # a tree in one table is no circle
    assert in_order([rule("a")], [reference("a", "a")]) == [0]


def test_rows_that_somebody_refers_to_stay() -> None:
    keepers, unseen = keepers_of(rule("events"), [reference("metrics", "events", on_delete="c")])
    assert [keeper.table_name for keeper in keepers] == ["metrics"]
    assert unseen == []
    # unless the rule itself deletes them along
    along = rule("events", also=(Also(table="app.metrics", columns={"id": "event_id"}),))
    assert keepers_of(along, [reference("metrics", "events")]) == ([], [])
    blind = plan(
        [rule("events")],
        {"app.events": [leaf("events")]},
        [reference("metrics", "events", is_indexed=False)],
        NOW,
    )
    assert not blind[0].todo
    assert "no index" in blind[0].reason


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"column_name": None}, "no column"),
        ({"type": "integer"}, "no timestamp"),
        ({"may_delete": False}, "may not delete"),
        ({"is_indexed": False}, "read the whole table"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_done(more: dict[str, Any], said: str) -> None:
    (step,) = plan([rule("t")], {"app.t": [leaf("t", **more)]}, [], NOW)
    assert not step.todo
    assert said in step.reason


def test_a_table_that_is_not_there_is_no_success() -> None:
    (step,) = plan([rule("t")], {"app.t": []}, [], NOW)
    assert (step.todo, step.reason) == (False, "there is no such table")


def test_each_partition_is_a_step_and_small_tables_need_no_index() -> None:
    found = plan(
        [rule("t")],
        {"app.t": [leaf("t_1"), leaf("t_2", is_indexed=False, planner_rows=100_000.0)]},
        [],
        NOW,
    )
    assert [step.object_name for step in found if step.todo] == ["app.t_1", "app.t_2"]
    assert found[0].detail["cutoff"] == NOW - timedelta(days=30)
