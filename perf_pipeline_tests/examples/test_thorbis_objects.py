"""What thorbis' views, functions and partitions do."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from perf_pipeline.examples import schema
from perf_pipeline_tests.examples.plans import indexes
from perf_pipeline_tests.examples.test_schema import states
from perf_pipeline_tests.snapshots.sessions import until

pytestmark = pytest.mark.server

DAILY = "analytics.business_performance_daily"
USER_RECENT = ("system_core", "idx_activity_stream_user_recent")


def refresh(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT analytics.refresh_business_performance_daily()").fetchone()
    assert row is not None
    return bool(row[0])


# --- T-21, T-22 -----------------------------------------------------------------------------


def test_each_order_counts_once_in_the_daily_figures(thorbis_url: str) -> None:
    """D-009 and D-010: a tenant of two industries; a session in another zone."""
    with psycopg.connect(thorbis_url) as connection:
        # one tenant, one day, three industries, and a day of one industry alone
        connection.execute("SET timezone = 'America/New_York'")
        late, early = datetime(2026, 3, 4, 23, 30, tzinfo=UTC), datetime(2026, 3, 4, 1, tzinfo=UTC)
        alone = datetime(2026, 3, 6, 12, tzinfo=UTC)
        connection.execute(
            "INSERT INTO tenant_mgmt.businesses (id, name, industry)"
            " VALUES (9001, 'both', 'automotive')"
        )
        connection.execute(
            "INSERT INTO auto.vehicles (id, business_id, plate, make, model_year)"
            " VALUES (9001, 9001, 'X', 'Y', 2020)"
        )
        for at, amount in ((early, 100), (late, 200), (alone, 7)):
            connection.execute(
                "INSERT INTO auto.repair_orders (business_id, vehicle_id, status, total_amount,"
                " completed_at) VALUES (9001, 9001, 'completed', %s, %s)",
                (amount, at),
            )
        for at in (early, late):
            connection.execute(
                "INSERT INTO rest.orders (business_id, status, total_amount, completed_at)"
                " VALUES (9001, 'completed', 10, %s)",
                (at,),
            )
        connection.execute(
            "INSERT INTO ret.transactions (business_id, register_id, payment_status, total_amount,"
            " transaction_date) VALUES (9001, 1, 'completed', 1, %s), (9001, 1, 'refunded', 5, %s)",
            (late, late),
        )
        connection.commit()
        assert refresh(connection) is True  # concurrently: the key holds
        rows = connection.execute(
            "SELECT performance_date, hs_revenue, auto_revenue, rest_revenue, ret_revenue,"
            f" total_orders, total_revenue FROM {DAILY} WHERE business_id = 9001 ORDER BY 1"
        ).fetchall()
    assert rows == [
        (late.date(), 0, 300, 20, 1, 5, 321),
        (alone.date(), 0, 7, 0, 0, 1, 7),
    ]


def test_the_daily_figures_add_up_to_the_orders(shared: psycopg.Connection) -> None:
    row = shared.execute(f"SELECT sum(total_revenue), sum(total_orders) FROM {DAILY}").fetchone()
    expected = shared.execute(
        "SELECT sum(a), count(*) FROM ("
        "SELECT total_amount FROM hs.work_orders WHERE status = 'completed' UNION ALL "
        "SELECT total_amount FROM auto.repair_orders WHERE status = 'completed' UNION ALL "
        "SELECT total_amount FROM rest.orders WHERE status = 'completed' UNION ALL "
        "SELECT total_amount FROM ret.transactions WHERE payment_status = 'completed') AS o (a)"
    ).fetchone()
    assert row == expected
    assert row is not None
    assert row[1] > 10_000


# --- T-23 to T-25 ---------------------------------------------------------------------------


def test_a_month_is_made_once_whatever_day_and_zone(thorbis_url: str) -> None:
    """D-006 to D-008: any day of the month, a session elsewhere, and a name that is taken."""
    make = "SELECT system_core.create_monthly_partition('system_core.activity_stream', %s)"
    with psycopg.connect(thorbis_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'America/New_York'")
        for day in ("2031-12-15", "2031-12-01", "2031-12-31"):
            assert connection.execute(make, (day,)).fetchone() == ("activity_stream_2031_12",)
        connection.execute(
            "INSERT INTO system_core.activity_stream"
            " (business_id, activity_type, entity_type, entity_id, created_at)"
            " VALUES (1, 'made', 'order', 1, '2031-12-01 00:00Z'),"
            " (1, 'made', 'order', 1, '2031-12-31 23:59Z'), (1, 'made', 'order', 1, '2032-01-01Z')"
        )
        found = connection.execute(
            "SELECT tableoid::regclass::text, count(*) FROM system_core.activity_stream"
            " WHERE created_at >= '2031-12-01Z' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert found == [
            ("system_core.activity_stream_2031_12", 2),
            ("system_core.activity_stream_default", 1),
        ]
        connection.execute("CREATE TABLE system_core.activity_stream_2033_01 ()")
        with pytest.raises(psycopg.errors.DuplicateTable, match="not as the partition"):
            connection.execute(make, ("2033-01-09",))
        with pytest.raises(psycopg.errors.WrongObjectType):
            connection.execute(
                "SELECT system_core.create_monthly_partition('hs.customers', '2033-01-09')"
            )


def test_today_and_the_coming_month_have_their_partition(shared: psycopg.Connection) -> None:
    """D-005: rows of today go to a partition, and the default one is empty."""
    today = datetime.now(UTC)
    months = {f"activity_stream_{day:%Y_%m}" for day in (today, today + timedelta(days=31))}
    names = {
        name
        for (name,) in shared.execute(
            "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'system_core.activity_stream'::regclass"
        ).fetchall()
    }
    assert months | {"activity_stream_2025_01", "activity_stream_2025_02"} <= names
    row = shared.execute("SELECT count(*) FROM system_core.activity_stream_default").fetchone()
    assert row == (0,)


_KILLED = """
import os, signal, sys
import psycopg
from perf_pipeline.examples import schema

