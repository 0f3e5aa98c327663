from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import coverage, highlights
from perf_pipeline.snapshots.coverage import Covered, Share, judge, of_interval, shares
from perf_pipeline.snapshots.evidence import Quality
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.service_levels import ACTIVE_TIME_COVERED
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.conftest import flush

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


# --- one interval -----------------------------------------------------------------------------


def interval(**more: Any) -> dict[str, pl.DataFrame]:
    statements = pl.DataFrame(
        {
            "toplevel": [True, True, False],
            "calls": [3, 4, 90],
            "total_exec_time": [100.0, 50.0, 149.0],
            "total_plan_time": [5.0, None, 0.0],
        }
    )
    database = pl.DataFrame(
        {"quality": ["exact"], "active_time": [200.0], "xact_commit": [6], "xact_rollback": [1]}
    )
    activity = pl.DataFrame(
        {
            "backend_type": ["client backend", "client backend", "walsender"],
            "sessions": [2, 1, 1],
            "oldest_xact_seconds": [1.5, None, 99.0],
        }
    )
    return {"statements": statements, "database": database, "activity": activity, **more}


def test_nested_statements_are_in_the_time_of_their_callers() -> None:
    assert of_interval(interval(), "exact") == Covered(200.0, 155.0, 7, 7, open_ms=3000.0)


@pytest.mark.parametrize("quality", ["first_seen", "reset"])
def test_after_a_reset_the_two_sides_do_not_compare(quality: Quality) -> None:
    assert of_interval(interval(), quality) is None
    assert of_interval(interval(), "lower_bound") is not None
    for column, value in {"quality": "lower_bound", "active_time": None}.items():
        rows = interval(database=interval()["database"].with_columns(pl.lit(value).alias(column)))
        assert of_interval(rows, "exact") is None


def test_where_nothing_happened_nothing_is_explained() -> None:
    rows = interval()
    untracked = of_interval({**rows, "statements": rows["statements"].clear()}, "exact")
    assert untracked == Covered(200.0, 0.0, 0, 7, open_ms=3000.0)
    early = of_interval({**rows, "database": rows["database"].clear()}, "exact")
    assert early == Covered(0.0, 155.0, 7, 0, open_ms=3000.0)
    idle = of_interval(interval(activity=pl.DataFrame()), "exact")
    assert idle is not None
    assert idle.open_ms == 0.0


# --- a span -----------------------------------------------------------------------------------


def row(number: int, active: float, explained: float, **more: float) -> dict[str, Any]:
    """Return the interval that ends so many times five minutes before now, in seconds of time."""
    return {
        "ts": NOW - number * FIVE,
        "seconds": 300.0,
        "active_ms": 1000 * active,
        "explained_ms": 1000 * explained,
        "explained_calls": 200,
        "transactions": 100,
        "open_ms": 0.0,
        "own_ms": 50.0,
        **more,
    }


def hour(rows: Iterable[dict[str, Any]]) -> Share:
    return shares(sorted(rows, key=lambda one: one["ts"]), NOW, 1)[0]


def test_our_own_time_is_not_the_databases() -> None:
    found = hour(row(n, 10.05, 9.4) for n in range(12))
    assert found.share == pytest.approx(0.94)
    assert found.per_transaction == 2.0
    assert found.why_not == ""


def test_an_idle_database_is_not_measurable() -> None:
    found = hour(row(n, 0.5, 0.1) for n in range(12))
    assert found.share is None
    assert "5.4 s of active time, 10 s needed" in found.why_not
    # most of it is our own
    found = hour(row(n, 10.0, 1.0, own_ms=5000.0) for n in range(12))
    assert found.share is None
    assert "300 s needed" in found.why_not


def test_a_minute_is_too_short() -> None:
    found = hour([row(0, 50.0, 49.0, seconds=60.0)])
    assert found.share is None
    assert "60 s of comparable intervals, 300 s needed" in found.why_not
    assert hour([]).share is None


