"""Which channels a message takes, and when it is due on each; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from perf_pipeline.alerts.model import RANK, Channel, Frequency
from perf_pipeline.alerts.state import Message

#: Digests of a week go out on this day (Monday).
_WEEKDAY = 0


@dataclass(frozen=True)
class Delivery:
    """One message on one channel; `digest` is '' where it goes by itself."""

    channel: str
    due_at: datetime
    digest: str


def deliveries(message: Message, channels: Sequence[Channel]) -> tuple[Delivery, ...]:
    """Return where a message goes, and when.

    What is critical goes at once everywhere. What is over is told where its beginning was: it
    passes the `minimum` of every channel that takes warnings, and of one that takes only what is
    critical where it was critical, which its detail tells.

    Parameters
    ----------
    message : Message
    channels : sequence of Channel

    """
    return tuple(
        Delivery(channel.name, *_due(message, channel))
        for channel in channels
        if takes(channel, message)
    )


def takes(channel: Channel, message: Message) -> bool:
    """Whether a channel is for a message."""
    if channel.owners and message.owner and message.owner not in channel.owners:
        return False
    worst = str(message.detail.get("worst", message.level))
    return RANK.get(worst, 0) >= RANK[channel.minimum] or message.kind in ("test", "unwatched")


def _due(message: Message, channel: Channel) -> tuple[datetime, str]:
    if message.level == "critical" or message.kind in ("test", "unwatched"):
        return message.at, ""
    frequency: Frequency = channel.frequency
    if message.delivery is not None and channel.notify is None:
        frequency = message.delivery
    if frequency != "immediate":
        at = next_digest(message.at, frequency, channel)
        return at, f"{frequency} {at:%Y-%m-%d %H:%M}"
    return after_quiet(message.at, channel), ""


def next_digest(now: datetime, frequency: Frequency, channel: Channel) -> datetime:
    """Return when the next digest goes out, strictly after now."""
    zone = ZoneInfo(channel.timezone)
    local = now.astimezone(zone)
    hour, minute = (int(part) for part in channel.digest_at.split(":"))
    day = local.date()
    while True:
        at = datetime.combine(day, time(hour, minute), zone).astimezone(now.tzinfo)
        if at > now and (frequency == "daily" or day.weekday() == _WEEKDAY):
            return at
        day += timedelta(days=1)


def after_quiet(now: datetime, channel: Channel) -> datetime:
    """Return now, or the end of the quiet hours that now lies in."""
    if channel.quiet_hours is None:
        return now
    zone = ZoneInfo(channel.timezone)
    local = now.astimezone(zone)
    begin, end = (time.fromisoformat(part) for part in channel.quiet_hours.split("-"))
    clock = local.time()
    quiet = begin <= clock < end if begin <= end else clock >= begin or clock < end
    if not quiet:
        return now
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    at = datetime.combine(day, end, zone).astimezone(now.tzinfo)
    # in the hour that clocks go through twice the hours end the second time
    return (
        at if at > now else datetime.combine(day, end.replace(fold=1), zone).astimezone(now.tzinfo)
    )
