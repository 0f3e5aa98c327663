"""What the next run says after feedback, and what is known of each rule's precision."""

import json
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from perf_pipeline.baselines.build import build
from perf_pipeline.regressions import draft, verdicts
from perf_pipeline.regressions.find import find
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, feedback
from perf_pipeline_tests.regressions import ledger
from perf_pipeline_tests.regressions.test_find import BASELINES, DEMO_DAY, FINDINGS, demo

__all__ = ["demo"]  # the fixture

AT = datetime(2025, 3, 3, 12)
WHO = {"given_by": "ann", "reason": "a migration"}


def known(finding_id, cause="index_dropped", severity="critical", verdict=None):
    row = {"finding_id": finding_id, "cause_kind": cause, "severity": severity}
    return {**row, "verdict": verdict} if verdict else row


def test_precision_counts_each_finding_once_by_cause_and_severity():
    findings = [known("a"), known("b"), known("c"), known("d", None), known("e", severity="info")]
    said = [
        known("a", verdict="acknowledged"),
        known("b", verdict="false"),
        known("gone", verdict="false"),
        known("also gone", verdict="expected"),
        known("d", None, verdict="acknowledged"),
    ]
    rows = verdicts.precision(findings, said)
    assert [(r["cause_kind"], r["severity"]) for r in rows] == [
        (None, "critical"),
        ("index_dropped", "critical"),
        ("index_dropped", "info"),
    ]
    assert rows[0]["precision"] == 1.0
    assert {k: rows[1][k] for k in ("true", "expected", "false", "unjudged", "precision")} == {
        "true": 2,
        "expected": 1,
        "false": 2,
        "unjudged": 1,
        "precision": 0.5,
    }
    assert rows[2]["precision"] is None


def test_nothing_known_is_no_rule():
    assert verdicts.precision([], []) == []


def word(**more):
    known = {
        "finding_id": "f",
        "incident_id": "i",
        "whole_incident": False,
        "verdict": "acknowledged",
        "given_by": "ann",
        "given_at": AT,
        "reason": "",
        "userid": 1,
        "dbid": 2,
        "queryid": 3,
        "toplevel": True,
        "metric": "mean_exec_time",
        "direction": "up",
        "onset": AT,
        "tolerance_seconds": 60.0,
        "old_level": 1.0,
        "new_level": 2.0,
        "severity": "critical",
        "cause_kind": None,
    }
    return feedback.Verdict(**{**known, **more})


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ({"finding_id": "mine"}, True),
        ({}, True),  # the same change by another name
        ({"onset": AT - timedelta(hours=1)}, False),
        ({"queryid": 4}, False),
        ({"queryid": 4, "incident_id": "joined", "whole_incident": True}, True),
        ({"queryid": 4, "incident_id": "joined"}, False),  # of one finding of it only
        ({"finding_id": "mine", "verdict": "false"}, False),
    ],
)
def test_a_finding_is_known_by_its_name_its_change_or_its_incident(said, known):
    row = {"userid": 1, "dbid": 2, "queryid": 3, "toplevel": True}
    row |= {"direction": "up", "change_ts": AT}
    found = draft._acknowledged(row, "mine", "joined", [word(**said)])
    assert (found is not None) is known


@pytest.mark.server
def test_an_acknowledged_incident_is_told_but_not_as_new(demo: tuple[Store, datetime]) -> None:
    store, _ = demo
    before = find(store, "shop", DEMO_DAY, DEMO_DAY).findings
    feedback.give(store, "shop", before["incident_id"][0][:6], "acknowledged", **WHO)
    after = find(store, "shop", DEMO_DAY, DEMO_DAY).findings
    assert after["is_new"].to_list() == [False]
    told = json.loads(after["evidence"][0])
    assert told["feedback"]["verdict"] == "acknowledged"
    assert told["feedback"]["reason"] == "a migration"
    assert json.loads(before["evidence"][0])["feedback"] is None
    same = [c for c in before.columns if c not in {"is_new", "evidence"}]
    assert after.select(same).equals(before.select(same))


