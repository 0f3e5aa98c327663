"""Reports made by hand: rich, hostile, empty."""

import math
import random
from dataclasses import replace
from datetime import date, datetime, timedelta

from perf_pipeline.reports.model import (
    Band,
    Blind,
    Cause,
    Chart,
    Coverage,
    Database,
    Event,
    Finding,
    Gap,
    Judgement,
    Point,
    ReportData,
    SchemaChange,
    Sensitivity,
    SettingChange,
    Sla,
    Statement,
    StatementDay,
    Unjudged,
    Verdict,
)

DAY = date(2026, 11, 21)
ONSET = datetime(2026, 11, 21, 12, 4, 11)
TEXT = """SELECT w.id, w.status, w.scheduled_for, c.name
FROM hs.work_orders w
JOIN hs.customers c ON c.id = w.customer_id
WHERE w.business_id = $1 AND w.status = $2
ORDER BY w.scheduled_for DESC
LIMIT $3"""
HOSTILE = '<script>alert("x")</script> \'"&`|]](http://evil) \u202e\x07 é 漢字 😀 </pre></code>'

#: As `regressions` writes it; a finding from 0.42 to 7.7 ms.
EVIDENCE: dict[str, object] = {
    "leads": True,
    "summary": "+7.28 ms a call, 97 % of it computing: blocks per call rose from 6 to 1,912.",
    "began_between": ["2026-11-21T11:59:09+00:00", "2026-11-21T12:04:09+00:00"],
    "creep": None,
    "samples_before": 144,
    "samples_after": 90,
    "time": {
        "calls_per_day": {"before": 1_050_000.0, "after": 1_105_000.0},
        "total_ms_per_day": {"before": 441_000.0, "after": 8_508_500.0},
        "change_ms_per_day": {"from_calls": 400_000.0, "from_time_per_call": 7_644_400.0},
        "per_call": {
            "exec_ms": {"before": 0.42, "after": 7.7},
            "io_ms": {"before": 0.02, "after": 0.22},
            "read_ms": {"before": 0.02, "after": 0.22},
            "write_ms": {"before": 0.0, "after": 0.0},
            "jit_ms": {"before": 0.0, "after": 0.0},
            "rest_ms": {"before": 0.4, "after": 7.48},
            "plan_ms": {"before": 0.05, "after": 0.06},
            "rows": {"before": 10.0, "after": 10.0},
            "blocks": {"before": 6.0, "after": 1912.0},
            "temp_blocks": None,
        },
        "parts": [{"part": "rest", "ms_per_call": 7.08, "share": 0.9725}],
    },
    "waits": {
        "samples_before": 12,
        "samples_after": 60,
        "by_type": [
            {"type": "running", "event": None, "before": 0.9, "after": 0.75},
            {"type": "IO", "event": "DataFileRead", "before": 0.1, "after": 0.25},
        ],
    },
    "feedback": None,
}
#: The same, known to somebody.
ACKNOWLEDGED: dict[str, object] = EVIDENCE | {
    "feedback": {
        "verdict": "acknowledged",
        "by": "ann",
        "at": "2026-11-21T13:00:00+00:00",
        "reason": "known, the index comes back tonight",
    }
}


