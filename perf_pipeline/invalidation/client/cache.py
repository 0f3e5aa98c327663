"""What an application calls: a value of the process, of Redis, or computed; no stale one."""

import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import Any, Final, Self

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.client.l1 import L1, MISSING, Ident
from perf_pipeline.invalidation.client.l2 import L2
from perf_pipeline.invalidation.client.listen import Listener, RedisListener
from perf_pipeline.invalidation.sinks import counters, servers
from perf_pipeline.invalidation.sinks.base import SinkError
from perf_pipeline.invalidation.sinks.counters import Counters
from perf_pipeline.invalidation.sinks.policy import SinkPolicy


@dataclass(frozen=True)
class Limits:
    """How much a process keeps and how long it waits.

    Attributes
    ----------
    l1_keys, l1_ttl_s : int, float
        Values kept in the process, and for how many seconds at most (the cache type's time to live
        where that is shorter). 0 keys: none.
    unheard_ttl_s : float
        The same while invalidations are not heard; 0: nothing is kept then.
    lease_s : float
        How long a computation may take and still be stored.
    wait_s : float
        How long another process' computation of the same value is waited for.
    rest_s : float
        How long a Redis that failed is left alone; values are computed meanwhile.
    flush_s : float
        How often counters go to Redis, at the next miss.

    """

    l1_keys: int = 10_000
    l1_ttl_s: float = 300.0
    unheard_ttl_s: float = 1.0
    lease_s: float = 30.0
    wait_s: float = 2.0
    rest_s: float = 1.0
    flush_s: float = 10.0


@dataclass(slots=True)
class _Flight:
    """One computation that every thread of the process waits for."""

    owner: int
    done: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: BaseException | None = None
    #: An invalidation came meanwhile, or may have: who begins now does not join, nothing is kept.
    outdated: bool = False


#: Clients of this process: a process that is forked has their values, and nobody who listens.
_CLIENTS: "weakref.WeakSet[CacheClient]" = weakref.WeakSet()


def _forked() -> None:
    for client in list(_CLIENTS):
        client.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