@pytest.mark.server
@pytest.mark.parametrize("verdict", ["expected", "false"])
def test_a_settled_change_is_not_told_again_until_it_is_cleared(
    demo: tuple[Store, datetime], verdict: str
) -> None:
    store, _ = demo
    first = find(store, "shop", DEMO_DAY, DEMO_DAY)
    told = ledger.rows(store, FINDINGS)
    name = first.findings["finding_id"].item()
    feedback.give(store, "shop", name, verdict, **WHO)
    quiet = find(store, "shop", DEMO_DAY, DEMO_DAY)
    assert quiet.rows == 0
    assert len(quiet.notes) == 1
    assert f"{name} is not told: {verdict}, says ann" in quiet.notes[0]
    assert quiet.notes[0].endswith("after the day")
    (row,) = verdicts.precision_of(store, 1)
    assert (row["true"], row["false"]) == ((1, 0) if verdict == "expected" else (0, 1))
    (shown,) = verdicts.shown(store, 1, name[:5])
    assert any(verdict in line for line in verdicts.lines(shown))
    feedback.give(store, "shop", name, "cleared", **WHO)
    find(store, "shop", DEMO_DAY, DEMO_DAY)
    assert ledger.rows(store, FINDINGS) == told


@pytest.mark.server
def test_an_expected_rise_is_the_new_normal_and_a_false_one_none(store: Store) -> None:
    day = _days_with_a_rise(store).date()
    find(store, "shop", DEMO_DAY, day)
    rows = verdicts.listed(store, 1, DEMO_DAY, day)
    assert [row["queryid"] for row in rows] == [100]
    build(store, "shop", day, day)
    open_rise = _center(store)
    feedback.give(store, "shop", rows[0]["finding_id"], "expected", **WHO)
    build(store, "shop", day, day)
    expected = _center(store)
    repeated = ledger.rows(store, BASELINES)
    build(store, "shop", day, day)
    assert ledger.rows(store, BASELINES) == repeated
    feedback.give(store, "shop", rows[0]["finding_id"], "false", **WHO)
    build(store, "shop", day, day)
    assert open_rise == pytest.approx(1.0, rel=0.1)
    assert expected == pytest.approx(2.0, rel=0.1)
    assert 1.0 < _center(store) < 2.1


@pytest.mark.server
def test_judged_by_the_hour_an_expected_rise_is_quiet_and_the_new_normal(store: Store) -> None:
    rng = np.random.default_rng(5)
    ends = [datetime(2025, 3, 3) + timedelta(hours=h, minutes=55) for h in range(21 * 24)]
    means = np.where(np.arange(len(ends)) >= 9 * 24, 2.0, 1.0) * rng.lognormal(0, 0.04, len(ends))
    ledger.write(
        store,
        "shop",
        {"sweeps": ledger.sweeps(ends), "statements": ledger.statement(ends, means, 100)},
    )
    first, rise, last = date(2025, 3, 3), date(2025, 3, 12), date(2025, 3, 23)
    roll_up(store, "shop", first, last)
    (row,) = find(store, "shop", rise, rise).findings.to_dicts()
    assert row["grain"] == "hour"
    build(store, "shop", last, last)
    open_rise = _center(store)
    feedback.give(store, "shop", row["finding_id"], "expected", **WHO)
    assert find(store, "shop", rise, last).rows == 0
    build(store, "shop", last, last)
    assert open_rise == pytest.approx(1.0, rel=0.1)
    assert _center(store) == pytest.approx(2.0, rel=0.1)


def _center(store: Store) -> float:
    with store.begin() as connection:
        row = connection.execute(
            "SELECT center FROM perf_mgmt.statement_baselines"
            " WHERE queryid = 100 AND tier IN ('all', 'initial')"
        ).fetchone()
    assert row is not None
    return float(row[0])


def _days_with_a_rise(store: Store) -> datetime:
    rng = np.random.default_rng(3)
    ends = [datetime(2025, 3, 3) + timedelta(hours=2 * i) for i in range(1, 48)]
    means = np.where(np.arange(47) >= 24, 2.0, 1.0) * np.exp(0.03 * rng.normal(size=47))
    quiet = 0.5 * np.exp(0.03 * rng.normal(size=47))
    rows = [ledger.statement(ends, means, 100), ledger.statement(ends, quiet, 101)]
    ledger.write(store, "shop", {"sweeps": ledger.sweeps(ends), "statements": pl.concat(rows)})
    return ends[-1]
