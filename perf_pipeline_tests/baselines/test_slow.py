"""Slow statements against their baselines: what is listed, watched, graded, and advised."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.baselines import slow
from perf_pipeline.baselines.slow import Limits
from perf_pipeline.baselines.slow_build import build
from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.regressions.policy import Policy
from perf_pipeline.store import Store, levels, targets
from perf_pipeline_tests.baselines import rolled

RATIO = st.floats(0.9, 4.0)
DAY = date(2026, 3, 4)
MONDAY = date(2026, 3, 2)
KEY = (10, 5, 77, True)


def day_of(mean: float, calls: int = 100, io: float | None = None, **changes) -> pl.DataFrame:
    total = mean * calls
    row = {
        "day": DAY,
        **dict(zip(("userid", "dbid", "queryid", "toplevel"), KEY, strict=True)),
        "source": "collected",
        "category": "general",
        "calls": calls,
        "total_ms": total,
        "io_ms": None if io is None else io * total,
        "rows": 5,
        "reads_only": True,
        **changes,
    }
    return pl.DataFrame([row], schema=dict(slow.DAYS), orient="row")


def level(center: float | None, key=KEY, day: date = DAY) -> pl.DataFrame:
    rows = [] if center is None else [(day, *key, "all", 0, 30, 400, center, 0.1, 0.0, 0.0)]
    return pl.DataFrame(rows, schema=dict(levels.SCHEMA), orient="row")


def only(frame: pl.DataFrame) -> dict:
    (row,) = frame.to_dicts()
    return row


@pytest.mark.parametrize(
    ("mean", "state", "priority"),
    [
        (2000.0, "NORMAL", "LOW"),
        (2400.0, "NORMAL", "MEDIUM"),
        (2400.1, "DEGRADED", "MEDIUM"),
        (3000.0, "DEGRADED", "MEDIUM"),
        (3000.1, "WARNING", "HIGH"),
        (6000.0, "WARNING", "HIGH"),
        (6000.1, "CRITICAL", "CRITICAL"),
        (150.0, "NORMAL", "LOW"),
    ],
)
def test_a_statement_is_graded_by_how_much_slower_it_is(mean, state, priority) -> None:
    row = only(slow.judge(day_of(mean), level(2000.0)))
    assert (row["state"], row["priority"]) == (state, priority)
    assert row["change"] == pytest.approx(mean / 2000 - 1)


def test_no_baseline_is_never_normal() -> None:
    for key in [(11, 5, 77, True), (10, 6, 77, True), (10, 5, 77, False), (10, 5, 78, True)]:
        row = only(slow.judge(day_of(500.0), level(400.0, key)))
        assert (row["state"], row["baseline_ms"], row["change"]) == ("NO_BASELINE", None, None)
    assert only(slow.judge(day_of(20_000.0), level(None)))["priority"] == "HIGH"


@pytest.mark.parametrize(
    ("mean", "calls", "listed", "watched"),
    [
        (100.0, 100, False, None),
        (100.1, 1, True, False),
        (1000.0, 100, True, False),
        (1000.1, 5, True, False),
        (1000.1, 6, True, True),
    ],
)
def test_what_is_listed_and_what_is_watched(mean, calls, listed, watched) -> None:
    rows = slow.judge(day_of(mean, calls), level(mean)).to_dicts()
    assert [row["watched"] for row in rows] == ([watched] if listed else [])


def test_the_slowest_come_first_and_nothing_without_calls() -> None:
    days = pl.concat(
        [
            day_of(200.0, queryid=1),
            day_of(900.0, queryid=2),
            day_of(500.0, queryid=3),
            day_of(1.0, calls=0, queryid=4),
        ]
    )
    assert slow.judge(days, level(None))["queryid"].to_list() == [2, 3, 1]


@pytest.mark.parametrize(
    ("io", "bound"), [(None, None), (0.0, False), (0.8, False), (0.81, True), (1.0, True)]
)
def test_bound_by_io_above_four_fifths_and_unknown_where_not_measured(io, bound) -> None:
    row = only(slow.judge(day_of(1500.0, io=io), level(1500.0)))
    assert row["io_bound"] is bound
    assert ("reading blocks" in row["action"]) is bool(bound)


def test_only_what_reads_is_for_a_replica() -> None:
    for mean, reads, expected in [(2001.0, True, True), (2000.0, True, False), (9e3, False, False)]:
        row = only(slow.judge(day_of(mean, reads_only=reads), level(mean)))
        assert row["replica_candidate"] is expected
    assert "replica" in only(slow.judge(day_of(3000.0), level(3000.0)))["action"]
    unknown = only(slow.judge(day_of(3000.0, reads_only=None), level(3000.0)))
    assert unknown["replica_candidate"] is None


def test_the_limits_are_a_policy() -> None:
    strict = Limits.of([("degraded", 1.05), ("low", 9.0)])
    assert only(slow.judge(day_of(1100.0), level(1000.0), strict))["state"] == "DEGRADED"
    assert only(slow.judge(day_of(1100.0), level(1000.0)))["state"] == "NORMAL"
    early = Limits.of([("warning", 1.15)])
    assert only(slow.judge(day_of(1180.0), level(1000.0), early))["state"] == "WARNING"
    for wrong in ({"degraded": 3.0}, {"warning": 1.0}, {"critical": 1.5}):
        with pytest.raises(InputError, match="do not rise"):
            Limits(**wrong)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("low", "degraded", "warning"), RATIO)))
def test_every_policy_of_a_target_will_do(limits: dict[str, float]) -> None:
    try:
        Policy.of(limits.items())
    except (InputError, ConfigurationError):
        return
    Limits.of(limits.items())


@given(st.floats(100.5, 1e6), st.floats(0.1, 1e6), st.floats(1.0, 50.0))
def test_slower_is_never_graded_better(mean: float, normal: float, factor: float) -> None:
    order = ["NORMAL", "DEGRADED", "WARNING", "CRITICAL"]
    before = only(slow.judge(day_of(mean), level(normal)))
    after = only(slow.judge(day_of(mean * factor), level(normal)))
    assert order.index(after["state"]) >= order.index(before["state"])
    ranks = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    assert ranks.index(after["priority"]) >= ranks.index(before["priority"])


def test_a_weekly_baseline_needs_calls_and_time() -> None:
    def week(calls: int) -> pl.DataFrame:
        return pl.DataFrame(
            [
                (
                    MONDAY - timedelta(days=7),
                    "collected",
                    *KEY,
                    "reporting",
                    True,
                    calls,
                    8 * 10**9,
                    300,
                )
            ],
            schema=dict(slow.WEEKS),
            orient="row",
        ).pipe(slow.before, [MONDAY], 4)

    row = only(slow.weekly(week(100), level(3000.0, day=MONDAY)))
    assert (row["warning_ms"], row["critical_ms"]) == (4500.0, 9000.0)
    assert (row["io_ms"], row["rows_returned"], row["replica_candidate"]) == (80.0, 3.0, True)
    assert slow.weekly(week(50), level(3000.0, day=MONDAY)).is_empty()
    assert slow.weekly(week(100), level(100.0, day=MONDAY)).is_empty()
    assert slow.weekly(week(100), level(None)).is_empty()


def test_the_weeks_before_a_monday_are_summed_up() -> None:
    rows = [
        (MONDAY - timedelta(weeks=back), source, *KEY, "general", None, calls, io, 7)
        for back, source, calls, io in [
            (0, "collected", 1_000, 1),  # the week itself is still to come
            (1, "collected", 1, 10),
            (2, "imported", 20, 20),
            (3, "generated", 300, 30),
            (4, "collected", 4_000, 40),
            (5, "collected", 50_000, 50),
        ]
    ]
    weeks = pl.DataFrame(rows, schema=dict(slow.WEEKS), orient="row")
    real = only(slow.before(weeks, [MONDAY], 4))
    assert (real["week"], real["calls"], real["io_ns"], real["rows"]) == (MONDAY, 4_021, 70, 21)
    made_up = weeks.filter(pl.col("source") == "generated")
    assert only(slow.before(made_up, [MONDAY], 4))["calls"] == 300
    unknown = weeks.with_columns(io_ns=pl.when(pl.col("calls") != 20).then("io_ns"))
    row = only(slow.before(unknown, [MONDAY], 4))
    assert (row["calls"], row["io_ns"]) == (4_021, None)


# --- on a store ----------------------------------------------------------------------------------


CATEGORIES = [
    ("SELECT * FROM sales_dashboard", {}, "dashboard", "text"),
    ("SELECT * FROM t WHERE reported_at > $1", {}, "general", "default"),
    ("SELECT * FROM daily_report", {}, "reporting", "text"),
    ("SELECT * FROM audit_log", {}, "compliance", "text"),
    ("SELECT * FROM audit_log", {"controller": "Dashboards"}, "dashboard", "tag"),
    ("SELECT 1", {"route": "/admin/compliance/run"}, "compliance", "tag"),
    ("SELECT 1", {"application": "shop"}, "general", "default"),
]
READS = [
    ("SELECT 1 FROM t", True),
    ("  select update_date FROM t", True),
    ("WITH a AS (SELECT 1) SELECT * FROM a", True),
    ("WITH a AS (DELETE FROM t RETURNING 1) SELECT * FROM a", False),
    ("SELECT * FROM t FOR UPDATE", False),
    ("SELECT nextval($1)", False),
    ("UPDATE t SET a = $1", False),
    ("INSERT INTO t VALUES ($1)", False),
]


@pytest.mark.server
def test_the_category_is_of_the_tag_before_the_text(store: Store) -> None:
    target_id = targets.register(store, "shop")
    for number, (text, tags, _, _) in enumerate(CATEGORIES):
        rolled.text(store, target_id, number, text, tags)
    with store.begin() as connection:
        found = connection.execute(
            "SELECT category, decided_by FROM perf_mgmt.statement_categories ORDER BY queryid"
        ).fetchall()
    assert found == [(category, by) for _, _, category, by in CATEGORIES]


@pytest.mark.server
def test_what_writes_or_locks_is_not_for_a_replica(store: Store) -> None:
    target_id = targets.register(store, "shop")
    for number, (text, _) in enumerate(READS):
        rolled.text(store, target_id, number, text)
    with store.begin() as connection:
        found = connection.execute(
            "SELECT reads_only FROM perf_mgmt.statement_categories ORDER BY queryid"
        ).fetchall()
    assert [row[0] for row in found] == [reads for _, reads in READS]


@pytest.fixture
def slowed(store: Store) -> tuple[Store, int]:
    """Return a store of 42 days: one statement takes 3.5 times as long since a week."""
    target_id = targets.register(store, "shop")
    rolled.text(store, target_id, 1, "SELECT * FROM sales_report")
    rolled.text(store, target_id, 2, "SELECT * FROM steady")
    for back in range(42):
        day = DAY - timedelta(days=back)
        mean = 5250.0 if back < 7 else 1500.0
        rolled.day(store, target_id, day, {1: (60, mean), 2: (60, 1200.0), 3: (60, 5.0)})
    return store, target_id


@pytest.mark.server
def test_a_range_is_built_from_the_daily_sums(slowed: tuple[Store, int]) -> None:
    store, target_id = slowed
    first = DAY - timedelta(days=8)
    for day in (first + timedelta(days=n) for n in range(9)):
        rolled.baseline(store, target_id, day, {1: 1500.0, 2: 1190.0, 3: 5.0})
    built = build(store, "shop", first, DAY)
    rows = [r for r in built.frame.to_dicts() if r["day"] == DAY]
    assert [(r["queryid"], r["state"], r["category"], r["watched"]) for r in rows] == [
        (1, "CRITICAL", "reporting", True),
        (2, "NORMAL", "general", True),
    ]
    assert rows[0]["baseline_ms"] == 1500.0
    before = [r for r in built.frame.to_dicts() if r["day"] == first and r["queryid"] == 1]
    assert [r["state"] for r in before] == ["NORMAL"]
    assert built.weekly == 2  # both of the one Monday
    assert built.measured
    tomorrow = build(store, "shop", DAY + timedelta(days=1), DAY + timedelta(days=1))
    assert (tomorrow.measured, tomorrow.frame.height) == (False, 0)
    with store.begin() as connection:
        weeks = connection.execute(
            "SELECT week, queryid, category, calls, warning_ms, critical_ms, replica_candidate"
            " FROM perf_mgmt.analytics_query_baselines ORDER BY 2"
        ).fetchall()
    assert weeks[0] == (MONDAY, 1, "reporting", 28 * 60, 2250.0, 4500.0, False)
    assert [week[1] for week in weeks] == [1, 2]


@pytest.mark.server
def test_a_day_is_the_same_alone_and_in_a_range(slowed: tuple[Store, int]) -> None:
    store, target_id = slowed
    first = DAY - timedelta(days=3)
    for n in range(4):
        rolled.baseline(store, target_id, first + timedelta(days=n), {1: 1500.0, 2: 1190.0})

    def kept() -> list:
        with store.begin() as connection:
            return connection.execute(
                "SELECT s::text FROM perf_mgmt.slow_queries AS s"
                " UNION ALL SELECT b::text FROM perf_mgmt.analytics_query_baselines AS b ORDER BY 1"
            ).fetchall()

    build(store, "shop", first, DAY)
    whole = kept()
    assert len(whole) == 4 * 2 + 2
    for n in (3, 1, 0, 2):
        build(store, "shop", first + timedelta(days=n), first + timedelta(days=n))
    assert kept() == whole


@pytest.mark.server
def test_the_described_regression_report_is_a_view(slowed: tuple[Store, int]) -> None:
    store, target_id = slowed

    def found(as_of: date) -> list:
        with store.begin() as connection:
            return connection.execute(
                "SELECT queryid, severity::text, confirmed, recent_samples, baseline_samples,"
                " round(change_percent::numeric, 1)::float8, category"
                " FROM perf_mgmt.query_regressions WHERE target_id = %s AND as_of = %s",
                (target_id, as_of),
            ).fetchall()

    assert found(DAY) == [(1, "CRITICAL", False, 7, 17, 250.0, "reporting")]
    assert found(DAY - timedelta(days=6)) == [(1, "MEDIUM", False, 7, 17, 35.7, "reporting")]
    assert found(DAY - timedelta(days=7)) == []
    # fewer than ten samples of before
    assert found(DAY - timedelta(days=35)) == []
    rolled.finding(store, target_id, DAY - timedelta(days=5), 1, datetime(2026, 2, 26))
    assert found(DAY)[0][:3] == (1, "CRITICAL", True)


@pytest.mark.server
def test_the_same_text_of_two_roles_is_two_statements(store: Store) -> None:
    """D-113: the last row won, 311.6 became 111.2 ms."""
    target_id = targets.register(store, "shop")
    for userid, mean in ((10, 311.6), (11, 111.2)):
        rolled.day(store, target_id, DAY, {77: (60, mean)}, userid=userid)
        rolled.baseline(store, target_id, DAY, {77: mean}, userid=userid)
    rows = build(store, "shop", DAY, DAY).frame.to_dicts()
    assert [(r["userid"], r["state"]) for r in rows] == [(10, "NORMAL"), (11, "NORMAL")]


@pytest.mark.server
def test_history_and_samples_are_views(slowed: tuple[Store, int]) -> None:
    store, target_id = slowed
    rolled.hour(store, target_id, datetime(2026, 3, 4, 9), 1, 4, 400.0)
    with store.begin() as connection:
        history = connection.execute(
            "SELECT calls, mean_ms, category, io_ms, server_version_num, state"
            " FROM perf_mgmt.query_performance_history WHERE queryid = 1 AND day = %s",
            (DAY,),
        ).fetchall()
        hours = connection.execute(
            "SELECT target, executed_at, calls, execution_ms, query_type"
            " FROM monitoring.query_performance"
        ).fetchall()
        texts = connection.execute(
            "SELECT target, sample_text FROM monitoring.query_samples WHERE queryid = 1"
        ).fetchall()
    assert history == [(60, 5250.0, "reporting", None, None, None)]
    assert [(*row[:1], *row[2:]) for row in hours] == [("shop", 4, 400.0, "SELECT")]
    assert texts == [("shop", "SELECT * FROM sales_report")]


@pytest.mark.server
def test_what_is_slow_right_now_is_a_function(store: Store) -> None:
    target_id = targets.register(store, "shop")
    rolled.text(store, target_id, 1, "SELECT slow")
    rolled.interval(store, target_id, {1: (4, 1000.0), 2: (10, 1000.0), 3: (1, 250.0)}, minutes=20)
    rolled.interval(store, target_id, {1: (4, 9000.0)}, minutes=90)
    with store.begin() as connection:
        found = connection.execute(
            "SELECT queryid, average_ms, calls, total_ms, sample_text"
            " FROM monitoring.get_slow_queries('shop')"
        ).fetchall()
        longer = connection.execute(
            "SELECT queryid, calls FROM monitoring.get_slow_queries('shop', '2 hours')"
        ).fetchall()
        other = connection.execute(
            "SELECT * FROM monitoring.get_slow_queries('another')"
        ).fetchall()
    assert found == [(1, 250.0, 4, 1000.0, "SELECT slow"), (3, 250.0, 1, 250.0, None)]
    assert longer == [(1, 8), (3, 1)]
    assert other == []
    with pytest.raises(Exception, match="may be archived"), store.begin() as connection:
        connection.execute("SELECT * FROM monitoring.get_slow_queries('shop', '30 days')")


@pytest.mark.server
def test_a_target_without_history_is_named(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="'nowhere' has no history"):
        build(store, "nowhere", DAY, DAY)
