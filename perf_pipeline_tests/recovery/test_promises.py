"""Promises that nothing proves, WAL that does not suffice, policies that are none."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.recovery.backup import expired
from perf_pipeline.recovery.model import Backup, Policy, Tenant
from perf_pipeline.recovery.run import BELIEVED, unproven
from perf_pipeline.recovery.wal import lacks

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def row(seconds=10.0, outcome="done", age=timedelta(days=1), error=None):
    return {
        "outcome": outcome,
        "started_at": NOW - age,
        "error": error,
        "detail": {"seconds": seconds},
    }


def test_a_promise_is_proved_by_a_drill_that_is_recent_whole_and_fast() -> None:
    policy = Policy()
    proved = {kind: row() for kind in policy.kinds}
    assert unproven(policy, proved, NOW) == {}
    for kind, found, why in (
        ("full", None, "never drilled"),
        (
            "failover",
            row(outcome="failed", error="commit lost"),
            "failed on 2026-05-31: commit lost",
        ),
        ("full", row(age=BELIEVED + timedelta(seconds=1)), "last drilled on"),
        ("failover", row(seconds=61), "took 61 s on 2026-05-31, promised are 60"),
    ):
        given = {**proved, kind: found}
        if found is None:
            del given[kind]
        assert list(unproven(policy, given, NOW)) == [kind]
        assert why in unproven(policy, given, NOW)[kind]
    assert "tenant" not in policy.kinds
    assert unproven(Policy(tenant=Tenant("t", "1")), proved, NOW) == {"tenant": "never drilled"}


def wal(**changed):
    return {
        "wal_level": "replica",
        "archive_mode": "on",
        "max_wal_senders": 10,
        "wal_keep_bytes": 512 << 20,
        "last_archived_time": NOW - timedelta(minutes=1),
        "last_failed_time": None,
        "failed_count": 0,
        "last_failed_wal": None,
        "waiting": 0,
        "wal_bytes": 64 << 20,
        "now": NOW,
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"wal_level": "minimal"}, "set wal_level = replica"),
        ({"archive_mode": "off"}, "archive_mode is off"),
        ({"max_wal_senders": 2}, "max_wal_senders is 2"),
        ({"wal_keep_bytes": 511 << 20}, "wal_keep_size is 511 MB"),
        (
            {"last_failed_time": NOW, "last_failed_wal": "0001", "waiting": 9},
            "with 0001, nothing since .*; 9 files wait, pg_wal holds 64 MB and grows",
        ),
        ({"last_archived_time": NOW - timedelta(minutes=6)}, "was archived 0:06:00 ago"),
        ({"last_archived_time": None, "last_failed_time": NOW}, "nothing ever"),
    ],
)
def test_what_wal_lacks_is_said_with_what_to_set(changed, said) -> None:
    assert lacks(wal()) == []
    (found,) = lacks(wal(**changed))
    assert re.search(said, found)


def test_the_newest_are_kept(tmp_path) -> None:
    made = [Backup(f"2026010{n}T000000Z", tmp_path, 18, 1, 1.0) for n in (2, 1, 3)]
    assert [each.name[:8] for each in expired(made, 2)] == ["20260101"]
    assert expired(made, 3) == []
    # a clock that went before: what was made just now is never what goes
    assert [each.name[:8] for each in expired(made, 1, made[1].name)] == ["20260103", "20260102"]


def test_what_is_no_policy_is_refused() -> None:
    for wrong, said in (
        ({"rate_mb": 2000}, "rate_mb is 2000"),
        ({"compress": 10}, "compress is 10"),
        ({"keep": 0}, "keep is 0"),
        ({"goals": {"full": 0.0}}, "goal of full is 0.0 s"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            Policy(**wrong)