def test_spans_are_told_apart() -> None:
    rows = [row(n, 10.05, 9.0 if n < 12 else 8.0) for n in reversed(range(24))]
    assert [found.share for found in shares(rows, NOW, 3)[:2]] == pytest.approx([0.9, 0.8])
    assert shares(rows, NOW, 3)[2].share is None


def test_time_that_a_long_transaction_tells_late_is_no_drop() -> None:
    """Three hours in one transaction: its statements are counted as they end, its time at last."""
    early = [row(n, 1.05, 200.0, open_ms=(36 - n) * 300e3) for n in range(1, 36)]
    late = row(0, 1.05 + 35 * 200.0, 200.0)
    found = shares(sorted([*early, late], key=lambda one: one["ts"]), NOW, 3)
    assert found[0].share is not None
    assert found[0].share > 0.95
    naive = late["explained_ms"] / late["active_ms"]
    assert naive < 0.05


def test_time_of_background_workers_excuses_nothing() -> None:
    """Their statements are counted, their time is not: too much once makes up for nothing later."""
    before = [row(n, 10.0, 50.0) for n in range(12, 24)]
    dropped = [row(n, 10.0, 4.0) for n in range(12)]
    found = shares(sorted([*before, *dropped], key=lambda one: one["ts"]), NOW, 2)
    assert found[1].share == pytest.approx(5.0, rel=0.01)
    assert found[0].share == pytest.approx(0.4, rel=0.01)


@given(
    st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), min_size=1, max_size=12),
    st.floats(0, 1e6),
)
def test_a_share_is_never_negative_and_late_time_never_made_up(
    times: list[tuple[float, float]], open_ms: float
) -> None:
    rows = [row(n, a, e, open_ms=open_ms) for n, (a, e) in enumerate(times)]
    found = hour(rows)
    assert found.active_ms >= 0
    assert found.active_ms <= sum(one["active_ms"] for one in rows)
    told = sum(max(0.0, one["active_ms"] - one["own_ms"]) for one in rows)
    surplus = sum(max(0.0, one["explained_ms"] - one["active_ms"] + 50) for one in rows)
    assert told - found.active_ms <= surplus + 1e-6


@given(st.floats(0.0, 0.05), st.floats(0.0, 0.05))
def test_reading_one_side_a_little_later_is_no_drop(first: float, second: float) -> None:
    """Statements are read some milliseconds after the database, never equally many."""
    lag, load = first - second, 2.0
    rows = [row(n, 300.0 * load + 0.05, (300.0 + (lag if n else -lag)) * load) for n in range(12)]
    assert hour(rows).share == pytest.approx(1.0, abs=0.001)


# --- the verdict ------------------------------------------------------------------------------


def share(value: float, counted: float = 2.0) -> Share:
    return Share(1e6, value * 1e6, value, counted)


#: A week of hours in which the share differs by a few percent.
USUAL = [share(0.92 + 0.01 * (n % 5), 2.0 + 0.02 * (n % 3)) for n in range(100)]


@pytest.mark.parametrize(
    ("latest", "passed"),
    [
        (share(0.94), True),
        (share(1.06), True),
        (share(0.85, 1.5), True),  # within what is usual for so short a span
        (share(0.60, 1.3), False),  # a third was not counted
        (share(0.60, 2.0), True),  # each transaction has its statements: something else was slow
        (share(0.94, 1.0), True),  # other transactions than usual
        (share(0.60), True),
    ],
)
def test_both_witnesses_must_say_that_something_is_missing(latest: Share, passed: bool) -> None:
    verdict = judge([latest, *USUAL], NOW, NOW)
    assert (verdict.passed, verdict.error, verdict.measured) == (passed, False, True)
    assert "usually 94.0%" in verdict.message
    assert verdict.level.limit == pytest.approx(0.94 * 0.85)
    assert verdict.value == latest.share
    assert ("were not counted" in verdict.message) is not passed
    assert verdict.outcome == ("passed" if passed else "missed")


