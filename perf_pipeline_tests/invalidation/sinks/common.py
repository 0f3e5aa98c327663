"""What the tests of sinks share: entries, and an application that fills a cache by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perf_pipeline.invalidation.sinks import SinkPolicy, servers

CONFIG = SinkPolicy("redis", key="business:config:{business_id}", ttl_s=3600)
DASHBOARD = SinkPolicy(
    "redis", key="dashboard:metrics:{business_id}:{date}", entity="business_id", ttl_s=300
)


@dataclass(frozen=True)
class Named:
    entity: str


def named(*entities: object) -> list[Named]:
    return [Named(str(entity)) for entity in entities]


class Application:
    """A process that uses the scripts one by one: a test can stand between two of them."""

    def __init__(self, policy: SinkPolicy, cache_type: str) -> None:
        self.policy, self.cache_type = policy, cache_type
        self.client = servers.connect(policy)

    def names(self, entity: str, parts: dict[str, str]) -> list[str]:
        key = self.policy.key_of(entity, parts)
        return [key, self.policy.tag_of(self.cache_type, entity), self.policy.lease_prefix + key]

    def epoch(self) -> bytes:
        keys = [self.policy.epoch_of(self.cache_type)]
        epoch: bytes = servers.run(self.client, "epoch", keys, ["first", "0"])
        return epoch

    def read(self, entity: str, **parts: str) -> bytes | None:
        value, epoch, _ = servers.run(self.client, "get", self.names(entity, parts)[:2], [])
        return value if epoch is not None and epoch == self.epoch() else None

    def lease(self, entity: str, token: str, **parts: str) -> Sequence[Any]:
        arguments = [self.epoch(), token, 30_000]
        answer: list[Any] = servers.run(self.client, "lease", self.names(entity, parts), arguments)
        return answer

    def fill(self, entity: str, token: str, value: bytes, **parts: str) -> bool:
        arguments = [self.epoch(), token, value, int(self.policy.ttl_s * 1000)]
        return bool(servers.run(self.client, "fill", self.names(entity, parts), arguments))

    def put(self, entity: str, value: bytes, **parts: str) -> None:
        assert self.lease(entity, "token", **parts) == [b"taken"]
        assert self.fill(entity, "token", value, **parts)

    def close(self) -> None:
        self.client.close()
