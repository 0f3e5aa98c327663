"""Who watches the watcher: evaluation that is too old, and the heartbeat that others listen for."""

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from perf_pipeline import settings
from perf_pipeline.alerts import book
from perf_pipeline.alerts.model import alerts_of, with_alerts
from perf_pipeline.alerts.state import Message
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

#: Five looks of the sensor that did not come.
TOO_OLD: Final = timedelta(minutes=5)
#: The sensor must not wait for somebody else's server.
_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True)
class Watched:
    """Whether a target's policies are evaluated."""

    target: str
    evaluated_at: datetime | None
    minutes: float | None
    is_watched: bool
    policies: int | None = None
    without_data: int | None = None
    open_incidents: int | None = None


def judge(
    targets: Sequence[str],
    evaluations: Mapping[str, Mapping[str, Any]],
    now: datetime,
    limit: timedelta = TOO_OLD,
) -> tuple[Watched, ...]:
    """Return of each target whether somebody watches it; pure.

    One that was never evaluated is not watched, nor one whose evaluation lies ahead of the clock.
    """
    found = []
    for target in targets:
        row = evaluations.get(target)
        if row is None:
            found.append(Watched(target, None, None, is_watched=False))
            continue
        # a clock that was set back makes an evaluation look young until it has come so far again
        age = abs(now - row["evaluated_at"])
        found.append(
            Watched(
                target,
                row["evaluated_at"],
                age.total_seconds() / 60,
                age <= limit,
                row["policies"],
                row["without_data"],
                row["open_incidents"],
            )
        )
    return tuple(found)


def look(
    store: Store, declared: Sequence[Target], now: datetime, limit: timedelta = TOO_OLD
) -> tuple[Watched, ...]:
    """Return of each target whose alerts are on whether somebody watches it."""
    with store.begin() as connection:
        rows = {row["target"]: row for row in book.run(connection, "book/evaluations")}
    names = [each.name for each in with_alerts(declared)]
    return judge(names, rows, now, limit)


def tell(
    store: Store, declared: Sequence[Target], now: datetime, limit: timedelta = TOO_OLD
) -> int:
    """Put a message into the outbox for each target that was evaluated once and is no longer.

    Once for each silence, whoever finds it. Returns how many were new.
    """
    by_name = {target.name: target for target in declared}
    added = 0
    with store.begin() as connection:
        # after a clock was set back the sensor has as long as always to look again
        book.run(connection, "book/evaluations_rewind", {"now": now, "names": list(by_name)})
    for each in look(store, declared, now, limit):
        if each.is_watched or each.evaluated_at is None or each.minutes is None:
            continue
        message = Message(
            key=f"{each.target}:unwatched:{each.evaluated_at.isoformat()}",
            kind="unwatched",
            target=each.target,
            incident_id=None,
            level="critical",
            owner="",
            title=f"[{each.target}] nobody is watching: alerts were last evaluated "
            f"{each.minutes:.0f} min ago",
            body=f"The sensor `alerts` last looked at {each.evaluated_at:%Y-%m-%d %H:%M} UTC. "
            "See that the Dagster daemon runs and the sensor is on.",
            at=now,
            detail={"type": "unwatched", "minutes": round(each.minutes, 1)},
        )
        channels = alerts_of(by_name[each.target].alerts).routes()
        with store.begin() as connection:
            added += book.put(connection, each.target, [message], channels)
    return added


def beat() -> str:
    """Ask for the heartbeat's URL, if there is one; return what went wrong, '' when nothing.

    Raises
    ------
    ConfigurationError
        PERF_HEARTBEAT_URL is no web address.

    """
    url = settings.current().heartbeat_url
    if url is None:
        return ""
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(
            "PERF_HEARTBEAT_URL is no web address", "let it begin with https:// or http://"
        )
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S):  # noqa: S310 - the scheme is checked
            return ""
    except (urllib.error.URLError, OSError, ValueError) as error:
        # the address may hold a token: only what kind of error it was
        code = getattr(error, "code", "")
        return f"the heartbeat was not taken: {type(error).__name__} {code}".strip()
