"""What drains did is kept, told by drain and by hour, and forgotten in the end."""

from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.invalidation import record
from perf_pipeline.invalidation.figures import Drained, Served, Tally, coalescing, percentile, worst
from perf_pipeline.store import Store, log_retention

pytestmark = pytest.mark.server

AT = datetime(2026, 3, 1, 10, 59, tzinfo=UTC)


def drained(at: datetime = AT, **more: object) -> Drained:
    tally = Tally("kept", changes=10, refreshed=4, staleness_s=[3.0, 1.0, 2.0, 4.0])
    tally.called(0.5)
    served = (tally.result(), Served("idle"), Served("lost", down="redis: refused"))
    return Drained("app", at, 1.5, "idle", 12, served, **more)  # type: ignore[arg-type]


def test_a_drain_is_kept_by_cache_type(store: Store) -> None:
    assert record.add(store, drained()) == 1
    kept, lost = record.recent(store, "app", AT)
    assert (kept["cache_type"], lost["cache_type"]) == ("kept", "lost")
    assert (kept["changes"], kept["refreshed"], kept["avoided"]) == (10, 4, 6)
    assert (kept["staleness_p50_s"], kept["staleness_p99_s"]) == (2.0, 4.0)
    assert (kept["down"], lost["down"]) == (None, "redis: refused")
    assert lost["staleness_p99_s"] is None  # nothing was refreshed: not known, not 0
    assert record.recent(store, "other", AT) == []
    assert record.recent(store, "app", AT + timedelta(seconds=1)) == []


def test_hours_add_up(store: Store) -> None:
    for minutes in (0, 1, 2):
        record.add(store, drained(AT + timedelta(minutes=minutes)))
    hours = record.by_hour(store, "app", AT - timedelta(hours=1), AT + timedelta(hours=1))
    told = [(row["hour"].hour, row["cache_type"], row["changes"]) for row in hours]
    assert told == [(10, "kept", 10), (10, "lost", 0), (11, "kept", 20), (11, "lost", 0)]


def test_who_did_nothing_leaves_no_row(store: Store) -> None:
    assert record.add(store, Drained("app", AT, 0.1, "idle", 0, (Served("kept"),))) is None


def test_old_drains_are_forgotten(store: Store) -> None:
    record.add(store, drained())
    record.add(store, drained(AT + timedelta(days=2)))
    keep = log_retention.Keep(log_days=62)
    now = AT + timedelta(days=63)
    assert log_retention.prune(store, keep, now)["invalidation_drains"] == 1
    assert {row["drain_id"] for row in record.recent(store, "app", AT)} == {2}


def test_json_tells_what_was_spared() -> None:
    told = drained(unknown=2).as_json()
    assert told["served"][0]["avoided"] == 6
    assert (told["unknown"], told["started_at"]) == (2, AT.isoformat())


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 2.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_percentiles_are_values_that_were(share: float, expected: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], share) == expected
    assert percentile([], share) is None


def test_of_nothing_nothing_is_told() -> None:
    assert coalescing(10, 4) == 2.5
    assert coalescing(10, 0) is None
    assert worst([None, 1.0, 3.0]) == 3.0
    assert worst([None]) is None