def chart(
    old: float = 0.42,
    new: float = 7.7,
    *,
    onset: datetime = ONSET,
    step: int = 300,
    before: int = 100,
    after: int = 90,
    seed: int = 1,
) -> Chart:
    rng = random.Random(seed)
    points = []
    for index in range(-before, after):
        base = new if index >= 0 else old
        season = 1 + 0.08 * math.sin(index / 30)
        value = base * season * math.exp(rng.gauss(0, 0.09))
        points.append(Point(onset + timedelta(seconds=step * index), value, 120))
    if points:
        points[before // 2] = replace(points[before // 2], value=old * 3)
    hour = onset.replace(minute=0, second=0) - timedelta(hours=9)
    bands = tuple(
        Band(
            hour + timedelta(hours=i),
            hour + timedelta(hours=i + 1),
            old * (0.75 + 0.05 * math.sin(i / 3)),
            old * (1.4 + 0.2 * math.sin(i / 3)),
        )
        for i in range(18)
    )
    events = (
        Event(
            onset - timedelta(seconds=2),
            onset - timedelta(seconds=302),
            "index_dropped",
            "index hs.idx_work_orders_business_status dropped",
        ),
        Event(
            onset - timedelta(hours=3),
            onset - timedelta(hours=3, minutes=5),
            "setting_changed",
            "setting work_mem changed from 4MB to 16MB",
        ),
    )
    return Chart(tuple(points), bands, events)


def finding(number: int = 1, severity: str = "critical", **changes: object) -> Finding:
    base = Finding(
        finding_id=f"f{number:04d}",
        incident_id="inc-1",
        is_new=True,
        statement=Statement(7731944120058321476 + number, 10, 16384, True, TEXT, len(TEXT)),
        metric="mean_exec_time",
        grain="sweep",
        onset=ONSET,
        direction="up",
        old_level=0.42,
        new_level=7.7,
        relative_change=17.33,
        relative_change_low=16.0,
        relative_change_high=18.9,
        p_value=3.1e-19,
        q_value=4.4e-17,
        baseline_level=0.41,
        baseline_tier="hour_of_week",
        severity=severity,
        policy="critical: 300 % of baseline",
        calls_per_day=1_105_000.0,
        added_ms_per_day=8_044_400.0,
        causes=(
            Cause(
                "index_dropped",
                "hs.idx_work_orders_business_status",
                "2026-11-21T12:04:09+00:00",
                0.94,
                (
                    "dropped between the sweeps of 11:59:09 and 12:04:09, the onset is 12:04:11",
                    "the statement reads hs.work_orders, the table of the index",
                    "blocks per call rose from 6 to 1,912; CPU is 97 % of the added time",
                ),
            ),
            Cause(
                "setting_changed",
                "work_mem",
                "2026-11-21T09:04:11+00:00",
                0.08,
                ("three hours before the onset",),
            ),
        ),
        evidence=EVIDENCE,
        chart=chart(seed=number),
        query="-- purpose: one statement's series\nSELECT s.ts FROM ledger.statements AS s\n"
        "WHERE s.queryid = 7731944120058321477",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def rich() -> ReportData:
    other = "SELECT count(*) FROM hs.work_orders WHERE business_id = $1 AND status = ANY ($2)"
    nightly = (
        "INSERT INTO hs.invoice_totals SELECT business_id, sum(total) FROM hs.invoices GROUP BY 1"
    )
    findings = (
        finding(1),
        finding(
            2,
            "warning",
            statement=Statement(-5210884419023377, 10, 16384, True, other, len(other)),
            old_level=1.9,
            new_level=4.3,
            relative_change=1.26,
            relative_change_low=1.1,
            relative_change_high=1.45,
            policy="warning: 150 % of baseline",
            calls_per_day=40_300.0,
            added_ms_per_day=96_700.0,
            chart=chart(1.9, 4.3, seed=2),
        ),
        finding(
            3,
            "warning",
            incident_id="inc-2",
            statement=Statement(88120034411, 10, 16384, True, nightly, len(nightly)),
            grain="hour",
            onset=datetime(2026, 11, 20, 3, 0),
            is_new=False,
            old_level=3_100.0,
            new_level=88_000.0,
            relative_change=27.4,
            relative_change_low=22.0,
            relative_change_high=34.0,
            baseline_level=None,
            baseline_tier=None,
            policy="warning: +20 % latency",
            calls_per_day=24.0,
            added_ms_per_day=2_037_600.0,
            causes=(),
            chart=chart(
                3_100, 88_000, onset=datetime(2026, 11, 20, 3), step=3600, before=120, after=45
            ),
        ),
        finding(
            4,
            "improvement",
            incident_id="inc-3",
            statement=Statement(
                4409112, 10, 16384, True, "UPDATE hs.customers SET seen_at = now() WHERE id = $1"
            ),
            direction="down",
            old_level=12.4,
            new_level=0.31,
            relative_change=-0.975,
            relative_change_low=-0.978,
            relative_change_high=-0.971,
            policy="",
            calls_per_day=9_000.0,
            added_ms_per_day=-108_800.0,
            causes=(Cause("index_created", "hs.idx_customers_id", "2026-11-21T12:04:00", 0.9, ()),),
            chart=chart(12.4, 0.31, seed=4),
        ),
    )
    rng = random.Random(7)
    texts = [TEXT, other, nightly, "COMMIT", "SELECT 1", "UPDATE hs.work_orders SET status = $1"]
    top = tuple(
        StatementDay(
            Statement(1000 + i, 10, 16384, True, text, len(text)),
            calls=2_000_000 // (i + 1),
            total_ms=9_000_000 / (i + 1) ** 1.5,
            share=0.52 / (i + 1) ** 1.5,
            hours=tuple(rng.random() * (4 if 8 < h < 18 else 1) for h in range(24)),
        )
        for i, text in enumerate(texts)
    )
    return ReportData(
        target="thorbis",
        day=DAY,
        code_version="0.1.0",
        findings=findings,
        judgement=Judgement(
            statements=412,
            unjudged=37,
            unjudged_share=0.021,
            reasons=(("no baseline yet", 25, 0.014), ("fewer than 5 exact samples", 12, 0.007)),
            examples=tuple(
                Unjudged(
                    Statement(77 + i, text=f"SELECT * FROM hs.t{i} WHERE id = $1"),
                    "no baseline yet",
                    12 + i,
                    8_300.0 / (i + 1),
                    0.004 / (i + 1),
                )
                for i in range(5)
            ),
        ),
        sensitivity=Sensitivity(
            DAY,
            400,
            ((0.2, 0.81), (0.5, 0.95), (1.0, 0.99)),
            (
                Blind(Statement(77, text="SELECT seldom"), 0.42, "judged", 0.05),
                Blind(Statement(78, text="SELECT twice"), None, "too few samples", 0.01),
            ),
        ),
        verdicts=(
            Verdict(
                Statement(79, text="SELECT expected"),
                "expected",
                "bob",
                datetime(2026, 11, 20, 9),
                "the new search is dearer",
                "mean_exec_time",
                "up",
                datetime(2026, 11, 20, 8),
                1.0,
                2.0,
            ),
        ),
        coverage=Coverage(
            sweeps=287,
            sources=(("collected", 287),),
            qualities=(("exact", 285), ("reset", 1), ("gap", 1)),
            exact_seconds=85_200.0,
            gaps=(
                Gap(
                    datetime(2026, 11, 21, 4, 5),
                    datetime(2026, 11, 21, 4, 20),
                    "no sweep for 15 min",
                ),
            ),
            connect_ms=3.2,
            database_ms=8_412.0,
            duration_ms=16_100.0,
            temp_bytes=0,
            rows_read=1_434_000,
            rows_written=71_200,
            dealloc=0,
            notes=("statistics of statements were reset at 04:10:00",),
        ),
        database=Database(
            active_ms=18_300_000.0,
            statement_ms=17_240_000.0,
            blks_hit=98_000_000,
            blks_read=400_000,
            commits=2_400_000,
            rollbacks=31,
            deadlocks=1,
            temp_bytes=12_000_000,
            database_bytes=4_500_000_000,
        ),
        sla=Sla(p95_ms=12.4, cache_hit_ratio=0.996, connection_ms=3.2, calls=2_400_000),
        total_ms=17_240_000.0,
        top=top,
        schema_changes=(
            SchemaChange(
                datetime(2026, 11, 21, 12, 4, 9),
                datetime(2026, 11, 21, 11, 59, 9),
                "index",
                "hs.idx_work_orders_business_status",
                "hs.work_orders",
                "dropped",
                "CREATE INDEX idx_work_orders_business_status ON hs.work_orders"
                " USING btree (business_id, status)",
                None,
            ),
        ),
        schema_changes_total=1,
        settings_changes=(
            SettingChange(
                datetime(2026, 11, 21, 9, 4, 11),
                datetime(2026, 11, 21, 8, 59, 11),
                "work_mem",
                "4096",
                "16384",
                "kB",
                False,
            ),
        ),
        queries=(
            ("findings", "SELECT * FROM perf_mgmt.findings"),
            ("statements", "SELECT * FROM ledger.statements_hourly"),
            ("sweeps", "SELECT * FROM ledger.sweeps"),
        ),
    )


def hostile() -> ReportData:
    """Everything that can hold text holds hostile text."""
    long = HOSTILE + "<é😀'\"" * 20_000
    event = Event(ONSET, None, HOSTILE, HOSTILE)
    item = finding(
        1,
        statement=Statement(-1, text=long, text_length=len(long)),
        metric=HOSTILE,
        policy=HOSTILE,
        baseline_tier=HOSTILE,
        causes=(Cause(HOSTILE, HOSTILE, HOSTILE, 0.5, (HOSTILE, long)),),
        evidence=ACKNOWLEDGED
        | {"feedback": {"verdict": "acknowledged", "by": long, "at": HOSTILE, "reason": long}}
        | {HOSTILE: {"before": 1, "after": 2}, "x": {HOSTILE: long}, "y": [long] * 9},
        chart=replace(chart(), events=(event,)),
        query=f"SELECT '{HOSTILE}'",
    )
    change = SchemaChange(ONSET, ONSET, HOSTILE, HOSTILE, HOSTILE, "altered", long, HOSTILE)
    setting = SettingChange(ONSET, ONSET, HOSTILE, HOSTILE, long, HOSTILE, True)
    statement = Statement(
        5, text=HOSTILE, text_length=len(HOSTILE), tags=((HOSTILE, (HOSTILE, long)),)
    )
    base = rich()
    return replace(
        base,
        target=HOSTILE,
        code_version=HOSTILE,
        findings=(
            item,
            replace(item, finding_id="b", severity="improvement"),
            replace(item, finding_id="c", evidence={"summary": long, HOSTILE: [long] * 9}),
        ),
        sensitivity=Sensitivity(
            DAY, 1, ((0.2, 0.5),), (Blind(statement, None, HOSTILE, 0.5),) * 10
        ),
        verdicts=(
            Verdict(
                statement, HOSTILE, HOSTILE, ONSET, long, HOSTILE, HOSTILE, ONSET, 1.0, math.inf
            ),
        )
        * 300,
        judgement=replace(base.judgement, examples=(Unjudged(statement, HOSTILE, 1, 1.0, 0.5),)),
        coverage=replace(base.coverage, notes=(long,), gaps=(Gap(ONSET, ONSET, HOSTILE),)),
        top=(StatementDay(statement, 0, 1.0, 1.0, (math.nan, -1.0, math.inf)),),
        schema_changes=(change,),
        settings_changes=(setting,),
        queries=(("findings", HOSTILE), ("sweeps", HOSTILE), ("statements", HOSTILE)),
    )


def many(amount: int = 200) -> ReportData:
    """Two hundred findings with long texts, each with a chart."""
    text = "SELECT " + ", ".join(f't.column_{i} AS "a\'{i}"' for i in range(700)) + " FROM t"
    severities = ("critical", "warning", "info", "improvement")
    findings = tuple(
        finding(
            i,
            severities[i % 4],
            incident_id=f"inc-{i % 60}",
            statement=Statement(i, text=f"/* {i} */ {text}", text_length=len(text)),
            chart=chart(seed=i, before=300, after=300),
        )
        for i in range(amount)
    )
    return replace(rich(), findings=findings)


def empty() -> ReportData:
    return ReportData(target="thorbis", day=DAY, code_version="0.1.0")
