"""`pg_notify`: listeners of the target hear what is forgotten, from the worker's connection."""

from collections.abc import Sequence
from typing import Any

import psycopg

from perf_pipeline.invalidation.sinks.base import Entry, SinkError
from perf_pipeline.invalidation.sinks.policy import SinkPolicy
from perf_pipeline.invalidation.sinks.redis_sink import EVERY, messages
from perf_pipeline.postgres import sqlfiles

#: PostgreSQL refuses a payload of 8,000 bytes or more.
PAYLOAD_BYTES = 7_999


class NotifySink:
    """Notifies listeners: one notification a batch, more only where 8,000 bytes do not hold it.

    Writers never notify (a commit with a notification waits for every other one); this is a
    worker's connection, where that hurts nobody. A listener that is away misses it: who listens
    forgets everything when it connects again, as `perf_pipeline.invalidation.client` does.

    Parameters
    ----------
    policy : SinkPolicy
        Of kind notify; `channel` is declared there.
    connection : psycopg.Connection
        The worker's; outside a transaction listeners hear at once, inside one when it commits.

    """

    def __init__(self, policy: SinkPolicy, connection: psycopg.Connection[Any]) -> None:
        self.policy = policy
        self.name = f"notify {policy.channel}"
        self._connection = connection

    def invalidate(self, cache_type: str, batch: Sequence[Entry]) -> dict[str, str]:
        """Notify of entities; see `Sink.invalidate`."""
        entities = list(dict.fromkeys(entry.entity for entry in batch))
        if EVERY in entities:
            entities = [EVERY]
        payloads = list(messages(cache_type, entities, PAYLOAD_BYTES))
        if not payloads:
            return {}
        try:
            with self._connection.transaction():
                self._connection.execute(
                    sqlfiles.load("invalidation/notify").text,
                    {"channel": self.policy.channel, "payloads": payloads},
                )
        except psycopg.Error as error:
            raise SinkError(
                f"channel {self.policy.channel!r}: {error}",
                "see pg_notification_queue_usage(): a listener idle in a transaction fills it",
            ) from error
        return {}

    def close(self) -> None:
        """Leave the connection to the worker, whose it is."""
