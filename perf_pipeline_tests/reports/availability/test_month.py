"""A month of looks: what it was, what is left, and its page."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline import settings
from perf_pipeline.postgres.promises import Promises
from perf_pipeline.postgres.target import Target
from perf_pipeline.reports.availability import build, defs
from perf_pipeline.reports.availability.model import Month, month
from perf_pipeline.reports.availability.render import headline, render
from perf_pipeline.store import Store
from perf_pipeline.store.looks import Look

START = datetime(2026, 11, 1, tzinfo=UTC)
HALF = timedelta(seconds=30)
DAY = timedelta(days=1)


def look(at: datetime, there: bool, reason: str = "") -> Look:
    return {"ts": at, "there": there, "postmaster_start": None, "reason": reason}


def probed(away: set[int], days: int = 2, now: datetime | None = None) -> Month:
    looks = [
        look(START + n * HALF, n not in away, "pool: <refused>" if n in away else "")
        for n in range(days * 2880)
    ]
    return month("shop", date(2026, 11, 9), 99.9, looks, now or START + days * DAY)


def test_a_month_has_its_own_budget() -> None:
    found = probed(set())
    assert found.first == START.date()
    # 99.9 % of 30 days; 8.76 hours a year
    assert found.budget == timedelta(minutes=43, seconds=12)
    assert found.budget * 365 / 30 == timedelta(hours=8.76)
    assert (found.share, found.left, found.over) == (100.0, found.budget, False)
    assert probed(set(), 30, START + 40 * DAY).over


def test_what_is_shorter_than_five_minutes_counts_once() -> None:
    # two outages of a minute and of half a minute, one of them over midnight
    found = probed({2879, 2880, 4000})
    assert found.whole.away == timedelta(seconds=90)
    assert [each.length for each in found.whole.stretches] == [2 * HALF, HALF]
    assert [seen.away for _, seen in found.days] == [HALF, 2 * HALF]
    assert sum((seen.seen for _, seen in found.days), timedelta()) == found.whole.seen
    page = render(found)
    assert "41 min 42 s of 43 min 12 s are left" in headline(found)
    assert "pool: &lt;refused&gt;" in page.html
    assert "<refused>" not in page.html
    assert "2026-11-01 23:59:30" in page.html
    assert page.markdown.count("pool: ") == 2
    assert render(probed({2879, 2880, 4000})) == page


def test_a_broken_promise_says_by_how_much() -> None:
    found = probed(set(range(100, 200)))
    assert found.spent > 1
    assert "6 min 48 s longer than the 43 min 12 s" in headline(found)
    assert render(found).html.count("<h1>") == 1


def test_what_nobody_looked_at_is_counted_neither_way() -> None:
    found = month("shop", START.date(), 99.9, [], START + DAY)
    assert (found.share, found.observed) == (None, 0.0)
    assert headline(found).startswith("Nothing is known")
    looks = [look(START + n * HALF, there=True) for n in range(60)]
    part = month("shop", START.date(), 99.9, looks, START + DAY)
    assert part.share == 100.0
    assert "nobody knows" in render(part).html
    # of a month that has not begun nothing is told
    assert month("shop", date(2026, 12, 1), 99.9, [], START).days == ()


@given(st.lists(st.tuples(st.integers(-40, 4400), st.booleans()), max_size=60))
def test_days_add_up_to_the_month(minutes: list[tuple[int, bool]]) -> None:
    rows = sorted({m: look(START + timedelta(minutes=m), there) for m, there in minutes}.items())
    found = month("shop", START.date(), 99.9, [row for _, row in rows], START + 3 * DAY)
    for name in ("there", "away"):
        parts = sum((getattr(seen, name) for _, seen in found.days), timedelta())
        assert parts == getattr(found.whole, name)
    assert sum((each.length for each in found.whole.stretches), timedelta()) >= found.whole.away
    assert found.whole.seen <= 3 * DAY


@pytest.mark.server
def test_the_asset_makes_pages_and_checks_the_budget(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    first = now.date().replace(day=1)
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO monitoring.measurements SELECT 'shop', 'probe_ms', 'pool', at, 3.0"
            " FROM generate_series(%s::timestamptz, %s, interval '30 seconds') AS at",
            (now - timedelta(hours=3), now - timedelta(hours=2)),
        )
        connection.execute(
            "INSERT INTO monitoring.unreached SELECT 'shop', at, 'refused'"
            " FROM generate_series(%s::timestamptz, %s, interval '30 seconds') AS at",
            (now - timedelta(hours=2), now),
        )
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("PERF_HOME", str(tmp_path))
    settings.current.cache_clear()
    promises = Promises(availability_percent=99.9)
    shop = Target("shop", "SHOP_URL", date(2020, 1, 1), promises=promises)
    plain = Target("plain", "SHOP_URL", date(2020, 1, 1))
    made = defs.availability_definitions([shop, plain])
    (asset,) = made.assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    done = dg.materialize([asset], partition_key=first.isoformat())
    (check,) = done.get_asset_check_evaluations()
    (event,) = done.get_asset_materialization_events()
    if now - timedelta(hours=3) >= datetime(first.year, first.month, 1, tzinfo=UTC):
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert event.materialization.metadata["away_minutes"].value == pytest.approx(120, abs=1)
    html = tmp_path / "reports" / "shop" / "availability" / f"{first}.html"
    assert "Error budget" in html.read_text()
    # of long ago the store has only what was away: pages stay as they were made
    assert build.months(store, "shop", 99.9, date(2020, 1, 1), date(2020, 3, 1), now) == []
    old = dg.materialize([asset], partition_key="2020-01-01", raise_on_error=False)
    assert not old.success
    (schedule,) = made.schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    at = datetime(2026, 11, 1, 0, 20, tzinfo=UTC)
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context,
    ):
        request = schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-10-01"  # the month that has just ended, once more
