"""Where a message goes, and when: digests, quiet hours, owners, in any time zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from perf_pipeline.alerts.model import Alerts, Channel
from perf_pipeline.alerts.routes import after_quiet, deliveries, next_digest
from perf_pipeline.alerts.state import Message
from perf_pipeline.errors import ConfigurationError

AT = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)  # a Wednesday


def channel(**fields: Any) -> Channel:
    return Channel(**{"name": "ops", "url_env": "OPS", **fields})


def message(level: Any = "warning", **fields: Any) -> Message:
    given = {"kind": "opened", "owner": "team:data", "title": "t", "body": "b", **fields}
    return Message("k", target="shop", incident_id="i", level=level, at=AT, **given)


def test_at_once_unless_it_is_night() -> None:
    (now,) = deliveries(message(), [channel()])
    assert (now.due_at, now.digest) == (AT, "")
    night = channel(quiet_hours="22:00-07:00")
    (morning,) = deliveries(message(), [night])
    assert morning.due_at == datetime(2026, 3, 5, 7, tzinfo=UTC)
    (critical,) = deliveries(message("critical"), [night])
    assert critical.due_at == AT


def test_quiet_hours_are_the_channels_own() -> None:
    there = channel(quiet_hours="08:00-09:00", timezone="Asia/Tokyo")
    assert after_quiet(AT, there) == datetime(2026, 3, 5, 0, tzinfo=UTC)
    assert after_quiet(AT, channel(quiet_hours="08:00-09:00")) == AT


def test_digests() -> None:
    daily, weekly = channel(frequency="daily"), channel(frequency="weekly")
    (one,) = deliveries(message(), [daily])
    assert one.due_at == datetime(2026, 3, 5, 8, tzinfo=UTC)
    assert one.digest == "daily 2026-03-05 08:00"
    (two,) = deliveries(message(), [weekly])
    assert two.due_at == datetime(2026, 3, 9, 8, tzinfo=UTC)
    (urgent,) = deliveries(message("critical"), [weekly])
    assert (urgent.due_at, urgent.digest) == (AT, "")
    (wished,) = deliveries(message(delivery="daily"), [channel()])
    assert wished.digest.startswith("daily")


def test_each_gets_what_is_theirs() -> None:
    mine, theirs = channel(owners=("team:data",)), channel(owners=("team:web",))
    assert len(deliveries(message(), [mine, theirs])) == 1
    assert deliveries(message(owner=""), [theirs])
    only = channel(minimum="critical")
    assert not deliveries(message(), [only])
    assert deliveries(message("critical"), [only])
    # where its beginning was told, its end is told, too
    over = {"kind": "resolved", "detail": {"worst": "critical"}}
    assert deliveries(message("ok", **over), [only])
    assert not deliveries(message("ok", kind="resolved", detail={"worst": "warning"}), [only])


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    st.integers(0, 23),
    st.integers(0, 23),
    st.sampled_from([0, 30]),
)
@example(datetime(2026, 10, 25, 1, 15, tzinfo=UTC), "Europe/Berlin", 22, 2, 30)  # 02:15, again
def test_due_times_lie_ahead_and_outside_quiet_hours(
    now: datetime, zone: str, begin: int, end: int, minute: int
) -> None:
    assume((begin, 0) != (end, minute))
    quiet = channel(
        quiet_hours=f"{begin:02}:00-{end:02}:{minute:02}", timezone=zone, digest_at="08:00"
    )
    at = after_quiet(now, quiet)
    assert now <= at <= now + timedelta(hours=25)
    assert after_quiet(at, quiet) == at
    for frequency, most in (("daily", 1), ("weekly", 7)):
        due = next_digest(now, frequency, quiet)  # type: ignore[arg-type]
        assert now < due <= now + timedelta(days=most, hours=1)
        assert due.astimezone(ZoneInfo(zone)).hour == 8


@pytest.mark.parametrize("hours", ["25:00-07:00", "22-7", "22:00", "08:00-08:00"])
def test_wrong_hours_are_refused(hours: str) -> None:
    with pytest.raises((ValueError, ConfigurationError), match="quiet_hours"):
        channel(quiet_hours=hours)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"policies": {"active_connections": {"warnin": 5}}}, "policy 'active_connections' has no"),
        (
            {"policies": {"active_connections": {"response": "DROP TABLE x"}}},
            "policy 'active_connections': response is 'DROP TABLE x'",
        ),
        (
            {"channels": {"ops": {"url_env": "X", "quiet_hours": "25:00-07:00"}}},
            "quiet_hours is '25",
        ),
    ],
)
def test_what_is_declared_wrongly_is_named(block: dict[str, Any], said: str) -> None:
    """The policy or channel, the field, its value, and what it may be."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        Alerts.model_validate(block)
    assert caught.value.remedy
