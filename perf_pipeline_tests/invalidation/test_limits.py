"""What is said of a queue, by what was seen of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from perf_pipeline.invalidation.limits import CHECKS, FROM_DRAINS, Verdict, judge
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.queue import Depth

AT = datetime(2026, 3, 1, tzinfo=UTC)
CACHE = CacheType("kept", fresh_s=60.0)
DEPTH = Depth("kept", 10, 20, AT, AT, 0, 0, None, 0, None)
DRAIN = {"cache_type": "kept", "staleness_p99_s": 5.0, "slowest_s": 0.1}


def seen(**changes: Any) -> dict[str, Verdict]:
    values: dict[str, Any] = {
        "caches": (CACHE,),
        "depth": (DEPTH,),
        "ages_s": {"kept": 3.0},
        "logged": 0,
        "logged_s": None,
        "drains": (DRAIN,),
        "steps": (),
    } | changes
    return {verdict.check: verdict for verdict in judge(**values)}


def test_all_is_well() -> None:
    found = seen()
    assert list(found) == list(CHECKS)
    assert all(verdict.passed for verdict in found.values())
    assert all(verdict.passed for verdict in seen(depth=(), ages_s={}, drains=()).values())


@pytest.mark.parametrize(
    ("entries", "logged", "passed", "severity"),
    [
        (500, 0, True, "warn"),
        (400, 101, False, "warn"),
        (1_000, 0, False, "warn"),
        (1_001, 0, False, "error"),
        (0, 1_001, False, "error"),
    ],
)
def test_limits_are_those_described(entries: int, logged: int, passed: bool, severity: str) -> None:
    """G-47: more than 500 are a warning, more than 1,000 critical."""
    verdict = seen(depth=(replace(DEPTH, entries=entries),), logged=logged)["pending"]
    assert (verdict.passed, verdict.severity) == (passed, severity)
    assert verdict.figures["waiting"] == entries + logged


@pytest.mark.parametrize("check", ["oldest", "staleness"])
@pytest.mark.parametrize(
    ("seconds", "passed", "severity"),
    [(60.0, True, "warn"), (60.1, False, "warn"), (120.0, False, "warn"), (121.0, False, "error")],
)
def test_goals_are_kept_or_not(check: str, seconds: float, passed: bool, severity: str) -> None:
    other = CacheType("other", fresh_s=600.0)
    drains = (
        {**DRAIN, "staleness_p99_s": seconds},
        {**DRAIN, "cache_type": "other", "staleness_p99_s": 130.0},
        {**DRAIN, "staleness_p99_s": None},
    )
    ages = {"kept": seconds, "other": 130.0, "nobody declares it": 1e9}
    verdict = seen(caches=(CACHE, other), ages_s=ages, drains=drains)[check]
    assert (verdict.passed, verdict.severity) == (passed, severity)
    assert verdict.figures["cache_type"] == "kept"


def test_what_nobody_folds_grows_old_as_well() -> None:
    """Without any worker, all there is is the log."""
    other = CacheType("other", fresh_s=600.0)
    found = seen(caches=(other, CACHE), depth=(), ages_s={}, logged=8, logged_s=61.0)
    assert (found["oldest"].passed, found["pending"].passed) == (False, True)
    assert found["oldest"].told == "oldest entry of kept: 61.0 s, the goal is 60 s"
    assert seen(ages_s={"kept": 3.0}, logged=8, logged_s=59.0)["oldest"].passed
    without_store = seen(drains=None)
    assert [name for name in CHECKS if name not in without_store] == list(FROM_DRAINS)


def test_what_is_dead_unknown_not_captured_or_slow_is_told() -> None:
    found = seen(
        depth=(replace(DEPTH, dead=3), replace(DEPTH, cache_type="timeline", entries=2)),
        steps=("create trigger on a.b", "create trigger on a.c"),
        drains=({**DRAIN, "slowest_s": 2.5},),
    )
    told = {name: verdict.told for name, verdict in found.items() if not verdict.passed}
    assert set(told) == {"dead", "known", "captured", "quick"}
    assert told["dead"].startswith("set aside: 3 of kept")
    assert "timeline (2 entries)" in told["known"]
    assert told["captured"].startswith("create trigger on a.b and 1 more")
    assert told["quick"] == "kept: a call took 2.5 s"
    assert found["known"].severity == found["captured"].severity == "error"
    gone = replace(DEPTH, cache_type="timeline", entries=0, dead=1)
    assert seen(depth=(gone,))["known"].passed  # only dead ones: told by the other check
