"""Hearing invalidations: a thread that knows when it may have missed one.

A channel tells nothing to who is away. So what matters more than a message is whether the channel
was up all the time: each listener says `up` when it hears from now on, and `lost` when it cannot
be sure any more, which a heartbeat finds out within two beats even where the connection just falls
silent.
"""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import psycopg
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.invalidation.sinks import servers
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

#: Seconds between heartbeats; a silent channel counts as lost after two.
HEARTBEAT_S = 5.0
#: Seconds until a listener notices that it shall stop; messages do not wait.
POLL_S = 0.5
#: Seconds before a lost channel is tried again: at first, at most.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0


class Hearer(Protocol):
    """Who is told."""

    def forget(self, cache_type: str, entities: Sequence[str]) -> None:
        """Entities were invalidated."""

    def up(self) -> None:
        """From now on every invalidation is heard; what came before may be missed."""

    def lost(self) -> None:
        """Invalidations may be missed from now on, and since the last heartbeat."""


class Listener(ABC):
    """A thread that listens, and tells when it cannot.

    Parameters
    ----------
    heartbeat_s : float
        Seconds between two proofs that the channel is alive.

    """

    def __init__(self, heartbeat_s: float = HEARTBEAT_S) -> None:
        self.heartbeat_s = heartbeat_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, hearer: Hearer) -> None:
        """Begin to listen; again in a process that was forked, where the thread is not."""
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._work, args=(hearer,), name="cache-invalidations", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2 * self.heartbeat_s + 5)

    def _work(self, hearer: Hearer) -> None:
        wait = FIRST_WAIT_S
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._listen(hearer)
            except (*servers.ANY, psycopg.Error, PerfPipelineError, ValueError):
                pass  # which of them does not matter: the channel is lost
            finally:
                hearer.lost()
            if time.monotonic() - began > LONGEST_WAIT_S:
                wait = FIRST_WAIT_S
            self._stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    @abstractmethod
    def _listen(self, hearer: Hearer) -> None:
        """Connect, say `up`, tell what comes until stopped; raise when the channel is lost."""


class RedisListener(Listener):
    """Listens to the messages of `RedisSink`.

    Parameters
    ----------
    policy : SinkPolicy
        Of kind redis: server and channel.
    heartbeat_s : float
        See Listener.

    """

    def __init__(self, policy: SinkPolicy, heartbeat_s: float = HEARTBEAT_S) -> None:
        super().__init__(heartbeat_s)
        self.policy = policy

    def _listen(self, hearer: Hearer) -> None:
        client: Any = servers.connect(self.policy, attempts=1)
        client.set_retry(Retry(NoBackoff(), 0))
        try:
            with client.pubsub() as channel:
                channel.subscribe(self.policy.channel)
                self._hear(channel, hearer)
        finally:
            client.close()

    def _hear(self, channel: Any, hearer: Hearer) -> None:
        heard = asked = time.monotonic()
        while not self._stop.is_set():
            message = channel.get_message(timeout=min(POLL_S, self.heartbeat_s / 2))
            now = time.monotonic()
            if message is not None:
                heard = now
                if message["type"] == "subscribe":  # again, after a silent reconnection
                    hearer.up()
                elif message["type"] == "message":
                    told(hearer, message["data"])
                continue
            if now - heard > 2 * self.heartbeat_s:
                raise TimeoutError("the channel is silent")
            if now - asked > self.heartbeat_s:
                channel.ping()
                asked = now


class PgListener(Listener):
    """Listens to the notifications of `NotifySink`.

    Parameters
    ----------
    url_env : str
        Name of the variable with the URL of the database.
    channel : str
        As the sink's policy says.
    heartbeat_s : float
        See Listener.

    """

    def __init__(
        self,
        url_env: str,
        channel: str = "perf_cache_invalidated",
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        super().__init__(heartbeat_s)
        self.url_env, self.channel = url_env, channel

    def _listen(self, hearer: Hearer) -> None:
        url = settings.variable(self.url_env)
        if url is None:
            raise ConfigurationError(
                f"environment variable {self.url_env} is not set", "set it to the database's URL"
            )
        silent_ms = int(2000 * self.heartbeat_s)
        with psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=5,
            tcp_user_timeout=silent_ms,
            application_name="perf-pipeline cache client",
        ) as connection:
            listen = sql.SQL("LISTEN /* perf-pipeline */ {}").format(sql.Identifier(self.channel))
            connection.execute(listen)
            hearer.up()
            asked = time.monotonic()
            while not self._stop.is_set():
                for note in connection.notifies(timeout=min(POLL_S, self.heartbeat_s)):
                    told(hearer, note.payload)
                if time.monotonic() - asked >= self.heartbeat_s:
                    connection.execute("SELECT /* perf-pipeline */ 1")
                    asked = time.monotonic()


def told(hearer: Hearer, payload: str | bytes) -> None:
    """Pass a message of a sink on.

    Raises
    ------
    ValueError
        It is none: the channel is somebody else's, and what it told is not known.

    """
    try:
        message = json.loads(payload)
        cache_type, entities = str(message["c"]), [str(entity) for entity in message["e"]]
    except (TypeError, KeyError) as error:
        raise ValueError("a message in another form") from error
    hearer.forget(cache_type, entities)


#: Makes the listener a client is given; a test gives its own.
Factory = Callable[[], Listener]