def test_a_target_is_compared_with_itself() -> None:
    slow_disk = [share(0.03 + 0.002 * (n % 5), 3.0) for n in range(50)]
    assert judge([share(0.03, 3.0), *slow_disk], NOW, NOW).passed
    assert not judge([share(0.015, 1.4), *slow_disk], NOW, NOW).passed
    restless = [share(0.2 + 0.1 * (n % 7), 2.0 + n % 4) for n in range(50)]
    assert judge([share(0.15, 1.0), *restless], NOW, NOW).passed


def test_without_a_history_only_the_floors_count() -> None:
    verdict = judge([share(0.6), *USUAL[:11]], NOW, NOW)
    assert verdict.passed
    assert "nothing is usual yet (11 of 12 hours)" in verdict.message
    assert judge([share(0.3, 1.0)], NOW, NOW).passed  # its commits are slow
    verdict = judge([share(0.3, 0.2)], NOW, NOW)
    assert not verdict.passed
    assert "pg_stat_statements.track" in verdict.message
    assert not judge([share(0.0, 0.0), *USUAL], NOW, NOW).passed


def test_what_cannot_be_measured_has_not_passed_and_says_so() -> None:
    for found, newest, why in (
        ([], None, "never swept"),
        ([share(0.9)], NOW - timedelta(hours=2), "the newest sweep is of 2026-03-01 10:00"),
        ([Share(why_not="0.1 s of active time, 10 s needed"), *USUAL], NOW, "0.1 s of active"),
    ):
        verdict = judge(found, newest, NOW)
        assert (verdict.passed, verdict.measured, verdict.error) == (False, False, False)
        assert verdict.outcome == "not measured"
        assert verdict.message.startswith("not measurable: ")
        assert why in verdict.message
        assert verdict.level == ACTIVE_TIME_COVERED


# --- real sweeps ------------------------------------------------------------------------------


def swept(store: Store) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT active_ms, explained_ms, explained_calls, transactions, open_ms"
            " FROM ledger.sweeps ORDER BY ts"
        ).fetchall()


@pytest.mark.server
def test_a_real_interval_is_explained(
    store: Store, target: Target, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(target, store)
    flush(admin)
    collect(target, store)
    for _ in range(4):
        admin.execute("SELECT count(*) FROM app.orders, pg_sleep(0.1)")
    flush(admin)
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as other:
        other.execute("SELECT 1")
        last = collect(target, store)
    first, _, third = swept(store)
    assert first == (None,) * 5
    active, explained, calls, transactions, open_ms = third
    assert 400 <= explained <= active * 1.02
    assert explained / active > 0.5
    assert calls >= 4
    assert transactions >= 4
    assert 0 < open_ms < 60_000
    monkeypatch.setattr(coverage, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(coverage, "LEAST_ACTIVE_MS", 100.0)
    monkeypatch.setattr(coverage, "LEAST_OF_OWN", 0.0)
    found = coverage.read(store, target.name, last.ts)
    assert found[0].share is not None
    assert len(found) == 7 * 24
    assert found[1].share is None
    shown = highlights.read(store, target.name, "statements", last.ts).figures
    assert shown["active_time_explained_percent"] == pytest.approx(100 * found[0].share)


@pytest.mark.server
def test_statements_read_over_another_time_than_the_database_are_not_compared(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    collect(target, store)
    admin.execute("ALTER FUNCTION pg_stat_statements(boolean) RENAME TO hidden_away")
    flush(admin)
    try:
        collect(target, store)
    finally:
        admin.execute("ALTER FUNCTION hidden_away(boolean) RENAME TO pg_stat_statements")
    flush(admin)
    collect(target, store)
    flush(admin)
    collect(target, store)
    assert [found[1] is not None for found in swept(store)] == [False, False, False, True]


@pytest.mark.server
def test_statements_that_nobody_tracks_explain_nothing(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    admin.execute("SET pg_stat_statements.track = 'none'")
    for _ in range(3):
        # a table's counters take the session's time along
        admin.execute("SELECT count(*) FROM app.orders, pg_sleep(0.05)")
        flush(admin)
        collect(target, store)
    active, explained, calls, transactions, _ = swept(store)[-1]
    assert active >= 50
    assert (explained, calls) == (0.0, 0)
    assert transactions >= 1
