"""How small a rise would be seen, and which changes are not told because of what was said."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from perf_pipeline.postgres import copy
from perf_pipeline.reports import known
from perf_pipeline.reports.build import build
from perf_pipeline.reports.model import Statement
from perf_pipeline.store import Store, partitions
from perf_pipeline_tests.reports.test_build import DAY, SLOW, STEADY, fill


def measured(*rows: tuple[int, float, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "as_of": DAY,
                "queryid": queryid,
                "userid": 10,
                "dbid": 5,
                "toplevel": True,
                "outcome": "judged" if smallest else "too few samples",
                "total_ms": total,
                "smallest_change_day": smallest,
            }
            for queryid, total, smallest in rows
        ],
        schema=known.DETECTABILITY,
    )


def test_shares_are_of_the_execution_time() -> None:
    rows = measured((1, 60.0, 0.1), (2, 30.0, 0.3), (3, 10.0, None))
    found = known.sensitivity(rows, {(2, 10, 5): Statement(2, text="SELECT 2")})
    assert [(size, round(share, 6)) for size, share in found.seen] == [
        (0.2, 0.6),
        (0.5, 0.9),
        (1.0, 0.9),
    ]
    assert [(b.statement.text, b.smallest, b.outcome) for b in found.blind] == [
        ("SELECT 2", 0.3, "judged"),
        (None, None, "too few samples"),
    ]
    assert known.sensitivity(measured((1, 0.0, None)), {}).seen[0][1] == 0.0


def test_the_newest_calibration_up_to_the_day_counts_while_it_is_recent() -> None:
    week = timedelta(days=7)
    found: dict[date, Any] = {DAY - week: "older", DAY: "newest", DAY + week: "later"}
    assert known.newest(found, DAY) == "newest"
    assert known.newest(found, DAY - timedelta(days=1)) == "older"
    assert known.newest({DAY: "old"}, DAY + 5 * week) is None  # type: ignore[dict-item]
    assert known.newest({}, DAY) is None


def test_a_verdict_is_shown_on_the_days_that_would_have_told_its_change() -> None:
    row = {
        "queryid": 1,
        "userid": 1,
        "dbid": 1,
        "toplevel": True,
        "query": None,
        "query_length": 0,
        "verdict": "false",
        "given_by": "ann",
        "reason": "",
        "given_at": datetime(2026, 11, 22, tzinfo=UTC),
        "onset": datetime(2026, 11, 10, 12, tzinfo=UTC),
        "metric": "m",
        "direction": "up",
        "old_level": 1.0,
        "new_level": 2.0,
    }
    told = [day for day in range(1, 31) if known.verdicts([row], date(2026, 11, day))]
    assert told == list(range(10, 24))


@pytest.mark.server
def test_a_report_reads_both_from_the_store(store: Store) -> None:
    target_id = fill(store)
    rows = measured((SLOW, 60.0, 0.15), (STEADY, 40.0, 0.77)).with_columns(
        target_id=pl.lit(target_id),
        week=pl.lit(date(2026, 11, 16)),
        metric=pl.lit("mean_exec_time"),
        grain=pl.lit("hour"),
        samples=pl.lit(99),
    )
    with store.begin() as connection:
        partitions.ensure(connection, DAY)
        copy.write_frame(connection, ("perf_mgmt", "detectability"), rows)
        for verdict in ("false", "expected"):
            connection.execute(
                "INSERT INTO perf_mgmt.feedback (target_id, finding_id, incident_id,"
                " whole_incident, verdict, given_by, reason, userid, dbid, queryid, toplevel,"
                " metric, direction, onset, tolerance_seconds, old_level, new_level, severity)"
                " VALUES (%s, 'x', 'i', false, %s, 'ann', 'as <planned>', 10, 5, %s, true,"
                " 'mean_exec_time', 'up', %s, 60, 1, 2, 'warning')",
                (target_id, verdict, STEADY, datetime(2026, 11, 20, 8, tzinfo=UTC)),
            )
        connection.execute(
            "UPDATE perf_mgmt.findings SET evidence = "
            """'{"feedback": {"verdict": "acknowledged", "by": "bob"}}'::jsonb"""
            " WHERE severity = 'critical'"
        )
    (report,) = build(store, "thorbis", DAY, DAY)
    assert "below +77 %" in report.html
    assert "<strong>expected</strong> by ann" in report.html
    assert "as &lt;planned&gt;" in report.html
    assert "<strong>false</strong>" not in report.html  # the newest word counts
    assert "Nothing new in thorbis" in report.html
    assert report.regressions == 0
