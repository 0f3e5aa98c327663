"""Reports from a real store: twice the same bytes, and the printed queries give what is shown."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from psycopg.types.json import Jsonb

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.reports import days_work, read, work
from perf_pipeline.reports.build import build, latest
from perf_pipeline.snapshots.sla import measure
from perf_pipeline.store import Store, frames, migrate, partitions, targets

pytestmark = pytest.mark.server

DAY = date(2026, 11, 21)
START = datetime(2026, 11, 20)
ONSET = datetime(2026, 11, 21, 12, 5)
STEP = timedelta(minutes=15)
KEY = {"userid": 10, "dbid": 5, "toplevel": True}
SLOW, STEADY, NEW = -77, 42, 4711

#: Columns of the ledger that no report reads.
_STATEMENT_ZEROS = (
    *("rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied"),
    *("shared_blks_written", "temp_blks_read", "temp_blks_written"),
    *("blk_read_time", "blk_write_time", "wal_bytes", "jit_time", "plans"),
)
_HOURLY_ZEROS = (
    *("rows", "shared_blks_hit", "shared_blks_read", "temp_blks", "io_time", "wal_bytes"),
    "jit_time",
)
_RAW_ZEROS = (
    *("local_blks_hit", "local_blks_read", "local_blks_dirtied", "local_blks_written"),
    *("wal_records", "wal_fpi", "jit_functions"),
)


def zeros(names: tuple[str, ...]) -> dict[str, int]:
    return dict.fromkeys(names, 0)


def mean(queryid: int, ts: datetime) -> float:
    wobble = 1 + 0.05 * ((ts.minute // 15 + ts.hour) % 5)
    return {SLOW: 7.7 if ts >= ONSET else 0.4, STEADY: 2.0, NEW: 1.0}[queryid] * wobble


def raw(target_id: int, source: str = "collected") -> dict[str, list[dict[str, object]]]:
    """Two days of sweeps every 15 minutes, one missed, one reset."""
    made: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("sweeps", "statements", "database", "statements_hourly")
    }
    hours: dict[tuple[int, datetime, bool], dict[str, object]] = {}
    previous = None
    for index in range(192):
        ts = START + STEP * index + timedelta(minutes=5)
        if index == 100:
            continue
        quality = "first_seen" if previous is None else "reset" if index == 110 else "exact"
        made["sweeps"].append(
            {
                "target_id": target_id,
                "ts": ts,
                "previous_ts": previous,
                "source": source,
                "quality": quality,
                "server_version_num": 180000,
                "postmaster_start": ts if index == 110 else START,
                "connect_ms": 3.5,
                "database_ms": 20.25,
                "duration_ms": 40.5,
                "temp_bytes": 0,
                "rows_read": 50,
                "rows_written": 3,
                "statements_dealloc": 0,
                "notes": "<b>reset</b>" if index == 110 else "",
            }
        )
        made["database"].append(
            {
                "target_id": target_id,
                "ts": ts,
                "quality": quality,
                **zeros(
                    (
                        *("tup_returned", "tup_fetched", "tup_inserted", "tup_updated"),
                        *("tup_deleted", "conflicts", "temp_files", "temp_bytes", "deadlocks"),
                        *("blk_read_time", "blk_write_time", "session_time"),
                        *("idle_in_transaction_time", "sessions", "sessions_abandoned"),
                        *("sessions_fatal", "sessions_killed"),
                    )
                ),
                "xact_commit": 100,
                "xact_rollback": 1,
                "blks_read": 10,
                "blks_hit": 990,
                "active_time": 5000.0,
                "numbackends": 3,
                "database_bytes": 1 << 30,
            }
        )
        for queryid in (SLOW, STEADY) + ((NEW,) if ts.date() == DAY else ()):
            calls, each = 100, mean(queryid, ts)
            row: dict[str, object] = {
                "target_id": target_id,
                "ts": ts,
                "queryid": queryid,
                **KEY,
                "quality": quality,
                **zeros(_STATEMENT_ZEROS),
                **zeros(_RAW_ZEROS),
                "calls": calls,
                "total_exec_time": calls * each,
                "exec_time_squares": calls * each**2 * 1.1,
                "total_plan_time": 0.0,
            }
            made["statements"].append(row)
            hour = ts.replace(minute=0)
            exact = quality == "exact"
            total = hours.setdefault(
                (queryid, hour, exact),
                {
                    "target_id": target_id,
                    "hour": hour,
                    "source": source,
                    "queryid": queryid,
                    **KEY,
                    **zeros(_HOURLY_ZEROS),
                    "exact": exact,
                    "intervals": 0,
                    "calls": 0,
                    "total_exec_time": 0.0,
                    "exec_time_squares": 0.0,
                    "total_plan_time": 0.0,
                },
            )
            for name in ("calls", "total_exec_time", "exec_time_squares"):
                total[name] += row[name]  # type: ignore[operator]
            total["intervals"] += 1  # type: ignore[operator]
        previous = ts
    made["statements_hourly"] = list(hours.values())
    return made


def derived(target_id: int) -> dict[tuple[str, str], list[dict[str, object]]]:
    finding = {
        "target_id": target_id,
        "day": DAY,
        "finding_id": "a1",
        "incident_id": "i1",
        "is_new": True,
        "queryid": SLOW,
        **KEY,
        "metric": "mean_exec_time",
        "grain": "sweep",
        "onset": ONSET,
        "direction": "up",
        "old_level": 0.44,
        "new_level": 8.5,
        "relative_change": 18.3,
        "relative_change_low": 17.0,
        "relative_change_high": 19.9,
        "p_value": 1e-12,
        "q_value": 1e-11,
        "baseline_level": 0.44,
        "baseline_tier": "all",
        "severity": "critical",
        "policy": "critical limit",
        "calls_per_day": 9600.0,
        "added_ms_per_day": 77_000.0,
        "causes": json.dumps(
            [
                {
                    "kind": "index_dropped",
                    "object": "hs.idx",
                    "at": "2026-11-21T12:04:09+00:00",
                    "score": 0.9,
                    "evidence": ["dropped <before> the onset"],
                }
            ]
        ),
    }
    better = finding | {
        "finding_id": "a0",
        "incident_id": "i0",
        "queryid": STEADY,
        "severity": "improvement",
        "direction": "down",
        "grain": "hour",
        "causes": "[]",
        "added_ms_per_day": -5.0,
        "relative_change": -0.5,
        "relative_change_low": -0.55,
        "relative_change_high": -0.45,
    }
    normal = {
        "target_id": target_id,
        "day": DAY,
        **KEY,
        "metric": "mean_exec_time",
        "tier": "all",
        "slot": 0,
        "samples": 90,
        "calls": 9000,
        "center": 0.44,
        "spread": 0.1,
        "low": 0.37,
        "high": 0.52,
    }
    return {
        ("perf_mgmt", "findings"): [finding, better],
        ("perf_mgmt", "statement_baselines"): [
            normal | {"queryid": SLOW},
            normal | {"queryid": STEADY, "low": 1.7, "high": 2.5},
        ],
        ("ledger", "query_texts"): [
            {"text_hash": "h1", "query": "SELECT '<i>' FROM hs.orders\nWHERE a = $1"},
            {"text_hash": "h2", "query": "SELECT 2"},
        ],
        ("ledger", "statement_texts"): [
            {"target_id": target_id, "userid": 10, "dbid": 5, "queryid": SLOW, "text_hash": "h1"},
            {"target_id": target_id, "userid": 10, "dbid": 5, "queryid": STEADY, "text_hash": "h2"},
        ],
        ("ledger", "schema_changes"): [
            {
                "target_id": target_id,
                "ts": ONSET,
                "previous_ts": ONSET - STEP,
                "kind": "index",
                "object_name": "hs.idx",
                "relation_name": "hs.orders",
                "change": "dropped",
                "definition_before": "CREATE INDEX idx ON hs.orders (a)",
                "definition_after": None,
            }
        ],
        ("ledger", "settings_changes"): [
            {
                "target_id": target_id,
                "ts": ONSET - 4 * STEP,
                "previous_ts": ONSET - 5 * STEP,
                "name": "work_mem",
                "value_before": "4096",
                "value_after": "8192",
                "unit": "kB",
                "pending_restart": False,
            }
        ],
    }


def fill(store: Store, name: str = "thorbis", *, shuffled: bool = False) -> int:
    target_id = targets.register(store, name)
    tables = {("ledger", table): rows for table, rows in raw(target_id).items()}
    tables |= derived(target_id)
    with store.begin() as connection:
        partitions.ensure(connection, START.date(), DAY)
        for table, rows in tables.items():
            frame = pl.DataFrame(rows, infer_schema_length=None)
            if table == ("ledger", "query_texts"):
                frame = frame.with_columns(first_seen=pl.lit(START))
            if shuffled:
                frame = frame.sample(fraction=1, shuffle=True, seed=3)
            copy.write_frame(connection, table, frame)
        connection.execute(DAILY)
        connection.execute(sqlfiles.load("store/0003/102_fill_statements_daily_hours").text)
    return target_id


#: The day of each statement, from its hours.
DAILY = """
INSERT INTO ledger.statements_daily (
    target_id, day, source, userid, dbid, queryid, toplevel, calls, total_exec_time,
    exec_time_squares, total_plan_time, intervals, exact_intervals, exact_calls, exact_exec_time
)
SELECT
    target_id, (hour AT TIME ZONE 'UTC')::date, source, userid, dbid, queryid, toplevel, sum(calls),
    sum(total_exec_time ORDER BY hour),
    CASE WHEN count(*) = count(exec_time_squares) THEN sum(exec_time_squares ORDER BY hour) END,
    sum(total_plan_time ORDER BY hour), sum(intervals),
    coalesce(sum(intervals) FILTER (WHERE exact), 0),
    coalesce(sum(calls) FILTER (WHERE exact), 0),
    coalesce(sum(total_exec_time ORDER BY hour) FILTER (WHERE exact), 0)
