"""What is known to need nothing: equal to a plan made anew, and forgotten when anything changes."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perf_pipeline.partitions import apply, catalog, steady
from perf_pipeline.partitions.model import Existing, Policy, Span
from perf_pipeline.partitions.plan import plan
from perf_pipeline.partitions.ranges import after
from perf_pipeline_tests.partitions.conftest import Shop, months_ago
from perf_pipeline_tests.partitions.test_plan import NOW, existing, month, policy, time_cases

THIS, NEXT = months_ago(0)[2], months_ago(-1)[2]


@settings(max_examples=100)
@given(time_cases(), st.floats(0.0, 1.0), st.integers(0, 800))
def test_what_is_known_is_what_a_plan_says(
    case: tuple[Policy, Existing, datetime], days: float, more: int
) -> None:
    chosen, there, now = case
    chosen = replace(chosen, headroom_days=None)
    there = replace(there, default_periods=(), default_has_rows=False)
    done = after(plan(chosen, there, now), there)
    done = replace(done, detached=(), default_has_rows=None if done.default is None else False)
    made = plan(chosen, done, now)
    assume(not made.steps and not made.problems)
    known = steady.settled(chosen, done, made, now)
    assert known is not None
    for later in (now, now + timedelta(days=days), now + timedelta(days=more * days)):
        said = known.plan(chosen, later)
        if said is not None:
            assert said == plan(chosen, done, later)
    assert known.plan(chosen, now) == made


def test_what_is_due_by_the_clock_alone_is_not_known() -> None:
    kept = policy(premake=1, retention=Span(2, "month"), then="detach", fill_gaps=False)
    there = existing(month(2026, 10), month(2026, 11), month(2026, 12))
    known = steady.settled(kept, there, plan(kept, there, NOW), NOW)
    assert known is not None
    # a new month begins, for which the one to be kept ready is missing
    assert known.plan(kept, datetime(2026, 11, 30, 23)) is not None
    assert known.plan(kept, datetime(2026, 12, 1)) is None
    # October is old on the first of January
    ready = replace(there, partitions=(*there.partitions, month(2027, 1), month(2027, 2)))
    known = steady.settled(kept, ready, plan(kept, ready, NOW), NOW)
    assert known is not None
    assert known.plan(kept, datetime(2026, 12, 31, 23, 59)) is not None
    assert known.plan(kept, datetime(2027, 1, 1)) is None
    # a clock that went back
    assert known.plan(kept, NOW - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "unsure",
    [
        {"headroom_days": 3.0},
        {"premake": 5},
    ],
)
def test_what_depends_on_rows_or_has_steps_is_not_remembered(unsure: dict[str, Any]) -> None:
    chosen = policy(**{"premake": 1, **unsure})
    there = existing(month(2026, 11), month(2026, 12))
    assert steady.settled(chosen, there, plan(chosen, there, NOW), NOW) is None


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Parents that were looked at whole, look by look."""
    found: list[list[str]] = []
    real = catalog.read

    def read(connection: Any, policies: Any, *args: Any, **kwargs: Any) -> Any:
        found.append([policy.parent for policy in policies])
        return real(connection, policies, *args, **kwargs)

    monkeypatch.setattr(catalog, "read", read)
    steady.forget()
    return found


@pytest.mark.server
def test_anything_that_changes_is_looked_at_whole(shop: Shop, looks: list[list[str]]) -> None:
    chosen = shop.policy()
    parent, default = chosen.parent, "app.events_default"

    def whole(*policies: Policy) -> list[str]:
        looks.clear()
        _, made = apply.look_and_plan(
            shop.store, shop.name, shop.url, policies or (chosen,), detail=False
        )
        _, anew = apply.look_and_plan(shop.store, shop.name, shop.url, policies or (chosen,))
        for name, each in made.items():
            here, there = each, anew[name]
            assert (here.covered, here.missing, here.default_empty, here.problems) == (
                there.covered,
                there.missing,
                there.default_empty,
                there.problems,
            )
        return looks[0]

    shop.run(chosen)
    assert (whole(), whole()) == ([parent], [])
    looks.clear()
    assert shop.did(chosen) == []
    assert [read for read in looks if read] == []
    # another policy; another column name and back
    assert whole(shop.policy(premake=2)) == [parent]
    assert whole() == []
    change = shop.connection.execute
    change("ALTER TABLE app.events RENAME COLUMN at TO on_day")
    assert whole() == [parent]
    change("ALTER TABLE app.events RENAME COLUMN on_day TO at")
    assert whole() == []
    # detached, attached with other bounds, attached as before
    _, last, _ = months_ago(-1)
    change(f"ALTER TABLE app.events DETACH PARTITION app.events_{NEXT}")
    assert whole() == [parent]
    change(
        f"ALTER TABLE app.events ATTACH PARTITION app.events_{NEXT}"
        f" FOR VALUES FROM ('{months_ago(-1)[0]} 12:00+00') TO ('{last}+00')"
    )
    assert whole() == [parent]
    change(
        f"ALTER TABLE app.events DETACH PARTITION app.events_{NEXT};"
        f"ALTER TABLE app.events ATTACH PARTITION app.events_{NEXT}"
        f" FOR VALUES FROM ('{months_ago(-1)[0]}+00') TO ('{last}+00')"
    )
    assert (whole(), whole()) == ([parent], [])
    # a default partition, which has rows, is locked, or has our constraint
    change(f"CREATE TABLE {default} PARTITION OF app.events DEFAULT")
    assert (whole(), whole()) == ([parent], [])
    with psycopg.connect(shop.url) as holder:
        holder.execute(f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE")
        looks.clear()
        apply.look_and_plan(shop.store, shop.name, shop.url, (chosen,), detail=False)
        assert looks == [[parent]]
    change(f"ALTER TABLE {default} ADD CONSTRAINT perf_pipeline_without_x CHECK (true)")
    assert whole() == [parent]
    change(f"ALTER TABLE {default} DROP CONSTRAINT perf_pipeline_without_x")
    assert whole() == []
    shop.fill("1990-01-01", 1)
    assert whole() == [parent]
    # the table is made anew with the same partitions
    change("DROP TABLE app.events CASCADE; CREATE TABLE app.events (at int)")
    assert whole() == [parent]


@pytest.mark.server
def test_a_detach_that_was_begun_is_not_overlooked(shop: Shop, looks: list[list[str]]) -> None:
    first, last, suffix = months_ago(5)
    shop.partition(first, last, f"events_{suffix}")
    chosen = shop.policy(fill_gaps=False)
    shop.run(chosen)
    assert shop.did(chosen) == []
    with psycopg.connect(shop.url) as reader, psycopg.connect(shop.url, autocommit=True) as other:
        reader.execute("SELECT count(*) FROM app.events")
        other.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(
                f"ALTER TABLE app.events DETACH PARTITION app.events_{suffix} CONCURRENTLY"
            )
    assert shop.did(chosen) == [("finalize", suffix, "done")]
