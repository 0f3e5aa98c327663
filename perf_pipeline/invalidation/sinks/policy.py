"""Where invalidations are sent, and how the keys of a cache are named and how long they live."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from perf_pipeline.errors import ConfigurationError

Kind = Literal["redis", "webhook", "notify"]

#: The variable with the URL of a redis sink that names none.
DEFAULT_ENV = "PERF_REDIS_URL"
#: Default of each kind's `channel`: Redis' pub/sub, PostgreSQL's NOTIFY.
CHANNELS: dict[str, str] = {
    "redis": "perf:invalidated",
    "notify": "perf_cache_invalidated",
    "webhook": "",
}
#: Percent-encoded in an entity's place, so that its braces are the only ones.
_ENCODED = str.maketrans({"%": "%25", "{": "%7B", "}": "%7D"})


@dataclass(frozen=True)
class SinkPolicy:
    """One place that is told to forget.

    Attributes
    ----------
    kind : {'redis', 'webhook', 'notify'}
        What is told: a Redis or Valkey, an HTTP endpoint, listeners of the target itself.
    url_env : str
        Name of the environment variable with the URL (`redis://`, `rediss://`; `https://`).
        Redis' default is PERF_REDIS_URL; a webhook must name its own.
    secret_env : str
        webhook: name of the variable with the key that signs requests.
    key : str
        redis: pattern of the keys, placeholders in braces (`user:session:{session_id}`).
    entity : str
        redis: the placeholder that is the invalidated entity; needed where `key` has several.
    ttl_s : float
        redis: how long a value lives at most, seconds.
    prefix : str
        redis: begins every name, also those of our own bookkeeping.
    hash_tags : bool
        redis: keep the braces around the entity (`user:session:{42}`), which keeps all keys of an
        entity in one slot of a cluster. Without them keys are plain, and a cluster is refused.
    cluster : bool
        redis: the URL is a node of a cluster.
    channel : str
        redis: channel for in-process caches; notify: channel of `LISTEN`. Empty: the kind's
        default.
    timeout_s : float
        Limit of one answer, seconds.
    attempts : int
        Tries of one call before the sink counts as down (webhook: of one request).
    batch : int
        Entities sent at a time.
    optional : bool
        The place exists only where its variable is set; without it nobody is told. Otherwise a
        variable that is not set is an error.

    """

    kind: Kind
    url_env: str = ""
    secret_env: str = ""
    key: str = ""
    entity: str = ""
    ttl_s: float = 3600.0
    prefix: str = ""
    hash_tags: bool = True
    cluster: bool = False
    channel: str = ""
    timeout_s: float = 2.0
    attempts: int = 3
    batch: int = 500
    optional: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without a server.

        Raises
        ------
        ConfigurationError
            Names the field, the value and the remedy.

        """
        if self.kind not in CHANNELS:
            raise ConfigurationError(
                f"sink kind {self.kind!r} is unknown", f"use one of {', '.join(CHANNELS)}"
            )
        if self.kind == "redis" and not self.url_env:
            object.__setattr__(self, "url_env", DEFAULT_ENV)
        if not self.channel:
            object.__setattr__(self, "channel", CHANNELS[self.kind])
        for name, value in (("url_env", self.url_env), ("secret_env", self.secret_env)):
            if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
                raise ConfigurationError(
                    f"{name} is not the name of an environment variable",
                    "put the URL or secret into a variable and give its name here",
                )
        if self.kind == "webhook" and not (self.url_env and self.secret_env):
            raise ConfigurationError(
                "a webhook needs url_env and secret_env",
                "name the variables that hold its URL and the key that signs requests",
            )
        for field, number in (
            ("timeout_s", self.timeout_s),
            ("attempts", self.attempts),
            ("batch", self.batch),
            ("ttl_s", self.ttl_s),
        ):
            if number <= 0:
                raise ConfigurationError(f"{field}={number} of a sink", f"{field} must be above 0")
        if self.kind == "notify" and len(self.channel.encode()) > 63:
            raise ConfigurationError(
                f"channel {self.channel!r} is longer than 63 bytes", "shorten it"
            )
        if self.cluster and not self.hash_tags:
            raise ConfigurationError(
                "a cluster needs hash_tags: the keys of an entity must share a slot",
                "set hash_tags: true, or cluster: false",
            )
        if self.kind == "redis" and self.key:
            self.placeholder()

    def placeholders(self) -> tuple[str, ...]:
        """Return the names of the pattern's placeholders, in order."""
        try:
            return tuple(name for _, name, _, _ in string.Formatter().parse(self.key) if name)
        except ValueError as error:
            raise ConfigurationError(
                f"key {self.key!r} is no pattern: {error}",
                "write placeholders in braces: user:session:{session_id}",
            ) from error

    def placeholder(self) -> str:
        """Return the placeholder that stands for the entity.

        Raises
        ------
        ConfigurationError
            The pattern has none, or several and `entity` names none of them.

        """
        names = self.placeholders()
        if self.entity in names:
            return self.entity
        if len(names) == 1 and not self.entity:
            return names[0]
        raise ConfigurationError(
            f"key {self.key!r}: which placeholder is the entity? entity={self.entity!r}",
            f"set entity to one of {', '.join(names) or 'the placeholders you add to key'}",
        )

    def encoded(self, entity: str) -> str:
        """Return an entity as it stands in names: in braces where hash tags are used."""
        inner = entity.translate(_ENCODED) or "%"  # empty braces would be no hash tag
        return f"{{{inner}}}" if self.hash_tags else inner

    def key_of(self, entity: str, parts: Mapping[str, str] | None = None) -> str:
        """Return the name of a value.

        Parameters
        ----------
        entity : str
            What is invalidated: the tenant's, restaurant's or user's number as text.
        parts : mapping, optional
            The other placeholders of `key`.

        Raises
        ------
        ConfigurationError
            A placeholder has no value.

        """
        chosen = {name: text.translate(_ENCODED) for name, text in (parts or {}).items()}
        chosen[self.placeholder()] = self.encoded(entity)
        try:
            return self.prefix + self.key.format_map(chosen)
        except KeyError as error:
            raise ConfigurationError(
                f"key {self.key!r} needs {error}", "give it as a part of the key"
            ) from error

    def tag_of(self, cache_type: str, entity: str) -> str:
        """Return the name of the sorted set that holds the keys of an entity."""
        return f"{self.prefix}perf:tag:{cache_type}:{self.encoded(entity)}"

    def epoch_of(self, cache_type: str) -> str:
        """Return the name of the key that holds a cache type's epoch."""
        return f"{self.prefix}perf:epoch:{cache_type}"

    @property
    def lease_prefix(self) -> str:
        """What stands before a key in the name of its lease."""
        return f"{self.prefix}perf:lease:"

    def counters_of(self, cache_type: str) -> str:
        """Return the name of the hash that counts a cache type's hits and misses."""
        return f"{self.prefix}perf:counters:{cache_type}"

    def known_keys(self, entity: str) -> tuple[str, ...]:
        """Return the keys that follow from the entity alone: the one, or none."""
        return (self.key_of(entity),) if self.key and len(self.placeholders()) == 1 else ()