class CacheClient:
    """Values of declared cache types, in two levels; safe to share between threads.

    Parameters
    ----------
    policies : mapping
        Cache type -> its policy of kind redis: key, time to live, server. All of one server and
        channel.
    limits : Limits
        See there.
    listener : Listener, optional
        Hears invalidations; default: the channel of the policies' Redis. `PgListener` hears them
        from the database. What is kept in the process without one, or while it is lost, lives for
        `unheard_ttl_s`.
    listen : bool
        False: no listener at all.
    dumps, loads : callable
        Value -> bytes and back; default JSON. A value found in the process is the very object that
        was computed: do not change it.
    clock : callable
        Seconds, never backwards.

    Raises
    ------
    ConfigurationError
        A policy without a key, policies of two servers, or the variable of the URL is not set.

    """

    def __init__(
        self,
        policies: Mapping[str, SinkPolicy],
        limits: Limits | None = None,
        listener: Listener | None = None,
        listen: bool = True,
        dumps: Callable[[Any], bytes] = _dumps,
        loads: Callable[[bytes], Any] = json.loads,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits: Final = limits or Limits()
        self._policies = dict(policies)
        first = _checked(self._policies)
        servers.url_of(first)
        self._first = first
        self._dumps, self._loads, self._clock = dumps, loads, clock
        self._closed = False
        self._listener = listener or RedisListener(first) if listen else None
        self.begin()
        _CLIENTS.add(self)

    def begin(self) -> None:
        """Begin with nothing kept, counted or connected; a forked process does so by itself."""
        self._lock = threading.Lock()
        self._l1 = L1(self.limits.l1_keys, self._clock)
        self._flights: dict[Ident, _Flight] = {}
        self._heard = False
        self._counted = {name: Counters() for name in self._policies}
        self._l2: dict[str, L2] = {}
        self._server: servers.Client | None = None
        self._rests_until = self._flushed_at = self._clock()
        if self._listener is not None and not self._closed:
            self._listener.start(self)

    # what an application calls

    def get(
        self,
        cache_type: str,
        entity: str,
        compute: Callable[[], Any],
        parts: Mapping[str, str] | None = None,
    ) -> Any:
        """Return a value.

        Parameters
        ----------
        cache_type : str
            One of the declared.
        entity : str
            What invalidations name: the number of a tenant, restaurant or user as text.
        compute : callable
            Makes the value. It must read the truth as of its call: on the primary, in a transaction
            that begins in it. Called by one thread of the process at a time for one key; the
            others wait, and get its value or its error.
        parts : mapping, optional
            The other placeholders of the key (`{"date": "2026-11-21"}`).

        Raises
        ------
        ConfigurationError
            The cache type is not declared, or a part of its key is missing.
        Exception
            Whatever `compute` raises.

        """
        ident: Ident = (cache_type, entity, tuple(sorted(parts.items())) if parts else ())
        me = threading.get_ident()
        with self._lock:
            value = self._l1.get(ident)
            if value is not MISSING:
                self._counted[cache_type].l1_hits += 1
                return value
            if cache_type not in self._policies:
                raise ConfigurationError(
                    f"cache type {cache_type!r} is not declared",
                    f"give CacheClient a policy for it; it has {', '.join(self._policies)}",
                )
            flight = self._flights.get(ident)
            leads = flight is None
            if flight is None:
                flight = self._flights[ident] = _Flight(me)
        if leads:
            return self._lead(flight, ident, compute, parts)
        if flight.owner == me:  # compute asks for the very value it makes
            return compute()
        flight.done.wait()
        if flight.error is not None:
            raise flight.error
        return flight.value

    def counters(self) -> dict[str, Counters]:
        """Return what was counted since the last flush, by cache type."""
        with self._lock:
            return {
                name: Counters(**{f.name: getattr(counted, f.name) for f in fields(Counters)})
                for name, counted in self._counted.items()
            }

    def flush_counters(self) -> bool:
        """Add the counters to those `read_counters` reads; False where Redis is away."""
        with self._lock:
            taken = {name: c for name, c in self._counted.items() if c != Counters()}
            self._counted |= {name: Counters() for name in taken}
            self._flushed_at = self._clock()
        if not taken:
            return True
        try:
            counters.add(self._connected(), self._policies, taken)
        except (*servers.ANY, SinkError):
            with self._lock:
                for name, counted in taken.items():
                    now = self._counted[name]
                    for each in fields(Counters):
                        total = getattr(now, each.name) + getattr(counted, each.name)
                        setattr(now, each.name, total)
            return False
        return True

    @property
    def heard(self) -> bool:
        """Whether invalidations are heard at the moment."""
        return self._heard

    def close(self) -> None:
        """Stop listening, flush the counters, give connections back."""
        self._closed = True
        if self._listener is not None:
            self._listener.stop()
        self.flush_counters()
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # what the listener tells

    def forget(self, cache_type: str, entities: Sequence[str]) -> None:
        """Forget entities in this process, and keep nothing that is being computed of them."""
        every = "*" in entities
        named = {(cache_type, entity) for entity in entities}
        with self._lock:
            for entity in ("*",) if every else entities:
                self._l1.forget(cache_type, entity)
            for ident in [
                i for i in self._flights if i[:2] in named or (every and i[0] == cache_type)
            ]:
                self._flights.pop(ident).outdated = True

    def up(self) -> None:
        """Keep values for long again; what was kept before may be outdated."""
        self._empty(heard=True)

    def lost(self) -> None:
        """Empty the process' level: an invalidation may be missed from now on."""
        self._empty(heard=False)

    def _empty(self, heard: bool) -> None:
        with self._lock:
            self._heard = heard
            self._l1.clear()
            for flight in self._flights.values():
                flight.outdated = True
            self._flights.clear()

    # how a value is made

    def _lead(
        self,
        flight: _Flight,
        ident: Ident,
        compute: Callable[[], Any],
        parts: Mapping[str, str] | None,
    ) -> Any:
        kept = False
        try:
            flight.value, kept = self._load(ident[0], ident[1], compute, parts)
        except BaseException as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                if kept and not flight.outdated:
                    self._l1.put(ident, flight.value, self._ttl(ident[0]))
                if self._flights.get(ident) is flight:
                    del self._flights[ident]
            flight.done.set()
        if self._clock() - self._flushed_at >= self.limits.flush_s:
            self.flush_counters()
        return flight.value

    def _ttl(self, cache_type: str) -> float:
        limits = self.limits
        longest = limits.l1_ttl_s if self._heard else limits.unheard_ttl_s
        return min(longest, self._policies[cache_type].ttl_s) if limits.l1_keys else 0.0

    def _load(
        self,
        cache_type: str,
        entity: str,
        compute: Callable[[], Any],
        parts: Mapping[str, str] | None,
    ) -> tuple[Any, bool]:
        """Return a value from Redis or computed, and whether the process may keep it."""
        if self._clock() < self._rests_until:
            return self._computed(cache_type, compute), True
        try:
            level = self._level(cache_type)
            looked = level.look(entity, parts, self.limits.wait_s)
        except (*servers.ANY, SinkError):
            self._failed(cache_type)
            return self._computed(cache_type, compute), True
        if looked.value is not None:
            self._count(cache_type, "l2_hits")
            return self._loads(looked.value), True
        if looked.lease is None:
            self._count(cache_type, "waited")
            return self._computed(cache_type, compute), False
        try:
            value = self._computed(cache_type, compute)
            encoded = self._dumps(value)
        except BaseException:
            with suppress(*servers.ANY):
                level.release(looked.lease)
            raise
        try:
            stored = level.fill(looked.lease, encoded)
        except servers.ANY:
            self._failed(cache_type)
            return value, True
        self._count(cache_type, "stored" if stored else "refused")
        return value, stored

    def _computed(self, cache_type: str, compute: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        value = compute()
        took = round((time.perf_counter() - began) * 1000)
        with self._lock:
            counted = self._counted[cache_type]
            counted.misses += 1
            counted.compute_ms += took
        return value

    def _count(self, cache_type: str, name: str) -> None:
        with self._lock:
            counted = self._counted[cache_type]
            setattr(counted, name, getattr(counted, name) + 1)

    def _failed(self, cache_type: str) -> None:
        self._rests_until = self._clock() + self.limits.rest_s
        self._count(cache_type, "errors")

    def _connected(self) -> servers.Client:
        with self._lock:
            if self._server is None:
                self._server = servers.connect(self._first, attempts=1)
            return self._server

    def _level(self, cache_type: str) -> L2:
        level = self._l2.get(cache_type)
        if level is None:
            level = self._l2[cache_type] = L2(
                self._connected(), self._policies[cache_type], cache_type, self.limits.lease_s
            )
        return level


def _checked(policies: Mapping[str, SinkPolicy]) -> SinkPolicy:
    if not policies:
        raise ConfigurationError("a cache client needs a cache type", "give it policies")
    first = next(iter(policies.values()))
    for name, policy in policies.items():
        if policy.kind != "redis" or not policy.key:
            raise ConfigurationError(
                f"cache type {name!r}: the policy names no key in a Redis",
                "give it kind redis and a key: user:session:{session_id}",
            )
        where = (policy.url_env, policy.cluster, policy.channel)
        if where != (first.url_env, first.cluster, first.channel):
            raise ConfigurationError(
                f"cache type {name!r} is on another server or channel",
                "use one client for each",
            )
    return first
