"""The values in Redis, with the lease that lets only a current one be stored."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from perf_pipeline.invalidation.sinks import servers
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

#: Seconds between two looks for a value that another process computes.
LOOK_S: Final = 0.01


@dataclass(frozen=True)
class Lease:
    """Whose it is to store a value: shown when it is stored."""

    names: tuple[str, str, str]
    epoch: bytes
    token: str


@dataclass(frozen=True)
class Looked:
    """What a look brought.

    Attributes
    ----------
    value : bytes, optional
        It was there.
    lease : Lease, optional
        It was not, and is ours to store. Neither: another process has computed it for too long.

    """

    value: bytes | None = None
    lease: Lease | None = None


class L2:
    """One cache type in Redis.

    Parameters
    ----------
    client : redis client
        Shared by all cache types of one server.
    policy : SinkPolicy
        Names and time to live.
    cache_type : str
        Its name.
    lease_s : float
        How long a computation may take and still be stored, seconds.

    """

    def __init__(
        self, client: servers.Client, policy: SinkPolicy, cache_type: str, lease_s: float
    ) -> None:
        self._client, self._policy, self._type = client, policy, cache_type
        self._lease_ms = max(1, int(lease_s * 1000))
        self._ttl_ms = max(1, int(policy.ttl_s * 1000))
        self._epoch = policy.epoch_of(cache_type)

    def look(
        self,
        entity: str,
        parts: Mapping[str, str] | None,
        wait_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Looked:
        """Return a value, or the lease to store it.

        A hit is one round trip. Another process' lease is waited for.

        Parameters
        ----------
        entity, parts
            See `SinkPolicy.key_of`.
        wait_s : float
            How long another process' computation is waited for.
        sleep : callable
            Of `time`.

        Raises
        ------
        redis.exceptions.RedisError
            The server does not answer.

        """
        key = self._policy.key_of(entity, parts)
        names = (key, self._policy.tag_of(self._type, entity), self._policy.lease_prefix + key)
        value, made_under, epoch = self._get(names)
        if value is not None and made_under is not None and made_under == epoch:
            return Looked(value=value)
        if epoch is None:
            epoch = servers.run(self._client, "epoch", (self._epoch,), (uuid.uuid4().hex, "0"))
        token, waited = uuid.uuid4().hex, 0.0
        while True:
            what, *more = servers.run(self._client, "lease", names, (epoch, token, self._lease_ms))
            if what == b"value":
                return Looked(value=more[0])
            if what == b"taken":
                return Looked(lease=Lease(names, epoch, token))
            if waited >= wait_s:
                return Looked()
            sleep(LOOK_S)
            waited += LOOK_S

    def _get(self, names: tuple[str, str, str]) -> list[bytes | None]:
        """Return value, the epoch it was made under, and the type's: in one round trip."""
        if not self._policy.cluster:
            found: list[bytes | None] = servers.run(
                self._client, "get", (*names[:2], self._epoch), ()
            )
            return found
        fresh = uuid.uuid4().hex
        answers = servers.run_many(
            self._client, [("epoch", (self._epoch,), (fresh, "0")), ("get", names[:2], ())]
        )
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [*answers[1][:2], answers[0]]

    def fill(self, lease: Lease, value: bytes) -> bool:
        """Store a value; False where it was invalidated since the look, or took too long."""
        arguments = (lease.epoch, lease.token, value, self._ttl_ms)
        return bool(servers.run(self._client, "fill", lease.names, arguments))

    def release(self, lease: Lease) -> None:
        """Give a lease back: nothing was computed."""
        servers.run(self._client, "release", lease.names[2:], (lease.token,))
