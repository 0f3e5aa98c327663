"""Redis and Valkey: values are deleted by the set of their entity's keys, never by KEYS or SCAN.

What lies there for the entity 42 of the cache type `business:config` (all of it in one slot of a
cluster, because each name holds `{42}`):

- the value: `business:config:{42}`, with its time to live;
- its tag: `perf:tag:business:config:{42}`, a sorted set of the entity's keys by the time each
  expires, and the mark `<epoch>@<run of the server>` they were made under;
- while a value is computed, its lease: `perf:lease:business:config:{42}`;

and, once per cache type, `perf:epoch:business:config`. An entity is forgotten by deleting what its
tag names, leases included: a value computed before is then refused. `*` is forgotten by beginning
another epoch, one write however many values there are: those of older epochs count no more and
expire.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from itertools import chain

import redis

from perf_pipeline.invalidation.sinks import servers
from perf_pipeline.invalidation.sinks.base import Entry
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

#: The entity that is every one.
EVERY = "*"
#: Entities of one script, which nothing else of the server runs beside.
TOGETHER = 100
#: Of one message to in-process caches.
MESSAGE_BYTES = 60_000


class RedisSink:
    """Deletes entities from a Redis, then tells the in-process caches that listen.

    Parameters
    ----------
    policy : SinkPolicy
        Of kind redis.

    """

    def __init__(self, policy: SinkPolicy) -> None:
        self.policy = policy
        self.name = f"redis {policy.url_env}"
        self._client: servers.Client | None = None
        servers.url_of(policy)  # a variable that is missing is said at once

    def _connected(self) -> servers.Client:
        if self._client is None:
            self._client = servers.connect(self.policy)
        return self._client

    def invalidate(self, cache_type: str, batch: Sequence[Entry]) -> dict[str, str]:
        """Forget entities; see `Sink.invalidate`.

        A message to in-process caches follows the deletion, never precedes it: who reads again
        after the message finds no old value. Should it not get out, the whole batch stays due.
        """
        entities = list(dict.fromkeys(entry.entity for entry in batch))
        errors: dict[str, str] = {}
        try:
            client = self._connected()
            if EVERY in entities:
                self._every(client, cache_type)
                return {}
            for first in range(0, len(entities), self.policy.batch):
                part = entities[first : first + self.policy.batch]
                errors |= self._some(client, cache_type, part)
        except servers.ANY as error:
            self.close()
            raise servers.down(self.policy, error) from error
        return errors

    def _every(self, client: servers.Client, cache_type: str) -> None:
        keys = [self.policy.epoch_of(cache_type)]
        servers.run(client, "epoch", keys, [uuid.uuid4().hex, "1"])
        self._tell(client, cache_type, [EVERY])

    def _some(
        self, client: servers.Client, cache_type: str, entities: Sequence[str]
    ) -> dict[str, str]:
        policy = self.policy
        # one script takes many entities, on a cluster one: they are on different nodes
        size = 1 if policy.cluster else TOGETHER
        groups = [entities[at : at + size] for at in range(0, len(entities), size)]
        calls = []
        for group in groups:
            names = [[policy.tag_of(cache_type, e), *policy.known_keys(e)] for e in group]
            arguments = (policy.lease_prefix, len(names[0]))
            calls.append(("invalidate", list(chain.from_iterable(names)), arguments))
        errors: dict[str, str] = {}
        for group, answer in zip(groups, servers.run_many(client, calls), strict=True):
            if isinstance(answer, Exception):
                errors |= dict.fromkeys(group, f"{type(answer).__name__}: {answer}")
            else:
                for at, trouble in zip(answer[::2], answer[1::2], strict=True):
                    errors[group[at - 1]] = trouble.decode(errors="replace")
        done = [entity for entity in entities if entity not in errors]
        if done:
            self._tell(client, cache_type, done)
        # a node that is away is not its entities' fault: they must not be dead for it
        for error in filter(servers.concerns_all, errors.values()):
            raise redis.exceptions.RedisError(error)
        return errors

    def _tell(self, client: servers.Client, cache_type: str, entities: Sequence[str]) -> None:
        for message in messages(cache_type, entities, MESSAGE_BYTES):
            client.publish(self.policy.channel, message)

    def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            self._client.close()
            self._client = None


def messages(cache_type: str, entities: Sequence[str], limit: int) -> Iterator[str]:
    """Yield messages that name entities, each within a limit.

    Parameters
    ----------
    cache_type : str
        Its name.
    entities : sequence of str
        In the order given; one too long for any message becomes `*`: more is forgotten, never less.
    limit : int
        Bytes of UTF-8 of one message.

    Yields
    ------
    str
        `{"c": cache type, "e": [entities]}`.

    """
    head = len(json.dumps({"c": cache_type, "e": []}))
    part: list[str] = []
    size = head
    for entity in entities:
        room = len(json.dumps(entity)) + 2  # ASCII only: characters are bytes
        if head + room > limit:
            entity, room = EVERY, 5
        if part and size + room > limit:
            yield json.dumps({"c": cache_type, "e": part})
            part, size = [], head
        part.append(entity)
        size += room
    if part:
        yield json.dumps({"c": cache_type, "e": part})