real, count = psycopg.Connection.execute, 0

def dying(self, query, *args, **kwargs):
    global count
    done = real(self, query, *args, **kwargs)
    text = query if isinstance(query, str) else query.as_string(self)
    if "INDEX CONCURRENTLY activity_stream_" in text:
        count += 1
        if count == 9:
            os.kill(os.getpid(), signal.SIGKILL)  # built, not attached, not recorded
    return done

psycopg.Connection.execute = dying
schema.apply(sys.argv[1])
"""


def test_a_lost_index_of_all_months_comes_back_after_a_kill(thorbis_url: str) -> None:
    with psycopg.connect(thorbis_url, autocommit=True) as connection:
        connection.execute(f"DROP INDEX {'.'.join(USER_RECENT)}")
    ended = subprocess.run([sys.executable, "-c", _KILLED, thorbis_url], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert states(thorbis_url)[USER_RECENT] is False
    assert schema.apply(thorbis_url).applied == ("251_idx_activity_stream_user_recent.sql",)
    assert all(states(thorbis_url).values())
    with psycopg.connect(thorbis_url) as connection:
        used = indexes(
            connection,
            "SELECT activity_type FROM system_core.activity_stream WHERE user_id = 7",
        )
    assert used == {USER_RECENT[1]}


# --- T-37, T-41, T-42 -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "ms", "hits", "score"),
    [
        (0, 0, 100, 100),
        (0.5, 50, 95, 92),
        (0, 9_000, 100, 50),
        (100, 9_000, 0, 0),
        (1, 1, None, None),
    ],
)
def test_the_score_is_between_0_and_100(
    shared: psycopg.Connection, errors: float, ms: float, hits: float | None, score: float | None
) -> None:
    """D-020: 0.5 % errors, 50 ms and 95 % of hits were 189.50."""
    row = shared.execute(
        "SELECT monitoring.performance_score(%s, %s, %s)", (errors, ms, hits)
    ).fetchone()
    assert row == (score,)


# --- T-43 -----------------------------------------------------------------------------------


def test_every_index_is_told_the_most_used_first(thorbis_url: str) -> None:
    """D-021: one that was scanned and found nothing was a division by zero."""
    with psycopg.connect(thorbis_url) as reader:  # its counts are there once it is gone
        reader.execute("SET enable_seqscan = off")
        reader.execute("SELECT * FROM tenant_mgmt.businesses WHERE id = -1")
    nothing = "SELECT 1 FROM pg_stat_user_indexes WHERE idx_scan > 0 AND idx_tup_read = 0"
    with psycopg.connect(thorbis_url, autocommit=True) as connection:
        until(connection, f"SELECT EXISTS ({nothing})")
        rows = connection.execute("SELECT * FROM monitoring.analyze_index_usage()").fetchall()
        (indexes_there,) = connection.execute(
            "SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
            " WHERE c.relkind = 'i' AND c.relnamespace::regnamespace::text !~ '^pg_'"
        ).fetchone() or (0,)
    assert len({(schema, index) for schema, _, index, *_ in rows}) == len(rows) == indexes_there
    scans = [row[3] for row in rows]
    assert scans == sorted(scans, reverse=True)
    for *_, read, fetched, share, _ in rows:
        assert share == (None if read == 0 else pytest.approx(fetched / read))


def test_a_tenant_in_one_row(thorbis_url: str) -> None:
    """D-018 and D-020: an outage can be recorded; without reports no data."""
    summary = "SELECT * FROM monitoring.get_business_performance_summary(%s, '1 hour')"
    with psycopg.connect(thorbis_url) as connection:
        connection.execute("DELETE FROM monitoring.business_performance_metrics")
        assert connection.execute(summary, (1,)).fetchone() == (0, *[None] * 6)
        for minute, users, per_minute, ms, errors, hits in (
            (1, 3, 30, 100, 12.5, 90), (2, 9, 10, 300, 100, None), (3, *[None] * 5),
        ):  # fmt: skip
            connection.execute(
                "INSERT INTO monitoring.business_performance_metrics VALUES"
                " (1, now() - make_interval(mins => %s), 'home_services', %s, %s, %s, %s, %s)",
                (minute, users, per_minute, ms, errors, hits),
            )
        row = connection.execute(summary, (1,)).fetchone()
        assert row is not None
        # weighted by transactions: 30 of 100 ms and 10 of 300
        assert row[:6] == (3, 150, 20, 34.375, 90, 9)
        assert row[6] == pytest.approx(100 - 34.375 - 15 - 5)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                "INSERT INTO monitoring.business_performance_metrics (business_id, industry,"
                " error_percent) VALUES (1, 'home_services', 101)"
            )
