"""Cached values in the report: a picture, sums by type, nothing where nothing is declared."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from perf_pipeline.reports import cached, render
from perf_pipeline.reports.model import CachedHour, ReportData
from perf_pipeline.store import Store

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 1, 10)


def hour(at: datetime = AT, **more: Any) -> CachedHour:
    values: dict[str, Any] = {
        "cache_type": "kept", "changes": 100, "refreshed": 25, "failed": 0, "dead": 0,
        "process_s": 0.5, "slowest_s": 0.25, "staleness_p50_s": 2.5, "staleness_p99_s": 7.25,
        "staleness_max_s": 9.0,
    } | more  # fmt: skip
    return CachedHour(at, **values)


def page(*hours: CachedHour) -> str:
    return render.render(ReportData("app", DAY, "0", cached=hours)).html


def test_what_was_invalidated_is_shown() -> None:
    html = page(hour(), hour(AT + timedelta(hours=1), dead=2), hour(cache_type="<b>"))
    assert 'id="cached"' in html
    assert "cached-staleness" in html
    assert "75.0 %" in html or "75 %" in html  # spared
    assert "2 set aside" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html.split('id="cached"')[1].split("</section>")[0]


def test_nothing_declared_nothing_shown() -> None:
    assert "Cache invalidation" not in page()


def test_what_is_not_known_is_no_zero() -> None:
    lost = hour(changes=0, refreshed=0, staleness_p50_s=None, staleness_p99_s=None,
                staleness_max_s=None)  # fmt: skip
    assert cached.picture([lost], "n") == ""
    assert "—" in page(lost).split('id="cached"')[1].split("</section>")[0]
    (total,) = cached.totals([lost, hour()])
    assert (total.staleness_p99_s, total.changes) == (7.25, 100)


@pytest.mark.server
def test_hours_are_read_from_the_store_by_day(store: Store) -> None:
    with store.begin() as connection:
        for at in ("2026-03-01T10:10Z", "2026-03-01T10:50Z", "2026-03-02T00:00Z"):
            connection.execute(
                "WITH d AS (INSERT INTO maintenance.invalidation_drains (target, started_at,"
                " seconds, ended, folded, unknown, waiting, dead)"
                " VALUES ('app', %s, 1, 'idle', 5, 0, 0, 0) RETURNING drain_id)"
                " INSERT INTO maintenance.invalidation_served (drain_id, cache_type, changes,"
                " refreshed, changed_meanwhile, failed, dead, lost_lease, staleness_p99_s, calls,"
                " process_s, slowest_s) SELECT drain_id, 'kept', 5, 2, 0, 0, 0, 0, 1.5, 1, 0.1, 0.1"
                " FROM d",
                (at,),
            )
    found = cached.read(store, "app", DAY, DAY)
    assert list(found) == [DAY]
    (only,) = found[DAY]
    assert (only.hour, only.changes, only.refreshed) == (AT, 10, 4)
    assert cached.read(store, "other", DAY, DAY) == {}