FROM ledger.statements_hourly AS h
WHERE NOT EXISTS (SELECT FROM ledger.statements_daily AS d WHERE d.target_id = h.target_id)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


class Texts(HTMLParser):
    """The text of every `<pre>` of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "pre":
            self.inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data


def test_a_report_says_what_the_store_holds(store: Store) -> None:
    fill(store)
    (report,) = build(store, "thorbis", DAY, DAY)
    html = report.html
    assert (report.findings, report.incidents, report.regressions) == (2, 2, 1)
    assert "1 critical regression in thorbis on 2026-11-21" in html
    assert "is 19.3\N{MULTIPLICATION SIGN} slower since 12:05:00 UTC" in html
    assert "index hs.idx dropped by 12:04:09" in html
    assert "SELECT &#39;&lt;i&gt;&#39; FROM hs.orders\nWHERE a = $1" in html
    assert "dropped &lt;before&gt; the onset" in html
    assert html.count('<svg class="chart"') == 2
    assert "CREATE INDEX idx ON hs.orders (a)" in html
    assert "work_mem" in html
    assert "no baseline yet" in html  # NEW has none
    assert "&lt;b&gt;reset&lt;/b&gt;" in html
    assert "server restarted" in html
    assert "99 %" in html  # cache hits
    assert "2 of 3 statements" in html


def test_tags_of_a_statement_stand_beside_it(store: Store) -> None:
    target_id = fill(store)
    with store.begin() as connection:
        dbid, userid = connection.execute(
            "SELECT dbid, userid FROM perf_mgmt.findings WHERE queryid = %s LIMIT 1", (SLOW,)
        ).fetchall()[0]
        for action in ("show", "<edit>"):
            connection.execute(
                "INSERT INTO ledger.statement_tags VALUES (%s, %s, %s, %s, %s, now(), now())",
                (target_id, dbid, userid, SLOW, Jsonb({"action": action, "controller": "orders"})),
            )
    (report,) = build(store, "thorbis", DAY, DAY)
    shown = "action=&lt;edit&gt;|show controller=orders"
    assert f'<th scope="row">Sent by, as seen</th><td>{shown}</td>' in report.html
    # in the tables of findings and of top statements, too
    assert report.html.count(f'<span class="sub">{shown}</span>') == 2


def test_again_is_the_same_bytes_and_writes_nothing(store: Store) -> None:
    target_id = fill(store)
    first = build(store, "thorbis", DAY, DAY)
    before = stored(store, target_id)
    again = build(store, "thorbis", DAY, DAY)
    assert again == first
    assert stored(store, target_id) == before  # xmin, too: the row was not touched


def stored(store: Store, target_id: int) -> list[tuple[object, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT xmin::text, day, kind, html, markdown, content_hash FROM perf_mgmt.reports"
            " WHERE target_id = %s ORDER BY day",
            (target_id,),
        ).fetchall()


def test_a_range_gives_what_its_days_give(store: Store) -> None:
    fill(store)
    together = build(store, "thorbis", START.date(), DAY + timedelta(days=1))
    alone = [
        report
        for offset in range(3)
        for report in build(store, "thorbis", *[START.date() + timedelta(days=offset)] * 2)
    ]
    assert [report.html for report in together] == [report.html for report in alone]
    assert [report.markdown for report in together] == [report.markdown for report in alone]


def test_the_order_of_rows_in_the_store_is_irrelevant(
    store: Store, make_database: Callable[..., str]
) -> None:
    fill(store)
    (expected,) = build(store, "thorbis", DAY, DAY)
    with Store(make_database()) as other:
        migrate.upgrade(other)
        fill(other, shuffled=True)
        assert build(other, "thorbis", DAY, DAY) == [expected]


def test_the_printed_query_returns_the_charts_samples(store: Store) -> None:
    fill(store)
    (report,) = build(store, "thorbis", DAY, DAY)
    texts = Texts()
    texts.feed(report.html)
    queries = [text for text in texts.found if text.startswith("-- purpose")]
    assert len(queries) == 5  # two series, findings, statements, sweeps
    with store.begin() as connection:
        answers = [connection.execute(query.encode()).fetchall() for query in queries]
    assert all(answers)
    series = next(
        rows
        for query, rows in zip(queries, answers, strict=True)
        if re.search(rf"s\.queryid = +{SLOW}\b", query)
    )
    exact = [ts for ts in times() if ts not in {START + timedelta(minutes=5), reset_at()}]
    assert [row[0].replace(tzinfo=None) for row in series] == exact
    assert [row[1] for row in series] == pytest.approx([mean(SLOW, ts) for ts in exact])
    described = re.search(r"<desc id=\"f1-d\">(\d+) samples", report.html)
    assert described is not None
    assert int(described[1]) == len(exact)


def times() -> list[datetime]:
    return [START + STEP * i + timedelta(minutes=5) for i in range(192) if i != 100]


def reset_at() -> datetime:
    return START + STEP * 110 + timedelta(minutes=5)


def test_generated_history_never_mixes_with_real_sweeps(store: Store) -> None:
    target_id = fill(store)
    (expected,) = build(store, "thorbis", DAY, DAY)
    extra = raw(target_id, "generated")
    for table in ("sweeps", "statements"):
        for row in extra[table]:
            row["ts"] += timedelta(minutes=1)  # type: ignore[operator]
    with store.begin() as connection:
        for table in ("sweeps", "statements", "statements_hourly"):
            frame = pl.DataFrame(extra[table], infer_schema_length=None)
            copy.write_frame(connection, ("ledger", table), frame)
    assert build(store, "thorbis", DAY, DAY) == [expected]


def test_the_collectors_own_statements_are_left_out_but_of_the_time(store: Store) -> None:
    target_id = fill(store)
    before = read.days(store, target_id, "thorbis", DAY, DAY)[0]
    with store.begin() as connection:
        connection.execute(
            "UPDATE ledger.query_texts SET query = %s WHERE text_hash = 'h1'", (read.OWN_TEXT,)
        )
    after = read.days(store, target_id, "thorbis", DAY, DAY)[0]
    assert after.sla.calls < before.sla.calls
    assert (after.sla.p95_ms or 0) < (before.sla.p95_ms or 0)
    assert after.total_ms == before.total_ms
    # nobody asked for them: neither among the heaviest, nor among those that could not be judged
    assert len(after.top) == len(before.top) - 1
    assert after.judgement.statements == before.judgement.statements - 1


def test_the_levels_are_those_that_the_checks_measure(store: Store) -> None:
    target_id = fill(store)
    sla_of_day = read.days(store, target_id, "thorbis", DAY, DAY)[0].sla
    start = datetime(2026, 11, 21, tzinfo=UTC)
    checked = measure(store, "thorbis", start, start + timedelta(days=1))
    assert sla_of_day.p95_ms == pytest.approx(checked.p95_ms, rel=1e-3)
    assert sla_of_day.cache_hit_ratio == pytest.approx(checked.cache_hit_ratio)
    assert sla_of_day.connection_ms == pytest.approx(checked.connection_ms)
    assert sla_of_day.calls == checked.calls


def test_no_data_at_all_is_a_report_that_says_so(store: Store) -> None:
    (report,) = build(store, "guardian", DAY, DAY)
    assert "No verdict for guardian on 2026-11-21: no statistics were collected" in report.html
    assert report.findings == 0


def test_the_printed_query_tells_the_days_work(store: Store) -> None:
    target_id = fill(store)
    params = {"target_id": target_id} | read.span(DAY - timedelta(days=1), DAY)
    printed = frames.read(store, "report_statements", work.SCHEMA, params)
    assert printed.height == 5
    assert printed["baseline_samples"].max() > 0
    assert_frame_equal(days_work.read(store, params), printed)


def test_latest_finds_a_day_or_the_newest(store: Store) -> None:
    fill(store)
    assert latest(store, "thorbis") is None
    assert latest(store, "nobody") is None
    older, newer = build(store, "thorbis", DAY, DAY + timedelta(days=1))
    assert latest(store, "thorbis") == newer
    assert latest(store, "thorbis", DAY) == older
    assert latest(store, "thorbis", DAY - timedelta(days=1)) is None


def test_a_changed_store_changes_the_report(store: Store) -> None:
    fill(store)
    (first,) = build(store, "thorbis", DAY, DAY)
    with store.begin() as connection:
        connection.execute("UPDATE perf_mgmt.findings SET severity = 'info' WHERE queryid = -77")
    (second,) = build(store, "thorbis", DAY, DAY)
    assert second.content_hash != first.content_hash
    assert latest(store, "thorbis", DAY) == second


def test_an_empty_range_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="earlier day first"):
        build(store, "thorbis", DAY, DAY - timedelta(days=1))


def test_reads_leave_no_time_zone_behind(store: Store) -> None:
    fill(store)
    (report,) = build(store, "thorbis", DAY, DAY)
    stamp = datetime(2026, 11, 21, tzinfo=UTC)
    assert f"'{stamp.isoformat(' ')}'::timestamptz" in report.html.replace("&#39;", "'")
