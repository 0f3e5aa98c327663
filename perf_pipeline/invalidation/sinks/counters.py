"""Hits and misses: counted by applications' clients, kept in Redis, read by who reports them."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from perf_pipeline.invalidation.sinks import servers
from perf_pipeline.invalidation.sinks.policy import SinkPolicy


@dataclass(slots=True)
class Counters:
    """What the clients of one cache type did.

    Attributes
    ----------
    l1_hits, l2_hits : int
        Values found in the process, in Redis.
    misses : int
        Values computed. Who waits for another thread's computation counts as nothing.
    stored : int
        Of the computed ones, stored in Redis.
    refused : int
        Not stored, because they were invalidated while they were computed (or took too long).
    waited : int
        Not stored, because another process computed the same for longer than one waits.
    errors : int
        Calls that Redis failed; the value was computed.
    compute_ms : int
        Time spent computing, milliseconds.

    """

    l1_hits: int = 0
    l2_hits: int = 0
    misses: int = 0
    stored: int = 0
    refused: int = 0
    waited: int = 0
    errors: int = 0
    compute_ms: int = 0

    @property
    def hit_percent(self) -> float | None:
        """Percent of the looks that needed no computation; None where nobody looked."""
        looks = self.l1_hits + self.l2_hits + self.misses
        return 100.0 * (self.l1_hits + self.l2_hits) / looks if looks else None

    def __str__(self) -> str:
        looks = self.l1_hits + self.l2_hits + self.misses
        if self.hit_percent is None:
            return "no looks"
        return (
            f"{self.hit_percent:.1f} % of {looks:,} looks"
            f" ({self.l1_hits:,} in the process, {self.l2_hits:,} in Redis),"
            f" {self.refused:,} late values refused, {self.errors:,} errors"
        )


NAMES = tuple(field.name for field in fields(Counters))


def add(
    client: servers.Client,
    policies: Mapping[str, SinkPolicy],
    counted: Mapping[str, Counters],
    now: datetime | None = None,
) -> None:
    """Add what was counted to what Redis holds.

    Parameters
    ----------
    client : redis client
        Single or cluster.
    policies : mapping
        Cache type -> its policy, for the counters' names.
    counted : mapping
        Cache type -> what came since the last call.
    now : datetime, optional
        When counting began, if it begins with this call.

    Raises
    ------
    redis.exceptions.RedisError
        Some may have been added.

    """
    since = (now or datetime.now(UTC)).isoformat()
    with client.pipeline(transaction=False) as pipe:
        for cache_type, counters in counted.items():
            name = policies[cache_type].counters_of(cache_type)
            pipe.execute_command("HSETNX", name, "since", since)
            for field, number in asdict(counters).items():
                if number:
                    pipe.execute_command("HINCRBY", name, field, number)
        pipe.execute()


def read_counters(policies: Mapping[str, SinkPolicy]) -> dict[str, tuple[Counters, datetime]]:
    """Return what clients counted.

    Parameters
    ----------
    policies : mapping
        Cache type -> its policy of kind redis.

    Returns
    -------
    dict
        Cache type -> counters, and since when they count. A type nobody counted is absent. A Redis
        that is flushed or restarts begins anew: two readings differ by what came between them only
        if `since` is the same.

    Raises
    ------
    SinkError
        A Redis does not answer.
    ConfigurationError
        A variable is not set.

    """
    found: dict[str, tuple[Counters, datetime]] = {}
    with ExitStack() as stack:
        clients: dict[tuple[str, bool], servers.Client] = {}
        for cache_type, policy in policies.items():
            where = (policy.url_env, policy.cluster)
            try:
                if where not in clients:
                    clients[where] = servers.connect(policy, attempts=1)
                    stack.callback(clients[where].close)
                held: Any = clients[where].hgetall(policy.counters_of(cache_type))
            except servers.ANY as error:
                raise servers.down(policy, error) from error
            if b"since" in held:
                numbers = {name: int(held.get(name.encode(), 0)) for name in NAMES}
                since = datetime.fromisoformat(held[b"since"].decode())
                found[cache_type] = (Counters(**numbers), since)
    return found
