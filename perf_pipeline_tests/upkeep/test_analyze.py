from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.upkeep.analyze import plan
from perf_pipeline.upkeep.model import Analyze
from perf_pipeline_tests.upkeep.rows import NOW, table

POLICY = Analyze()


def due(*rows: dict[str, object], major: int = 18) -> list[str]:
    return [step.object_name for step in plan(list(rows), POLICY, major) if step.todo]


def test_only_where_enough_rows_changed_the_largest_share_first() -> None:
    rows = [
        table("still", changed_rows=0),
        table("little", changed_rows=49),
        table("under", changed_rows=4_999, live_rows=100_000),
        table("at", changed_rows=5_000, live_rows=100_000),
        table("all", changed_rows=1_000),
    ]
    assert due(*rows) == ["app.all", "app.at"]


def test_a_role_that_may_not_is_told_and_nothing_is_done() -> None:
    (step,) = plan([table("theirs", changed_rows=500, may_maintain=False)], POLICY, 18)
    assert not step.todo
    assert "may not analyze" in step.reason


def test_a_partitioned_table_is_due_by_its_partitions() -> None:
    root = table("root", relid=1, kind="partitioned table", live_rows=0, planner_rows=-1.0)
    quiet = table("a", root_relid=1)
    assert due(root, quiet) == []
    # autovacuum came to the partition after the whole was analyzed: a tenth of it had changed
    again = table("a", root_relid=1, last_analyze=NOW + timedelta(hours=1))
    assert due(root, again) == ["app.root"]
    never = {**root, "last_analyze": None}
    assert due(never, quiet) == ["app.root"]
    assert due(never, table("a", root_relid=1, live_rows=0, planner_rows=-1.0)) == []


def test_before_18_the_partitions_are_not_analyzed_twice() -> None:
    root = table("root", relid=1, kind="partitioned table", live_rows=0, planner_rows=-1.0)
    changed = table("a", root_relid=1, changed_rows=900)
    assert due(root, changed, major=17) == ["app.root"]
    steps = plan([root, changed], POLICY, 18)
    assert {step.object_name: step.detail["only"] for step in steps} == {
        "app.a": False,
        "app.root": True,
    }


def test_partitions_are_analyzed_before_their_root_so_that_it_is_not_due_again() -> None:
    """Partitions of few rows, which autovacuum never comes to, made the whole due for ever."""
    root = table("root", relid=1, kind="partitioned table", live_rows=0, planner_rows=-1.0)
    size = {"live_rows": 30, "planner_rows": 30.0, "changed_rows": 30}
    few = [table(f"p{n}", relid=10 + n, root_relid=1, **size) for n in (1, 2)]
    quiet = table("q", relid=20, root_relid=1, live_rows=1_000, changed_rows=20)
    big = table("s", relid=21, root_relid=1, live_rows=1_000, changed_rows=60)
    assert due(root, *few, quiet, big) == ["app.p1", "app.p2", "app.s", "app.root"]
    # alone, such partitions are left to autovacuum
    assert due(few[0]) == []
    later = NOW + timedelta(minutes=1)
    done = [{**leaf, "changed_rows": 0, "last_analyze": later} for leaf in (*few, big)]
    whole = {**root, "last_analyze": later + timedelta(minutes=1)}
    assert due(whole, *done, quiet) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(-1, 1e9)), max_size=30
    )
)
def test_every_step_is_due_and_none_is_forgotten(facts: list[tuple[int, int, float]]) -> None:
    rows = [
        table(f"t{n}", relid=n, changed_rows=changed, live_rows=live, planner_rows=planned)
        for n, (changed, live, planned) in enumerate(facts)
    ]
    found = {step.object_name for step in plan(rows, POLICY, 18)}
    for row in rows:
        known = max(float(row["live_rows"]), row["planner_rows"], 0.0)
        share = row["changed_rows"] / max(known, row["changed_rows"], 1.0)
        wanted = row["changed_rows"] >= 50 and share * 100.0 >= 5.0
        assert (f"app.{row['table_name']}" in found) == wanted
